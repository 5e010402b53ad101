use serde_json::{Value, json};

use super::{Child, Custodial, InvalidChild, SignUp, read_password};
use crate::domain::members::InvalidDetails;

fn bytes(value: &Value) -> Vec<u8> {
    value.to_string().into_bytes()
}

#[test]
fn a_complete_sign_up_is_read() {
    let body = json!({
        "username": "a@z.co", "emails": ["a@z.co", "b@z.co"], "password": "12345678",
        "roles": ["clinic"], "unknown": {"deep": []}, "emailVerified": true,
    });
    let expected = SignUp {
        username: "a@z.co".into(),
        emails: vec!["a@z.co".into(), "b@z.co".into()],
        password: "12345678".into(),
        roles: vec!["clinic".into()],
    };
    assert_eq!(SignUp::read(&bytes(&body)), Ok(expected));
}

#[test]
fn roles_default_to_patient() {
    for body in [
        json!({"username": "a@z.co", "emails": ["a@z.co"], "password": "12345678"}),
        json!({"username": "a@z.co", "emails": ["a@z.co"], "password": "12345678", "roles": null}),
    ] {
        assert_eq!(SignUp::read(&bytes(&body)).unwrap().roles, ["patient"]);
    }
}

#[test]
fn only_services_give_every_role() {
    for (given, by_people) in [
        (json!(null), true),
        (json!(["patient"]), true),
        (json!(["clinic", "clinician", "custodial_account"]), true),
        (json!(["brokered"]), false),
        (json!(["patient", "brokered"]), false),
    ] {
        let body = json!({
            "username": "a@z.co", "emails": ["a@z.co"], "password": "12345678", "roles": given,
        });
        let sign_up = SignUp::read(&bytes(&body)).unwrap();
        assert_eq!(sign_up.check_roles(false).is_ok(), by_people, "{given}");
        assert!(sign_up.check_roles(true).is_ok(), "{given}");
    }
}

#[test]
fn an_incomplete_or_wrong_sign_up_is_invalid() {
    let valid = json!({"username": "a@z.co", "emails": ["a@z.co"], "password": "12345678"});
    for (name, wrong) in [
        ("username", json!(null)),
        ("username", json!("")),
        ("username", json!("bob")),
        ("username", json!({"$ne": null})),
        ("username", json!(["a@z.co"])),
        ("emails", json!(null)),
        ("emails", json!([])),
        ("emails", json!("a@z.co")),
        ("emails", json!(["bob"])),
        ("emails", json!([{"$gt": ""}])),
        ("password", json!(null)),
        ("password", json!("short")),
        ("password", json!(12_345_678)),
        ("roles", json!("patient")),
        ("roles", json!(["king"])),
        ("roles", json!([null])),
    ] {
        let mut body = valid.clone();
        body[name] = wrong.clone();
        assert_eq!(
            SignUp::read(&bytes(&body)),
            Err(InvalidDetails),
            "{name} {wrong}"
        );
    }
    for name in ["username", "emails", "password"] {
        let mut body = valid.clone();
        body.as_object_mut().unwrap().remove(name);
        assert_eq!(
            SignUp::read(&bytes(&body)),
            Err(InvalidDetails),
            "without {name}"
        );
    }
}

#[test]
fn what_is_no_json_object_is_invalid_everywhere() {
    let deep = "[".repeat(100_000);
    for body in [
        "", " ", "{", "[]", "null", "1", "\"x\"", "{\"a\":}", "{'a':1}", &deep, "\u{1}",
    ] {
        let body = body.as_bytes();
        assert_eq!(SignUp::read(body), Err(InvalidDetails));
        assert_eq!(Custodial::read(body), Err(InvalidDetails));
        assert_eq!(Child::read(body), Err(InvalidChild::Body));
        assert_eq!(read_password(body), None);
    }
}

