//! Random lists of random patients, against a model that knows no database.

use std::{cmp::Ordering, collections::BTreeMap, fmt};

use bson::{Bson, DateTime, Document, doc, oid::ObjectId};
use rand::{Rng, RngExt as _, SeedableRng, rngs::StdRng};
use reqwest::Url;
use serde_json::Value;

use crate::{
    random_patients::{KEPT, NAMES, PERIODS, numbers, one, patient, some_of, time},
    world::{CAROL, World},
};

const PATIENTS: usize = 70;
const LISTS: usize = 250;
const SEARCHES: [&str; 10] = [
    "a", "ÁN", "an", "ÉM", "e", ".b)", "2001-0", "M-1", "@Example", "zzz",
];
/// What stands at `path`.
fn at<'a>(document: &'a Document, path: &[&str]) -> Option<&'a Bson> {
    let (first, rest) = path.split_first()?;
    let value = document.get(first)?;
    if rest.is_empty() {
        return Some(value);
    }
    at(value.as_document()?, rest)
}

fn number(value: &Bson) -> Option<f64> {
    match value {
        Bson::Int32(number) => Some(f64::from(*number)),
        Bson::Double(number) => Some(*number),
        _ => None,
    }
}

fn reviewed(patient: &Document) -> Option<f64> {
    let newest = patient.get_array("reviews").ok()?.first()?;
    let time = newest.as_document()?.get_datetime("time").ok()?;
    Some(millis(*time))
}

fn millis(time: DateTime) -> f64 {
    let millis = i32::try_from((time.timestamp_millis() - 1_700_000_000_000) / 1_000);
    f64::from(millis.unwrap())
}

fn text<'a>(patient: &'a Document, name: &str) -> Option<&'a str> {
    patient.get_str(name).ok()
}

/// Whether a patient is one that a list should show.
type Rule = Box<dyn Fn(&Document) -> bool>;
/// Which of two patients comes first.
type Order = Box<dyn Fn(&Document, &Document) -> Ordering>;
/// What patients are sorted by.
type Key = Box<dyn Fn(&Document) -> Option<f64>>;

/// A list that is asked for, with whom it should show.
#[derive(Default)]
struct List {
    parameters: BTreeMap<String, String>,
    /// What must hold for each.
    rules: Vec<Rule>,
    /// Whether it is made from memory.
    is_kept: bool,
}

impl List {
    fn ask(
        &mut self,
        name: &str,
        value: impl fmt::Display,
        rule: impl Fn(&Document) -> bool + 'static,
    ) {
        self.parameters.insert(name.to_owned(), value.to_string());
        self.rules.push(Box::new(rule));
    }

    fn random(rng: &mut impl Rng, tags: &[ObjectId], sites: &[ObjectId]) -> Self {
        let mut list = Self {
            is_kept: rng.random_bool(0.3),
            ..Self::default()
        };
        if list.is_kept {
            list.ask_for_tags(rng, tags);
            list.ask_for_summaries(rng);
            return list;
        }
        if rng.random_bool(0.3) {
            let part = *one(rng, &SEARCHES);
            let folded = part.to_lowercase();
            list.ask("search", part, move |patient| {
                let names = ["fullName", "email", "mrn", "birthDate"];
                let mut texts = names.iter().filter_map(|name| text(patient, name));
                texts.any(|text| text.to_lowercase().contains(&folded))
            });
        }
        list.ask_for_tags(rng, tags);
        list.ask_for_sites(rng, sites);
        if rng.random_bool(0.2) {
            let is_asked = rng.random_bool(0.8);
            list.ask("omitNonStandardRanges", is_asked, move |patient| {
                let preset = at(patient, &["glycemicRanges", "preset"]).and_then(Bson::as_str);
                !is_asked
                    || preset == Some("adaStandard")
                    || !patient.contains_key("glycemicRanges")
            });
        }
        if rng.random_bool(0.2) {
            let until = time(rng);
            let text = until.try_to_rfc3339_string().unwrap();
            list.ask("lastReviewed", text, move |patient| {
                reviewed(patient).is_some_and(|time| time <= millis(until))
            });
        }
        list.ask_for_summaries(rng);
        list
    }

    fn ask_for_tags(&mut self, rng: &mut impl Rng, tags: &[ObjectId]) {
        if rng.random_bool(0.3) {
            let wanted = some_of(rng, &tags[..2]);
            self.ask("tags", joined(&wanted), move |patient| {
                let tags = patient
                    .get_array("tags")
                    .map(Vec::as_slice)
                    .unwrap_or_default();
                let has_all = wanted.iter().all(|tag| tags.contains(&Bson::from(*tag)));
                if wanted.is_empty() {
                    tags.is_empty()
                } else {
                    has_all
                }
            });
        }
    }

