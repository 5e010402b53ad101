//! Patients of a clinic, as they are stored, and what changes about them.

use chrono::{DateTime, TimeDelta, Utc};
use shared_runtime::body::Member;
use shared_types::{ClinicId, PermissionSet, TagId, UserId, address};

use super::{
    Refusal,
    clinic::Site,
    connection::requested,
    glycemic_ranges::GlycemicRanges,
    patient_summary::Summary,
    subscription::{OrderedBy, Subscription, Subscriptions},
};

/// The permission that a clinic has on an account that it made.
pub(crate) const CUSTODIAN: &str = "custodian";

/// What a clinic may do on an account that it made.
pub(crate) const CUSTODIAL_PERMISSIONS: [&str; 4] = [CUSTODIAN, "view", "upload", "note"];

/// How many reviews are kept.
const MAX_REVIEWS: usize = 2;

/// So long after a mail there is no other one of its kind, however often somebody asks for it.
pub(super) const MAIL_STANDS: TimeDelta = TimeDelta::minutes(10);

/// A patient as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Patient {
    pub(crate) clinic_id: ClinicId,
    pub(crate) user_id: UserId,
    pub(crate) full_name: Option<String>,
    /// `YYYY-MM-DD`; databases of other releases hold other texts as well.
    pub(crate) birth_date: Option<String>,
    pub(crate) email: Option<String>,
    pub(crate) mrn: Option<String>,
    pub(crate) target_devices: Option<Vec<String>>,
    pub(crate) tags: Vec<TagId>,
    pub(crate) sites: Vec<Site>,
    /// What the clinic may do on the account; `None`: nothing was ever said.
    pub(crate) permissions: Option<PermissionSet>,
    pub(crate) data_sources: Option<Vec<DataSource>>,
    /// The newest first.
    pub(crate) reviews: Vec<Review>,
    /// The newest of each provider first.
    pub(crate) connection_requests: Vec<ConnectionRequest>,
    /// When it was asked by mail to connect a provider.
    pub(crate) last_connection_mail: Option<DateTime<Utc>>,
    pub(crate) last_upload_reminder: Option<DateTime<Utc>>,
    pub(crate) glycemic_ranges: Option<GlycemicRanges>,
    pub(crate) diagnosis_type: Option<String>,
    /// Who invited it; a clinician.
    pub(crate) invited_by: Option<UserId>,
    pub(crate) is_migrated: bool,
    /// The legacy accounts from which it came.
    pub(crate) legacy_clinicians: Vec<UserId>,
    /// Whether no other patient of the clinic may have its MRN.
    pub(crate) requires_unique_mrn: bool,
    /// What hospital records ordered for it.
    pub(crate) subscriptions: Subscriptions,
    /// What its data says, if anything was ever said.
    pub(crate) summary: Option<Summary>,
    pub(crate) created_time: DateTime<Utc>,
    pub(crate) updated_time: DateTime<Utc>,
}

/// Where data of a patient comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct DataSource {
    pub(crate) provider_name: String,
    pub(crate) state: String,
    /// 24 hexadecimal digits.
    pub(crate) id: Option<String>,
    pub(crate) modified_time: Option<DateTime<Utc>>,
    pub(crate) expiration_time: Option<DateTime<Utc>>,
    pub(crate) latest_data_time: Option<DateTime<Utc>>,
}

/// A clinician has looked at the patient's data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Review {
    pub(crate) clinician: UserId,
    pub(crate) time: DateTime<Utc>,
}

/// The patient was asked to connect a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ConnectionRequest {
    pub(crate) provider_name: String,
    pub(crate) created_time: DateTime<Utc>,
}

