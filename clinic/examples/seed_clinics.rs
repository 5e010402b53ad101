//! A part of `cargo xtask bench`: a clinic of 10,000 patients and one of 100,000, and 200,000
//! patients of other clinics, as the service stores them; and, if they are asked for, two more of
//! 10,000 and 100,000 whose patients have summaries.
//!
//! `seed_clinics URI [summaries]`; the database is that of the default settings of clinic, which has to be
//! running, so that its indexes are there.

#![expect(
    clippy::unwrap_used,
    reason = "a tool of the benchmark that cannot go on panics"
)]

use std::{collections::BTreeMap, env};

use bson::{DateTime, Document, doc, oid::ObjectId};
use mongodb::{Client, Collection, options::ClientOptions};

/// How many patients the clinics have that are measured.
const SIZES: [u32; 2] = [10_000, 100_000];
const OTHERS: usize = 200;
const PATIENTS_OF_OTHERS: u32 = 1_000;
/// How many patients the clinics have whose patients have summaries.
const SUMMARIZED: [u32; 2] = [10_000, 100_000];
const PERIODS: [&str; 4] = ["1d", "7d", "14d", "30d"];
const RANGES: [&str; 8] = [
    "VeryLow",
    "Low",
    "AnyLow",
    "Target",
    "High",
    "VeryHigh",
    "ExtremeHigh",
    "AnyHigh",
];
const BATCH: usize = 5_000;
/// Summaries are large.
const SMALL_BATCH: usize = 500;
/// Those of the service.
const LANES: u32 = 4;
const TAGS: u32 = 8;
const SITES: u32 = 3;
/// Some time in 2025.
const CREATED_MS: i64 = 1_750_000_000_000;
const FIRST_NAMES: &str = "Amelia Andrés Anna Arjun Ben Camille Carlos Chloe Daniel Dilan Elena Emma \
    Ethan Fatima Felix Grace Hana Henry Ida Isaac James Jonas Julia Kenji Laila Leo Lucía Maya Mia \
    Noah Nora Olivia Omar Paul Priya Rosa Samuel Sofia Tomás Zoë";
const SECOND_NAMES: &str = "Alba Ash Blue Bo Clay Dale Dee Eve Fay Gray Hope Ivy Jade Kay Lee Lux \
    Max Nell Oak Pax Quinn Rae Sky True Wren";
/// Each is that of one patient in a hundred.
const SURNAMES: &str = "Smith Johnson Williams Brown Jones Garcia Miller Davis Rodriguez Martinez \
    Hernandez Lopez Gonzalez Wilson Anderson Thomas Taylor Moore Jackson Martin Lee Perez Thompson \
    White Harris Sanchez Clark Ramirez Lewis Robinson Walker Young Allen King Wright Scott Torres \
    Nguyen Hill Flores Green Adams Nelson Baker Hall Rivera Campbell Mitchell Carter Roberts Gomez \
    Phillips Evans Turner Diaz Parker Cruz Edwards Collins Reyes Stewart Morris Morales Murphy Cook \
    Rogers Gutierrez Ortiz Morgan Cooper Peterson Bailey Reed Kelly Howard Ramos Kim Cox Ward \
    Richardson Watson Brooks Chavez Wood Bennett Gray Mendoza Ruiz Hughes Price Alvarez Castillo \
    Sanders Patel Myers Long Ross Foster Jimenez Powell";

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let uri = env::args().nth(1).expect("seed_clinics URI [summaries]");
    let with_summaries = env::args().nth(2).is_some_and(|what| what == "summaries");
    let options = ClientOptions::parse(&uri).await.unwrap();
    let database = Client::with_options(options).unwrap().database("clinic");
    let sizes = SIZES.into_iter().chain([PATIENTS_OF_OTHERS; OTHERS]);
    let plain = sizes.map(|size| (size, false));
    let summarized = SUMMARIZED.map(|size| (size, true));
    let summarized = summarized.into_iter().filter(|_| with_summaries);
    let clinics: Vec<Clinic> = plain
        .chain(summarized)
        .zip(1..)
        .map(|((size, is_summarized), number)| Clinic {
            number,
            size,
            is_summarized,
        })
        .collect();
    let documents = clinics.iter().map(Clinic::document);
    store(&database.collection("clinics"), documents, BATCH).await;
    let names = Names {
        first: FIRST_NAMES.split(' ').collect(),
        second: SECOND_NAMES.split(' ').collect(),
        last: SURNAMES.split(' ').collect(),
    };
    for (are_summarized, batch) in [(false, BATCH), (true, SMALL_BATCH)] {
        let clinics = clinics.iter();
        let clinics = clinics.filter(|clinic| clinic.is_summarized == are_summarized);
        let patients = clinics
            .flat_map(|clinic| (0..clinic.size).map(|number| clinic.patient(number, &names)));
        store(&database.collection("patients"), patients, batch).await;
    }
    let tallies = clinics.iter().flat_map(Clinic::tallies);
    store(&database.collection("tallies"), tallies, BATCH).await;
}

