//! The document of a patient in the collection `patients`: how it is read, made and changed.

use bson::{
    Bson, DateTime, Document, RawDocumentBuf, deserialize_from_bson, doc, oid::ObjectId,
    serialize_to_bson,
};
use mongodb::error::{Error, Result};
use serde::Deserialize;
use shared_runtime::body::Member;
use shared_types::{PermissionSet, TagId, UserId};

use super::{
    connection_document::{self, ConnectionRequestsDocument},
    ids, subscription_document, summary_document,
};
use crate::domain::{
    clinic::Site,
    patient::{DataSource, Patient, PatientChange, Review},
};

/// A document as any release wrote it. What has another form than it should counts as absent.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PatientDocument {
    #[serde(rename = "_id")]
    pub(super) id: ObjectId,
    clinic_id: ObjectId,
    user_id: UserId,
    full_name: Option<String>,
    birth_date: Option<String>,
    email: Option<String>,
    mrn: Option<String>,
    target_devices: Option<Vec<String>>,
    tags: Option<Vec<ObjectId>>,
    sites: Option<Vec<SiteDocument>>,
    permissions: Option<PermissionSet>,
    data_sources: Option<Vec<DataSourceDocument>>,
    reviews: Option<Vec<ReviewDocument>>,
    pub(super) provider_connection_requests: Option<ConnectionRequestsDocument>,
    /// How older releases noted the requests to connect Dexcom.
    last_requested_dexcom_connect_time: Option<DateTime>,
    #[serde(rename = "_connectionMailTime")]
    last_connection_mail: Option<DateTime>,
    last_upload_reminder_time: Option<DateTime>,
    glycemic_ranges: Option<Bson>,
    diagnosis_type: Option<String>,
    invited_by: Option<UserId>,
    is_migrated: Option<bool>,
    legacy_clinician_ids: Option<Vec<UserId>>,
    require_unique_mrn: Option<bool>,
    ehr_subscriptions: Option<Document>,
    summary: Option<RawDocumentBuf>,
    created_time: Option<DateTime>,
    updated_time: Option<DateTime>,
    /// Where it is counted; `None`: it is not yet.
    #[serde(rename = "_lane")]
    pub(super) lane: Option<i32>,
    /// At which version of it.
    #[serde(rename = "_version")]
    pub(super) version: Option<i64>,
}

