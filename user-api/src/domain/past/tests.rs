use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use shared_types::ChangedPart;

use super::{Past, RestoredState, changed_parts, recipients, void_after_reset};
use crate::domain::{
    names::Names,
    update::{Updates, tests::strings},
    user::{Account, tests::account},
};

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000, 0).unwrap()
}

fn past(change: &str, proven: &str, hours_ago: i64) -> Past {
    Past {
        change: change.to_owned(),
        sequence: -hours_ago,
        changed_at: now() - TimeDelta::hours(hours_ago),
        names: Names {
            username: Some(proven.to_owned()),
            emails: strings(&[proven]),
        },
        proven: strings(&[proven]),
        is_void: false,
        restored_under: None,
    }
}

fn told(proven: Option<&str>, earlier: &[Past]) -> Vec<(String, String)> {
    told_all(proven.as_slice(), earlier)
}

fn told_all(proven: &[&str], earlier: &[Past]) -> Vec<(String, String)> {
    let current = Past {
        proven: strings(proven),
        ..past("new", "unproven@z.co", 0)
    };
    let list: Vec<Past> = earlier.iter().cloned().chain([current]).collect();
    recipients(&list, now())
        .into_iter()
        .map(|recipient| (recipient.email, recipient.change))
        .collect()
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = |(email, change): &(&str, &str)| ((*email).to_owned(), (*change).to_owned());
    pairs.iter().map(owned).collect()
}

#[test]
fn the_owner_is_told_however_often_a_thief_changes_the_account() {
    let first = past("first", "own@z.co", 5);
    let second = past("second", "thief@z.co", 3);
    for (proven, earlier, wanted) in [
        (Some("own@z.co"), vec![], pairs(&[("own@z.co", "new")])),
        (None, vec![], vec![]),
        (None, vec![first.clone()], pairs(&[("own@z.co", "first")])),
        (
            Some("thief@z.co"),
            vec![first.clone()],
            pairs(&[("own@z.co", "first"), ("thief@z.co", "new")]),
        ),
        (
            Some("other@z.co"),
            vec![first.clone(), second.clone()],
            pairs(&[
                ("own@z.co", "first"),
                ("thief@z.co", "second"),
                ("other@z.co", "new"),
            ]),
        ),
        // The oldest state in which the address was proven: later ones may be the thief's.
        (
            None,
            vec![first.clone(), past("again", "OWN@z.co", 1)],
            pairs(&[("own@z.co", "first")]),
        ),
        (
            Some("Own@z.co"),
            vec![first.clone()],
            pairs(&[("own@z.co", "first")]),
        ),
    ] {
        assert_eq!(told(proven, &earlier), wanted, "{proven:?} {earlier:?}");
    }
}

#[test]
fn every_address_that_was_proven_is_told() {
    let both = ["own@z.co", "also@z.co"];
    let wanted = pairs(&[("own@z.co", "new"), ("also@z.co", "new")]);
    assert_eq!(told_all(&both, &[]), wanted);
    let earlier = Past {
        proven: strings(&both),
        ..past("first", "own@z.co", 5)
    };
    let wanted = pairs(&[("own@z.co", "first"), ("also@z.co", "first")]);
    assert_eq!(told_all(&["also@z.co"], &[earlier]), wanted);
}

#[test]
fn what_was_not_proven_is_left_to_whom_it_belonged_before() {
    let unproven = Past {
        proven: vec![],
        ..past("second", "thief@z.co", 3)
    };
    let earlier = [past("first", "own@z.co", 5), unproven];
    assert_eq!(told(None, &earlier), pairs(&[("own@z.co", "first")]));
    assert!(!earlier[1].was_told_to("thief@z.co"));
}

#[test]
fn what_is_void_or_a_week_ago_is_told_nobody() {
    let void = Past {
        is_void: true,
        ..past("first", "thief@z.co", 1)
    };
    let week = TimeDelta::days(7).num_hours();
    assert_eq!(told(None, &[void]), vec![]);
    assert_eq!(told(None, &[past("first", "own@z.co", week)]), vec![]);
    let recent = past("first", "own@z.co", week - 1);
    assert_eq!(told(None, &[recent]), pairs(&[("own@z.co", "first")]));
}

