//! Whatever comes in is answered as documented, never with a failure, and changes nothing.

use serde_json::{Value, json};

use crate::world::{World, post_raw};

const OWNERS_PATH: &str = "/access/alice/bob";

#[actix_web::test]
async fn bodies_that_are_no_permission_set() {
    let world = World::start().await;
    let alice = world.user("alice");
    world.grant("alice", "bob", json!({"view": {}})).await;
    let before = world.everything().await;
    let deep_objects = format!("{}1{}", r#"{"a":"#.repeat(100), "}".repeat(100));
    let abyss = "[".repeat(200_000);
    let object_abyss = r#"{"a":"#.repeat(100_000);
    let wide: serde_json::Map<String, Value> =
        (0..5000).map(|i| (format!("p{i}"), json!({}))).collect();
    let wide = Value::Object(wide).to_string();
    let bodies: Vec<Vec<u8>> = [
        "{",
        "}",
        "nul",
        "nullnull",
        "undefined",
        "'view'",
        "{view:{}}",
        r#"{"view":{}"#,
        r#"{"view":{},}"#,
        r#"{"view":{}}{"admin":{}}"#,
        "[]",
        "[1]",
        r#"["view"]"#,
        r#""view""#,
        "1",
        "-1",
        "1e999",
        "true",
        "false",
        "NaN",
        r#"{"view":true}"#,
        r#"{"view":1}"#,
        r#"{"view":"yes"}"#,
        r#"{"view":null}"#,
        r#"{"view":[]}"#,
        r#"{"view":{},"admin":"yes"}"#,
        r#"{"veiw":{}}"#,
        r#"{"View":{}}"#,
        r#"{"view":{},"delete":{}}"#,
        r#"{"view":{"n":1.0}}"#,
        r#"{"view":{"n":[1e2]}}"#,
        r#"{"view":{"n":9223372036854775808}}"#,
        r#"{"view":{"n":18446744073709551617}}"#,
        r#"{"$ne":null}"#,
        r#"{"$ne":{}}"#,
        r#"{"$set":{"permissions.admin":{}}}"#,
        r#"{"$where":{"a":"sleep(1000)"}}"#,
        r#"{"view":{"$ne":null}}"#,
        r#"{"view":{"a":{"$gt":""}}}"#,
        r#"{"view":{"a":[{"$oid":"5f8f8f8f8f8f8f8f8f8f8f8f"}]}}"#,
        r#"{"permissions.admin":{}}"#,
        r#"{"view":{"a.b":1}}"#,
        r#"{"":{}}"#,
        r#"{"view":{"":1}}"#,
        r#"{"a\u0000b":{}}"#,
        r#"{"view":{"\u0000":1}}"#,
        r#"{"\ud800":{}}"#,
        deep_objects.as_str(),
        abyss.as_str(),
        object_abyss.as_str(),
        wide.as_str(),
        "\u{feff}{}",
        "view=%7B%7D",
        "<view/>",
        "\0",
    ]
    .into_iter()
    .map(|body| body.as_bytes().to_vec())
    .chain([b"\xff\xfe".to_vec(), b"{\"\xff\":{}}".to_vec()])
    .collect();
    for body in bodies {
        let answer = post_raw(&alice, OWNERS_PATH, body.clone()).await;
        let shown = String::from_utf8_lossy(&body[..body.len().min(60)]).into_owned();
        assert_eq!(answer.status, 400, "{shown}: {}", answer.text());
        let refused: Value = answer.json();
        assert_eq!(refused["code"], "InvalidContent", "{shown}");
        assert!(
            refused["message"]
                .as_str()
                .is_some_and(|message| message.starts_with("Invalid ")),
            "{refused}"
        );
    }
    assert_eq!(world.everything().await, before);
}

#[actix_web::test]
async fn permissions_that_there_are_not_are_named() {
    let world = World::start().await;
    let long = "x".repeat(10_000);
    for (body, named) in [
        (json!({"veiw": {}}), "veiw"),
        (json!({"banana": {}}), "banana"),
        (json!({"x": {}}), "x"),
        (
            json!({"view": {}, "root": {}, "veiw": {}, "banana": {}}),
            "banana, veiw",
        ),
        (json!({long: {}}), &"x".repeat(40)),
    ] {
        for caller in [world.user("alice"), world.service()] {
            let answer = caller.post(OWNERS_PATH, &body).await;
            let message = format!(
                "Invalid permissions: unknown names {named}; the names are admin, custodian, edit, \
                 follow, note, upload, view"
            );
            assert_eq!(answer.status, 400, "{named}");
            assert_eq!(
                answer.json::<Value>(),
                json!({"code": "InvalidContent", "message": message})
            );
        }
    }
    assert!(world.everything().await.is_empty());
}

#[actix_web::test]
async fn malformed_json_is_told_as_the_reference_does() {
    let world = World::start().await;
    let answer = post_raw(&world.user("alice"), OWNERS_PATH, "{\"view\":").await;
    assert_eq!(answer.status, 400);
    assert_eq!(
        answer.json::<Value>(),
        json!({"code": "InvalidContent", "message": "Invalid JSON: EOF while parsing a value at line 1 column 8"})
    );
}

#[actix_web::test]
async fn a_huge_body_is_refused() {
    let world = World::start().await;
    let before = world.everything().await;
    let alice = world.user("alice");
    let huge = format!("{{\"view\":{{\"a\":\"{}\"}}}}", "x".repeat(2 << 20));
    let answer = post_raw(&alice, OWNERS_PATH, huge).await;
    assert_eq!(answer.status, 413);
    assert_eq!(answer.json::<Value>()["code"], "RequestEntityTooLarge");
    assert_eq!(world.everything().await, before);
}

#[actix_web::test]
async fn a_body_is_taken_whatever_its_content_type() {
    let world = World::start().await;
    for content_type in [
        "text/plain",
        "application/json; charset=utf-16",
        "multipart/form-data",
        "nonsense",
    ] {
        let request = world
            .user("alice")
            .request(reqwest::Method::POST, OWNERS_PATH)
            .header("content-type", content_type)
            .body(r#"{"view":{}}"#);
        let answer = shared_runtime::testing::send(request).await;
        assert_eq!(
            (answer.status, answer.text()),
            (200, r#"{"view":{}}"#),
            "{content_type}"
        );
    }
}

#[actix_web::test]
async fn an_encoded_body_is_refused() {
    let world = World::start().await;
    let before = world.everything().await;
    let request = world
        .user("alice")
        .request(reqwest::Method::POST, OWNERS_PATH)
        .header("content-encoding", "gzip")
        .body(r#"{"view":{}}"#);
    let answer = shared_runtime::testing::send(request).await;
    assert_eq!(
        (answer.status, answer.json::<Value>()),
        (
            415,
            json!({"code": "UnsupportedMediaType", "message": "The content encoding is not supported"})
        )
    );
    assert_eq!(world.everything().await, before);
}

#[actix_web::test]
async fn the_last_of_two_members_of_one_name_counts() {
    let world = World::start().await;
    let body = r#"{"view":{"a":1},"view":{"a":2}}"#;
    let answer = post_raw(&world.user("alice"), OWNERS_PATH, body).await;
    assert_eq!(answer.text(), r#"{"view":{"a":2}}"#);
}

#[actix_web::test]
async fn ids_of_every_kind_are_just_ids() {
    let world = World::start().await;
    let long = "x".repeat(2000);
    let ids = [
        "a%2Fb",
        "%2F",
        "..%2Fstatus",
        "%00",
        "a%00b",
        "%20",
        "%09",
        "a%0Ab",
        "%24ne",
        "$ne",
        "%7B%22%24ne%22%3Anull%7D",
        "{\"$ne\":null}",
        "%E2%82%AC",
        "日本",
        "%F0%9F%92%89",
        "a%25b",
        "%25",
        "a+b",
        "a;b",
        "a%3Fb",
        "a%23b",
        "a,b",
        "*",
        ".*",
        "'",
        "%5B%5D",
        "null",
        "undefined",
        "root",
        "__proto__",
        &long,
    ];
    for id in ids {
        let service = world.service();
        for (path, expected) in [
            (format!("/access/{id}/somebody"), 404),
            (format!("/access/somebody/{id}"), 404),
            (format!("/access/{id}"), 200),
            (format!("/access/groups/{id}"), 200),
            (format!("/internal/users/{id}/administered"), 200),
        ] {
            assert_eq!(service.get(&path).await.status, expected, "{path}");
            let answer = world.user("stranger").get(&path).await;
            assert_eq!(answer.status, 401, "{path}");
        }
        let path = format!("/access/{id}/grantee");
        let answer = service.post(&path, &json!({"view": {}})).await;
        assert_eq!(
            (answer.status, answer.text()),
            (200, r#"{"view":{}}"#),
            "{path}"
        );
        assert_eq!(service.get(&path).await.status, 200, "{path}");
        let groups: Value = service.get("/access/groups/grantee").await.json();
        assert_eq!(groups.as_object().unwrap().len(), 2, "{id}: {groups}");
        assert_eq!(service.post(&path, &json!({})).await.text(), "null");
        assert_eq!(
            service
                .delete(&format!("/internal/users/{id}"))
                .await
                .status,
            204
        );
    }
    assert!(world.everything().await.is_empty());
}

#[actix_web::test]
async fn a_path_that_is_no_text_has_an_answer() {
    let world = World::start().await;
    for path in [
        "/access/%FF/somebody",
        "/access/%C3%28",
        "/access/groups/%80",
        "/access/%",
        "/access/%zz/x",
    ] {
        let answer = world.service().get(path).await;
        assert!(
            matches!(answer.status, 200 | 400 | 404),
            "{path}: {} {}",
            answer.status,
            answer.text()
        );
    }
}