#[derive(Deserialize)]
struct SiteDocument {
    id: ObjectId,
    name: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DataSourceDocument {
    provider_name: Option<String>,
    state: Option<String>,
    data_source_id: Option<ObjectId>,
    modified_time: Option<DateTime>,
    expiration_time: Option<DateTime>,
    latest_data_time: Option<DateTime>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ReviewDocument {
    clinician_id: UserId,
    time: DateTime,
}

impl From<PatientDocument> for Patient {
    fn from(document: PatientDocument) -> Self {
        let time = |time: Option<DateTime>| time.map(DateTime::to_chrono).unwrap_or_default();
        let sites = document.sites.unwrap_or_default();
        let sources = document.data_sources;
        let reviews = document.reviews.unwrap_or_default();
        let subscriptions = document.ehr_subscriptions.unwrap_or_default();
        Self {
            clinic_id: document.clinic_id.bytes().into(),
            user_id: document.user_id,
            full_name: document.full_name,
            birth_date: document.birth_date,
            email: document.email,
            mrn: document.mrn,
            target_devices: document.target_devices,
            tags: document
                .tags
                .unwrap_or_default()
                .into_iter()
                .map(|tag| tag.bytes().into())
                .collect(),
            sites: sites.into_iter().map(Into::into).collect(),
            permissions: document.permissions,
            data_sources: sources.map(|sources| sources.into_iter().map(Into::into).collect()),
            reviews: reviews.into_iter().map(Into::into).collect(),
            connection_requests: connection_document::read(
                document.provider_connection_requests.unwrap_or_default(),
                document.last_requested_dexcom_connect_time,
            ),
            last_connection_mail: document.last_connection_mail.map(DateTime::to_chrono),
            last_upload_reminder: document.last_upload_reminder_time.map(DateTime::to_chrono),
            glycemic_ranges: document
                .glycemic_ranges
                .and_then(|ranges| deserialize_from_bson(ranges).ok()),
            diagnosis_type: document.diagnosis_type,
            invited_by: document.invited_by,
            is_migrated: document.is_migrated.unwrap_or_default(),
            legacy_clinicians: document.legacy_clinician_ids.unwrap_or_default(),
            requires_unique_mrn: document.require_unique_mrn.unwrap_or_default(),
            subscriptions: subscription_document::read(&subscriptions),
            summary: document.summary.as_deref().map(summary_document::read),
            created_time: time(document.created_time),
            updated_time: time(document.updated_time),
        }
    }
}

impl From<SiteDocument> for Site {
    fn from(document: SiteDocument) -> Self {
        Self {
            id: document.id.bytes().into(),
            name: document.name.unwrap_or_default(),
        }
    }
}

impl From<DataSourceDocument> for DataSource {
    fn from(document: DataSourceDocument) -> Self {
        let time = |time: Option<DateTime>| time.map(DateTime::to_chrono);
        Self {
            provider_name: document.provider_name.unwrap_or_default(),
            state: document.state.unwrap_or_default(),
            id: document.data_source_id.map(ObjectId::to_hex),
            modified_time: time(document.modified_time),
            expiration_time: time(document.expiration_time),
            latest_data_time: time(document.latest_data_time),
        }
    }
}

impl From<ReviewDocument> for Review {
    fn from(document: ReviewDocument) -> Self {
        Self {
            clinician: document.clinician_id,
            time: document.time.to_chrono(),
        }
    }
}

/// The document of a new patient.
pub(super) fn document(patient: &Patient) -> Result<Document> {
    let mut document = doc! {
        "_id": ObjectId::new(),
        "clinicId": ids::clinic(patient.clinic_id),
        "userId": patient.user_id.as_str(),
        "fullName": patient.full_name.as_deref(),
        "birthDate": patient.birth_date.as_deref(),
        "email": patient.email.as_deref(),
        "mrn": patient.mrn.as_deref(),
        "targetDevices": patient.target_devices.clone(),
        "requireUniqueMrn": patient.requires_unique_mrn,
        "createdTime": DateTime::from_chrono(patient.created_time),
        "updatedTime": DateTime::from_chrono(patient.updated_time),
    };
    document.extend(subscription_document::of_new(patient));
    document.extend(connection_document::of_new(patient));
    if patient.has_own_mrn() {
        document.insert(OWN_MRN, true);
    }
    if patient.is_migrated {
        document.insert("isMigrated", true);
    }
    if let Some(clinician) = &patient.invited_by {
        document.insert("invitedBy", clinician.as_str());
    }
    let sources = &patient.data_sources;
    let lists = [
        ("tags", tags(&patient.tags)),
        ("sites", sites(&patient.sites)),
        ("reviews", reviews(&patient.reviews)),
        ("legacyClinicianIds", users(&patient.legacy_clinicians)),
        (
            "dataSources",
            sources
                .as_deref()
                .map(data_sources)
                .transpose()?
                .unwrap_or_default(),
        ),
    ];
    for (name, list) in lists {
        if !list.is_empty() {
            document.insert(name, list);
        }
    }
    if let Some(permissions) = &patient.permissions {
        document.insert("permissions", permission_set(permissions));
    }
    if let Some(ranges) = &patient.glycemic_ranges {
        document.insert(
            "glycemicRanges",
            serialize_to_bson(ranges).map_err(Error::custom)?,
        );
    }
    if let Some(kind) = &patient.diagnosis_type {
        document.insert("diagnosisType", kind);
    }
    Ok(document)
}

/// The member of patients whose medical record number no other one of the clinic may have, which an
/// index holds. The reference's member `requireUniqueMrn` would not do: its index takes upper and
/// lower case for two.
pub(super) const OWN_MRN: &str = "_ownMrn";

/// What `change` sets of the patient read as `read`.
pub(super) fn members_of(read: &Patient, change: &PatientChange) -> Result<Document> {
    let mut set = Document::new();
    if let Some(identity) = &change.identity {
        let after = read.clone().with(change);
        set.extend(doc! {
            "fullName": &identity.full_name,
            "birthDate": &identity.birth_date,
            "email": identity.email.as_deref(),
            "mrn": identity.mrn.as_deref(),
            "targetDevices": identity.target_devices.clone(),
            "requireUniqueMrn": identity.requires_unique_mrn,
            OWN_MRN: after.has_own_mrn(),
        });
    }
    set.extend(subscription_document::changed(read, change));
    match &change.email {
        Member::Absent => {}
        Member::Null => drop(set.insert("email", Bson::Null)),
        Member::Given(email) => drop(set.insert("email", email)),
    }
    let lists = [
        ("tags", change.tags.as_deref().map(tags)),
        ("sites", change.sites.as_deref().map(sites)),
        ("reviews", change.reviews.as_deref().map(reviews)),
        (
            "legacyClinicianIds",
            change.legacy_clinicians.as_deref().map(users),
        ),
    ];
    for (name, list) in lists {
        if let Some(list) = list {
            set.insert(name, list);
        }
    }
    match &change.data_sources {
        Member::Absent => {}
        Member::Null => drop(set.insert("dataSources", Bson::Null)),
        Member::Given(sources) => drop(set.insert("dataSources", data_sources(sources)?)),
    }
    if let Some(ranges) = &change.glycemic_ranges {
        set.insert(
            "glycemicRanges",
            serialize_to_bson(ranges).map_err(Error::custom)?,
        );
    }
    if let Some(kind) = &change.diagnosis_type {
        set.insert("diagnosisType", kind);
    }
    if let Some(permissions) = &change.permissions {
        set.insert("permissions", permission_set(permissions));
    }
    let times = [
        ("_connectionMailTime", change.last_connection_mail),
        ("lastUploadReminderTime", change.last_upload_reminder),
        ("updatedTime", change.updated_time),
    ];
    for (name, time) in times {
        if let Some(time) = time {
            set.insert(name, DateTime::from_chrono(time));
        }
    }
    Ok(set)
}

/// The tags and sites that differ from those of `before`.
pub(super) fn changed_labels(before: &Patient, after: &Patient) -> Document {
    let mut set = Document::new();
    if before.tags != after.tags {
        set.insert("tags", tags(&after.tags));
    }
    if before.sites != after.sites {
        set.insert("sites", sites(&after.sites));
    }
    set
}

fn tags(tags: &[TagId]) -> Vec<Bson> {
    let id = |tag: &TagId| ObjectId::from_bytes(tag.bytes()).into();
    tags.iter().map(id).collect()
}

fn sites(sites: &[Site]) -> Vec<Bson> {
    let document = |site: &Site| {
        let id = ObjectId::from_bytes(site.id.bytes());
        doc! { "id": id, "name": &site.name }.into()
    };
    sites.iter().map(document).collect()
}

fn reviews(reviews: &[Review]) -> Vec<Bson> {
    let document = |review: &Review| {
        let time = DateTime::from_chrono(review.time);
        doc! { "clinicianId": review.clinician.as_str(), "time": time }.into()
    };
    reviews.iter().map(document).collect()
}

fn users(users: &[UserId]) -> Vec<Bson> {
    users.iter().map(|user| user.as_str().into()).collect()
}

pub(super) fn data_sources(sources: &[DataSource]) -> Result<Vec<Bson>> {
    sources.iter().map(data_source).collect()
}

fn data_source(source: &DataSource) -> Result<Bson> {
    let mut document = doc! { "providerName": &source.provider_name, "state": &source.state };
    if let Some(id) = &source.id {
        document.insert(
            "dataSourceId",
            ObjectId::parse_str(id).map_err(Error::custom)?,
        );
    }
    for (name, time) in [
        ("modifiedTime", source.modified_time),
        ("expirationTime", source.expiration_time),
        ("latestDataTime", source.latest_data_time),
    ] {
        if let Some(time) = time {
            document.insert(name, DateTime::from_chrono(time));
        }
    }
    Ok(document.into())
}

fn permission_set(permissions: &PermissionSet) -> Document {
    let granted = permissions.names();
    granted
        .map(|name| (name.to_owned(), doc! {}.into()))
        .collect()
}
