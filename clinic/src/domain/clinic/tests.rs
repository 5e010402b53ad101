use chrono::DateTime;
use serde_json::{Value, json};
use shared_runtime::body::parse_object;
use shared_types::{ClinicId, TagId};

use super::{Clinic, Profile, Tag, tier_description};

pub(crate) fn legacy() -> Clinic {
    let text = |text: &str| Some(text.to_owned());
    Clinic {
        id: ClinicId::from([1; 12]),
        name: text("Oak"),
        bg_units: text("mg/dL"),
        address: text("1 Oak Street"),
        city: text("Oakville"),
        country: text("US"),
        postal_code: text("12345"),
        state: text("CA"),
        kind: text("other"),
        size: None,
        phone_numbers: Vec::new(),
        website: None,
        timezone: None,
        share_code: text("AAAA-BBBB-CCCC"),
        admins: vec!["carol".into()],
        is_migrated: false,
        tier: None,
        tags: None,
        sites: Vec::new(),
        suppressed_notifications: None,
        mrn_settings: None,
        hard_limit: None,
        soft_limit: None,
        created_time: DateTime::UNIX_EPOCH,
        updated_time: DateTime::UNIX_EPOCH,
    }
}

#[test]
fn a_legacy_clinic_can_migrate_once_everything_is_said() {
    assert!(legacy().can_migrate());
    let changes: [fn(&mut Clinic); 6] = [
        |clinic| clinic.is_migrated = true,
        |clinic| clinic.city = None,
        |clinic| clinic.kind = Some(String::new()),
        |clinic| clinic.bg_units = None,
        |clinic| clinic.admins.clear(),
        |clinic| {
            let (id, name) = (TagId::from([1; 12]), String::new());
            clinic.tags = Some(vec![Tag { id, name }]);
        },
    ];
    for change in changes {
        let mut clinic = legacy();
        change(&mut clinic);
        assert!(!clinic.can_migrate(), "{clinic:?}");
    }
}

#[test]
fn a_tier_that_is_unknown_has_no_description() {
    assert_eq!(tier_description(legacy().tier()), "Free");
    assert_eq!(tier_description("tier0500"), "");
}

#[test]
fn a_profile_says_what_is_wrong_with_it() {
    let valid = json!({ "name": "", "preferredBgUnits": "mmol/L" });
    let read = |body: &Value| parse_object::<Profile>(body.to_string().as_bytes());
    assert!(read(&valid).is_ok());
    for (member, value, pointer) in [
        ("name", Value::Null, "/name"),
        ("preferredBgUnits", json!("mg"), "/preferredBgUnits"),
        ("address", json!(""), "/address"),
        ("city", Value::Null, "/city"),
        ("clinicType", json!("zoo"), "/clinicType"),
        ("clinicSize", json!("250"), "/clinicSize"),
        ("phoneNumbers", json!([]), "/phoneNumbers"),
        (
            "phoneNumbers",
            json!([{"number": "1"}, {"number": "1"}]),
            "/phoneNumbers",
        ),
        (
            "phoneNumbers",
            json!([{"type": "Office"}]),
            "/phoneNumbers/0",
        ),
        ("website", json!(1), "/website"),
        ("timezone", json!("Europe/Oakville"), "/timezone"),
    ] {
        let mut body = valid.clone();
        body[member] = value;
        let invalid = read(&body).unwrap_err();
        assert_eq!(invalid.pointer, pointer, "{invalid}");
    }
    let mut body = valid;
    body["phoneNumbers"] = json!([{"number": "1"}, {"type": "Office", "number": "1"}]);
    body["timezone"] = json!("US/Pacific");
    body["tier"] = json!(null);
    assert!(read(&body).is_ok());
}
