//! What a patient was asked to connect, in its document: a list for each provider, the newest first.

use bson::{DateTime, Document, doc};
use serde::Deserialize;

use super::Stored;
use crate::domain::patient::{ConnectionRequest, Patient, PatientChange};

const MEMBER: &str = "providerConnectionRequests";

#[derive(Default, Deserialize)]
pub(super) struct ConnectionRequestsDocument {
    dexcom: Option<Vec<ConnectionRequestDocument>>,
    twiist: Option<Vec<ConnectionRequestDocument>>,
    abbott: Option<Vec<ConnectionRequestDocument>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ConnectionRequestDocument {
    provider_name: String,
    created_time: DateTime,
}

/// The requests of all providers; `last_dexcom`: how older releases noted one to connect Dexcom.
pub(super) fn read(
    document: ConnectionRequestsDocument,
    last_dexcom: Option<DateTime>,
) -> Vec<ConnectionRequest> {
    let mut dexcom = document.dexcom.unwrap_or_default();
    if let (true, Some(created_time)) = (dexcom.is_empty(), last_dexcom) {
        let provider_name = "dexcom".to_owned();
        dexcom.push(ConnectionRequestDocument {
            provider_name,
            created_time,
        });
    }
    [document.twiist, document.abbott]
        .into_iter()
        .flatten()
        .fold(dexcom, |mut all, requests| {
            all.extend(requests);
            all
        })
        .into_iter()
        .map(|request| ConnectionRequest {
            provider_name: request.provider_name,
            created_time: request.created_time.to_chrono(),
        })
        .collect()
}

/// What is stored of a new patient.
pub(super) fn of_new(patient: &Patient) -> Document {
    let mut requests = Document::new();
    for request in &patient.connection_requests {
        let provider = &request.provider_name;
        if !requests.contains_key(provider) {
            requests.insert(provider, list(&patient.connection_requests, provider));
        }
    }
    let mut document = Document::new();
    if !requests.is_empty() {
        document.insert(MEMBER, requests);
    }
    if let Some(mailed) = patient.last_connection_mail {
        document.insert("_connectionMailTime", DateTime::from_chrono(mailed));
    }
    document
}

/// What `change` sets of the requests of the patient read as `read`.
pub(super) fn changed(read: &Stored, change: &PatientChange) -> Document {
    let Some(request) = &change.connection_request else {
        return Document::new();
    };
    let provider = &request.provider_name;
    let after = read.patient.clone().with(change).connection_requests;
    let list = list(&after, provider);
    if read.has_requests {
        doc! { format!("{MEMBER}.{provider}"): list }
    } else {
        // `null` may stand there, which has no members.
        doc! { MEMBER: { provider: list } }
    }
}

/// Those of a provider.
fn list(requests: &[ConnectionRequest], provider: &str) -> Vec<Document> {
    let of_provider = requests
        .iter()
        .filter(|request| request.provider_name == provider);
    let document = |request: &ConnectionRequest| {
        let time = DateTime::from_chrono(request.created_time);
        doc! { "providerName": provider, "createdTime": time }
    };
    of_provider.map(document).collect()
}