/// What changes about a patient; `None` leaves it as it is.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct PatientChange {
    pub(crate) identity: Option<Identity>,
    /// `Null` takes it away. Part of the identity as well, where all of it changes.
    pub(crate) email: Member<String>,
    pub(crate) tags: Option<Vec<TagId>>,
    pub(crate) sites: Option<Vec<Site>>,
    /// `Null` takes all of them away.
    pub(crate) data_sources: Member<Vec<DataSource>>,
    pub(crate) reviews: Option<Vec<Review>>,
    /// One more, before all others of its provider.
    pub(crate) connection_request: Option<ConnectionRequest>,
    pub(crate) last_connection_mail: Option<DateTime<Utc>>,
    pub(crate) glycemic_ranges: Option<GlycemicRanges>,
    pub(crate) diagnosis_type: Option<String>,
    pub(crate) permissions: Option<PermissionSet>,
    pub(crate) last_upload_reminder: Option<DateTime<Utc>>,
    pub(crate) legacy_clinicians: Option<Vec<UserId>>,
    /// The reports that a hospital ordered.
    pub(crate) ordered: Option<(OrderedBy, Subscription)>,
    /// When it changes, for all to see; `None`: nobody need see it.
    pub(crate) updated_time: Option<DateTime<Utc>>,
}

/// Who a patient is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) full_name: String,
    pub(crate) birth_date: String,
    pub(crate) email: Option<String>,
    pub(crate) mrn: Option<String>,
    pub(crate) target_devices: Option<Vec<String>>,
    /// Whether no other patient of the clinic may have the MRN.
    pub(crate) requires_unique_mrn: bool,
}

impl PatientChange {
    /// The address that is entered with the rest of the identity; `None`: there is none then.
    pub(crate) fn entered_address(&self) -> Option<&str> {
        let email = self.identity.as_ref()?.email.as_deref();
        email.filter(|email| !email.is_empty())
    }

    /// Refuses to enter an address that is none; one of earlier times, which is `known`, stays.
    pub(crate) fn check_address(&self, known: Option<&str>) -> Result<(), Refusal> {
        let stands = |email| known.is_some_and(|known| address::is_same(known, email));
        match self.entered_address() {
            Some(email) if !address::is_valid(email) && !stands(email) => {
                Err(Refusal::InvalidEmail)
            }
            _ => Ok(()),
        }
    }
}

impl Patient {
    /// A patient of whom nothing is known.
    pub(crate) fn new(clinic_id: ClinicId, user_id: UserId, now: DateTime<Utc>) -> Self {
        Self {
            clinic_id,
            user_id,
            full_name: None,
            birth_date: None,
            email: None,
            mrn: None,
            target_devices: None,
            tags: Vec::new(),
            sites: Vec::new(),
            permissions: None,
            data_sources: None,
            reviews: Vec::new(),
            connection_requests: Vec::new(),
            last_connection_mail: None,
            last_upload_reminder: None,
            glycemic_ranges: None,
            diagnosis_type: None,
            invited_by: None,
            is_migrated: false,
            legacy_clinicians: Vec::new(),
            requires_unique_mrn: false,
            subscriptions: Subscriptions::new(),
            summary: None,
            created_time: now,
            updated_time: now,
        }
    }

    /// Whether the clinic made the account, and nobody has claimed it.
    pub(crate) fn is_custodial(&self) -> bool {
        let permissions = self.permissions.as_ref();
        permissions.is_some_and(|permissions| permissions.has(CUSTODIAN))
    }

    /// Whether somebody can be asked to claim the account, which the clinic made.
    pub(crate) fn is_claimable(&self) -> bool {
        let email = self.email.as_deref();
        self.is_custodial() && email.is_some_and(|email| !email.is_empty())
    }

    /// Whether it has a medical record number that no other patient of the clinic may have.
    pub(crate) fn has_own_mrn(&self) -> bool {
        self.requires_unique_mrn && self.mrn.is_some()
    }

