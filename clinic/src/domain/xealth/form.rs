//! The forms that Xealth shows, as JSON schemas (react-jsonschema-form).

use serde_json::{Map, Value, json};

use super::demographics::Demographics;
use crate::domain::clinic::Tag;

const ENROLMENT: &str = "Please confirm a few details to complete set up.";
const CHILD: &str =
    "The patient is under 13 years old, so a parent or guardian claims the account.";
const DEXCOM: &str = "An email asks for permission to share the data of Dexcom. For Dexcom users in \
                      the United States only.";
const ABBOTT: &str = "An email asks for permission to share the data of Abbott.";

/// What asks for what is missing to enrol a patient; `is_child`: who cares for the patient is asked for.
pub(crate) fn enrolment(
    tracking_id: &str,
    who: &Demographics,
    is_child: bool,
    tags: &[Tag],
) -> Value {
    let (form_id, about) = if is_child {
        ("guardian_enrollment_form", "guardian")
    } else {
        ("patient_enrollment_form", "patient")
    };
    let mut data = Map::new();
    if let Some(email) = who.email.as_ref().filter(|_| !is_child) {
        data.insert(about.to_owned(), json!({ "email": email }));
    }
    let (person, order) = if is_child { guardian() } else { patient() };
    let description = if is_child {
        format!("{ENROLMENT} {CHILD}")
    } else {
        ENROLMENT.to_owned()
    };
    let (tag_type, tag_widget) = if tags.is_empty() {
        ("null", "hidden")
    } else {
        ("object", "object")
    };
    let ids = json!({
        "title": "Patient Tags",
        "description": "",
        "type": "array",
        "uniqueItems": true,
        "items": { "$ref": "#/definitions/tags" },
    });
    let chosen = json!({ "type": tag_type, "title": "", "properties": { "ids": ids } });
    json!({
        "dataTrackingId": tracking_id,
        "notOrderable": false,
        "preorderFormInfo": {
            "formId": form_id,
            "formSchema": {
                "title": format!("Add {} to Tidepool", who.sought.full_name),
                "description": description,
                "type": "object",
                "definitions": { "tags": definition(tags) },
                "properties": {
                    about: person,
                    "tags": chosen,
                },
            },
            "uiSchema": {
                "ui:order": [about, "tags"],
                about: {
                    "ui:order": order,
                    "connectAbbott": { "ui:help": ABBOTT },
                    "connectDexcom": { "ui:help": DEXCOM },
                },
                "tags": {
                    "ui:widget": tag_widget,
                    "ids": { "ui:widget": "CheckboxesWidget" },
                },
            },
            "formData": data,
        },
    })
}

/// What says that nothing can be ordered, one paragraph below the other.
pub(crate) fn error(tracking_id: &str, title: &str, paragraphs: &[&str], data: &Value) -> Value {
    let numbered = || paragraphs.iter().enumerate();
    let name = |number: usize| format!("error_{number}");
    let property = |(number, text): (usize, &&str)| {
        let property = json!({ "type": "null", "title": " ", "description": text });
        (name(number), property)
    };
    let properties: Map<String, Value> = numbered().map(property).collect();
    let order: Vec<String> = numbered().map(|(number, _)| name(number)).collect();
    json!({
        "dataTrackingId": tracking_id,
        "notOrderable": true,
        "preorderFormInfo": {
            "formId": "error_form",
            "formSchema": { "title": title, "type": "object", "properties": properties },
            "uiSchema": { "ui:order": order },
            "formData": if data.is_object() { data.clone() } else { json!({}) },
        },
    })
}

/// The tags of a clinic, by name.
fn definition(tags: &[Tag]) -> Value {
    if tags.is_empty() {
        // A list of nothing would be no schema.
        return json!({});
    }
    let mut tags: Vec<&Tag> = tags.iter().collect();
    tags.sort_by(|one, other| one.name.cmp(&other.name));
    let ids: Vec<String> = tags.iter().map(|tag| tag.id.to_string()).collect();
    let names: Vec<&str> = tags.iter().map(|tag| tag.name.as_str()).collect();
    json!({ "type": "string", "enum": ids, "enumNames": names })
}

fn patient() -> (Value, Value) {
    let person = json!({
        "type": "object",
        "title": "",
        "properties": { "email": {
            "title": "Patient Email",
            "description": "With an email the patient can claim the account and upload data from home.",
            "type": "string",
            "format": "email",
        } },
        "dependencies": connections(),
    });
    (person, json!(["email", "connectAbbott", "connectDexcom"]))
}

