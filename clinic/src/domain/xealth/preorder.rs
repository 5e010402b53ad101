//! What somebody enters before something is ordered, which is kept until the order comes.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use shared_types::{TagId, address};

use super::{items, text};
use crate::domain::{clinic::Clinic, connection::Provider};

/// The longest id of an entry, in bytes: by it the entry is looked up.
const MAX_ID: usize = 200;
/// As many tags may be chosen as a clinic has at most.
const MAX_TAGS: usize = 50;

/// What was entered, as the reference keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Entry {
    pub(crate) data_tracking_id: String,
    /// About the patient; `None`: it is about who cares for the patient.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) patient: Option<PatientEntry>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) guardian: Option<GuardianEntry>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tags: Option<TagEntry>,
}

/// What was entered about a patient.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct PatientEntry {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) email: Option<String>,
    pub(crate) connect_abbott: bool,
    pub(crate) connect_dexcom: bool,
}

/// What was entered about who cares for a child.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct GuardianEntry {
    pub(crate) first_name: String,
    pub(crate) last_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) email: Option<String>,
    pub(crate) connect_abbott: bool,
    pub(crate) connect_dexcom: bool,
}

/// The tags that were chosen, by their ids.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct TagEntry {
    pub(crate) ids: Vec<String>,
}

/// The id of what was entered in the form of `message`; `None`: there is none that can be kept.
pub(crate) fn tracking_id(message: &Value) -> Option<&str> {
    text(message, "/formData/dataTrackingId").filter(|id| id.len() <= MAX_ID)
}

/// The id of what was entered before `order` was placed; `None`: nothing was.
pub(crate) fn order_tracking_id(order: &Value) -> Option<&str> {
    text(order, "/preorder/dataTrackingId")
}

impl Entry {
    /// What was entered in the form of `message`; `is_child`: in the form about who cares for the patient.
    pub(crate) fn read(message: &Value, tracking_id: &str, is_child: bool) -> Self {
        let none = Value::Null;
        let entered = message.pointer("/formData/userInput").unwrap_or(&none);
        let about = if is_child { "/guardian" } else { "/patient" };
        let about = entered.pointer(about).unwrap_or(&none);
        let entered_text = |pointer| text(about, pointer).unwrap_or_default().to_owned();
        let email = text(about, "/email").map(address::lower_case);
        let flag = |pointer| about.pointer(pointer).and_then(Value::as_bool);
        // Without an address nobody can be asked to connect anything.
        let connects = |pointer| email.is_some() && flag(pointer).unwrap_or_default();
        let (connect_abbott, connect_dexcom) =
            (connects("/connectAbbott"), connects("/connectDexcom"));
        let mut ids: Vec<String> = Vec::new();
        for id in items(entered, "/tags/ids").filter_map(|id| text(id, "")) {
            if ids.len() < MAX_TAGS && id.len() <= MAX_ID && !ids.iter().any(|known| known == id) {
                ids.push(id.to_owned());
            }
        }
        let guardian = is_child.then(|| GuardianEntry {
            first_name: entered_text("/firstName"),
            last_name: entered_text("/lastName"),
            email: email.clone(),
            connect_abbott,
            connect_dexcom,
        });
        let patient = (!is_child).then(|| PatientEntry {
            email: email.clone(),
            connect_abbott,
            connect_dexcom,
        });
        Self {
            data_tracking_id: tracking_id.to_owned(),
            patient,
            guardian,
            tags: (!ids.is_empty()).then_some(TagEntry { ids }),
        }
    }

    /// The address of the account; `None`: it has none.
    pub(crate) fn email(&self) -> Option<&str> {
        let of_patient = self.patient.as_ref();
        let of_patient = of_patient.and_then(|patient| patient.email.as_deref());
        let of_guardian = self.guardian.as_ref();
        let of_guardian = of_guardian.and_then(|guardian| guardian.email.as_deref());
        of_patient.or(of_guardian).filter(|email| !email.is_empty())
    }

    /// Whether it says anything of the patient.
    pub(crate) fn says_who(&self) -> bool {
        self.patient.is_some() || self.guardian.is_some()
    }

    /// What the patient is to be asked to connect. Without an address nobody can be asked.
    pub(crate) fn connections(&self) -> Vec<Provider> {
        let of_patient = self.patient.as_ref();
        let of_patient = of_patient.map(|patient| (patient.connect_abbott, patient.connect_dexcom));
        let of_guardian = self.guardian.as_ref();
        let of_guardian =
            of_guardian.map(|guardian| (guardian.connect_abbott, guardian.connect_dexcom));
        let (abbott, dexcom) = of_patient.or(of_guardian).unwrap_or_default();
        let chosen = [(Provider::Abbott, abbott), (Provider::Dexcom, dexcom)];
        let chosen = chosen.into_iter().filter(|(_, is_chosen)| *is_chosen);
        let chosen = chosen.filter(|_| self.email().is_some());
        chosen.map(|(provider, _)| provider).collect()
    }

