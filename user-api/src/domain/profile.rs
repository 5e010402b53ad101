//! The collection `profile`: what it must be like, and what others learn of it.

use serde_json::{Map, Value};
use shared_types::{PatientProfile, PersonProfile, dates};

use crate::domain::metadata::{Collection, Collections, Members, MetadataRefusal};

/// The full name in a user's profile; `None` if there is none.
pub(crate) fn full_name(collections: &Collections) -> Option<&str> {
    collections
        .get(Collection::Profile.name())?
        .get("fullName")?
        .as_str()
}

/// What services learn of the profile among a user's metadata; `None`: there is none. What has not
/// the type that it should have is not there.
pub(crate) fn profile_of(collections: &Collections) -> Option<PersonProfile> {
    let profile = collections.get(Collection::Profile.name())?.as_object()?;
    let patient = profile.get("patient").and_then(Value::as_object);
    Some(PersonProfile {
        full_name: text(profile, "fullName"),
        patient: patient.map(|patient| PatientProfile {
            full_name: text(patient, "fullName"),
            birthday: text(patient, "birthday"),
            diagnosis_date: text(patient, "diagnosisDate"),
            mrn: text(patient, "mrn"),
            target_devices: texts(patient, "targetDevices"),
            is_other_person: patient.get("isOtherPerson") == Some(&Value::Bool(true)),
        }),
    })
}

/// The metadata of a child's data account.
pub(crate) fn child_metadata(full_name: &str) -> Collections {
    let profile = [
        ("fullName".to_owned(), Value::from(full_name)),
        ("isDataAccount".to_owned(), Value::from(true)),
    ];
    let profile = Value::Object(profile.into_iter().collect());
    [(Collection::Profile.name().to_owned(), profile)]
        .into_iter()
        .collect()
}

/// The members that other services rely on have their types.
pub(super) fn check_profile(profile: &Members) -> Result<(), MetadataRefusal> {
    let given =
        |members: &Members, name: &str| members.get(name).filter(|value| !value.is_null()).cloned();
    if let Some(full_name) = given(profile, "fullName")
        && full_name.as_str().is_none_or(|name| name.trim().is_empty())
    {
        return Err(MetadataRefusal::Invalid("fullName is not a text or blank"));
    }
    if given(profile, "isDataAccount").is_some_and(|flag| !flag.is_boolean()) {
        return Err(MetadataRefusal::Invalid("isDataAccount is not a boolean"));
    }
    match given(profile, "patient") {
        None => Ok(()),
        Some(Value::Object(patient)) => {
            if given(&patient, "birthday").is_some_and(|date| !date.is_string()) {
                return Err(MetadataRefusal::Invalid("patient.birthday is not a text"));
            }
            if given(&patient, "diagnosisDate").is_some_and(|date| !date.is_string()) {
                return Err(MetadataRefusal::Invalid(
                    "patient.diagnosisDate is not a text",
                ));
            }
            Ok(())
        }
        Some(_) => Err(MetadataRefusal::Invalid("patient is not an object")),
    }
}

/// The patient's birthday in `patch` is a date, or what `stored` has: clients write whole profiles
/// back, and an old odd date must not keep a user from changing anything else. Without a date, nobody
/// could claim the account, since its owner has to know it.
pub(super) fn check_birthday(patch: &Members, stored: &Members) -> Result<(), MetadataRefusal> {
    let birthday = |profile: &Members| text(profile.get("patient")?.as_object()?, "birthday");
    let new = birthday(patch).filter(|birthday| !birthday.is_empty());
    let is_none = new
        .as_deref()
        .is_some_and(|new| dates::parse(new).is_none());
    if is_none && new != birthday(stored) {
        let invalid = "patient.birthday is not a date like 2010-01-31";
        return Err(MetadataRefusal::Invalid(invalid));
    }
    Ok(())
}

fn text(members: &Map<String, Value>, name: &str) -> Option<String> {
    members.get(name)?.as_str().map(str::to_owned)
}