#[test]
fn a_custodial_account_takes_its_first_address() {
    let cases = [
        (json!({}), None),
        (json!({"emails": null}), None),
        (json!({"emails": []}), None),
        (json!({"username": "a@z.co"}), Some("a@z.co")),
        (json!({"emails": ["b@z.co", "c@z.co"]}), Some("b@z.co")),
        (
            json!({"username": "a@z.co", "emails": ["b@z.co"]}),
            Some("b@z.co"),
        ),
        (json!({"username": "a@z.co", "emails": []}), Some("a@z.co")),
    ];
    for (body, email) in cases {
        assert_eq!(
            Custodial::read(&bytes(&body)).unwrap().email.as_deref(),
            email,
            "{body}"
        );
    }
    for body in [
        json!({"username": ""}),
        json!({"username": "bob"}),
        json!({"username": null}),
        json!({"emails": ["bob"]}),
        json!({"emails": "a@z.co"}),
        json!({"emails": {"$ne": 1}}),
    ] {
        assert_eq!(
            Custodial::read(&bytes(&body)),
            Err(InvalidDetails),
            "{body}"
        );
    }
}

#[test]
fn a_child_needs_a_full_name_and_nothing_else() {
    let bare = Child {
        full_name: "Ann Lee".into(),
        username: None,
        password: None,
        emails: vec![],
    };
    for body in [
        json!({"fullName": "Ann Lee"}),
        json!({"fullName": "Ann Lee", "username": "", "password": "", "emails": ""}),
        json!({"fullName": "Ann Lee", "username": " ", "password": "  ", "emails": null}),
        json!({"fullName": "Ann Lee", "emails": []}),
    ] {
        assert_eq!(Child::read(&bytes(&body)).unwrap(), bare, "{body}");
    }
    let full = json!({
        "fullName": "Ann Lee", "username": "ann", "password": "12345678",
        "emails": ["a@z.co", "b@z.co"],
    });
    let expected = Child {
        full_name: "Ann Lee".into(),
        username: Some("ann".into()),
        password: Some("12345678".into()),
        emails: vec!["a@z.co".into(), "b@z.co".into()],
    };
    assert_eq!(Child::read(&bytes(&full)).unwrap(), expected);
}

#[test]
fn what_is_wrong_with_a_child_is_explained() {
    for (member, wrong, expected) in [
        ("fullName", json!(""), InvalidChild::FullName),
        ("fullName", json!("  "), InvalidChild::FullName),
        ("fullName", json!("n".repeat(1001)), InvalidChild::FullName),
        ("fullName", json!(null), InvalidChild::FullName),
        ("fullName", json!({"$ne": null}), InvalidChild::FullName),
        ("username", json!("a b"), InvalidChild::Username),
        ("username", json!("0123456789"), InvalidChild::Username),
        ("username", json!({"$ne": null}), InvalidChild::Username),
        ("password", json!("short"), InvalidChild::Password),
        ("password", json!(12_345_678), InvalidChild::Password),
        ("emails", json!(["bob"]), InvalidChild::Emails),
        ("emails", json!("a@z.co"), InvalidChild::Emails),
        ("emails", json!({"$gt": ""}), InvalidChild::Emails),
    ] {
        let mut body = json!({"fullName": "Ann Lee"});
        body[member] = wrong.clone();
        assert_eq!(
            Child::read(&bytes(&body)),
            Err(expected),
            "{member} {wrong}"
        );
    }
    assert_eq!(Child::read(b"{}"), Err(InvalidChild::FullName));
}

#[test]
fn the_password_of_a_deletion_is_a_non_empty_string() {
    assert_eq!(
        read_password(br#"{"password":"12345678"}"#).as_deref(),
        Some("12345678")
    );
    for body in [
        "{}",
        "{\"password\":\"\"}",
        "{\"password\":null}",
        "{\"password\":{\"$ne\":\"\"}}",
    ] {
        assert_eq!(read_password(body.as_bytes()), None, "{body}");
    }
}
