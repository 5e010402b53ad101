//! The invitations of who is logged in.

use actix_web::HttpResponse;
use chrono::Utc;
use minijinja::{context, value::Serde};
use serde::{Deserialize, Serialize};
use shared_runtime::error::ApiError;
use shared_types::{PersonProfile, UserId};
use tracing::warn;

use super::{
    outcome,
    posted::Posted,
    visit::{Visit, see},
};
use crate::{
    State,
    domain::{
        confirmation::Confirmation, context::Offer, invitation::Reference, name::shown,
        restriction::Admission,
    },
    error::{Error, Refusal},
    use_cases::{
        answer::{answer_confirmation, join_clinic, withdraw_clinician},
        list_clinic_invitations,
        list_invitations::List,
        load_people::{self, Profiles, care_team_name},
    },
};

/// Where they are.
pub(super) const PATH: &str = "/pages/invitations";

/// What is done about one of them.
#[derive(Deserialize)]
pub(super) struct Reply {
    key: String,
    /// The account that is shared; `None`: a clinic invites.
    #[serde(default)]
    sharer: Option<UserId>,
    answer: Verb,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Verb {
    Accept,
    Decline,
}

/// An invitation in plain words.
#[derive(Serialize)]
struct Shown {
    key: String,
    sharer: UserId,
    /// Who invites; `None`: a name is not known.
    from: Option<String>,
    /// Whose data are shared; `None`: a name is not known.
    care_team: Option<String>,
    nickname: Option<String>,
    /// Whether we understand what is offered.
    is_readable: bool,
    offers: Vec<String>,
    /// The last day; `None`: no end.
    open_until: Option<String>,
}

/// An invitation to work for a clinic, in plain words.
#[derive(Serialize)]
struct Place {
    key: String,
    /// Who invites; `None`: a name is not known.
    from: Option<String>,
    /// The clinic; `None`: a name is not known.
    clinic: Option<String>,
    /// Whether the clinic admits who is invited.
    can_accept: bool,
    /// The log-in with which it would; `None`: none.
    required_idp: Option<String>,
}

/// `GET /pages/invitations`: the invitations that wait for a response.
///
/// Response: 200; 303 to the log-in for everybody else.
/// Errors: 500 the store or user-api failed; 503 the session cannot be checked.
/// Source: public confirmation API `GetReceivedInvitations`.
pub(super) async fn list_invitations(visit: Visit) -> Result<HttpResponse, ApiError> {
    let Some(invitee) = visit.person().await? else {
        return Ok(visit.leave("/login"));
    };
    let (received, invitee) = visit.state.lists.received(&invitee).await?;
    let senders = load_senders(&visit.state, &received).await;
    let List {
        invitations,
        profiles,
    } = received;
    let profile = |id: &UserId| profiles.get(id).or_else(|| senders.get(id));
    let now = Utc::now();
    let shown: Vec<Shown> = invitations
        .into_iter()
        .filter(|invitation| !invitation.is_expired(now))
        .filter_map(|invitation| Shown::new(invitation, profile))
        .collect();
    let places = match invitee.as_ref() {
        Some(invitee) => list_places(&visit.state, &invitee.user.userid).await,
        None => Some(Vec::new()),
    };
    let email = invitee.and_then(|person| person.user.emails?.into_iter().next());
    let values = context! {
        invitations => Serde(&shown), email,
        are_all => places.is_some(),
        places => Serde(&places.unwrap_or_default()),
    };
    visit.page("invitations.html", values)
}

/// The invitations to work for clinics; `None`: they cannot be shown at the moment.
async fn list_places(state: &State, invitee: &UserId) -> Option<Vec<Place>> {
    if state.clinics.is_none() {
        return Some(Vec::new());
    }
    // Whoever logs in here does so with a password.
    let list = list_clinic_invitations::from_clinics(state, invitee, None).await;
    let list = match list {
        Ok(list) => list,
        Err(Error::Refused(_)) => return Some(Vec::new()),
        Err(Error::Failed { cause, .. }) => {
            warn!(
                cause = format!("{cause:#}"),
                "invitations of clinics are not shown"
            );
            return None;
        }
    };
    let name = |invitation: &Confirmation| {
        let profile = list.profiles.get(invitation.creator_id.as_ref()?)?;
        shown(profile.full_name.as_deref()?)
    };
    let place = |(invitation, admission): (Confirmation, Admission)| Place {
        from: name(&invitation),
        clinic: invitation.creator_clinic.name.as_deref().and_then(shown),
        key: invitation.key,
        can_accept: admission.can_accept,
        required_idp: admission.required_idp.as_deref().and_then(shown),
    };
    Some(list.invitations.into_iter().map(place).collect())
}

/// Whoever sent one for somebody else.
async fn load_senders(state: &State, received: &List) -> Profiles {
    let senders = received
        .invitations
        .iter()
        .filter_map(|invitation| invitation.sender_id.as_ref())
        .filter(|id| !received.profiles.contains_key(*id));
    load_people::load_profiles_if_possible(&state.user_api, senders).await
}

impl Shown {
    /// `None`: an old document that names no account to be shared.
    fn new<'a>(
        invitation: Confirmation,
        profile: impl Fn(&UserId) -> Option<&'a PersonProfile>,
    ) -> Option<Self> {
        let sharer = invitation.creator_id?;
        let sender = invitation.sender_id.as_ref().unwrap_or(&sharer);
        let offer = Offer::read(invitation.context.as_ref());
        Some(Self {
            key: invitation.key,
            from: profile(sender).and_then(|profile| shown(profile.full_name.as_deref()?)),
            care_team: profile(&sharer).and_then(|profile| shown(&care_team_name(profile)?)),
            is_readable: offer.is_ok(),
            nickname: offer
                .as_ref()
                .ok()
                .and_then(|offer| shown(offer.nickname.as_deref()?)),
            offers: offer.as_ref().map(offers).unwrap_or_default(),
            open_until: invitation
                .expires_at
                .map(|end| end.format("%-d %B %Y, %H:%M UTC").to_string()),
            sharer,
        })
    }
}

