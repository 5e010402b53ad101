//! What a migration would do, without doing it.

use std::collections::BTreeMap;

use futures_util::future::try_join_all;
use shared_runtime::error::OrFail as _;
use shared_types::{ClinicId, PermissionSet, Person, UserId};

use crate::{
    State,
    domain::{Refusal, clinic::Clinic, migration::brought},
    error::{Error, Failure},
    use_cases::{
        enrol_patient::{may_be_enrolled, shared_patient},
        find_clinic::find_clinic,
        migrate::patients_of,
    },
};

/// As many patients are shown at once.
const MAX_SHOWN: u32 = 100;

/// Some of those whom a migration would bring.
pub(crate) struct Plan {
    pub(crate) patients: Vec<PlannedPatient>,
    /// All of them.
    pub(crate) total: usize,
}

/// Whom a migration would bring.
pub(crate) struct PlannedPatient {
    pub(crate) user_id: UserId,
    /// What the legacy account may do on the account of the patient.
    pub(crate) permissions: PermissionSet,
    /// What would become of it, or why nothing would.
    pub(crate) effect: Result<Effect, Refusal>,
}

/// What becomes of a patient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// The clinic gets it.
    Enroll,
    /// The clinic has it, and learns that it comes from the legacy account as well.
    Link,
    /// The clinic has it, and knows that.
    Nothing,
}

/// What would happen if the patients of `account` were brought to the clinic, for whom it works; each
/// patient is looked at as if it were the first to come. Changes nothing.
pub(crate) async fn plan(
    state: &State,
    clinic_id: ClinicId,
    account: &UserId,
    offset: u32,
    limit: u32,
) -> Result<Plan, Error> {
    let clinic = find_clinic(state, clinic_id).await?;
    let works_there = state
        .store
        .clinicians
        .contains(clinic_id, account)
        .await
        .or_fail(Failure)?;
    if !works_there {
        return Err(Refusal::ClinicianNotFound.into());
    }
    let groups = state.gatekeeper.groups(account).await.or_fail(Failure)?;
    let all = patients_of(account, groups);
    let total = all.len();
    let skipped = usize::try_from(offset).unwrap_or(usize::MAX);
    let shown = usize::try_from(limit.min(MAX_SHOWN)).unwrap_or(usize::MAX);
    let shown: Vec<_> = all.into_iter().skip(skipped).take(shown).collect();
    let ids: Vec<UserId> = shown.iter().map(|(user, _)| user.clone()).collect();
    let people = state.user_api.people(&ids, &[]).await.or_fail(Failure)?;
    let people = people.people.into_iter();
    let people: BTreeMap<UserId, Person> = people
        .map(|person| (person.user.userid.clone(), person))
        .collect();
    let planned = shown.into_iter().map(async |(user_id, permissions)| {
        let person = people.get(&user_id);
        let effect = effect(state, &clinic, account, (&user_id, &permissions), person).await;
        let effect = match effect {
            Ok(effect) => Ok(effect),
            Err(Error::Refused(refusal)) => Err(refusal),
            Err(failed) => return Err(failed),
        };
        Ok(PlannedPatient {
            user_id,
            permissions,
            effect,
        })
    });
    let patients = try_join_all(planned).await?;
    Ok(Plan { patients, total })
}

async fn effect(
    state: &State,
    clinic: &Clinic,
    account: &UserId,
    (user, permissions): (&UserId, &PermissionSet),
    person: Option<&Person>,
) -> Result<Effect, Error> {
    let shared = brought(account, permissions)?;
    let person = person.ok_or(Refusal::AccountNotFound)?;
    let found = state
        .store
        .patients
        .find(clinic.id, user)
        .await
        .or_fail(Failure)?;
    if let Some(patient) = found {
        let is_linked = patient.legacy_clinicians.contains(account);
        return Ok(if is_linked {
            Effect::Nothing
        } else {
            Effect::Link
        });
    }
    may_be_enrolled(state, clinic, &shared_patient(clinic, person, &shared)).await?;
    Ok(Effect::Enroll)
}
