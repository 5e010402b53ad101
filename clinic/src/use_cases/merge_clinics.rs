//! Two clinics become one. One transaction finds that the plan may be carried out and stores what is to
//! be done to the patients; from then on nothing stops the merge, and it is worked off in batches
//! ([`work_merges`]). Until it is done, both clinics refuse what would break the plan.
//!
//! Whoever works for the source works for the target from that transaction on, and for both until the
//! source is gone: all see all of their patients all the time.

use mongodb::ClientSession;
use shared_runtime::{error::OrFail as _, mongo::Aborted};
use shared_types::{ClinicId, UserId};

use crate::{
    State,
    domain::{
        Refusal,
        clinic::{Site, Tag},
        merge::{MergePlan, SiteAction, SitePlan, StaffAction, TagAction},
    },
    error::{Error, Failure},
    store::{Merge, Store},
    use_cases::{
        plan_merge::plan_locked, relate::ClinicianChanged, work_merges, workers::new_owner,
    },
};

/// Merges `source` into `target`, if that is what the plan with the digest `plan_hash` says, or any
/// plan where there is none. It is done for clinics that are not too large, and certain for all, when
/// this returns. A repeat goes on with it.
pub(crate) async fn merge_clinics(
    state: &State,
    target: ClinicId,
    source: ClinicId,
    plan_hash: Option<&str>,
) -> Result<(), Error> {
    if source == target {
        return Err(Refusal::SameClinic.into());
    }
    let owner = new_owner();
    let begun = state.store.change(target, async |session| {
        let clinics = (source, target);
        if let Some(merge) = find_same(state, session, clinics).await? {
            let is_outdated = plan_hash.is_some_and(|hash| hash != merge.order.plan_hash);
            return if is_outdated {
                Err(Refusal::PlanOutdated.into())
            } else {
                Ok((merge, false))
            };
        }
        let plan = plan_locked(state, session, clinics).await?;
        if plan_hash.is_some_and(|hash| hash != plan.hash()) {
            return Err(Refusal::PlanOutdated.into());
        }
        if !plan.obstacles().is_empty() {
            return Err(Refusal::MergeNotAllowed.into());
        }
        let merge = begin(state, session, &plan, &owner).await?;
        Ok((merge, true))
    });
    let (merge, is_own) = begun.await.or_fail(Failure)?;
    state.outbox.wake();
    if is_own {
        work_merges::begin(state, merge, &owner).await;
    } else {
        work_merges::resume(state, &merge, &owner).await;
    }
    Ok(())
}

/// The merge of the same clinics that is under way.
async fn find_same(
    state: &State,
    session: &mut ClientSession,
    (source, target): (ClinicId, ClinicId),
) -> Result<Option<Merge>, Aborted<Refusal>> {
    let merge = state.store.merges.find_in(session, target).await?;
    let is_same = |merge: &Merge| (merge.order.source, merge.order.target) == (source, target);
    Ok(merge.filter(is_same))
}

/// Stores the merge, with everything of it but the patients.
async fn begin(
    state: &State,
    session: &mut ClientSession,
    plan: &MergePlan,
    owner: &str,
) -> Result<Merge, Aborted<Refusal>> {
    let store = &state.store;
    let (source, target) = (plan.source.id, plan.target.id);
    let created = plan
        .tags
        .iter()
        .filter(|plan| plan.action == TagAction::Create);
    let tags: Vec<Tag> = created.map(|plan| plan.tag.clone()).collect();
    let moved = plan
        .sites
        .iter()
        .filter(|plan| plan.action != SiteAction::Retain);
    let sites: Vec<Site> = moved.map(SitePlan::result).collect();
    let moved = plan
        .staff
        .iter()
        .filter(|plan| plan.action == StaffAction::Move);
    let moved = moved.map(|plan| &plan.clinician);
    let users: Vec<UserId> = moved
        .clone()
        .filter_map(|one| one.user_id.clone())
        .collect();
    let admins = moved.filter(|one| one.is_admin());
    let admins: Vec<UserId> = admins.filter_map(|one| one.user_id.clone()).collect();
    let clinics = &store.clinics;
    clinics
        .take_over(session, target, (&tags, &sites), &admins)
        .await?;
    store
        .clinicians
        .copy(session, (source, target), &users)
        .await?;
    let merge = store.merges.insert(session, plan.order(), owner).await?;
    store.merge_plans.insert(session, merge.id, plan).await?;
    let clinic_id = target;
    let changed = users
        .into_iter()
        .map(|user_id| ClinicianChanged { clinic_id, user_id });
    state.outbox.enqueue_all(session, changed).await?;
    Ok(merge)
}

/// Refuses what would break the plan of a merge of the clinic, in the transaction of the change: one
/// that locks the clinic or counts a patient of it, so that no merge begins beside it.
pub(crate) async fn check_not_merging(
    store: &Store,
    session: &mut ClientSession,
    clinic: ClinicId,
) -> Result<(), Aborted<Refusal>> {
    match store.merges.find_in(session, clinic).await? {
        Some(_) => Err(Refusal::ClinicMerging.into()),
        None => Ok(()),
    }
}

/// Refuses, for a moment, to say that a clinic has nobody of the kind: during a merge the patient may be on the
/// way to the other clinic. This is to be asked before the look-up, and again before nobody is found for
/// good, since a merge may begin, and end, between them.
pub(crate) async fn check_not_moving(state: &State, clinic: ClinicId) -> Result<(), Error> {
    let is_moving = state.store.merges.is_moving(clinic).await;
    if is_moving.or_fail(Failure)? {
        return Err(Refusal::ClinicMerging.into());
    }
    Ok(())
}

/// Refuses that a patient leaves the target of a merge whose record in the source is about to become
/// one with this one: nobody has looked whether it could stand alone.
pub(crate) async fn check_may_leave(
    state: &State,
    session: &mut ClientSession,
    clinic: ClinicId,
    user: &UserId,
) -> Result<(), Aborted<Refusal>> {
    let Some(merge) = state.store.merges.find_in(session, clinic).await? else {
        return Ok(());
    };
    let (source, patients) = (merge.order.source, &state.store.patients);
    if source != clinic && patients.contains_in(session, source, user).await? {
        return Err(Refusal::ClinicMerging.into());
    }
    Ok(())
}
