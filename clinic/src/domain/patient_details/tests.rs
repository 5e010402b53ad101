use serde_json::{Value, json};
use shared_runtime::body::{Member, parse_object};
use shared_types::{PermissionSet, SiteId};

use super::{ChosenSite, ClinicPermissions, DiagnosisType, PatientDetails, resolved};
use crate::domain::clinic::Site;

const TAG: &str = "5f8f8f8f8f8f8f8f8f8f8f8f";

fn read(body: &Value) -> Result<PatientDetails, String> {
    let read = parse_object::<PatientDetails>(body.to_string().as_bytes());
    read.map_err(|invalid| invalid.pointer)
}

#[test]
fn details_say_what_is_wrong_with_them() {
    let valid = json!({ "fullName": "Ada", "birthDate": "2000-02-29" });
    assert!(read(&valid).is_ok());
    for (member, value, pointer) in [
        ("fullName", json!(""), "/fullName"),
        ("birthDate", json!("1990-02-31"), "/birthDate"),
        ("email", Value::Null, "/email"),
        ("mrn", json!(""), "/mrn"),
        ("targetDevices", json!([1]), "/targetDevices/0"),
        ("tags", json!(["x"]), "/tags/0"),
        ("tags", json!([TAG, TAG]), "/tags"),
        ("sites", Value::Null, "/sites"),
        ("sites", json!([{"id": TAG}]), "/sites/0"),
        (
            "sites",
            json!([{"id": "x", "name": "North"}]),
            "/sites/0/id",
        ),
        (
            "dataSources",
            json!([{"state": "on", "providerName": "dexcom"}]),
            "/dataSources/0/state",
        ),
        (
            "dataSources",
            json!([{"state": "pending", "providerName": ""}]),
            "/dataSources/0/providerName",
        ),
        (
            "reviews",
            json!([{"clinicianId": "a", "time": "noon"}]),
            "/reviews/0/time",
        ),
        ("glycemicRanges", Value::Null, "/glycemicRanges"),
        ("diagnosisType", json!("type4"), "/diagnosisType"),
    ] {
        let mut body = valid.clone();
        body[member] = value;
        assert_eq!(read(&body), Err(pointer.to_owned()), "{body}");
    }
}

#[test]
fn what_is_not_said_stays_as_it_is() {
    let body = json!({
        "fullName": "Ada", "birthDate": "2000-02-29", "email": "Ada@Example.org",
        "tags": null, "dataSources": [], "reviews": [], "diagnosisType": "",
    });
    let change = read(&body).unwrap().change(true, None);
    let identity = change.identity.unwrap();
    assert_eq!(identity.email.as_deref(), Some("ada@example.org"));
    assert!(identity.requires_unique_mrn && identity.mrn.is_none());
    assert_eq!(
        (change.tags, change.sites, change.reviews),
        (None, None, None)
    );
    assert_eq!(change.data_sources, Member::Null);
    assert_eq!(change.diagnosis_type.as_deref(), Some(""));
    assert!(DiagnosisType::is_known("lada") && !DiagnosisType::is_known(""));
}

#[test]
fn chosen_sites_are_the_clinics_own() {
    let site = |number: u8, name: &str| Site {
        id: SiteId::from([number; 12]),
        name: name.to_owned(),
    };
    let choice = |number: u8| -> ChosenSite {
        let id = SiteId::from([number; 12]).to_string();
        serde_json::from_value(json!({"id": id, "name": "Elsewhere"})).unwrap()
    };
    let of_clinic = [site(1, "North"), site(2, "South")];
    let chosen = [choice(2), choice(1), choice(2)];
    let wanted = vec![of_clinic[1].clone(), of_clinic[0].clone()];
    assert_eq!(resolved(&chosen, &of_clinic), (wanted, true));
    assert_eq!(resolved(&[choice(3)], &of_clinic), (Vec::new(), false));
}

#[test]
fn what_is_there_is_granted() {
    let read = |json: Value| serde_json::from_value::<ClinicPermissions>(json).map(Into::into);
    let granted: PermissionSet = read(json!({"view": {"x": 1}, "follow": {}})).unwrap();
    assert_eq!(granted, PermissionSet::of(&["view"]));
    assert!(read(json!({})).unwrap().is_empty());
    assert!(read(json!({"follow": {}})).unwrap().is_empty());
    for misspelt in ["veiw", "VIEW", "banana"] {
        let refused = read(json!({"note": {}, misspelt: {}})).unwrap_err();
        assert!(refused.to_string().contains(misspelt), "{refused}");
    }
    assert!(read(json!({"view": null})).is_err());
    assert!(read(json!({"view": true})).is_err());
}
