//! A program comes to work for a clinic, as a clinician without an address.

use bson::DateTime;
use shared_runtime::error::OrFail as _;
use shared_types::ClinicId;
use tracing::warn;

use super::change_clinician;
use crate::{
    State,
    domain::{
        Refusal,
        clinician::{AccountId, Clinician, MEMBER},
        service_account::NewServiceAccount,
    },
    error::{Error, Failure},
};

/// Lets the account work for the clinic to which the credentials belong; returns it.
pub(crate) async fn add_service_account(
    state: &State,
    clinic_id: ClinicId,
    account: &NewServiceAccount,
) -> Result<Clinician, Error> {
    // Before the credentials go anywhere; what holds is looked at again where it is written.
    let clinic = state.store.clinics.find(clinic_id).await.or_fail(Failure)?;
    if !clinic.ok_or(Refusal::ClinicNotFound)?.is_migrated {
        return Err(Refusal::NotMigrated.into());
    }
    let Some(endpoint) = &state.token_endpoint else {
        return Err(Refusal::NoTokenEndpoint.into());
    };
    let credentials = (account.client_id.as_str(), &account.client_secret.0);
    let subject = endpoint.subject(credentials.0, credentials.1).await;
    // The refusal, which the caller sees, does not say why.
    let subject = subject.map_err(|cause| {
        warn!(%cause, "the token endpoint gave no token for a service account");
        Refusal::NoServiceToken
    })?;
    let user = AccountId::try_from(subject).map_err(|problem| {
        warn!(
            problem,
            "the token of a service account is not about an account"
        );
        Refusal::NoServiceToken
    })?;
    let now = DateTime::now().to_chrono();
    let clinician = Clinician {
        clinic_id,
        user_id: Some(user.0),
        invite_id: None,
        email: None,
        name: Some(account.name.clone().into()),
        roles: vec![MEMBER.to_owned()],
        is_service_account: true,
        created_time: now,
        updated_time: now,
    };
    change_clinician::add_clinician(state, &clinician).await?;
    Ok(clinician)
}
