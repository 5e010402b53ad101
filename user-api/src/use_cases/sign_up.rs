//! A user signs up.

use anyhow::Context;
use chrono::Utc;
use shared_runtime::{error::OrFail as _, source::Source};
use shared_types::PermissionSet;

use crate::{
    State,
    domain::{
        details::SignUp,
        user::{Account, CLINIC_ROLE, names_contain_secret},
    },
    error::{Error, Failure, Refusal},
    sessions::Length,
    strength,
    use_cases::create_account::{
        FirstGrant, NewAccount, check_free, create, create_with_grant, draft,
    },
};

/// Creates the account that `details` describe and opens a session of it; returns both. A service
/// may give more roles and is not limited.
pub(crate) async fn sign_up(
    state: &State,
    source: Source,
    is_by_service: bool,
    details: SignUp,
) -> Result<(Account, String), Error> {
    details.check_roles(is_by_service)?;
    let names = details.emails.iter().chain([&details.username]);
    strength::check(state, &details.password, names.map(String::as_str))?;
    if !is_by_service {
        let sign_ups = &state.limits.sign_ups;
        sign_ups.take(source).map_err(Refusal::TooMany)?;
    }
    let mut account = draft(Some(details.username), details.emails, details.roles);
    check_free(state, account.names(), Refusal::UserExists).await?;
    if names_contain_secret(account.names(), state.verification_secret()) {
        account.email_verified = true;
        account.proven_email = account.proof_at_creation(state.verification_secret());
        account.terms_accepted = Some(Utc::now().format("%Y-%m-%dT%H:%M:%S%:z").to_string());
    }
    let hasher = &state.hasher;
    let hash = hasher.hash(source, &details.password, Failure::CreatingUser);
    account.password_hash = Some(hash.await?);
    insert(state, &account).await?;
    let token = state
        .sessions
        .open(&account, Length::Usual)
        .await
        .and_then(|token| token.context("the account was changed as soon as it existed"))
        .or_fail(Failure::GeneratingToken)?;
    Ok((account, token))
}

/// Stores the account; one of a clinic may view the demo account, where there is one.
async fn insert(state: &State, account: &Account) -> Result<(), Error> {
    let new = NewAccount {
        account,
        metadata: None,
        by: account.userid.as_str(),
        needs: None,
    };
    match &state.accounts.demo_account {
        Some(demo) if account.has_role(CLINIC_ROLE) => {
            let grant = FirstGrant {
                sharer: demo.clone(),
                grantee: account.userid.clone(),
                permissions: PermissionSet::of(&["view"]),
            };
            create_with_grant(state, &new, &grant).await
        }
        _ => create(state, &new, None).await,
    }
}
