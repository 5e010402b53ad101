//! What a patient was asked to connect, in its document: a list for each provider, the newest first.

use bson::{DateTime, Document, doc};
use serde::Deserialize;

use super::Stored;
use crate::domain::patient::{ConnectionRequest, PatientChange};

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

/// What `change` sets of the requests of the patient read as `read`.
pub(super) fn changed(read: &Stored, change: &PatientChange) -> Document {
    let Some(request) = &change.connection_request else {
        return Document::new();
    };
    let provider = &request.provider_name;
    let after = read.patient.clone().with(change).connection_requests;
    let of_provider = after
        .iter()
        .filter(|request| request.provider_name == *provider);
    let list: Vec<Document> = of_provider
        .map(|request| {
            let time = DateTime::from_chrono(request.created_time);
            doc! { "providerName": provider, "createdTime": time }
        })
        .collect();
    if read.has_requests {
        doc! { format!("{MEMBER}.{provider}"): list }
    } else {
        // `null` may stand there, which has no members.
        doc! { MEMBER: { provider: list } }
    }
}
