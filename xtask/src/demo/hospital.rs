//! The fourth chapter of the story: a hospital's records order what a clinic does for its patients.

use anyhow::{Context, ensure};
use reqwest::Method;
use serde_json::{Value, json};

use super::{
    scene::Scene,
    stage::{Person, address, unused, work_address},
};

/// What the hospital orders, by the code that the clinic knows it under.
const ENABLE_REPORTS: &str = "REPORTS-ON";
const CREATE_ACCOUNT: &str = "NEW-ACCOUNT";

/// A clinic that is connected to the records of a hospital.
struct Hospital<'a> {
    scene: &'a Scene<'a>,
    /// What the hospital shows.
    token: &'a str,
    service: Person,
    /// Runs the clinic.
    hanna: Person,
    clinic: String,
    /// What the hospital calls its records.
    source: String,
}

/// From the connection to two orders, of which one comes twice.
pub(super) async fn tell(scene: &Scene<'_>) -> anyhow::Result<()> {
    let (Some(token), Some(service)) = (&scene.redox_token, scene.service().await?) else {
        scene
            .stage
            .skip("a clinic is connected to a hospital, which orders reports and an account");
        return Ok(());
    };
    let hospital = Hospital::connect(scene, token, service).await?;
    hospital.enable_reports().await?;
    hospital.create_an_account().await
}

impl<'a> Hospital<'a> {
    async fn connect(
        scene: &'a Scene<'a>,
        token: &'a str,
        service: Person,
    ) -> anyhow::Result<Self> {
        scene.stage.chapter(
            "Fourth chapter, with a hospital. Dr Hanna opens Birch Clinic. A service connects it to the hospital's records: which they are, and what each of their codes orders.",
        );
        let hanna = scene
            .join_as("clinician", "Hanna", &work_address("Hanna")?)
            .await?;
        let profile = json!({ "name": "Birch Clinic", "preferredBgUnits": "mg/dL" });
        let opened = scene
            .call(&hanna, Method::POST, "/v1/clinics", Some(&profile))
            .await?
            .must_be(200)?;
        let clinic = opened["id"].as_str().context("a clinic has an id")?;
        let source = unused("hospital")?;
        let settings = json!({
            "enabled": true, "provider": "redox", "sourceId": source, "mrnIdType": "MR",
            "procedureCodes": {
                "enableSummaryReports": ENABLE_REPORTS, "disableSummaryReports": "REPORTS-OFF",
                "createAccount": CREATE_ACCOUNT, "createAccountAndEnableReports": "NEW-WITH-REPORTS",
            },
            "scheduledReports": { "cadence": "14d", "onUploadEnabled": true },
            "tags": { "codes": ["TAGS"], "separator": "," },
            "flowsheets": { "icode": false },
        });
        let path = format!("/v1/clinics/{clinic}/settings/ehr");
        scene
            .call(&hanna, Method::PUT, &path, Some(&settings))
            .await?
            .must_be(403)?;
        scene
            .call(&service, Method::PUT, &path, Some(&settings))
            .await?
            .must_be(200)?;
        Ok(Self {
            scene,
            token,
            service,
            clinic: clinic.to_owned(),
            hanna,
            source,
        })
    }

    /// The hospital orders reports for somebody whom the clinic knows.
    async fn enable_reports(&self) -> anyhow::Result<()> {
        let stage = self.scene.stage;
        stage.chapter(
            "Ana is a patient of the clinic, which has her number from the hospital. The hospital orders reports for her. Whoever does not show its token can't.",
        );
        let ana = json!({ "fullName": "Ana Elm", "birthDate": "2001-02-03", "mrn": "H-1" });
        let path = format!("/v1/clinics/{}/patients", self.clinic);
        let ana = self
            .scene
            .call(&self.hanna, Method::POST, &path, Some(&ana))
            .await?
            .must_be(200)?;
        let order = self.order(1, ENABLE_REPORTS, ("Ana", "Elm"), "2001-02-03", "H-1");
        stage.deliver("a guess", &order).await?.must_be(401)?;
        stage.deliver(self.token, &order).await?.must_be(200)?;
        let done = self.until_done(1).await?;
        ensure!(
            done[0]["outcome"] == "enabled" && done[0]["userId"] == ana["id"],
            "the clinic reports on Ana: {done}"
        );
        Ok(())
    }

    /// The hospital orders an account for somebody whom nobody knows yet, and says so twice.
    async fn create_an_account(&self) -> anyhow::Result<()> {
        let stage = self.scene.stage;
        stage.chapter(
            "The hospital orders an account for Ben, with his address and a tag. It sends the message again, as it does when it does not hear the response; that changes nothing.",
        );
        let address = address("Ben", "")?;
        let mut order = self.order(2, CREATE_ACCOUNT, ("Ben", "Oak"), "1988-12-01", "H-2");
        order["Patient"]["Demographics"]["EmailAddresses"] = json!([address]);
        order["Order"]["ClinicalInfo"] = json!([{ "Code": "TAGS", "Value": "Ward 7" }]);
        for _ in 0..2 {
            stage.deliver(self.token, &order).await?.must_be(200)?;
        }
        let done = self.until_done(2).await?;
        ensure!(
            done[0]["outcome"] == "created",
            "the clinic made an account: {done}"
        );
        let path = format!("/v1/clinics/{}/patients?search=ben", self.clinic);
        let found = self
            .scene
            .call(&self.hanna, Method::GET, &path, None)
            .await?
            .must_be(200)?;
        ensure!(
            found["meta"]["count"] == json!(1) && found["data"][0]["mrn"] == "H-2",
            "Ben is a patient, once"
        );
        ensure!(
            found["data"][0]["tags"].as_array().map(Vec::len) == Some(1),
            "Ben has the tag"
        );
        stage.chapter("A mail asks Ben to take the account over.");
        let mail = self.scene.mails.receive(&address).await?;
        ensure!(
            mail.subject.contains("Birch Clinic"),
            "the mail says which clinic it is: {}",
            mail.subject
        );
        Ok(())
    }

    /// The `number`th order of the hospital.
    fn order(
        &self,
        number: u32,
        code: &str,
        (first, last): (&str, &str),
        day: &str,
        mrn: &str,
    ) -> Value {
        json!({
            "Meta": {
                "DataModel": "Order", "EventType": "New", "EventDateTime": "2026-02-03T10:20:30.000Z",
                "Source": { "ID": self.source, "Name": "Birch Hospital" },
                "Message": { "ID": number }, "FacilityCode": null,
            },
            "Patient": {
                "Identifiers": [{ "ID": mrn, "IDType": "MR" }],
                "Demographics": { "FirstName": first, "LastName": last, "DOB": day },
            },
            "Order": { "ID": number.to_string(), "Procedure": { "Code": code } },
        })
    }

    /// Waits until so many orders are done; what was done with each, the last one first.
    async fn until_done(&self, count: usize) -> anyhow::Result<Value> {
        let path = format!("/v1/redox/orders?clinicId={}", self.clinic);
        let stage = self.scene.stage;
        stage
            .until("the clinic has done what was ordered", async |quiet| {
                let done = quiet.call(&self.service, Method::GET, &path, None).await?;
                let done = done.must_be(200)?;
                Ok(done.as_array().map(Vec::len) == Some(count))
            })
            .await?;
        let done = self
            .scene
            .call(&self.service, Method::GET, &path, None)
            .await?;
        done.must_be(200)
    }
}
