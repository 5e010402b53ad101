//! Mails that go with confirmations: queued in the transaction that stores the confirmation, made
//! and sent when the relay delivers their row.

use bson::oid::ObjectId;
use mongodb::ClientSession;
use serde::{Deserialize, Serialize};
use shared_runtime::{
    mongo::Aborted,
    outbox::{Effect, Hopeless},
    peers::clinic::ClinicRecord,
};
use shared_types::{PersonProfile, UserId};
use tracing::warn;

use super::load_people;
use crate::{
    State,
    domain::{
        account_change::AccountChange,
        confirmation::{Confirmation, Kind, Status},
        context::Offer,
        key,
        quota::{self, Beyond, Cause},
        template::Template,
    },
    error::Refusal,
    mail::{Letter, SendError, Variables},
};

/// The mail of a confirmation.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct QueuedMail {
    pub(crate) key: String,
    /// When the confirmation was made or sent once more; another time means another mail.
    pub(crate) created: bson::DateTime,
}

impl QueuedMail {
    /// The mail of `confirmation`, to be queued in the transaction that stores it.
    pub(crate) fn of(confirmation: &Confirmation) -> Self {
        Self {
            key: confirmation.key.clone(),
            created: bson::DateTime::from_chrono(confirmation.created),
        }
    }
}

impl Effect for QueuedMail {
    const TOPIC: &'static str = "mail";

    /// Mails need not wait for each other.
    fn key(&self) -> String {
        ObjectId::new().to_hex()
    }
}

/// Sends the mail of a row, unless its confirmation was answered or sent again meanwhile.
pub(crate) async fn send(state: &State, queued: &QueuedMail) -> anyhow::Result<()> {
    let Some(confirmation) = state.confirmations.find(&queued.key).await? else {
        return Ok(());
    };
    let is_open = confirmation.status == Status::Pending || !confirmation.kind.is_question();
    if !is_open || bson::DateTime::from_chrono(confirmation.created) != queued.created {
        return Ok(());
    }
    let Some(template) = confirmation.template() else {
        return Err(Hopeless("the confirmation names no known mail".to_owned()).into());
    };
    let clinic = load_clinic(state, &confirmation).await?;
    let recipients = recipients(state, &confirmation, template, clinic.as_ref()).await?;
    let variables = variables(state, &confirmation, clinic).await?;
    let Some(key) = key_to_mail(state, &confirmation).await? else {
        return Ok(());
    };
    let letter = Letter {
        id: format!(
            "{}.{}",
            key::digest(&queued.key),
            queued.created.timestamp_millis()
        ),
        template,
        recipients,
        variables: Variables { key, ..variables },
    };
    match state.mailer.send(&letter).await {
        Ok(()) => {
            metrics::counter!("mails_sent_total", "template" => template.name()).increment(1);
            Ok(())
        }
        Err(SendError::Permanent(cause)) => {
            // Strangers name addresses; an address that does not exist concerns no operator.
            metrics::counter!("mails_refused_total", "template" => template.name()).increment(1);
            warn!(
                cause = format!("{cause:#}"),
                "a mail is given up: it cannot be written or addressed"
            );
            Ok(())
        }
        Err(SendError::Temporary(cause)) => Err(cause),
    }
}

/// The key that the mail holds, or `None` where the confirmation was answered meanwhile. A
/// confirmation without a key of its own gets another key with each try, which no row and no document
/// ever holds.
async fn key_to_mail(state: &State, confirmation: &Confirmation) -> anyhow::Result<Option<String>> {
    if !confirmation.is_keyless() {
        return Ok(Some(confirmation.key.clone()));
    }
    let (key, id) = (key::generate(), &confirmation.key);
    let is_added = state.confirmations.add_key(id, &key::digest(&key)).await?;
    Ok(is_added.then_some(key))
}

