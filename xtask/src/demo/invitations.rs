//! The second chapter of the story: the same people meet again by e-mail.

use anyhow::{Context, bail, ensure};
use reqwest::Method;
use serde_json::{Value, json};

use super::{
    scene::Scene,
    stage::{Answer, Person, address, password, set},
};

const BIRTHDAY: &str = "2019-08-30";

/// Sign-ups, invitations, forgotten passwords and a claimed account.
pub(super) async fn tell(scene: &Scene<'_>) -> anyhow::Result<()> {
    let stage = scene.stage;
    stage.chapter(
        "Second chapter, with e-mails. Alice and Bob sign up with addresses that they have to verify.",
    );
    let alice = scene.join("Alice").await?;
    let bob = scene.join("Bob").await?;
    let profile = json!({ "fullName": "Alice", "patient": { "birthday": "2016-05-04" } });
    scene.set_profile(&alice, &alice.id, &profile).await?;
    let admin = ["view", "admin"];
    stage
        .set(&alice, &alice.id, &bob.id, &admin)
        .await?
        .must_equal(200, &set(&admin))?;

    let mut carol = scene.invite_a_newcomer(&alice, &bob).await?;
    scene.decline(&alice, &bob).await?;
    scene.cancel(&alice, &bob).await?;
    stage.chapter("Carol may look, but not invite.");
    scene
        .invite(&carol, &alice, &address("Frank", "")?)
        .await?
        .must_be(401)?;
    scene.forget_a_password(&mut carol).await?;
    scene.claim(&bob).await
}

