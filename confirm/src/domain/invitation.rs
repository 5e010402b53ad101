//! Who may answer an invitation, and when.

use chrono::{DateTime, Utc};
use shared_types::{PermissionSet, Person, UserId, address};
use thiserror::Error;

use super::{
    confirmation::{Confirmation, Kind, Status},
    context::{FOLLOW, InvalidContext, NotForMember, Offer},
    template::Template,
};

/// The invitation cannot be answered like this: it is another one's, answered, canceled or expired.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the invitation cannot be answered by this account in this way")]
pub(crate) struct NotAnswerable;

/// Which invitation a response means.
#[derive(Debug, Default)]
pub(crate) struct Reference {
    /// `None`: the newest one that can be answered.
    pub(crate) key: Option<String>,
    /// What is given of the rest has to fit.
    pub(crate) kind: Option<String>,
    pub(crate) status: Option<String>,
    pub(crate) email: Option<String>,
    pub(crate) creator_id: Option<String>,
    pub(crate) clinic_id: Option<String>,
}

impl Reference {
    /// Whether it can mean `invitation`, which has its key.
    pub(crate) fn fits(&self, invitation: &Confirmation) -> bool {
        let same = |given: &Option<String>, is: Option<&str>| {
            given.as_deref().is_none_or(|given| Some(given) == is)
        };
        let creator = invitation.creator_id.as_ref().map(UserId::as_str);
        let clinic_id = invitation.clinic_id.map(String::from);
        same(&self.kind, Some(invitation.kind.name()))
            && same(&self.status, Some(invitation.status.name()))
            && same(&self.creator_id, creator)
            && same(&self.clinic_id, clinic_id.as_deref())
            && self
                .email
                .as_deref()
                .is_none_or(|given| address::is_same(given, &invitation.email))
    }
}

/// What an invitation shows to an account that has `held` already, and the names of what it grants
/// of that; `None`: all.
pub(crate) fn offered(
    offer: Offer,
    held: PermissionSet,
) -> Result<(Offer, Option<Vec<String>>), NotForMember> {
    if held.grants_nothing() {
        return Ok((offer, None));
    }
    let requested = offer.permissions.names().map(str::to_owned).collect();
    Ok((offer.for_member(held)?, Some(requested)))
}

/// What `invitee` gets by accepting `invitation` of `sharer`.
pub(crate) fn granted(
    invitation: &Confirmation,
    invitee: &UserId,
    sharer: &UserId,
) -> Result<Offer, InvalidContext> {
    let mut offer = Offer::read(invitation.context.as_ref())?.accepted(sharer, invitee)?;
    if let Some(requested) = &invitation.requested {
        offer
            .permissions
            .0
            .retain(|name, _| requested.contains(name));
    }
    Ok(offer)
}

/// The mail of an invitation that offers `offer`.
pub(crate) fn template_of(offer: &Offer) -> Template {
    if offer.permissions.has(FOLLOW) {
        Template::CareTeamWithAlerting
    } else {
        Template::CareTeam
    }
}

/// Statuses in which the sender still sees an invitation and can cancel it.
pub(crate) const CANCELABLE: &[Status] = &[Status::Pending, Status::Declined];

/// Whether `invitee` may accept `invitation` of `sharer`.
pub(crate) fn may_accept(
    invitation: &Confirmation,
    invitee: &UserId,
    sharer: &UserId,
    now: DateTime<Utc>,
) -> Result<(), NotAnswerable> {
    let is_open = invitation.status == Status::Pending && !invitation.is_expired(now);
    if is_between(invitation, invitee, sharer) && is_open {
        Ok(())
    } else {
        Err(NotAnswerable)
    }
}

/// Whether `invitee` may decline `invitation` of `sharer`, again if need be.
pub(crate) fn may_decline(
    invitation: &Confirmation,
    invitee: &UserId,
    sharer: &UserId,
) -> Result<(), NotAnswerable> {
    let is_open = CANCELABLE.contains(&invitation.status) && invitation.acceptance.is_none();
    if is_between(invitation, invitee, sharer) && is_open {
        Ok(())
    } else {
        Err(NotAnswerable)
    }
}

/// Whether it is an invitation of `sharer` to the person `invitee`.
pub(crate) fn is_between(invitation: &Confirmation, invitee: &UserId, sharer: &UserId) -> bool {
    invitation.kind == Kind::CareTeamInvitation
        && invitation.clinic_id.is_none()
        && invitation.user_id.as_ref() == Some(invitee)
        && invitation.creator_id.as_ref() == Some(sharer)
}

