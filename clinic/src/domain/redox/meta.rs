//! What a message says of itself: `Meta`, whose names count in whatever case.

use serde_json::{Map, Number, Value};

use super::fingerprint;
use crate::domain::limited;

/// The longest text of `Meta`, in bytes: by some of them messages are looked up.
const MAX_TEXT: usize = 1_000;

/// A message that can be stored.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Message {
    pub(crate) meta: Meta,
    /// All of it, as it came.
    pub(crate) whole: Map<String, Value>,
}

/// Why a message cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unreadable {
    /// It is no JSON object; why.
    Body(String),
    /// It does not say what it is; where.
    Meta(String),
    /// The database cannot keep it; why.
    Content(String),
}

impl Unreadable {
    /// For operators.
    pub(crate) fn reason(&self) -> &str {
        let (Self::Body(reason) | Self::Meta(reason) | Self::Content(reason)) = self;
        reason
    }
}

/// What a message says of itself.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Meta {
    pub(crate) data_model: String,
    pub(crate) event_type: String,
    pub(crate) event_time: Option<String>,
    pub(crate) facility_code: Option<String>,
    /// Whether it is about nobody.
    pub(crate) is_test: Option<bool>,
    pub(crate) source: Option<Named>,
    pub(crate) destinations: Option<Vec<Named>>,
    pub(crate) logs: Option<Vec<Log>>,
    /// Of the message, wherever it goes.
    pub(crate) message: Option<Numbered>,
    /// Of the way to one place.
    pub(crate) transmission: Option<Numbered>,
}

/// Where a message comes from, or goes to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) id: Option<String>,
    pub(crate) name: Option<String>,
}

/// What has a number.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Numbered {
    pub(crate) id: Option<Number>,
}

/// A line of the log of Redox.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Log {
    pub(crate) id: Option<String>,
    pub(crate) attempt_id: Option<String>,
}

impl Message {
    /// The message that `body` is.
    pub(crate) fn read(body: &[u8]) -> Result<Self, Unreadable> {
        match limited::read(body).map_err(Unreadable::Body)? {
            Value::Object(whole) => Ok(Self {
                meta: Meta::read(&whole).map_err(Unreadable::Meta)?,
                whole,
            }),
            _ => Err(Unreadable::Body("it is no object".to_owned())),
        }
    }
}

impl Meta {
    fn read(message: &Map<String, Value>) -> Result<Self, String> {
        let meta = object(message, "Meta")?.ok_or("Meta is missing")?;
        let meta = Members {
            path: "Meta".to_owned(),
            members: meta,
        };
        Ok(Self {
            data_model: meta.filled("DataModel")?,
            event_type: meta.filled("EventType")?,
            event_time: meta.text("EventDateTime")?,
            facility_code: meta.text("FacilityCode")?,
            is_test: meta.flag("Test")?,
            source: meta
                .object("Source")?
                .map(|source| Named::read(&source))
                .transpose()?,
            destinations: meta.list("Destinations", Named::read)?,
            logs: meta.list("Logs", |log| {
                let (id, attempt_id) = (log.text("ID")?, log.text("AttemptID")?);
                Ok(Log { id, attempt_id })
            })?,
            message: meta
                .object("Message")?
                .map(|message| Numbered::read(&message))
                .transpose()?,
            transmission: meta
                .object("Transmission")?
                .map(|transmission| Numbered::read(&transmission))
                .transpose()?,
        })
    }

    /// Whose feed the message belongs to; empty: it does not say.
    pub(crate) fn source_id(&self) -> &str {
        let source = self.source.as_ref();
        source.and_then(|source| source.id.as_deref()).unwrap_or("")
    }

    /// What repeats of the message that `body` was have in common, and no other message of its source
    /// has.
    pub(crate) fn key(&self, body: &[u8]) -> String {
        if let Some(id) = self
            .message
            .as_ref()
            .and_then(|message| message.id.as_ref())
        {
            return format!("message {id}");
        }
        let mut logs = self.logs.iter().flatten();
        let id = logs.find_map(|log| log.id.as_deref().filter(|id| !id.is_empty()));
        match id {
            Some(id) => format!("log {id}"),
            None => format!("body {}", fingerprint(body)),
        }
    }
}

impl Numbered {
    fn read(members: &Members<'_>) -> Result<Self, String> {
        let id = members.number("ID")?;
        Ok(Self { id })
    }
}

impl Named {
    fn read(members: &Members<'_>) -> Result<Self, String> {
        let (id, name) = (members.text("ID")?, members.text("Name")?);
        Ok(Self { id, name })
    }
}

/// The member called `name` in whatever case; one in this very case counts first.
pub(super) fn member<'a>(members: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    let found = members.get(name).or_else(|| {
        let mut all = members.iter();
        let found = all.find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value)
    });
    found.filter(|value| !value.is_null())
}

fn object<'a>(
    members: &'a Map<String, Value>,
    name: &str,
) -> Result<Option<&'a Map<String, Value>>, String> {
    match member(members, name) {
        None => Ok(None),
        Some(Value::Object(members)) => Ok(Some(members)),
        Some(_) => Err(format!("{name} is no object")),
    }
}

/// Members of an object, with where it stands.
struct Members<'a> {
    path: String,
    members: &'a Map<String, Value>,
}

impl<'a> Members<'a> {
    fn is_no(&self, name: &str, what: &str) -> String {
        format!("{}.{name} is no {what}", self.path)
    }

