//! Reports to the owner of an account what somebody changed.

use chrono::Utc;
use shared_runtime::{
    error::OrFail as _,
    mongo::{Aborted, is_duplicate_key, transaction},
};
use shared_types::{AccountNotice, Person};
use tracing::info;

use super::{
    send_mail::QueuedMail,
    send_sign_up::{self, Mail},
};
use crate::{
    State,
    domain::{
        account_change::AccountChange,
        confirmation::{Confirmation, Kind},
        key,
        sign_up::Requester,
        template::Template,
    },
    error::{Error, Failure},
};

/// Queues a mail to each recipient of `notice`. No quota limits these mails. Nobody gets a mail
/// about an account that is gone. Repeatable under the same `id`.
pub(crate) async fn report(state: &State, id: &str, notice: &AccountNotice) -> Result<(), Error> {
    let Some(account) = state
        .user_api
        .person(&notice.userid)
        .await
        .or_fail(Failure::FindingUser)?
    else {
        return Ok(());
    };
    if notice.needs_proof {
        ask_for_proof(state, &account).await?;
    }
    let made: Vec<Confirmation> = (0..notice.recipients.len())
        .map(|number| confirmation(id, notice, number))
        .collect();
    let stored = transaction(&state.client, async |session| {
        for confirmation in &made {
            state.confirmations.insert(session, confirmation).await?;
            let mail = QueuedMail::of(confirmation);
            state.mails.enqueue(session, &mail).await?;
        }
        Ok(())
    })
    .await;
    match stored {
        Err(Aborted::Failed(error)) if is_duplicate_key(&error) => {
            info!("a notice was queued before");
        }
        stored => {
            stored.or_fail(Failure::Saving)?;
            state.mails.wake();
        }
    }
    Ok(())
}

/// The confirmation of the mail to one of the recipients. Only the mail holds the key of the
/// confirmation.
fn confirmation(id: &str, notice: &AccountNotice, number: usize) -> Confirmation {
    let recipient = &notice.recipients[number];
    let change = AccountChange {
        change: recipient.change.clone(),
        changed: notice.changed.clone(),
        changed_at: notice.changed_at,
    };
    let key = key::keyless_id(&format!("{id}.{number}"));
    let made = Confirmation::new(
        key,
        Kind::AccountChange,
        Template::AccountChange,
        Utc::now(),
    );
    Confirmation {
        email: recipient.email.clone(),
        user_id: Some(notice.userid.clone()),
        context: Some(change.to_context()),
        ..made
    }
}

/// Mails the key that proves the new address of an account, which shows the address as not verified
/// until then. Where the mail is refused, as one mail too many, the owner may ask for it later.
async fn ask_for_proof(state: &State, account: &Person) -> Result<(), Error> {
    match send_sign_up::request_for(state, Requester::NOBODY, account, Mail::Queued).await {
        Err(Error::Refused(_)) => Ok(()),
        asked => asked.map(drop),
    }
}
