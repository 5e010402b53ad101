//! The lists of the invitations between clinics and people.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::Arc,
};

use shared_runtime::error::OrFail as _;
use shared_types::{ClinicId, UserId};

use super::{
    attach_invitations::attach,
    list_invitations::{List, creators},
    load_people::{self, Profiles},
};
use crate::{
    State,
    domain::{
        confirmation::{Confirmation, Kind},
        restriction::{Admission, admission},
    },
    error::{Error, Failure, Refusal},
};

/// The invitations that clinics sent to an account, newest first.
pub(crate) struct FromClinics {
    /// Each with whether its clinic admits the invited account.
    pub(crate) invitations: Vec<(Confirmation, Admission)>,
    /// The profiles of the creators.
    pub(crate) profiles: Profiles,
}

/// The pending invitations of people to `clinic`; without profiles where user-api cannot be asked.
pub(crate) async fn to_clinic(state: &State, clinic: ClinicId) -> Result<List, Error> {
    let invitations = state
        .confirmations
        .list_to_clinic(clinic)
        .await
        .or_fail(Failure::Finding)?;
    let shown = creators(&invitations);
    let profiles = load_people::load_profiles_if_possible(&state.user_api, shown).await;
    Ok(List {
        invitations,
        profiles: Arc::new(profiles),
    })
}

/// The invitations of clinics that `user` can answer in a session for which the identity provider
/// `idp` vouched. Those that were sent to the verified address of `user` before the account existed
/// are included.
pub(crate) async fn from_clinics(
    state: &State,
    user: &UserId,
    idp: Option<&str>,
) -> Result<FromClinics, Error> {
    state.clinics()?;
    let person = state
        .user_api
        .person(user)
        .await
        .or_fail(Failure::FindingUser)?;
    let person = person.ok_or(Refusal::NotAllowed)?;
    let confirmations = &state.confirmations;
    let kind = Kind::ClinicianInvitation;
    attach(confirmations, kind, std::slice::from_ref(&person))
        .await
        .or_fail(Failure::Updating)?;
    let invitations = confirmations
        .list_of_clinician(user)
        .await
        .or_fail(Failure::Finding)?;
    let profiles = load_people::load_profiles(&state.user_api, creators(&invitations))
        .await
        .or_fail(Failure::FindingUser)?;
    let email = person.proven_email.as_deref();
    let invitations = with_admission(state, invitations, email, idp).await?;
    Ok(FromClinics {
        invitations,
        profiles,
    })
}

/// Each of `invitations` with whether its clinic admits the invited account; those of clinics that
/// are gone are left out.
async fn with_admission(
    state: &State,
    invitations: Vec<Confirmation>,
    email: Option<&str>,
    idp: Option<&str>,
) -> Result<Vec<(Confirmation, Admission)>, Error> {
    let clinics = state.clinics()?;
    let mut known: HashMap<ClinicId, Option<Admission>> = HashMap::new();
    let mut admitted = Vec::new();
    for invitation in invitations {
        let Some(clinic) = invitation.clinic_id else {
            continue;
        };
        if let Entry::Vacant(vacant) = known.entry(clinic) {
            let restrictions = clinics
                .membership_restrictions(clinic)
                .await
                .or_fail(Failure::Finding)?;
            let said = restrictions.map(|restrictions| admission(&restrictions, email, idp));
            vacant.insert(said);
        }
        if let Some(Some(admission)) = known.get(&clinic) {
            admitted.push((invitation, admission.clone()));
        }
    }
    Ok(admitted)
}
