//! The third chapter of the story: a clinic is opened, looks after people, and they leave it.

mod ending;
mod rules;

use anyhow::{Context, ensure};
use reqwest::Method;
use serde_json::{Value, json};

use super::{
    scene::Scene,
    stage::{Answer, Person, address, password, set, work_address},
};

/// The number that the clinic gives Alice.
const NUMBER: &str = "oak-1";

/// A clinic, as its people call it.
struct Clinic<'a> {
    scene: &'a Scene<'a>,
    /// Runs it.
    carol: Person,
    /// Does what people may not; `None`: its secret is not known.
    service: Option<Person>,
    id: String,
    share_code: String,
}

/// From the first day of a clinic to where nobody runs it any more.
pub(super) async fn tell(scene: &Scene<'_>) -> anyhow::Result<()> {
    let clinic = Clinic::open(scene).await?;
    let nina = clinic.hire().await?;
    clinic.restrict(&nina).await?;
    let alice = clinic.take_a_patient(&nina).await?;
    clinic.number_once().await?;
    let finn = clinic.enrol(&nina).await?;
    clinic.be_claimed(&nina).await?;
    clinic.label(&nina, &alice, &finn).await?;
    clinic.lose_a_patient(&nina, &alice).await?;
    clinic.end(&nina, &finn).await?;
    clinic.be_left(&finn).await
}

impl<'a> Clinic<'a> {
    async fn open(scene: &'a Scene<'a>) -> anyhow::Result<Self> {
        scene.stage.chapter(
            "Third chapter, in a clinic. Dr Carol signs up as a clinician and opens Oak Clinic. Who has its share code can share with it.",
        );
        let carol = scene
            .join_as("clinician", "Carol", &work_address("Carol")?)
            .await?;
        let name = json!({ "fullName": "Dr Carol" });
        scene.set_profile(&carol, &carol.id, &name).await?;
        let profile = json!({ "name": "Oak Clinic", "preferredBgUnits": "mg/dL" });
        let opened = scene
            .call(&carol, Method::POST, "/v1/clinics", Some(&profile))
            .await?
            .must_be(200)?;
        let (id, share_code) = (text(&opened["id"])?, text(&opened["shareCode"])?);
        let shown = scene
            .call(&carol, Method::GET, &format!("/v1/clinics/{id}"), None)
            .await?
            .must_be(200)?;
        ensure!(shown["shareCode"] == share_code, "the share code shows");
        Ok(Self {
            scene,
            carol,
            service: scene.service().await?,
            id,
            share_code,
        })
    }

    /// Somebody without an account comes to work for it.
    async fn hire(&self) -> anyhow::Result<Person> {
        self.scene.stage.chapter(
            "She invites Nina, who has no account; the mail leads to a sign-up. Until Nina accepts she sees nothing of the clinic.",
        );
        let address = work_address("Nina")?;
        let key = self.invite(&address).await?;
        let mail = self.scene.mails.receive(&address).await?;
        ensure!(
            mail.subject.contains("Oak Clinic"),
            "the mail says which clinic it is"
        );
        ensure!(
            mail.value("/signup/clinician", "inviteEmail")? == address,
            "the link names the address"
        );
        let nina = self.scene.join_as("clinician", "Nina", &address).await?;
        self.call(&nina, Method::GET, "/patients", None)
            .await?
            .must_be(403)?;
        let invitations = format!("/v1/clinicians/{}/invites", nina.id);
        let list = self
            .scene
            .call(&nina, Method::GET, &invitations, None)
            .await?
            .must_be(200)?;
        ensure!(
            list[0]["key"] == key && list[0]["restrictions"]["canAccept"] == json!(true),
            "Nina may accept what Carol sent"
        );
        let accept = format!("{invitations}/{key}");
        self.scene
            .call(&nina, Method::PUT, &accept, None)
            .await?
            .must_be(200)?;
        self.call(&nina, Method::GET, "/patients", None)
            .await?
            .must_equal(
                200,
                &json!({ "data": [], "meta": { "count": 0, "totalCount": 0 } }),
            )?;
        Ok(nina)
    }

    /// Carol invites somebody to work for the clinic; the key of the invitation.
    async fn invite(&self, address: &str) -> anyhow::Result<String> {
        let body = json!({ "email": address, "roles": ["CLINIC_MEMBER"] });
        let path = "/invites/clinicians";
        let invited = self
            .call(&self.carol, Method::POST, path, Some(&body))
            .await?
            .must_be(200)?;
        text(&invited["inviteId"])
    }

