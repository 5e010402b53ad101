//! Tags and sites of a clinic change. Each change locks the clinic, so that two do not make the same
//! name twice or one too many. What has to change about its patients is made with it at that moment,
//! and written as a job ([`work_jobs`]).

use bson::oid::ObjectId;
use mongodb::ClientSession;
use shared_runtime::{error::OrFail as _, mongo::Aborted};
use shared_types::{ClinicId, SiteId, TagId, UserId};

use super::{
    merge_clinics::check_not_merging,
    work_jobs::{self, BATCH},
    workers::new_owner,
};
use crate::{
    State,
    domain::{
        Refusal,
        bulk_change::BulkChange,
        clinic::{Clinic, Site, Tag},
        labels::{CountedSite, TagName},
        patient::{Patient, PatientChange},
    },
    error::{Error, Failure},
    store::now,
};

/// Adds a tag; returns it.
pub(crate) async fn create_tag(
    state: &State,
    clinic: ClinicId,
    name: &TagName,
) -> Result<Tag, Error> {
    let created = change_labels(state, clinic, async |session, clinic| {
        clinic.may_add_tag(name)?;
        let tag = Tag {
            id: ObjectId::new().bytes().into(),
            name: name.as_str().to_owned(),
        };
        let clinics = &state.store.clinics;
        clinics.add_tag(session, clinic.id, &tag).await?;
        Ok((tag, None))
    });
    created.await
}

/// Renames a tag; returns it since. Patients have its id alone.
pub(crate) async fn rename_tag(
    state: &State,
    clinic: ClinicId,
    id: TagId,
    name: &TagName,
) -> Result<Tag, Error> {
    let renamed = change_labels(state, clinic, async |session, clinic| {
        clinic.may_rename_tag(id, name)?;
        let tag = Tag {
            id,
            name: name.as_str().to_owned(),
        };
        let clinics = &state.store.clinics;
        clinics.rename_tag(session, clinic.id, &tag).await?;
        Ok((tag, None))
    });
    renamed.await
}

/// Removes a tag from a clinic and its patients, if there is one.
pub(crate) async fn delete_tag(state: &State, clinic: ClinicId, tag: TagId) -> Result<(), Error> {
    let deleted = change_labels(state, clinic, async |session, clinic| {
        if clinic.tag(tag).is_none() {
            return Ok(((), None));
        }
        let clinics = &state.store.clinics;
        clinics.remove_tag(session, clinic.id, tag).await?;
        Ok(((), Some(BulkChange::RemoveTag { tag })))
    });
    deleted.await
}

/// Makes a site of a tag; returns it.
pub(crate) async fn convert_tag(
    state: &State,
    clinic_id: ClinicId,
    tag: TagId,
) -> Result<CountedSite, Error> {
    let site = change_labels(state, clinic_id, async |session, clinic| {
        let of_clinic = clinic.tag(tag).ok_or(Refusal::TagToConvertNotFound)?;
        let site = Site {
            id: ObjectId::new().bytes().into(),
            name: clinic.site_name_of(of_clinic)?,
        };
        let clinics = &state.store.clinics;
        clinics.add_site(session, clinic.id, &site).await?;
        clinics.remove_tag(session, clinic.id, tag).await?;
        let change = BulkChange::ConvertTag {
            tag,
            site: site.clone(),
        };
        Ok((site, Some(change)))
    });
    let site = site.await?;
    let counts = state.store.patients.count(clinic_id).await;
    let counts = counts.or_fail(Failure)?;
    // Those whose documents have the tag still are of the site as well.
    let of_site = counts.sites.get(&site.id).copied().unwrap_or_default();
    let of_tag = counts.tags.get(&tag).copied().unwrap_or_default();
    Ok(CountedSite {
        site,
        patients: of_site + of_tag,
    })
}

/// Adds a site; returns it.
pub(crate) async fn create_site(
    state: &State,
    clinic: ClinicId,
    name: &str,
) -> Result<CountedSite, Error> {
    let created = change_labels(state, clinic, async |session, clinic| {
        clinic.may_add_site(name)?;
        let site = Site {
            id: ObjectId::new().bytes().into(),
            name: name.to_owned(),
        };
        let clinics = &state.store.clinics;
        clinics.add_site(session, clinic.id, &site).await?;
        Ok((site, None))
    });
    let (site, patients) = (created.await?, 0);
    Ok(CountedSite { site, patients })
}

