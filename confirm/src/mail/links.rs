//! Where the links in mails lead. They are built from settings only, never from a request.

use std::fmt::Write;

use actix_web::http::Uri;
use anyhow::{Context, bail};

use super::Variables;
use crate::config::WebSettings;
use crate::domain::template::Template;

/// The links, below the web application or, without one, below confirm's own pages.
pub(crate) struct Links {
    base: String,
    /// Below this are the pages that no web application has.
    own: String,
}

impl Links {
    pub(crate) fn new(settings: &WebSettings) -> anyhow::Result<Self> {
        let own = checked("web.public_url", &settings.public_url)?;
        let application = settings
            .web_url
            .as_deref()
            .map(|url| checked("web.web_url", url))
            .transpose()?;
        Ok(Self {
            base: application.unwrap_or(own).to_owned(),
            own: own.to_owned(),
        })
    }

    /// The link that the mail is about.
    pub(crate) fn of(&self, template: Template, variables: &Variables) -> String {
        let base = &self.base;
        let email = encoded(&variables.email);
        let key = encoded(&variables.key);
        let invitation = |without_account: &str| {
            let path = if variables.has_account {
                "login"
            } else {
                without_account
            };
            format!("{base}/{path}?inviteEmail={email}")
        };
        match template {
            Template::SignUp
            | Template::SignUpClinic
            | Template::SignUpCustodial
            | Template::SignUpCustodialByClinic
            | Template::SignUpCustodialNewClinic => {
                format!("{base}/login?signupEmail={email}&signupKey={key}")
            }
            Template::PasswordReset => format!("{base}/confirm-password-reset?resetKey={key}"),
            Template::AccountChange => format!("{}/pages/account-change?key={key}", self.own),
            Template::NoAccount => format!("{base}/signup"),
            Template::CareTeam | Template::CareTeamWithAlerting => invitation("signup/personal"),
            Template::Clinician => invitation("signup/clinician"),
            Template::PatientToClinic
            | Template::ClinicCreated
            | Template::ClinicianRoles
            | Template::UploadReminder
            | Template::ConnectionRequest
            | Template::MigrationStarted
            | Template::MigrationCompleted => format!("{base}/login"),
        }
    }
}

/// The URL without its last slash.
fn checked<'a>(setting: &str, url: &'a str) -> anyhow::Result<&'a str> {
    let uri: Uri = url
        .parse()
        .with_context(|| format!("{setting}: {url} is not a URL"))?;
    let Some("http" | "https") = uri.scheme_str() else {
        bail!("{setting}: {url} does not begin with http:// or https://");
    };
    // Something else could not stand in front of a path, or not in an attribute of HTML.
    if let Some(odd) = url
        .chars()
        .find(|c| !c.is_ascii_alphanumeric() && !"-._~:/[]%".contains(*c))
    {
        bail!("{setting}: {url} has an unexpected {odd:?}");
    }
    Ok(url.trim_end_matches('/'))
}

