//! A confirmation: somebody is asked something, and answers once, in time.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::Value;
use shared_runtime::outbox::RowId;
use shared_types::{ClinicId, UserId};
use subtle::ConstantTimeEq;

use super::{key as keys, template::Template};

const DAY: Duration = Duration::from_hours(24);

/// As many earlier keys as are kept. Of a sign-up none is dropped for another: beyond that it is
/// sent again with the key that it has.
const MAX_EARLIER_KEYS: usize = 10;

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Whether a new password shall be set.
    PasswordReset,
    /// Whether a person, or a clinic, takes rights on an account.
    CareTeamInvitation,
    /// Whether a person becomes a clinic's clinician.
    ClinicianInvitation,
    /// Whether an address belongs to its account, and who claims an account that others made.
    SignUp,
    /// Whether a change of an account is undone.
    AccountChange,
    /// Nothing: the record of a mail to an address without account.
    NoAccount,
    /// Nothing: the record of a mail about what happened in a clinic.
    ClinicNotice,
}

/// How far it came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    Pending,
    Completed,
    Canceled,
    Declined,
}

/// A confirmation as the store keeps it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Confirmation {
    /// Its id, which for some kinds is the secret in the mail; see [`super::key`].
    pub(crate) key: String,
    /// Keys beside the id, the oldest first.
    pub(crate) other_keys: Vec<OtherKey>,
    /// The digest of the id that it had first; `None` while it has it.
    pub(crate) origin: Option<String>,
    pub(crate) kind: Kind,
    pub(crate) status: Status,
    /// Whom it went to; empty for an invitation to a clinic.
    pub(crate) email: String,
    /// The account that is asked; `None` while it is not known.
    pub(crate) user_id: Option<UserId>,
    /// The account on whose behalf it was made; `None` where that is nobody's.
    pub(crate) creator_id: Option<UserId>,
    /// Who made it on that account's behalf; `None` for the account itself, a service, or where
    /// the reference did not say.
    pub(crate) sender_id: Option<UserId>,
    /// The clinic that is asked or asks.
    pub(crate) clinic_id: Option<ClinicId>,
    pub(crate) creator_clinic: Clinic,
    /// What is offered; see [`super::context`].
    pub(crate) context: Option<Value>,
    /// Names of permissions: of what `context` shows, only these are granted, since the invited
    /// account had the others already. `None`: all.
    pub(crate) requested: Option<Vec<String>>,
    pub(crate) created: DateTime<Utc>,
    /// When its status changed last; `None`: not since it was made.
    pub(crate) modified: Option<DateTime<Utc>>,
    /// `None`: never.
    pub(crate) expires_at: Option<DateTime<Utc>>,
    /// Name of the mail that goes with it; empty in old documents.
    pub(crate) template_name: String,
    /// The acceptance that is under way; `None` while nobody accepted, and once it is done.
    pub(crate) acceptance: Option<Acceptance>,
    /// How a clinician's invitation is being made; `None` once that is done.
    pub(crate) making: Option<Making>,
}

/// A key that was mailed and is not kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OtherKey {
    pub(crate) digest: String,
    /// `None`: as long as the confirmation is open.
    pub(crate) until: Option<DateTime<Utc>>,
}

/// The clinic for which a clinician invites.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Clinic {
    pub(crate) id: Option<ClinicId>,
    pub(crate) name: Option<String>,
}

/// An acceptance that has begun: nobody else can answer any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Acceptance {
    /// The outbox row that finishes it if the request does not.
    pub(crate) row: RowId,
    /// The outbox has finished the acceptance, and no request has returned the outcome.
    pub(crate) is_unanswered: bool,
}

/// An invitation that is being made: clinic does not, or not for sure, know the invited clinician.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Making {
    /// The outbox row that finishes it if the request does not.
    pub(crate) row: RowId,
    /// The roles of the invited clinician.
    pub(crate) roles: Vec<String>,
    /// The outbox has made the invitation, and no request has returned it.
    pub(crate) is_unanswered: bool,
}

impl Kind {
    pub(crate) const ALL: [Self; 7] = [
        Self::PasswordReset,
        Self::CareTeamInvitation,
        Self::ClinicianInvitation,
        Self::SignUp,
        Self::AccountChange,
        Self::NoAccount,
        Self::ClinicNotice,
    ];

    /// As it stands in documents and answers.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::PasswordReset => "password_reset",
            Self::CareTeamInvitation => "careteam_invitation",
            Self::ClinicianInvitation => "clinician_invitation",
            Self::SignUp => "signup_confirmation",
            Self::AccountChange => "account_change",
            Self::NoAccount => "no_account",
            Self::ClinicNotice => "clinic_notice",
        }
    }

    pub(crate) fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// How long it can be answered; `None`: for ever.
    fn lifetime(self) -> Option<Duration> {
        match self {
            Self::SignUp => Some(31 * DAY),
            Self::PasswordReset | Self::CareTeamInvitation | Self::AccountChange => Some(7 * DAY),
            Self::ClinicianInvitation | Self::NoAccount | Self::ClinicNotice => None,
        }
    }

    /// Whether there is something to answer.
    pub(crate) fn is_question(self) -> bool {
        !matches!(self, Self::NoAccount | Self::ClinicNotice)
    }
}

