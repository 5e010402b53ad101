//! `cargo xtask demo`: the family story against a running platform, every call and its answer.
//!
//! It is a tutorial and a test at once: a call that is not answered as the story says ends it.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail, ensure};
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};

use crate::services::VERIFIED_TAG;

const TOKEN_HEADER: &str = "x-tidepool-session-token";
/// How long the deletion of an account may take to reach every service.
const PROPAGATION: Duration = Duration::from_secs(15);

/// Plays the family story against a running platform and prints every call and its answer.
///
/// It makes new accounts each time. An answer that is not as the story says ends it with an error.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The public origin of the platform.
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    origin: String,
    /// What makes an address count as verified there.
    #[arg(long, default_value = VERIFIED_TAG)]
    verified_tag: String,
}

pub(crate) async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let stage = Stage::new(&arguments.origin)?;
    let family = Family::sign_up(&stage, &arguments.verified_tag).await?;
    share(&stage, &family).await?;
    drop_rights(&stage, &family).await?;
    run_a_child_account(&stage, &family).await?;
    delete_an_account(&stage, &family).await?;
    println!("\nThe story is told. Every answer was as it should be.");
    Ok(())
}

/// A person with an account.
struct Person {
    name: &'static str,
    id: String,
    token: String,
    password: String,
}

struct Family {
    alice: Person,
    bob: Person,
    carol: Person,
    dave: Person,
    ellen: Person,
    stranger: Person,
}

impl Family {
    async fn sign_up(stage: &Stage, verified_tag: &str) -> anyhow::Result<Self> {
        stage.chapter("Alice is ten and has diabetes. She and the people around her sign up.");
        let person = async |name| stage.sign_up(name, verified_tag).await;
        let family = Self {
            alice: person("Alice").await?,
            bob: person("Bob").await?,
            carol: person("Carol").await?,
            dave: person("Dave").await?,
            ellen: person("Ellen").await?,
            stranger: person("Mallory").await?,
        };
        let profile = json!({ "fullName": "Alice", "patient": { "birthday": "2016-05-04" } });
        let alice = &family.alice;
        stage
            .call(
                alice,
                Method::PUT,
                &format!("/metadata/{}/profile", alice.id),
                Some(&profile),
            )
            .await?
            .must_be(200)?;
        Ok(family)
    }
}

/// Alice grants, the right people see it, the others do not.
async fn share(stage: &Stage, family: &Family) -> anyhow::Result<()> {
    let Family {
        alice,
        bob,
        carol,
        dave,
        ellen,
        stranger,
    } = family;
    stage.chapter("Alice lets each of them do what they need to.");
    for (person, names) in [
        (bob, &["view", "upload", "note", "edit", "admin"][..]),
        (carol, &["view", "upload", "note"]),
        (dave, &["note"]),
        (ellen, &["upload", "note"]),
    ] {
        stage
            .set(alice, &alice.id, &person.id, names)
            .await?
            .must_equal(200, &set(names))?;
    }

    stage.chapter("Alice and Bob, who has admin, see who can reach Alice. Nobody else does.");
    for person in [alice, bob] {
        let members = stage.members(person, &alice.id).await?.must_be(200)?;
        ensure!(
            members
                .as_object()
                .is_some_and(|members| members.len() == 5),
            "five can reach Alice"
        );
        ensure!(
            members[&alice.id] == set(&["root"]),
            "Alice has root on her own account"
        );
    }
    for person in [carol, dave, ellen, stranger] {
        stage
            .members(person, &alice.id)
            .await?
            .must_equal(401, &json!("Unauthorized"))?;
    }

    stage.chapter("Bob looks up whose accounts he can reach.");
    let groups = stage
        .call(
            bob,
            Method::GET,
            &format!("/access/groups/{}", bob.id),
            None,
        )
        .await?
        .must_be(200)?;
    ensure!(
        groups[&alice.id] == set(&["view", "upload", "note", "edit", "admin"]),
        "Bob reaches Alice with his five permissions, and root is not among them"
    );
    Ok(())
}