    /// The tags that were chosen and are still those of the clinic.
    pub(crate) fn tags_of(&self, clinic: &Clinic) -> Vec<TagId> {
        let ids = self.tags.iter().flat_map(|tags| &tags.ids);
        let mut chosen: Vec<TagId> = Vec::new();
        for id in ids.filter_map(|id| id.parse().ok()) {
            let mut known = clinic.tags.iter().flatten();
            if known.any(|tag| tag.id == id) && !chosen.contains(&id) {
                chosen.push(id);
            }
        }
        chosen
    }

    /// What is wrong with it, in paragraphs for who entered it.
    pub(crate) fn problems(&self) -> Vec<&'static str> {
        let mut problems = Vec::new();
        if let Some(guardian) = &self.guardian {
            if guardian.first_name.is_empty() {
                problems.push("The first name of the parent or guardian is missing.");
            }
            if guardian.last_name.is_empty() {
                problems.push("The last name of the parent or guardian is missing.");
            }
        }
        if self.email().is_some_and(|email| !address::is_valid(email)) {
            problems.push("The email address is not valid.");
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Entry, tracking_id};
    use crate::domain::{
        clinic::{Tag, tests::legacy},
        connection::Provider,
    };

    fn entry(input: &Value, is_child: bool) -> Entry {
        let message = json!({ "formData": { "userInput": input } });
        Entry::read(&message, "t", is_child)
    }

    #[test]
    fn what_was_entered_is_kept_as_the_reference_does() {
        let about =
            json!({ "email": " A@Example.org ", "connectDexcom": true, "connectAbbott": 1 });
        let input = json!({ "patient": about, "tags": { "ids": ["a", "b", "a", 1, ""] } });
        let read = entry(&input, false);
        let kept = json!({
            "dataTrackingId": "t",
            "patient": { "email": "a@example.org", "connectAbbott": false, "connectDexcom": true },
            "tags": { "ids": ["a", "b"] },
        });
        assert_eq!(serde_json::to_value(&read).unwrap(), kept);
        assert_eq!(serde_json::from_value::<Entry>(kept).unwrap(), read);
        let of_reference = json!({ "dataTrackingId": "t", "guardian": { "firstName": "Bo" } });
        let read: Entry = serde_json::from_value(of_reference).unwrap();
        assert_eq!(read.guardian.as_ref().unwrap().first_name, "Bo");
        assert_eq!(read.email(), None);
    }

    #[test]
    fn without_an_address_nothing_is_connected() {
        let input = json!({ "patient": { "connectDexcom": true, "connectAbbott": true } });
        let patient = entry(&input, false).patient.unwrap();
        assert!(!patient.connect_dexcom && !patient.connect_abbott);
    }

    #[test]
    fn somebody_with_an_address_is_asked_to_connect_what_was_chosen() {
        let read = |entry: Value| serde_json::from_value::<Entry>(entry).unwrap();
        let both = [Provider::Abbott, Provider::Dexcom];
        for (about, email, asked) in [
            ("patient", "a@example.org", &both[..]),
            ("guardian", "a@example.org", &both),
            ("patient", "", &[]),
        ] {
            let chosen = json!({ "email": email, "connectAbbott": true, "connectDexcom": true });
            let entry = read(json!({ "dataTrackingId": "t", about: chosen }));
            assert_eq!(entry.connections(), asked);
            assert!(entry.says_who());
        }
        let nobody = read(json!({ "dataTrackingId": "t" }));
        assert!(nobody.connections().is_empty() && !nobody.says_who());
    }

    #[test]
    fn tags_are_those_of_the_clinic() {
        let mut clinic = legacy();
        let name = "North".to_owned();
        let id = [1; 12].into();
        clinic.tags = Some(vec![Tag { id, name }]);
        let (known, unknown) = ("01".repeat(12), "02".repeat(12));
        let ids = json!([unknown, known, "x", known]);
        let entry = entry(&json!({ "tags": { "ids": ids } }), false);
        assert_eq!(entry.tags_of(&clinic), [id]);
        clinic.tags = None;
        assert_eq!(entry.tags_of(&clinic), []);
    }

    #[test]
    fn each_problem_has_a_paragraph() {
        assert_eq!(entry(&Value::Null, false).problems(), [""; 0]);
        assert_eq!(entry(&json!([]), true).problems().len(), 2);
        let named = json!({ "firstName": "Bo", "lastName": "Elm", "email": "bo" });
        let problems = entry(&json!({ "guardian": named }), true).problems();
        assert_eq!(problems, ["The email address is not valid."]);
        let valid = json!({ "patient": { "email": "bo@example.org" } });
        assert_eq!(entry(&valid, false).problems(), [""; 0]);
    }

    #[test]
    fn an_id_that_cannot_be_kept_is_none() {
        let id = |id: Value| {
            let message = json!({ "formData": { "dataTrackingId": id } });
            tracking_id(&message).map(str::len)
        };
        assert_eq!(id(json!("x".repeat(200))), Some(200));
        for odd in [json!("x".repeat(201)), json!(" "), json!(1), Value::Null] {
            assert_eq!(id(odd), None);
        }
    }
}
