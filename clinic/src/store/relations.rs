//! Collections `patients` and `clinicians`: what gatekeeper should know of them, by account.

use bson::{Document, deserialize_from_document, doc};
use futures_util::TryStreamExt;
use mongodb::{
    Collection,
    error::{Error, Result},
};
use shared_types::{KnownRelation, PermissionSet, UserId};

use super::{Clinicians, Patients};
use crate::domain::relations::Accounts;

/// As many records are compared at once.
const PAGE: u16 = 500;

impl Patients {
    /// Patients of the accounts after `after`, some, each account with all of its clinics. A patient
    /// who grants nothing is none to gatekeeper.
    pub(crate) async fn list_relations(&self, after: Option<&UserId>) -> Result<Accounts> {
        let mut accounts = list(&self.documents, after).await?;
        accounts
            .relations
            .retain(|each| !each.permissions.is_empty());
        Ok(accounts)
    }
}

impl Clinicians {
    /// The same of clinicians, those who are invited aside.
    pub(crate) async fn list_relations(&self, after: Option<&UserId>) -> Result<Accounts> {
        let mut accounts = list(&self.clinicians, after).await?;
        for relation in &mut accounts.relations {
            relation.permissions = PermissionSet::default();
        }
        Ok(accounts)
    }
}

async fn list(records: &Collection<Document>, after: Option<&UserId>) -> Result<Accounts> {
    let after = after.map_or("", UserId::as_str);
    let first = read(records, doc! { "$gt": after }, i64::from(PAGE) + 1).await?;
    let only = first.first().map(|first| first.user_id.clone());
    match (Accounts::whole(first, PAGE.into()), only) {
        (None, Some(only)) => Ok(Accounts {
            relations: read(records, doc! { "$eq": only.as_str() }, 0).await?,
            until: Some(only),
        }),
        (whole, _) => whole.ok_or_else(|| Error::custom("nothing is more than a page")),
    }
}

/// `limit` 0 means all.
async fn read(
    records: &Collection<Document>,
    users: Document,
    limit: i64,
) -> Result<Vec<KnownRelation>> {
    let found = records.find(doc! { "userId": users });
    let found = found.sort(doc! { "userId": 1 }).limit(limit);
    let members = doc! { "_id": 0, "userId": 1, "clinicId": 1, "permissions": 1 };
    let mut found = found.projection(members).batch_size(PAGE.into()).await?;
    let mut relations = Vec::new();
    while let Some(mut record) = found.try_next().await? {
        let clinic = record.get_object_id("clinicId").map_err(Error::custom)?;
        let user = record.get_str("userId").map_err(Error::custom)?;
        let (clinic_id, user_id) = (clinic.bytes().into(), user.into());
        let permissions = record.remove("permissions").and_then(|set| match set {
            bson::Bson::Document(set) => deserialize_from_document(set).ok(),
            _ => None,
        });
        relations.push(KnownRelation {
            clinic_id,
            user_id,
            permissions: permissions.unwrap_or_default(),
        });
    }
    Ok(relations)
}
