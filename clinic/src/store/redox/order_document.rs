//! What a stored message says about a patient. Messages of the reference are read as well; what has another
//! form than it should counts as absent.

use bson::{Bson, Document};

use crate::domain::redox::order::{ClinicalInfo, Identifier, Order};

/// The order that `message`, the payload of a stored message, is.
pub(super) fn read(message: &Document) -> Order {
    let at = |path: &[&str]| find(message, path);
    let text = |path: &[&str]| at(path).and_then(Bson::as_str).map(str::to_owned);
    let first_text = |path: &[&str]| {
        let first = at(path)
            .and_then(Bson::as_array)
            .and_then(|all| all.first());
        first.and_then(Bson::as_str).map(str::to_owned)
    };
    let identifier = |item: &Document| Identifier {
        id: text_of(item, "ID"),
        kind: text_of(item, "IDType"),
    };
    let info = |item: &Document| ClinicalInfo {
        code: text_of(item, "Code"),
        value: text_of(item, "Value"),
    };
    let identifiers = at(&["Patient", "Identifiers"]).and_then(Bson::as_array);
    let clinical_info = at(&["Order", "ClinicalInfo"]).and_then(Bson::as_array);
    Order {
        source_id: text(&["Meta", "Source", "ID"]),
        is_test: at(&["Meta", "Test"]).and_then(Bson::as_bool) == Some(true),
        identifiers: documents(identifiers).map(identifier).collect(),
        birth_date: text(&["Patient", "Demographics", "DOB"]),
        first_name: text(&["Patient", "Demographics", "FirstName"]),
        last_name: text(&["Patient", "Demographics", "LastName"]),
        email: first_text(&["Patient", "Demographics", "EmailAddresses"]),
        guarantor_email: first_text(&["Visit", "Guarantor", "EmailAddresses"]),
        procedure_code: text(&["Order", "Procedure", "Code"]),
        clinical_info: clinical_info.map(|all| documents(Some(all)).map(info).collect()),
    }
}

fn documents(items: Option<&Vec<Bson>>) -> impl Iterator<Item = &Document> {
    items.into_iter().flatten().filter_map(Bson::as_document)
}

fn text_of(document: &Document, name: &str) -> Option<String> {
    member(document, name)
        .and_then(Bson::as_str)
        .map(str::to_owned)
}

fn find<'a>(document: &'a Document, path: &[&str]) -> Option<&'a Bson> {
    match path {
        [] => None,
        [name] => member(document, name),
        [name, rest @ ..] => find(member(document, name)?.as_document()?, rest),
    }
}

/// The member called `name` in whatever case; one in this very case counts first.
fn member<'a>(document: &'a Document, name: &str) -> Option<&'a Bson> {
    document.get(name).or_else(|| {
        let mut members = document.iter();
        let found = members.find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value)
    })
}

#[cfg(test)]
mod tests {
    use bson::doc;

    use super::read;
    use crate::domain::redox::order::Order;

    #[test]
    fn an_order_is_read_as_far_as_it_goes() {
        let order = read(&doc! {
            "meta": { "source": { "id": "s" }, "TEST": true },
            "Patient": {
                "Identifiers": [{ "ID": "1", "IDType": "MR" }, 7],
                "Demographics": {
                    "FirstName": "Ana", "LastName": null, "DOB": "2001-02-03",
                    "EmailAddresses": ["ana@example.org", "a@example.org"],
                },
            },
            "Visit": { "Guarantor": { "EmailAddresses": [1] } },
            "Order": {
                "Procedure": { "Code": "ON" },
                "ClinicalInfo": [{ "Code": "TAGS", "Value": "North" }, { "Code": 1 }],
            },
        });
        assert_eq!(
            (order.source_id.as_deref(), order.is_test),
            (Some("s"), true)
        );
        assert_eq!(order.mrn("mr"), Some("1"));
        assert_eq!(order.full_name().as_deref(), Some("Ana"));
        assert_eq!(order.email.as_deref(), Some("ana@example.org"));
        assert_eq!(order.guarantor_email, None);
        assert_eq!(order.procedure_code.as_deref(), Some("ON"));
        assert_eq!(order.clinical_info.map(|all| all.len()), Some(2));
        assert_eq!(read(&doc! { "Patient": 1, "Order": [] }), Order::default());
    }
}
