//! `kill -9` while somebody joins or leaves a clinic: after a repeat of the request clinic, confirm,
//! user-api and gatekeeper say the same, whoever died and when.

use bson::{Document, doc, oid::ObjectId};
use e2e::{Platform, Program, rounds};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use shared_runtime::testing::Person;

use crate::{
    clinic_records::{assert_all_agree, find},
    confirmations::{answered, eventually, permissions, status},
    disturbance::{assert_answer, disturb, told},
    mails::mail,
    people::{Member, PASSWORD, sign_up, sign_up_as},
};

/// What is disturbed.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Enrolment,
    EnrolmentWithAddress,
    PatientAccepted,
    ClinicianAccepts,
    PatientRemoved,
    PermissionWithdrawn,
    ClinicianLeaves,
    PatientDeleted,
    ClinicianDeleted,
    ClinicDeleted,
}

/// The programs that die.
const PROGRAMS: [Program; 4] = [
    Program::Clinic,
    Program::Confirm,
    Program::UserApi,
    Program::Gatekeeper,
];

/// A platform with a clinic, who runs it, and a patient who shares with it.
struct Stage {
    platform: Platform,
    server: Person,
    carol: Member,
    alice: Member,
    clinic: String,
    share_code: String,
}

fn shared() -> Value {
    json!({ "view": {}, "note": {} })
}

/// Opens a clinic.
async fn open(admin: &Member) -> Value {
    let profile = json!({ "name": "Oak Clinic", "preferredBgUnits": "mg/dL" });
    let opened = admin.at_origin.post("/v1/clinics", &profile).await;
    assert_eq!(opened.status, 200, "{}", opened.text());
    opened.json()
}

fn text(body: &Value, name: &str) -> String {
    body[name].as_str().unwrap().to_owned()
}

impl Stage {
    async fn set() -> Self {
        let platform = Platform::start().await;
        let carol = sign_up_as("clinician", &platform, "carol+verified@example.org").await;
        let opened = open(&carol).await;
        let stage = Self {
            server: platform.server().await,
            alice: sign_up(&platform, "alice").await,
            clinic: text(&opened, "id"),
            share_code: text(&opened, "shareCode"),
            carol,
            platform,
        };
        stage.share(&stage.alice).await;
        stage
    }

    /// As many rounds as `E2E_ROUNDS` says, or as many that each kind of request meets each of the
    /// victims once.
    async fn play(&mut self, kinds: &[Kind]) {
        let rounds = rounds(kinds.len() * PROGRAMS.len());
        for round in 0..rounds {
            let kind = kinds[round % kinds.len()];
            let victim = PROGRAMS[round / kinds.len() % PROGRAMS.len()];
            println!("round {round} of {rounds}: {kind:?}, {victim:?}");
            let mia = format!("mia{round}@example.org");
            let nina = sign_up(&self.platform, &format!("nina{round}")).await;
            match kind {
                Kind::Enrolment => self.enrol(victim, None).await,
                Kind::EnrolmentWithAddress => self.enrol(victim, Some(&mia)).await,
                Kind::PatientAccepted => self.accept_patient(victim, &nina).await,
                Kind::ClinicianAccepts => self.accept_clinician(victim, &nina).await,
                Kind::PatientRemoved => self.remove_patient(victim, &nina).await,
                Kind::PermissionWithdrawn => self.withdraw_permission(victim, &nina).await,
                Kind::ClinicianLeaves => self.leave_as_clinician(victim, &nina).await,
                Kind::PatientDeleted => self.delete_account_of_patient(victim, &nina).await,
                Kind::ClinicianDeleted => self.delete_account_of_clinician(victim, &nina).await,
                Kind::ClinicDeleted => self.delete_clinic(victim, &nina).await,
            }
        }
        assert_all_agree(&self.platform).await;
    }

    fn path(&self, rest: &str) -> String {
        format!("/v1/clinics/{}{rest}", self.clinic)
    }

    /// Lets somebody share with the clinic.
    async fn share(&self, patient: &Member) {
        let path = self.path(&format!("/patients/{}", patient.id));
        let body = json!({ "permissions": shared() });
        let answer = self.server.post(&path, &body).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        self.sees(&self.carol, patient, Some(&shared())).await;
    }

