//! How a clinic is connected to hospital records.

use serde::{Deserialize, Serialize};
use shared_runtime::body::not_null;
use utoipa::ToSchema;

use super::text::Filled;

/// The kind of identifier that carries the medical record number, unless a clinic says another.
const DEFAULT_MRN_ID_TYPE: &str = "MRN";
/// How often reports go out, unless a clinic says otherwise.
const DEFAULT_CADENCE: &str = "14d";

/// Body of `UpdateEHRSettings`.
#[derive(Debug, Clone, PartialEq, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EhrSettingsDetails {
    enabled: bool,
    provider: Provider,
    /// Where messages come from: the source of Redox, the deployment of Xealth. May be empty.
    source_id: String,
    /// The kind of identifier that carries the medical record number.
    mrn_id_type: Filled,
    #[serde(default, deserialize_with = "not_null")]
    destination_ids: Option<DestinationIds>,
    procedure_codes: ProcedureCodesDetails,
    scheduled_reports: ScheduledReportsDetails,
    tags: RecordTagsDetails,
    flowsheets: Flowsheets,
    #[serde(default, deserialize_with = "not_null")]
    notes: Option<NotesDetails>,
}

/// Who connects the clinic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Provider {
    Redox,
    Xealth,
}

/// Where what goes out goes to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct DestinationIds {
    pub(crate) flowsheet: Filled,
    pub(crate) notes: Filled,
    pub(crate) results: Filled,
}

/// The codes of orders.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ProcedureCodesDetails)]
struct ProcedureCodesDetails {
    #[serde(default, deserialize_with = "not_null")]
    enable_summary_reports: Option<Filled>,
    #[serde(default, deserialize_with = "not_null")]
    disable_summary_reports: Option<Filled>,
    #[serde(default, deserialize_with = "not_null")]
    create_account: Option<Filled>,
    /// May be empty.
    #[serde(default, deserialize_with = "not_null")]
    create_account_and_enable_reports: Option<String>,
}

/// When reports go out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ScheduledReportsDetails {
    cadence: Cadence,
    on_upload_enabled: bool,
    /// What a report is that goes out upon an upload; `New` unless it is said.
    #[serde(default, deserialize_with = "not_null")]
    on_upload_note_event_type: Option<NoteEventType>,
}

/// How often reports go out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
enum Cadence {
    #[serde(rename = "1d")]
    Daily,
    #[serde(rename = "7d")]
    Weekly,
    #[serde(rename = "14d")]
    Fortnightly,
    #[serde(rename = "30d")]
    Monthly,
    #[serde(rename = "DISABLED")]
    Never,
}

/// Whether a report comes beside the earlier one or in its place.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
enum NoteEventType {
    #[default]
    New,
    Replace,
}

/// What messages say about tags.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
struct RecordTagsDetails {
    #[serde(default, deserialize_with = "not_null")]
    codes: Option<Vec<String>>,
    #[serde(default, deserialize_with = "not_null")]
    separator: Option<Filled>,
}

/// What flow sheets contain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Flowsheets {
    pub(crate) icode: bool,
}

/// What notes contain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
struct NotesDetails {
    #[serde(rename = "includeGMI", default)]
    include_gmi: bool,
}

/// The settings as they are kept and shown. Databases of other releases hold texts that no request
/// may set, and lack some.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EhrSettings {
    pub(crate) enabled: bool,
    pub(crate) provider: String,
    pub(crate) source_id: String,
    pub(crate) mrn_id_type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) destination_ids: Option<DestinationIds>,
    pub(crate) procedure_codes: ProcedureCodes,
    pub(crate) scheduled_reports: ScheduledReports,
    pub(crate) tags: RecordTags,
    pub(crate) flowsheets: Flowsheets,
    /// `None`: they contain nothing more than usual.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) notes: Option<Notes>,
}

/// The codes of orders.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ProcedureCodes {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) enable_summary_reports: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) disable_summary_reports: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) create_account: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) create_account_and_enable_reports: Option<String>,
}

/// When reports go out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ScheduledReports {
    pub(crate) cadence: String,
    pub(crate) on_upload_enabled: bool,
    /// `None`: none goes out upon an upload.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) on_upload_note_event_type: Option<String>,
}

/// What messages say about tags.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct RecordTags {
    /// `null` where there are none.
    pub(crate) codes: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) separator: Option<String>,
}

/// Notes contain the glucose management indicator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Notes {
    #[serde(rename = "includeGMI")]
    pub(crate) include_gmi: bool,
}

impl EhrSettings {
    /// The same with what holds where nothing is said.
    #[must_use]
    pub(crate) fn with_defaults(mut self) -> Self {
        if self.mrn_id_type.is_empty() {
            DEFAULT_MRN_ID_TYPE.clone_into(&mut self.mrn_id_type);
        }
        if self.scheduled_reports.cadence.is_empty() {
            DEFAULT_CADENCE.clone_into(&mut self.scheduled_reports.cadence);
        }
        self
    }
}

