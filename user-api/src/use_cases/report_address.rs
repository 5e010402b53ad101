//! An account gets another address, or loses it: user-api reports that to clinic, which shows the
//! addresses of patients and clinicians.

use anyhow::Context as _;
use mongodb::ClientSession;
use serde::{Deserialize, Serialize};
use shared_runtime::{
    outbox::{Effect, Hopeless},
    peers::PeerError,
};
use shared_types::UserId;

use crate::{
    State,
    domain::{account_change::AccountChange, user::Account},
};

/// The address of an account changed. The address is read when the row is delivered, so that no row
/// holds one, and the last row reports the last one.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct AddressChanged {
    pub(crate) userid: UserId,
}

impl Effect for AddressChanged {
    const TOPIC: &'static str = "users.address-changed";

    fn key(&self) -> String {
        format!("address:{}", self.userid)
    }
}

/// Queues the row in the transaction of `session` that made `change` of the account read as `read`,
/// where that gave the account another address and there is a clinic.
pub(crate) async fn note(
    state: &State,
    session: &mut ClientSession,
    read: &Account,
    change: &AccountChange,
) -> Result<(), mongodb::error::Error> {
    let Some(names) = change.names.as_ref().filter(|_| state.clinic.is_some()) else {
        return Ok(());
    };
    if read.main_address() != names.main_address() {
        let userid = read.userid.clone();
        let changed = AddressChanged { userid };
        state.outbox.enqueue(session, &changed).await?;
    }
    Ok(())
}

/// Reports the address that the account has. Repeatable.
pub(crate) async fn relay(state: &State, changed: &AddressChanged) -> anyhow::Result<()> {
    let clinic = state.clinic.as_ref().context("clinic.url is not set")?;
    let Some(account) = state.users.find(&changed.userid).await? else {
        // Another row reports the deletion.
        return Ok(());
    };
    let noted = clinic.note_address(&account.userid, account.main_address());
    match noted.await {
        Err(PeerError::Refused { status: 422 }) => {
            let cause = "another clinician of a clinic has the address".to_owned();
            Err(Hopeless(cause).into())
        }
        Err(PeerError::Refused { status: 400 }) => {
            Err(Hopeless("clinic takes it for no address".to_owned()).into())
        }
        noted => noted.context("clinic"),
    }
}