/// People give up what they have; nobody takes more.
async fn drop_rights(stage: &Stage, family: &Family) -> anyhow::Result<()> {
    let Family {
        alice, carol, dave, ..
    } = family;
    stage.chapter("Carol gives up uploading. She can't give herself editing.");
    let fewer = ["view", "note"];
    stage
        .set(carol, &alice.id, &carol.id, &fewer)
        .await?
        .must_equal(200, &set(&fewer))?;
    let more = ["view", "note", "edit"];
    stage
        .set(carol, &alice.id, &carol.id, &more)
        .await?
        .must_equal(401, &json!("Unauthorized"))?;

    stage.chapter("Dave gives up everything and disappears from the list.");
    stage
        .set(dave, &alice.id, &dave.id, &[])
        .await?
        .must_equal(200, &Value::Null)?;
    let members = stage.members(alice, &alice.id).await?.must_be(200)?;
    ensure!(members.get(&dave.id).is_none(), "Dave is gone");
    ensure!(
        members[&carol.id] == set(&fewer),
        "Carol still has the rest"
    );
    Ok(())
}

/// A child account always keeps somebody who runs it.
async fn run_a_child_account(stage: &Stage, family: &Family) -> anyhow::Result<()> {
    let Family { bob, carol, .. } = family;
    stage.chapter("Bob makes an account for his small son, without password and without address.");
    let child = stage
        .call(
            bob,
            Method::POST,
            &format!("/auth/user/createChild/{}", bob.id),
            Some(&json!({ "fullName": "Finn" })),
        )
        .await?
        .must_be(201)?;
    let child = child["userid"].as_str().context("the child has an id")?;
    let members = stage.members(bob, child).await?.must_be(200)?;
    let all = ["view", "edit", "note", "admin", "upload"];
    ensure!(members[&bob.id] == set(&all), "Bob runs the account");
    let profile = stage
        .call(
            bob,
            Method::GET,
            &format!("/metadata/{child}/profile"),
            None,
        )
        .await?
        .must_be(200)?;
    ensure!(
        profile["isDataAccount"] == json!(true),
        "the child's account is a data account"
    );

    stage.chapter("Nobody could ever reach the account if Bob left it, so he can't.");
    stage.set(bob, child, &bob.id, &[]).await?.must_be(403)?;

    stage.chapter("He makes Carol an admin as well. Then he can leave, and Carol can't.");
    let admin = ["view", "admin"];
    stage
        .set(bob, child, &carol.id, &admin)
        .await?
        .must_equal(200, &set(&admin))?;
    stage
        .set(bob, child, &bob.id, &[])
        .await?
        .must_equal(200, &Value::Null)?;
    stage
        .set(carol, child, &carol.id, &[])
        .await?
        .must_be(403)?;
    Ok(())
}

/// A deleted account is gone everywhere.
async fn delete_an_account(stage: &Stage, family: &Family) -> anyhow::Result<()> {
    let Family { alice, bob, .. } = family;
    stage
        .chapter("Bob deletes his account. Soon no list shows him and no service knows his token.");
    let password = json!({ "password": bob.password });
    stage
        .call(
            bob,
            Method::DELETE,
            &format!("/auth/user/{}", bob.id),
            Some(&password),
        )
        .await?
        .must_be(204)?;
    stage
        .call(bob, Method::GET, "/auth/user", None)
        .await?
        .must_be(401)?;
    stage
        .until(
            "Bob's token is refused by the permission service",
            async |quiet| {
                let groups = format!("/access/groups/{}", bob.id);
                Ok(quiet.call(bob, Method::GET, &groups, None).await?.status == 401)
            },
        )
        .await?;
    stage
        .until("Bob is gone from Alice's list", async |quiet| {
            let members = quiet.members(alice, &alice.id).await?.must_be(200)?;
            Ok(members.get(&bob.id).is_none())
        })
        .await?;
    stage.members(alice, &alice.id).await?.must_be(200)?;
    Ok(())
}