/// What the permissions mean, the least first.
const MEANINGS: [(&str, &str); 7] = [
    ("view", "see all data and the profile"),
    ("note", "read and write notes"),
    ("follow", "follow along and be alerted"),
    ("upload", "add data, and see when data were added last"),
    ("edit", "change data and the profile"),
    (
        "admin",
        "manage the account: decide who may do what, invite others, and delete it",
    ),
    ("custodian", "run the account for the person it is about"),
];

/// What one may do who accepts, a line for each. Other names grant nothing.
fn offers(offer: &Offer) -> Vec<String> {
    let granted = MEANINGS
        .into_iter()
        .filter(|(name, _)| offer.permissions.has(name));
    granted.map(|(_, meaning)| meaning.to_owned()).collect()
}

/// `POST /pages/invitations`: accepts an invitation, or declines it.
///
/// Body: `key`, `answer`, which is `accept` or `decline`, and `sharer` where it is not a clinic that
/// invites. Response: 303.
/// Errors: 403 a form of another site, or the invitation is not open any more, or who sent it may
/// no longer share the account, or the clinic does not admit who is invited; 404 there is none; 409
/// the clinic has the person already; 500 the store or a peer failed; 503 the session cannot be
/// checked.
/// Source: public confirmation API `AcceptCareTeamInvite`, `DismissCareTeamInvite`,
/// `AcceptClinicianInvite` and `DismissClinicianInvite`.
pub(super) async fn answer_invitation(posted: Posted<Reply>) -> Result<HttpResponse, ApiError> {
    let Posted { visit, form } = posted;
    let Some(invitee) = visit.person().await? else {
        return Ok(visit.leave("/login"));
    };
    let answered = match &form.sharer {
        Some(sharer) => answer_person(&visit.state, &invitee, sharer, &form).await,
        None => answer_clinic(&visit.state, &invitee, &form).await,
    };
    match answered {
        Ok(outcome) => Ok(see(outcome)),
        Err(Error::Refused(refusal)) => {
            let (heading, text) = reason(refusal);
            let response = HttpResponse::from_error(ApiError::from(refusal));
            visit.message(response, heading, text, (PATH, "Back to your invitations"))
        }
        Err(error) => Err(error.into()),
    }
}

/// Answers a person who shares; returns the page that says so.
async fn answer_person(
    state: &State,
    invitee: &UserId,
    sharer: &UserId,
    reply: &Reply,
) -> Result<&'static str, Error> {
    let reference = Reference {
        key: Some(reply.key.clone()),
        ..Reference::default()
    };
    match reply.answer {
        Verb::Accept => {
            answer_confirmation::accept_invitation(state, invitee, sharer, &reference).await?;
            Ok(outcome::ACCEPTED.path)
        }
        Verb::Decline => {
            answer_confirmation::decline_invitation(state, invitee, sharer, &reference).await?;
            Ok(outcome::DECLINED.path)
        }
    }
}

/// Answers a clinic; returns the page that says so.
async fn answer_clinic(
    state: &State,
    invitee: &UserId,
    reply: &Reply,
) -> Result<&'static str, Error> {
    match reply.answer {
        Verb::Accept => {
            join_clinic::accept(state, invitee, None, &reply.key).await?;
            Ok(outcome::JOINED.path)
        }
        Verb::Decline => {
            withdraw_clinician::decline(state, invitee, &reply.key).await?;
            Ok(outcome::STAYED_OUT.path)
        }
    }
}

/// Why an invitation is not answered: a heading, and what helps.
fn reason(refusal: Refusal) -> (&'static str, &'static str) {
    match refusal {
        Refusal::NotAdmitted => (
            "This clinic does not admit you here",
            "It takes only people with an address of its own, or who log in through its own \
             log-in. Ask whoever invited you.",
        ),
        Refusal::DuplicateMember => (
            "You work for this clinic already",
            "There is nothing to accept. You can decline the invitation.",
        ),
        _ => (
            "This invitation is not open any more",
            "It was answered, withdrawn or replaced, or its time is over. Whoever sent it can \
             invite you again.",
        ),
    }
}