    /// Lets somebody work for the clinic.
    async fn employ(&self, clinician: &Member) {
        let path = self.path("/clinicians");
        let (id, email) = (&clinician.id, &clinician.address);
        let body = json!({ "id": id, "email": email, "roles": ["CLINIC_MEMBER"] });
        let answer = self.server.post(&path, &body).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        self.sees(clinician, &self.alice, Some(&shared())).await;
    }

    /// Waits until a clinician may do this on the account of a patient.
    async fn sees(&self, clinician: &Member, patient: &Member, wanted: Option<&Value>) {
        eventually("gatekeeper heard of it", async || {
            let found = permissions(&self.server, patient, clinician).await;
            let found = found.filter(|found| *found != json!({}));
            found.as_ref() == wanted
        })
        .await;
    }

    /// Sends `request`, kills `victim` at some moment, starts it again, and repeats the request.
    /// `late`: how a repeat of what is done already is answered.
    async fn disturb(
        &mut self,
        victim: Program,
        request: &RequestBuilder,
        done: u16,
        late: &[u16],
    ) {
        let platform = &mut self.platform;
        let kill = async || {
            platform.kill(victim);
            platform.restart(victim).await;
        };
        let [answer] = disturb([request], kill).await;
        let is_done = told(answer, done, &[]) == Some(done);
        let repeated = answered(request).await;
        if is_done {
            assert_answer(&repeated, late);
        } else {
            // It may have been done without an answer.
            assert_answer(&repeated, &[&[done], late].concat());
        }
    }

    async fn enrol(&mut self, victim: Program, email: Option<&str>) {
        let mut details = json!({ "fullName": "Mia", "birthDate": "2016-05-04" });
        if let Some(email) = email {
            details["email"] = json!(email);
        }
        let path = self.path("/patients");
        let request = self.carol.at_origin.request(Method::POST, &path);
        let request = request.json(&details);
        // Without an address a repeat is about somebody else.
        let late = if email.is_some() { 409 } else { 200 };
        self.disturb(victim, &request, 200, &[late]).await;
        let Some(email) = email else {
            return;
        };
        let of_address = doc! { "email": email };
        assert_eq!(self.documents("patients", of_address).await.len(), 1);
        let claim = "signup_custodial_new_clinic_experience_confirmation";
        mail(&self.platform, claim, email).await;
    }

    async fn accept_patient(&mut self, victim: Program, nina: &Member) {
        let path = format!("/confirm/send/invite/{}/clinic", nina.id);
        let offer = json!({ "shareCode": self.share_code, "permissions": shared() });
        let sent = nina.at_origin.post(&path, &offer).await;
        assert_eq!(sent.status, 200, "{}", sent.text());
        let key = text(&sent.json(), "key");
        let path = self.path(&format!("/invites/patients/{key}"));
        let request = self.carol.at_origin.request(Method::PUT, &path);
        let request = request.json(&json!({ "birthDate": "2016-05-04", "fullName": "Nina" }));
        self.disturb(victim, &request, 200, &[403, 404, 409]).await;
        assert_eq!(status(&self.platform, &key).await, "completed");
        assert!(self.has("patients", nina).await);
        self.sees(&self.carol, nina, Some(&shared())).await;
    }

    async fn accept_clinician(&mut self, victim: Program, nina: &Member) {
        let invitations = self.path("/invites/clinicians");
        let body = json!({ "email": nina.address, "roles": ["CLINIC_MEMBER"] });
        let sent = self.carol.at_origin.post(&invitations, &body).await;
        assert_eq!(sent.status, 200, "{}", sent.text());
        let key = text(&sent.json(), "inviteId");
        let path = format!("/v1/clinicians/{}/invites/{key}", nina.id);
        let request = nina.at_origin.request(Method::PUT, &path);
        self.disturb(victim, &request, 200, &[403, 404, 409]).await;
        assert_eq!(status(&self.platform, &key).await, "completed");
        assert!(self.has("clinicians", nina).await);
        self.sees(nina, &self.alice, Some(&shared())).await;
    }

    async fn remove_patient(&mut self, victim: Program, nina: &Member) {
        self.share(nina).await;
        let path = self.path(&format!("/patients/{}", nina.id));
        let request = self.carol.at_origin.request(Method::DELETE, &path);
        self.disturb(victim, &request, 204, &[404]).await;
        assert!(!self.has("patients", nina).await);
        self.sees(&self.carol, nina, None).await;
    }

