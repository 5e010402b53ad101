//! The member `ehrSettings` of a clinic, as the reference has it: it differs from what clients see.

use bson::{Bson, Document, doc};

use crate::domain::{
    ehr_settings::{
        DestinationIds, EhrSettings, Flowsheets, Notes, ProcedureCodes, RecordTags,
        ScheduledReports,
    },
    text::Filled,
};

/// What is stored; whatever it lacks is empty.
pub(super) fn read(document: &Document) -> EhrSettings {
    let empty = Document::new();
    let member = |name: &str| document.get_document(name).unwrap_or(&empty);
    let reports = member("scheduledReports");
    let codes = member("procedureCodes");
    let tags = member("tags");
    let tag_codes = tags.get_array("codes").ok();
    let includes_gmi = flag(member("notes"), "includeGmi");
    EhrSettings {
        enabled: flag(document, "enabled"),
        provider: text(document, "provider").unwrap_or_default(),
        source_id: text(document, "sourceId").unwrap_or_default(),
        mrn_id_type: text(document, "mrnIdType").unwrap_or_default(),
        destination_ids: destinations(member("destinationIds")),
        procedure_codes: ProcedureCodes {
            enable_summary_reports: text(codes, "enableSummaryReports"),
            disable_summary_reports: text(codes, "disableSummaryReports"),
            create_account: text(codes, "createAccount"),
            create_account_and_enable_reports: text(codes, "createAccountAndEnableReports"),
        },
        scheduled_reports: ScheduledReports {
            cadence: text(reports, "cadence").unwrap_or_default(),
            on_upload_enabled: flag(reports, "onUploadEnabled"),
            on_upload_note_event_type: text(reports, "onUploadNoteEventType"),
        },
        tags: RecordTags {
            codes: tag_codes.map(|codes| {
                let codes = codes.iter().filter_map(Bson::as_str);
                codes.map(str::to_owned).collect()
            }),
            separator: text(tags, "separator"),
        },
        flowsheets: Flowsheets {
            icode: flag(member("flowsheets"), "icode"),
        },
        notes: includes_gmi.then_some(Notes { include_gmi: true }),
    }
    .with_defaults()
}

fn text(document: &Document, name: &str) -> Option<String> {
    document.get_str(name).ok().map(str::to_owned)
}

fn flag(document: &Document, name: &str) -> bool {
    document.get_bool(name).unwrap_or_default()
}

/// Where any of them is missing, there are none.
fn destinations(document: &Document) -> Option<DestinationIds> {
    let destination = |name: &str| Filled::try_from(text(document, name)?).ok();
    Some(DestinationIds {
        flowsheet: destination("flowsheet")?,
        notes: destination("notes")?,
        results: destination("results")?,
    })
}

/// What is to be stored.
pub(super) fn document(settings: &EhrSettings) -> Document {
    let destinations = settings.destination_ids.as_ref().map(|ids| {
        let (flowsheet, notes) = (ids.flowsheet.as_str(), ids.notes.as_str());
        doc! { "flowsheet": flowsheet, "notes": notes, "results": ids.results.as_str() }
    });
    let codes = &settings.procedure_codes;
    let codes = said([
        ("enableSummaryReports", &codes.enable_summary_reports),
        ("disableSummaryReports", &codes.disable_summary_reports),
        ("createAccount", &codes.create_account),
        (
            "createAccountAndEnableReports",
            &codes.create_account_and_enable_reports,
        ),
    ]);
    let reports = &settings.scheduled_reports;
    let mut scheduled = doc! {
        "cadence": &reports.cadence,
        "onUploadEnabled": reports.on_upload_enabled,
    };
    scheduled.extend(said([(
        "onUploadNoteEventType",
        &reports.on_upload_note_event_type,
    )]));
    let tags = &settings.tags;
    doc! {
        "enabled": settings.enabled,
        "provider": &settings.provider,
        "sourceId": &settings.source_id,
        "mrnIdType": &settings.mrn_id_type,
        "destinationIds": destinations,
        "procedureCodes": codes,
        "scheduledReports": scheduled,
        "tags": { "codes": tags.codes.clone(), "separator": tags.separator.clone() },
        "flowsheets": if_true("icode", settings.flowsheets.icode),
        "notes": if_true("includeGmi", settings.notes.is_some_and(|notes| notes.include_gmi)),
    }
}

fn said<const N: usize>(members: [(&str, &Option<String>); N]) -> Document {
    let said = members.into_iter();
    said.filter_map(|(name, text)| Some((name.to_owned(), text.as_deref()?.into())))
        .collect()
}

fn if_true(name: &str, flag: bool) -> Document {
    if flag {
        doc! { name: true }
    } else {
        doc! {}
    }
}

#[cfg(test)]
mod tests {
    use bson::{Bson, doc};

    use super::{document, read};

    #[test]
    fn settings_are_stored_as_the_reference_has_them() {
        let stored = doc! {
            "enabled": true, "provider": "xealth", "sourceId": "a", "mrnIdType": "EPI",
            "destinationIds": { "flowsheet": "f", "notes": "n", "results": "r" },
            "procedureCodes": { "createAccount": "c" },
            "scheduledReports": {
                "cadence": "7d", "onUploadEnabled": true, "onUploadNoteEventType": "New",
            },
            "tags": { "codes": ["t"], "separator": "," },
            "flowsheets": { "icode": true },
            "notes": { "includeGmi": true },
        };
        assert_eq!(document(&read(&stored)), stored);
        let bare = document(&read(&doc! { "provider": "redox" }));
        assert_eq!(bare.get("destinationIds"), Some(&Bson::Null));
        let tags = doc! { "codes": Bson::Null, "separator": Bson::Null };
        assert_eq!(bare.get_document("tags").unwrap(), &tags);
        for name in ["flowsheets", "notes", "procedureCodes"] {
            assert_eq!(bare.get_document(name).unwrap(), &doc! {}, "{name}");
        }
        assert_eq!(bare.get_str("mrnIdType").unwrap(), "MRN");
    }
}
