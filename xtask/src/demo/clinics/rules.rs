//! What a service says of the clinic: from where those come who work for it, and that it gives no
//! number twice.

use anyhow::ensure;
use reqwest::Method;
use serde_json::json;

use super::{Clinic, NUMBER};
use crate::demo::stage::{Person, address};

impl Clinic<'_> {
    /// Whoever joins must have an address of the clinic.
    pub(super) async fn restrict(&self, nina: &Person) -> anyhow::Result<()> {
        let stage = self.scene.stage;
        stage.chapter(
            "Who may work for the clinic is for others to restrict. Carol can read it, Nina can neither read nor change it.",
        );
        let path = "/membership_restrictions";
        let ours = json!({ "restrictions": [{ "emailDomain": "oak.example" }] });
        self.call(&self.carol, Method::GET, path, None)
            .await?
            .must_equal(200, &json!({}))?;
        self.call(nina, Method::GET, path, None)
            .await?
            .must_be(403)?;
        self.call(nina, Method::PUT, path, Some(&ours))
            .await?
            .must_be(403)?;

        let Some(service) = &self.service else {
            stage.skip("the clinic is restricted to a domain, and somebody else is refused");
            return Ok(());
        };
        stage.chapter(
            "A service says that whoever joins must have an address of the clinic. Olga has none: Carol can invite her, but she can't accept.",
        );
        self.call(service, Method::PUT, path, Some(&ours))
            .await?
            .must_equal(200, &ours)?;
        self.call(&self.carol, Method::GET, path, None)
            .await?
            .must_equal(200, &ours)?;
        let address = address("Olga", "")?;
        let key = self.invite(&address).await?;
        self.scene.mails.receive(&address).await?;
        let olga = self.scene.join_as("clinician", "Olga", &address).await?;
        let invitations = format!("/v1/clinicians/{}/invites", olga.id);
        let list = self
            .scene
            .call(&olga, Method::GET, &invitations, None)
            .await?
            .must_be(200)?;
        ensure!(
            list[0]["key"] == key && list[0]["restrictions"]["canAccept"] == json!(false),
            "Olga sees that she may not accept"
        );
        let refusal = json!({ "code": 403, "reason": "Error accepting invitation" });
        self.scene
            .call(&olga, Method::PUT, &format!("{invitations}/{key}"), None)
            .await?
            .must_equal(403, &refusal)
    }

    /// While a service asks for that, no number is given twice.
    pub(super) async fn number_once(&self) -> anyhow::Result<()> {
        let stage = self.scene.stage;
        let Some(service) = &self.service else {
            stage.skip("numbers are to be unique, and a second one is refused");
            return Ok(());
        };
        stage.chapter(
            "A service says that no medical record number is given twice. So nobody gets Alice's, however it is written, until the service thinks better of it.",
        );
        let path = "/settings/mrn";
        let once = json!({ "required": true, "unique": true });
        self.call(service, Method::PUT, path, Some(&once))
            .await?
            .must_equal(200, &once)?;
        let mut sam = json!({ "fullName": "Sam", "birthDate": "2001-02-03" });
        let refusal = json!({ "message": "bad request: mrn must be unique" });
        for number in [NUMBER, "OAK-1"] {
            sam["mrn"] = number.into();
            self.call(&self.carol, Method::POST, "/patients", Some(&sam))
                .await?
                .must_equal(400, &refusal)?;
        }
        let free = json!({ "required": false, "unique": false });
        self.call(service, Method::PUT, path, Some(&free))
            .await?
            .must_equal(200, &free)
    }
}
