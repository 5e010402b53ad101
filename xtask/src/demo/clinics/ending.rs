//! The account of the last who runs the clinic is deleted.

use anyhow::ensure;
use reqwest::Method;
use serde_json::{Value, json};

use super::{Clinic, text};
use crate::demo::stage::{Person, set};

impl Clinic<'_> {
    /// Carol's account goes. What her clinics keep depends on who else runs them.
    pub(super) async fn be_left(&self, finn: &str) -> anyhow::Result<()> {
        let (scene, stage) = (self.scene, self.scene.stage);
        let Some(service) = &self.service else {
            stage.skip("Carol's account is deleted, and her clinics keep what they may");
            return Ok(());
        };
        stage.chapter(
            "Paul opens Elm Clinic. A service has Carol run it as well, makes Carol and Bob its patients, and Bob one of Oak Clinic, too.",
        );
        let (paul, bob) = (scene.join("Paul").await?, scene.join("Bob").await?);
        let profile = json!({ "name": "Elm Clinic", "preferredBgUnits": "mmol/L" });
        let elm = scene
            .call(&paul, Method::POST, "/v1/clinics", Some(&profile))
            .await?
            .must_be(200)?;
        let elm = format!("/v1/clinics/{}", text(&elm["id"])?);
        let oak = format!("/v1/clinics/{}", self.id);
        let carol = &self.carol;
        let admin = json!({ "id": carol.id, "email": carol.address, "roles": ["CLINIC_ADMIN"] });
        let staff = format!("{elm}/clinicians");
        scene
            .call(service, Method::POST, &staff, Some(&admin))
            .await?
            .must_be(200)?;
        let shared = json!({ "permissions": set(&["view"]) });
        for (clinic, person) in [(&elm, carol), (&elm, &bob), (&oak, &bob)] {
            let path = format!("{clinic}/patients/{}", person.id);
            scene
                .call(service, Method::POST, &path, Some(&shared))
                .await?
                .must_be(200)?;
        }

        self.delete_carol(service, [&oak, &elm]).await?;

        stage.chapter(
            "Carol is nobody's patient any more. Elm Clinic, which Paul runs, lost a clinician and nothing else.",
        );
        self.only(service, &format!("{elm}/clinicians"), &paul.id)
            .await?;
        self.only(service, &format!("{elm}/patients"), &bob.id)
            .await?;
        stage.chapter(
            "Oak Clinic, which nobody runs, keeps Finn, whose account it made. Bob and Mia, who shared, are gone. Olga is still invited.",
        );
        self.only(service, &format!("{oak}/patients"), finn).await?;
        let invited = scene
            .call(service, Method::GET, &format!("{oak}/clinicians"), None)
            .await?
            .must_be(200)?;
        ensure!(
            invited[0]["inviteId"].is_string() && invited.get(1).is_none(),
            "nobody works there: {invited}"
        );
        stage
            .until("Carol can do nothing on Finn's account", async |quiet| {
                let pair = format!("/access/{finn}/{}", carol.id);
                let answer = quiet.call(service, Method::GET, &pair, None).await?;
                Ok(answer.status == 404)
            })
            .await
    }

    /// Deletes Carol's account and waits until `clinics` have heard of it.
    async fn delete_carol(&self, service: &Person, clinics: [&str; 2]) -> anyhow::Result<()> {
        let (scene, stage, carol) = (self.scene, self.scene.stage, &self.carol);
        stage.chapter(
            "Carol deletes her account. Nobody deletes that of a clinician, so a service makes it an ordinary one first.",
        );
        let path = format!("/auth/user/{}", carol.id);
        let password = json!({ "password": carol.password });
        scene
            .call(carol, Method::DELETE, &path, Some(&password))
            .await?
            .must_be(401)?;
        let ordinary = json!({ "updates": { "roles": ["patient"] } });
        scene
            .call(service, Method::PUT, &path, Some(&ordinary))
            .await?
            .must_be(200)?;
        scene
            .call(carol, Method::DELETE, &path, Some(&password))
            .await?
            .must_be(204)?;
        stage
            .until("Carol works for no clinic any more", async |quiet| {
                for clinic in clinics {
                    let place = format!("{clinic}/clinicians/{}", carol.id);
                    let answer = quiet.call(service, Method::GET, &place, None).await?;
                    if answer.status != 404 {
                        return Ok(false);
                    }
                }
                Ok(true)
            })
            .await?;
        let mut gone = Person::of("Carol", &carol.id, &carol.address, &carol.password);
        stage.log_in(&mut gone).await?.must_be(401)?;
        Ok(())
    }

    /// Makes sure that `id` is the only one in a list of clinicians or patients.
    async fn only(&self, service: &Person, path: &str, id: &str) -> anyhow::Result<()> {
        let list = self
            .scene
            .call(service, Method::GET, path, None)
            .await?
            .must_be(200)?;
        // Lists of patients have a length beside them.
        let items = list.get("data").unwrap_or(&list);
        let ids: Option<Vec<&Value>> = items
            .as_array()
            .map(|items| items.iter().map(|item| &item["id"]).collect());
        ensure!(
            ids.is_some_and(|ids| ids == [id]),
            "{id} is the only one: {list}"
        );
        Ok(())
    }
}
