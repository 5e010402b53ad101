//! The document of a message in the collection `redox`: what of it is written.

use bson::{Bson, Document, doc, serialize_to_vec};
use serde_json::Number;

use super::extended_json;
use crate::domain::redox::meta::{Log, Message, Meta, Named, Unreadable};

/// What of a message is kept at most: it is copied into other documents, and none has more than 16 MiB.
const MAX_STORED: usize = 15 << 20;

/// What is stored of a message, but for its id and the members of our own.
pub(super) fn document(message: &Message) -> Result<Document, Unreadable> {
    let whole = extended_json::document(&message.whole).map_err(Unreadable::Content)?;
    let document = doc! { "meta": meta(&message.meta), "message": whole };
    let stored = serialize_to_vec(&document);
    let stored = stored.map_err(|_| Unreadable::Content("it cannot be written".to_owned()))?;
    if stored.len() > MAX_STORED {
        let problem = "it takes more than 15 MiB in the database";
        return Err(Unreadable::Content(problem.to_owned()));
    }
    Ok(document)
}

fn meta(meta: &Meta) -> Document {
    let mut document = doc! {
        "DataModel": &meta.data_model,
        "EventType": &meta.event_type,
        "EventDateTime": meta.event_time.as_deref(),
        "FacilityCode": meta.facility_code.as_deref(),
        "Test": meta.is_test,
    };
    if let Some(destinations) = &meta.destinations {
        let destinations: Vec<Bson> = destinations.iter().map(|to| named(to).into()).collect();
        document.insert("Destinations", destinations);
    }
    if let Some(logs) = &meta.logs {
        let log = |Log { id, attempt_id }: &Log| {
            Bson::from(doc! { "ID": id.as_deref(), "AttemptID": attempt_id.as_deref() })
        };
        let logs: Vec<Bson> = logs.iter().map(log).collect();
        document.insert("Logs", logs);
    }
    if let Some(message) = &meta.message {
        document.insert("Message", doc! { "ID": number(message.id.as_ref()) });
    }
    if let Some(source) = &meta.source {
        document.insert("Source", named(source));
    }
    if let Some(transmission) = &meta.transmission {
        let id = number(transmission.id.as_ref());
        document.insert("Transmission", doc! { "ID": id });
    }
    document
}

fn named(Named { id, name }: &Named) -> Document {
    doc! { "ID": id.as_deref(), "Name": name.as_deref() }
}

/// As it is kept in the message; one that is larger has made the message unreadable before.
fn number(number: Option<&Number>) -> Bson {
    let Some(number) = number else {
        return Bson::Null;
    };
    match number.as_i64() {
        Some(whole) => i32::try_from(whole).map_or(Bson::Int64(whole), Bson::Int32),
        None => number.as_f64().map_or(Bson::Null, Bson::Double),
    }
}
