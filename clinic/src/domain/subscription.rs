//! What hospital records ordered for a patient, by name of the order.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use shared_types::MessageId;

/// The name of what Redox orders.
pub(crate) const REPORTS: &str = "summaryAndReports";
/// The name of what Xealth orders.
pub(crate) const XEALTH_REPORTS: &str = "xealthReports";

/// By what hospitals order. Each orders reports of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OrderedBy {
    Redox,
    Xealth,
}

impl OrderedBy {
    /// The name of what is ordered.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Redox => REPORTS,
            Self::Xealth => XEALTH_REPORTS,
        }
    }

    fn provider(self) -> &'static str {
        match self {
            Self::Redox => "redox",
            Self::Xealth => "xealth",
        }
    }
}

/// What is ordered, by name.
pub(crate) type Subscriptions = BTreeMap<String, Subscription>;

/// Something that was ordered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Subscription {
    /// Whether it stands.
    pub(crate) is_active: bool,
    pub(crate) provider: String,
    /// The orders, the last one last.
    pub(crate) orders: Vec<MatchedOrder>,
    pub(crate) created_time: Option<DateTime<Utc>>,
    pub(crate) updated_time: Option<DateTime<Utc>>,
}

/// A message that ordered it, or ended it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MatchedOrder {
    pub(crate) id: MessageId,
    pub(crate) data_model: String,
    pub(crate) event_type: String,
}

impl Subscription {
    /// What the order makes of `before`; `None`: it is known, so it changes nothing, whatever came after it.
    pub(crate) fn ordered(
        before: Option<&Self>,
        by: OrderedBy,
        order: MatchedOrder,
        is_active: bool,
        now: DateTime<Utc>,
    ) -> Option<Self> {
        let before = before.cloned().unwrap_or_default();
        if before.orders.iter().any(|known| known.id == order.id) {
            return None;
        }
        let mut orders = before.orders;
        orders.push(order);
        Some(Self {
            is_active,
            provider: by.provider().to_owned(),
            orders,
            created_time: before.created_time.or(Some(now)),
            updated_time: Some(now),
        })
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta};
    use shared_types::MessageId;

    use super::{MatchedOrder, OrderedBy, Subscription};

    #[test]
    fn an_order_counts_once() {
        let order = |number: u8| MatchedOrder {
            id: MessageId::from([number; 12]),
            data_model: "Order".to_owned(),
            event_type: "New".to_owned(),
        };
        let (first, then) = (
            DateTime::UNIX_EPOCH,
            DateTime::UNIX_EPOCH + TimeDelta::days(1),
        );
        let by = OrderedBy::Redox;
        let on = Subscription::ordered(None, by, order(1), true, first).unwrap();
        assert!(on.is_active);
        assert_eq!(on.provider, "redox");
        assert_eq!(
            (on.created_time, on.updated_time),
            (Some(first), Some(first))
        );
        assert_eq!(
            Subscription::ordered(Some(&on), by, order(1), false, then),
            None
        );
        let off = Subscription::ordered(Some(&on), by, order(2), false, then).unwrap();
        assert!(!off.is_active);
        assert_eq!(
            (off.created_time, off.updated_time),
            (Some(first), Some(then))
        );
        assert_eq!(off.orders, [order(1), order(2)]);
        assert_eq!(
            Subscription::ordered(Some(&off), by, order(1), true, then),
            None
        );
    }

    #[test]
    fn each_orders_reports_of_its_own() {
        let order = MatchedOrder {
            id: MessageId::from([1; 12]),
            data_model: "order".to_owned(),
            event_type: "new".to_owned(),
        };
        let by = OrderedBy::Xealth;
        let on = Subscription::ordered(None, by, order, true, DateTime::UNIX_EPOCH).unwrap();
        assert_eq!(on.provider, "xealth");
        assert_ne!(OrderedBy::Xealth.name(), OrderedBy::Redox.name());
    }
}
