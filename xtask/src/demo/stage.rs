//! Where the story plays: the calls, printed as they are made.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail, ensure};
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};

const TOKEN_HEADER: &str = "x-tidepool-session-token";
/// How long the deletion of an account may take to reach every service.
const PROPAGATION: Duration = Duration::from_secs(15);

/// A person with an account.
pub(super) struct Person {
    pub(super) name: &'static str,
    pub(super) id: String,
    pub(super) address: String,
    pub(super) password: String,
    token: String,
}

impl Person {
    /// Somebody whose account others made.
    pub(super) fn of(name: &'static str, id: &str, address: &str, password: &str) -> Self {
        Self {
            name,
            id: id.to_owned(),
            address: address.to_owned(),
            password: password.to_owned(),
            token: String::new(),
        }
    }
}

/// An address that nobody has; so the story can be told again and again.
pub(super) fn address(name: &str, tag: &str) -> anyhow::Result<String> {
    free_address(name, &format!("{tag}@example.org"))
}

/// The same of somebody who has it from Oak Clinic.
pub(super) fn work_address(name: &str) -> anyhow::Result<String> {
    free_address(name, "@oak.example")
}

fn free_address(name: &str, rest: &str) -> anyhow::Result<String> {
    let name = name.to_lowercase();
    Ok(format!("{name}.{:x}{rest}", nanoseconds()?))
}

/// A name that nothing else has.
pub(super) fn unused(name: &str) -> anyhow::Result<String> {
    Ok(format!("{name}-{:x}", nanoseconds()?))
}

/// A password that is somebody's own.
pub(super) fn password(name: &str) -> anyhow::Result<String> {
    let number = nanoseconds()? >> 4 & 0xFFFF_FFFF_FFFF;
    Ok(format!("{name}-{number:012x}"))
}

fn nanoseconds() -> anyhow::Result<u128> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
    Ok(now.as_nanos())
}

/// A permission set: each name with an empty object.
pub(super) fn set(names: &[&str]) -> Value {
    names
        .iter()
        .map(|name| ((*name).to_owned(), json!({})))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

/// Where the story plays: it makes the calls and prints them.
pub(super) struct Stage {
    origin: String,
    client: Client,
    aloud: bool,
}

pub(super) struct Answer {
    what: String,
    pub(super) status: StatusCode,
    token: Option<String>,
    body: Value,
}

impl Stage {
    pub(super) fn new(origin: &str) -> anyhow::Result<Self> {
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

    pub(super) fn chapter(&self, text: &str) {
        if self.aloud {
            println!("\n# {text}");
        }
    }

    /// Says that something is left out, which only a service may do.
    pub(super) fn skip(&self, what: &str) {
        if self.aloud {
            println!("\n# Skipped, as no secret of a service is known: {what}.");
        }
    }

    /// An account with a verified address, logged in.
    pub(super) async fn sign_up(
        &self,
        name: &'static str,
        verified_tag: &str,
    ) -> anyhow::Result<Person> {
        let address = address(name, verified_tag)?;
        let mut person = self.register("patient", name, &address).await?;
        self.log_in(&mut person).await?.must_be(200)?;
        Ok(person)
    }

    /// A new account with `role`, with the session that sign-up opens.
    pub(super) async fn register(
        &self,
        role: &str,
        name: &'static str,
        address: &str,
    ) -> anyhow::Result<Person> {
        let password = password(name)?;
        let account = json!({
            "username": address, "emails": [address], "password": password, "roles": [role],
        });
        let request = self
            .client
            .request(Method::POST, self.url("/auth/user"))
            .json(&account);
        let answer = self
            .send("POST /auth/user", Some(&account), request)
            .await?;
        let token = answer.token.clone();
        let body = answer.must_be(201)?;
        let id = body["userid"].as_str().context("an account has an id")?;
        Ok(Person {
            name,
            id: id.to_owned(),
            address: address.to_owned(),
            password,
            token: token.context("a sign-up answers a token")?,
        })
    }

    /// Opens a session and keeps its token, if it is granted.
    pub(super) async fn log_in(&self, person: &mut Person) -> anyhow::Result<Answer> {
        let request = self
            .client
            .request(Method::POST, self.url("/auth/login"))
            .basic_auth(&person.address, Some(&person.password));
        let what = format!("POST /auth/login  (as {})", person.address);
        let answer = self.send(&what, None, request).await?;
        if let Some(token) = &answer.token {
            person.token.clone_from(token);
        }
        Ok(answer)
    }

    /// A service that logs in as `name`. Its secret is not printed.
    pub(super) async fn log_in_service(&self, name: &str, secret: &str) -> anyhow::Result<Person> {
        let request = self
            .client
            .request(Method::POST, self.url("/serverlogin"))
            .header("x-tidepool-server-name", name)
            .header("x-tidepool-server-secret", secret);
        let what = format!("POST /serverlogin  (as {name})");
        let answer = self.send(&what, None, request).await?;
        let token = answer.token.clone();
        answer.must_be(200)?;
        Ok(Person {
            token: token.context("a log-in answers a token")?,
            ..Person::of("a service", "", "", "")
        })
    }

    pub(super) async fn members(&self, person: &Person, account: &str) -> anyhow::Result<Answer> {
        self.call(person, Method::GET, &format!("/access/{account}"), None)
            .await
    }

    pub(super) async fn set(
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

    pub(super) async fn call(
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

    /// A call of somebody who shows no token.
    pub(super) async fn anonymously(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<Answer> {
        let what = format!("{method} {path}");
        let mut request = self.client.request(method, self.url(path));
        if let Some(body) = body {
            request = request.json(body);
        }
        self.send(&what, body, request).await
    }

    /// A message of hospital records. What they show is not printed.
    pub(super) async fn deliver(&self, token: &str, message: &Value) -> anyhow::Result<Answer> {
        let request = self
            .client
            .request(Method::POST, self.url("/v1/redox"))
            .header("verification-token", token)
            .json(message);
        let what = "POST /v1/redox  (as the hospital)";
        self.send(what, Some(message), request).await
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
        let body = match text.as_str() {
            "" => Value::Null,
            // Some answers are plain text.
            text => serde_json::from_str(text).unwrap_or_else(|_| text.into()),
        };
        Ok(Answer {
            what: what.to_owned(),
            status,
            token,
            body,
        })
    }

    /// Asks, without printing, until `told` says yes.
    pub(super) async fn until(
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
    pub(super) fn must_be(self, status: u16) -> anyhow::Result<Value> {
        ensure!(
            self.status.as_u16() == status,
            "{}: answered {} instead of {status}: {}",
            self.what,
            self.status,
            self.body
        );
        Ok(self.body)
    }

    pub(super) fn must_equal(self, status: u16, body: &Value) -> anyhow::Result<()> {
        let what = self.what.clone();
        let answered = self.must_be(status)?;
        ensure!(
            answered == *body,
            "{what}: answered {answered} instead of {body}"
        );
        Ok(())
    }
}
