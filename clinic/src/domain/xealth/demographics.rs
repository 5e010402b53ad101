//! Who somebody is, as hospital records say.

use chrono::{Months, NaiveDate};
use serde_json::Value;
use shared_types::dates;

use super::{asked::Unmatched, items, text};
use crate::domain::matching::Sought;

/// Below this age, in years, somebody else has the address of the account.
const AGE_OF_OWN_ACCOUNT: u32 = 13;

/// Who a patient is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Demographics {
    /// By what the patient is looked for.
    pub(crate) sought: Sought,
    pub(crate) born: NaiveDate,
    /// The first address.
    pub(crate) email: Option<String>,
}

impl Demographics {
    /// What `message` says; `mrn_kind`: the kind of identifier that carries the medical record number.
    pub(crate) fn read(message: &Value, mrn_kind: &str) -> Result<Self, Unmatched> {
        let mut ids = items(message, "/patientIdentity/ids");
        let of_kind = ids.find(|id| {
            let kind = text(id, "/type").unwrap_or_default();
            kind.eq_ignore_ascii_case(mrn_kind)
        });
        let mrn = of_kind.and_then(|id| text(id, "/id"));
        let mrn = mrn.ok_or(Unmatched::Mrn)?;
        let none = Value::Null;
        let about = message.pointer("/datasets/demographicsV1").unwrap_or(&none);
        let birth_date = text(about, "/birthDate").ok_or(Unmatched::BirthDate)?;
        let born = dates::parse(birth_date).ok_or(Unmatched::BirthDate)?;
        let names = ["/name/given", "/name/family"].map(|pointer| names(about, pointer));
        let names = names.concat();
        if names.is_empty() {
            return Err(Unmatched::FullName);
        }
        let mut telecom = items(about, "/telecom");
        let email = telecom.find(|way| text(way, "/system") == Some("email"));
        let email = email.and_then(|way| text(way, "/value"));
        Ok(Self {
            sought: Sought {
                mrn: mrn.to_owned(),
                birth_date: birth_date.to_owned(),
                full_name: names.join(" "),
            },
            born,
            email: email.map(str::to_owned),
        })
    }

    /// Whether somebody else has the address of the account on the day `today`.
    pub(crate) fn is_child(&self, today: NaiveDate) -> bool {
        let months = Months::new(12 * AGE_OF_OWN_ACCOUNT);
        let grown_up = self.born.checked_add_months(months);
        grown_up.is_none_or(|day| day > today)
    }
}

/// The names at a pointer: a list of them, or one.
fn names<'a>(about: &'a Value, pointer: &str) -> Vec<&'a str> {
    let one = text(about, pointer);
    let several = items(about, pointer).filter_map(|name| text(name, ""));
    one.into_iter().chain(several).collect()
}

#[cfg(test)]
mod tests {
    use chrono::NaiveDate;
    use serde_json::{Value, json};

    use super::Demographics;
    use crate::domain::xealth::asked::Unmatched;

    fn message() -> Value {
        json!({
            "patientIdentity": { "ids": [
                { "id": "e1", "type": "enterprise" }, { "id": " 42 ", "type": "MRN" },
                { "id": "43", "type": "mrn" },
            ] },
            "datasets": { "demographicsV1": {
                "name": { "given": ["Ana", "Maria"], "family": ["Elm", "Oak"] },
                "birthDate": "2001-02-03",
                "telecom": [
                    { "system": "phone", "value": "1" }, { "system": "email", "value": "a@example.org" },
                    { "system": "email", "value": "b@example.org" },
                ],
            } },
        })
    }

    #[test]
    fn a_message_says_who_a_patient_is() {
        let read = Demographics::read(&message(), "mrn").unwrap();
        assert_eq!(read.sought.mrn, "42");
        assert_eq!(read.sought.birth_date, "2001-02-03");
        assert_eq!(read.sought.full_name, "Ana Maria Elm Oak");
        assert_eq!(read.email.as_deref(), Some("a@example.org"));
        let mut one = message();
        one["datasets"]["demographicsV1"]["name"] = json!({ "family": "Elm" });
        let read = Demographics::read(&one, "mrn").unwrap();
        assert_eq!(read.sought.full_name, "Elm");
    }

    #[test]
    fn what_is_missing_is_said_one_after_the_other() {
        let read = |message: &Value| Demographics::read(message, "MRN").unwrap_err();
        let mut message = message();
        message["datasets"]["demographicsV1"]["name"] = json!({ "given": [1, ""], "family": null });
        assert_eq!(read(&message), Unmatched::FullName);
        for day in [json!("2001-02-30"), json!(""), Value::Null, json!([])] {
            message["datasets"]["demographicsV1"]["birthDate"] = day;
            assert_eq!(read(&message), Unmatched::BirthDate);
        }
        message["patientIdentity"]["ids"][1]["id"] = json!("");
        assert_eq!(read(&message), Unmatched::Mrn);
        for odd in [json!({}), json!([]), json!("x"), Value::Null] {
            assert_eq!(read(&odd), Unmatched::Mrn);
        }
    }

    #[test]
    fn a_child_is_one_until_the_thirteenth_birthday() {
        let read = Demographics::read(&message(), "mrn").unwrap();
        let on = |day| read.is_child(NaiveDate::from_ymd_opt(2014, 2, day).unwrap());
        assert!(on(2));
        assert!(!on(3));
    }
}