/// A list of texts and nothing else.
fn texts(members: &Map<String, Value>, name: &str) -> Option<Vec<String>> {
    let texts = members.get(name)?.as_array()?.iter();
    texts.map(|text| text.as_str().map(str::to_owned)).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{child_metadata, full_name, profile_of};
    use crate::domain::metadata::{Collection, MetadataRefusal, tests::object};

    #[test]
    fn known_members_of_a_profile_have_their_types() {
        for profile in [
            json!({"fullName": "Bob"}),
            json!({"fullName": null, "isDataAccount": null, "patient": null}),
            json!({"isDataAccount": false}),
            json!({"patient": {"birthday": "", "diagnosisDate": null}}),
            json!({"patient": {"birthday": "2001-11-30", "about": {"any": "thing"}}}),
            json!({"unknown": {"$ne": null}, "emails": [1]}),
        ] {
            let patch = Collection::Profile.read_patch(profile.to_string().as_bytes());
            assert_eq!(patch, Ok(object(profile)));
        }
        for profile in [
            json!({"fullName": ""}),
            json!({"fullName": " \t"}),
            json!({"fullName": {"$ne": null}}),
            json!({"fullName": 1}),
            json!({"isDataAccount": "true"}),
            json!({"isDataAccount": 1}),
            json!({"patient": []}),
            json!({"patient": "x"}),
            json!({"patient": {"birthday": 19_700_101}}),
            json!({"patient": {"diagnosisDate": {"$gt": ""}}}),
        ] {
            let patch = Collection::Profile.read_patch(profile.to_string().as_bytes());
            assert!(
                matches!(patch, Err(MetadataRefusal::Invalid(_))),
                "{profile}"
            );
            assert!(
                Collection::Settings
                    .read_patch(profile.to_string().as_bytes())
                    .is_ok(),
                "{profile}"
            );
        }
    }

    #[test]
    fn a_birthday_is_a_date_unless_it_was_none_before() {
        let patient = |birthday: &str| json!({"patient": {"birthday": birthday}});
        for (stored, patch, is_kept) in [
            (json!({}), patient("2010-01-31"), true),
            (json!({}), patient("2000-02-29"), true),
            (json!({}), patient(""), true),
            (json!({}), json!({"patient": null}), true),
            (json!({}), json!({"fullName": "Ann"}), true),
            (patient("2000-2-9"), patient("2000-2-9"), true),
            (patient("2000-2-9"), patient("2000-02-09"), true),
            (patient("2000-2-9"), json!({"fullName": "Ann"}), true),
            (json!({}), patient("2001-02-29"), false),
            (json!({}), patient("2000-2-9"), false),
            (json!({}), patient("9.2.2000"), false),
            (json!({}), patient(" "), false),
            (patient("2000-02-09"), patient("2000-2-9"), false),
            (patient("2000-2-9"), patient("2000-2-8"), false),
        ] {
            let mut collections = object(json!({ "profile": stored }));
            let merged = Collection::Profile.merge(object(patch.clone()), &mut collections);
            let refusal =
                MetadataRefusal::Invalid("patient.birthday is not a date like 2010-01-31");
            let expected = if is_kept { Ok(()) } else { Err(refusal) };
            assert_eq!(merged, expected, "{stored} {patch}");
            let mut settings = object(json!({}));
            assert!(
                Collection::Settings
                    .merge(object(patch), &mut settings)
                    .is_ok()
            );
        }
    }

    #[test]
    fn a_profile_is_shown_as_far_as_it_has_its_types() {
        for (metadata, shown) in [
            (json!({}), Value::Null),
            (json!({"settings": {}}), Value::Null),
            (json!({"profile": null}), Value::Null),
            (json!({"profile": [1]}), Value::Null),
            (json!({"profile": {}}), json!({"patient": null})),
            (
                json!({"profile": {"fullName": 1, "patient": "x", "emails": ["a@z.co"]}}),
                json!({"patient": null}),
            ),
            (
                json!({"profile": {"fullName": "Ann", "patient": {}}}),
                json!({"fullName": "Ann", "patient": {"isOtherPerson": false}}),
            ),
            (
                json!({"profile": {"fullName": "Ann", "patient": {
                    "fullName": "Kim", "birthday": "2010-01-31", "diagnosisDate": "",
                    "mrn": "7", "targetDevices": ["a pump"], "isOtherPerson": true, "about": "x",
                }}}),
                json!({"fullName": "Ann", "patient": {
                    "fullName": "Kim", "birthday": "2010-01-31", "diagnosisDate": "",
                    "mrn": "7", "targetDevices": ["a pump"], "isOtherPerson": true,
                }}),
            ),
            (
                json!({"profile": {"patient": {
                    "fullName": null, "birthday": 20_100_131, "isOtherPerson": "true",
                    "mrn": 7, "targetDevices": ["a pump", 7],
                }}}),
                json!({"patient": {"isOtherPerson": false}}),
            ),
        ] {
            let collections = metadata.as_object().unwrap();
            let profile = serde_json::to_value(profile_of(collections)).unwrap();
            assert_eq!(profile, shown, "{metadata}");
        }
    }

    #[test]
    fn a_child_has_its_name_and_the_mark_of_a_data_account() {
        let collections = child_metadata("Kim");
        assert_eq!(full_name(&collections), Some("Kim"));
        assert_eq!(
            Value::Object(collections),
            json!({"profile": {"fullName": "Kim", "isDataAccount": true}})
        );
    }
}
