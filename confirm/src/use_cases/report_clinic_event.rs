//! Reports to the owner of an account what happened in a clinic.

use chrono::Utc;
use shared_runtime::{
    error::OrFail as _,
    mongo::{Aborted, is_duplicate_key, transaction},
};
use shared_types::{ClinicEvent, ClinicNotice};
use tracing::info;

use super::send_mail::QueuedMail;
use crate::{
    State,
    domain::{
        confirmation::{Confirmation, Kind},
        template::Template,
    },
    error::{Error, Failure},
};

/// Queues the mail of `notice`. No quota limits these mails. An account that is gone, or has no
/// address, gets no mail. Repeatable under the same `id`.
pub(crate) async fn report(state: &State, id: &str, notice: &ClinicNotice) -> Result<(), Error> {
    let emails = state
        .user_api
        .person(&notice.user_id)
        .await
        .or_fail(Failure::FindingUser)?
        .and_then(|account| account.user.emails);
    let Some(email) = emails.into_iter().flatten().next() else {
        return Ok(());
    };
    let template = match notice.event {
        ClinicEvent::Created => Template::ClinicCreated,
        ClinicEvent::RolesChanged => Template::ClinicianRoles,
        ClinicEvent::UploadReminder => Template::UploadReminder,
        ClinicEvent::ConnectionRequest => Template::ConnectionRequest,
        ClinicEvent::MigrationStarted => Template::MigrationStarted,
        ClinicEvent::MigrationCompleted => Template::MigrationCompleted,
    };
    let key = format!("notice.{id}");
    let made = Confirmation {
        email,
        user_id: Some(notice.user_id.clone()),
        clinic_id: Some(notice.clinic_id),
        ..Confirmation::new(key, Kind::ClinicNotice, template, Utc::now())
    };
    let stored = transaction(&state.client, async |session| {
        state.confirmations.insert(session, &made).await?;
        let mail = QueuedMail::of(&made);
        state.mails.enqueue(session, &mail).await?;
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
