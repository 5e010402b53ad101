//! Who is invited to work for a clinic sees the invitation, accepts or declines.

use bson::doc;
use serde_json::{Value, json};
use shared_runtime::testing::{Answer, Person, claims};
use stand_ins::{KEYS, clinic::Ask};

use crate::{
    oak::{FORBIDDEN, MEMBER, NO_INVITE, NOT_ALLOWED, OAK, clinician_path, oak, own_path},
    world::{World, assert_ok, assert_refused, eventually, put},
};

const LIST: &str = "/v1/clinicians/dave/invites";
const NOT_ACCEPTED: &str = "Error accepting invitation";

/// Dave, invited; and the key.
async fn invited() -> (World, String) {
    let world = oak().await;
    let key = world.invite_clinician("dave@example.org").await;
    (world, key)
}

async fn accept(world: &World, key: &str) -> Answer {
    put(&world.user("dave"), &own_path("dave", key)).await
}

/// What Dave is in the clinic.
fn place(world: &World) -> Option<Value> {
    let mut clinicians = world.clinic.clinicians(OAK).into_iter();
    clinicians.find(|clinician| clinician["id"] == "dave")
}

async fn assert_joined(world: &World, key: &str) {
    let wanted = json!({"id": "dave", "email": "dave@example.org", "roles": MEMBER});
    assert_eq!(place(world), Some(wanted));
    let stored = world.document(key).await.unwrap();
    assert_eq!(stored.get_str("status").unwrap(), "completed");
    assert!(!stored.contains_key("acceptance"));
    assert!(world.everything(&["outbox"]).await.is_empty());
    assert_refused(&accept(world, key).await, 404, NO_INVITE);
}

async fn assert_pending(world: &World, key: &str) {
    let stored = world.document(key).await.unwrap();
    assert_eq!(stored.get_str("status").unwrap(), "pending");
    assert!(!stored.contains_key("acceptance"));
    assert!(world.everything(&["outbox"]).await.is_empty());
}

/// Dave, for whose session `idp` vouched.
fn dave_of(world: &World, idp: &str) -> Person {
    let mut claims = claims("dave", "no");
    claims.idp = Some(idp.to_owned());
    let token = KEYS.key.sign(&claims).unwrap();
    world.user_api.know(&token, &claims);
    world.app.bearer(&token)
}

#[actix_web::test]
async fn who_is_invited_sees_it_and_joins() {
    let (world, key) = invited().await;
    let list: Vec<Value> = world.user("dave").get(LIST).await.json();
    assert_eq!(list.len(), 1);
    assert_eq!(list[0]["key"], key);
    assert_eq!(list[0]["creator"]["profile"]["fullName"], "carol of Tide");
    assert_eq!(list[0]["restrictions"], json!({"canAccept": true}));
    let answer = accept(&world, &key).await;
    let joined = json!({"id": "dave", "email": "dave@example.org", "roles": MEMBER});
    assert_eq!((answer.status, answer.json::<Value>()), (200, joined));
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_joined(&world, &key).await;
    assert_refused(&world.user("dave").get(LIST).await, 404, "Nothing found");
}

#[actix_web::test]
async fn an_account_that_comes_later_gets_what_was_sent_to_its_address() {
    let world = oak().await;
    let keys = [
        world.invite_clinician("erin@example.org").await,
        world.invite_clinician("frank@example.org").await,
    ];
    for id in ["erin", "frank"] {
        world.user_api.has_with(id, json!({"emailVerified": false}));
    }
    let erin = world.user("erin");
    // Not before the address is shown to be theirs.
    assert_refused(
        &erin.get("/v1/clinicians/erin/invites").await,
        404,
        "Nothing found",
    );
    assert_refused(
        &put(&erin, &own_path("erin", &keys[0])).await,
        404,
        NO_INVITE,
    );
    for id in ["erin", "frank"] {
        world.user_api.change(id, json!({"emailVerified": true}));
    }
    assert_refused(
        &put(&erin, &own_path("erin", &keys[1])).await,
        404,
        NO_INVITE,
    );
    assert_eq!(put(&erin, &own_path("erin", &keys[0])).await.status, 200);
    let frank: Vec<Value> = world
        .user("frank")
        .get("/v1/clinicians/frank/invites")
        .await
        .json();
    assert_eq!(frank[0]["key"], keys[1]);
}

