//! Somebody creates an account without a password, for a person who is cared for or for a patient of
//! a clinic.

use shared_runtime::auth::{Caller, Service};
use shared_types::{PermissionSet, UserId};

use crate::{
    State,
    domain::{
        details::Custodial,
        user::{Account, CUSTODIAL_ROLE, DEFAULT_ROLE},
    },
    error::{Error, Refusal},
    use_cases::create_account::{Grant, NewAccount, check_free, create, create_with_grant, draft},
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
    let grant = Grant {
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

/// Creates `account` for a clinic, which keeps the relation to it itself.
pub(crate) async fn create_for_clinic(
    state: &State,
    service: &Service,
    account: &Account,
) -> Result<(), Error> {
    let new = NewAccount {
        account,
        metadata: None,
        by: &service.name,
        needs: None,
    };
    create(state, &new).await
}
