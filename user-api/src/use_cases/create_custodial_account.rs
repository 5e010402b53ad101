//! A caller creates an account without a password, for a person who is cared for or for a patient
//! of a clinic.

use shared_runtime::auth::{Caller, Service};
use shared_types::{ClinicId, PermissionSet, UserId};

use crate::{
    State,
    domain::{
        details::Custodial,
        metadata::Collections,
        user::{Account, CUSTODIAL_ROLE, DEFAULT_ROLE},
    },
    error::{Error, Refusal},
    use_cases::{
        await_enrolment,
        create_account::{FirstGrant, NewAccount, check_free, create, create_with_grant, draft},
    },
};

/// The account that `details` describe, whose address is free.
pub(crate) async fn prepare(state: &State, details: Custodial) -> Result<Account, Error> {
    let email = details.email;
    check_free(state, email.as_deref().into_iter(), Refusal::UserExists).await?;
    let roles = [CUSTODIAL_ROLE, DEFAULT_ROLE].map(str::to_owned);
    Ok(draft(
        email.clone(),
        email.into_iter().collect(),
        roles.into(),
    ))
}

/// Creates `account` together with the right of `custodian` to run it.
pub(crate) async fn create_for_custodian(
    state: &State,
    caller: &Caller,
    account: &Account,
    custodian: UserId,
) -> Result<(), Error> {
    let grant = FirstGrant {
        sharer: account.userid.clone(),
        grantee: custodian,
        permissions: PermissionSet::of(&["custodian", "view", "upload"]),
    };
    let new = NewAccount {
        account,
        metadata: None,
        by: caller.name(),
        // Services are trusted to know.
        needs: (!caller.is_service()).then_some(&grant.grantee),
    };
    create_with_grant(state, &new, &grant).await
}

/// Creates the account that `details` describe for a patient of `clinic`, which keeps the relation to
/// it itself, with the profile of the patient; returns it. Where clinic can be asked, an account that
/// waits for its patient is given once more, and goes if the patient never comes (see
/// [`await_enrolment`]). `clinic` is whatever the path has: what is no id has no patients.
pub(crate) async fn create_for_clinic(
    state: &State,
    service: &Service,
    clinic: &str,
    details: Custodial,
    metadata: Option<Collections>,
) -> Result<Account, Error> {
    let clinic: Option<ClinicId> = clinic.parse().ok();
    let clinic = clinic.filter(|_| state.clinic.is_some());
    let email = details.email.clone();
    let created = async {
        let account = prepare(state, details).await?;
        let new = NewAccount {
            account: &account,
            metadata,
            by: &service.name,
            needs: None,
        };
        let awaited = clinic.map(await_enrolment::begin);
        create(state, &new, awaited.as_ref()).await?;
        Ok::<_, Error>(account)
    };
    match (created.await, clinic, email) {
        (Err(Error::Refused(Refusal::UserExists)), Some(clinic), Some(email)) => {
            let awaited = await_enrolment::find_awaited(state, clinic, &email).await?;
            awaited.ok_or_else(|| Refusal::UserExists.into())
        }
        (created, ..) => created,
    }
}