impl From<EhrSettingsDetails> for EhrSettings {
    fn from(details: EhrSettingsDetails) -> Self {
        let provider = match details.provider {
            Provider::Redox => "redox",
            Provider::Xealth => "xealth",
        };
        let includes_gmi = details.notes.is_some_and(|notes| notes.include_gmi);
        Self {
            enabled: details.enabled,
            provider: provider.to_owned(),
            source_id: details.source_id,
            mrn_id_type: details.mrn_id_type.into(),
            destination_ids: details.destination_ids,
            procedure_codes: details.procedure_codes.into(),
            scheduled_reports: details.scheduled_reports.into(),
            tags: RecordTags {
                codes: details.tags.codes,
                separator: details.tags.separator.map(Into::into),
            },
            flowsheets: details.flowsheets,
            notes: includes_gmi.then_some(Notes { include_gmi: true }),
        }
    }
}

impl From<ProcedureCodesDetails> for ProcedureCodes {
    fn from(details: ProcedureCodesDetails) -> Self {
        Self {
            enable_summary_reports: details.enable_summary_reports.map(Into::into),
            disable_summary_reports: details.disable_summary_reports.map(Into::into),
            create_account: details.create_account.map(Into::into),
            create_account_and_enable_reports: details.create_account_and_enable_reports,
        }
    }
}

impl From<ScheduledReportsDetails> for ScheduledReports {
    fn from(details: ScheduledReportsDetails) -> Self {
        let cadence = match details.cadence {
            Cadence::Daily => "1d",
            Cadence::Weekly => "7d",
            Cadence::Fortnightly => "14d",
            Cadence::Monthly => "30d",
            Cadence::Never => "DISABLED",
        };
        let event = match details.on_upload_note_event_type.unwrap_or_default() {
            NoteEventType::New => "New",
            NoteEventType::Replace => "Replace",
        };
        Self {
            cadence: cadence.to_owned(),
            on_upload_enabled: details.on_upload_enabled,
            on_upload_note_event_type: details.on_upload_enabled.then(|| event.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use shared_runtime::body::parse_object;

    use super::{EhrSettings, EhrSettingsDetails};

    fn valid() -> Value {
        json!({
            "enabled": true, "provider": "redox", "sourceId": "", "mrnIdType": "EPI",
            "procedureCodes": {}, "scheduledReports": {"cadence": "7d", "onUploadEnabled": true},
            "tags": {}, "flowsheets": {"icode": false},
        })
    }

    fn read(body: &Value) -> Result<EhrSettings, String> {
        let read = parse_object::<EhrSettingsDetails>(body.to_string().as_bytes());
        read.map(Into::into).map_err(|invalid| invalid.pointer)
    }

    #[test]
    fn settings_say_what_holds_where_nothing_is_said() {
        let mut shown = valid();
        shown["scheduledReports"]["onUploadNoteEventType"] = json!("New");
        shown["tags"]["codes"] = Value::Null;
        let settings = read(&valid()).unwrap();
        assert_eq!(serde_json::to_value(&settings).unwrap(), shown);
        let mut quiet = valid();
        quiet["scheduledReports"] = json!({
            "cadence": "DISABLED", "onUploadEnabled": false, "onUploadNoteEventType": "Replace",
        });
        quiet["notes"] = json!({"includeGMI": true});
        let settings = read(&quiet).unwrap();
        assert_eq!(settings.scheduled_reports.on_upload_note_event_type, None);
        assert!(settings.notes.is_some_and(|notes| notes.include_gmi));
        let mut bare = settings;
        bare.mrn_id_type.clear();
        bare.scheduled_reports.cadence.clear();
        let filled = bare.with_defaults();
        assert_eq!(
            (
                filled.mrn_id_type.as_str(),
                filled.scheduled_reports.cadence.as_str()
            ),
            ("MRN", "14d")
        );
    }

    #[test]
    fn settings_say_what_is_wrong_with_them() {
        for (pointer, value) in [
            ("/enabled", json!("yes")),
            ("/provider", json!("epic")),
            ("/sourceId", Value::Null),
            ("/mrnIdType", json!("")),
            ("/destinationIds", Value::Null),
            ("/procedureCodes", json!([])),
            ("/scheduledReports/cadence", json!("2d")),
            ("/scheduledReports/onUploadNoteEventType", json!("Old")),
            ("/tags/codes", Value::Null),
            ("/tags/separator", json!("")),
            ("/flowsheets/icode", Value::Null),
            ("/notes", Value::Null),
        ] {
            let mut body = valid();
            let (parent, name) = pointer.rsplit_once('/').unwrap();
            body.pointer_mut(parent).unwrap()[name] = value;
            assert_eq!(read(&body), Err(pointer.to_owned()));
        }
        let mut body = valid();
        body["destinationIds"] = json!({"flowsheet": "a", "notes": "", "results": "c"});
        assert_eq!(read(&body), Err("/destinationIds/notes".to_owned()));
    }
}
