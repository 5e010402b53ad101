//! What the chapters with mails have in common.

use anyhow::ensure;
use reqwest::Method;
use serde_json::Value;

use super::{
    SERVICE,
    mailbox::{Mail, Mailbox},
    stage::{Answer, Person, Stage, address},
};

/// The platform and the mails that come from it.
pub(super) struct Scene<'a> {
    pub(super) stage: &'a Stage,
    pub(super) mails: &'a Mailbox,
    /// With what [`SERVICE`] logs in, if that is known.
    pub(super) secret: Option<String>,
    /// What hospital records show, if that is known.
    pub(super) redox_token: Option<String>,
}

impl Scene<'_> {
    /// An account whose owner has followed the link in the mail.
    pub(super) async fn join(&self, name: &'static str) -> anyhow::Result<Person> {
        self.join_at(name, &address(name, "")?).await
    }

    pub(super) async fn join_at(
        &self,
        name: &'static str,
        address: &str,
    ) -> anyhow::Result<Person> {
        self.join_as("patient", name, address).await
    }

    /// The same with a role, as the page gives it on which somebody signs up.
    pub(super) async fn join_as(
        &self,
        role: &str,
        name: &'static str,
        address: &str,
    ) -> anyhow::Result<Person> {
        let mut person = self.stage.register(role, name, address).await?;
        self.stage.log_in(&mut person).await?.must_be(403)?;
        let path = format!("/confirm/send/signup/{}", person.id);
        self.call(&person, Method::POST, &path, None)
            .await?
            .must_be(200)?;
        let mail = self.mails.receive(address).await?;
        ensure!(
            mail.value("/login", "signupEmail")? == address,
            "the link names the address"
        );
        self.follow(&mail, None).await?.must_be(200)?;
        self.stage.log_in(&mut person).await?.must_be(200)?;
        Ok(person)
    }

    /// Verifies an address by the link in `mail`, as a page does.
    pub(super) async fn follow(&self, mail: &Mail, body: Option<&Value>) -> anyhow::Result<Answer> {
        let key = mail.value("/login", "signupKey")?;
        let path = format!("/confirm/accept/signup/{key}");
        self.stage.anonymously(Method::PUT, &path, body).await
    }

    pub(super) async fn set_profile(
        &self,
        person: &Person,
        account: &str,
        profile: &Value,
    ) -> anyhow::Result<()> {
        let path = format!("/metadata/{account}/profile");
        self.call(person, Method::PUT, &path, Some(profile))
            .await?
            .must_be(200)?;
        Ok(())
    }

    /// A service; `None`: its secret is not known.
    pub(super) async fn service(&self) -> anyhow::Result<Option<Person>> {
        let Some(secret) = &self.secret else {
            return Ok(None);
        };
        self.stage
            .chapter("Some of what follows is for services alone. One of them logs in.");
        let service = self.stage.log_in_service(SERVICE, secret).await?;
        Ok(Some(service))
    }

    pub(super) async fn call(
        &self,
        person: &Person,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<Answer> {
        self.stage.call(person, method, path, body).await
    }
}
