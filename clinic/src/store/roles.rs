//! Collection `clinicians`: what somebody may do in a clinic, with which every request of a clinician
//! begins. Look-ups at the same moment share a round trip.

use std::collections::HashMap;

use bson::{Bson, Document, doc, oid::ObjectId};
use futures_util::TryStreamExt;
use mongodb::{
    Collection,
    error::{Error, Result},
};
use serde::Deserialize;
use shared_runtime::batches::Batcher;
use shared_types::ClinicId;

use super::ids::of_users;

/// A clinic, and the account of somebody who may work for it.
type Pair = (ClinicId, String);

/// The look-ups of one worker thread.
#[derive(Debug, Clone)]
pub(super) struct Roles(Batcher<Pair, Option<Vec<String>>, Error>);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RolesDocument {
    clinic_id: ObjectId,
    user_id: String,
    roles: Option<Vec<Bson>>,
}

impl Roles {
    /// Starts the task that gathers; it ends with the last clone.
    pub(super) fn on(clinicians: &Collection<Document>) -> Self {
        let clinicians: Collection<RolesDocument> = clinicians.clone_with_type();
        Self(Batcher::start("roles", move |pairs| {
            let clinicians = clinicians.clone();
            async move { find_all(&clinicians, pairs).await }
        }))
    }

    /// The roles of a user in a clinic; `None`: none, an invitation at most.
    pub(super) async fn find(&self, clinic: ClinicId, user: &str) -> Result<Option<Vec<String>>> {
        Ok(self.0.add_repeatable((clinic, user.to_owned())).await?)
    }
}

async fn find_all(
    clinicians: &Collection<RolesDocument>,
    pairs: Vec<Pair>,
) -> Result<Vec<Option<Vec<String>>>> {
    let filter = of_users(pairs.iter().map(|(clinic, user)| (*clinic, user.as_str())));
    let members = doc! { "_id": 0, "clinicId": 1, "userId": 1, "roles": 1 };
    let found = clinicians.find(filter).projection(members).await?;
    let found = found.map_ok(|found| {
        let roles = found.roles.unwrap_or_default().into_iter();
        let role = |role| match role {
            Bson::String(role) => Some(role),
            _ => None,
        };
        let clinic = ClinicId::from(found.clinic_id.bytes());
        ((clinic, found.user_id), roles.filter_map(role).collect())
    });
    let found: HashMap<Pair, Vec<String>> = found.try_collect().await?;
    Ok(pairs.iter().map(|pair| found.get(pair).cloned()).collect())
}
