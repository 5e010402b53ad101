//! The data survive, the port may change, and nothing stays behind.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::time::Duration;

use local_mongod::{Mongod, check_uri, ports};
use mongodb::Client;
use mongodb::bson::{Document, doc};
use tokio::time::{Instant, sleep};

async fn client(uri: &str) -> Client {
    Client::with_uri_str(uri).await.unwrap()
}

async fn insert(mongod: &Mongod, name: &str) {
    let people = client(mongod.uri())
        .await
        .database("town")
        .collection::<Document>("people");
    people.insert_one(doc! { "_id": name }).await.unwrap();
}

async fn names(mongod: &Mongod) -> u64 {
    client(mongod.uri())
        .await
        .database("town")
        .collection::<Document>("people")
        .count_documents(doc! {})
        .await
        .unwrap()
}

fn port(uri: &str) -> u16 {
    uri.trim_start_matches("mongodb://127.0.0.1:")
        .split('/')
        .next()
        .unwrap()
        .parse()
        .unwrap()
}

/// Polls until the condition holds, for ten seconds at most.
async fn eventually(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !holds() {
        assert!(Instant::now() < deadline, "not within ten seconds: {what}");
        sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn acknowledged_writes_survive_a_kill_and_a_stop_on_the_same_port() {
    let dir = tempfile::tempdir().unwrap();
    let mut mongod = local_mongod::start(dir.path()).await.unwrap();
    let first_port = port(mongod.uri());
    insert(&mongod, "Alice").await;
    mongod.process().kill().unwrap();
    drop(mongod);

    let mut mongod = local_mongod::start(dir.path()).await.unwrap();
    assert_eq!((names(&mongod).await, port(mongod.uri())), (1, first_port));
    insert(&mongod, "Bob").await;
    assert!(mongod.process().stop().unwrap().success());

    let mongod = local_mongod::start(dir.path()).await.unwrap();
    assert_eq!((names(&mongod).await, port(mongod.uri())), (2, first_port));
}

#[tokio::test]
async fn when_its_port_is_taken_the_set_moves_to_another_with_its_data() {
    let dir = tempfile::tempdir().unwrap();
    let mongod = local_mongod::start(dir.path()).await.unwrap();
    let first_port = port(mongod.uri());
    insert(&mongod, "Alice").await;
    drop(mongod);
    let squatter = TcpListener::bind(("127.0.0.1", first_port)).unwrap();
    std::thread::spawn(move || squatter.incoming().for_each(drop));

    let mongod = local_mongod::start(dir.path()).await.unwrap();

    assert_ne!(port(mongod.uri()), first_port);
    assert_eq!(names(&mongod).await, 1);
    insert(&mongod, "Bob").await;
}

#[tokio::test]
async fn transactions_work_and_test_commands_are_on() {
    let mongod = local_mongod::start_temporary().await.unwrap();
    check_uri(mongod.uri()).await.unwrap();
    let client = client(mongod.uri()).await;
    let people = client.database("town").collection::<Document>("people");

    let mut session = client.start_session().await.unwrap();
    session.start_transaction().await.unwrap();
    people
        .insert_one(doc! { "_id": "Alice" })
        .session(&mut session)
        .await
        .unwrap();
    session.commit_transaction().await.unwrap();

    let off = doc! { "configureFailPoint": "failCommand", "mode": "off" };
    client.database("admin").run_command(off).await.unwrap();
}

#[tokio::test]
async fn a_uri_that_nobody_answers_is_refused() {
    let [port] = ports::free().unwrap();

    let error = check_uri(&format!(
        "mongodb://127.0.0.1:{port}/?serverSelectionTimeoutMS=100"
    ))
    .await
    .unwrap_err();

    assert!(error.to_string().contains("does not answer"), "{error:#}");
}

#[tokio::test]
async fn server_and_data_go_when_the_owner_is_killed() {
    let scratch = tempfile::tempdir().unwrap();
    let mut owner = Command::new(env!("CARGO_BIN_EXE_local-mongod"))
        .env("TMPDIR", scratch.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(owner.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let uri = line.split('\'').nth(1).unwrap();
    check_uri(uri).await.unwrap();

    owner.kill().unwrap();
    owner.wait().unwrap();

    eventually("mongod has ended", || ports::is_free(port(uri))).await;
    eventually("its data are gone", || {
        scratch.path().read_dir().unwrap().next().is_none()
    })
    .await;
}
