//! A part of `cargo xtask bench`: a clinic of 10,000 patients and one of 100,000, and 200,000
//! patients of other clinics, as the service stores them.
//!
//! `seed_clinics URI`; the database is that of the default settings of clinic, which has to be
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
const BATCH: usize = 5_000;
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
    let uri = env::args().nth(1).expect("seed_clinics URI");
    let options = ClientOptions::parse(&uri).await.unwrap();
    let database = Client::with_options(options).unwrap().database("clinic");
    let sizes = SIZES.into_iter().chain([PATIENTS_OF_OTHERS; OTHERS]);
    let clinics: Vec<Clinic> = sizes
        .zip(1..)
        .map(|(size, number)| Clinic { number, size })
        .collect();
    let documents = clinics.iter().map(Clinic::document);
    store(&database.collection("clinics"), documents).await;
    let names = Names {
        first: FIRST_NAMES.split(' ').collect(),
        second: SECOND_NAMES.split(' ').collect(),
        last: SURNAMES.split(' ').collect(),
    };
    let patients = clinics
        .iter()
        .flat_map(|clinic| (0..clinic.size).map(|number| clinic.patient(number, &names)));
    store(&database.collection("patients"), patients).await;
    let tallies = clinics.iter().flat_map(Clinic::tallies);
    store(&database.collection("tallies"), tallies).await;
}

async fn store(collection: &Collection<Document>, documents: impl Iterator<Item = Document>) {
    let mut documents = documents.peekable();
    while documents.peek().is_some() {
        let batch = documents.by_ref().take(BATCH);
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
