//! What the played gatekeeper keeps, and what follows from it.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use shared_types::{
    AdministeredAccount, ClinicId, Grant, KnownRelation, KnownRelations, LockedAccount,
    PermissionSet, PermissionsByUser, ROOT, UserId,
};

#[derive(Default)]
pub(super) struct Known {
    /// By sharer and grantee.
    pub(super) grants: BTreeMap<(UserId, UserId), Granted>,
    patients: BTreeMap<(ClinicId, UserId), Patient>,
    clinicians: BTreeMap<(ClinicId, UserId), Clinician>,
    /// The ids of the grants that had their effect, in order.
    pub(super) applied: Vec<String>,
    /// The deleted accounts, in order.
    pub(super) forgotten: Vec<UserId>,
    /// How often who runs an account was decided.
    versions: BTreeMap<UserId, i64>,
}

/// What a pair was granted.
pub(super) struct Granted {
    pub(super) set: PermissionSet,
    pub(super) is_accepted: bool,
    made_at: DateTime<Utc>,
}

struct Patient {
    revision: i64,
    /// `None`: no patient any more.
    permissions: Option<PermissionSet>,
}

struct Clinician {
    revision: i64,
    works_there: bool,
}

impl Known {
    pub(super) fn direct(&self, sharer: &UserId, grantee: &UserId) -> PermissionSet {
        let held = self.grants.get(&(sharer.clone(), grantee.clone()));
        held.map_or_else(PermissionSet::default, |held| held.set.clone())
    }

    /// What a pair has, clinics included.
    pub(super) fn effective(&self, sharer: &UserId, grantee: &UserId) -> PermissionSet {
        if sharer == grantee {
            return PermissionSet::of(&[ROOT]);
        }
        let mut set = self.direct(sharer, grantee);
        let works = self.clinicians.iter();
        let works = works.filter(|((_, user), clinician)| user == grantee && clinician.works_there);
        for ((clinic, _), _) in works {
            let patient = self.patients.get(&(*clinic, sharer.clone()));
            let by_clinic = patient.and_then(|patient| patient.permissions.clone());
            for (name, value) in by_clinic.unwrap_or_default().0 {
                set.0.entry(name).or_insert(value);
            }
        }
        set
    }

    pub(super) fn members(&self, sharer: &UserId) -> PermissionsByUser {
        let grants = self.grants.iter().filter(|((of, _), _)| of == sharer);
        let others = grants.map(|((_, grantee), granted)| (grantee.clone(), granted.set.clone()));
        with_owner(sharer, others)
    }

    pub(super) fn groups(&self, user: &UserId) -> PermissionsByUser {
        let grants = self.grants.iter().filter(|((_, to), _)| to == user);
        let others = grants.map(|((sharer, _), granted)| (sharer.clone(), granted.set.clone()));
        with_owner(user, others)
    }

    pub(super) fn agreements(&self, sharer: &UserId) -> BTreeMap<UserId, bool> {
        let grants = self.grants.iter().filter(|((of, _), _)| of == sharer);
        grants
            .map(|((_, grantee), granted)| (grantee.clone(), granted.is_accepted))
            .collect()
    }

    /// Who runs `account` by a direct permission.
    pub(super) fn holders(&self, account: &UserId) -> BTreeSet<UserId> {
        let grants = self.grants.iter();
        let running =
            grants.filter(|((of, _), granted)| of == account && granted.set.administers());
        running.map(|((_, holder), _)| holder.clone()).collect()
    }

    pub(super) fn is_run_by_clinic(&self, account: &UserId) -> bool {
        let mut patients = self.patients.iter();
        patients.any(|((_, user), patient)| {
            let permissions = patient.permissions.as_ref();
            user == account && permissions.is_some_and(PermissionSet::administers)
        })
    }

    /// The relations of a kind, of accounts in a range; all at once.
    pub(super) fn relations(
        &self,
        kind: &str,
        after: Option<&UserId>,
        until: Option<&UserId>,
    ) -> KnownRelations {
        let patients = self
            .patients
            .iter()
            .filter_map(|(pair, patient)| Some((pair, patient.permissions.clone()?)));
        let clinicians = self.clinicians.iter();
        let clinicians = clinicians.filter(|(_, clinician)| clinician.works_there);
        let clinicians = clinicians.map(|(pair, _)| (pair, PermissionSet::default()));
        let known: Vec<_> = match kind {
            "patients" => patients.collect(),
            _ => clinicians.collect(),
        };
        let relations = known
            .into_iter()
            .map(|((clinic_id, user_id), permissions)| KnownRelation {
                clinic_id: *clinic_id,
                user_id: user_id.clone(),
                permissions,
            });
        let is_asked = |each: &KnownRelation| {
            after.is_none_or(|after| each.user_id > *after)
                && until.is_none_or(|until| each.user_id <= *until)
        };
        let mut relations: Vec<_> = relations.filter(is_asked).collect();
        relations.sort_by_key(|each| (each.user_id.clone(), each.clinic_id));
        KnownRelations {
            relations,
            until: None,
        }
    }