    fn ask_for_sites(&mut self, rng: &mut impl Rng, sites: &[ObjectId]) {
        if rng.random_bool(0.3) {
            let wanted = some_of(rng, &sites[..2]);
            self.ask("sites", joined(&wanted), move |patient| {
                let sites = patient
                    .get_array("sites")
                    .map(Vec::as_slice)
                    .unwrap_or_default();
                let id = |site: &Bson| {
                    site.as_document()
                        .and_then(|it| it.get_object_id("id").ok())
                };
                let is_of_one = sites.iter().filter_map(id).any(|id| wanted.contains(&id));
                if wanted.is_empty() {
                    sites.is_empty()
                } else {
                    is_of_one
                }
            });
        }
    }

    /// A number of the summary to be asked for, and whether it is a whole one.
    fn number(&self, rng: &mut impl Rng, kind: &str) -> (String, bool) {
        if self.is_kept {
            return ((*one(rng, &KEPT)).to_owned(), false);
        }
        let (whole, floats) = numbers(kind);
        let is_whole = rng.random_bool(0.5);
        let mut name = one(rng, if is_whole { &whole } else { &floats }).clone();
        if rng.random_bool(0.3) {
            name.push_str("Delta");
        }
        (name, is_whole)
    }

    /// The kinds of data that are asked about.
    fn kinds(&self) -> &'static [&'static str] {
        if self.is_kept {
            &["cgm"]
        } else {
            &["cgm", "bgm"]
        }
    }

    fn ask_for_summaries(&mut self, rng: &mut impl Rng) {
        if rng.random_bool(0.7) {
            let period = *one(rng, &PERIODS);
            self.ask("period", period, |_| true);
        }
        for _ in 0..rng.random_range(0..3) {
            let (kind, period) = (*one(rng, self.kinds()), self.period());
            let (name, is_whole) = self.number(rng, kind);
            let bound = if is_whole {
                f64::from(rng.random_range(-3..10))
            } else {
                f64::from(rng.random_range(-4..40)) / 4.0
            };
            let side = *one(rng, &[">", ">=", "<", "<="]);
            let stats = format!("{kind}Stats");
            let parameter = format!("{kind}.{name}");
            if self.parameters.contains_key(&parameter) {
                // A bound may be asked for once.
                continue;
            }
            self.ask(&parameter, format!("{side}{bound}"), move |patient| {
                let path = ["summary", &stats, "periods", &period, &name];
                let value = at(patient, &path).and_then(number);
                value.is_some_and(|value| match side {
                    ">" => value > bound,
                    ">=" => value >= bound,
                    "<" => value < bound,
                    _ => value <= bound,
                })
            });
        }
        for kind in self.kinds() {
            if rng.random_bool(0.1) {
                let (from, to) = (time(rng), time(rng));
                let written = |time: DateTime| time.try_to_rfc3339_string().unwrap();
                let path = ["summary", &format!("{kind}Stats"), "dates", "lastData"];
                let path = path.map(str::to_owned);
                self.ask(&format!("{kind}.lastDataFrom"), written(from), |_| true);
                self.ask(&format!("{kind}.lastDataTo"), written(to), move |patient| {
                    let path = path.each_ref().map(String::as_str);
                    let time = at(patient, &path).and_then(Bson::as_datetime);
                    time.is_some_and(|time| (from..to).contains(time))
                });
            }
        }
    }

    fn period(&self) -> String {
        let period = self.parameters.get("period");
        period.map_or("14d", String::as_str).to_owned()
    }

    /// Asks for an order; returns it.
    fn sort(&mut self, rng: &mut impl Rng) -> Order {
        if !self.is_kept && rng.random_bool(0.2) {
            return Box::new(by_name);
        }
        let kind = *one(rng, self.kinds());
        let (whole, floats) = numbers(kind);
        let attributes: Vec<String> = if self.is_kept {
            KEPT.map(str::to_owned).into()
        } else if rng.random_bool(0.4) {
            let others = [
                "fullName",
                "birthDate",
                "lastReviewed",
                "lastUploadDate",
                "lastData",
                "firstData",
                "outdatedSince",
            ];
            others.map(str::to_owned).into()
        } else {
            let names = whole.into_iter().chain(floats);
            names
                .flat_map(|name| [format!("{name}Delta"), name])
                .collect()
        };
        let attribute = one(rng, &attributes).clone();
        let is_descending = rng.random_bool(0.5);
        let sign = if is_descending { '-' } else { '+' };
        self.ask("sort", format!("{sign}{attribute}"), |_| true);
        self.ask("sortType", kind, |_| true);
        let directed = move |order: Ordering| {
            if is_descending {
                order.reverse()
            } else {
                order
            }
        };
        match attribute.as_str() {
            "fullName" => Box::new(move |a, b| directed(by_name(a, b))),
            "birthDate" => {
                Box::new(move |a, b| directed(text(a, "birthDate").cmp(&text(b, "birthDate"))))
            }
            _ => {
                let key = key(&attribute, kind, &self.period());
                Box::new(move |a, b| match (key(a), key(b)) {
                    (Some(a), Some(b)) => directed(a.total_cmp(&b)),
                    (a, b) => a.is_none().cmp(&b.is_none()),
                })
            }
        }
    }
}