impl Status {
    pub(crate) const ALL: [Self; 4] = [
        Self::Pending,
        Self::Completed,
        Self::Canceled,
        Self::Declined,
    ];

    /// As it stands in documents and answers.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Completed => "completed",
            Self::Canceled => "canceled",
            Self::Declined => "declined",
        }
    }

    pub(crate) fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }
}

impl OtherKey {
    fn is_valid(&self, now: DateTime<Utc>) -> bool {
        self.until.is_none_or(|until| until > now)
    }
}

impl Confirmation {
    /// A confirmation that was just made.
    pub(crate) fn new(key: String, kind: Kind, template: Template, now: DateTime<Utc>) -> Self {
        let status = if kind.is_question() {
            Status::Pending
        } else {
            Status::Completed
        };
        Self {
            key,
            other_keys: Vec::new(),
            origin: None,
            kind,
            status,
            email: String::new(),
            user_id: None,
            creator_id: None,
            sender_id: None,
            clinic_id: None,
            creator_clinic: Clinic::default(),
            context: None,
            requested: None,
            created: now,
            modified: None,
            expires_at: kind.lifetime().map(|lifetime| now + lifetime),
            template_name: template.name().to_owned(),
            acceptance: None,
            making: None,
        }
    }

    /// Another one in its place, with a key of its own; no earlier key opens it.
    pub(crate) fn replaced(self, key: String, now: DateTime<Utc>) -> Self {
        Self {
            key,
            other_keys: Vec::new(),
            origin: None,
            status: Status::Pending,
            created: now,
            modified: None,
            expires_at: self.kind.lifetime().map(|lifetime| now + lifetime),
            acceptance: None,
            making: None,
            ..self
        }
    }

    /// The same, sent once more with another key. An earlier key of a sign-up is good as long as it
    /// was: whoever has the mail sent again need not be whom it went to.
    pub(crate) fn rekeyed(self, key: String, now: DateTime<Utc>) -> Self {
        let mut other_keys = self.other_keys.clone();
        other_keys.retain(|other| other.is_valid(now));
        if other_keys.len() >= MAX_EARLIER_KEYS {
            if self.kind == Kind::SignUp {
                let (key, origin) = (self.key.clone(), self.origin.clone());
                return Self {
                    other_keys,
                    origin,
                    ..self.replaced(key, now)
                };
            }
            other_keys.remove(0);
        }
        other_keys.push(OtherKey {
            digest: keys::digest(&self.key),
            until: self.expires_at,
        });
        Self {
            other_keys,
            origin: Some(self.idempotency_key()),
            ..self.replaced(key, now)
        }
    }

    /// Whether `key` opens it: an earlier key opens what is mailed to prove an address, and never
    /// an invitation.
    pub(crate) fn is_opened_by(&self, key: &str, now: DateTime<Utc>) -> bool {
        if same(&self.key, key) {
            return !self.is_keyless();
        }
        let digest = keys::digest(key);
        let mut others = self.other_keys.iter().filter(|other| other.is_valid(now));
        matches!(
            self.kind,
            Kind::SignUp | Kind::PasswordReset | Kind::AccountChange
        ) && others.any(|other| same(&other.digest, &digest))
    }

    /// Whether its id is no key.
    pub(crate) fn is_keyless(&self) -> bool {
        keys::is_keyless(&self.key)
    }

    /// A name for the change that it allows, the same whichever of its keys asks for it.
    pub(crate) fn idempotency_key(&self) -> String {
        let origin = self.origin.clone();
        origin.unwrap_or_else(|| keys::digest(&self.key))
    }

    /// Whether it is not there yet.
    pub(crate) fn is_being_made(&self) -> bool {
        let making = self.making.as_ref();
        making.is_some_and(|making| !making.is_unanswered)
    }

    pub(crate) fn is_expired(&self, now: DateTime<Utc>) -> bool {
        self.expires_at.is_some_and(|expires_at| expires_at <= now)
    }

    /// The mail that goes with it. Old documents do not name it.
    pub(crate) fn template(&self) -> Option<Template> {
        if !self.template_name.is_empty() {
            return Template::from_name(&self.template_name);
        }
        match self.kind {
            Kind::PasswordReset => Some(Template::PasswordReset),
            Kind::SignUp => Some(Template::SignUp),
            Kind::AccountChange => Some(Template::AccountChange),
            Kind::NoAccount => Some(Template::NoAccount),
            Kind::CareTeamInvitation => {
                let follows = self.context.as_ref().is_some_and(|context| {
                    context.get("follow").is_some_and(|value| !value.is_null())
                });
                Some(if follows {
                    Template::CareTeamWithAlerting
                } else {
                    Template::CareTeam
                })
            }
            Kind::ClinicianInvitation | Kind::ClinicNotice => None,
        }
    }
}

/// How much of a secret is right must not be seen from the time.
fn same(secret: &str, given: &str) -> bool {
    secret.as_bytes().ct_eq(given.as_bytes()).into()
}

#[cfg(test)]
mod tests;
