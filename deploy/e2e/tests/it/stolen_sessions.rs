//! A session is stolen, and its owner gets the account back.

use std::{fs, path::PathBuf, time::Duration};

use e2e::{Platform, Program};
use rand::RngExt as _;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use shared_runtime::testing::{Answer, send, try_send};

use crate::{
    confirmations::{answered, eventually},
    people::{Member, PASSWORD, log_in_with, sign_up},
};

const PAGE: &str = "/pages/account-change";
const STOLEN: &str = "the-thief-knows-it";
const NEW: &str = "nobody-else-knows-it";

/// Whoever has the session of `owner` gives the account another address and password.
async fn steal(owner: &Member, address: &str) {
    let update = json!({ "updates": { "username": address, "password": STOLEN } });
    let answer = owner.at_origin.put("/auth/user", &update).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.json::<Value>()["emailVerified"], json!(false));
}

/// The mails of `template` to `address`.
fn mails(platform: &Platform, template: &str, address: &str) -> Vec<PathBuf> {
    let start = format!("{template}-{address}");
    let files = fs::read_dir(platform.mail_dir()).unwrap();
    let files = files.map(|file| file.unwrap().path());
    let is_one = |file: &PathBuf| {
        let name = file.file_name().unwrap().to_str().unwrap();
        name.starts_with(&start)
    };
    files.filter(is_one).collect()
}

/// The key in the notice to `address`, once it is there.
async fn key_told_to(platform: &Platform, address: &str) -> String {
    let mut key = String::new();
    eventually("the notice is there", async || {
        let Some(mail) = mails(platform, "account_change", address).pop() else {
            return false;
        };
        let mail = fs::read_to_string(mail).unwrap();
        // An equals sign is written as three characters.
        let mail = mail.replace("=\r\n", "").replace("=3D", "=");
        let link = format!("{}{PAGE}?key=", platform.origin());
        let (_, rest) = mail.split_once(&link).unwrap();
        rest.split_whitespace().next().unwrap().clone_into(&mut key);
        true
    })
    .await;
    key
}

/// The form of the page behind the link, with `password`, as a browser sends it.
async fn form(platform: &Platform, key: &str, password: &str) -> RequestBuilder {
    let nobody = platform.person(None);
    let page = nobody.request(Method::GET, &format!("{PAGE}?key={key}"));
    let page = answered(&page).await;
    assert_eq!(page.status, 200, "{}", page.text());
    let cookie = page.header("set-cookie").unwrap();
    let (cookie, _) = cookie.split_once(';').unwrap();
    let (_, token) = cookie.split_once('=').unwrap();
    let body = format!("form_token={token}&key={key}&password={password}");
    nobody
        .request(Method::POST, PAGE)
        .header("cookie", cookie)
        .header("origin", platform.origin())
        .body(body)
}

#[track_caller]
fn assert_put_back(answer: &Answer) {
    // The client follows to the page that says so.
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(
        answer
            .text()
            .contains("<h1>The account is yours again</h1>")
    );
}

/// The thief is out, and the owner is in.
async fn assert_is_back(platform: &Platform, owner: &Member, thief: &str) {
    assert_eq!(owner.at_origin.get("/auth/user").await.status, 401);
    for (name, password, status) in [
        (thief, STOLEN, 401),
        (&*owner.address, STOLEN, 401),
        (&*owner.address, PASSWORD, 401),
        (&*owner.address, NEW, 200),
    ] {
        let answered = log_in_with(platform, name, password).await;
        assert_eq!(answered, status, "{name} {password}");
    }
}

#[actix_web::test]
async fn the_owner_undoes_what_was_done_with_a_stolen_session() {
    let mut platform = Platform::start().await;
    let alice = sign_up(&platform, "alice").await;
    let thief = "thief@example.org";
    // The notice is owed from the moment of the change, whoever dies after it.
    platform.kill(Program::Confirm);
    steal(&alice, thief).await;
    platform.kill(Program::UserApi);
    platform.restart(Program::UserApi).await;
    platform.restart(Program::Confirm).await;
    let key = key_told_to(&platform, &alice.address).await;
    // The new address can be proven, as of a sign-up. The thief goes on before that.
    eventually(
        "the mail that proves the new address is there",
        async || mails(&platform, "signup_confirmation", thief).len() == 1,
    )
    .await;
    let further = json!({ "updates": { "username": "hideout@example.org" } });
    assert_eq!(
        alice.at_origin.put("/auth/user", &further).await.status,
        200
    );

    let sent = send(form(&platform, &key, NEW).await).await;
    assert_put_back(&sent);
    assert_is_back(&platform, &alice, thief).await;
    let again = platform
        .person(None)
        .get(&format!("{PAGE}?key={key}"))
        .await;
    assert_eq!(again.status, 410);
    let server = platform.server().await;
    let account: Value = server.get(&format!("/auth/user/{}", alice.id)).await.json();
    assert_eq!(account["emails"], json!([alice.address]));
    assert_eq!(account["emailVerified"], json!(true));
}

#[actix_web::test]
async fn the_account_is_put_back_whole_or_not_at_all_wherever_a_program_dies() {
    let mut platform = Platform::start().await;
    for round in 0..4 {
        let owner = sign_up(&platform, &format!("alice{round}")).await;
        let thief = format!("thief{round}@example.org");
        steal(&owner, &thief).await;
        let key = key_told_to(&platform, &owner.address).await;
        let form = form(&platform, &key, NEW).await;
        let victim = [Program::UserApi, Program::Confirm][round % 2];
        let patience = Duration::from_millis(rand::rng().random_range(0..120));
        let call = actix_web::rt::spawn(try_send(form.try_clone().unwrap()));
        tokio::time::sleep(patience).await;
        platform.kill(victim);
        let first = call.await.unwrap();
        platform.restart(victim).await;
        match first {
            Ok(answer) if answer.status == 200 => assert_put_back(&answer),
            // Sent again, the same form finishes it, or is told that it is done.
            _ => {
                let repeated = answered(&form).await;
                assert!(matches!(repeated.status, 200 | 410), "{}", repeated.text());
            }
        }
        assert_is_back(&platform, &owner, &thief).await;
    }
}
