//! With which secret a service logs in under which name.

use std::collections::BTreeMap;

use secrecy::SecretString;
use shared_runtime::{auth::TOKEN_HEADER, limits::Limit, testing::TestDatabase};
use user_api::{Config, State};

use crate::world::{World, assert_refused, config};

const OWN: &str = "the new one of a name";
const OLD_OWN: &str = "the old one of a name";
const OTHERS: &str = "the one of another name";
const SHARED: &str = "the new one for all";
const OLD_SHARED: &str = "the old one for all";

const NAMES: [&str; 7] = [
    "gatekeeper",
    "confirm",
    "clinic",
    "operator",
    "user-api",
    "scripts",
    "anybody",
];

fn secret(text: &str) -> SecretString {
    SecretString::from(text)
}

/// A world in which only these names have secrets of their own.
async fn world(own: &[(&str, &str)], change: impl FnOnce(&mut Config)) -> World {
    World::start_with(|config| {
        let own = own.iter();
        let own = own.map(|(name, text)| ((*name).to_owned(), secret(text)));
        config.server_secrets = own.collect();
        // The tests guess more often than anybody mistypes.
        config.limits.secrets_per_source = Limit::OFF;
        change(config);
    })
    .await
}

/// Those of [`NAMES`] that `secret` opens.
async fn opened_by(world: &World, secret: &str) -> Vec<&'static str> {
    let mut opened = Vec::new();
    for name in NAMES {
        let answer = world.server_login(name, secret).await;
        if answer.status == 200 {
            opened.push(name);
        } else {
            assert_refused(&answer, 401, "Wrong password");
        }
    }
    opened
}

#[actix_web::test]
async fn while_a_secret_is_replaced_the_previous_one_opens_the_same_name() {
    let own = [("gatekeeper", OWN), ("scripts", OTHERS)];
    let world = world(&own, |config| {
        config.previous_server_secrets = [("gatekeeper".to_owned(), secret(OLD_OWN))].into();
    })
    .await;
    assert_eq!(opened_by(&world, OWN).await, ["gatekeeper"]);
    assert_eq!(opened_by(&world, OLD_OWN).await, ["gatekeeper"]);
    assert_eq!(opened_by(&world, OTHERS).await, ["scripts"]);
    for wrong in [SHARED, "the new one of a namE", "the new one of a nam"] {
        assert_eq!(opened_by(&world, wrong).await, [""; 0]);
    }
}

#[actix_web::test]
async fn the_shared_secret_is_replaced_in_the_same_way() {
    let world = world(&[], |config| {
        config.shared_server_secret = Some(secret(SHARED));
        config.previous_shared_server_secret = Some(secret(OLD_SHARED));
    })
    .await;
    let all_but_our_own = NAMES.into_iter().filter(|name| *name != "user-api");
    let all_but_our_own: Vec<_> = all_but_our_own.collect();
    assert_eq!(opened_by(&world, SHARED).await, all_but_our_own);
    assert_eq!(opened_by(&world, OLD_SHARED).await, all_but_our_own);
}

#[actix_web::test]
async fn the_shared_secret_opens_none_of_our_names_once_one_of_them_has_its_own() {
    let world = world(&[("gatekeeper", OWN)], |config| {
        config.shared_server_secret = Some(secret(SHARED));
        config.previous_shared_server_secret = Some(secret(OLD_SHARED));
    })
    .await;
    assert_eq!(opened_by(&world, OWN).await, ["gatekeeper"]);
    assert_eq!(opened_by(&world, SHARED).await, ["scripts", "anybody"]);
    assert_eq!(opened_by(&world, OLD_SHARED).await, ["scripts", "anybody"]);
}

#[actix_web::test]
async fn a_secret_of_another_name_closes_that_name_alone_to_the_shared_one() {
    let world = world(&[("scripts", OWN)], |config| {
        config.shared_server_secret = Some(secret(SHARED));
    })
    .await;
    assert_eq!(opened_by(&world, OWN).await, ["scripts"]);
    let others = ["gatekeeper", "confirm", "clinic", "operator", "anybody"];
    assert_eq!(opened_by(&world, SHARED).await, others);
}

#[actix_web::test]
async fn a_set_up_with_the_shared_secret_alone_goes_on_working() {
    let world = world(&[], |config| {
        config.shared_server_secret = Some(secret(SHARED));
    })
    .await;
    for (name, path, status) in [
        ("gatekeeper", "/internal/people?ids=a", 200),
        ("confirm", "/internal/people?ids=a", 200),
        ("scripts", "/internal/people?ids=a", 401),
        ("scripts", "/users?id=a", 200),
    ] {
        let answer = world.server_login(name, SHARED).await;
        let service = world.app.bearer(answer.header(TOKEN_HEADER).unwrap());
        assert_eq!(service.get(path).await.status, status, "{name} {path}");
    }
}

/// Why user-api does not start with these settings.
async fn start_failure(change: impl FnOnce(&mut Config)) -> String {
    let database = TestDatabase::create().await;
    let mut config = config(&database, "http://gatekeeper:9123");
    change(&mut config);
    let started = State::connect(&config).await;
    started.err().unwrap().to_string()
}

#[actix_web::test]
async fn secrets_that_nobody_can_mean_stop_the_start() {
    const SHORT: &str = "fifteen letters";
    let set = |names: &mut BTreeMap<String, SecretString>, name: &str, text| {
        names.insert(name.to_owned(), secret(text));
    };
    assert_eq!(
        start_failure(|config| config.server_secrets.clear()).await,
        "server_secrets: no service could log in"
    );
    assert_eq!(
        start_failure(|config| set(&mut config.server_secrets, "confirm", SHORT)).await,
        "server_secrets.confirm: a secret has less than 16 bytes"
    );
    assert_eq!(
        start_failure(|config| set(&mut config.previous_server_secrets, "gatekeeper", SHORT)).await,
        "server_secrets.gatekeeper: a secret has less than 16 bytes"
    );
    assert_eq!(
        start_failure(|config| set(&mut config.previous_server_secrets, "confirm", OLD_OWN)).await,
        "previous_server_secrets.confirm: there is no server_secrets.confirm"
    );
    assert_eq!(
        start_failure(|config| config.previous_shared_server_secret = Some(secret(SHARED))).await,
        "previous_shared_server_secret: there is no shared_server_secret"
    );
}