impl Scene<'_> {
    async fn invite_a_newcomer(&self, alice: &Person, bob: &Person) -> anyhow::Result<Person> {
        self.stage.chapter(
            "Bob, who runs Alice's account, invites Carol. She has no account; the mail leads to a sign-up.",
        );
        let address = address("Carol", "")?;
        self.invite(bob, alice, &address).await?.must_be(200)?;
        let mail = self.mails.receive(&address).await?;
        ensure!(
            mail.subject.contains("Alice"),
            "the mail says whose care team it is"
        );
        ensure!(
            mail.value("/signup/personal", "inviteEmail")? == address,
            "the link names the address"
        );
        let carol = self.join_at("Carol", &address).await?;

        self.stage.chapter(
            "Carol finds the invitation and accepts. She has what was offered, and nothing else.",
        );
        let invitation = self.only_invitation(&carol).await?;
        self.answer("accept", &carol, alice, &invitation)
            .await?
            .must_equal(200, &json!("OK"))?;
        let pair = format!("/access/{}/{}", alice.id, carol.id);
        self.call(&carol, Method::GET, &pair, None)
            .await?
            .must_equal(200, &set(&["view", "note"]))?;
        self.invitations(&carol).await?.must_be(404)?;
        self.sent(bob, alice).await?.must_be(404)?;
        Ok(carol)
    }

    async fn decline(&self, alice: &Person, bob: &Person) -> anyhow::Result<()> {
        self.stage
            .chapter("Bob invites Dave, who has an account. To invite him twice makes no sense.");
        let dave = self.join("Dave").await?;
        self.invite(bob, alice, &dave.address).await?.must_be(200)?;
        let mail = self.mails.receive(&dave.address).await?;
        mail.link("/login")?;
        let refusal = json!({ "code": 409, "reason": "There is already an existing invite" });
        self.invite(bob, alice, &dave.address)
            .await?
            .must_equal(409, &refusal)?;

        self.stage
            .chapter("Dave declines. He is rid of it; Bob still sees it, until he withdraws it.");
        let invitation = self.only_invitation(&dave).await?;
        self.answer("dismiss", &dave, alice, &invitation)
            .await?
            .must_be(200)?;
        self.invitations(&dave).await?.must_be(404)?;
        let sent = self.sent(bob, alice).await?.must_be(200)?;
        ensure!(
            sent[0]["key"] == invitation["key"] && sent[0]["status"] == json!("declined"),
            "Bob sees that Dave declined"
        );
        self.withdraw(bob, alice, &dave.address)
            .await?
            .must_be(200)?;
        self.sent(bob, alice).await?.must_be(404)?;
        Ok(())
    }

    async fn cancel(&self, alice: &Person, bob: &Person) -> anyhow::Result<()> {
        self.stage.chapter(
            "Bob invites Ellen and withdraws it before she answers. Then she can't accept.",
        );
        let ellen = self.join("Ellen").await?;
        self.invite(bob, alice, &ellen.address)
            .await?
            .must_be(200)?;
        self.mails.receive(&ellen.address).await?;
        let invitation = self.only_invitation(&ellen).await?;
        self.withdraw(bob, alice, &ellen.address)
            .await?
            .must_be(200)?;
        self.answer("accept", &ellen, alice, &invitation)
            .await?
            .must_be(403)?;
        let pair = format!("/access/{}/{}", alice.id, ellen.id);
        self.call(&ellen, Method::GET, &pair, None)
            .await?
            .must_be(404)?;
        Ok(())
    }

    async fn forget_a_password(&self, carol: &mut Person) -> anyhow::Result<()> {
        self.stage.chapter(
            "Carol forgets her password. Nobody learns from the answer who has an account; the mails differ.",
        );
        let stranger = address("Nobody", "")?;
        for address in [&carol.address, &stranger] {
            let path = format!("/confirm/send/forgot/{address}");
            self.stage
                .anonymously(Method::POST, &path, None)
                .await?
                .must_equal(200, &Value::Null)?;
        }
        self.mails.receive(&stranger).await?.link("/signup")?;
        let mail = self.mails.receive(&carol.address).await?;
        let key = mail.value("/confirm-password-reset", "resetKey")?;

        self.stage.chapter("The key in Carol's mail works once.");
        carol.password = password("Carol")?;
        let reset = json!({ "key": key, "email": carol.address, "password": carol.password });
        let path = "/confirm/accept/forgot";
        self.stage
            .anonymously(Method::PUT, path, Some(&reset))
            .await?
            .must_equal(
                200,
                &json!({ "code": 200, "reason": "Password has been reset." }),
            )?;
        self.stage.log_in(carol).await?.must_be(200)?;
        self.stage
            .anonymously(Method::PUT, path, Some(&reset))
            .await?
            .must_be(404)?;
        Ok(())
    }

    async fn claim(&self, bob: &Person) -> anyhow::Result<()> {
        self.stage.chapter(
            "Bob made an account for his daughter Greta. She is old enough: her mail lets her take it over.",
        );
        let address = address("Greta", "")?;
        let account = json!({ "username": address, "emails": [address] });
        let path = format!("/auth/user/{}/user", bob.id);
        let greta = self
            .call(bob, Method::POST, &path, Some(&account))
            .await?
            .must_be(201)?;
        let greta = greta["userid"].as_str().context("an account has an id")?;
        let profile = json!({ "fullName": "Greta", "patient": { "birthday": BIRTHDAY } });
        self.set_profile(bob, greta, &profile).await?;
        let path = format!("/confirm/send/signup/{greta}");
        self.call(bob, Method::POST, &path, None)
            .await?
            .must_be(200)?;
        let mail = self.mails.receive(&address).await?;

        self.stage.chapter("Who doesn't know her birthday can't.");
        let mut claim = json!({ "password": password("Greta")?, "birthday": "2019-08-31" });
        let refused = self.follow(&mail, Some(&claim)).await?.must_be(409)?;
        ensure!(refused["error"] == json!(1006), "it says why: {refused}");
        claim["birthday"] = BIRTHDAY.into();
        self.follow(&mail, Some(&claim)).await?.must_be(200)?;

        self.stage
            .chapter("Greta logs in. Bob no longer runs her account, but keeps what else he had.");
        let password = claim["password"].as_str().unwrap_or_default();
        let mut greta = Person::of("Greta", greta, &address, password);
        self.stage.log_in(&mut greta).await?.must_be(200)?;
        let members = self.stage.members(&greta, &greta.id).await?.must_be(200)?;
        ensure!(
            members[&bob.id] == set(&["view", "upload"]),
            "Bob has the rest"
        );
        Ok(())
    }

    /// `sender` invites somebody to see what Alice keeps.
    async fn invite(
        &self,
        sender: &Person,
        alice: &Person,
        address: &str,
    ) -> anyhow::Result<Answer> {
        let path = format!("/confirm/send/invite/{}", alice.id);
        let body = json!({ "email": address, "permissions": set(&["view", "note"]) });
        self.call(sender, Method::POST, &path, Some(&body)).await
    }

    async fn withdraw(
        &self,
        sender: &Person,
        alice: &Person,
        address: &str,
    ) -> anyhow::Result<Answer> {
        let path = format!("/confirm/{}/invited/{address}", alice.id);
        self.call(sender, Method::PUT, &path, None).await
    }

    async fn answer(
        &self,
        verb: &str,
        person: &Person,
        inviter: &Person,
        invitation: &Value,
    ) -> anyhow::Result<Answer> {
        let path = format!("/confirm/{verb}/invite/{}/{}", person.id, inviter.id);
        let body = json!({ "key": invitation["key"] });
        self.call(person, Method::PUT, &path, Some(&body)).await
    }

    async fn only_invitation(&self, person: &Person) -> anyhow::Result<Value> {
        let list = self.invitations(person).await?.must_be(200)?;
        match list.as_array().map(Vec::as_slice) {
            Some([invitation]) => Ok(invitation.clone()),
            _ => bail!("{} has one invitation: {list}", person.name),
        }
    }

    async fn invitations(&self, person: &Person) -> anyhow::Result<Answer> {
        let path = format!("/confirm/invitations/{}", person.id);
        self.call(person, Method::GET, &path, None).await
    }

    async fn sent(&self, person: &Person, alice: &Person) -> anyhow::Result<Answer> {
        let path = format!("/confirm/invite/{}", alice.id);
        self.call(person, Method::GET, &path, None).await
    }
}