    /// The patient after `change`.
    #[must_use]
    pub(crate) fn with(mut self, change: &PatientChange) -> Self {
        if self.changes_mrn(change) {
            for ordered in self.subscriptions.values_mut() {
                ordered.is_active = false;
            }
        }
        let change = change.clone();
        if let Some((by, reports)) = change.ordered {
            self.subscriptions.insert(by.name().to_owned(), reports);
        }
        if let Some(identity) = change.identity {
            self.full_name = Some(identity.full_name);
            self.birth_date = Some(identity.birth_date);
            self.email = identity.email;
            self.mrn = identity.mrn;
            self.target_devices = identity.target_devices;
            self.requires_unique_mrn = identity.requires_unique_mrn;
        }
        match change.email {
            Member::Absent => {}
            Member::Null => self.email = None,
            Member::Given(email) => self.email = Some(email),
        }
        self.tags = change.tags.unwrap_or(self.tags);
        self.sites = change.sites.unwrap_or(self.sites);
        match change.data_sources {
            Member::Absent => {}
            Member::Null => self.data_sources = None,
            Member::Given(sources) => self.data_sources = Some(sources),
        }
        self.reviews = change.reviews.unwrap_or(self.reviews);
        if let Some(request) = change.connection_request {
            self.connection_requests = requested(self.connection_requests, request);
        }
        self.last_connection_mail = change.last_connection_mail.or(self.last_connection_mail);
        self.glycemic_ranges = change.glycemic_ranges.or(self.glycemic_ranges);
        self.diagnosis_type = change.diagnosis_type.or(self.diagnosis_type);
        self.permissions = change.permissions.or(self.permissions);
        self.last_upload_reminder = change.last_upload_reminder.or(self.last_upload_reminder);
        self.legacy_clinicians = change.legacy_clinicians.unwrap_or(self.legacy_clinicians);
        self.updated_time = change.updated_time.unwrap_or(self.updated_time);
        self
    }

    /// Whether the patient was reminded to upload data a moment before `now`.
    pub(crate) fn was_just_reminded(&self, now: DateTime<Utc>) -> bool {
        let last = self.last_upload_reminder;
        last.is_some_and(|last| now.signed_duration_since(last) < MAIL_STANDS)
    }

    /// Whether `change` gives it another MRN, or none.
    pub(crate) fn changes_mrn(&self, change: &PatientChange) -> bool {
        let identity = change.identity.as_ref();
        identity.is_some_and(|identity| identity.mrn != self.mrn)
    }
}

/// Why a review cannot be taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoRevert {
    /// There is none.
    NoReview,
    /// Another clinician made the newest.
    AnothersReview,
}

/// `reviews` with one by `clinician` more; older ones go.
pub(crate) fn reviewed(reviews: &[Review], clinician: &UserId, time: DateTime<Utc>) -> Vec<Review> {
    let clinician = clinician.clone();
    let mut all = vec![Review { clinician, time }];
    all.extend_from_slice(reviews);
    all.truncate(MAX_REVIEWS);
    all
}

/// `reviews` without the newest, which `clinician` made.
pub(crate) fn reverted(reviews: &[Review], clinician: &UserId) -> Result<Vec<Review>, NoRevert> {
    match reviews {
        [] => Err(NoRevert::NoReview),
        [newest, rest @ ..] if newest.clinician == *clinician => Ok(rest.to_vec()),
        _ => Err(NoRevert::AnothersReview),
    }
}

/// What is left of the permissions that a patient gives its clinic. Nobody can make a clinic the
/// custodian of an account; `None`: nothing is left.
pub(crate) fn granted(wanted: PermissionSet) -> Option<PermissionSet> {
    let mut granted = wanted;
    granted
        .0
        .retain(|name, _| name != CUSTODIAN && CUSTODIAL_PERMISSIONS.contains(&name.as_str()));
    (!granted.is_empty()).then_some(granted)
}

/// `permissions` without the one called `name`; `None` if it is not there.
pub(crate) fn without(permissions: &PermissionSet, name: &str) -> Option<PermissionSet> {
    let mut rest = permissions.clone();
    let removed = rest.0.remove(name)?;
    (!removed.is_null()).then_some(rest)
}

#[cfg(test)]
pub(crate) mod tests;
