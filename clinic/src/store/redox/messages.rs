//! Collection `redox`, which the reference wrote as well: messages of hospital records as they came.
//!
//! Document: `{_id, meta, message}`. Members of our own begin with `_`: `_source` and `_sequence` say which
//! place a message has in the feed of its source ([`Feeds`]), and `_key` what its repeats have in common.
//! Those that the reference wrote have none of them, and are in no feed.

use bson::{Bson, Document, doc, oid::ObjectId};
use futures_util::TryStreamExt;
use mongodb::{
    ClientSession, Collection, Database, IndexModel,
    error::{Error, Result},
    options::IndexOptions,
};
use shared_runtime::mongo::ensure_indexes;
use shared_types::MessageId;

use super::{Feeds, message_document, order_document};
use crate::domain::redox::{
    ORDER,
    meta::{Message, Unreadable},
    order::Order,
};

/// Messages.
#[derive(Debug, Clone)]
pub(crate) struct Messages {
    messages: Collection<Document>,
    feeds: Feeds,
}

/// A message to be stored.
#[derive(Debug)]
pub(crate) struct NewMessage {
    /// Where it comes from.
    pub(crate) source: String,
    key: String,
    document: Document,
    /// What it would have if the reference had stored it; `None`: nobody could tell.
    of_reference: Option<Document>,
}

/// Whether a message was stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Inserted {
    /// It was.
    New,
    /// It had been before.
    Known,
}

/// A stored message, as far as it is of interest.
#[derive(Debug, Clone)]
pub(crate) struct StoredOrder {
    pub(crate) id: MessageId,
    /// Which place it has in its feed; 0: it is in none.
    pub(crate) sequence: i64,
    /// Whether it is an order at all.
    pub(crate) is_order: bool,
    pub(crate) order: Order,
}

impl NewMessage {
    /// The message that `body` is.
    pub(crate) fn read(body: &[u8]) -> std::result::Result<Self, Unreadable> {
        let message = Message::read(body)?;
        let (meta, source) = (&message.meta, message.meta.source_id().to_owned());
        let key = meta.key(body);
        let mut document = message_document::document(&message)?;
        document.extend(doc! { "_id": ObjectId::new(), "_source": &source, "_key": &key });
        // By its log, since that is what an index finds.
        let mut logs = meta.logs.iter().flatten();
        let log = logs.find_map(|log| log.id.as_deref());
        let of_reference = log.map(|log| {
            let same = [
                "meta.DataModel",
                "meta.EventType",
                "meta.Source.ID",
                "meta.Message.ID",
            ];
            let same = same.iter().map(|path| {
                let value = member_at(&document, path).unwrap_or(Bson::Null);
                ((*path).to_owned(), value)
            });
            let mut same: Document = same.collect();
            same.extend(doc! { "meta.Logs.ID": log, "_key": null });
            same
        });
        Ok(Self {
            source,
            key,
            document,
            of_reference,
        })
    }
}

impl Messages {
    pub(super) fn on(database: &Database, feeds: Feeds) -> Self {
        Self {
            messages: database.collection("redox"),
            feeds,
        }
    }

    /// Ensures the indexes of the queries below. The reference has two with names of its own, on members
    /// that no document has.
    pub(super) async fn prepare(&self) -> anyhow::Result<()> {
        let index = |keys, options: IndexOptions| IndexModel::builder().keys(keys).options(options);
        let there = |name: &str| doc! { name: { "$exists": true } };
        let unique = IndexOptions::builder()
            .unique(true)
            .partial_filter_expression(there("_key"))
            .build();
        let in_feed = IndexOptions::builder()
            .partial_filter_expression(there("_sequence"))
            .build();
        let indexes = vec![
            index(doc! { "_source": 1, "_key": 1 }, unique).build(),
            index(doc! { "_source": 1, "_sequence": 1 }, in_feed).build(),
            index(doc! { "meta.Logs.ID": 1 }, IndexOptions::default()).build(),
            index(
                doc! { "meta.Source.ID": 1, "meta.FacilityCode": 1 },
                IndexOptions::default(),
            )
            .build(),
        ];
        ensure_indexes(&self.messages, indexes).await
    }

    /// Whether the message is stored, by the reference perhaps.
    pub(crate) async fn contains(&self, message: &NewMessage) -> Result<bool> {
        let known = doc! { "_source": &message.source, "_key": &message.key };
        let known = match &message.of_reference {
            Some(same) => doc! { "$or": [known, same.clone()] },
            None => known,
        };
        let found = self.messages.find_one(known);
        Ok(found.projection(doc! { "_id": 1 }).await?.is_some())
    }

    /// Stores a message at the end of its feed, in the transaction of `session`.
    pub(crate) async fn insert(
        &self,
        session: &mut ClientSession,
        message: &NewMessage,
    ) -> Result<()> {
        // First, since those who come at the same moment wait for it.
        let sequence = self.feeds.lengthen(session, &message.source).await?;
        let mut document = message.document.clone();
        document.insert("_sequence", sequence);
        self.messages.insert_one(document).session(session).await?;
        Ok(())
    }

    /// The stored order with this id; `None`: there is none, or the message is no order.
    pub(crate) async fn find_order(&self, id: MessageId) -> Result<Option<StoredOrder>> {
        let (data_model, event_type) = ORDER;
        let id = ObjectId::from_bytes(id.bytes());
        let order = doc! { "_id": id, "meta.DataModel": data_model, "meta.EventType": event_type };
        let found = self.messages.find_one(order).await?;
        found.as_ref().map(read).transpose()
    }

    /// Some messages of a feed behind a place in it, in their order.
    pub(crate) async fn list_after(
        &self,
        source: &str,
        sequence: i64,
        limit: u32,
    ) -> Result<Vec<StoredOrder>> {
        let behind = doc! { "_source": source, "_sequence": { "$gt": sequence } };
        let found = self.messages.find(behind).sort(doc! { "_sequence": 1 });
        let found = found.limit(limit.into()).batch_size(limit).await?;
        found
            .and_then(|message| std::future::ready(read(&message)))
            .try_collect()
            .await
    }
}

fn member_at(document: &Document, path: &str) -> Option<Bson> {
    match path.split_once('.') {
        Some((name, rest)) => member_at(document.get_document(name).ok()?, rest),
        None => document.get(path).cloned(),
    }
}

fn read(stored: &Document) -> Result<StoredOrder> {
    let empty = Document::new();
    let meta = stored.get_document("meta").unwrap_or(&empty);
    let kind = |name: &str| meta.get_str(name).unwrap_or_default();
    let id = stored.get_object_id("_id").map_err(Error::custom)?;
    let message = stored.get_document("message").unwrap_or(&empty);
    Ok(StoredOrder {
        id: id.bytes().into(),
        sequence: stored.get_i64("_sequence").unwrap_or_default(),
        is_order: (kind("DataModel"), kind("EventType")) == ORDER,
        order: order_document::read(message),
    })
}
