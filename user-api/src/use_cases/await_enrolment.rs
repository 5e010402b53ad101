//! An account is made for a patient of a clinic, which stores the patient a moment later: unless it
//! does, the account goes again, for nobody could ever reach or want it.
//!
//! The account holds a mark until clinic has the patient, and a row looks after a while. A clinic that
//! asks again for the same address meanwhile gets the same account with a mark of its own, which the
//! rows of others leave alone: so one repeat finishes what was cut off between the two services.

use std::time::Duration;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use shared_runtime::{
    auth::Service,
    error::OrFail as _,
    mongo::{Aborted, transaction},
    outbox::Effect,
};
use shared_types::{ClinicId, UserId, address};
use uuid::Uuid;

use crate::{
    State,
    domain::user::Account,
    error::{Error, Failure, Refusal},
    store::Awaited,
    use_cases::{
        create_account::{NewAccount, create_with},
        delete_account,
    },
};

/// Far longer than a clinic takes from the account to the patient.
const LOOK_AFTER: Duration = Duration::from_mins(1);

/// Whether clinic has the patient of an account is to be looked at.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Enrolling {
    pub(crate) userid: UserId,
    pub(crate) clinic_id: ClinicId,
    /// Of the request that the row belongs to.
    pub(crate) mark: String,
}

impl Effect for Enrolling {
    const TOPIC: &'static str = "users.enrolling";

    fn key(&self) -> String {
        format!("enrolling:{}", self.userid)
    }

    fn delay(&self) -> Duration {
        LOOK_AFTER
    }
}

impl Enrolling {
    fn begin(userid: &UserId, clinic_id: ClinicId) -> Self {
        Self {
            userid: userid.clone(),
            clinic_id,
            mark: Uuid::new_v4().to_string(),
        }
    }

    fn awaited(&self) -> Awaited<'_> {
        Awaited {
            clinic: self.clinic_id,
            mark: &self.mark,
        }
    }
}

/// Creates `account` for a patient of `clinic`.
pub(crate) async fn create(
    state: &State,
    service: &Service,
    account: &Account,
    clinic: ClinicId,
) -> Result<(), Error> {
    let new = NewAccount {
        account,
        metadata: None,
        by: &service.name,
        needs: None,
    };
    let enrolling = Enrolling::begin(&account.userid, clinic);
    create_with(state, &new, async |session| {
        let (users, awaited) = (&state.users, enrolling.awaited());
        users.begin_wait(session, &account.userid, &awaited).await?;
        state.outbox.enqueue(session, &enrolling).await?;
        Ok(())
    })
    .await
}

/// The account with `email` that was made for a patient whom `clinic` does not have yet, for another
/// try; `None`: there is none.
pub(crate) async fn find_awaited(
    state: &State,
    clinic: ClinicId,
    email: &str,
) -> Result<Option<Account>, Error> {
    let found = state.users.list_by_name(email).await;
    for account in found.or_fail(Failure::CreatingUser)? {
        let has_it_alone =
            matches!(account.emails.as_slice(), [own] if address::is_same(own, email));
        if has_it_alone && !account.has_password() && renew(state, clinic, &account.userid).await? {
            return Ok(Some(account));
        }
    }
    Ok(None)
}

/// Gives an account that waits for `clinic` another mark; returns whether it does.
async fn renew(state: &State, clinic: ClinicId, userid: &UserId) -> Result<bool, Error> {
    let enrolling = Enrolling::begin(userid, clinic);
    let renewed = transaction::<_, Refusal>(&state.client, async |session| {
        let (users, awaited) = (&state.users, enrolling.awaited());
        if !users.renew_wait(session, userid, &awaited).await? {
            return Err(Aborted::Outrun);
        }
        state.outbox.enqueue(session, &enrolling).await?;
        Ok(())
    });
    match renewed.await {
        Ok(()) => Ok(true),
        Err(Aborted::Outrun) => Ok(false),
        Err(aborted) => Err(aborted).or_fail(Failure::CreatingUser),
    }
}

/// Ends the wait for a patient whom clinic has, and deletes the account of one whom it has not.
/// Repeatable.
pub(crate) async fn relay(state: &State, enrolling: &Enrolling) -> anyhow::Result<()> {
    let clinic = state.clinic.as_ref().context("clinic.url is not set")?;
    let (userid, awaited) = (&enrolling.userid, enrolling.awaited());
    let Some(account) = state.users.find_awaited(userid, &awaited).await? else {
        return Ok(());
    };
    let is_kept = account.has_password()
        || clinic
            .has_patient(enrolling.clinic_id, userid)
            .await
            .context("clinic")?;
    if is_kept {
        state.users.end_wait(userid, &awaited).await?;
        return Ok(());
    }
    delete_account::delete_awaited(state, &account, &awaited).await
}
