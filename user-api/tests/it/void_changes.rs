//! Changes of an account that can be undone no more.

use serde_json::{Value, json};

use crate::{
    changes::{NEW_PASSWORD, Told, change, recipients},
    restorations::{OWN_PASSWORD, THIEF, change_told_to, proven, restore, restore_with},
    world::{PASSWORD, assert_refused},
};

const VOID: &str = "This change of the account can be undone no more";

#[actix_web::test]
async fn a_change_is_undone_once_and_a_repeat_finds_it_done() {
    let told = Told::start().await;
    let alice = told.owner("alice").await;
    change(&alice, &json!({ "username": THIEF })).await;
    let first = change_told_to(&told, &alice.email).await;
    for _ in 0..2 {
        let restored = restore(&told, &alice, &first, "ALICE@example.org", "k").await;
        assert_eq!(restored.status, 200, "{}", restored.text());
        assert_eq!(restored.json::<Value>(), json!({ "void": [first] }));
    }
    let entered = told.world.log_in(&alice.email, OWN_PASSWORD).await;
    let again = restore(&told, &alice, &first, &alice.email, "other").await;
    assert_refused(&again, 410, VOID);
    let otherwise = restore_with(&told, &alice, &first, &alice.email, "k", PASSWORD).await;
    assert_refused(&otherwise, 410, VOID);
    // Neither has ended the session.
    let token = entered.header("x-tidepool-session-token").unwrap();
    let own = told.world.app.bearer(token).get("/user").await;
    assert_eq!(own.status, 200);
}

#[actix_web::test]
async fn the_older_link_makes_the_younger_ones_void_and_not_the_other_way_round() {
    let told = Told::start().await;
    let alice = told.owner("alice").await;
    change(&alice, &json!({ "username": THIEF })).await;
    let owners = change_told_to(&told, &alice.email).await;
    told.world.verify(&alice).await;
    change(&alice, &json!({ "username": "hideout@example.org" })).await;
    let thiefs = change_told_to(&told, THIEF).await;
    assert_ne!(owners, thiefs);

    let restored = restore(&told, &alice, &thiefs, THIEF, "thief").await;
    assert_eq!(restored.json::<Value>(), json!({ "void": [thiefs] }));
    assert_eq!(proven(&told.world, &alice.id).await, json!(THIEF));
    // The owner hears of it.
    let (put_back, notice) = told.notice().await;
    let owner = (alice.email.clone(), owners.clone());
    let thief = (THIEF.to_owned(), put_back.clone());
    assert_eq!(recipients(&notice), [owner, thief]);
    let restored = restore(&told, &alice, &owners, &alice.email, "owner").await;
    assert_eq!(
        restored.json::<Value>(),
        json!({ "void": [owners, thiefs, put_back] })
    );
    assert_eq!(proven(&told.world, &alice.id).await, json!(alice.email));
    let late = restore(&told, &alice, &thiefs, THIEF, "thief").await;
    assert_refused(&late, 410, VOID);
    assert_eq!(
        told.world.log_in(&alice.email, OWN_PASSWORD).await.status,
        200
    );
}

#[actix_web::test]
async fn what_the_thief_was_told_is_void_once_the_owner_is_back() {
    let told = Told::start().await;
    let alice = told.owner("alice").await;
    change(&alice, &json!({ "username": THIEF })).await;
    let owners = change_told_to(&told, &alice.email).await;
    told.world.verify(&alice).await;
    change(&alice, &json!({ "password": NEW_PASSWORD })).await;
    let thiefs = change_told_to(&told, THIEF).await;
    let restored = restore(&told, &alice, &owners, &alice.email, "owner").await;
    assert_eq!(restored.status, 200);
    assert_refused(
        &restore(&told, &alice, &thiefs, THIEF, "t").await,
        410,
        VOID,
    );
    // Nor is the thief told of that, nor of what the owner does from here on.
    let (put_back, notice) = told.notice().await;
    let own = (alice.email.clone(), put_back);
    assert_eq!(recipients(&notice), std::slice::from_ref(&own));
    let path = format!("/user/{}", alice.id);
    let update = json!({ "updates": { "password": PASSWORD } });
    let service = told.world.service().await;
    assert_eq!(service.put(&path, &update).await.status, 200);
    let (_, notice) = told.notice().await;
    assert_eq!(notice["changed"], json!(["password"]));
    assert_eq!(recipients(&notice), [own]);
}