async fn store(
    collection: &Collection<Document>,
    documents: impl Iterator<Item = Document>,
    batch: usize,
) {
    let mut documents = documents.peekable();
    while documents.peek().is_some() {
        let batch = documents.by_ref().take(batch);
        collection.insert_many(batch).ordered(false).await.unwrap();
    }
}

struct Names {
    first: Vec<&'static str>,
    second: Vec<&'static str>,
    last: Vec<&'static str>,
}

impl Names {
    fn of(&self, number: u32, mixed: u32) -> String {
        let one = |names: &[&'static str], by: u32| names[by as usize % names.len()];
        let (first, second) = (one(&self.first, mixed >> 5), one(&self.second, mixed >> 13));
        format!("{first} {second} {}", one(&self.last, number))
    }
}

struct Clinic {
    number: u32,
    size: u32,
    /// Whether its patients have summaries.
    is_summarized: bool,
}

impl Clinic {
    fn id(&self) -> ObjectId {
        id(0, self.number)
    }

    fn tag(&self, place: u32) -> ObjectId {
        id(1, self.number * 100 + place)
    }

    fn site(&self, place: u32) -> Document {
        let id = id(2, self.number * 100 + place);
        doc! { "id": id, "name": format!("Site {place}") }
    }

    fn document(&self) -> Document {
        let created = DateTime::from_millis(CREATED_MS);
        let code = format!("{:012}", self.number);
        let tag = |place| doc! { "_id": self.tag(place), "name": format!("Tag {place}") };
        doc! {
            "_id": self.id(), "name": format!("Clinic {}", self.number),
            "canonicalShareCode": &code, "shareCodes": [&code], "admins": [],
            "address": "1 Elm Street", "city": "Springfield", "country": "US", "state": "OR",
            "postalCode": "97477", "clinicType": "healthcare_system", "clinicSize": "1000+",
            "PreferredBgUnits": "mg/dL", "timezone": "America/Los_Angeles", "phoneNumbers": [],
            "isMigrated": true, "tier": "tier0300",
            "patientTags": (0..TAGS).map(tag).collect::<Vec<_>>(),
            "sites": (0..SITES).map(|place| self.site(place)).collect::<Vec<_>>(),
            "mrnSettings": { "required": false, "unique": true },
            "membershipRestrictions": [{ "emailDomain": "example.org" }],
            "patientCount": { "total": self.size, "demo": 0, "plan": self.size },
            "createdTime": created, "updatedTime": created,
        }
    }

    /// The tags and the sites of a patient.
    fn labels(&self, number: u32) -> (Vec<ObjectId>, Vec<Document>) {
        let tags = (0..number % 3).map(|place| self.tag((number / 3 + place) % TAGS));
        let site = number.is_multiple_of(2).then(|| self.site(number % SITES));
        (tags.collect(), site.into_iter().collect())
    }

    fn patient(&self, number: u32, names: &Names) -> Document {
        // Who was enrolled one after the other is not so in the order of names.
        let mixed = number.wrapping_mul(2_654_435_761) ^ self.number;
        let account = format!("{:04x}{number:06x}", self.number);
        let created = DateTime::from_millis(CREATED_MS + i64::from(number));
        let (year, month, day) = (1940 + mixed % 80, 1 + mixed % 12, 1 + mixed % 28);
        let (tags, sites) = self.labels(number);
        let mut patient = doc! {
            "_id": ObjectId::new(), "clinicId": self.id(), "userId": &account,
            "fullName": names.of(number, mixed), "birthDate": format!("{year}-{month:02}-{day:02}"),
            "email": format!("p{account}@example.org"), "mrn": format!("MRN{number:07}"),
            "targetDevices": ["dexcom", "omnipod"], "requireUniqueMrn": true, "_ownMrn": true,
            "permissions": { "view": {}, "upload": {}, "note": {} },
            "createdTime": created, "updatedTime": created,
            "_lane": i32::try_from(number % LANES).unwrap(),
            "_version": i64::from(number / LANES + 1),
        };
        if self.is_summarized {
            patient.insert("summary", summary(&account, mixed));
        }
        for (name, labels) in [("tags", list(tags)), ("sites", list(sites))] {
            if !labels.is_empty() {
                patient.insert(name, labels);
            }
        }
        patient
    }

