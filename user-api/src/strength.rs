//! Which passwords are refused because they would be guessed first.

use shared_runtime::error::OrFail as _;
use shared_types::password::weakness;

use crate::{
    State,
    domain::{names::Names, update::Updates, user::Account},
    error::{Error, Failure, Refusal},
};

/// Refuses a password that is common or one of `names`, unless the settings say otherwise.
pub(crate) fn check<'a>(
    state: &State,
    password: &str,
    names: impl Iterator<Item = &'a str>,
) -> Result<(), Refusal> {
    let weakness = state
        .refuses_weak_passwords
        .then(|| weakness(password, names))
        .flatten();
    weakness.map_or(Ok(()), |weakness| Err(Refusal::WeakPassword(weakness)))
}

/// The same for the new password in `updates`, if there is one, of an account that has a profile and
/// gets the names `new`, if these change.
pub(crate) async fn check_change(
    state: &State,
    account: &Account,
    new: Option<&Names>,
    updates: &Updates,
) -> Result<(), Error> {
    let Some(password) = &updates.password else {
        return Ok(());
    };
    let full_name = state
        .metadata
        .full_name(&account.userid)
        .await
        .or_fail(Failure::UpdatingUser)?;
    let new = new.into_iter().flat_map(Names::iter);
    let names = account.names().chain(new).chain(full_name.as_deref());
    Ok(check(state, password, names)?)
}
