//! Clinicians of two clinics that become one.

use std::collections::{BTreeMap, BTreeSet};

use shared_types::{ClinicId, UserId};

use crate::domain::clinician::Clinician;

/// What becomes of a clinician.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StaffAction {
    /// Works for the target, and goes on.
    Retain,
    /// Works for both: the record in the source goes.
    Merge,
    /// Works for both: the record in the target stays, with its roles.
    MergeInto,
    /// Works for the source, and comes to the target.
    Move,
}

impl StaffAction {
    /// As it is shown and stored.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Retain => "RETAIN",
            Self::Merge => "MERGE",
            Self::MergeInto => "MERGE_INTO",
            Self::Move => "MOVE",
        }
    }
}

/// Why a clinician of the source cannot come to the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StaffProblem {
    /// Has not accepted the invitation.
    PendingInvite,
    /// Not everybody may work for the target.
    Restricted,
    /// Somebody else in the target has the address.
    EmailTaken,
}

impl StaffProblem {
    /// In words, for people.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::PendingInvite => "the invitation is pending",
            Self::Restricted => "the target restricts who may work for it",
            Self::EmailTaken => "somebody else in the target has the address",
        }
    }
}

/// A clinician with what becomes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StaffPlan {
    /// Where it works.
    pub(crate) clinic: ClinicId,
    pub(crate) clinician: Clinician,
    pub(crate) action: StaffAction,
    /// The roles in the target.
    pub(crate) roles: Vec<String>,
    /// Whether it runs the source, and will not run the target.
    pub(crate) is_downgraded: bool,
    pub(crate) problem: Option<StaffProblem>,
}

/// Those of the source, then those of the target.
pub(super) fn plan(
    source: Vec<Clinician>,
    target: Vec<Clinician>,
    is_restricted: bool,
) -> Vec<StaffPlan> {
    let user_of = |clinician: &Clinician| clinician.user_id.clone();
    let in_source: BTreeSet<UserId> = source.iter().filter_map(user_of).collect();
    let with_roles = |clinician: &Clinician| Some((user_of(clinician)?, clinician.clone()));
    let in_target: BTreeMap<UserId, Clinician> = target.iter().filter_map(with_roles).collect();
    let address_of = |clinician: &Clinician| clinician.email.clone();
    let mut addresses: BTreeSet<String> = target.iter().filter_map(address_of).collect();
    let of_source = source.into_iter().map(|clinician| {
        let known = clinician
            .user_id
            .as_ref()
            .and_then(|user| in_target.get(user));
        if let Some(known) = known {
            return StaffPlan {
                clinic: clinician.clinic_id,
                action: StaffAction::Merge,
                roles: known.roles.clone(),
                is_downgraded: clinician.is_admin() && !known.is_admin(),
                problem: None,
                clinician,
            };
        }
        let email = clinician.email.clone();
        let problem = if clinician.user_id.is_none() {
            Some(StaffProblem::PendingInvite)
        } else if is_restricted {
            Some(StaffProblem::Restricted)
        } else if email.is_some_and(|email| !addresses.insert(email)) {
            Some(StaffProblem::EmailTaken)
        } else {
            None
        };
        StaffPlan {
            clinic: clinician.clinic_id,
            action: StaffAction::Move,
            roles: clinician.roles.clone(),
            is_downgraded: false,
            problem,
            clinician,
        }
    });
    let mut plans: Vec<StaffPlan> = of_source.collect();
    plans.extend(target.into_iter().map(|clinician| {
        let user = clinician.user_id.as_ref();
        let is_in_both = user.is_some_and(|user| in_source.contains(user));
        StaffPlan {
            clinic: clinician.clinic_id,
            action: if is_in_both {
                StaffAction::MergeInto
            } else {
                StaffAction::Retain
            },
            roles: clinician.roles.clone(),
            is_downgraded: false,
            problem: None,
            clinician,
        }
    }));
    plans
}
