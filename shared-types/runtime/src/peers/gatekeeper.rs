//! The client of gatekeeper: permissions.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use shared_types::{
    AdministeredAccount, ClinicId, ClinicianRelation, Grant, KnownRelations, LockedAccount,
    PatientRelation, PermissionSet, PermissionsByUser, UserId,
};

use super::PeerError;
use crate::http::{PeerClient, segment};

/// Calls gatekeeper with the token of this service.
#[derive(Clone)]
pub struct Gatekeeper {
    client: PeerClient,
}

impl Gatekeeper {
    /// The gatekeeper that `client` reaches.
    pub fn new(client: PeerClient) -> Self {
        Self { client }
    }

    /// The same with connections of its own, for one worker thread alone.
    pub fn unshared(&self) -> anyhow::Result<Self> {
        Ok(Self::new(self.client.unshared()?))
    }

    /// What `grantee` may do on the account of `sharer`, clinics included; `None` for nothing
    /// (`GET /access/:sharerId/:userId`).
    pub async fn permissions(
        &self,
        sharer: &UserId,
        grantee: &UserId,
    ) -> Result<Option<PermissionSet>, PeerError> {
        let answer = self.client.get(&pair(sharer, grantee)).await?;
        match answer.status.as_u16() {
            404 => Ok(None),
            _ => answer.json(),
        }
    }

    /// Who can reach the account of `sharer` (`GET /access/:sharerId`).
    pub async fn members(&self, sharer: &UserId) -> Result<PermissionsByUser, PeerError> {
        self.client
            .get(&format!("/access/{}", segment(sharer.as_str())))
            .await?
            .json()
    }

    /// Whose accounts `user` can reach (`GET /access/groups/:userId`).
    pub async fn groups(&self, user: &UserId) -> Result<PermissionsByUser, PeerError> {
        self.client
            .get(&format!("/access/groups/{}", segment(user.as_str())))
            .await?
            .json()
    }

    /// Replaces what `grantee` may do on the account of `sharer`; an empty set removes the pair
    /// (`POST /access/:sharerId/:userId`).
    pub async fn set_permissions(
        &self,
        sharer: &UserId,
        grantee: &UserId,
        permissions: &PermissionSet,
    ) -> Result<Option<PermissionSet>, PeerError> {
        self.client
            .post(&pair(sharer, grantee), permissions)
            .await?
            .json()
    }

    /// Adds what `grant` offers to what its grantee has; `None` when who offered it may no longer
    /// share the account (`PUT /internal/grants/:grantId`). A repeat with the same `grant_id`
    /// changes nothing.
    pub async fn grant(
        &self,
        grant_id: &str,
        grant: &Grant,
    ) -> Result<Option<PermissionSet>, PeerError> {
        let path = format!("/internal/grants/{}", segment(grant_id));
        let answer = self.client.put(&path, grant).await?;
        match answer.status.as_u16() {
            403 => Ok(None),
            _ => answer.json().map(Some),
        }
    }

    /// The accounts that `user` runs (`GET /internal/users/:userId/administered`).
    pub async fn administered(&self, user: &UserId) -> Result<Vec<AdministeredAccount>, PeerError> {
        let path = format!("/internal/users/{}/administered", segment(user.as_str()));
        self.client.get(&path).await?.json()
    }

    /// To whom `user` gave something on its account directly, and whether they agreed to it
    /// (`GET /internal/users/:userId/grantees`).
    pub async fn agreements(&self, user: &UserId) -> Result<BTreeMap<UserId, bool>, PeerError> {
        let path = format!("/internal/users/{}/grantees", segment(user.as_str()));
        self.client.get(&path).await?.json()
    }

    /// Takes `custodian` from everybody who was granted it on the account of `user`; what else they
    /// have stays (`DELETE /internal/users/:userId/custodians`). Repeatable.
    pub async fn withdraw_custodians(&self, user: &UserId) -> Result<(), PeerError> {
        let path = format!("/internal/users/{}/custodians", segment(user.as_str()));
        self.client.delete(&path).await?.done()
    }

    /// Removes what was granted on the account of `user` directly until `until`
    /// (`DELETE /internal/users/:userId/grantees`). Repeatable.
    pub async fn withdraw_grants(
        &self,
        user: &UserId,
        until: DateTime<Utc>,
    ) -> Result<(), PeerError> {
        let (user, until) = (segment(user.as_str()), until.timestamp_millis());
        let path = format!("/internal/users/{user}/grantees?until={until}");
        let answer = self.client.delete(&path).await?;
        match answer.status.as_u16() {
            204 => Ok(()),
            _ => Err(answer.refusal()),
        }
    }

