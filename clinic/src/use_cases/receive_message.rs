//! Hospital records send a message. Redox stops a whole feed upon any answer of 400 or more, so what shows
//! the right token is taken, understood or not: what cannot be understood is kept apart with the reason, and
//! an operator has it read again once it can be.

use mongodb::error::{Error as DatabaseError, ErrorKind, WriteFailure};
use shared_runtime::{
    error::OrFail as _,
    mongo::{Aborted, is_duplicate_key},
};
use shared_types::MessageId;
use tracing::warn;

use crate::{
    State,
    domain::{Refusal, redox::meta::Unreadable},
    error::{Error, Failure},
    store::{Inserted, NewMessage},
};

/// As often a message is stored that another one of the same source outruns.
const TRIES: usize = 3;

/// Takes a message. Once this returns it is stored, however often it comes.
pub(crate) async fn receive(state: &State, body: &[u8]) -> Result<(), Error> {
    let unreadable = match read_and_store(state, body).await? {
        Ok(Inserted::New) => {
            count("stored");
            return Ok(());
        }
        Ok(Inserted::Known) => {
            count("repeated");
            return Ok(());
        }
        Err(unreadable) => unreadable,
    };
    if state.redox.refuses_unreadable {
        count("refused");
        return Err(refusal(&unreadable).into());
    }
    let quarantine = &state.store.redox.quarantine;
    quarantine
        .insert(body, unreadable.reason())
        .await
        .or_fail(Failure)?;
    count("quarantined");
    warn!(
        reason = unreadable.reason(),
        "a message of hospital records is in quarantine"
    );
    Ok(())
}

/// Reads a message of the quarantine again; returns why it cannot be understood still, or `None` where it is
/// stored.
pub(crate) async fn replay(state: &State, id: MessageId) -> Result<Option<String>, Error> {
    let quarantine = &state.store.redox.quarantine;
    let kept = quarantine.find(id).await.or_fail(Failure)?;
    let body = kept.and_then(|kept| kept.body);
    let body = body.ok_or(Refusal::MessageNotFound)?.bytes;
    match read_and_store(state, &body).await? {
        Ok(_) => {
            // What is cut off here is known when it is read once more.
            quarantine.delete(id).await.or_fail(Failure)?;
            count("replayed");
            Ok(None)
        }
        Err(unreadable) => Ok(Some(unreadable.reason().to_owned())),
    }
}

async fn read_and_store(state: &State, body: &[u8]) -> Result<Result<Inserted, Unreadable>, Error> {
    let message = match NewMessage::read(body) {
        Ok(message) => message,
        Err(unreadable) => return Ok(Err(unreadable)),
    };
    match store(state, &message).await {
        Ok(inserted) => Ok(Ok(inserted)),
        Err(error) if is_refused(&error) => {
            let reason = "the database does not take it".to_owned();
            Ok(Err(Unreadable::Content(reason)))
        }
        Err(error) => Err(Error::failed(Failure, error)),
    }
}

async fn store(state: &State, message: &NewMessage) -> Result<Inserted, DatabaseError> {
    let messages = &state.store.redox.messages;
    let mut tries = 1;
    loop {
        if messages.contains(message).await? {
            return Ok(Inserted::Known);
        }
        let inserted = state.store.change_feed(&message.source, async |session| {
            Ok::<_, Aborted>(messages.insert(session, message).await?)
        });
        match inserted.await.map_err(DatabaseError::from) {
            Ok(()) => {
                state.order_wake.notify_one();
                return Ok(Inserted::New);
            }
            // The same message came at the same moment, or the first one of its source did. After the last try
            // that is the failure.
            Err(error) if is_duplicate_key(&error) && tries < TRIES => tries += 1,
            Err(error) => return Err(error),
        }
    }
}

/// Whether the database refuses what is written, whoever writes it and when.
fn is_refused(error: &DatabaseError) -> bool {
    // Bad value, an invalid reference, names with a dollar or a dot, a document that is too large.
    const CODES: [i32; 5] = [2, 52, 55, 57, 10_334];
    match error.kind.as_ref() {
        ErrorKind::Write(WriteFailure::WriteError(error)) => CODES.contains(&error.code),
        _ => false,
    }
}

/// What the reference says of such a message.
fn refusal(unreadable: &Unreadable) -> Refusal {
    match unreadable {
        Unreadable::Body(reason) => Refusal::InvalidBody(reason.clone()),
        Unreadable::Meta(_) => Refusal::InvalidMeta,
        Unreadable::Content(_) => Refusal::UnstorableMessage,
    }
}

fn count(result: &'static str) {
    metrics::counter!("redox_messages_total", "result" => result).increment(1);
}
