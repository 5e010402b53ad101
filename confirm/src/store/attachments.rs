//! Collection `confirmations`: invitations that were sent to an address before anybody had shown it to
//! be theirs.

use bson::{Document, doc};
use futures_util::TryStreamExt;
use mongodb::error::Result;
use serde::Deserialize;
use shared_runtime::mongo;
use shared_types::{UserId, address};

use super::confirmations::{Confirmations, IGNORING_CASE};
use crate::domain::confirmation::{Kind, Status};

/// Of a confirmation no more than where it was sent, so that it need not be readable otherwise.
#[derive(Deserialize)]
struct Addressed {
    #[serde(rename = "_id")]
    key: String,
    email: String,
}

impl Confirmations {
    /// Gives each of `owners` the pending invitations of `kind` to its address that no account has;
    /// returns whether there were any.
    pub(crate) async fn attach(&self, kind: Kind, owners: &[(&UserId, &str)]) -> Result<bool> {
        if owners.is_empty() {
            return Ok(false);
        }
        let emails: Vec<String> = owners
            .iter()
            .flat_map(|(_, email)| address::spellings(email))
            .collect();
        let mut filter = is_unattached(kind);
        filter.insert("email", doc! { "$in": emails });
        let unattached: Vec<Addressed> = self
            .confirmations
            .clone_with_type()
            .find(filter)
            .projection(doc! { "email": 1 })
            .collation(IGNORING_CASE.clone())
            .batch_size(mongo::ONE_BATCH)
            .await?
            .try_collect()
            .await?;
        let mut is_attached = false;
        for (owner, email) in owners {
            let at_address = unattached
                .iter()
                .filter(|found| address::is_same(&found.email, email));
            let keys: Vec<&str> = at_address.map(|found| found.key.as_str()).collect();
            if keys.is_empty() {
                continue;
            }
            let mut filter = is_unattached(kind);
            filter.insert("_id", doc! { "$in": keys });
            let update = doc! { "$set": { "userId": owner.as_str() } };
            self.confirmations.update_many(filter, update).await?;
            is_attached = true;
        }
        Ok(is_attached)
    }
}

/// Pending invitations that wait for an account.
fn is_unattached(kind: Kind) -> Document {
    doc! {
        "type": kind.name(),
        "status": Status::Pending.name(),
        "userId": { "$in": ["", null] },
    }
}
