use serde_json::{Value, json};
use shared_types::PermissionSet;

use super::{InvalidContext, InvalidRequest, NotForMember, Offer, permissions_of, requested};

#[test]
fn permissions_come_in_three_forms() {
    let wanted = PermissionSet::of(&["note", "view"]);
    for form in [
        json!({"view": {}, "note": {}}),
        json!({"view": {}, "notes": {}}),
        json!(["view", "note"]),
        json!([{"view": {}}, {"notes": {}}]),
    ] {
        assert_eq!(permissions_of(&form), Ok(wanted.clone()), "{form}");
    }
    assert_eq!(permissions_of(&json!({})), Ok(PermissionSet::default()));
}

#[test]
fn other_forms_and_names_are_refused() {
    let many: Value = (0..65)
        .map(|i| (format!("p{i}"), json!({})))
        .collect::<serde_json::Map<_, _>>()
        .into();
    for form in [
        json!(null),
        json!("view"),
        json!(1),
        json!({"view": 1}),
        json!({"view": []}),
        json!({"$ne": {}}),
        json!({"": {}}),
        json!({"a.b": {}}),
        json!({"view": {"$gt": 1}}),
        json!({"view": {"n": u64::MAX}}),
        json!({"view": {"n": [i64::MAX as u64 + 1]}}),
        json!([["view"]]),
        json!([{"view": {}, "note": {}}]),
        json!([1]),
        many,
    ] {
        assert_eq!(
            permissions_of(&form),
            Err(InvalidContext::Unreadable),
            "{form}"
        );
    }
}

#[test]
fn only_permissions_that_there_are_can_be_offered() {
    let offered =
        json!({"notes": {"n": 9_007_199_254_740_993_i64, "m": 1.5}, "follow": {}, "root": {}});
    let set = permissions_of(&offered).unwrap();
    assert_eq!(requested(&offered), Ok(set));
    let long = "y".repeat(1000);
    for (offered, unknown) in [
        (json!({"veiw": {}}), &["veiw"][..]),
        (json!(["x", "view", "banana"]), &["banana", "x"]),
        (json!([{"View": {}}]), &["View"]),
        (json!({"banana": null}), &["banana"]),
        (json!([long]), &[&long[..40]]),
    ] {
        let unknown = unknown.iter().copied().map(str::to_owned).collect();
        assert_eq!(
            requested(&offered),
            Err(InvalidRequest::UnknownNames(unknown))
        );
    }
    for unreadable in [
        json!("view"),
        json!({"view": {"n": 1.0}}),
        json!({"view": {"n": [u64::MAX]}}),
    ] {
        assert_eq!(requested(&unreadable), Err(InvalidRequest::Unreadable));
    }
}

#[test]
fn of_an_older_offer_only_permissions_are_granted() {
    let context = json!({"custom": {}, "view": {}, "root": {}, "note": null});
    let offer = Offer::read(Some(&context))
        .and_then(|offer| offer.accepted(&"alice".into(), &"carol".into()))
        .unwrap();
    assert_eq!(offer.permissions, PermissionSet::of(&["view"]));
}

#[test]
fn three_shapes_of_context_mean_the_same() {
    let bare = json!({"view": {}, "note": {}});
    let hybrid = json!({"view": {}, "note": {}, "nickname": "Ali", "alertsConfig": null});
    let nested = json!({"permissions": {"view": {}, "note": {}}, "nickname": "Ali", "upload": {}});
    for (context, nickname) in [(bare, None), (hybrid, Some("Ali")), (nested, Some("Ali"))] {
        let offer = Offer::read(Some(&context)).unwrap();
        assert_eq!(offer.permissions, PermissionSet::of(&["note", "view"]));
        assert_eq!(offer.nickname.as_deref(), nickname);
        assert_eq!(Offer::read(Some(&offer.to_context())), Ok(offer));
    }
    assert!(Offer::read(None).is_err());
    assert!(Offer::read(Some(&json!(["view"]))).is_err());
}

#[test]
fn an_empty_nickname_is_none() {
    let offer = Offer::read(Some(&json!({"permissions": {}, "nickname": ""}))).unwrap();
    assert_eq!(offer.nickname, None);
    assert!(Offer::read(Some(&json!({"permissions": {}, "nickname": 1}))).is_err());
}

#[test]
fn a_member_is_invited_only_to_follow_and_keeps_what_it_has() {
    let for_member = |offered: Value, held: Value| {
        let offer = Offer::read(Some(&json!({ "permissions": offered }))).unwrap();
        let held = permissions_of(&held).unwrap();
        offer.for_member(held).map(|offer| offer.permissions)
    };
    let wider = permissions_of(&json!({"view": {"x": 1}, "custom": {}, "follow": {}})).unwrap();
    let held = json!({"view": {"x": 1}, "custom": {}});
    assert_eq!(for_member(json!(["view", "follow"]), held), Ok(wider));
    for (offered, held) in [("note", "view"), ("follow", "follow"), ("follow", "root")] {
        let refused = for_member(json!([offered]), json!([held]));
        assert_eq!(refused, Err(NotForMember::NothingToAdd), "{offered} {held}");
    }
    let many: Vec<String> = (0..64).map(|i| format!("p{i}")).collect();
    let too_many = for_member(json!(["follow"]), json!(many));
    assert_eq!(too_many, Err(NotForMember::TooMany));
    assert!(for_member(json!(["follow"]), json!(many[1..])).is_ok());
}

#[test]
fn alerts_are_those_of_who_accepts() {
    let context = json!({
        "permissions": {"follow": {}, "root": {}},
        "alertsConfig": {
            "userId": "mallory", "followedUserId": "mallory", "uploadId": "u1",
            "low": {"enabled": true, "threshold": {"units": "mg/dL", "value": 70}},
        },
    });
    let offer = Offer::read(Some(&context))
        .and_then(|offer| offer.accepted(&"alice".into(), &"carol".into()))
        .unwrap();
    assert_eq!(
        serde_json::to_value(&offer.alerts).unwrap(),
        json!({
            "userId": "carol", "followedUserId": "alice", "uploadId": "u1",
            "low": {"enabled": true, "threshold": {"units": "mg/dL", "value": 70.0}},
        })
    );
    assert_eq!(offer.permissions, PermissionSet::of(&["follow"]));
}

#[test]
fn alerts_need_the_permission_to_follow() {
    let context = json!({"permissions": {"view": {}}, "alertsConfig": {"uploadId": ""}});
    let accepted = Offer::read(Some(&context))
        .and_then(|offer| offer.accepted(&"alice".into(), &"carol".into()));
    assert_eq!(accepted, Err(InvalidContext::AlertsWithoutFollow));
    let wrong = json!({"permissions": {"follow": {}}, "alertsConfig": {"low": 1}});
    assert_eq!(Offer::read(Some(&wrong)), Err(InvalidContext::Unreadable));
}