    fn tallies(&self) -> impl Iterator<Item = Document> {
        (0..LANES).map(|lane| {
            let mut total = 0_i64;
            let mut labels = [BTreeMap::new(), BTreeMap::new()];
            for number in (lane..self.size).step_by(LANES as usize) {
                total += 1;
                let (tags, sites) = self.labels(number);
                let sites = sites.iter().map(|site| site.get_object_id("id").unwrap());
                for (counts, ids) in labels.iter_mut().zip([tags, sites.collect()]) {
                    for id in ids {
                        *counts.entry(id.to_hex()).or_default() += 1_i64;
                    }
                }
            }
            let counts = |counts: BTreeMap<String, i64>| {
                let counts = counts.into_iter();
                counts.map(|(id, count)| (id, count.into())).collect()
            };
            let [tags, sites]: [Document; 2] = labels.map(counts);
            doc! {
                "_id": { "clinic": self.id(), "lane": i32::try_from(lane).unwrap() },
                "version": total, "total": total, "plan": total, "tags": tags, "sites": sites,
            }
        })
    }
}

/// A summary with everything that one has, of an account.
fn summary(account: &str, mixed: u32) -> Document {
    let hours = i64::from(mixed % (30 * 24));
    let last_data = DateTime::from_millis(CREATED_MS - hours * 3_600_000);
    let dates = doc! {
        "hasFirstData": true, "hasLastData": true, "hasLastUploadDate": true,
        "hasOutdatedSince": false, "firstData": DateTime::from_millis(0), "lastData": last_data,
        "lastUploadDate": last_data, "lastUpdatedDate": last_data,
        "lastUpdatedReason": ["UPLOAD_COMPLETED"],
    };
    let config = doc! {
        "schemaVersion": 5_i64, "highGlucoseThreshold": 10.0, "veryHighGlucoseThreshold": 13.9,
        "lowGlucoseThreshold": 3.9, "veryLowGlucoseThreshold": 3.0,
    };
    let part = |kind: &str, is_cgm: bool| {
        let periods = (0..).zip(PERIODS).map(|(place, name)| {
            let mixed = mixed.rotate_left(place);
            (name.to_owned(), period(mixed, is_cgm).into())
        });
        doc! {
            "id": format!("{kind}{account:0>22}"), "config": config.clone(), "dates": dates.clone(),
            "periods": periods.collect::<Document>(),
        }
    };
    doc! { "cgmStats": part("0c", true), "bgmStats": part("0b", false) }
}

/// The numbers of a period, fractions spread over what occurs.
fn period(mixed: u32, is_cgm: bool) -> Document {
    let mut period = Document::new();
    let mut state = mixed;
    let mut next = move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f64::from(state >> 8) / f64::from(1 << 24)
    };
    let mut add = |name: &str, scale: f64, is_whole: bool, is_flagged: bool| {
        for name in [name.to_owned(), format!("{name}Delta")] {
            let number = next() * scale;
            if is_whole {
                #[expect(clippy::cast_possible_truncation, reason = "it is small")]
                period.insert(name, number as i64);
            } else {
                period.insert(name, number);
            }
        }
        if is_flagged {
            let (first, rest) = name.split_at(1);
            period.insert(format!("has{}{rest}", first.to_uppercase()), true);
        }
    };
    let units: &[(&str, f64, bool)] = if is_cgm {
        &[
            ("Percent", 1.0, false),
            ("Records", 4_000.0, true),
            ("Minutes", 20_000.0, true),
        ]
    } else {
        &[("Percent", 1.0, false), ("Records", 100.0, true)]
    };
    for (unit, scale, is_whole) in units {
        for range in RANGES {
            // Few are low for long.
            let scale = if range.ends_with("Low") {
                scale / 20.0
            } else {
                *scale
            };
            add(&format!("timeIn{range}{unit}"), scale, *is_whole, true);
        }
        if is_cgm {
            add(&format!("timeCGMUse{unit}"), *scale, *is_whole, true);
        }
    }
    add("averageGlucoseMmol", 15.0, false, true);
    add("averageDailyRecords", 288.0, false, true);
    add("totalRecords", 4_000.0, true, true);
    add("min", 4.0, false, false);
    add("max", 22.0, false, false);
    add("daysWithData", 14.0, true, false);
    add("standardDeviation", 4.0, false, false);
    add("coefficientOfVariation", 0.5, false, false);
    if is_cgm {
        add("glucoseManagementIndicator", 9.0, false, true);
        add("hoursWithData", 336.0, true, false);
    }
    period
}

/// The id of the thing with this number, of one kind.
fn id(kind: u8, number: u32) -> ObjectId {
    let mut bytes = [0; 12];
    bytes[0] = kind;
    bytes[8..].copy_from_slice(&number.to_be_bytes());
    ObjectId::from_bytes(bytes)
}

fn list<T: Into<bson::Bson>>(items: Vec<T>) -> Vec<bson::Bson> {
    items.into_iter().map(Into::into).collect()
}