    /// Somebody with an account shares it.
    async fn take_a_patient(&self, nina: &Person) -> anyhow::Result<Person> {
        let stage = self.scene.stage;
        stage.chapter("Alice shares her data with the clinic by its code. Nina accepts.");
        let alice = self.scene.join("Alice").await?;
        let profile = json!({ "fullName": "Alice", "patient": { "birthday": "2016-05-04" } });
        self.scene.set_profile(&alice, &alice.id, &profile).await?;
        let offered = set(&["view", "note"]);
        let offer = json!({ "shareCode": self.share_code, "permissions": offered });
        let path = format!("/confirm/send/invite/{}/clinic", alice.id);
        let sent = self
            .scene
            .call(&alice, Method::POST, &path, Some(&offer))
            .await?
            .must_be(200)?;
        let subject = "New share invitation for Oak Clinic";
        self.scene
            .mails
            .receive_about(&self.carol.address, subject)
            .await?;
        let accept = format!("/invites/patients/{}", text(&sent["key"])?);
        let number = json!({ "mrn": NUMBER });
        let patient = self
            .call(nina, Method::PUT, &accept, Some(&number))
            .await?
            .must_be(200)?;
        ensure!(
            patient["permissions"] == offered && patient["mrn"] == number["mrn"],
            "the clinic has what Alice offered"
        );

        stage.chapter(
            "So Nina can do what Alice allowed. Alice's own list shows people, not the clinic.",
        );
        self.until_may(nina, &alice.id, Some(&offered)).await?;
        let pair = format!("/access/{}/{}", alice.id, nina.id);
        self.scene
            .call(nina, Method::GET, &pair, None)
            .await?
            .must_equal(200, &offered)?;
        let profile = format!("/metadata/{}/profile", alice.id);
        self.scene
            .call(nina, Method::GET, &profile, None)
            .await?
            .must_be(200)?;
        stage
            .members(&alice, &alice.id)
            .await?
            .must_equal(200, &json!({ &alice.id: set(&["root"]) }))?;
        Ok(alice)
    }

    /// Somebody without an account becomes a patient; the id of the account.
    async fn enrol(&self, nina: &Person) -> anyhow::Result<String> {
        self.scene.stage.chapter(
            "Finn has neither an account nor an address. Carol has the clinic make him one, which it runs.",
        );
        let details = json!({ "fullName": "Finn", "birthDate": "2019-08-30" });
        let finn = self
            .call(&self.carol, Method::POST, "/patients", Some(&details))
            .await?
            .must_be(200)?;
        let finn = text(&finn["id"])?;
        let all = set(&["custodian", "view", "upload", "note"]);
        self.until_may(nina, &finn, Some(&all)).await?;
        Ok(finn)
    }

    /// Somebody for whom it made an account takes it over.
    async fn be_claimed(&self, nina: &Person) -> anyhow::Result<()> {
        let stage = self.scene.stage;
        stage.chapter(
            "Mia has an address. A mail lets her take over the account that the clinic makes. The clinic no longer runs it then, but keeps the rest.",
        );
        let address = address("Mia", "")?;
        let details = json!({ "fullName": "Mia", "birthDate": "2001-02-03", "email": address });
        let mia = self
            .call(&self.carol, Method::POST, "/patients", Some(&details))
            .await?
            .must_be(200)?;
        let mia = text(&mia["id"])?;
        let mail = self.scene.mails.receive(&address).await?;
        let password = password("Mia")?;
        let claim = json!({ "password": password, "birthday": "2001-02-03" });
        self.scene.follow(&mail, Some(&claim)).await?.must_be(200)?;
        let mut mia = Person::of("Mia", &mia, &address, &password);
        stage.log_in(&mut mia).await?.must_be(200)?;
        let rest = set(&["view", "upload", "note"]);
        self.until_may(nina, &mia.id, Some(&rest)).await
    }