/// The clinic of the confirmation, unless the confirmation holds the clinic's name.
async fn load_clinic(
    state: &State,
    confirmation: &Confirmation,
) -> anyhow::Result<Option<ClinicRecord>> {
    let is_known = confirmation.creator_clinic.name.is_some();
    match (&state.clinics, confirmation.clinic_id) {
        (Some(clinics), Some(clinic)) if !is_known => Ok(clinics.clinic(clinic).await?),
        _ => Ok(None),
    }
}

/// The addresses that get the mail. A mail to a clinic goes to its administrators, unless the
/// clinic suppresses such mails.
async fn recipients(
    state: &State,
    confirmation: &Confirmation,
    template: Template,
    clinic: Option<&ClinicRecord>,
) -> anyhow::Result<Vec<String>> {
    let mut recipients = vec![confirmation.email.clone()];
    if template == Template::PatientToClinic
        && let (Some(clinics), Some(clinic)) = (&state.clinics, clinic)
        && !clinic.suppressed_notifications.patient_clinic_invitation
    {
        let admins = clinics.admins(clinic.id).await?;
        recipients.extend(admins.into_iter().map(|admin| admin.email));
    }
    recipients.retain(|email| !email.is_empty());
    Ok(recipients)
}

/// The variables of the mail, without the key.
async fn variables(
    state: &State,
    confirmation: &Confirmation,
    clinic: Option<ClinicRecord>,
) -> anyhow::Result<Variables> {
    let named = [&confirmation.creator_id, &confirmation.user_id];
    let profiles = load_people::load_profiles(&state.user_api, named.into_iter().flatten()).await?;
    let profile_of = |id: &Option<UserId>| -> Option<&PersonProfile> { profiles.get(id.as_ref()?) };
    let creator = profile_of(&confirmation.creator_id);
    let is_invitation = matches!(
        confirmation.kind,
        Kind::CareTeamInvitation | Kind::ClinicianInvitation
    );
    let is_addressed = is_invitation && !confirmation.email.is_empty();
    let has_account = if is_addressed && confirmation.user_id.is_none() {
        load_people::find_account(&state.user_api, &confirmation.email)
            .await?
            .is_some()
    } else {
        true
    };
    let offer = Offer::read(confirmation.context.as_ref()).ok();
    let clinic_name = clinic.map(|clinic| clinic.name);
    let clinic_name = clinic_name.filter(|name| !name.is_empty());
    let change = Some(confirmation)
        .filter(|confirmation| confirmation.kind == Kind::AccountChange)
        .and_then(|confirmation| AccountChange::read(confirmation.context.as_ref()));
    Ok(Variables {
        email: confirmation.email.clone(),
        full_name: profile_of(&confirmation.user_id).and_then(|profile| profile.full_name.clone()),
        creator_name: creator.and_then(|profile| profile.full_name.clone()),
        care_team_name: creator.and_then(load_people::care_team_name),
        nickname: offer.and_then(|offer| offer.nickname),
        clinic_name: confirmation.creator_clinic.name.clone().or(clinic_name),
        has_account,
        changed: change.as_ref().map(AccountChange::what).unwrap_or_default(),
        changed_at: change.as_ref().map(AccountChange::when),
        ..Variables::default()
    })
}

/// What the quotas allow for a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Allowed {
    Sent,
    /// Mails that were sent stand for this mail, which is not to be queued.
    Stands,
}

/// Takes one mail of the quotas of its cause and of its recipient, in the transaction that queues
/// the mail.
pub(crate) async fn take_quota(
    state: &State,
    session: &mut ClientSession,
    cause: Cause<'_>,
    recipient: &str,
) -> Result<Allowed, Aborted<Refusal>> {
    for quota in quota::of_mail(&state.limits, cause, recipient) {
        let Err(wait) = state.quotas.take(session, &quota).await? else {
            continue;
        };
        match quota.beyond {
            Beyond::Sent => {}
            Beyond::Stands => return Ok(Allowed::Stands),
            Beyond::Refused => return Err(Aborted::Refused(Refusal::TooMany(wait))),
        }
    }
    Ok(Allowed::Sent)
}
