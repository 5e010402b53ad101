//! `ETag` on reads, and replacements that depend on what is there.

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use shared_runtime::testing::{Answer, Person, send};
use tokio::join;

use crate::world::{World, assert_answer, assert_empty, assert_unauthorized};

const CLINIC: &str = "5f8f8f8f8f8f8f8f8f8f8f8f";
const PAIR: &str = "/access/alice/bob";
const ROUNDS: usize = 12;

type Headers<'a> = &'a [(&'a str, &'a str)];

async fn get(person: &Person, path: &str, headers: Headers<'_>) -> Answer {
    let mut request = person.request(Method::GET, path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    send(request).await
}

async fn post(person: &Person, path: &str, set: &Value, headers: Headers<'_>) -> Answer {
    let mut request = person.request(Method::POST, path).json(set);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    send(request).await
}

#[track_caller]
fn tag(answer: &Answer) -> String {
    let tag = answer.header("etag").expect("a tag").to_owned();
    assert!(tag.starts_with('"') && tag.ends_with('"'), "{tag}");
    tag
}

#[track_caller]
fn assert_unmet(answer: &Answer, current: Option<&str>) {
    let body = json!({
        "code": "PreconditionFailed",
        "message": "The permissions are not those that the request expects",
    });
    assert_answer(answer, 412, &body);
    assert_eq!(answer.header("etag"), current);
}

#[actix_web::test]
async fn the_tag_of_a_pair_changes_with_every_change() {
    let world = World::start().await;
    let (alice, service) = (world.user("alice"), world.service());
    let mut seen = Vec::new();
    let mut note = async |change: &str| {
        let answer = alice.get(PAIR).await;
        assert_eq!(answer.header("cache-control"), Some("private, no-cache"));
        let tag = tag(&answer);
        assert_eq!(alice.get(PAIR).await.header("etag"), Some(&*tag));
        assert!(!seen.contains(&tag), "{change}");
        seen.push(tag);
    };
    world
        .grant("alice", "bob", json!({"view": {}, "custodian": {}}))
        .await;
    note("granted").await;
    let offer = json!({"sharerId": "alice", "granteeId": "bob", "permissions": {"note": {}}});
    assert_eq!(service.put("/internal/grants/g", &offer).await.status, 200);
    note("accepted").await;
    let custodians = "/internal/users/alice/custodians";
    assert_eq!(service.delete(custodians).await.status, 204);
    note("claimed").await;
    world.work_for(CLINIC, "bob").await;
    world.treat(CLINIC, "alice", json!({"view": {}})).await;
    note("the clinic gives what is there already").await;
    world.grant("alice", "bob", json!({"note": {}})).await;
    note("what was granted twice is granted by the clinic alone").await;
    world.grant("alice", "bob", json!({})).await;
    note("nothing is granted directly").await;
}

#[actix_web::test]
async fn every_read_has_a_tag_and_tells_who_knows_it_nothing_new() {
    let world = World::start().await;
    world.grant("alice", "bob", json!({"view": {}})).await;
    let service = world.service();
    for (path, body) in [
        (PAIR, json!({"view": {}})),
        ("/access/alice/alice", json!({"root": {}})),
        (
            "/access/alice",
            json!({"alice": {"root": {}}, "bob": {"view": {}}}),
        ),
        (
            "/access/groups/bob",
            json!({"bob": {"root": {}}, "alice": {"view": {}}}),
        ),
    ] {
        let shown = service.get(path).await;
        assert_answer(&shown, 200, &body);
        let tag = tag(&shown);
        let weak = format!("W/{tag}");
        for known in ["*", &tag, &weak, &format!("\"other\", {tag}")] {
            let answer = get(&service, path, &[("if-none-match", known)]).await;
            assert_empty(&answer, 304);
            assert_eq!(answer.header("etag"), Some(&*tag), "{path} {known}");
        }
        for headers in [
            &[("if-none-match", "\"other\"")][..],
            &[("if-match", &tag)],
            &[("if-match", "*")],
        ] {
            assert_answer(&get(&service, path, headers).await, 200, &body);
        }
        let answer = get(&service, path, &[("if-match", &weak)]).await;
        assert_unmet(&answer, Some(&tag));
    }
    // Another member, another list.
    let before = tag(&service.get("/access/alice").await);
    world.grant("alice", "carol", json!({"view": {}})).await;
    assert_ne!(tag(&service.get("/access/alice").await), before);
    // What a caller may not see has no tag, and what is not there neither.
    let answer = get(&world.user("dave"), PAIR, &[("if-none-match", "*")]).await;
    assert_unauthorized(&answer);
    assert_eq!(answer.header("etag"), None);
    let answer = get(&service, "/access/alice/dave", &[("if-match", "*")]).await;
    assert_answer(&answer, 404, &json!({"code": "NotFound", "message": ""}));
    assert_eq!(answer.header("etag"), None);
}

#[actix_web::test]
async fn a_set_is_replaced_while_it_is_the_expected_one() {
    let world = World::start().await;
    let alice = world.user("alice");
    let view = json!({"view": {}});
    let note = json!({"note": {}});
    let anything = [("if-match", "*")];
    let nothing = [("if-none-match", "*")];
    assert_unmet(&post(&alice, PAIR, &view, &anything).await, None);
    assert_unmet(
        &post(&alice, PAIR, &view, &[("if-match", "\"x\"")]).await,
        None,
    );
    assert!(world.everything().await.is_empty());

    let first = post(&alice, PAIR, &view, &nothing).await;
    assert_answer(&first, 200, &view);
    let seen = tag(&first);
    assert_eq!(alice.get(PAIR).await.header("etag"), Some(&*seen));
    let weak = format!("W/{seen}");
    let before = world.everything().await;
    for headers in [
        &nothing[..],
        &[("if-none-match", &seen)],
        &[("if-none-match", &weak)],
        &[("if-match", &weak)],
        &[("if-match", "\"x\", \"y\"")],
        &[("if-match", &seen), ("if-none-match", "*")],
    ] {
        assert_unmet(&post(&alice, PAIR, &note, headers).await, Some(&seen));
    }
    assert_eq!(world.everything().await, before);

    let list = format!("\"x,\", {seen}");
    let second = post(&alice, PAIR, &note, &[("if-match", &list)]).await;
    assert_answer(&second, 200, &note);
    let now = tag(&second);
    assert_unmet(
        &post(&alice, PAIR, &view, &[("if-match", &seen)]).await,
        Some(&now),
    );
    // Two lines are one list.
    let lines = [("if-match", "\"x\""), ("if-match", &*now)];
    assert_answer(&post(&alice, PAIR, &view, &lines).await, 200, &view);
    let unlike = [("if-none-match", &*now), ("if-match", "*")];
    let removed = post(&alice, PAIR, &json!({}), &unlike).await;
    assert_answer(&removed, 200, &Value::Null);
    assert_eq!(removed.header("etag"), None);
    assert!(
        world
            .everything()
            .await
            .iter()
            .all(|document| document.get_str("userId").is_err())
    );
}

#[actix_web::test]
async fn what_clinics_gave_is_part_of_what_is_expected() {
    let world = World::start().await;
    world.work_for(CLINIC, "bob").await;
    world.treat(CLINIC, "alice", json!({"view": {}})).await;
    let alice = world.user("alice");
    let seen = tag(&alice.get(PAIR).await);
    let none = [("if-none-match", "*")];
    assert_unmet(
        &post(&alice, PAIR, &json!({"note": {}}), &none).await,
        Some(&seen),
    );
    let both = json!({"note": {}, "view": {}});
    let granted = post(&alice, PAIR, &json!({"note": {}}), &[("if-match", &seen)]).await;
    assert_answer(&granted, 200, &both);
    let path = format!("/internal/clinics/{CLINIC}/patients/alice");
    let more = json!({"revision": 2, "permissions": {"view": {}, "upload": {}}});
    assert_eq!(world.service().put(&path, &more).await.status, 204);
    let headers = [("if-match", &*tag(&granted))];
    let answer = post(&alice, PAIR, &json!({}), &headers).await;
    assert_unmet(&answer, Some(&tag(&alice.get(PAIR).await)));
}

#[actix_web::test]
async fn of_an_account_on_itself_the_tag_never_changes() {
    let world = World::start().await;
    let (alice, path) = (world.user("alice"), "/access/alice/alice");
    let root = json!({"root": {}});
    let seen = tag(&alice.get(path).await);
    let answer = post(&alice, path, &json!({}), &[("if-match", &seen)]).await;
    assert_answer(&answer, 200, &root);
    assert_eq!(tag(&answer), seen);
    for headers in [("if-none-match", "*"), ("if-match", "\"x\"")] {
        assert_unmet(
            &post(&alice, path, &json!({}), &[headers]).await,
            Some(&seen),
        );
    }
}

#[actix_web::test]
async fn what_is_refused_anyway_is_refused_as_ever() {
    let world = World::start().await;
    world.user_api.has_unreachable("child");
    world.user_api.has("bob");
    world.grant("child", "bob", json!({"admin": {}})).await;
    world.grant("child", "carol", json!({"view": {}})).await;
    let unmet = [("if-match", "\"x\"")];
    let (bob, carol) = (world.user("bob"), world.user("carol"));
    for (caller, path, set) in [
        (&carol, "/access/child/bob", json!({})),
        (&carol, "/access/child/carol", json!({"edit": {}})),
        (&world.user("dave"), "/access/child/dave", json!({})),
    ] {
        assert_unauthorized(&post(caller, path, &set, &unmet).await);
    }
    let last = json!({"code": 403, "reason": "Cannot remove the last admin of an account that has no login or recovery capability"});
    let answer = post(&bob, "/access/child/bob", &json!({}), &unmet).await;
    assert_answer(&answer, 403, &last);
    assert_eq!(
        post(&bob, "/access/child/bob", &json!({"x": {}}), &unmet)
            .await
            .status,
        400
    );
    // A grantee gives up a part of the set that it has seen, and all of it.
    let own = "/access/child/carol";
    assert_eq!(post(&carol, own, &json!({}), &unmet).await.status, 412);
    let seen = tag(&carol.get(own).await);
    for set in [json!({"view": {}}), json!({})] {
        let answer = post(&carol, own, &set, &[("if-match", &seen)]).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
}

#[actix_web::test]
async fn what_is_no_condition_is_told() {
    let world = World::start().await;
    world.grant("alice", "bob", json!({"view": {}})).await;
    let before = world.everything().await;
    let alice = world.user("alice");
    let body = json!({
        "code": "InvalidContent",
        "message": "Invalid If-Match or If-None-Match: expected * or a list of entity tags",
    });
    for name in ["if-match", "if-none-match"] {
        for value in ["x", "\"x", "", ",", "*, \"x\"", "\"a b\"", "w/\"x\""] {
            let headers = [(name, value)];
            let answer = post(&alice, PAIR, &json!({}), &headers).await;
            assert_answer(&answer, 400, &body);
            for path in [PAIR, "/access/alice", "/access/groups/alice"] {
                assert_answer(&get(&alice, path, &headers).await, 400, &body);
            }
        }
    }
    assert_eq!(world.everything().await, before);
}

/// Asserts that of writers at the same moment, who all expect the same, one writes.
async fn one_wins(world: &World, path: &str, sets: &[Value], headers: Headers<'_>) {
    let (alice, service) = (world.user("alice"), world.service());
    let writes = sets.iter().enumerate().map(|(index, set)| {
        let writer = if index % 2 == 0 { &alice } else { &service };
        post(writer, path, set, headers)
    });
    let answers = join_all(writes).await;
    let is_done = |answer: &&Answer| answer.status == 200;
    assert_eq!(answers.iter().filter(is_done).count(), 1, "{path}");
    let stored = service.get(path).await;
    for (answer, set) in answers.iter().zip(sets) {
        if answer.status == 200 {
            assert_answer(&stored, 200, set);
            assert_eq!(tag(answer), tag(&stored));
        } else {
            assert_unmet(answer, Some(&tag(&stored)));
        }
    }
}

#[actix_web::test]
async fn of_many_who_saw_the_same_set_one_wins() {
    let world = World::start().await;
    for round in 0..ROUNDS {
        let path = format!("/access/alice/bob{round}");
        let sets: Vec<Value> = (0..8)
            .map(|writer| match (round + writer) % 4 {
                // Some change who runs the account.
                0 => json!({"admin": {"n": writer}}),
                1 => json!({"custodian": {}, "view": {"n": writer}}),
                _ => json!({"view": {"n": writer}}),
            })
            .collect();
        one_wins(&world, &path, &sets, &[("if-none-match", "*")]).await;
        let seen = tag(&world.service().get(&path).await);
        let sets: Vec<Value> = (10..18).map(|n| json!({"note": {"n": n}})).collect();
        one_wins(&world, &path, &sets, &[("if-match", &seen)]).await;
    }
}

#[actix_web::test]
async fn who_repeats_what_it_read_loses_nothing() {
    const WRITERS: usize = 6;
    const TIMES: usize = 8;
    let world = World::start().await;
    world.grant("alice", "bob", json!({"view": {"n": 0}})).await;
    let service = world.service();
    let count = async |times: usize| {
        let mut done = 0;
        while done < times {
            let seen = service.get(PAIR).await;
            let mut set: Value = seen.json();
            let counted = set["view"]["n"].as_u64().unwrap() + 1;
            set["view"]["n"] = counted.into();
            let answer = post(&service, PAIR, &set, &[("if-match", &tag(&seen))]).await;
            assert!(matches!(answer.status, 200 | 412), "{}", answer.text());
            done += usize::from(answer.status == 200);
        }
    };
    // Accepted offers come in between.
    let accept = async {
        for number in 0..TIMES {
            let name = ["note", "upload", "edit", "follow"][number % 4];
            let offer = json!({"sharerId": "alice", "granteeId": "bob", "permissions": {name: {}}});
            let path = format!("/internal/grants/g{number}");
            assert_eq!(service.put(&path, &offer).await.status, 200);
        }
    };
    join!(join_all((0..WRITERS).map(|_| count(TIMES))), accept);
    let counted = json!({
        "edit": {}, "follow": {}, "note": {}, "upload": {}, "view": {"n": WRITERS * TIMES},
    });
    assert_answer(&service.get(PAIR).await, 200, &counted);
}

#[actix_web::test]
async fn who_expects_nothing_in_particular_is_in_nobodys_way() {
    let world = World::start().await;
    let (alice, service) = (world.user("alice"), world.service());
    for round in 0..ROUNDS {
        let path = format!("/access/alice/bob{round}");
        let none = [("if-none-match", "*")];
        let (first, any) = (json!({"view": {}}), json!({"note": {}}));
        let (conditional, plain) = join!(
            post(&alice, &path, &first, &none),
            service.post(&path, &any)
        );
        assert_eq!(plain.status, 200, "round {round}");
        assert!(matches!(conditional.status, 200 | 412), "round {round}");
        // The one without a condition came last, or the other found it there.
        assert_answer(&service.get(&path).await, 200, &any);
    }
}