/// A value of a query, of which only unreserved characters (RFC 3986) stay as they are.
fn encoded(value: &str) -> String {
    let mut encoded = String::with_capacity(value.len());
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn links(public_url: &str, web_url: Option<&str>) -> anyhow::Result<Links> {
        Links::new(&WebSettings {
            public_url: public_url.to_owned(),
            web_url: web_url.map(str::to_owned),
        })
    }

    #[test]
    fn each_mail_has_the_link_of_the_contract() {
        let links = links("https://api.example.org", None).unwrap();
        let known = Variables {
            email: "Carol+tide@example.org".to_owned(),
            key: "a-b_c".to_owned(),
            has_account: true,
            ..Variables::default()
        };
        let stranger = Variables {
            has_account: false,
            ..known.clone()
        };
        let signup = "/login?signupEmail=Carol%2Btide%40example.org&signupKey=a-b_c";
        for (template, variables, expected) in [
            (Template::SignUp, &known, signup),
            (Template::SignUpClinic, &known, signup),
            (Template::SignUpCustodial, &known, signup),
            (Template::SignUpCustodialByClinic, &known, signup),
            (Template::SignUpCustodialNewClinic, &stranger, signup),
            (
                Template::PasswordReset,
                &known,
                "/confirm-password-reset?resetKey=a-b_c",
            ),
            (
                Template::AccountChange,
                &known,
                "/pages/account-change?key=a-b_c",
            ),
            (Template::NoAccount, &stranger, "/signup"),
            (
                Template::CareTeam,
                &known,
                "/login?inviteEmail=Carol%2Btide%40example.org",
            ),
            (
                Template::CareTeam,
                &stranger,
                "/signup/personal?inviteEmail=Carol%2Btide%40example.org",
            ),
            (
                Template::CareTeamWithAlerting,
                &known,
                "/login?inviteEmail=Carol%2Btide%40example.org",
            ),
            (
                Template::CareTeamWithAlerting,
                &stranger,
                "/signup/personal?inviteEmail=Carol%2Btide%40example.org",
            ),
            (
                Template::Clinician,
                &known,
                "/login?inviteEmail=Carol%2Btide%40example.org",
            ),
            (
                Template::Clinician,
                &stranger,
                "/signup/clinician?inviteEmail=Carol%2Btide%40example.org",
            ),
            (Template::PatientToClinic, &known, "/login"),
            (Template::ClinicCreated, &known, "/login"),
            (Template::ClinicianRoles, &known, "/login"),
            (Template::UploadReminder, &known, "/login"),
            (Template::ConnectionRequest, &known, "/login"),
            (Template::MigrationStarted, &known, "/login"),
            (Template::MigrationCompleted, &known, "/login"),
        ] {
            assert_eq!(
                links.of(template, variables),
                format!("https://api.example.org{expected}"),
                "{template:?}"
            );
        }
    }

    #[test]
    fn what_could_break_a_link_is_encoded() {
        assert_eq!(
            encoded("a b&c=d#e\r\n\"<\u{e9}>"),
            "a%20b%26c%3Dd%23e%0D%0A%22%3C%C3%A9%3E"
        );
    }

    #[test]
    fn the_web_application_comes_first_and_a_slash_at_the_end_does_no_harm() {
        let reset = |links: Links| links.of(Template::NoAccount, &Variables::default());
        for (public_url, web_url, expected) in [
            (
                "http://127.0.0.1:8080/",
                None,
                "http://127.0.0.1:8080/signup",
            ),
            ("http://[::1]:8080", None, "http://[::1]:8080/signup"),
            (
                "https://api.example.org",
                Some("https://app.example.org/web/"),
                "https://app.example.org/web/signup",
            ),
        ] {
            assert_eq!(reset(links(public_url, web_url).unwrap()), expected);
        }
    }

    #[test]
    fn what_no_web_application_has_is_below_the_public_origin() {
        let links = links("https://api.example.org/", Some("https://app.example.org")).unwrap();
        assert_eq!(
            links.of(Template::AccountChange, &Variables::default()),
            "https://api.example.org/pages/account-change?key="
        );
    }

    #[test]
    fn a_setting_that_is_no_url_is_named() {
        for (public_url, web_url, expected) in [
            ("", None, "web.public_url:  is not a URL"),
            (
                "api.example.org",
                None,
                "web.public_url: api.example.org does not begin with http:// or https://",
            ),
            (
                "ftp://api.example.org",
                None,
                "web.public_url: ftp://api.example.org does not begin with http:// or https://",
            ),
            (
                "https://api.example.org?a=b",
                None,
                "web.public_url: https://api.example.org?a=b has an unexpected '?'",
            ),
            (
                "https://api.example.org",
                Some("javascript:alert(1)"),
                "web.web_url: javascript:alert(1) does not begin with http:// or https://",
            ),
        ] {
            let error = links(public_url, web_url).err().expect("a refusal");
            assert_eq!(error.to_string(), expected);
        }
    }
}
