//! What Xealth reports about orders.

use chrono::{DateTime, Utc};
use serde_json::Value;
use shared_types::MessageId;

use super::text;
use crate::domain::{Refusal, subscription::MatchedOrder};

/// The kind of events that orders are.
const ORDER: &str = "order";

/// Something was ordered, or an order was canceled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Notification {
    pub(crate) order: OrderKey,
    pub(crate) program_id: Option<String>,
    /// Whether the order stands from then on.
    pub(crate) is_active: bool,
    /// When it happened, if that is said.
    pub(crate) time: Option<DateTime<Utc>>,
}

/// Which notification about which order it is: a repeat has the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OrderKey {
    pub(crate) deployment: String,
    pub(crate) order_id: String,
    /// `new` or `cancel`.
    pub(crate) context: String,
    /// What the event is called, or when it was; empty where neither is said.
    pub(crate) event: String,
}

impl Notification {
    /// The notification that `message` is; `None`: it is about something else, and there is nothing to do.
    pub(crate) fn read(message: &Value) -> Result<Option<Self>, Refusal> {
        let member = |pointer| text(message, pointer).map(str::to_owned);
        let context = member("/eventContext").unwrap_or_default();
        let is_active = match (text(message, "/eventType"), context.as_str()) {
            (Some(ORDER), "new") => true,
            (Some(ORDER), "cancel") => false,
            _ => return Ok(None),
        };
        let time = text(message, "/eventTimeStamp");
        let event = member("/eventId").or_else(|| time.map(str::to_owned));
        let time = time.and_then(|time| DateTime::parse_from_rfc3339(time).ok());
        Ok(Some(Self {
            order: OrderKey {
                deployment: member("/deployment").unwrap_or_default(),
                order_id: member("/orderId").ok_or(Refusal::NoOrderId)?,
                context,
                event: event.unwrap_or_default(),
            },
            program_id: member("/programId"),
            is_active,
            time: time.map(|time| time.to_utc()),
        }))
    }
}

impl OrderKey {
    /// The order as patients have it, under the id with which it is kept.
    pub(crate) fn matched(&self, id: MessageId) -> MatchedOrder {
        MatchedOrder {
            id,
            data_model: ORDER.to_owned(),
            event_type: self.context.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use serde_json::{Value, json};

    use super::Notification;
    use crate::domain::Refusal;

    fn message(kind: &str, context: &str) -> Value {
        json!({
            "eventId": "e", "eventTimeStamp": "2030-02-03T23:20:30.000Z", "eventType": kind,
            "eventContext": context, "deployment": "d", "orderId": "o", "programId": "p",
        })
    }

    #[test]
    fn only_new_and_canceled_orders_are_read() {
        for (kind, context, is_active) in [
            ("order", "new", Some(true)),
            ("order", "cancel", Some(false)),
            ("order", "update", None),
            ("order:new", "", None),
            ("preorder", "new", None),
            ("", "", None),
        ] {
            let read = Notification::read(&message(kind, context)).unwrap();
            let read = read.map(|read| read.is_active);
            assert_eq!(read, is_active, "{kind} {context}");
        }
        for odd in [json!(null), json!([]), json!({ "eventType": 1 })] {
            assert_eq!(Notification::read(&odd), Ok(None));
        }
    }

    #[test]
    fn an_order_has_an_id_and_an_event_a_name_or_a_time() {
        let read = |message: &Value| Notification::read(message).map(Option::unwrap);
        let mut message = message("order", "new");
        assert_eq!(read(&message).unwrap().order.event, "e");
        let time = DateTime::parse_from_rfc3339("2030-02-03T23:20:30Z").unwrap();
        assert_eq!(read(&message).unwrap().time, Some(time.to_utc()));
        message["eventId"] = json!("");
        let read_by_time = read(&message).unwrap().order;
        assert_eq!(read_by_time.event, "2030-02-03T23:20:30.000Z");
        message["eventTimeStamp"] = json!("noon");
        let odd = read(&message).unwrap();
        assert_eq!((odd.order.event.as_str(), odd.time), ("noon", None));
        message["orderId"] = json!(" ");
        assert_eq!(read(&message), Err(Refusal::NoOrderId));
    }
}