#[test]
fn passwords_and_names_are_told_and_nothing_else() {
    let with_password = account();
    let without = Account {
        password_hash: None,
        ..account()
    };
    let by_mail = json!({
        "updates": { "password": "12345678" }, "onlyIf": { "email": "a@z.co" },
    });
    let verified = json!({
        "updates": { "emailVerified": true }, "onlyIf": { "email": "a@z.co" },
    });
    for (body, wanted) in [
        (
            json!({"updates": {"password": "12345678"}}),
            vec![ChangedPart::Password],
        ),
        (by_mail, vec![ChangedPart::PasswordByMail]),
        (verified, vec![]),
        (
            json!({"updates": {"username": "b@z.co"}}),
            vec![ChangedPart::Username, ChangedPart::Emails],
        ),
        (
            json!({"updates": {"emails": ["a@z.co", "b@z.co"]}}),
            vec![ChangedPart::Emails],
        ),
        (
            json!({"updates": {"emails": ["b@z.co"], "password": "12345678"}}),
            vec![
                ChangedPart::Password,
                ChangedPart::Username,
                ChangedPart::Emails,
            ],
        ),
        (json!({"updates": {"emails": ["a@z.co"]}}), vec![]),
        (
            json!({"updates": {"termsAccepted": "2016-01-01T00:00:00-08:00", "roles": ["clinic"]}}),
            vec![],
        ),
    ] {
        let updates = Updates::read(body.to_string().as_bytes()).unwrap();
        let names = updates.names_of(&with_password).unwrap();
        let parts = changed_parts(&with_password, &updates, names.as_ref());
        assert_eq!(parts, wanted, "{body}");
        assert_eq!(changed_parts(&without, &updates, names.as_ref()), vec![]);
    }
}

#[test]
fn what_was_proven_then_comes_back_and_what_others_have_does_not() {
    let (own, also, thief) = ("own@z.co", "also@z.co", "thief@z.co");
    for (username, emails, proven, link, taken, wanted) in [
        (
            own,
            &[own][..],
            &[own][..],
            "OWN@z.co",
            &[][..],
            (own, &[own][..], &[own][..]),
        ),
        // A thief put an unproven address in front.
        (
            thief,
            &[thief, own],
            &[own],
            own,
            &[],
            (own, &[own], &[own]),
        ),
        (
            own,
            &[own, thief, also],
            &[own, also],
            also,
            &[],
            (own, &[own, also], &[also, own]),
        ),
        // Another account has it by now.
        (
            own,
            &[own, also],
            &[own, also],
            also,
            &[own],
            (also, &[also], &[also]),
        ),
        ("kid", &[own], &[own], own, &[], ("kid", &[own], &[own])),
        ("kid", &[own], &[own], own, &["kid"], (own, &[own], &[own])),
        // Spelled otherwise as user name.
        (
            "Own@Z.co",
            &[own],
            &[own],
            own,
            &[],
            ("Own@Z.co", &[own], &[own]),
        ),
    ] {
        let past = Past {
            names: Names {
                username: Some(username.to_owned()),
                emails: strings(emails),
            },
            proven: strings(proven),
            ..past("first", own, 1)
        };
        let (username, emails, proven) = wanted;
        let wanted = RestoredState {
            names: Names {
                username: Some(username.to_owned()),
                emails: strings(emails),
            },
            proven: strings(proven),
        };
        assert_eq!(
            past.restored(link, taken),
            Some(wanted),
            "{past:?} {taken:?}"
        );
        assert_eq!(past.restored(thief, taken), None, "{past:?}");
    }
}

#[test]
fn a_reset_leaves_no_way_back_to_what_was_proven_later() {
    let (own, also, thief) = ("own@z.co", "also@z.co", "thief@z.co");
    let states = [&[own, also][..], &[own], &[thief, own], &[thief], &[]];
    for (email, void) in [
        (own, [false, false, true, true, false]),
        ("OWN@z.co", [false, false, true, true, false]),
        // The thief does not get rid of the owner that way.
        (thief, [false; 5]),
        ("nobody@z.co", [false; 5]),
    ] {
        let proving = |proven: &&[&str]| Past {
            proven: strings(proven),
            ..past("c", own, 1)
        };
        let mut list: Vec<Past> = states.iter().map(proving).collect();
        void_after_reset(&mut list, email);
        let voided: Vec<bool> = list.iter().map(|past| past.is_void).collect();
        assert_eq!(voided, void, "{email}");
    }
    // What was made void does not say since when an address was proven.
    let mut list = vec![past("a", thief, 9), past("b", own, 5), past("c", thief, 1)];
    list[0].is_void = true;
    void_after_reset(&mut list, thief);
    assert!(!list[1].is_void);
}

#[test]
fn a_link_is_of_use_to_its_own_address_alone() {
    let past = past("first", "own@z.co", 1);
    assert!(past.was_told_to("Own@z.co"));
    assert!(!past.was_told_to("thief@z.co"));
}
