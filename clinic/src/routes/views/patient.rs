//! Patients as clients see them.

use serde::Serialize;
use shared_types::{PermissionSet, TagId, UserId, dates};
use utoipa::ToSchema;

use super::{ClinicView, SiteView, SummaryView, time};
use crate::{
    domain::{
        glycemic_ranges::{GlycemicRanges, WrittenRanges},
        patient::{CUSTODIAL_PERMISSIONS, ConnectionRequest, DataSource, Patient, Review},
        patient_details::DiagnosisType,
    },
    store::PatientPage,
    use_cases::count_patients::CountedClinic,
};

/// A patient of a clinic.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Patient)]
pub(crate) struct PatientView {
    id: UserId,
    full_name: String,
    /// `YYYY-MM-DD`; `0001-01-01` where it is not known.
    birth_date: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mrn: Option<String>,
    /// `null` where there is none.
    tags: Option<Vec<TagId>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target_devices: Option<Vec<String>>,
    /// What the clinic may do on the account: what is there is granted.
    #[serde(skip_serializing_if = "Option::is_none")]
    permissions: Option<PermissionSet>,
    data_sources: Option<Vec<DataSourceView>>,
    /// The newest first.
    reviews: Vec<ReviewView>,
    sites: Vec<SiteView>,
    connection_requests: ConnectionRequestsView,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_upload_reminder_time: Option<String>,
    /// What the data says; absent where there was none yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    summary: Option<SummaryView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<WrittenRanges>)]
    glycemic_ranges: Option<GlycemicRanges>,
    #[serde(skip_serializing_if = "Option::is_none")]
    diagnosis_type: Option<String>,
    created_time: String,
    updated_time: String,
}

/// `permissions` as clients see them: what they know of them, without what stands beside a name.
pub(crate) fn permission_set(permissions: &PermissionSet) -> PermissionSet {
    let known = |name: &&str| CUSTODIAL_PERMISSIONS.contains(name);
    let granted: Vec<&str> = permissions.names().filter(known).collect();
    PermissionSet::of(&granted)
}

/// Where data of a patient comes from.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DataSourceView {
    provider_name: String,
    state: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    data_source_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    modified_time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expiration_time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    latest_data_time: Option<String>,
}

impl From<DataSource> for DataSourceView {
    fn from(source: DataSource) -> Self {
        Self {
            provider_name: source.provider_name,
            state: source.state,
            data_source_id: source.id,
            modified_time: source.modified_time.map(time),
            expiration_time: source.expiration_time.map(time),
            latest_data_time: source.latest_data_time.map(time),
        }
    }
}

/// A clinician has looked at the data.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Review)]
pub(crate) struct ReviewView {
    clinician_id: UserId,
    time: String,
}

impl From<Review> for ReviewView {
    fn from(review: Review) -> Self {
        Self {
            clinician_id: review.clinician,
            time: time(review.time),
        }
    }
}

/// What the patient was asked to connect, the newest first.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(crate) struct ConnectionRequestsView {
    dexcom: Vec<ConnectionRequestView>,
    twiist: Vec<ConnectionRequestView>,
    abbott: Vec<ConnectionRequestView>,
}

/// The patient was asked to connect a provider.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ConnectionRequestView {
    provider_name: String,
    created_time: String,
}

impl FromIterator<ConnectionRequest> for ConnectionRequestsView {
    fn from_iter<I: IntoIterator<Item = ConnectionRequest>>(requests: I) -> Self {
        let mut shown = Self::default();
        for request in requests {
            let of_provider = match request.provider_name.as_str() {
                "dexcom" => &mut shown.dexcom,
                "twiist" => &mut shown.twiist,
                "abbott" => &mut shown.abbott,
                _ => continue,
            };
            of_provider.push(ConnectionRequestView {
                provider_name: request.provider_name,
                created_time: time(request.created_time),
            });
        }
        shown
    }
}

impl From<Patient> for PatientView {
    fn from(patient: Patient) -> Self {
        let birth_date = patient.birth_date.filter(|day| dates::parse(day).is_some());
        let sources = patient.data_sources;
        let kind = patient.diagnosis_type;
        let sites = patient.sites.into_iter();
        Self {
            id: patient.user_id,
            full_name: patient.full_name.unwrap_or_default(),
            birth_date: birth_date.unwrap_or_else(|| "0001-01-01".to_owned()),
            email: patient.email,
            mrn: patient.mrn,
            tags: (!patient.tags.is_empty()).then_some(patient.tags),
            target_devices: patient.target_devices,
            permissions: patient.permissions.as_ref().map(permission_set),
            data_sources: sources.map(|sources| sources.into_iter().map(Into::into).collect()),
            reviews: patient.reviews.into_iter().map(Into::into).collect(),
            sites: sites.map(Into::into).collect(),
            connection_requests: patient.connection_requests.into_iter().collect(),
            last_upload_reminder_time: patient.last_upload_reminder.map(time),
            summary: patient.summary.map(Into::into),
            glycemic_ranges: patient.glycemic_ranges,
            diagnosis_type: kind.filter(|kind| DiagnosisType::is_known(kind)),
            created_time: time(patient.created_time),
            updated_time: time(patient.updated_time),
        }
    }
}

/// A part of a list of patients.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Patients)]
pub(crate) struct PatientsView {
    data: Vec<PatientView>,
    meta: PatientsMeta,
}

/// How long lists of patients are.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PatientsMeta {
    /// The length of the list.
    count: u64,
    /// How many patients the clinic has.
    total_count: u64,
}

impl From<PatientPage> for PatientsView {
    fn from(page: PatientPage) -> Self {
        Self {
            data: page.patients.into_iter().map(Into::into).collect(),
            meta: PatientsMeta {
                count: page.count,
                total_count: page.total,
            },
        }
    }
}

/// A clinic and its patient.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PatientRelation {
    clinic: ClinicView,
    patient: PatientView,
}

impl From<(CountedClinic, Patient)> for PatientRelation {
    fn from((clinic, patient): (CountedClinic, Patient)) -> Self {
        Self {
            clinic: clinic.into(),
            patient: patient.into(),
        }
    }
}
