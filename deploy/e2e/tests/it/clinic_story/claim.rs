//! Mia, for whom the clinic made an account, makes it her own.

use reqwest::Method;
use serde_json::{Value, json};
use shared_runtime::testing::send;

use super::{Oak, pair};
use crate::{
    confirmations::eventually,
    mails::{mail, value_in},
    people::{Member, PASSWORD, log_in},
};

const ADDRESS: &str = "mia@example.org";

/// The mail to Mia came by itself and leads to the claim, for which she has to know her birthday.
/// After that the clinic's custodian is gone, and the rest stays.
pub(super) async fn mia_claims(oak: &Oak<'_>, nina: &Member, mia: &str) {
    let kind = "signup_custodial_new_clinic_experience_confirmation";
    let mail = mail(oak.platform, kind, ADDRESS).await;
    assert!(mail.contains("Subject: Oak Clinic: claim your"));
    let key = value_in(&mail, "signupKey");
    assert_eq!(value_in(&mail, "signupEmail"), "mia%40example.org");
    let path = format!("/confirm/accept/signup/{key}");
    let claim = async |birthday: &str| {
        let body = json!({ "birthday": birthday, "password": PASSWORD });
        let nobody = oak.platform.person(None);
        send(nobody.request(Method::PUT, &path).json(&body)).await
    };
    let wrong = claim("2001-02-04").await;
    assert_eq!(wrong.status, 409, "{}", wrong.text());
    assert_eq!(log_in(oak.platform, ADDRESS).await, 401);
    let claimed = claim("2001-02-03").await;
    assert_eq!(claimed.status, 200, "{}", claimed.text());
    assert_eq!(log_in(oak.platform, ADDRESS).await, 200);

    let rest = json!({ "view": {}, "upload": {}, "note": {} });
    eventually("clinic has taken the custodian away", async || {
        oak.seen(nina, mia).await["permissions"] == rest
    })
    .await;
    eventually("gatekeeper has taken the custodian away", async || {
        pair(nina, mia).await.as_ref() == Some(&rest)
    })
    .await;
    let account: Value = oak.service.get(&format!("/auth/user/{mia}")).await.json();
    assert_eq!(account["passwordExists"], true);
}