    pub(super) fn administered(&self, user: &UserId) -> Vec<AdministeredAccount> {
        let grants = self.grants.iter();
        let run = grants.filter(|((_, to), granted)| to == user && granted.set.administers());
        run.map(|((account, _), _)| self.beside(account, user))
            .collect()
    }

    /// Who runs `account` beside `user`.
    pub(super) fn beside(&self, account: &UserId, user: &UserId) -> AdministeredAccount {
        let mut others = self.holders(account);
        others.remove(user);
        AdministeredAccount {
            userid: account.clone(),
            other_admins: others.into_iter().collect(),
            clinic_custodian: self.is_run_by_clinic(account),
        }
    }

    pub(super) fn version(&self, account: &UserId) -> i64 {
        self.versions.get(account).copied().unwrap_or_default()
    }

    /// Moves the version of `account` on; returns the new one.
    pub(super) fn move_on(&mut self, account: &UserId) -> i64 {
        let version = self.versions.entry(account.clone()).or_default();
        *version += 1;
        *version
    }

    pub(super) fn lock(&mut self, account: &UserId) -> LockedAccount {
        LockedAccount {
            version: self.move_on(account),
            holders: self.holders(account).into_iter().collect(),
            clinic_custodian: self.is_run_by_clinic(account),
        }
    }

    /// Replaces what a pair was granted, which its grantee accepts.
    pub(super) fn replace(&mut self, sharer: &UserId, grantee: &UserId, set: PermissionSet) {
        let pair = (sharer.clone(), grantee.clone());
        if set.is_empty() {
            self.grants.remove(&pair);
            return;
        }
        let made_at = self.grants.get(&pair).map(|granted| granted.made_at);
        let made = Granted {
            set,
            is_accepted: true,
            made_at: made_at.unwrap_or_else(Utc::now),
        };
        self.grants.insert(pair, made);
    }

    pub(super) fn date_grants(&mut self, sharer: &UserId, time: DateTime<Utc>) {
        let grants = self.grants.iter_mut();
        let on_account = grants.filter(|((of, _), _)| of == sharer);
        on_account.for_each(|(_, granted)| granted.made_at = time);
    }

    /// What the grantee has directly once the offer had its effect.
    pub(super) fn joined(&self, grant: &Grant) -> PermissionSet {
        let mut set = self.direct(&grant.sharer_id, &grant.grantee_id);
        for (name, value) in grant.permissions.clone().grantable().0 {
            set.0.entry(name).or_insert(value);
        }
        set
    }

    pub(super) fn end_custody(&mut self, account: &UserId) {
        self.move_on(account);
        let on_account = self.grants.iter_mut().filter(|((of, _), _)| of == account);
        on_account.for_each(|(_, granted)| drop(granted.set.0.remove("custodian")));
        self.grants.retain(|_, granted| !granted.set.is_empty());
    }

    /// Removes what was granted on `account` until the second of `until`.
    pub(super) fn end_grants(&mut self, account: &UserId, until: DateTime<Utc>) {
        self.grants.retain(|(of, _), granted| {
            of != account || granted.made_at.timestamp() > until.timestamp()
        });
    }

    pub(super) fn forget(&mut self, user: &UserId) {
        self.grants
            .retain(|(sharer, grantee), _| sharer != user && grantee != user);
        self.patients.retain(|(_, patient), _| patient != user);
        self.clinicians
            .retain(|(_, clinician), _| clinician != user);
        self.versions.remove(user);
        self.forgotten.push(user.clone());
    }

    /// Of two changes of a relation the later revision stays.
    pub(super) fn relate_patient(
        &mut self,
        clinic: ClinicId,
        user: UserId,
        revision: i64,
        permissions: Option<PermissionSet>,
    ) {
        let runs_account = permissions.as_ref().is_some_and(PermissionSet::administers);
        if !runs_account {
            self.move_on(&user);
        }
        let told = Patient {
            revision,
            permissions,
        };
        let known = self.patients.get(&(clinic, user.clone()));
        if known.is_none_or(|known| known.revision < revision) {
            self.patients.insert((clinic, user), told);
        }
    }

    /// As [`Self::relate_patient`].
    pub(super) fn relate_clinician(
        &mut self,
        clinic: ClinicId,
        user: UserId,
        revision: i64,
        works_there: bool,
    ) {
        let told = Clinician {
            revision,
            works_there,
        };
        let known = self.clinicians.get(&(clinic, user.clone()));
        if known.is_none_or(|known| known.revision < revision) {
            self.clinicians.insert((clinic, user), told);
        }
    }
}

/// The body of both lists.
fn with_owner(
    owner: &UserId,
    others: impl Iterator<Item = (UserId, PermissionSet)>,
) -> PermissionsByUser {
    let mut all: PermissionsByUser = others.collect();
    all.insert(owner.clone(), PermissionSet::of(&[ROOT]));
    all
}