#[actix_web::test]
async fn nobody_answers_for_others() {
    let (world, key) = invited().await;
    world
        .gatekeeper
        .grant("dave", "nina", json!({"custodian": {}}));
    for person in [world.user("nina"), world.user("carol"), world.service()] {
        assert_refused(&person.get(LIST).await, 401, NOT_ALLOWED);
        let path = own_path("dave", &key);
        assert_refused(&put(&person, &path).await, 401, NOT_ALLOWED);
        assert_refused(&person.delete(&path).await, 401, NOT_ALLOWED);
    }
    let alice = world.user("alice");
    assert_refused(&put(&alice, &own_path("alice", &key)).await, 404, NO_INVITE);
    assert_ok(&alice.delete(&own_path("alice", &key)).await);
    assert_pending(&world, &key).await;
    let nobody = world
        .user("nobody")
        .get("/v1/clinicians/nobody/invites")
        .await;
    assert_refused(&nobody, 401, NOT_ALLOWED);
}

#[actix_web::test]
async fn what_was_answered_is_not_accepted() {
    let (world, key) = invited().await;
    for status in ["declined", "canceled", "completed"] {
        world.set(&key, doc! { "status": status }).await;
        assert_refused(&accept(&world, &key).await, 404, NO_INVITE);
        assert_eq!(world.status(&key).await, status);
    }
    let other = doc! { "status": "pending", "type": "careteam_invitation" };
    world.set(&key, other).await;
    assert_refused(&accept(&world, &key).await, 404, NO_INVITE);
    assert!(world.clinic.asked(Ask::Associate).is_empty());
}

#[actix_web::test]
async fn a_declined_invitation_is_gone_on_both_sides() {
    let (world, key) = invited().await;
    let dave = world.user("dave");
    for _ in 0..2 {
        assert_ok(&dave.delete(&own_path("dave", &key)).await);
        assert_eq!(world.status(&key).await, "declined");
        assert_eq!(world.clinic.clinicians(OAK).len(), 2);
    }
    assert!(world.everything(&["outbox"]).await.is_empty());
    assert_ok(&dave.delete(&own_path("dave", "nonsense")).await);
    assert_refused(&accept(&world, &key).await, 404, NO_INVITE);
}

#[actix_web::test]
async fn one_restriction_that_fits_admits() {
    let (world, key) = invited().await;
    let restrict = |restrictions: Value| {
        world
            .clinic
            .has_clinic(OAK, json!({ "restrictions": restrictions }));
    };
    for (restrictions, said) in [
        (
            json!([{"emailDomain": "oak.example"}]),
            json!({"canAccept": false}),
        ),
        (
            json!([{"emailDomain": "example.org", "requiredIdp": "OakLogin"}]),
            json!({"canAccept": false, "requiredIdp": "OakLogin"}),
        ),
    ] {
        restrict(restrictions);
        let list: Vec<Value> = world.user("dave").get(LIST).await.json();
        assert_eq!(list[0]["restrictions"], said);
        assert_refused(&accept(&world, &key).await, 403, NOT_ACCEPTED);
        assert_pending(&world, &key).await;
    }
    let by_idp = dave_of(&world, "oaklogin");
    let list: Vec<Value> = by_idp.get(LIST).await.json();
    assert_eq!(list[0]["restrictions"], json!({"canAccept": true}));
    restrict(json!([
        {"emailDomain": "example.org", "requiredIdp": "OakLogin"}, {"emailDomain": "EXAMPLE.org"},
    ]));
    assert_eq!(accept(&world, &key).await.status, 200);
    assert_joined(&world, &key).await;
}