/// Renames a site of a clinic and its patients; returns it since.
pub(crate) async fn rename_site(
    state: &State,
    clinic_id: ClinicId,
    id: SiteId,
    name: &str,
) -> Result<CountedSite, Error> {
    let renamed = change_labels(state, clinic_id, async |session, clinic| {
        clinic.may_rename_site(id, name)?;
        let site = Site {
            id,
            name: name.to_owned(),
        };
        if clinic.site(id) == Some(&site) {
            return Ok((site, None));
        }
        let clinics = &state.store.clinics;
        clinics.rename_site(session, clinic.id, &site).await?;
        let change = BulkChange::RenameSite { site: site.clone() };
        Ok((site, Some(change)))
    });
    let site = renamed.await?;
    let counts = state.store.patients.count(clinic_id).await;
    let counts = counts.or_fail(Failure)?;
    let patients = counts.sites.get(&id).copied().unwrap_or_default();
    Ok(CountedSite { site, patients })
}

/// Removes a site from a clinic and its patients.
pub(crate) async fn delete_site(
    state: &State,
    clinic: ClinicId,
    site: SiteId,
) -> Result<(), Error> {
    let deleted = change_labels(state, clinic, async |session, clinic| {
        clinic.site(site).ok_or(Refusal::ClinicNotFound)?;
        let clinics = &state.store.clinics;
        clinics.remove_site(session, clinic.id, site).await?;
        Ok(((), Some(BulkChange::RemoveSite { site })))
    });
    deleted.await
}

/// Makes one site of two: `source` goes, and its patients are those of `target`, which is returned.
pub(crate) async fn merge_site(
    state: &State,
    clinic_id: ClinicId,
    target: SiteId,
    source: SiteId,
) -> Result<CountedSite, Error> {
    let merged = change_labels(state, clinic_id, async |session, clinic| {
        if source == target {
            return Err(Refusal::SameSite.into());
        }
        let into = clinic.site(target).ok_or(Refusal::SiteNotFound)?;
        clinic.site(source).ok_or(Refusal::ClinicNotFound)?;
        let clinics = &state.store.clinics;
        clinics.remove_site(session, clinic.id, source).await?;
        let change = BulkChange::MergeSite {
            site: source,
            into: into.clone(),
        };
        Ok((into.clone(), Some(change)))
    });
    let site = merged.await?;
    let patients = &state.store.patients;
    let patients = patients.count_of_sites(clinic_id, [target, source]).await;
    let patients = i64::try_from(patients.or_fail(Failure)?).unwrap_or(i64::MAX);
    Ok(CountedSite { site, patients })
}

/// Changes a clinic, and with it all of its patients where the change says how.
async fn change_labels<T>(
    state: &State,
    id: ClinicId,
    mut change: impl AsyncFnMut(
        &mut ClientSession,
        &Clinic,
    ) -> Result<(T, Option<BulkChange>), Aborted<Refusal>>,
) -> Result<T, Error> {
    let owner = new_owner();
    let changed = state.store.change(id, async |session| {
        let clinic = state.store.clinics.lock_labels(session, id).await?;
        let clinic = clinic.ok_or(Refusal::ClinicNotFound)?;
        check_not_merging(&state.store, session, id).await?;
        let (changed, of_patients) = change(session, &clinic).await?;
        let job = match of_patients {
            Some(change) => {
                let patients = &state.store.patients;
                Some(patients.begin_job(session, id, &change, &owner).await?)
            }
            None => None,
        };
        Ok((changed, job))
    });
    let (changed, job) = changed.await.or_fail(Failure)?;
    if let Some(job) = job {
        work_jobs::begin(state, job, &owner).await;
    }
    Ok(changed)
}

/// Makes a change of every patient of a clinic. Where there is no such clinic there is no patient.
pub(crate) async fn change_everybody(
    state: &State,
    id: ClinicId,
    change: BulkChange,
) -> Result<(), Error> {
    let changed = change_labels(state, id, async |_, _| Ok(((), Some(change.clone()))));
    match changed.await {
        Err(Error::Refused(Refusal::ClinicNotFound)) => Ok(()),
        changed => changed,
    }
}

/// Makes a change of some patients of a clinic; those of `users` who are none are ignored, and those
/// whom it would not change stay as they are.
pub(crate) async fn change_some(
    state: &State,
    clinic: ClinicId,
    users: &[UserId],
    change: &BulkChange,
) -> Result<(), Error> {
    let patients = &state.store.patients;
    for users in users.chunks(BATCH) {
        let changed = state.store.change(clinic, async |session| {
            let listed = patients.list_listed_in(session, clinic, users).await?;
            patients
                .update_all(session, clinic, &listed, |patient| made(change, patient))
                .await?;
            Ok::<_, Aborted<Refusal>>(())
        });
        changed.await.or_fail(Failure)?;
    }
    Ok(())
}

/// What `change` makes of a patient; `None`: nothing.
fn made(change: &BulkChange, patient: &Patient) -> Option<PatientChange> {
    let mut after = patient.clone();
    change.apply(&mut after);
    (after != *patient).then(|| PatientChange {
        tags: Some(after.tags),
        sites: Some(after.sites),
        updated_time: Some(now()),
        ..PatientChange::default()
    })
}
