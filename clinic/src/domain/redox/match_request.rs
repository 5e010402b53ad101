//! Which patients a stored order means, as it is asked.

use serde::Deserialize;
use shared_runtime::body::not_null;
use shared_types::MessageId;
use utoipa::ToSchema;

use crate::domain::{Refusal, matching::Criterion};

/// Body of `MatchClinicAndPatient`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MatchRequest {
    /// The stored message. It must be there.
    #[serde(default, deserialize_with = "not_null")]
    message_ref: Option<MessageRef>,
    /// Absent: the patient is not looked for.
    #[serde(default, deserialize_with = "not_null")]
    pub(crate) patients: Option<PatientOptions>,
    /// Tidegate's own: whether the response says how it came about. Nothing is changed then, and what
    /// does not match is no error.
    #[serde(default, deserialize_with = "not_null")]
    pub(crate) explain: Option<bool>,
}

/// A stored message.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct MessageRef {
    #[serde(rename = "dataModel")]
    _data_model: DataModel,
    #[serde(rename = "eventType")]
    _event_type: EventType,
    /// Its id.
    document_id: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
enum DataModel {
    Order,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
enum EventType {
    New,
}

/// How the patient is looked for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PatientOptions {
    /// At least one; who fits any of them is found.
    pub(crate) criteria: Criteria,
    /// What is done with the patient if there is exactly one.
    #[serde(default, deserialize_with = "not_null")]
    pub(crate) on_unique_match: Option<OnUniqueMatch>,
}

/// Criteria, in the order in which they are tried.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(try_from = "Vec<Criterion>")]
#[schema(value_type = Vec<Criterion>, min_items = 1)]
pub(crate) struct Criteria(pub(crate) Vec<Criterion>);

impl TryFrom<Vec<Criterion>> for Criteria {
    type Error = &'static str;

    fn try_from(criteria: Vec<Criterion>) -> Result<Self, Self::Error> {
        let mut different: Vec<Criterion> = Vec::new();
        for criterion in criteria {
            if !different.contains(&criterion) {
                different.push(criterion);
            }
        }
        if different.is_empty() {
            return Err("must have an item");
        }
        Ok(Self(different))
    }
}

/// What is done with the only patient who is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum OnUniqueMatch {
    /// Reports go out from then on.
    EnableReports,
    /// They do not.
    DisableReports,
}

impl MatchRequest {
    /// Which message is meant.
    pub(crate) fn message(&self) -> Result<MessageId, Refusal> {
        let message = self.message_ref.as_ref();
        let id = &message.ok_or(Refusal::NoMessageRef)?.document_id;
        let id = id.to_ascii_lowercase().parse();
        id.map_err(|_| Refusal::InvalidDocumentId)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use shared_runtime::body::parse_object;

    use super::MatchRequest;
    use crate::domain::{Refusal, matching::Criterion};

    fn read(body: &Value) -> Result<MatchRequest, String> {
        let read = parse_object(body.to_string().as_bytes());
        read.map_err(|invalid| invalid.pointer)
    }

    fn valid() -> Value {
        json!({
            "messageRef": {
                "dataModel": "Order", "eventType": "New", "documentId": "5F8f8f8f8f8f8f8f8f8f8f8f",
            },
            "patients": { "criteria": ["MRN", "MRN_DOB", "DOB_FULLNAME", "MRN"] },
        })
    }

    #[test]
    fn a_request_names_a_message_and_how_to_look() {
        let request = read(&valid()).unwrap();
        let id = request.message().unwrap().to_string();
        assert_eq!(id, "5f8f8f8f8f8f8f8f8f8f8f8f");
        let all = [Criterion::Mrn, Criterion::MrnDob, Criterion::DobFullname];
        assert_eq!(request.patients.unwrap().criteria.0, all);
        let none = read(&json!({})).unwrap();
        assert_eq!(none.message(), Err(Refusal::NoMessageRef));
        let mut odd = valid();
        odd["messageRef"]["documentId"] = json!("x");
        assert_eq!(
            read(&odd).unwrap().message(),
            Err(Refusal::InvalidDocumentId)
        );
    }

    #[test]
    fn a_request_says_what_is_wrong_with_it() {
        for (pointer, value) in [
            ("/messageRef", Value::Null),
            ("/messageRef/dataModel", json!("Results")),
            ("/messageRef/eventType", json!("Update")),
            ("/patients/criteria", json!([])),
            ("/patients/criteria/0", json!("DOB")),
            ("/patients/onUniqueMatch", json!("DELETE")),
            ("/explain", json!("yes")),
        ] {
            let mut body = valid();
            if let Some(member) = body.pointer_mut(pointer) {
                *member = value;
            } else {
                let (parent, name) = pointer.rsplit_once('/').unwrap();
                body.pointer_mut(parent).unwrap()[name] = value;
            }
            assert_eq!(read(&body).unwrap_err(), pointer);
        }
    }
}
