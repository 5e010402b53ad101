//! Many change a clinic's patients at the same moment.

use std::cell::{Cell, RefCell};

use futures_util::future::{join, join_all};
use rand::RngExt as _;
use reqwest::Method;
use serde_json::{Value, json};
use shared_runtime::testing::send;

use crate::{
    many_patients::assert_counted,
    sites, tags,
    world::{CAROL, World, details, id_of},
};

const WRITERS: usize = 12;
/// Changes that each writer makes.
const CHANGES: usize = 15;
/// Accounts that share, so few that several writers want the same.
const SHARERS: usize = 6;

/// Somebody or something out of few.
fn one_of<T: Clone>(choices: &[T]) -> Option<T> {
    let last = choices.len().checked_sub(1)?;
    Some(choices[rand::rng().random_range(0..=last)].clone())
}

/// A clinic with labels, and the patients that were made.
struct Clinic<'a> {
    world: &'a World,
    id: String,
    tags: Vec<String>,
    sites: Vec<String>,
    patients: RefCell<Vec<String>>,
}

impl Clinic<'_> {
    fn path(&self, rest: &str) -> String {
        format!("/v1/clinics/{}{rest}", self.id)
    }

    fn patient(&self) -> String {
        let patients = one_of(&self.patients.borrow());
        // Nobody's account.
        patients.unwrap_or_else(|| "0000000000".to_owned())
    }

    /// What is said of a patient, with some of the labels.
    fn details(&self) -> Value {
        let mut patient = details("Finn");
        patient["tags"] = json!([one_of(&self.tags)]);
        patient["sites"] = json!([{ "id": one_of(&self.sites), "name": "x" }]);
        patient
    }

    /// Some change, and what may come of it.
    async fn change(&self, kind: usize) {
        let (carol, service) = (self.world.user(CAROL), self.world.service());
        let of_patient = self.path(&format!("/patients/{}", self.patient()));
        let (request, statuses): (_, &[u16]) = match kind {
            0 | 1 => {
                let request = carol.request(Method::POST, &self.path("/patients"));
                (request.json(&self.details()), &[200])
            }
            2 => {
                let sharer = format!("a{:09}", rand::rng().random_range(0..SHARERS));
                let path = self.path(&format!("/patients/{sharer}"));
                let request = service.request(Method::POST, &path);
                (request.json(&self.details()), &[200, 409])
            }
            3 | 4 => {
                let request = carol.request(Method::PUT, &of_patient);
                (request.json(&self.details()), &[200, 404])
            }
            5 => (carol.request(Method::DELETE, &of_patient), &[204, 404]),
            kind => {
                let change = ["assign_tag", "delete_tag"][kind % 2];
                let tag = one_of(&self.tags).unwrap();
                let path = self.path(&format!("/patients/{change}/{tag}"));
                let request = carol.request(Method::POST, &path);
                (request.json(&json!([self.patient()])), &[200])
            }
        };
        let answer = send(request).await;
        let (status, text) = (answer.status, answer.text());
        assert!(statuses.contains(&status), "{kind}: {status} {text}");
        if status == 200 && kind < 3 {
            self.patients.borrow_mut().push(id_of(&answer.json()));
        }
    }
}

#[actix_web::test]
async fn what_is_counted_is_there_at_any_moment() {
    let world = World::start().await;
    let id = world.clinic().await;
    for sharer in 0..SHARERS {
        world.user_api.has(&format!("a{sharer:09}"));
    }
    let (mut tags, mut sites) = (Vec::new(), Vec::new());
    for name in ["North", "South"] {
        tags.push(tags::create(&world, &id, name).await);
        sites.push(sites::create(&world, &id, name).await);
    }
    let clinic = Clinic {
        world: &world,
        id,
        tags,
        sites,
        patients: RefCell::default(),
    };

    let are_done = Cell::new(false);
    let changes = async {
        join_all((0..WRITERS).map(async |_| {
            for _ in 0..CHANGES {
                clinic.change(rand::rng().random_range(0..8)).await;
            }
        }))
        .await;
        are_done.set(true);
    };
    let looks = async {
        let mut looks = 0;
        while !are_done.get() {
            assert_counted(&world).await;
            looks += 1;
        }
        looks
    };
    let ((), looks) = join(changes, looks).await;

    assert!(looks > 1, "{looks}");
    assert_counted(&world).await;
    let (recounted, counted) = world.totals(&clinic.id).await;
    assert_eq!(counted, recounted);
    let path = clinic.path("/patient_count");
    let shown: Value = world.user(CAROL).get(&path).await.json();
    assert_eq!(shown["total"], recounted);
}