/// A pending invitation of a person to a person, and who it is from; only these are sent once more.
pub(crate) fn resendable(found: Confirmation) -> Option<(Confirmation, UserId)> {
    let is_pending = found.kind == Kind::CareTeamInvitation
        && found.status == Status::Pending
        && found.clinic_id.is_none();
    let sharer = found.creator_id.clone().filter(|_| is_pending)?;
    Some((found, sharer))
}

/// Whether an invitation to `email` can be given to `person`: anybody can sign up with anybody's
/// address, or change to it, so only the one counts that its owner has shown to be theirs.
pub(crate) fn is_addressee(person: &Person, email: &str) -> bool {
    person
        .proven_email
        .as_deref()
        .is_some_and(|proven| address::is_same(proven, email))
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta, Utc};
    use serde_json::json;
    use shared_types::{ClinicId, Person, UserId};

    use super::{NotAnswerable, is_addressee, may_accept, may_decline};
    use crate::domain::{
        confirmation::{Acceptance, Confirmation, Kind, Status},
        template::Template,
    };

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000, 0).unwrap()
    }

    fn invitation() -> Confirmation {
        let made = Confirmation::new(
            "k".to_owned(),
            Kind::CareTeamInvitation,
            Template::CareTeam,
            now(),
        );
        Confirmation {
            user_id: Some("carol".into()),
            creator_id: Some("alice".into()),
            ..made
        }
    }

    fn accepts(invitation: &Confirmation, invitee: &str, sharer: &str) -> bool {
        let (invitee, sharer) = (UserId::from(invitee), UserId::from(sharer));
        may_accept(invitation, &invitee, &sharer, now()).is_ok()
    }

    #[test]
    fn the_invitee_accepts_what_is_pending() {
        assert!(accepts(&invitation(), "carol", "alice"));
        assert!(!accepts(&invitation(), "dave", "alice"));
        assert!(!accepts(&invitation(), "carol", "bob"));
        for status in [Status::Completed, Status::Canceled, Status::Declined] {
            let answered = Confirmation {
                status,
                ..invitation()
            };
            assert!(!accepts(&answered, "carol", "alice"), "{status:?}");
        }
    }

    #[test]
    fn other_kinds_expired_ones_and_those_to_clinics_are_not_accepted() {
        for changed in [
            Confirmation {
                kind: Kind::SignUp,
                ..invitation()
            },
            Confirmation {
                expires_at: Some(now() - TimeDelta::seconds(1)),
                ..invitation()
            },
            Confirmation {
                clinic_id: Some(ClinicId::from([7; 12])),
                ..invitation()
            },
            Confirmation {
                user_id: None,
                ..invitation()
            },
        ] {
            assert!(!accepts(&changed, "carol", "alice"), "{changed:?}");
        }
    }

    #[test]
    fn a_declined_invitation_can_be_declined_again_and_an_accepted_one_not() {
        let (carol, alice) = ("carol".into(), "alice".into());
        for (status, wanted) in [
            (Status::Pending, Ok(())),
            (Status::Declined, Ok(())),
            (Status::Completed, Err(NotAnswerable)),
            (Status::Canceled, Err(NotAnswerable)),
        ] {
            let invitation = Confirmation {
                status,
                ..invitation()
            };
            assert_eq!(may_decline(&invitation, &carol, &alice), wanted);
        }
        let under_way = Confirmation {
            acceptance: Some(Acceptance {
                row: [7; 12].into(),
                is_unanswered: false,
            }),
            ..invitation()
        };
        assert_eq!(may_decline(&under_way, &carol, &alice), Err(NotAnswerable));
    }

    #[test]
    fn only_a_proven_address_makes_an_addressee() {
        let person = |proven: Option<&str>| -> Person {
            serde_json::from_value(json!({"user": {
                "userid": "carol", "emails": ["victim@example.org", "Carol@example.org"], "emailVerified": true,
            }, "profile": null, "provenEmail": proven}))
            .unwrap()
        };
        let carol = person(Some("Carol@example.org"));
        assert!(is_addressee(&carol, "carol@example.org"));
        assert!(!is_addressee(&carol, "victim@example.org"));
        assert!(!is_addressee(&person(None), "victim@example.org"));
    }
}