/// A permission set: each name with an empty object.
fn set(names: &[&str]) -> Value {
    names
        .iter()
        .map(|name| ((*name).to_owned(), json!({})))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

/// Where the story plays: it makes the calls and prints them.
struct Stage {
    origin: String,
    client: Client,
    aloud: bool,
}

struct Answer {
    what: String,
    status: StatusCode,
    token: Option<String>,
    body: Value,
}

impl Stage {
    fn new(origin: &str) -> anyhow::Result<Self> {
        #[expect(
            clippy::disallowed_methods,
            reason = "the story plays a foreign client"
        )]
        let client = Client::builder()
            .timeout(Duration::from_secs(30))
            .no_proxy()
            .build()?;
        Ok(Self {
            origin: origin.trim_end_matches('/').to_owned(),
            client,
            aloud: true,
        })
    }

    fn chapter(&self, text: &str) {
        if self.aloud {
            println!("\n# {text}");
        }
    }

    async fn sign_up(&self, name: &'static str, verified_tag: &str) -> anyhow::Result<Person> {
        // The story can be told again and again.
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos();
        let address = format!("{}.{now:x}{verified_tag}@example.org", name.to_lowercase());
        let password = format!("{name}-{:012x}", now >> 4 & 0xFFFF_FFFF_FFFF);
        let account = json!({
            "username": address, "emails": [address], "password": password, "roles": ["patient"],
        });
        let request = self
            .client
            .request(Method::POST, self.url("/auth/user"))
            .json(&account);
        let answer = self
            .send("POST /auth/user", Some(&account), request)
            .await?;
        ensure!(
            answer.status == 201,
            "{}: {} instead of 201",
            answer.what,
            answer.status
        );
        let id = answer.body["userid"]
            .as_str()
            .context("an account has an id")?
            .to_owned();

        let request = self
            .client
            .request(Method::POST, self.url("/auth/login"))
            .basic_auth(&address, Some(&password));
        let what = format!("POST /auth/login  (as {address})");
        let answer = self.send(&what, None, request).await?;
        ensure!(
            answer.status == 200,
            "{}: {} instead of 200",
            answer.what,
            answer.status
        );
        let token = answer.token.context("a login answers a token")?;
        Ok(Person {
            name,
            id,
            token,
            password,
        })
    }

    async fn members(&self, person: &Person, account: &str) -> anyhow::Result<Answer> {
        self.call(person, Method::GET, &format!("/access/{account}"), None)
            .await
    }

    async fn set(
        &self,
        person: &Person,
        sharer: &str,
        grantee: &str,
        names: &[&str],
    ) -> anyhow::Result<Answer> {
        self.call(
            person,
            Method::POST,
            &format!("/access/{sharer}/{grantee}"),
            Some(&set(names)),
        )
        .await
    }

    async fn call(
        &self,
        person: &Person,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<Answer> {
        let what = format!("{method} {path}  (as {})", person.name);
        let mut request = self
            .client
            .request(method, self.url(path))
            .header(TOKEN_HEADER, &person.token);
        if let Some(body) = body {
            request = request.json(body);
        }
        self.send(&what, body, request).await
    }

    async fn send(
        &self,
        what: &str,
        body: Option<&Value>,
        request: reqwest::RequestBuilder,
    ) -> anyhow::Result<Answer> {
        if self.aloud {
            println!("\n> {what}");
            if let Some(body) = body {
                println!("> {body}");
            }
        }
        let response = request.send().await.with_context(|| {
            format!("nothing answers at {}; does the platform run?", self.origin)
        })?;
        let status = response.status();
        let token = response
            .headers()
            .get(TOKEN_HEADER)
            .and_then(|token| token.to_str().ok())
            .map(str::to_owned);
        let text = response.text().await?;
        if self.aloud {
            println!("< {status}");
            if token.is_some() {
                println!("< {TOKEN_HEADER}: (a session token)");
            }
            if !text.is_empty() {
                println!("< {text}");
            }
        }
        let body = if text.is_empty() {
            Value::Null
        } else {
            serde_json::from_str(&text)?
        };
        Ok(Answer {
            what: what.to_owned(),
            status,
            token,
            body,
        })
    }

    /// Asks, without printing, until `told` says yes.
    async fn until(
        &self,
        what: &str,
        told: impl AsyncFn(&Stage) -> anyhow::Result<bool>,
    ) -> anyhow::Result<()> {
        let quiet = Stage {
            origin: self.origin.clone(),
            client: self.client.clone(),
            aloud: false,
        };
        let started = Instant::now();
        while !told(&quiet).await? {
            if started.elapsed() > PROPAGATION {
                bail!("not within {} s: {what}", PROPAGATION.as_secs());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        println!("\n({what}, after {:.1} s)", started.elapsed().as_secs_f64());
        Ok(())
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }
}

impl Answer {
    fn must_be(self, status: u16) -> anyhow::Result<Value> {
        ensure!(
            self.status.as_u16() == status,
            "{}: answered {} instead of {status}: {}",
            self.what,
            self.status,
            self.body
        );
        Ok(self.body)
    }

    fn must_equal(self, status: u16, body: &Value) -> anyhow::Result<()> {
        let what = self.what.clone();
        let answered = self.must_be(status)?;
        ensure!(
            answered == *body,
            "{what}: answered {answered} instead of {body}"
        );
        Ok(())
    }
}
