//! The member `ehrSubscriptions` of a patient: what hospital records ordered, as the reference has it.

use bson::{Bson, DateTime, Document, doc, oid::ObjectId};

use crate::domain::{
    patient::{Patient, PatientChange},
    subscription::{MatchedOrder, Subscription, Subscriptions},
};

const MEMBER: &str = "ehrSubscriptions";

/// What is stored. What has another form than it should counts as absent.
pub(super) fn read(document: &Document) -> Subscriptions {
    let empty = Document::new();
    let each = document.iter().map(|(name, ordered)| {
        let ordered = ordered.as_document().unwrap_or(&empty);
        (name.clone(), subscription(ordered))
    });
    each.collect()
}

fn subscription(document: &Document) -> Subscription {
    let orders = document.get_array("matchedMessages").ok();
    let time = |name: &str| {
        document
            .get_datetime(name)
            .ok()
            .map(|time| time.to_chrono())
    };
    Subscription {
        is_active: document.get_bool("active").unwrap_or_default(),
        provider: document.get_str("provider").unwrap_or_default().to_owned(),
        orders: orders.into_iter().flatten().filter_map(order).collect(),
        created_time: time("createdAt"),
        updated_time: time("updatedAt"),
    }
}

fn order(stored: &Bson) -> Option<MatchedOrder> {
    let stored = stored.as_document()?;
    let text = |name: &str| stored.get_str(name).unwrap_or_default().to_owned();
    Some(MatchedOrder {
        id: stored.get_object_id("id").ok()?.bytes().into(),
        data_model: text("dataModel"),
        event_type: text("eventType"),
    })
}

/// What is stored of a new patient.
pub(super) fn of_new(patient: &Patient) -> Document {
    let each = patient.subscriptions.iter();
    let each: Document = each
        .map(|(name, ordered)| (name.clone(), document(ordered).into()))
        .collect();
    if each.is_empty() {
        return each;
    }
    doc! { MEMBER: each }
}

/// What `change` sets of the patient read as `read`. What was ordered under a medical record number does
/// not hold for another one.
pub(super) fn changed(read: &Patient, change: &PatientChange) -> Document {
    let mut set = Document::new();
    if read.changes_mrn(change) {
        for name in read.subscriptions.keys() {
            set.insert(format!("{MEMBER}.{name}.active"), false);
        }
    }
    if let Some((by, reports)) = &change.ordered {
        let (name, reports) = (by.name(), document(reports));
        if read.subscriptions.is_empty() {
            // Where there is none, `null` may stand, which has no members.
            set.insert(MEMBER, doc! { name: reports });
        } else {
            set.insert(format!("{MEMBER}.{name}"), reports);
        }
    }
    set
}

fn document(ordered: &Subscription) -> Document {
    let order = |order: &MatchedOrder| {
        let id = ObjectId::from_bytes(order.id.bytes());
        Bson::from(
            doc! { "id": id, "dataModel": &order.data_model, "eventType": &order.event_type },
        )
    };
    let orders: Vec<Bson> = ordered.orders.iter().map(order).collect();
    doc! {
        "active": ordered.is_active,
        "provider": &ordered.provider,
        "matchedMessages": orders,
        "createdAt": ordered.created_time.map(DateTime::from_chrono),
        "updatedAt": ordered.updated_time.map(DateTime::from_chrono),
    }
}
