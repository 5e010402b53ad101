//! Accounts that share with each other.

use serde_json::{Value, json};
use shared_runtime::testing::{Answer, Person};

use crate::world::{User, World};

/// Alice, and those with whom she shares.
pub(crate) struct Family {
    pub(crate) world: World,
    pub(crate) alice: User,
    /// Has given Alice `view` and `upload`, and got `view`.
    pub(crate) bob: User,
    /// Has given Alice `custodian`.
    pub(crate) kid: User,
    /// Got `note` from Alice.
    pub(crate) dave: User,
}

impl Family {
    pub(crate) async fn gather() -> Self {
        let world = World::start().await;
        let alice = world.user("alice").await;
        let bob = world.user("bob").await;
        let kid = world.user("kid").await;
        let dave = world.user("dave").await;
        world.verify(&bob).await;
        let terms = json!({"updates": {"termsAccepted": "2016-01-01T12:00:00-07:00"}});
        assert_eq!(bob.person.put("/user", &terms).await.status, 200);
        let granted = &world.gatekeeper;
        granted.grant(
            &bob.id,
            &alice.id,
            json!({"view": {}, "upload": {"sources": ["x"]}}),
        );
        granted.grant(&alice.id, &bob.id, json!({"view": {}}));
        granted.grant(&kid.id, &alice.id, json!({"custodian": {}}));
        granted.grant(&alice.id, &dave.id, json!({"note": {}}));
        for (user, name, birthday) in [
            (&bob, "Bob (Élan)", "2001-11-30"),
            (&kid, "Kid", "2015-11-30"),
            (&dave, "Dave", "1980-01-01"),
        ] {
            let profile = json!({"fullName": name, "patient": {"birthday": birthday, "diagnosisDate": "2016-12-31"}});
            for (collection, body) in [
                ("profile", profile),
                ("settings", json!({"units": name})),
                ("preferences", json!({"tour": name})),
            ] {
                let path = format!("/metadata/{}/{collection}", user.id);
                assert_eq!(user.person.put(&path, &body).await.status, 200);
            }
        }
        Self {
            world,
            alice,
            bob,
            kid,
            dave,
        }
    }

    pub(crate) async fn list(&self, person: &Person, query: &str) -> Answer {
        person
            .get(&format!("/metadata/users/{}/users{query}", self.alice.id))
            .await
    }

    /// Who is listed, by name.
    pub(crate) async fn names(&self, query: &str) -> Vec<&'static str> {
        let answer = self.list(&self.alice.person, query).await;
        assert_eq!(answer.status, 200, "{query} {}", answer.text());
        let listed: Vec<Value> = answer.json();
        let known = [(&self.bob, "bob"), (&self.dave, "dave"), (&self.kid, "kid")];
        known
            .into_iter()
            .filter(|(user, _)| listed.iter().any(|other| other["userid"] == user.id))
            .map(|(_, name)| name)
            .collect()
    }
}

pub(crate) fn sorted(people: [Value; 3]) -> Value {
    let mut people = Vec::from(people);
    people.sort_by_key(|person| person["userid"].as_str().map(str::to_owned));
    Value::Array(people)
}

pub(crate) fn merged(account: Value, more: Value) -> Value {
    let (Value::Object(mut whole), Value::Object(more)) = (account, more) else {
        panic!("both are objects");
    };
    whole.extend(more);
    Value::Object(whole)
}
