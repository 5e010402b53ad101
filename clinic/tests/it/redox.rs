//! Hospital records send messages.

use bson::{Bson, Document, doc};
use futures_util::{TryStreamExt, future::join_all};
use reqwest::Method;
use serde_json::{Value, json};
use shared_runtime::testing::{Answer, send, send_raw};

use crate::{
    hospital::{SOURCE, TOKEN, deliver, deliver_raw, order, receiving, stored},
    world::{World, assert_answer, assert_refused},
};

fn ana(number: i64) -> Value {
    order(number, "ENABLE-1", ("Ana", "Elm"), "2001-02-03", "MRN-1")
}

async fn count(world: &World, collection: &str) -> u64 {
    let collection = world.collection(collection);
    collection.count_documents(doc! {}).await.unwrap()
}

async fn quarantine(world: &World) -> Vec<Value> {
    let operator = world.service_called("operator");
    let answer = operator.get("/internal/redox/quarantine?limit=100").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

#[actix_web::test]
async fn whoever_shows_no_token_is_refused_and_without_a_setting_everybody_is() {
    let required = "unauthorized: verification token is required";
    let invalid = "unauthorized: invalid verification token";
    let world = World::start_with(|config| {
        config.redox.verification_token = Some(TOKEN.into());
        config.redox.previous_verification_token = Some("the-old-token".into());
    })
    .await;
    let closed =
        World::start_with(|config| config.redox.verification_token = Some("".into())).await;
    let body = ana(1).to_string();
    let ask = async |world: &World, headers: &[(&str, &str)]| {
        let mut request = world.anonymous().request(Method::POST, "/v1/redox");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        send(request.body(body.clone())).await
    };
    for headers in [
        &[][..],
        &[("verification-token", "")],
        &[("authorization", "Basic x")],
    ] {
        assert_refused(&ask(&world, headers).await, 401, required);
        assert_refused(&ask(&closed, headers).await, 401, required);
    }
    let service = world.service();
    assert_refused(&service.post("/v1/redox", &ana(1)).await, 401, required);
    for headers in [
        &[("verification-token", "x")][..],
        &[("authorization", "Bearer x")],
        &[("verification-token", TOKEN), ("authorization", "Bearer x")],
    ] {
        assert_refused(&ask(&world, headers).await, 401, invalid);
        assert_refused(&ask(&closed, headers).await, 401, invalid);
    }
    assert_refused(
        &ask(&closed, &[("verification-token", TOKEN)]).await,
        401,
        invalid,
    );
    assert_eq!(count(&world, "redox").await, 0);
    // Before the body, even one that is too long.
    let long = "x".repeat((10 << 20) + 1);
    let answer = send_raw(&world.anonymous(), Method::POST, "/v1/redox", long).await;
    assert_refused(&answer, 401, required);
    let bearer = format!("Bearer {TOKEN}");
    for headers in [
        &[("verification-token", TOKEN)][..],
        &[("verification-token", "the-old-token")],
        &[("authorization", bearer.as_str())],
        &[("verification-token", TOKEN), ("authorization", &bearer)],
    ] {
        let answer = ask(&world, headers).await;
        assert_eq!((answer.status, answer.text()), (200, ""));
    }
    assert_eq!(count(&world, "redox").await, 1);
}

#[actix_web::test]
async fn the_challenge_comes_back_to_whoever_knows_the_token() {
    let world = receiving().await;
    let path = "/v1/redox/verify";
    let ask = async |world: &World, body: &Value| world.anonymous().post(path, body).await;
    let known = json!({ "verification-token": TOKEN, "challenge": "c <1>" });
    let answer = ask(&world, &known).await;
    assert_answer(&answer, 200, &json!({ "challenge": "c <1>" }));
    let answer = ask(&world, &json!({ "verification-token": TOKEN })).await;
    assert_answer(&answer, 200, &json!({ "challenge": "" }));
    let invalid = "unauthorized: invalid verification token";
    for body in [
        json!({ "verification-token": "x", "challenge": "c" }),
        json!({ "verification-token": "", "challenge": "c" }),
        json!({ "challenge": "c" }),
    ] {
        assert_refused(&ask(&world, &body).await, 401, invalid);
    }
    let post = || world.anonymous().request(Method::POST, path);
    let answer = send(post().body(known.to_string())).await;
    assert_refused(&answer, 415, "Unsupported Media Type");
    let json = || post().header("content-type", "application/json; charset=utf-8");
    for body in [
        "",
        "{",
        "[]",
        "{\"verification-token\":1}",
        "{\"challenge\":null}",
    ] {
        let answer = send(json().body(body)).await;
        assert_eq!(answer.status, 400, "{body}: {}", answer.text());
    }
    let by_header = json().header("authorization", format!("Bearer {TOKEN}"));
    let answer = send(by_header.body("{\"challenge\":\"c\"}")).await;
    assert_answer(&answer, 200, &json!({ "challenge": "c" }));
    let both = json().header("authorization", "Bearer x");
    assert_refused(&send(both.body(known.to_string())).await, 401, invalid);
    let get = async |query: String| world.anonymous().get(&format!("{path}{query}")).await;
    let answer = get(format!("?verification-token={TOKEN}&challenge=a%20b")).await;
    assert_answer(&answer, 200, &json!({ "challenge": "a b" }));
    assert_refused(&get("?challenge=a".to_owned()).await, 401, invalid);
    assert_refused(&get(String::new()).await, 401, invalid);
    assert_refused(
        &get("?verification-token=&challenge=a".to_owned()).await,
        401,
        invalid,
    );
    let closed = World::start().await;
    for body in [known, json!({ "verification-token": "" }), json!({})] {
        assert_refused(&ask(&closed, &body).await, 401, invalid);
    }
}

#[actix_web::test]
async fn a_message_is_stored_as_it_came() {
    let world = receiving().await;
    let mut message = ana(7);
    message["Meta"]["Test"] = json!(true);
    message["Numbers"] = json!([1, -1, 2_147_483_648_i64, 1.0, { "$numberLong": "5" }]);
    message["Odd"] = json!({ "$price": 1, "a.b": { "$oid": "5f8f8f8f8f8f8f8f8f8f8f8f" } });
    assert_eq!(deliver(&world, &message).await.status, 200);
    let stored = stored(&world, 7).await;
    let meta = stored.get_document("meta").unwrap();
    assert_eq!(
        *meta,
        doc! {
            "DataModel": "Order", "EventType": "New", "EventDateTime": "2030-02-03T10:20:30.000Z",
            "FacilityCode": null, "Test": true,
            "Destinations": [{ "ID": "d", "Name": "Example Destination" }],
            "Logs": [{ "ID": "log-7", "AttemptID": "try-1" }],
            "Message": { "ID": 7 },
            "Source": { "ID": SOURCE, "Name": "Example EHR" },
        }
    );
    let whole = stored.get_document("message").unwrap();
    let numbers = [
        Bson::Int32(1),
        Bson::Int32(-1),
        Bson::Int64(2_147_483_648),
        Bson::Double(1.0),
        Bson::Int64(5),
    ];
    assert_eq!(*whole.get_array("Numbers").unwrap(), numbers);
    let odd = whole.get_document("Odd").unwrap();
    assert!(odd.get_object_id("a.b").is_ok());
    // Of whatever kind.
    let other = json!({ "meta": { "datamodel": "Results", "eventtype": "Replace" } });
    assert_eq!(deliver(&world, &other).await.status, 200);
    let others = world.collection("redox");
    let stored = others.find_one(doc! { "meta.DataModel": "Results" }).await;
    let stored = stored.unwrap().unwrap();
    assert_eq!(
        *stored.get_document("meta").unwrap(),
        doc! {
            "DataModel": "Results", "EventType": "Replace", "EventDateTime": null,
            "FacilityCode": null, "Test": null,
        }
    );
}

#[actix_web::test]
async fn a_message_is_stored_once_however_often_and_at_once_it_comes() {
    let world = receiving().await;
    let by_log = |number: i64| {
        let mut message = ana(number);
        message["Meta"].as_object_mut().unwrap().remove("Message");
        message
    };
    let by_body = |number: i64| {
        let mut message = by_log(number);
        message["Meta"].as_object_mut().unwrap().remove("Logs");
        message["Order"]["ID"] = json!(number.to_string());
        message
    };
    let elsewhere = |number: i64| {
        let mut message = ana(number);
        message["Meta"]["Source"]["ID"] = json!("another");
        message
    };
    let mut messages = Vec::new();
    for number in 0..5 {
        let mut repeat = ana(number);
        repeat["Meta"]["Logs"][0]["AttemptID"] = json!("try-2");
        messages.extend([ana(number), repeat, elsewhere(number)]);
        messages.extend([by_log(number + 100), by_body(number), by_body(number)]);
    }
    let all = messages.iter().cycle().take(4 * messages.len());
    let answers = join_all(all.map(async |message| deliver(&world, message).await)).await;
    for answer in answers {
        assert_eq!((answer.status, answer.text()), (200, ""));
    }
    assert_eq!(count(&world, "redox").await, 20);
    let messages = world.collection("redox");
    let of_source = messages.find(doc! { "_source": SOURCE });
    let stored: Vec<Document> = of_source.await.unwrap().try_collect().await.unwrap();
    let mut places: Vec<i64> = stored
        .iter()
        .map(|message| message.get_i64("_sequence").unwrap())
        .collect();
    places.sort_unstable();
    assert_eq!(places, (1..=15).collect::<Vec<_>>());
}

#[actix_web::test]
async fn what_the_reference_stored_is_not_stored_again() {
    let world = receiving().await;
    assert_eq!(deliver(&world, &ana(1)).await.status, 200);
    let messages = world.collection("redox");
    let own = doc! { "$unset": { "_source": "", "_key": "", "_sequence": "" } };
    messages.update_many(doc! {}, own).await.unwrap();
    assert_eq!(deliver(&world, &ana(1)).await.status, 200);
    assert_eq!(count(&world, "redox").await, 1);
    assert_eq!(deliver(&world, &ana(2)).await.status, 200);
    assert_eq!(count(&world, "redox").await, 2);
}

/// Bodies that cannot be understood, with a part of the reason and what the reference would say.
fn odd_bodies() -> Vec<(Vec<u8>, &'static str, &'static str)> {
    let meta = "bad request: cannot process message with invalid metadata";
    let body = "request body has an error: ";
    let content = "bad request: unable to unmarshall message";
    let mut bodies: Vec<(Vec<u8>, _, _)> = vec![
        (Vec::new(), "it is not JSON", body),
        (b"{".to_vec(), "it is not JSON", body),
        (b"\"\xff\"".to_vec(), "it is not JSON", body),
        (b"[]".to_vec(), "it is no object", body),
        (b"null".to_vec(), "it is no object", body),
        ("[".repeat(100_000).into_bytes(), "nests more than", body),
    ];
    let mut add = |message: Value, reason, says| {
        bodies.push((message.to_string().into_bytes(), reason, says));
    };
    add(json!({}), "Meta is missing", meta);
    add(
        json!({ "Meta": { "DataModel": "Order" } }),
        "Meta.EventType is missing",
        meta,
    );
    let mut message = ana(1);
    message["Meta"]["Message"]["ID"] = json!("7");
    add(message, "Meta.Message.ID is no number", meta);
    let mut message = ana(1);
    message["Patient"]["Id"] = json!({ "$oid": "x" });
    add(message, "extended JSON", content);
    let mut message = ana(1);
    message["Number"] = json!(u64::MAX);
    add(message, "a number is too large", content);
    bodies
}

#[actix_web::test]
async fn what_cannot_be_understood_is_kept_apart_with_the_reason() {
    let world = receiving().await;
    let bodies = odd_bodies();
    for _ in 0..2 {
        let all = bodies.iter().map(|(body, ..)| body.clone());
        let anonymous = world.anonymous();
        let answers = all.map(async |body| deliver_raw(&anonymous, body).await);
        for answer in join_all(answers).await {
            assert_eq!((answer.status, answer.text()), (200, ""));
        }
    }
    assert_eq!(count(&world, "redox").await, 0);
    let kept = quarantine(&world).await;
    assert_eq!(kept.len(), bodies.len());
    for (body, reason, _) in &bodies {
        let is_same = |kept: &&Value| {
            kept["size"] == body.len() && kept["reason"].as_str().unwrap().contains(reason)
        };
        let kept = kept.iter().find(is_same).unwrap();
        assert_eq!(kept["times"], 2, "{reason}");
        assert!(kept.get("body").is_none());
        let path = format!(
            "/internal/redox/quarantine/{}",
            kept["id"].as_str().unwrap()
        );
        let operator = world.service_called("operator");
        let whole: Value = operator.get(&path).await.json();
        assert_eq!(whole["body"], *String::from_utf8_lossy(body), "{reason}");
        // It cannot be understood still.
        let answer = operator.post(&format!("{path}/replay"), &Value::Null).await;
        let replayed: Value = answer.json();
        assert_eq!(replayed["isStored"], false, "{reason}");
        assert!(replayed["reason"].as_str().unwrap().contains(reason));
    }
    assert_eq!(quarantine(&world).await.len(), bodies.len());
}

#[actix_web::test]
async fn what_can_be_understood_later_leaves_the_quarantine() {
    let world = receiving().await;
    assert_eq!(deliver_raw(&world.anonymous(), "{}").await.status, 200);
    // As if an earlier release had not understood it.
    let body = bson::Binary {
        subtype: bson::spec::BinarySubtype::Generic,
        bytes: ana(3).to_string().into_bytes(),
    };
    let understood = doc! { "$set": { "body": body } };
    let kept = world.collection("redox_quarantine");
    kept.update_one(doc! {}, understood).await.unwrap();
    let id = quarantine(&world).await[0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let operator = world.service_called("operator");
    let path = format!("/internal/redox/quarantine/{id}/replay");
    let answer = operator.post(&path, &Value::Null).await;
    assert_answer(&answer, 200, &json!({ "isStored": true }));
    assert_eq!(quarantine(&world).await, [Value::Null; 0]);
    stored(&world, 3).await;
    let answer = operator.post(&path, &Value::Null).await;
    assert_refused(&answer, 404, "message not found");
    let answer = world.service().post(&path, &Value::Null).await;
    assert_eq!(answer.status, 403);
}

#[actix_web::test]
async fn a_setting_has_it_refused_as_the_reference_does() {
    let world = World::start_with(|config| {
        config.redox.verification_token = Some(TOKEN.into());
        config.redox.refuse_unreadable = true;
    })
    .await;
    for (body, reason, says) in odd_bodies() {
        let answer: Answer = deliver_raw(&world.anonymous(), body).await;
        assert_eq!(answer.status, 400, "{reason}: {}", answer.text());
        let message = answer.json::<Value>()["message"].take();
        let message = message.as_str().unwrap();
        assert!(message.starts_with(says), "{reason}: {message}");
    }
    assert_eq!(count(&world, "redox").await, 0);
    assert_eq!(count(&world, "redox_quarantine").await, 0);
    assert_eq!(deliver(&world, &ana(1)).await.status, 200);
}

#[actix_web::test]
async fn a_message_may_be_long_and_no_longer() {
    let world = receiving().await;
    let mut message = ana(1);
    message["Filling"] = json!("x".repeat(9 << 20));
    assert_eq!(deliver(&world, &message).await.status, 200);
    assert_eq!(count(&world, "redox").await, 1);
    message["Filling"] = json!("x".repeat(10 << 20));
    let answer = deliver(&world, &message).await;
    assert_refused(&answer, 413, "request body is too large");
    // Many values take more room than their text.
    let many = json!({ "a": vec![1; 1 << 20] }).to_string();
    assert_eq!(deliver_raw(&world.anonymous(), many).await.status, 200);
    let kept = quarantine(&world).await;
    let reason = kept[0]["reason"].as_str().unwrap();
    assert!(reason.starts_with("it has more than"), "{reason}");
}