    fn text(&self, name: &str) -> Result<Option<String>, String> {
        match member(self.members, name) {
            None => Ok(None),
            Some(Value::String(text)) if text.len() <= MAX_TEXT => Ok(Some(text.clone())),
            Some(Value::String(_)) => Err(format!(
                "{}.{name} has more than {MAX_TEXT} bytes",
                self.path
            )),
            Some(_) => Err(self.is_no(name, "text")),
        }
    }

    fn filled(&self, name: &str) -> Result<String, String> {
        let text = self.text(name)?.filter(|text| !text.is_empty());
        text.ok_or_else(|| format!("{}.{name} is missing", self.path))
    }

    fn flag(&self, name: &str) -> Result<Option<bool>, String> {
        match member(self.members, name) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(_) => Err(self.is_no(name, "boolean")),
        }
    }

    fn number(&self, name: &str) -> Result<Option<Number>, String> {
        match member(self.members, name) {
            None => Ok(None),
            Some(Value::Number(number)) => Ok(Some(number.clone())),
            Some(_) => Err(self.is_no(name, "number")),
        }
    }

    fn object(&self, name: &str) -> Result<Option<Members<'a>>, String> {
        match member(self.members, name) {
            None => Ok(None),
            Some(Value::Object(members)) => Ok(Some(Members {
                path: format!("{}.{name}", self.path),
                members,
            })),
            Some(_) => Err(self.is_no(name, "object")),
        }
    }

    fn list<T>(
        &self,
        name: &str,
        read: impl Fn(&Members<'_>) -> Result<T, String>,
    ) -> Result<Option<Vec<T>>, String> {
        let items = match member(self.members, name) {
            None => return Ok(None),
            Some(Value::Array(items)) => items,
            Some(_) => return Err(self.is_no(name, "list")),
        };
        let item = |(place, item): (usize, &Value)| {
            let path = format!("{}.{name}[{place}]", self.path);
            match item {
                Value::Object(members) => read(&Members { path, members }),
                _ => Err(format!("{path} is no object")),
            }
        };
        items
            .iter()
            .enumerate()
            .map(item)
            .collect::<Result<_, _>>()
            .map(Some)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Message, Unreadable};

    fn read(body: &Value) -> Result<Message, Unreadable> {
        Message::read(body.to_string().as_bytes())
    }

    fn order(members: &Value) -> Value {
        let mut meta = json!({ "DataModel": "Order", "EventType": "New" });
        for (name, value) in members.as_object().unwrap() {
            meta[name] = value.clone();
        }
        json!({ "Meta": meta })
    }

    #[test]
    fn names_count_in_whatever_case() {
        let body = json!({ "meta": {
            "datamodel": "Order", "EVENTTYPE": "New", "test": true, "Source": { "Id": "s" },
            "Logs": [{ "id": "l", "attemptID": "a" }], "Message": { "ID": 7 }, "FacilityCode": null,
        } });
        let message = read(&body).unwrap();
        let meta = &message.meta;
        let kind = (meta.data_model.as_str(), meta.event_type.as_str());
        assert_eq!(kind, crate::domain::redox::ORDER);
        assert_eq!((meta.is_test, meta.source_id()), (Some(true), "s"));
        assert_eq!(meta.facility_code, None);
        assert_eq!(meta.logs.as_ref().unwrap()[0].id.as_deref(), Some("l"));
        assert_eq!(Value::Object(message.whole), body);
    }

    #[test]
    fn a_repeat_has_the_same_key() {
        let key = |members: Value| {
            let body = order(&members);
            read(&body).unwrap().meta.key(body.to_string().as_bytes())
        };
        let logs = json!([{ "AttemptID": "a" }, { "ID": "" }, { "ID": "l" }]);
        assert_eq!(
            key(json!({ "Message": { "ID": 7 }, "Logs": logs })),
            "message 7"
        );
        assert_eq!(
            key(json!({ "Message": { "ID": null }, "Logs": logs })),
            "log l"
        );
        let of_body = key(json!({ "Logs": [] }));
        assert_eq!(of_body.len(), "body ".len() + 64);
        assert_ne!(of_body, key(json!({ "Logs": null })));
    }

    #[test]
    fn what_does_not_say_what_it_is_cannot_be_understood() {
        for (members, reason) in [
            (json!({ "DataModel": "" }), "Meta.DataModel is missing"),
            (json!({ "DataModel": null }), "Meta.DataModel is missing"),
            (json!({ "EventType": 1 }), "Meta.EventType is no text"),
            (json!({ "Test": "yes" }), "Meta.Test is no boolean"),
            (
                json!({ "Message": { "ID": "7" } }),
                "Meta.Message.ID is no number",
            ),
            (json!({ "Source": "s" }), "Meta.Source is no object"),
            (json!({ "Logs": {} }), "Meta.Logs is no list"),
            (json!({ "Logs": [{}, 1] }), "Meta.Logs[1] is no object"),
            (
                json!({ "Logs": [{ "ID": 1 }] }),
                "Meta.Logs[0].ID is no text",
            ),
            (
                json!({ "Source": { "ID": "x".repeat(1_001) } }),
                "Meta.Source.ID has more than 1000 bytes",
            ),
        ] {
            let unreadable = read(&order(&members)).unwrap_err();
            assert_eq!(unreadable, Unreadable::Meta(reason.to_owned()));
        }
        assert_eq!(read(&json!({})).unwrap_err().reason(), "Meta is missing");
        assert_eq!(read(&json!([])).unwrap_err().reason(), "it is no object");
        assert!(matches!(Message::read(b"x"), Err(Unreadable::Body(_))));
    }
}
