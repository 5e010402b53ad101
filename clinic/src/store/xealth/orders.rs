//! Collection `xealth_order`, which the reference writes: what was ordered.
//!
//! Document: `{_id, eventNotification, orderData}`. The names inside count in whatever case, since releases of
//! the reference differ.

use bson::{Bson, Document, doc, oid::ObjectId};
use chrono::{DateTime, Utc};
use mongodb::{Collection, Database, error::Result};
use shared_types::MessageId;

use crate::domain::xealth::program::Ordered;

/// Orders.
#[derive(Debug, Clone)]
pub(crate) struct Orders {
    orders: Collection<Document>,
}

impl Orders {
    pub(super) fn on(database: &Database) -> Self {
        Self {
            orders: database.collection("xealth_order"),
        }
    }

    /// The order with this id.
    pub(crate) async fn find(&self, id: MessageId) -> Result<Option<Ordered>> {
        let with_id = doc! { "_id": ObjectId::from_bytes(id.bytes()) };
        let found = self.orders.find_one(with_id);
        let found = found.projection(doc! { "eventNotification": 1 }).await?;
        Ok(found.as_ref().map(read))
    }
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

    use super::read;

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
}