#[actix_web::test]
async fn a_session_of_the_identity_provider_is_admitted() {
    let (world, key) = invited().await;
    let restrictions = json!([{"emailDomain": "example.org", "requiredIdp": "OakLogin"}]);
    world
        .clinic
        .has_clinic(OAK, json!({ "restrictions": restrictions }));
    let other = put(&dave_of(&world, "elm"), &own_path("dave", &key)).await;
    assert_refused(&other, 403, NOT_ACCEPTED);
    let answer = put(&dave_of(&world, "OAKLOGIN"), &own_path("dave", &key)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

#[actix_web::test]
async fn an_invitation_of_which_clinic_does_not_know_is_canceled() {
    let (world, key) = invited().await;
    world.clinic.dismiss(OAK, &key);
    assert_refused(&accept(&world, &key).await, 404, NO_INVITE);
    assert_eq!(world.status(&key).await, "canceled");
    assert!(world.everything(&["outbox"]).await.is_empty());
}

#[actix_web::test]
async fn a_clinic_that_is_gone_invites_nobody() {
    let (world, key) = invited().await;
    world.clinic.remove_clinic(OAK);
    assert_refused(&world.user("dave").get(LIST).await, 404, "Nothing found");
    assert_refused(&accept(&world, &key).await, 404, NO_INVITE);
}

#[actix_web::test]
async fn who_works_there_already_is_not_taken_twice() {
    let (world, key) = invited().await;
    world.clinic.has_clinician(OAK, "dave", MEMBER);
    let answer = accept(&world, &key).await;
    assert_refused(&answer, 409, "The user is already an existing member");
    assert_pending(&world, &key).await;
    world.clinic.dismiss(OAK, "dave");
    assert_eq!(accept(&world, &key).await.status, 200);
    assert_joined(&world, &key).await;
}

/// An acceptance that has begun while clinic fails.
async fn begun() -> (World, String) {
    let (world, key) = invited().await;
    world.clinic.fail(Ask::Associate, 500);
    assert_refused(&accept(&world, &key).await, 500, NOT_ACCEPTED);
    (world, key)
}

#[actix_web::test]
async fn what_clinic_did_not_do_is_finished_by_a_repeat() {
    let (world, key) = begun().await;
    assert_eq!(place(&world), None);
    // Nobody takes it back meanwhile.
    let cancel = world.user("carol").delete(&clinician_path(&key)).await;
    assert_refused(&cancel, 403, FORBIDDEN);
    let decline = world.user("dave").delete(&own_path("dave", &key)).await;
    assert_refused(&decline, 403, FORBIDDEN);
    // It was admitted when it began.
    let restrictions = json!([{"emailDomain": "oak.example"}]);
    world
        .clinic
        .has_clinic(OAK, json!({ "restrictions": restrictions }));
    world.clinic.mend_all();
    assert_eq!(accept(&world, &key).await.status, 200);
    assert_joined(&world, &key).await;
}

#[actix_web::test]
async fn what_clinic_did_and_did_not_tell_is_finished_by_a_repeat() {
    let (world, key) = begun().await;
    world.clinic.dismiss(OAK, &key);
    world.clinic.has_clinician(OAK, "dave", MEMBER);
    world.clinic.mend_all();
    assert_eq!(accept(&world, &key).await.status, 200);
    assert_joined(&world, &key).await;
}

#[actix_web::test]
async fn without_a_repeat_it_is_finished_a_little_later_and_told_once() {
    let (mut world, key) = begun().await;
    world.clinic.mend_all();
    world.hurry().await;
    world.start_relay();
    eventually("the acceptance", async || {
        world.status(&key).await == "completed"
    })
    .await;
    world.settled().await;
    let answer = accept(&world, &key).await;
    assert_eq!(answer.json::<Value>()["id"], "dave");
    assert_joined(&world, &key).await;
}

#[actix_web::test]
async fn each_outage_has_its_status_and_changes_nothing() {
    let (world, key) = invited().await;
    let (dave, path) = (world.user("dave"), own_path("dave", &key));
    let finding = "Error finding the confirmation";
    world.clinic.fail(Ask::Restrictions, 500);
    assert_refused(&dave.get(LIST).await, 500, finding);
    assert_refused(&accept(&world, &key).await, 500, finding);
    assert_pending(&world, &key).await;
    world.clinic.mend_all();
    world.user_api.fail(stand_ins::user_api::Ask::People, 500);
    assert_refused(&dave.get(LIST).await, 500, "Error finding the user");
    assert_refused(&accept(&world, &key).await, 500, finding);
    world.user_api.mend_all();
    world.clinic.fail(Ask::Uninvite, 500);
    assert_refused(&dave.delete(&path).await, 500, finding);
    assert_eq!(world.status(&key).await, "declined");
}

#[actix_web::test]
async fn two_acceptances_at_once_are_one() {
    for _ in 0..5 {
        let (world, key) = invited().await;
        let (one, other) = futures_util::join!(accept(&world, &key), accept(&world, &key));
        let mut statuses = [one.status, other.status];
        statuses.sort_unstable();
        assert!(matches!(statuses, [200, 200 | 404]), "{statuses:?}");
        assert_joined(&world, &key).await;
    }
}

#[actix_web::test]
async fn of_taking_back_and_accepting_one_wins() {
    for round in 0..6 {
        let (world, key) = invited().await;
        let (carol, path) = (world.user("carol"), clinician_path(&key));
        let (accepted, canceled) = if round % 2 == 0 {
            futures_util::join!(accept(&world, &key), carol.delete(&path))
        } else {
            let (canceled, accepted) =
                futures_util::join!(carol.delete(&path), accept(&world, &key));
            (accepted, canceled)
        };
        let stored = world.status(&key).await;
        match accepted.status {
            200 => {
                assert!(place(&world).is_some() && stored == "completed");
                assert!(matches!(canceled.status, 200 | 403));
            }
            404 => {
                assert!(place(&world).is_none() && stored == "canceled");
                assert_ok(&canceled);
            }
            status => panic!("{status}: {}", accepted.text()),
        }
        assert!(world.everything(&["outbox"]).await.is_empty());
    }
}
