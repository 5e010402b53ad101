//! The invitations of who is logged in.

use actix_web::HttpResponse;
use chrono::Utc;
use minijinja::{context, value::Serde};
use serde::{Deserialize, Serialize};
use shared_runtime::error::ApiError;
use shared_types::{PersonProfile, UserId};

use super::{
    outcome,
    posted::Posted,
    visit::{Visit, see},
};
use crate::{
    State,
    domain::{confirmation::Confirmation, context::Offer, invitation::Reference, name::shown},
    error::Error,
    use_cases::{
        answer_confirmation,
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
    /// The account that is shared.
    sharer: UserId,
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
    let email = invitee.and_then(|person| person.user.emails?.into_iter().next());
    visit.page(
        "invitations.html",
        context! { invitations => Serde(&shown), email },
    )
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
/// Body: `key`, `sharer`, and `answer`, which is `accept` or `decline`. Response: 303.
/// Errors: 403 a form of another site, or the invitation is not open any more, or who sent it may
/// no longer share the account; 404 there is none; 500 the store or a peer failed; 503 the session
/// cannot be checked.
/// Source: public confirmation API `AcceptCareTeamInvite` and `DismissCareTeamInvite`.
pub(super) async fn answer_invitation(posted: Posted<Reply>) -> Result<HttpResponse, ApiError> {
    let Posted { visit, form } = posted;
    let Some(invitee) = visit.person().await? else {
        return Ok(visit.leave("/login"));
    };
    let reference = Reference {
        key: Some(form.key),
        ..Reference::default()
    };
    let (state, sharer) = (&visit.state, &form.sharer);
    let answered = match form.answer {
        Verb::Accept => {
            answer_confirmation::accept_invitation(state, &invitee, sharer, &reference).await
        }
        Verb::Decline => {
            answer_confirmation::decline_invitation(state, &invitee, sharer, &reference).await
        }
    };
    match answered {
        Ok(()) => Ok(see(match form.answer {
            Verb::Accept => outcome::ACCEPTED.path,
            Verb::Decline => outcome::DECLINED.path,
        })),
        Err(Error::Refused(refusal)) => visit.message(
            HttpResponse::from_error(ApiError::from(refusal)),
            "This invitation is not open any more",
            "It was answered, withdrawn or replaced, or its time is over. Whoever sent it can \
             invite you again.",
            (PATH, "Back to your invitations"),
        ),
        Err(error) => Err(error.into()),
    }
}
