use proptest::prelude::*;
use serde_json::{Value, json};
use shared_types::PermissionSet;

use super::{Held, InvalidContent, MAX_NAMES, is_part, merge, requested, storable_part};

fn set(value: Value) -> PermissionSet {
    serde_json::from_value(value).unwrap()
}

fn unknown(names: &[&str]) -> InvalidContent {
    InvalidContent::UnknownNames(names.iter().copied().map(str::to_owned).collect())
}

#[test]
fn what_a_body_asks_for() {
    for (body, wanted) in [
        ("", json!({})),
        (" \r\n\t", json!({})),
        ("null", json!({})),
        ("{}", json!({})),
        (r#"{"view":{}}"#, json!({"view": {}})),
        (r#"{"root":{}}"#, json!({})),
        (r#"{"root":true,"view":{}}"#, json!({"view": {}})),
        (r#"{"notes":{"a":1}}"#, json!({"note": {"a": 1}})),
        (r#"{"note":{},"notes":{"a":1}}"#, json!({"note": {}})),
        (
            r#"{"view":{"messages":false}}"#,
            json!({"view": {"messages": false}}),
        ),
        (
            r#"{"upload":{"sources":["carelink"]}}"#,
            json!({"upload": {"sources": ["carelink"]}}),
        ),
        (
            r#"{"follow":{"n":9007199254740993,"m":1.5,"k":-1}}"#,
            json!({"follow": {"n": 9_007_199_254_740_993_i64, "m": 1.5, "k": -1}}),
        ),
        (
            r#"{"admin":{},"custodian":{},"edit":{},"follow":{},"note":{},"upload":{},"view":{}}"#,
            json!({"admin": {}, "custodian": {}, "edit": {}, "follow": {}, "note": {}, "upload": {}, "view": {}}),
        ),
    ] {
        assert_eq!(requested(body.as_bytes()), Ok(set(wanted)), "{body}");
    }
}

#[test]
fn what_is_no_permission_set() {
    let deep = format!("{{\"view\":{}1{}}}", "{\"a\":".repeat(16), "}".repeat(16));
    let abyss = "[".repeat(100_000);
    let wide = (0..=MAX_NAMES)
        .map(|i| (format!("p{i}"), json!({})))
        .collect::<serde_json::Map<_, _>>();
    let wide = Value::Object(wide).to_string();
    for (body, wanted) in [
        ("[]", InvalidContent::NotAnObject),
        ("\"view\"", InvalidContent::NotAnObject),
        ("1", InvalidContent::NotAnObject),
        ("true", InvalidContent::NotAnObject),
        (r#"{"view":true}"#, InvalidContent::ValueNotAnObject),
        (r#"{"view":null}"#, InvalidContent::ValueNotAnObject),
        (r#"{"view":[]}"#, InvalidContent::ValueNotAnObject),
        (
            r#"{"view":{},"edit":"yes"}"#,
            InvalidContent::ValueNotAnObject,
        ),
        (r#"{"veiw":{}}"#, unknown(&["veiw"])),
        (r#"{"x":{}}"#, unknown(&["x"])),
        (
            r#"{"view":{},"View":{},"banana":{},"view ":{}}"#,
            unknown(&["View", "banana", "view "]),
        ),
        (r#"{"view":{"n":1.0}}"#, InvalidContent::Number),
        (r#"{"view":{"n":[-0.0]}}"#, InvalidContent::Number),
        (r#"{"view":{"a":{"n":1e2}}}"#, InvalidContent::Number),
        (
            r#"{"view":{"at":18446744073709551615}}"#,
            InvalidContent::Number,
        ),
        (r#"{"":{}}"#, InvalidContent::Name),
        (r#"{"$ne":{}}"#, InvalidContent::Name),
        (r#"{"view":{"$gt":1}}"#, InvalidContent::Name),
        (r#"{"view":{"a":[{"b.c":1}]}}"#, InvalidContent::Name),
        (r#"{"a.b":{}}"#, InvalidContent::Name),
        (r#"{"a\u0000b":{}}"#, InvalidContent::Name),
        (deep.as_str(), InvalidContent::TooLarge),
        (wide.as_str(), InvalidContent::TooLarge),
    ] {
        assert_eq!(requested(body.as_bytes()), Err(wanted), "{body}");
    }
    for body in [
        "{",
        "nul",
        "{'view':{}}",
        "{\"view\":{}}x",
        abyss.as_str(),
        "\u{feff}{}",
    ] {
        assert!(matches!(
            requested(body.as_bytes()),
            Err(InvalidContent::Syntax(_))
        ));
    }
    assert!(matches!(
        requested(b"{\"\xff\":{}}"),
        Err(InvalidContent::Syntax(_))
    ));
}

#[test]
fn of_an_older_offer_is_stored_what_can_be() {
    for (offered, wanted) in [
        (json!({"banana": {}, "root": {}}), json!({})),
        (
            json!({"banana": {"n": 1.0}, "view": {"n": 1.0, "m": [-0.0, 1.5]}, "notes": {}}),
            json!({"view": {"n": 1, "m": [0, 1.5]}, "note": {}}),
        ),
    ] {
        assert_eq!(storable_part(set(offered)), Ok(set(wanted)));
    }
    assert_eq!(
        storable_part(set(json!({"banana": true}))),
        Err(InvalidContent::ValueNotAnObject)
    );
}

#[test]
fn grants_add_up() {
    for (first, second, wanted) in [
        (json!({}), json!({"view": {}}), json!({"view": {}})),
        (
            json!({"view": {}}),
            json!({"note": {}}),
            json!({"view": {}, "note": {}}),
        ),
        (
            json!({"a": {"x": 1, "y": {"p": 1}}}),
            json!({"a": {"y": {"q": 2}}}),
            json!({"a": {"x": 1, "y": {"p": 1, "q": 2}}}),
        ),
        (
            json!({"a": {"x": 1}}),
            json!({"a": {"x": 2}}),
            json!({"a": {"x": 2}}),
        ),
        (
            json!({"a": {"x": [1]}}),
            json!({"a": {"x": [2]}}),
            json!({"a": {"x": [2]}}),
        ),
        (
            json!({"view": {}}),
            json!({"view": null}),
            json!({"view": {}}),
        ),
    ] {
        let mut merged = set(first);
        merge(&mut merged, set(second));
        assert_eq!(merged, set(wanted));
    }
}

#[test]
fn a_part_has_fewer_names_and_the_same_values() {
    let whole = set(json!({"view": {}, "note": {}, "upload": {"sources": ["carelink"]}}));
    for (part, wanted) in [
        (json!({}), true),
        (json!({"view": {}}), true),
        (json!({"upload": {"sources": ["carelink"]}}), true),
        (
            json!({"view": {}, "note": {}, "upload": {"sources": ["carelink"]}}),
            true,
        ),
        (json!({"upload": {}}), false),
        (
            json!({"upload": {"sources": ["carelink", "dexcom"]}}),
            false,
        ),
        (json!({"edit": {}}), false),
        (json!({"view": {}, "edit": {}}), false),
    ] {
        assert_eq!(is_part(&set(part.clone()), &whole), wanted, "{part}");
    }
    assert!(is_part(
        &set(json!({"note": {}})),
        &set(json!({"notes": {}}))
    ));
}

fn any_set() -> impl Strategy<Value = PermissionSet> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::from),
        (0..3i64).prop_map(Value::from),
        "[ab]{0,2}".prop_map(Value::from)
    ];
    let value = leaf.prop_recursive(3, 8, 3, |inner| {
        prop::collection::btree_map("[abc]", inner, 0..3)
            .prop_map(|members| Value::Object(members.into_iter().collect()))
    });
    let names = prop::sample::select(vec!["view", "note", "upload", "edit", "admin", "custodian"]);
    let members = prop::collection::btree_map("[abc]", value, 0..3)
        .prop_map(|members| Value::Object(members.into_iter().collect()));
    prop::collection::btree_map(names, members, 0..5).prop_map(|names| {
        PermissionSet(
            names
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
        )
    })
}

proptest! {
    /// A check grants exactly the names that the lists of its sources show, whatever the order.
    #[test]
    fn a_check_grants_what_the_lists_show(direct in any_set(), by_clinics in any_set(), name in "view|note|upload|edit|admin|custodian") {
        let listed = direct.has(&name) || by_clinics.has(&name);
        let held = Held { direct: direct.clone(), by_clinics: by_clinics.clone() };
        let turned = Held { direct: by_clinics, by_clinics: direct };
        prop_assert_eq!(held.effective().has(&name), listed);
        prop_assert_eq!(turned.effective().has(&name), listed);
    }

    #[test]
    fn merging_a_set_with_itself_or_nothing_changes_nothing(one in any_set()) {
        let mut merged = one.clone();
        merge(&mut merged, one.clone());
        merge(&mut merged, PermissionSet::default());
        prop_assert_eq!(merged, one);
    }

    #[test]
    fn whoever_drops_names_asks_for_a_part_and_whoever_adds_does_not(whole in any_set(), keep in any::<u8>()) {
        let part = PermissionSet(whole.0.clone().into_iter().enumerate().filter(|(i, _)| keep >> i & 1 == 1).map(|(_, kept)| kept).collect());
        prop_assert!(is_part(&part, &whole));
        let mut raised = part;
        raised.0.insert("follow".to_owned(), json!({}));
        prop_assert!(!is_part(&raised, &whole));
    }

    #[test]
    fn what_is_stored_once_is_stored_again_unchanged(one in any_set()) {
        let body = serde_json::to_vec(&one).unwrap();
        let stored = requested(&body).unwrap();
        prop_assert_eq!(requested(&serde_json::to_vec(&stored).unwrap()), Ok(stored));
    }

    #[test]
    fn no_body_makes_the_parser_panic_or_store_a_forbidden_name(body in ".{0,60}") {
        if let Ok(stored) = requested(body.as_bytes()) {
            prop_assert!(!stored.0.contains_key("root"));
        }
    }
}
