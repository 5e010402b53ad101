//! A confirmation as answers show it.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;
use serde_json::Value;
use shared_types::{ClinicId, PermissionSet, PersonProfile};
use utoipa::ToSchema;

use crate::{
    State,
    domain::{
        confirmation::{Confirmation, Kind},
        context::Offer,
        restriction::Admission,
    },
    use_cases::{
        list_clinic_invitations::FromClinics,
        list_invitations::List,
        load_people::{self, Profiles},
    },
};

/// The reference's unset time.
const UNSET: &str = "0001-01-01T00:00:00Z";

/// A confirmation. Who it was sent to is not shown, except for the address.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ConfirmationView {
    /// Its id. Empty in the confirmation of a sign-up unless a service asks: there it is the
    /// secret that only the mail carries.
    key: String,
    /// `password_reset`, `careteam_invitation`, `clinician_invitation`, `signup_confirmation` or
    /// `no_account`.
    r#type: &'static str,
    /// Empty for an invitation to a clinic.
    email: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    clinic_id: Option<ClinicId>,
    /// Empty where nobody is.
    creator_id: String,
    creator: CreatorView,
    /// What is offered; `null` where nothing is.
    #[schema(value_type = Object, nullable)]
    context: Option<Value>,
    /// RFC 3339, UTC.
    created: String,
    /// RFC 3339, UTC; `0001-01-01T00:00:00Z` when it was never changed.
    modified: String,
    /// `pending`, `completed`, `canceled` or `declined`.
    status: &'static str,
    /// RFC 3339, UTC; absent when it never expires.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
    /// Whether the clinic admits who is invited, in the list of that person; else `null`.
    #[schema(nullable)]
    restrictions: Option<Admission>,
    /// In invitations: the same as `creatorId`, for clients of the older sharing API.
    #[serde(skip_serializing_if = "Option::is_none")]
    invited_by: Option<String>,
    /// In invitations: the permissions of `context`, for clients of the older sharing API.
    #[serde(skip_serializing_if = "Option::is_none")]
    permissions: Option<PermissionSet>,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct CreatorView {
    /// `null` where it is not loaded, or there is none.
    profile: Option<ProfileView>,
    /// Empty where the profile is not loaded.
    userid: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    clinic_id: Option<ClinicId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    clinic_name: Option<String>,
}

/// Absent texts are empty.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ProfileView {
    full_name: String,
    patient: PatientView,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct PatientView {
    birthday: String,
    diagnosis_date: String,
    is_other_person: bool,
    full_name: String,
}

impl ConfirmationView {
    /// `confirmation`, with its creator where that one is among `profiles`.
    pub(crate) fn new(confirmation: Confirmation, profiles: &Profiles) -> Self {
        let profile = confirmation
            .creator_id
            .as_ref()
            .and_then(|id| profiles.get(id));
        let is_invitation = confirmation.kind == Kind::CareTeamInvitation;
        let offer = is_invitation.then(|| Offer::read(confirmation.context.as_ref()).ok());
        let creator_id = confirmation
            .creator_id
            .as_ref()
            .map_or_else(String::new, ToString::to_string);
        Self {
            key: confirmation.key,
            r#type: confirmation.kind.name(),
            email: confirmation.email,
            clinic_id: confirmation.clinic_id,
            invited_by: is_invitation.then(|| creator_id.clone()),
            creator: CreatorView {
                profile: profile.map(ProfileView::new),
                userid: profile.map_or_else(String::new, |_| creator_id.clone()),
                clinic_id: confirmation.creator_clinic.id,
                clinic_name: confirmation.creator_clinic.name,
            },
            creator_id,
            context: confirmation.context,
            created: timestamp(confirmation.created),
            modified: confirmation
                .modified
                .map_or_else(|| UNSET.to_owned(), timestamp),
            status: confirmation.status.name(),
            expires_at: confirmation.expires_at.map(timestamp),
            restrictions: None,
            permissions: offer.flatten().map(|offer| offer.permissions),
        }
    }

    /// The same without the key, for those who must not answer in the place of who gets the mail.
    pub(crate) fn without_key(self) -> Self {
        Self {
            key: String::new(),
            ..self
        }
    }
}

impl ProfileView {
    fn new(profile: &PersonProfile) -> Self {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let patient = profile.patient.clone().unwrap_or_default();
        Self {
            full_name: text(&profile.full_name),
            patient: PatientView {
                birthday: text(&patient.birthday),
                diagnosis_date: text(&patient.diagnosis_date),
                is_other_person: patient.is_other_person,
                full_name: text(&patient.full_name),
            },
        }
    }
}

/// The invitations of a list.
pub(crate) fn views(list: List) -> Vec<ConfirmationView> {
    let view = |invitation| ConfirmationView::new(invitation, &list.profiles);
    list.invitations.into_iter().map(view).collect()
}

/// The invitations of clinics, each with whether the clinic admits who is invited.
pub(crate) fn views_with_admission(list: FromClinics) -> Vec<ConfirmationView> {
    let view = |(invitation, admission)| ConfirmationView {
        restrictions: Some(admission),
        ..ConfirmationView::new(invitation, &list.profiles)
    };
    list.invitations.into_iter().map(view).collect()
}

/// One confirmation with its creator; without a profile where it cannot be loaded.
pub(crate) async fn with_creator(state: &State, confirmation: Confirmation) -> ConfirmationView {
    let creator = &confirmation.creator_id;
    let profiles = load_people::load_profiles_if_possible(&state.user_api, creator).await;
    ConfirmationView::new(confirmation, &profiles)
}

fn timestamp(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}
