//! What the rows of an outbox are like.

use std::fmt::Debug;

use bson::{Document, deserialize_from_document, serialize_to_document};

use crate::outbox::Effect;

/// A row of `effect` has this topic and this payload, and is read back from them: rows outlive the
/// release that wrote them.
pub fn assert_row<E: Effect + PartialEq + Debug>(effect: &E, topic: &str, payload: &Document) {
    assert_eq!(E::TOPIC, topic);
    let written = serialize_to_document(effect).expect("an effect is a document");
    assert_eq!(written, *payload);
    let read: E = deserialize_from_document(payload.clone()).expect("an effect is read back");
    assert_eq!(read, *effect);
}