    async fn label(&self, nina: &Person, alice: &Person, finn: &str) -> anyhow::Result<()> {
        let stage = self.scene.stage;
        stage.chapter(
            "Nina makes a tag, and Carol, who runs the clinic, a site. Nina gives both to Finn. Then she finds him by each.",
        );
        let tag = self.make(nina, "/patient_tags", "Pumps").await?;
        let site = self.make(&self.carol, "/sites", "North").await?;
        let of_finn = format!("/patients/{finn}");
        let change = json!({
            "fullName": "Finn", "birthDate": "2019-08-30", "tags": [tag],
            "sites": [{ "id": site, "name": "North" }],
        });
        let changed = self
            .call(nina, Method::PUT, &of_finn, Some(&change))
            .await?
            .must_be(200)?;
        ensure!(
            changed["tags"] == change["tags"] && changed["sites"] == change["sites"],
            "Finn has both"
        );
        for (query, found) in [
            (format!("tags={tag}"), finn),
            (format!("sites={site}"), finn),
            ("search=ali".to_owned(), alice.id.as_str()),
        ] {
            let list = self
                .call(nina, Method::GET, &format!("/patients?{query}"), None)
                .await?
                .must_be(200)?;
            ensure!(
                list["data"][0]["id"] == found && list["meta"]["count"] == json!(1),
                "{query} finds one"
            );
        }

        stage.chapter(
            "A tag is renamed by who works there, a site by who runs the clinic, for its patients as well.",
        );
        let of_tag = format!("/patient_tags/{tag}");
        let name = json!({ "name": "Pump users" });
        self.call(nina, Method::PUT, &of_tag, Some(&name))
            .await?
            .must_equal(200, &json!({ "id": tag, "name": "Pump users" }))?;
        let of_site = format!("/sites/{site}");
        let name = json!({ "id": site, "name": "Northern" });
        self.call(nina, Method::PUT, &of_site, Some(&name))
            .await?
            .must_be(403)?;
        let renamed = self
            .call(&self.carol, Method::PUT, &of_site, Some(&name))
            .await?
            .must_be(200)?;
        ensure!(renamed["name"] == name["name"], "the site is renamed");
        let seen = self
            .call(nina, Method::GET, &of_finn, None)
            .await?
            .must_be(200)?;
        ensure!(seen["sites"][0] == name, "Finn's site is renamed");

        stage.chapter("Who runs the clinic removes both, and Finn has neither then.");
        for path in [&of_tag, &of_site] {
            self.call(nina, Method::DELETE, path, None)
                .await?
                .must_be(403)?;
            self.call(&self.carol, Method::DELETE, path, None)
                .await?
                .must_be(204)?;
        }
        let seen = self
            .call(nina, Method::GET, &of_finn, None)
            .await?
            .must_be(200)?;
        ensure!(
            seen["tags"].is_null() && seen["sites"] == json!([]),
            "Finn has neither"
        );
        Ok(())
    }

    /// Makes a tag or a site; its id.
    async fn make(&self, person: &Person, path: &str, name: &str) -> anyhow::Result<String> {
        let body = json!({ "name": name });
        let made = self
            .call(person, Method::POST, path, Some(&body))
            .await?
            .must_be(200)?;
        ensure!(made["name"] == body["name"], "it has its name");
        text(&made["id"])
    }

    async fn lose_a_patient(&self, nina: &Person, alice: &Person) -> anyhow::Result<()> {
        let stage = self.scene.stage;
        stage.chapter("Alice takes one permission back, and then leaves the clinic.");
        let of_alice = format!("/patients/{}", alice.id);
        let note = format!("{of_alice}/permissions/note");
        self.call(alice, Method::DELETE, &note, None)
            .await?
            .must_be(204)?;
        self.until_may(nina, &alice.id, Some(&set(&["view"])))
            .await?;
        self.call(alice, Method::DELETE, &of_alice, None)
            .await?
            .must_be(204)?;
        self.until_may(nina, &alice.id, None).await?;
        self.call(nina, Method::GET, &of_alice, None)
            .await?
            .must_be(404)?;
        let profile = format!("/metadata/{}/profile", alice.id);
        self.scene
            .call(nina, Method::GET, &profile, None)
            .await?
            .must_be(401)?;
        Ok(())
    }

    async fn end(&self, nina: &Person, finn: &str) -> anyhow::Result<()> {
        self.scene.stage.chapter(
            "Nina leaves, and what she could do ends. Carol is the last who runs the clinic: she can't leave it.",
        );
        let of = |person: &Person| format!("/clinicians/{}", person.id);
        self.call(nina, Method::DELETE, &of(nina), None)
            .await?
            .must_be(200)?;
        self.until_may(nina, finn, None).await?;
        self.call(nina, Method::GET, "/patients", None)
            .await?
            .must_be(403)?;
        let message = "constraint violation: the clinic must have at least one admin";
        self.call(&self.carol, Method::DELETE, &of(&self.carol), None)
            .await?
            .must_equal(422, &json!({ "message": message }))
    }

    /// Waits until gatekeeper says that `person` may do `what` on an account.
    async fn until_may(
        &self,
        person: &Person,
        account: &str,
        what: Option<&Value>,
    ) -> anyhow::Result<()> {
        let said = what.map_or("nothing".to_owned(), ToString::to_string);
        let pair = format!("/access/{account}/{}", person.id);
        let told = format!("{} may do {said} on {account}", person.name);
        self.scene
            .stage
            .until(&told, async |quiet| {
                let answer = quiet.call(person, Method::GET, &pair, None).await?;
                Ok(match what {
                    Some(what) => answer.status == 200 && answer.must_be(200)? == *what,
                    None => answer.status == 404,
                })
            })
            .await
    }

    /// A call below the clinic's own path.
    async fn call(
        &self,
        person: &Person,
        method: Method,
        rest: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<Answer> {
        let path = format!("/v1/clinics/{}{rest}", self.id);
        self.scene.call(person, method, &path, body).await
    }
}

fn text(value: &Value) -> anyhow::Result<String> {
    let text = value.as_str().context("a text")?;
    Ok(text.to_owned())
}
