//! The summary in the document of a patient. What has another form than it should counts as absent.

use bson::{Bson, Document, RawBsonRef, RawDocument, doc};
use chrono::{DateTime, Utc};

use crate::domain::{
    patient_summary::{Dates, Numbers, Stats, Summary, Thresholds, Value},
    summary::{Form, Kind},
};

/// What `summary` says.
pub(super) fn read(summary: &RawDocument) -> Summary {
    let of_kind = |kind: Kind| {
        let stats = member(summary, &format!("{}Stats", kind.name()))?;
        Some(stats_of(kind, stats))
    };
    Summary {
        cgm: of_kind(Kind::Cgm),
        bgm: of_kind(Kind::Bgm),
    }
}

/// What `stats` say, as the reference writes it.
pub(super) fn document(stats: &Stats) -> Document {
    let Thresholds {
        schema_version,
        very_low,
        low,
        high,
        very_high,
    } = stats.thresholds;
    let periods = stats.periods.iter();
    let periods = periods.map(|(name, numbers)| (name.clone(), period(numbers).into()));
    doc! {
        "id": stats.id.as_deref(),
        "config": {
            "schemaVersion": schema_version,
            "highGlucoseThreshold": high,
            "veryHighGlucoseThreshold": very_high,
            "lowGlucoseThreshold": low,
            "veryLowGlucoseThreshold": very_low,
        },
        "dates": written(&stats.dates),
        "periods": periods.collect::<Document>(),
    }
}

fn written(dates: &Dates) -> Document {
    let mut written = doc! {
        "hasFirstData": dates.has_first_data,
        "hasLastData": dates.has_last_data,
        "hasLastUploadDate": dates.has_last_upload_date,
        "hasOutdatedSince": dates.has_outdated_since,
    };
    for (name, time) in [
        ("firstData", dates.first_data),
        ("lastData", dates.last_data),
        ("lastUploadDate", dates.last_upload_date),
        ("lastUpdatedDate", dates.last_updated_date),
        ("outdatedSince", dates.outdated_since),
        ("outdatedSinceLimit", dates.outdated_since_limit),
    ] {
        if let Some(time) = time {
            written.insert(name, bson::DateTime::from_chrono(time));
        }
    }
    for (name, reasons) in [
        ("lastUpdatedReason", &dates.last_updated_reason),
        ("outdatedReason", &dates.outdated_reason),
    ] {
        if let Some(reasons) = reasons {
            written.insert(name, reasons.clone());
        }
    }
    written
}

fn period(numbers: &Numbers) -> Document {
    let value = |value| match value {
        Value::Float(number) => Bson::Double(number),
        Value::Whole(number) => Bson::Int64(number),
        Value::Flag(flag) => Bson::Boolean(flag),
    };
    let named = numbers.named();
    named
        .map(|(name, number)| (name.to_owned(), value(number)))
        .collect()
}

fn stats_of(kind: Kind, stats: &RawDocument) -> Stats {
    let id = match stats.get("id") {
        Ok(Some(RawBsonRef::String(id))) => Some(id.to_owned()),
        Ok(Some(RawBsonRef::ObjectId(id))) => Some(id.to_hex()),
        _ => None,
    };
    let periods = member(stats, "periods").into_iter().flat_map(members);
    let numbers = |(name, period): (&str, RawBsonRef<'_>)| {
        let period = period.as_document()?;
        Some((name.to_owned(), numbers_of(kind, period)))
    };
    Stats {
        id,
        thresholds: member(stats, "config").map_or_else(Thresholds::default, thresholds),
        dates: member(stats, "dates").map_or_else(Dates::default, dates),
        periods: periods.filter_map(numbers).collect(),
    }
}

fn thresholds(config: &RawDocument) -> Thresholds {
    let amount = |name| value(config, name).and_then(float).unwrap_or_default();
    let version = value(config, "schemaVersion").and_then(whole);
    Thresholds {
        schema_version: version.unwrap_or_default(),
        very_low: amount("veryLowGlucoseThreshold"),
        low: amount("lowGlucoseThreshold"),
        high: amount("highGlucoseThreshold"),
        very_high: amount("veryHighGlucoseThreshold"),
    }
}

fn dates(dates: &RawDocument) -> Dates {
    let flag = |name| value(dates, name).and_then(RawBsonRef::as_bool);
    let flag = |name| flag(name).unwrap_or_default();
    Dates {
        has_first_data: flag("hasFirstData"),
        has_last_data: flag("hasLastData"),
        has_last_upload_date: flag("hasLastUploadDate"),
        has_outdated_since: flag("hasOutdatedSince"),
        first_data: time(dates, "firstData"),
        last_data: time(dates, "lastData"),
        last_upload_date: time(dates, "lastUploadDate"),
        last_updated_date: time(dates, "lastUpdatedDate"),
        outdated_since: time(dates, "outdatedSince"),
        outdated_since_limit: time(dates, "outdatedSinceLimit"),
        last_updated_reason: texts(dates, "lastUpdatedReason"),
        outdated_reason: texts(dates, "outdatedReason"),
    }
}

fn numbers_of(kind: Kind, period: &RawDocument) -> Numbers {
    let mut numbers = Numbers::new(kind);
    for (name, value) in members(period) {
        numbers.note(name, |form| match form {
            Form::Float => float(value).map(Value::Float),
            Form::Whole => whole(value).map(Value::Whole),
            Form::Flag => value.as_bool().map(Value::Flag),
        });
    }
    numbers
}

/// The members of a document as far as it can be read.
fn members(document: &RawDocument) -> impl Iterator<Item = (&str, RawBsonRef<'_>)> {
    let members = document.iter().map_while(Result::ok);
    members.map(|(name, value)| (name.as_str(), value))
}

fn value<'a>(document: &'a RawDocument, name: &str) -> Option<RawBsonRef<'a>> {
    document.get(name).ok().flatten()
}

fn member<'a>(document: &'a RawDocument, name: &str) -> Option<&'a RawDocument> {
    value(document, name)?.as_document()
}

fn time(document: &RawDocument, name: &str) -> Option<DateTime<Utc>> {
    Some(value(document, name)?.as_datetime()?.to_chrono())
}

fn texts(document: &RawDocument, name: &str) -> Option<Vec<String>> {
    let texts = value(document, name)?.as_array()?.into_iter();
    let text = |text: RawBsonRef<'_>| text.as_str().map(str::to_owned);
    Some(texts.flatten().filter_map(text).collect())
}

/// A number that JSON can write.
fn float(value: RawBsonRef<'_>) -> Option<f64> {
    let number = match value {
        RawBsonRef::Double(number) => number,
        RawBsonRef::Int32(number) => f64::from(number),
        #[expect(
            clippy::cast_precision_loss,
            reason = "such large numbers are not stored"
        )]
        RawBsonRef::Int64(number) => number as f64,
        _ => return None,
    };
    number.is_finite().then_some(number)
}

fn whole(value: RawBsonRef<'_>) -> Option<i64> {
    match value {
        RawBsonRef::Int32(number) => Some(i64::from(number)),
        RawBsonRef::Int64(number) => Some(number),
        #[expect(
            clippy::cast_possible_truncation,
            reason = "it is a whole number in the range"
        )]
        RawBsonRef::Double(number) if number.fract() == 0.0 && number.abs() < 1e15 => {
            Some(number as i64)
        }
        _ => None,
    }
}