    async fn withdraw_permission(&mut self, victim: Program, nina: &Member) {
        self.share(nina).await;
        let path = self.path(&format!("/patients/{}/permissions/note", nina.id));
        let request = nina.at_origin.request(Method::DELETE, &path);
        self.disturb(victim, &request, 204, &[404]).await;
        let left = json!({ "view": {} });
        self.sees(&self.carol, nina, Some(&left)).await;
    }

    async fn leave_as_clinician(&mut self, victim: Program, nina: &Member) {
        self.employ(nina).await;
        let path = self.path(&format!("/clinicians/{}", nina.id));
        let request = nina.at_origin.request(Method::DELETE, &path);
        // Whoever has left may ask no more.
        self.disturb(victim, &request, 200, &[403, 404]).await;
        assert!(!self.has("clinicians", nina).await);
        self.sees(nina, &self.alice, None).await;
    }

    async fn delete_account_of_patient(&mut self, victim: Program, nina: &Member) {
        self.share(nina).await;
        self.delete_account(victim, nina).await;
        eventually("clinic heard of it", async || {
            !self.has("patients", nina).await
        })
        .await;
        self.sees(&self.carol, nina, None).await;
    }

    async fn delete_account_of_clinician(&mut self, victim: Program, nina: &Member) {
        self.employ(nina).await;
        self.delete_account(victim, nina).await;
        eventually("clinic heard of it", async || {
            !self.has("clinicians", nina).await
        })
        .await;
        self.sees(nina, &self.alice, None).await;
    }

    /// Deletes a clinic of Nina's own, for which somebody works and to which somebody is invited.
    async fn delete_clinic(&mut self, victim: Program, nina: &Member) {
        let clinic = open(nina).await;
        let id = text(&clinic, "id");
        let path = format!("/v1/clinics/{id}");
        let clinicians = format!("{path}/clinicians");
        let (user, email) = (&self.carol.id, &self.carol.address);
        let working = json!({ "id": user, "email": email, "roles": ["CLINIC_MEMBER"] });
        let employed = self.server.post(&clinicians, &working).await;
        assert_eq!(employed.status, 200, "{}", employed.text());
        let invited = json!({ "email": "oscar@example.org", "roles": ["CLINIC_MEMBER"] });
        let invitations = format!("{path}/invites/clinicians");
        let sent = nina.at_origin.post(&invitations, &invited).await;
        assert_eq!(sent.status, 200, "{}", sent.text());
        let request = nina.at_origin.request(Method::DELETE, &path);
        // Nobody runs what is gone.
        self.disturb(victim, &request, 204, &[403]).await;
        let of_clinic = doc! { "clinicId": ObjectId::parse_str(id).unwrap() };
        let left = find(&self.platform, Program::Clinic, "clinicians", of_clinic).await;
        assert_eq!(left, []);
    }

    async fn delete_account(&mut self, victim: Program, nina: &Member) {
        let path = format!("/auth/user/{}", nina.id);
        let request = nina.at_origin.request(Method::DELETE, &path);
        let request = request.json(&json!({ "password": PASSWORD }));
        // The session went with the account.
        self.disturb(victim, &request, 204, &[401, 404]).await;
    }

    async fn has(&self, collection: &str, member: &Member) -> bool {
        let of_member = doc! { "userId": &member.id };
        !self.documents(collection, of_member).await.is_empty()
    }

    /// Documents of the clinic.
    async fn documents(&self, collection: &str, mut filter: Document) -> Vec<Document> {
        filter.insert("clinicId", ObjectId::parse_str(&self.clinic).unwrap());
        find(&self.platform, Program::Clinic, collection, filter).await
    }
}

#[actix_web::test]
async fn nobody_joins_a_clinic_by_half_wherever_a_program_dies() {
    let mut stage = Stage::set().await;
    let kinds = [
        Kind::Enrolment,
        Kind::EnrolmentWithAddress,
        Kind::PatientAccepted,
        Kind::ClinicianAccepts,
    ];
    stage.play(&kinds).await;
}

#[actix_web::test]
async fn nobody_leaves_a_clinic_by_half_wherever_a_program_dies() {
    let mut stage = Stage::set().await;
    let kinds = [
        Kind::PatientRemoved,
        Kind::PermissionWithdrawn,
        Kind::ClinicianLeaves,
        Kind::PatientDeleted,
        Kind::ClinicianDeleted,
        Kind::ClinicDeleted,
    ];
    stage.play(&kinds).await;
}