    /// Who runs the account of `user`; whatever gatekeeper is deciding about that is decided anew
    /// (`PUT /internal/users/:userId/lock`). Repeatable.
    pub async fn lock_account(&self, user: &UserId) -> Result<LockedAccount, PeerError> {
        let path = format!("/internal/users/{}/lock", segment(user.as_str()));
        self.client.put(&path, &()).await?.json()
    }

    /// `user` is a patient of `clinic`
    /// (`PUT /internal/clinics/:clinicId/patients/:userId`). Repeatable; older than what is known,
    /// it changes nothing.
    pub async fn set_patient(
        &self,
        clinic: ClinicId,
        user: &UserId,
        relation: &PatientRelation,
    ) -> Result<(), PeerError> {
        let path = relation_path(clinic, "patients", user);
        self.client.put(&path, relation).await?.done()
    }

    /// `user` is no patient of `clinic` any more
    /// (`DELETE /internal/clinics/:clinicId/patients/:userId`). As [`Self::set_patient`].
    pub async fn remove_patient(
        &self,
        clinic: ClinicId,
        user: &UserId,
        revision: i64,
    ) -> Result<(), PeerError> {
        let path = relation_path(clinic, "patients", user);
        let path = format!("{path}?revision={revision}");
        self.client.delete(&path).await?.done()
    }

    /// `user` works for `clinic`
    /// (`PUT /internal/clinics/:clinicId/clinicians/:userId`). As [`Self::set_patient`].
    pub async fn set_clinician(
        &self,
        clinic: ClinicId,
        user: &UserId,
        relation: &ClinicianRelation,
    ) -> Result<(), PeerError> {
        let path = relation_path(clinic, "clinicians", user);
        self.client.put(&path, relation).await?.done()
    }

    /// `user` works for `clinic` no more
    /// (`DELETE /internal/clinics/:clinicId/clinicians/:userId`). As [`Self::set_patient`].
    pub async fn remove_clinician(
        &self,
        clinic: ClinicId,
        user: &UserId,
        revision: i64,
    ) -> Result<(), PeerError> {
        let path = relation_path(clinic, "clinicians", user);
        let path = format!("{path}?revision={revision}");
        self.client.delete(&path).await?.done()
    }

    /// What is known of patients of clinics, of the accounts in a range, about 500 of them
    /// (`GET /internal/clinics/patients`).
    pub async fn known_patients(
        &self,
        after: Option<&UserId>,
        until: Option<&UserId>,
    ) -> Result<KnownRelations, PeerError> {
        self.known("patients", after, until).await
    }

    /// The same of clinicians (`GET /internal/clinics/clinicians`).
    pub async fn known_clinicians(
        &self,
        after: Option<&UserId>,
        until: Option<&UserId>,
    ) -> Result<KnownRelations, PeerError> {
        self.known("clinicians", after, until).await
    }

    async fn known(
        &self,
        kind: &str,
        after: Option<&UserId>,
        until: Option<&UserId>,
    ) -> Result<KnownRelations, PeerError> {
        let range = [("after", after), ("until", until)];
        let range = range
            .into_iter()
            .filter_map(|(name, id)| Some(format!("{name}={}", segment(id?.as_str()))));
        let range: Vec<String> = range.collect();
        let path = format!("/internal/clinics/{kind}?{}", range.join("&"));
        self.client.get(&path).await?.json()
    }

    /// Removes everything about a deleted account (`DELETE /internal/users/:userId`). Repeatable.
    pub async fn forget_user(&self, user: &UserId) -> Result<(), PeerError> {
        let path = format!("/internal/users/{}", segment(user.as_str()));
        self.client.delete(&path).await?.done()
    }
}

fn relation_path(clinic: ClinicId, kind: &str, user: &UserId) -> String {
    let user = segment(user.as_str());
    format!("/internal/clinics/{clinic}/{kind}/{user}")
}

fn pair(sharer: &UserId, grantee: &UserId) -> String {
    format!(
        "/access/{}/{}",
        segment(sharer.as_str()),
        segment(grantee.as_str())
    )
}
