//! The confirmation of a sign-up: which mail it is, and when there may be another one.

use chrono::{DateTime, Utc};
use shared_types::{ClinicId, UserId, UserRecord, address};

use super::{
    confirmation::{Confirmation, Status},
    template::Template,
};

/// The role of accounts that clinics used before there were clinics.
const CLINIC_ROLE: &str = "clinic";

/// Who asks for a confirmation.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Requester<'a> {
    /// A service, for a clinic if it names one.
    Service {
        clinic_id: Option<ClinicId>,
        /// Who made the account there.
        invited_by: Option<&'a str>,
    },
    /// The account itself, or who runs it.
    Person(&'a UserId),
}

impl Requester<'_> {
    /// This service itself.
    pub(crate) const NOBODY: Self = Self::Service {
        clinic_id: None,
        invited_by: None,
    };
}

/// On whose behalf a sign-up is confirmed, and how.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Occasion {
    pub(crate) template: Template,
    pub(crate) creator_id: Option<UserId>,
    pub(crate) clinic_id: Option<ClinicId>,
}

/// What becomes of the sign-up confirmation that is there.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// It stays, and there is none beside it.
    Keep,
    /// Another one, with a new key, takes its place.
    Replace,
}

pub(crate) fn is_clinic(account: &UserRecord) -> bool {
    account
        .roles
        .iter()
        .flatten()
        .any(|role| role == CLINIC_ROLE)
}

/// Whether others made the account, and its owner still has to take it over.
pub(crate) fn is_custodial(account: &UserRecord) -> bool {
    account.password_exists != Some(true)
}

/// Whether a first password may have been set with its key: all but the verification of an address
/// whose account its owner made. A claim is completed a moment after its password is set.
pub(crate) fn may_have_claimed(confirmation: &Confirmation) -> bool {
    match confirmation.template() {
        Some(Template::SignUp) => false,
        // Most of these accounts were made by their owners.
        Some(Template::SignUpClinic) | None => confirmation.status == Status::Completed,
        Some(_) => true,
    }
}

impl Occasion {
    /// The occasion of a request for `account`. `is_by_clinic`: the person who asks has the account
    /// of a clinic; no service does.
    pub(crate) fn of(account: &UserRecord, requester: Requester<'_>, is_by_clinic: bool) -> Self {
        let (template, creator_id, clinic_id) = if is_clinic(account) {
            (Template::SignUpClinic, None, None)
        } else if !is_custodial(account) {
            (Template::SignUp, None, None)
        } else {
            match requester {
                Requester::Service {
                    clinic_id: Some(clinic_id),
                    invited_by,
                } => (
                    Template::SignUpCustodialNewClinic,
                    invited_by.map(UserId::from),
                    Some(clinic_id),
                ),
                Requester::Service { .. } => (Template::SignUpCustodial, None, None),
                Requester::Person(person) if is_by_clinic => (
                    Template::SignUpCustodialByClinic,
                    Some(person.clone()),
                    None,
                ),
                Requester::Person(person) => {
                    (Template::SignUpCustodial, Some(person.clone()), None)
                }
            }
        };
        Self {
            template,
            creator_id,
            clinic_id,
        }
    }
}

/// What a request for a confirmation of `email` means for `existing`.
pub(crate) fn next(existing: &Confirmation, email: &str, now: DateTime<Utc>) -> Next {
    let stands = match existing.status {
        Status::Completed => true,
        Status::Pending => !existing.is_expired(now),
        Status::Canceled | Status::Declined => false,
    };
    if stands && address::is_same(&existing.email, email) {
        Next::Keep
    } else {
        Next::Replace
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta};
    use serde_json::json;
    use shared_types::{ClinicId, UserRecord};

    use super::{Next, Occasion, Requester, may_have_claimed, next};
    use crate::domain::{
        confirmation::{Confirmation, Kind, Status},
        template::Template,
    };

    fn account(id: &str, roles: &[&str], has_password: bool) -> UserRecord {
        serde_json::from_value(
            json!({"userid": id, "roles": roles, "passwordExists": has_password}),
        )
        .unwrap()
    }

    #[test]
    fn the_mail_depends_on_the_account_and_on_who_asks() {
        let (clinic, adult, child) = (
            account("k", &["clinic"], true),
            account("a", &["patient"], true),
            account("c", &["patient"], false),
        );
        let harbor = ClinicId::from([7; 12]);
        let service = Requester::NOBODY;
        let for_clinic = Requester::Service {
            clinic_id: Some(harbor),
            invited_by: Some("doctor"),
        };
        let parent = Requester::Person(&adult.userid);
        let old_clinic = Requester::Person(&clinic.userid);
        for (account, requester, template, creator, clinic_id) in [
            (&clinic, service, Template::SignUpClinic, None, None),
            (&adult, parent, Template::SignUp, None, None),
            (&adult, for_clinic, Template::SignUp, None, None),
            (&child, service, Template::SignUpCustodial, None, None),
            (&child, parent, Template::SignUpCustodial, Some("a"), None),
            (
                &child,
                old_clinic,
                Template::SignUpCustodialByClinic,
                Some("k"),
                None,
            ),
            (
                &child,
                for_clinic,
                Template::SignUpCustodialNewClinic,
                Some("doctor"),
                Some(harbor),
            ),
        ] {
            let is_by_clinic = matches!(requester, Requester::Person(id) if *id == clinic.userid);
            let occasion = Occasion::of(account, requester, is_by_clinic);
            assert_eq!(occasion.template, template);
            assert_eq!(occasion.creator_id, creator.map(Into::into), "{template:?}");
            assert_eq!(occasion.clinic_id, clinic_id, "{template:?}");
        }
    }

    #[test]
    fn a_claim_may_have_set_a_password() {
        let now = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        for (template, status, wanted) in [
            (Template::SignUpCustodial, Status::Completed, true),
            (Template::SignUpCustodialByClinic, Status::Completed, true),
            (Template::SignUpCustodialNewClinic, Status::Completed, true),
            (Template::SignUpClinic, Status::Completed, true),
            (Template::SignUpCustodial, Status::Pending, true),
            (Template::SignUpClinic, Status::Pending, false),
            (Template::SignUp, Status::Completed, false),
        ] {
            let made = Confirmation::new("k".to_owned(), Kind::SignUp, template, now);
            let confirmation = Confirmation { status, ..made };
            assert_eq!(may_have_claimed(&confirmation), wanted, "{template:?}");
        }
    }

    #[test]
    fn a_confirmation_that_stands_keeps_out_another() {
        let now = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        let made = |status| Confirmation {
            status,
            email: "Ann@example.org".to_owned(),
            ..Confirmation::new("k".to_owned(), Kind::SignUp, Template::SignUp, now)
        };
        for (status, wanted) in [
            (Status::Pending, Next::Keep),
            (Status::Completed, Next::Keep),
            (Status::Canceled, Next::Replace),
            (Status::Declined, Next::Replace),
        ] {
            assert_eq!(next(&made(status), "ann@example.org", now), wanted);
            assert_eq!(next(&made(status), "b@example.org", now), Next::Replace);
        }
        let later = now + TimeDelta::days(32);
        assert_eq!(
            next(&made(Status::Pending), "ann@example.org", later),
            Next::Replace
        );
        assert_eq!(
            next(&made(Status::Completed), "ann@example.org", later),
            Next::Keep
        );
    }
}
