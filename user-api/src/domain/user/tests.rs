use serde_json::json;
use shared_types::UserId;

use super::{Account, ROLES, is_own_choice, is_role, read_name};

const TEMPORARY: &str = "unclaimed-custodial-automation+01234567890123456789@tidepool.org";

pub(crate) fn account() -> Account {
    Account {
        userid: UserId::from("0b9d2c4e-7a1f-4b6c-9d55-2f8e01c3a7d4"),
        username: Some("a@z.co".into()),
        emails: vec!["a@z.co".into()],
        roles: vec!["patient".into()],
        terms_accepted: None,
        email_verified: true,
        proven_email: None,
        also_proven: vec![],
        password_hash: Some("$argon2id$".into()),
    }
}

fn nameless() -> Account {
    Account {
        username: None,
        emails: vec![],
        ..account()
    }
}

#[test]
fn roles_are_a_closed_list() {
    for role in [
        "brokered",
        "care_partner",
        "clinic",
        "clinician",
        "custodial_account",
        "migrated_clinic",
        "patient",
    ] {
        assert!(is_role(role), "{role}");
    }
    for other in ["", "Patient", "admin", "patient "] {
        assert!(!is_role(other), "{other:?}");
    }
}

#[test]
fn people_choose_every_role_but_that_which_takes_their_password() {
    for role in ROLES {
        assert_eq!(is_own_choice(role), role != "brokered", "{role}");
    }
}

#[test]
fn user_names_are_visible_text_that_is_no_id() {
    for valid in [
        "bob",
        "a@z.co",
        "kid@home",
        "Bob-the-1st",
        "b",
        &"x".repeat(254),
        "Zoë",
    ] {
        assert_eq!(read_name(valid).as_deref(), Some(valid));
    }
    for invalid in [
        "",
        " ",
        "a b",
        "a\u{0}b",
        "0123456789",
        "0b9d2c4e-7a1f-4b6c-9d55-2f8e01c3a7d4",
        &"x".repeat(255),
        "a\u{a0}b",
        ".a@z.co",
        "mi\u{212a}e@z.co",
    ] {
        assert_eq!(read_name(invalid), None, "{invalid:?}");
    }
}

#[test]
fn each_member_is_shown_only_when_there_is_something_to_show() {
    let bare = Account {
        roles: vec![],
        password_hash: None,
        email_verified: false,
        ..nameless()
    };
    let id = "0b9d2c4e-7a1f-4b6c-9d55-2f8e01c3a7d4";
    let cases = [
        (bare.clone(), json!({"userid": id})),
        (
            Account {
                username: Some("kid".into()),
                ..bare.clone()
            },
            json!({"userid": id, "username": "kid", "emailVerified": false}),
        ),
        (
            Account {
                emails: vec!["a@z.co".into(), "b@z.co".into()],
                ..bare.clone()
            },
            json!({"userid": id, "emails": ["a@z.co", "b@z.co"], "emailVerified": false}),
        ),
        (
            Account {
                username: Some(TEMPORARY.into()),
                emails: vec![TEMPORARY.into()],
                ..bare.clone()
            },
            json!({"userid": id, "emailVerified": false}),
        ),
        (
            Account {
                roles: vec!["patient".into()],
                ..bare.clone()
            },
            json!({"userid": id, "roles": ["patient"]}),
        ),
        (
            Account {
                terms_accepted: Some("2016-01-01T00:00:00-08:00".into()),
                ..bare
            },
            json!({"userid": id, "termsAccepted": "2016-01-01T00:00:00-08:00"}),
        ),
    ];
    for (account, expected) in cases {
        assert_eq!(
            serde_json::to_value(account.record(false)).unwrap(),
            expected
        );
    }
}

#[test]
fn only_services_learn_whether_there_is_a_password() {
    let account = account();
    assert_eq!(account.record(false).password_exists, None);
    assert_eq!(account.record(true).password_exists, Some(true));
    assert_eq!(
        Account {
            password_hash: None,
            ..account
        }
        .record(true)
        .password_exists,
        Some(false)
    );
}

#[test]
fn an_account_without_password_and_real_address_is_unreachable() {
    let no_password = Account {
        password_hash: None,
        ..account()
    };
    assert!(!no_password.is_unreachable());
    assert!(!nameless().is_unreachable());
    assert!(
        Account {
            emails: vec![],
            ..no_password.clone()
        }
        .is_unreachable()
    );
    assert!(
        Account {
            emails: vec![TEMPORARY.into()],
            ..no_password
        }
        .is_unreachable()
    );
}

#[test]
fn verification_is_needed_only_where_there_is_an_address_and_no_bypass() {
    let unverified = Account {
        email_verified: false,
        ..account()
    };
    assert!(!unverified.is_verified(None));
    assert!(!unverified.is_verified(Some("")));
    assert!(!unverified.is_verified(Some("+skip")));
    assert!(account().is_verified(None));
    assert!(
        Account {
            emails: vec![],
            ..unverified.clone()
        }
        .is_verified(None)
    );
    let bypassed = Account {
        emails: vec!["a+skip@z.co".into()],
        ..unverified
    };
    assert!(bypassed.is_verified(Some("+skip")));
}

#[test]
fn an_account_shows_that_its_first_address_is_verified_once_it_is_proven() {
    for (emails, proven, shown) in [
        (&["a@z.co"][..], None, true),
        (&["a@z.co"], Some("A@z.co"), true),
        (&["b@z.co"], Some("a@z.co"), false),
        (&["b@z.co", "a@z.co"], Some("a@z.co"), false),
        (&["a@z.co", "b@z.co"], Some("a@z.co"), true),
        (&["a@z.co"], Some(""), false),
        (&[], Some(""), true),
        (&[TEMPORARY], None, true),
        (&[TEMPORARY, "a@z.co"], None, true),
        (&["b@z.co", "a@z.co"], None, true),
    ] {
        let account = Account {
            emails: emails.iter().map(|email| (*email).to_owned()).collect(),
            proven_email: proven.map(str::to_owned),
            ..account()
        };
        assert_eq!(account.shows_verified(), shown, "{emails:?} {proven:?}");
        assert!(account.is_verified(None), "it can be logged into");
        let unverified = Account {
            email_verified: false,
            ..account
        };
        assert!(!unverified.shows_verified(), "{emails:?} {proven:?}");
    }
}

#[test]
fn clinic_accounts_are_kept() {
    for (role, may_be_deleted) in [
        ("patient", true),
        ("clinic", false),
        ("clinician", false),
        ("migrated_clinic", true),
    ] {
        let account = Account {
            roles: vec!["patient".into(), role.into()],
            ..account()
        };
        assert_eq!(account.may_be_deleted(), may_be_deleted, "{role}");
    }
}