/// A list of ids, with one that is none.
fn joined(ids: &[ObjectId]) -> String {
    let mut ids: Vec<String> = ids.iter().map(|id| id.to_hex()).collect();
    ids.push("none".to_owned());
    ids.join(",")
}

fn by_name(a: &Document, b: &Document) -> Ordering {
    let place = |patient: &Document| {
        let name = text(patient, "fullName");
        let known = NAMES.iter().find(|(known, _)| Some(*known) == name);
        known.unwrap().1
    };
    place(a).cmp(&place(b))
}

fn key(attribute: &str, kind: &str, period: &str) -> Key {
    if attribute == "lastReviewed" {
        return Box::new(reviewed);
    }
    let is_time = ["lastUploadDate", "lastData", "firstData", "outdatedSince"].contains(&attribute);
    let stats = format!("{kind}Stats");
    let (period, attribute) = (period.to_owned(), attribute.to_owned());
    Box::new(move |patient| {
        if is_time {
            let value = at(patient, &["summary", &stats, "dates", &attribute])?;
            return Some(millis(*value.as_datetime()?));
        }
        number(at(
            patient,
            &["summary", &stats, "periods", &period, &attribute],
        )?)
    })
}

/// A clinic whose patients are stored, all but every third or all of them counted.
async fn clinic_with(world: &World, patients: &[Document], are_all_counted: bool) -> String {
    let clinic = world.clinic().await;
    let id = ObjectId::parse_str(&clinic).unwrap();
    let mut stored = patients.to_vec();
    for (number, patient) in stored.iter_mut().enumerate() {
        patient.insert("_id", ObjectId::new());
        patient.insert("clinicId", id);
        if are_all_counted || number % 3 > 0 {
            patient.extend(doc! { "_lane": 1, "_version": i64::try_from(number).unwrap() });
        }
    }
    let counted = stored.iter().filter(|it| it.contains_key("_lane")).count();
    let total = i64::try_from(counted).unwrap();
    let tally = doc! { "_id": { "clinic": id, "lane": 1 }, "version": 1_000_i64, "total": total };
    world.collection("tallies").insert_one(tally).await.unwrap();
    // In another order than that of their ids.
    stored.reverse();
    let collection = world.collection("patients");
    collection.insert_many(stored).await.unwrap();
    clinic
}

#[actix_web::test]
async fn every_list_is_what_a_plain_model_makes_of_it() {
    let seed = rand::rng().random::<u64>();
    let mut rng = StdRng::seed_from_u64(seed);
    let world = World::start().await;
    let ids = [(); 3].map(|()| ObjectId::new());
    let (tags, sites) = (ids, [(); 3].map(|()| ObjectId::new()));
    let patients: Vec<Document> = (0..PATIENTS)
        .map(|number| patient(&mut rng, number, &tags, &sites))
        .collect();
    let clinics = [
        clinic_with(&world, &patients, false).await,
        clinic_with(&world, &patients, true).await,
    ];
    let carol = world.user(CAROL);
    for _ in 0..LISTS {
        let mut list = List::random(&mut rng, &tags, &sites);
        let order = list.sort(&mut rng);
        let (offset, limit) = (rng.random_range(0..20), rng.random_range(1..PATIENTS));
        list.parameters
            .insert("offset".to_owned(), offset.to_string());
        list.parameters
            .insert("limit".to_owned(), limit.to_string());
        let clinic = one(&mut rng, &clinics);
        let url = format!("http://host/v1/clinics/{clinic}/patients");
        let url = Url::parse_with_params(&url, &list.parameters).unwrap();
        let path = format!("{}?{}", url.path(), url.query().unwrap());
        let what = format!("seed {seed}: {:?}", list.parameters);

        let is_admitted = |patient: &&Document| list.rules.iter().all(|rule| rule(patient));
        let mut wanted: Vec<&Document> = patients.iter().filter(is_admitted).collect();
        wanted.sort_by(|a, b| order(a, b));
        let count = wanted.len();
        let shown = wanted.into_iter().skip(offset).take(limit);
        let wanted: Vec<&str> = shown.filter_map(|it| text(it, "userId")).collect();
        let answer = carol.get(&path).await;
        assert_eq!(answer.status, 200, "{what}: {}", answer.text());
        let answer: Value = answer.json();
        let shown = answer["data"].as_array().unwrap().iter();
        let shown: Vec<&str> = shown.map(|it| it["id"].as_str().unwrap()).collect();
        assert_eq!(shown, wanted, "{what}");
        assert_eq!(answer["meta"]["count"], count, "{what}");
        assert_eq!(answer["meta"]["totalCount"], PATIENTS, "{what}");
    }
}
