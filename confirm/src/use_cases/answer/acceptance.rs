//! What all acceptances have in common. First confirm begins the acceptance, with an outbox row
//! that finishes it, so that nobody can answer or cancel the invitation any more. Then the other
//! services do their part. Last confirm ends the invitation and takes the row back.

use std::{convert::Infallible, time::Duration};

use shared_runtime::{
    error::OrFail as _,
    mongo::{Aborted, transaction},
    outbox::{Effect, RowId},
};

use crate::{
    State,
    domain::{confirmation::Status, invitation::NotAnswerable},
    error::{Error, Failure, Refusal},
    store::Invited,
};

/// The request itself finishes within this time, unless a peer fails or the process dies.
pub(crate) const ROW_AFTER: Duration = Duration::from_secs(3);

/// The key of an invitation whose acceptance is under way, and the row that finishes the
/// acceptance.
pub(super) type UnderWay<'a> = (&'a str, RowId);

/// Begins the acceptance of the invitation with `key` for the `invited` account or clinic; returns
/// the row that finishes it, which carries out `effect`.
pub(super) async fn begin(
    state: &State,
    invited: Invited<'_>,
    effect: &impl Effect,
    key: &str,
) -> Result<RowId, Error> {
    let mut found = None;
    let begun = transaction(&state.client, async |session| {
        let row = state.outbox.enqueue(session, effect).await?;
        let confirmations = &state.confirmations;
        if confirmations
            .begin_acceptance(session, key, &invited, row)
            .await?
        {
            return Ok(row);
        }
        // A read outside of the transaction may not see the faster change yet.
        found = confirmations.find_in(session, key).await?;
        Err(Aborted::Outrun)
    })
    .await;
    let Err(Aborted::Outrun) = begun else {
        return begun.or_fail(Failure::Saving);
    };
    // The invitation was answered, canceled or accepted meanwhile. Where two requests began the
    // acceptance at once, both finish it.
    let acceptance = match found {
        Some(found) => found.acceptance.ok_or(NotAnswerable)?,
        // The invitation was sent again, with another key.
        None => return Err(Refusal::NoInvitation.into()),
    };
    Ok(acceptance.row)
}

/// Ends the invitation as `to` and takes the row back; returns whether the acceptance was still
/// under way. `is_unanswered` says that no request waits for the outcome.
pub(super) async fn end(
    state: &State,
    (key, row): UnderWay<'_>,
    to: Status,
    is_unanswered: bool,
) -> Result<bool, mongodb::error::Error> {
    transaction::<_, Infallible>(&state.client, async |session| {
        let is_ended = state
            .confirmations
            .finish(session, key, to, is_unanswered)
            .await?;
        // The relay itself removes the row that it is delivering.
        if is_ended && !is_unanswered {
            state.outbox.withdraw(session, row).await?;
        }
        Ok(is_ended)
    })
    .await
    .map_err(Into::into)
}

/// Ends the acceptance without an outcome, so that the invitation can be answered again, and takes
/// the row back.
pub(super) async fn release(
    state: &State,
    (key, row): UnderWay<'_>,
) -> Result<(), mongodb::error::Error> {
    let released = transaction::<_, Infallible>(&state.client, async |session| {
        if state.confirmations.release(session, key, row).await? {
            state.outbox.withdraw(session, row).await?;
        }
        Ok(())
    });
    released.await.map_err(Into::into)
}

/// The outcome of an acceptance that was completed before the request came: the relay was faster
/// than the repeat of a request, or this is another request.
pub(super) async fn take_late(state: &State, key: &str) -> Result<(), Error> {
    let was_open = state
        .confirmations
        .note_answered(key)
        .await
        .or_fail(Failure::Saving)?;
    if was_open {
        Ok(())
    } else {
        Err(NotAnswerable.into())
    }
}

/// The outcome of an acceptance that the relay or another request finished, for the request that
/// accepted.
pub(super) async fn take_outcome(state: &State, key: &str) -> Result<(), Error> {
    let found = state
        .confirmations
        .find(key)
        .await
        .or_fail(Failure::Saving)?
        .filter(|found| found.status == Status::Completed)
        .ok_or(Refusal::Forbidden)?;
    if found.acceptance.is_some() {
        state
            .confirmations
            .note_answered(key)
            .await
            .or_fail(Failure::Saving)?;
    }
    Ok(())
}
