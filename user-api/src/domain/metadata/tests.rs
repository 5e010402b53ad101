use serde_json::{Map, Value, json};
use shared_types::PermissionSet;

use super::{Collection, Collections, MAX_BYTES, MetadataRefusal, Reader, View};

pub(crate) fn object(value: Value) -> Map<String, Value> {
    let Value::Object(members) = value else {
        panic!("{value} is not an object")
    };
    members
}

fn merged(before: Value, collection: Collection, patch: Value) -> Value {
    let mut collections: Collections = object(before);
    collection.merge(object(patch), &mut collections).unwrap();
    Value::Object(collections)
}

#[test]
fn a_collection_is_known_by_its_name_alone() {
    for name in ["profile", "preferences", "settings", "private", "groups"] {
        assert_eq!(Collection::named(name).map(Collection::name), Some(name));
    }
    for name in ["", "Profile", "profiles", "$where", "profile.patient"] {
        assert_eq!(Collection::named(name), None, "{name}");
    }
}

#[test]
fn each_reader_sees_what_the_contract_says() {
    use Collection::{Groups, Preferences, Private, Profile, Settings};
    let (whole, name, no) = (
        Ok(View::Whole),
        Ok(View::FullName),
        Err(MetadataRefusal::Unauthorized),
    );
    for (reader, of_profile, of_others, of_private) in [
        (Reader::Service, whole, whole, whole),
        (Reader::Owner, whole, whole, no),
        (Reader::Trustee, whole, whole, no),
        (Reader::Acquaintance, name, no, no),
        (Reader::Stranger, no, no, no),
    ] {
        assert_eq!(Profile.view_for(reader), of_profile, "{reader:?}");
        assert_eq!(Private.view_for(reader), of_private, "{reader:?}");
        for collection in [Preferences, Settings, Groups] {
            assert_eq!(collection.view_for(reader), of_others, "{reader:?}");
        }
    }
}

#[test]
fn a_permission_opens_data_or_a_name_alone() {
    for (names, wanted) in [
        (&[][..], Reader::Stranger),
        (&["banana", "x"], Reader::Stranger),
        (&["note"], Reader::Acquaintance),
        (&["follow"], Reader::Acquaintance),
        (&["follow", "note", "banana"], Reader::Acquaintance),
        (&["note", "view"], Reader::Trustee),
        (&["view"], Reader::Trustee),
        (&["upload"], Reader::Trustee),
        (&["edit"], Reader::Trustee),
        (&["admin"], Reader::Trustee),
        (&["custodian"], Reader::Trustee),
    ] {
        let held = PermissionSet::of(names);
        assert_eq!(Reader::holding(&held), wanted, "{names:?}");
    }
}

#[test]
fn a_view_shows_no_more_than_it_says() {
    let profile = json!({"fullName": "Bob", "patient": {"birthday": "2000-01-01"}});
    for (stored, view, shown) in [
        (
            json!({"profile": profile}),
            View::Whole,
            Some(profile.clone()),
        ),
        (
            json!({"profile": profile}),
            View::FullName,
            Some(json!({"fullName": "Bob"})),
        ),
        (
            json!({"profile": {"patient": {}}}),
            View::FullName,
            Some(json!({})),
        ),
        (
            json!({"profile": {"fullName": {"a": 1}}}),
            View::FullName,
            Some(json!({})),
        ),
        (json!({"profile": {}}), View::Whole, Some(json!({}))),
        (json!({"profile": null}), View::Whole, None),
        (json!({"settings": {}}), View::FullName, None),
    ] {
        assert_eq!(
            Collection::Profile.show(view, &mut object(stored.clone())),
            shown,
            "{stored}"
        );
    }
}

#[test]
fn a_patch_sets_members_and_null_removes_them() {
    for (before, patch, after) in [
        (json!({}), json!({"a": 1}), json!({"profile": {"a": 1}})),
        (json!({}), json!({}), json!({"profile": {}})),
        (
            json!({"profile": {"a": 1, "b": 2}}),
            json!({"b": 3}),
            json!({"profile": {"a": 1, "b": 3}}),
        ),
        (
            json!({"profile": {"a": 1, "b": 2}}),
            json!({"a": null}),
            json!({"profile": {"b": 2}}),
        ),
        (
            json!({"profile": {"a": 1}}),
            json!({"a": null}),
            json!({"profile": {}}),
        ),
        (
            json!({"profile": {"p": {"x": 1}}}),
            json!({"p": {"y": 2}}),
            json!({"profile": {"p": {"y": 2}}}),
        ),
        (
            json!({"profile": null}),
            json!({"a": 1}),
            json!({"profile": {"a": 1}}),
        ),
        (
            json!({"profile": [1]}),
            json!({"a": 1}),
            json!({"profile": {"a": 1}}),
        ),
        (
            json!({"settings": {"s": 1}}),
            json!({"a": 1}),
            json!({"profile": {"a": 1}, "settings": {"s": 1}}),
        ),
        (
            json!({"profile": {}}),
            json!({"$set": 1, "a.b": {"$ne": 2}}),
            json!({"profile": {"$set": 1, "a.b": {"$ne": 2}}}),
        ),
    ] {
        assert_eq!(
            merged(before.clone(), Collection::Profile, patch.clone()),
            after,
            "{before} {patch}"
        );
    }
}

#[test]
fn metadata_stays_within_its_size() {
    let frame = r#"{"settings":{"a":""}}"#.len();
    let mut collections = Collections::new();
    let patch = |chars: usize| object(json!({"a": "x".repeat(chars)}));
    assert_eq!(
        Collection::Settings.merge(patch(MAX_BYTES - frame + 1), &mut collections),
        Err(MetadataRefusal::TooLarge)
    );
    assert_eq!(
        Collection::Settings.merge(patch(MAX_BYTES - frame), &mut collections),
        Ok(())
    );
}

#[test]
fn a_body_is_an_object_of_bounded_depth() {
    let nested = |levels: usize| format!("{}1{}", r#"{"a":"#.repeat(levels), "}".repeat(levels));
    for body in ["{}", r#"{"a":null}"#, " {\"a\":[1,{}]}\n", &nested(32)] {
        assert!(
            Collection::Settings.read_patch(body.as_bytes()).is_ok(),
            "{body}"
        );
    }
    for body in [
        "",
        "{",
        "[]",
        "null",
        "1",
        "\"a\"",
        "{}{}",
        "{'a':1}",
        "\u{0}",
        &nested(33),
        &nested(100_000),
    ] {
        assert!(
            matches!(
                Collection::Settings.read_patch(body.as_bytes()),
                Err(MetadataRefusal::Invalid(_))
            ),
            "{body}"
        );
    }
    assert!(
        Collection::Settings
            .read_patch(b"{\"a\":\"\xff\"}")
            .is_err()
    );
}
