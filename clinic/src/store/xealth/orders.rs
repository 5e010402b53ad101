//! Collection `xealth_order`, which the reference wrote as well: what was ordered.
//!
//! Document: `{_id, eventNotification, orderData}`. The names inside count in whatever case, since releases of
//! the reference differ. Members of our own begin with `_`: `_key` says what repeats of a notification have in
//! common, and `_doneTime` when it was done. Those that the reference wrote have neither.

use bson::{
    Bson, Document, deserialize_from_bson, doc, oid::ObjectId, serialize_to_bson, serialize_to_vec,
};
use chrono::{DateTime, Utc};
use mongodb::{
    ClientSession, Collection, Database, IndexModel,
    error::{Error, Result},
    options::IndexOptions,
};
use serde_json::Value;
use shared_runtime::mongo::{ensure_indexes, is_duplicate_key};
use shared_types::MessageId;

use crate::domain::xealth::{notification::OrderKey, program::Ordered};

/// Orders.
#[derive(Debug, Clone)]
pub(crate) struct Orders {
    orders: Collection<Document>,
}

/// An order that is kept.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct KeptOrder {
    pub(crate) id: MessageId,
    /// What Xealth says of it.
    pub(crate) data: Value,
    pub(crate) is_done: bool,
}

impl Orders {
    pub(super) fn on(database: &Database) -> Self {
        Self {
            orders: database.collection("xealth_order"),
        }
    }

    /// Ensures the indexes of the look-up by key, which keeps repeats out, and of that of all that is kept
    /// about one order.
    pub(super) async fn prepare(&self) -> anyhow::Result<()> {
        let unique = IndexOptions::builder()
            .unique(true)
            .partial_filter_expression(doc! { "_key": { "$exists": true } })
            .build();
        let by_key = IndexModel::builder().keys(doc! { "_key": 1 });
        let by_key = by_key.options(unique).build();
        let with_key = IndexOptions::builder()
            .partial_filter_expression(doc! { "_key.orderId": { "$exists": true } })
            .build();
        let by_order = doc! { "_key.orderId": 1, "_key.deployment": 1 };
        let by_order = IndexModel::builder().keys(by_order).options(with_key);
        ensure_indexes(&self.orders, vec![by_key, by_order.build()]).await
    }

    /// The order with this id.
    pub(crate) async fn find(&self, id: MessageId) -> Result<Option<Ordered>> {
        let with_id = doc! { "_id": ObjectId::from_bytes(id.bytes()) };
        let found = self.orders.find_one(with_id);
        let found = found.projection(doc! { "eventNotification": 1 }).await?;
        Ok(found.as_ref().map(read))
    }

    /// The order that a notification brought.
    pub(crate) async fn find_kept(&self, key: &OrderKey) -> Result<Option<KeptOrder>> {
        let found = self.orders.find_one(doc! { "_key": key_of(key) }).await?;
        found.map(kept).transpose()
    }

    /// Keeps the order that the notification `event` brings, unless it is kept; returns it as kept.
    pub(crate) async fn keep(
        &self,
        key: &OrderKey,
        event: &Value,
        data: Value,
    ) -> Result<KeptOrder> {
        let id = ObjectId::new();
        let document = doc! {
            "_id": id,
            "_key": key_of(key),
            "eventNotification": event_of(event)?,
            "orderData": serialize_to_bson(&data).map_err(Error::custom)?,
        };
        match self.orders.insert_one(document).await {
            Err(error) if is_duplicate_key(&error) => self.find_kept(key).await?.ok_or(error),
            inserted => inserted.map(|_| KeptOrder {
                id: id.bytes().into(),
                data,
                is_done: false,
            }),
        }
    }

    /// Whether a cancellation of the same order is kept that is not older than `time`. Where one of the two
    /// times is not known, the cancellation counts as the later one.
    pub(crate) async fn is_canceled(
        &self,
        key: &OrderKey,
        time: Option<DateTime<Utc>>,
    ) -> Result<bool> {
        let canceled = about(key, "cancel", "$lt", time);
        let found = self.orders.find_one(canceled);
        Ok(found.projection(doc! { "_id": 1 }).await?.is_some())
    }

    /// Notes that what a cancellation at `time` ended is done, so that nobody begins or goes on with it: what
    /// was ordered under the same id and is not later.
    pub(crate) async fn supersede(
        &self,
        key: &OrderKey,
        time: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let mut superseded = about(key, "new", "$gt", time);
        superseded.insert("_doneTime", Bson::Null);
        self.orders.update_many(superseded, done(now)).await?;
        Ok(())
    }

    /// Notes in the transaction of `session` that an order is done; returns whether it was not before.
    pub(crate) async fn finish_in(
        &self,
        session: &mut ClientSession,
        id: MessageId,
        now: DateTime<Utc>,
    ) -> Result<bool> {
        let finished = self.orders.update_one(undone(id), done(now));
        Ok(finished.session(session).await?.modified_count == 1)
    }

    /// The same where nothing else is written.
    pub(crate) async fn finish(&self, id: MessageId, now: DateTime<Utc>) -> Result<()> {
        self.orders.update_one(undone(id), done(now)).await?;
        Ok(())
    }