fn guardian() -> (Value, Value) {
    let name = |title: &str| json!({ "title": title, "type": "string" });
    let person = json!({
        "type": "object",
        "title": "",
        "required": ["firstName", "lastName"],
        "properties": {
            "firstName": name("Parent/Guardian First Name"),
            "lastName": name("Parent/Guardian Last Name"),
            "email": {
                "title": "Parent/Guardian Email",
                "description":
                    "With an email the parent or guardian can claim the account and upload data from home.",
                "type": "string",
                "format": "email",
            },
        },
        "dependencies": connections(),
    });
    let order = json!([
        "firstName",
        "lastName",
        "email",
        "connectAbbott",
        "connectDexcom"
    ]);
    (person, order)
}

/// What is asked once there is an address.
fn connections() -> Value {
    let flag = |title: &str| json!({ "title": title, "description": "", "type": "boolean" });
    let flags = json!({
        "connectAbbott": flag("Connect with Abbott"),
        "connectDexcom": flag("Connect with Dexcom"),
    });
    json!({ "email": { "properties": flags } })
}

#[cfg(test)]
mod tests {
    use chrono::NaiveDate;
    use serde_json::{Value, json};

    use super::{enrolment, error};
    use crate::domain::{clinic::Tag, matching::Sought, xealth::demographics::Demographics};

    fn ana(email: Option<&str>) -> Demographics {
        Demographics {
            sought: Sought {
                mrn: "1".to_owned(),
                birth_date: "2001-02-03".to_owned(),
                full_name: "Ana Elm".to_owned(),
            },
            born: NaiveDate::from_ymd_opt(2001, 2, 3).unwrap(),
            email: email.map(str::to_owned),
        }
    }

    fn tag(number: u8, name: &str) -> Tag {
        let id = [number; 12].into();
        let name = name.to_owned();
        Tag { id, name }
    }

    #[test]
    fn a_patient_is_asked_for_an_address_and_tags() {
        let tags = [tag(1, "West"), tag(2, "North")];
        let form = enrolment("t", &ana(Some("a@example.org")), false, &tags);
        assert_eq!(
            (&form["dataTrackingId"], &form["notOrderable"]),
            (&json!("t"), &json!(false))
        );
        let form = &form["preorderFormInfo"];
        assert_eq!(form["formId"], "patient_enrollment_form");
        assert_eq!(
            form["formData"],
            json!({ "patient": { "email": "a@example.org" } })
        );
        let schema = &form["formSchema"];
        assert_eq!(schema["title"], "Add Ana Elm to Tidepool");
        assert_eq!(
            schema["definitions"]["tags"]["enumNames"],
            json!(["North", "West"])
        );
        let ids = json!(["02".repeat(12), "01".repeat(12)]);
        assert_eq!(schema["definitions"]["tags"]["enum"], ids);
        assert_eq!(schema["properties"]["tags"]["type"], "object");
        assert_eq!(form["uiSchema"]["tags"]["ui:widget"], "object");
        let patient = &schema["properties"]["patient"];
        assert!(patient["properties"].get("connectDexcom").is_none());
        let dependent = &patient["dependencies"]["email"]["properties"];
        assert_eq!(dependent["connectDexcom"]["type"], "boolean");
        assert_eq!(dependent["connectAbbott"]["type"], "boolean");
    }

    #[test]
    fn who_cares_for_a_child_is_asked_for_a_name() {
        let form = enrolment("t", &ana(Some("a@example.org")), true, &[]);
        let form = &form["preorderFormInfo"];
        assert_eq!(form["formId"], "guardian_enrollment_form");
        assert_eq!(form["formData"], json!({}));
        let schema = &form["formSchema"];
        let guardian = &schema["properties"]["guardian"];
        assert_eq!(guardian["required"], json!(["firstName", "lastName"]));
        assert_eq!(schema["properties"]["tags"]["type"], "null");
        assert_eq!(form["uiSchema"]["tags"]["ui:widget"], "hidden");
        assert_eq!(schema["definitions"], json!({ "tags": {} }));
    }

    #[test]
    fn an_error_form_has_a_property_for_each_paragraph() {
        let form = error("t", "No", &["One.", "Two."], &Value::Null);
        assert_eq!(form["notOrderable"], true);
        let form = &form["preorderFormInfo"];
        assert_eq!(form["formId"], "error_form");
        assert_eq!(form["formData"], json!({}));
        let two = json!({ "type": "null", "title": " ", "description": "Two." });
        assert_eq!(form["formSchema"]["properties"]["error_1"], two);
        assert_eq!(
            form["uiSchema"],
            json!({ "ui:order": ["error_0", "error_1"] })
        );
    }
}
