//! A confirmation as the database holds it, in the format of the reference.
//!
//! `userId`, `creatorId` and `email` are empty where they are unknown, `modified` is the first
//! second of year 1 where it is unset. The reference stores `context` as binary JSON text; we store
//! a document and read both. `senderId`, `requested`, `acceptance`, `making`,
//! `otherKeys` and `origin` are additions.

use anyhow::{Context, bail};
use bson::{Binary, Bson, DateTime};
use chrono::Utc;
use serde::{Deserialize, Serialize};
use shared_runtime::outbox::RowId;
use shared_types::ClinicId;

use crate::domain::confirmation::{
    Acceptance, Clinic, Confirmation, Kind, Making, OtherKey, Status,
};

/// The reference's unset time, 0001-01-01T00:00:00Z.
pub(super) const UNSET: DateTime = DateTime::from_millis(-62_135_596_800_000);

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ConfirmationDocument {
    #[serde(rename = "_id")]
    key: String,
    #[serde(rename = "type")]
    kind: String,
    status: String,
    #[serde(default)]
    email: String,
    #[serde(default)]
    user_id: String,
    #[serde(default)]
    creator_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sender_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    clinic_id: Option<String>,
    #[serde(default)]
    creator: CreatorDocument,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    context: Option<Bson>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    requested: Option<Vec<String>>,
    created: DateTime,
    #[serde(default)]
    modified: Option<DateTime>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires_at: Option<DateTime>,
    #[serde(default)]
    template_name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    acceptance: Option<AcceptanceDocument>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    making: Option<MakingDocument>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    other_keys: Vec<OtherKeyDocument>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    origin: Option<String>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct CreatorDocument {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    clinic_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    clinic_name: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct AcceptanceDocument {
    row: RowId,
    #[serde(default)]
    is_unanswered: bool,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct MakingDocument {
    row: RowId,
    roles: Vec<String>,
    #[serde(default)]
    is_unanswered: bool,
}

#[derive(Debug, Serialize, Deserialize)]
struct OtherKeyDocument {
    digest: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    until: Option<DateTime>,
}

impl ConfirmationDocument {
    pub(super) fn new(confirmation: &Confirmation) -> Self {
        let id = |id: &Option<shared_types::UserId>| {
            id.as_ref().map_or_else(String::new, ToString::to_string)
        };
        let context = confirmation.context.as_ref();
        Self {
            key: confirmation.key.clone(),
            kind: confirmation.kind.name().to_owned(),
            status: confirmation.status.name().to_owned(),
            email: confirmation.email.clone(),
            user_id: id(&confirmation.user_id),
            creator_id: id(&confirmation.creator_id),
            sender_id: confirmation.sender_id.as_ref().map(ToString::to_string),
            clinic_id: confirmation.clinic_id.map(Into::into),
            creator: CreatorDocument {
                clinic_id: confirmation.creator_clinic.id.map(Into::into),
                clinic_name: confirmation.creator_clinic.name.clone(),
            },
            context: context.map(|context| {
                bson::serialize_to_bson(context).expect("JSON can be stored as a document")
            }),
            created: DateTime::from_chrono(confirmation.created),
            modified: Some(confirmation.modified.map_or(UNSET, DateTime::from_chrono)),
            requested: confirmation.requested.clone(),
            expires_at: confirmation.expires_at.map(DateTime::from_chrono),
            template_name: confirmation.template_name.clone(),
            acceptance: confirmation
                .acceptance
                .map(|acceptance| AcceptanceDocument {
                    row: acceptance.row,
                    is_unanswered: acceptance.is_unanswered,
                }),
            making: confirmation.making.clone().map(|making| MakingDocument {
                row: making.row,
                roles: making.roles,
                is_unanswered: making.is_unanswered,
            }),
            other_keys: confirmation.other_keys.iter().map(Into::into).collect(),
            origin: confirmation.origin.clone(),
        }
    }

    pub(super) fn read(self) -> anyhow::Result<Confirmation> {
        let known = |text: String| Some(text).filter(|text| !text.is_empty());
        let context = match self.context {
            None | Some(Bson::Null) => None,
            Some(Bson::Binary(Binary { bytes, .. })) if bytes.is_empty() => None,
            Some(Bson::Binary(Binary { bytes, .. })) => {
                serde_json::from_slice(&bytes).context("a context that is no JSON")?
            }
            Some(context @ (Bson::Document(_) | Bson::Array(_))) => {
                Some(bson::deserialize_from_bson(context).context("a context that is no JSON")?)
            }
            Some(_) => bail!("a context that is neither a document nor JSON"),
        };
        Ok(Confirmation {
            kind: Kind::of_name(&self.kind).context("a confirmation of unknown type")?,
            status: Status::of_name(&self.status).context("a confirmation of unknown status")?,
            key: self.key,
            email: self.email,
            user_id: known(self.user_id).map(Into::into),
            creator_id: known(self.creator_id).map(Into::into),
            sender_id: self.sender_id.map(Into::into),
            clinic_id: clinic(self.clinic_id)?,
            creator_clinic: Clinic {
                id: clinic(self.creator.clinic_id)?,
                name: self.creator.clinic_name.and_then(known),
            },
            context,
            requested: self.requested,
            created: self.created.to_chrono(),
            modified: self
                .modified
                .filter(|modified| *modified != UNSET)
                .map(DateTime::to_chrono),
            expires_at: self.expires_at.map(DateTime::to_chrono),
            template_name: self.template_name,
            acceptance: self.acceptance.map(|acceptance| Acceptance {
                row: acceptance.row,
                is_unanswered: acceptance.is_unanswered,
            }),
            making: self.making.map(|making| Making {
                row: making.row,
                roles: making.roles,
                is_unanswered: making.is_unanswered,
            }),
            other_keys: self.other_keys.into_iter().map(Into::into).collect(),
            origin: self.origin,
        })
    }
}

impl From<&OtherKey> for OtherKeyDocument {
    fn from(key: &OtherKey) -> Self {
        Self {
            digest: key.digest.clone(),
            until: key.until.map(stored),
        }
    }
}

impl From<OtherKeyDocument> for OtherKey {
    fn from(key: OtherKeyDocument) -> Self {
        Self {
            digest: key.digest,
            until: key.until.map(DateTime::to_chrono),
        }
    }
}

/// The clinic of an id; the reference writes an empty one where there is none.
fn clinic(id: Option<String>) -> anyhow::Result<Option<ClinicId>> {
    let id = id.filter(|id| !id.is_empty()).map(ClinicId::try_from);
    id.transpose().context("a clinic whose id is none")
}

/// The moment as the database keeps it, which is cut to milliseconds.
pub(super) fn stored(now: chrono::DateTime<Utc>) -> DateTime {
    DateTime::from_chrono(now)
}

#[cfg(test)]
mod tests {
    use bson::{Binary, doc, spec::BinarySubtype};
    use serde_json::{Value, json};

    use super::{ConfirmationDocument, UNSET};

    #[test]
    fn a_document_of_the_reference_is_read() {
        let document = doc! {
            "_id": "0123456789abcdef0123456789abcdef", "type": "careteam_invitation",
            "email": "carol@example.org", "creatorId": "alice", "creator": {},
            "context": Binary { subtype: BinarySubtype::Generic, bytes: br#"{"view":{},"note":{}}"#.to_vec() },
            "created": bson::DateTime::from_millis(1_700_000_000_000), "modified": UNSET,
            "status": "pending", "templateName": "careteam_invitation", "userId": "",
        };
        let read: ConfirmationDocument = bson::deserialize_from_document(document).unwrap();
        let confirmation = read.read().unwrap();
        assert_eq!(confirmation.context, Some(json!({"view": {}, "note": {}})));
        assert_eq!(confirmation.modified, None);
        assert_eq!(confirmation.user_id, None);
        assert_eq!(confirmation.expires_at, None);
    }

    #[test]
    fn numbers_in_a_context_come_back_as_they_went() {
        let context: Value =
            json!({"permissions": {"view": {"n": 1, "x": 1.5, "big": 5_000_000_000_i64}}});
        let mut document = doc! {
            "_id": "k", "type": "careteam_invitation", "status": "pending", "created": UNSET,
        };
        document.insert("context", bson::serialize_to_bson(&context).unwrap());
        let read: ConfirmationDocument = bson::deserialize_from_document(document).unwrap();
        assert_eq!(read.read().unwrap().context, Some(context));
    }

    #[test]
    fn what_cannot_be_read_is_an_error() {
        for (name, value) in [
            ("type", bson::Bson::from("other")),
            ("status", "other".into()),
            ("context", 1.into()),
            ("clinicId", "harbor".into()),
            ("creator", doc! { "clinicId": "harbor" }.into()),
        ] {
            let mut document = doc! {
                "_id": "k", "type": "password_reset", "status": "pending", "created": UNSET,
            };
            document.insert(name, value);
            let read: ConfirmationDocument = bson::deserialize_from_document(document).unwrap();
            assert!(read.read().is_err(), "{name}");
        }
    }
}