    /// Whether an order is done, by whoever was faster perhaps.
    pub(crate) async fn is_done(&self, id: MessageId) -> Result<bool> {
        let id = ObjectId::from_bytes(id.bytes());
        let done = doc! { "_id": id, "_doneTime": { "$ne": null } };
        // Unlike a reader, a write that changes nothing finds what was written a moment ago, and waits until
        // that stays.
        let nothing = doc! { "$unset": { "_nothing": "" } };
        Ok(self.orders.update_one(done, nothing).await?.matched_count == 1)
    }
}

fn undone(id: MessageId) -> Document {
    doc! { "_id": ObjectId::from_bytes(id.bytes()), "_doneTime": null }
}

fn done(now: DateTime<Utc>) -> Document {
    doc! { "$set": { "_doneTime": bson::DateTime::from_chrono(now) } }
}

/// What is kept about the order of `key` in the context, but for what is `beyond` the time for certain.
fn about(key: &OrderKey, context: &str, beyond: &str, time: Option<DateTime<Utc>>) -> Document {
    let mut about = doc! {
        "_key.orderId": &key.order_id, "_key.deployment": &key.deployment,
        "_key.eventContext": context,
    };
    if let Some(time) = time {
        let beyond = doc! { beyond: bson::DateTime::from_chrono(time) };
        about.insert("eventNotification.eventTimeStamp", doc! { "$not": beyond });
    }
    about
}

fn key_of(key: &OrderKey) -> Document {
    doc! {
        "deployment": &key.deployment, "orderId": &key.order_id, "eventContext": &key.context,
        "event": &key.event,
    }
}

/// The longest notification that leaves room in a document for its order, as the database keeps it, in bytes.
const MAX_EVENT: usize = 4 << 20;

/// Whether the database can keep a notification; otherwise why not.
pub(crate) fn check_can_keep(event: &Value) -> std::result::Result<(), &'static str> {
    let kept = event_of(event).and_then(|event| Ok(serialize_to_vec(&doc! { "event": event })?));
    match kept {
        Ok(kept) if kept.len() > MAX_EVENT => Err("it is too long"),
        Ok(_) => Ok(()),
        Err(_) => Err("it has a number or a name that cannot be kept"),
    }
}

/// A notification as the reference keeps it: with a time, where it is one.
fn event_of(event: &Value) -> Result<Bson> {
    let mut kept = serialize_to_bson(event).map_err(Error::custom)?;
    if let Some(members) = kept.as_document_mut()
        && let Some(time) = members.get("eventTimeStamp").and_then(time)
    {
        members.insert("eventTimeStamp", bson::DateTime::from_chrono(time));
    }
    Ok(kept)
}

fn kept(mut order: Document) -> Result<KeptOrder> {
    let id = order.get_object_id("_id").map_err(Error::custom)?;
    let is_done = order.contains_key("_doneTime");
    let data = order.remove("orderData").unwrap_or(Bson::Null);
    Ok(KeptOrder {
        id: id.bytes().into(),
        data: deserialize_from_bson(data).map_err(Error::custom)?,
        is_done,
    })
}

fn read(order: &Document) -> Ordered {
    let none = Document::new();
    let event = order.get_document("eventNotification").unwrap_or(&none);
    let member = |name: &str| {
        let mut members = event.iter();
        let found = members.find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value)
    };
    let program_id = member("programId").and_then(Bson::as_str);
    Ordered {
        program_id: program_id.map(str::to_owned),
        time: member("eventTimeStamp").and_then(time),
    }
}

fn time(value: &Bson) -> Option<DateTime<Utc>> {
    match value {
        Bson::DateTime(time) => Some(time.to_chrono()),
        Bson::String(text) => Some(DateTime::parse_from_rfc3339(text).ok()?.to_utc()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use bson::{DateTime, doc};
    use serde_json::json;

    use super::{event_of, read};

    #[test]
    fn an_order_is_read_in_whatever_case() {
        let date = DateTime::from_millis(86_400_000);
        for event in [
            doc! { "programId": "p", "eventTimeStamp": date },
            doc! { "programid": "p", "eventtimestamp": "1970-01-02T00:00:00.000Z" },
        ] {
            let read = read(&doc! { "eventNotification": event });
            assert_eq!(read.program_id.as_deref(), Some("p"));
            assert_eq!(read.time, Some(date.to_chrono()));
        }
        let odd = read(&doc! { "eventNotification": { "programId": 1, "eventTimeStamp": 1 } });
        assert_eq!((odd.program_id, odd.time), (None, None));
    }

    #[test]
    fn a_notification_is_kept_with_its_time() {
        let event = json!({ "programId": "p", "eventTimeStamp": "1970-01-02T00:00:00.000Z" });
        let kept = event_of(&event).unwrap();
        let date = DateTime::from_millis(86_400_000);
        assert_eq!(
            kept,
            doc! { "programId": "p", "eventTimeStamp": date }.into()
        );
        let odd = json!({ "eventTimeStamp": "noon" });
        assert_eq!(
            event_of(&odd).unwrap(),
            doc! { "eventTimeStamp": "noon" }.into()
        );
    }
}
