use chrono::{DateTime, TimeDelta};
use shared_types::{ClinicId, PermissionSet, UserId};

use super::{Identity, NoRevert, Patient, PatientChange, granted, reverted, reviewed, without};

pub(crate) fn patient(id: &str) -> Patient {
    Patient {
        full_name: Some(id.to_owned()),
        birth_date: Some("2000-01-02".to_owned()),
        ..Patient::new(ClinicId::from([1; 12]), id.into(), DateTime::UNIX_EPOCH)
    }
}

#[test]
fn an_address_that_is_none_stays_where_it_was_and_comes_nowhere_else() {
    let entered = |email: &str| PatientChange {
        identity: Some(Identity {
            full_name: "Mia".to_owned(),
            birth_date: "2000-01-02".to_owned(),
            email: Some(email.to_owned()),
            mrn: None,
            target_devices: None,
            requires_unique_mrn: false,
        }),
        ..PatientChange::default()
    };
    for (email, known, is_taken) in [
        ("mia@example.org", None, true),
        ("", None, true),
        ("mia@localhost", None, false),
        ("mia@localhost", Some("mia@example.org"), false),
        ("mia@localhost", Some("Mia@localhost"), true),
        // The sign for kelvin.
        ("mi\u{212A}e@example.org", Some("mike@example.org"), false),
    ] {
        let checked = entered(email).check_address(known);
        assert_eq!(checked.is_ok(), is_taken, "{email} {known:?}");
    }
}

#[test]
fn a_reminder_stands_for_a_while() {
    let (now, mut patient) = (DateTime::UNIX_EPOCH, patient("alice"));
    assert!(!patient.was_just_reminded(now));
    for (minutes, is_just_now) in [(9, true), (10, false)] {
        patient.last_upload_reminder = Some(now - TimeDelta::minutes(minutes));
        assert_eq!(patient.was_just_reminded(now), is_just_now, "{minutes}");
    }
}

#[test]
fn a_change_leaves_what_it_does_not_say() {
    let mut before = patient("alice");
    before.mrn = Some("1".to_owned());
    before.diagnosis_type = Some("type1".to_owned());
    let change = PatientChange {
        identity: Some(Identity {
            full_name: "Alice".to_owned(),
            birth_date: "2000-01-03".to_owned(),
            email: None,
            mrn: None,
            target_devices: None,
            requires_unique_mrn: true,
        }),
        ..PatientChange::default()
    };
    assert!(before.changes_mrn(&change));
    let after = before.clone().with(&change);
    assert_eq!(after.full_name.as_deref(), Some("Alice"));
    assert_eq!(after.mrn, None);
    assert_eq!(after.diagnosis_type, before.diagnosis_type);
    assert!(!after.changes_mrn(&change));
    assert_eq!(after.clone().with(&PatientChange::default()), after);
}

#[test]
fn the_last_two_reviews_are_kept_and_the_newest_is_taken_back_by_its_maker() {
    let (carol, nina): (UserId, UserId) = ("carol".into(), "nina".into());
    let at = |second| DateTime::UNIX_EPOCH + TimeDelta::seconds(second);
    let mut reviews = Vec::new();
    for (second, clinician) in [(1, &carol), (2, &nina), (3, &carol)] {
        reviews = reviewed(&reviews, clinician, at(second));
    }
    assert_eq!(reviews.len(), 2);
    assert_eq!((&reviews[0].clinician, reviews[0].time), (&carol, at(3)));
    assert_eq!(reverted(&reviews, &nina), Err(NoRevert::AnothersReview));
    let rest = reverted(&reviews, &carol).unwrap();
    assert_eq!(rest, reviews[1..]);
    assert_eq!(reverted(&[], &carol), Err(NoRevert::NoReview));
}

#[test]
fn no_patient_makes_a_clinic_its_custodian() {
    let wanted = PermissionSet::of(&["custodian", "view", "admin"]);
    assert_eq!(granted(wanted), Some(PermissionSet::of(&["view"])));
    assert_eq!(granted(PermissionSet::of(&["custodian"])), None);
    let held = PermissionSet::of(&["view", "note"]);
    assert_eq!(without(&held, "note"), Some(PermissionSet::of(&["view"])));
    assert_eq!(without(&held, "upload"), None);
}
