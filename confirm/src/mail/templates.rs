//! What the mails say: subject, plain text and HTML of each, compiled in, or the operator's own.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, bail};
use minijinja::{
    Environment, Error, ErrorKind, UndefinedBehavior, Value, context, escape_formatter,
};

use super::Variables;
use crate::domain::template::Template;

/// The name of the product, as plain text: the one file that is not a template.
const PRODUCT: &str = "product.txt";

/// A longer name would be no name. It keeps a mail from carrying somebody else's message.
const LONGEST_NAME: usize = 100;

macro_rules! compiled_in {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../templates/mail/", $name)))),*]
    };
}

const COMPILED_IN: &[(&str, &str)] = compiled_in![
    "product.txt",
    "base.html",
    "base.txt",
    "signup_confirmation.html",
    "signup_confirmation.txt",
    "signup_clinic_confirmation.html",
    "signup_clinic_confirmation.txt",
    "signup_custodial_confirmation.html",
    "signup_custodial_confirmation.txt",
    "signup_custodial_clinic_confirmation.html",
    "signup_custodial_clinic_confirmation.txt",
    "signup_custodial_new_clinic_experience_confirmation.html",
    "signup_custodial_new_clinic_experience_confirmation.txt",
    "password_reset.html",
    "password_reset.txt",
    "no_account.html",
    "no_account.txt",
    "careteam_invitation.html",
    "careteam_invitation.txt",
    "careteam_invitation_with_alerting.html",
    "careteam_invitation_with_alerting.txt",
    "clinician_invitation.html",
    "clinician_invitation.txt",
    "patient_clinic_invitation.html",
    "patient_clinic_invitation.txt",
];

pub(super) struct Templates {
    environment: Environment<'static>,
}

/// A mail without its envelope.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Content {
    /// One line.
    pub subject: String,
    pub text: String,
    pub html: String,
}

impl Templates {
    /// Files in the folder replace those compiled in that have the same name. Each mail is
    /// rendered once, so that a mistake stops the start and not the first mail.
    pub(super) fn load(own: Option<&Path>) -> anyhow::Result<Self> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_formatter(|out, state, value| {
            if value.is_none() {
                return Err(Error::new(
                    ErrorKind::UndefinedError,
                    "a variable that may be absent is printed without an alternative",
                ));
            }
            escape_formatter(out, state, value)
        });
        for &(name, source) in COMPILED_IN {
            add(&mut environment, name, source.to_owned())?;
        }
        if let Some(folder) = own {
            add_own(&mut environment, folder)?;
        }
        let templates = Self { environment };
        templates.try_all()?;
        Ok(templates)
    }

    pub(super) fn render(
        &self,
        template: Template,
        variables: &Variables,
        link: &str,
    ) -> Result<Content, Error> {
        let name = template.name();
        let text = self
            .environment
            .get_template(&format!("{name}.txt"))?
            .render(variables_of(variables, Value::from(link)))?;
        let Some((subject, text)) = split(&text) else {
            return Err(Error::new(
                ErrorKind::InvalidOperation,
                format!("the first line of {name}.txt is not \"Subject: ...\""),
            ));
        };
        // A link holds nothing else that HTML would take for its own.
        let link = Value::from_safe_string(link.replace('&', "&amp;"));
        let html = self
            .environment
            .get_template(&format!("{name}.html"))?
            .render(context! { subject => &subject, ..variables_of(variables, link) })?;
        Ok(Content {
            subject,
            text,
            html,
        })
    }

    /// The name of the product, as plain text.
    pub(super) fn product(&self) -> anyhow::Result<String> {
        Ok(self.environment.render_str("{{ product }}", ())?)
    }

    fn try_all(&self) -> anyhow::Result<()> {
        let sparse = Variables::sparse_sample();
        for template in Template::ALL {
            for variables in [
                Variables::sample(),
                Variables {
                    has_account: false,
                    ..Variables::sample()
                },
                Variables {
                    has_account: true,
                    ..sparse.clone()
                },
                sparse.clone(),
            ] {
                self.render(template, &variables, "https://example.org/?a=b&c=d")
                    .map_err(|error| anyhow::anyhow!("the mail {}: {error:#}", template.name()))?;
            }
        }
        Ok(())
    }
}

/// What a template sees. An absent variable is `none`, which it can ask for but not print.
fn variables_of(variables: &Variables, link: Value) -> Value {
    context! {
        link,
        email => one_line(&variables.email),
        full_name => name(variables.full_name.as_deref()),
        creator_name => name(variables.creator_name.as_deref()),
        care_team_name => name(variables.care_team_name.as_deref()),
        nickname => name(variables.nickname.as_deref()),
        clinic_name => name(variables.clinic_name.as_deref()),
        has_account => variables.has_account,
    }
}

/// Where a template fails, without the values that it was given.
pub(super) fn describe(error: &Error) -> String {
    let name = error.name().unwrap_or("a mail template");
    let line = error.line().unwrap_or_default();
    format!("{name}, line {line}: {}", error.kind())
}

fn add_own(environment: &mut Environment<'static>, folder: &Path) -> anyhow::Result<()> {
    let unreadable = || format!("mail.templates: {} cannot be read", folder.display());
    for entry in fs::read_dir(folder).with_context(unreadable)? {
        let path = entry.with_context(unreadable)?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
            continue;
        };
        let extension = path.extension().and_then(|extension| extension.to_str());
        if name.starts_with('.') || !matches!(extension, Some("html" | "txt")) {
            continue;
        }
        let known = COMPILED_IN
            .iter()
            .any(|(compiled_in, _)| *compiled_in == name);
        if !known && !name.starts_with('_') {
            bail!(
                "mail.templates: {} replaces nothing (the name of a file that only others include begins with _)",
                path.display()
            );
        }
        let source = fs::read_to_string(&path)
            .with_context(|| format!("mail.templates: {} cannot be read", path.display()))?;
        add(environment, name, source)
            .with_context(|| format!("mail.templates: {}", path.display()))?;
    }
    Ok(())
}

fn add(environment: &mut Environment<'static>, name: &str, source: String) -> anyhow::Result<()> {
    if name == PRODUCT {
        let product = one_line(&source);
        if product.is_empty() {
            bail!("{PRODUCT} is empty");
        }
        environment.add_global("product", product);
        return Ok(());
    }
    environment.add_template_owned(name.to_owned(), source)?;
    Ok(())
}

/// The subject and the rest of a text whose first line is `Subject: …`. Tags of the template
/// leave empty lines behind; of several one stays.
fn split(rendered: &str) -> Option<(String, String)> {
    let (first, rest) = rendered.trim_start().split_once('\n')?;
    let subject = one_line(first.strip_prefix("Subject:")?);
    if subject.is_empty() {
        return None;
    }
    let mut text = String::with_capacity(rest.len());
    let mut empty_line_is_due = false;
    for line in rest.lines().map(str::trim_end) {
        if line.is_empty() {
            empty_line_is_due = !text.is_empty();
            continue;
        }
        if std::mem::take(&mut empty_line_is_due) {
            text.push('\n');
        }
        text.push_str(line);
        text.push('\n');
    }
    Some((subject, text))
}

/// A name as people give it, or none where it is something else: mails go to strangers, and who
/// signs up must not be able to have us send them a link.
fn name(given: Option<&str>) -> Option<String> {
    let name: String = one_line(given?).chars().take(LONGEST_NAME).collect();
    let lower_case = name.to_lowercase();
    let is_link = lower_case.contains("://") || lower_case.contains("www.");
    (!name.is_empty() && !is_link).then_some(name)
}

/// Without what could begin a line of its own, or turn the direction of the text around it.
fn one_line(text: &str) -> String {
    let turns = |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let breaks = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    text.replace(turns, "")
        .replace(breaks, " ")
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINK: &str = "https://example.org/login?a=b%2Bc&d=e";

    fn rendered(template: Template, variables: &Variables) -> Content {
        Templates::load(None)
            .unwrap()
            .render(template, variables, LINK)
            .unwrap()
    }

    /// Loads the templates with one file of the operator's own.
    fn with_own(name: &str, source: &str) -> anyhow::Result<Templates> {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(name), source).unwrap();
        let loaded = Templates::load(Some(folder.path()));
        loaded.map_err(|error| {
            let path = format!("{}/", folder.path().display());
            anyhow::anyhow!(format!("{error:#}").replace(&path, ""))
        })
    }

    fn refusal(name: &str, source: &str) -> String {
        with_own(name, source).err().expect("a refusal").to_string()
    }

    #[test]
    fn every_file_is_used_and_every_mail_has_its_files() {
        let mut expected = vec!["product.txt".into(), "base.html".into(), "base.txt".into()];
        for template in Template::ALL {
            expected.push(format!("{}.html", template.name()));
            expected.push(format!("{}.txt", template.name()));
        }
        let names: Vec<_> = COMPILED_IN
            .iter()
            .map(|(name, _)| (*name).to_owned())
            .collect();
        assert_eq!(names, expected);
    }

    #[test]
    fn every_mail_is_complete_with_and_without_what_may_be_absent() {
        let sparse = Variables::sparse_sample();
        let anonymous = Variables {
            email: String::new(),
            ..sparse.clone()
        };
        for template in Template::ALL {
            for variables in [&Variables::sample(), &sparse, &anonymous] {
                let Content {
                    subject,
                    text,
                    html,
                } = rendered(template, variables);
                assert!(
                    !subject.is_empty() && !subject.contains('\n'),
                    "{subject:?}"
                );
                assert!(text.contains(&format!("\n{LINK}\n")), "{text}");
                assert!(html.starts_with("<!DOCTYPE html>"), "{html}");
                let link = LINK.replace('&', "&amp;");
                assert!(html.contains(&format!("<a href=\"{link}\"")), "{html}");
                assert!(html.contains(&format!(">{link}</a>")), "{html}");
                for whole in [&subject, &text, &html] {
                    assert!(!whole.contains("{{") && !whole.contains("{%"), "{whole}");
                    assert!(
                        !whole.contains("none}") && !whole.contains(" none"),
                        "{whole}"
                    );
                }
                assert!(!text.contains("\n\n\n") && !text.contains(" \n"), "{text}");
                assert!(!html.contains("src=") && !html.contains("url("), "{html}");
            }
        }
    }

    #[test]
    fn each_mail_says_what_it_is_about() {
        let variables = Variables::sample();
        for (template, subject) in [
            (Template::SignUp, "Verify your Tidegate account"),
            (Template::SignUpClinic, "Verify your Tidegate account"),
            (
                Template::SignUpCustodial,
                "Verify and claim your Tidegate account",
            ),
            (
                Template::SignUpCustodialByClinic,
                "Follow-up from your clinic: claim your Tidegate account",
            ),
            (
                Template::SignUpCustodialNewClinic,
                "Harbor Clinic: claim your Tidegate account",
            ),
            (
                Template::PasswordReset,
                "Password reset for your Tidegate account",
            ),
            (
                Template::NoAccount,
                "Password reset: no Tidegate account with this address",
            ),
            (
                Template::CareTeam,
                "Invitation to the care team of Alice Brandt",
            ),
            (
                Template::CareTeamWithAlerting,
                "Invitation to the care team of Alice Brandt",
            ),
            (
                Template::Clinician,
                "Invitation to join Harbor Clinic on Tidegate",
            ),
            (
                Template::PatientToClinic,
                "New share invitation for Harbor Clinic",
            ),
        ] {
            assert_eq!(rendered(template, &variables).subject, subject);
        }
    }

    #[test]
    fn the_text_is_a_mail_of_its_own() {
        let variables = Variables {
            has_account: false,
            ..Variables::sample()
        };
        assert_eq!(
            rendered(Template::CareTeam, &variables).text,
            "\
You are invited to the care team of Alice Brandt, as \"Aunt Carol\".
Members of the team can look at the data that is shared with them.

The invitation is for carol+tide@example.org. Sign up with this address, then you
can accept or decline:

https://example.org/login?a=b%2Bc&d=e

The invitation is open for 7 days.

You do not know who invites you? Then ignore this mail, or decline.
The invitation gives nobody access to data of yours.

--
Tidegate
This mail was sent automatically. Nobody reads replies to it.
"
        );
    }

    #[test]
    fn names_are_escaped_in_html_and_only_there() {
        let variables = Variables {
            care_team_name: Some("<script>alert('1')</script>".to_owned()),
            nickname: Some("\" onload=\"x".to_owned()),
            ..Variables::sample()
        };
        let Content {
            subject,
            text,
            html,
        } = rendered(Template::CareTeam, &variables);
        assert_eq!(
            subject,
            "Invitation to the care team of <script>alert('1')</script>"
        );
        assert!(text.contains("as \"\" onload=\"x\"."), "{text}");
        assert!(
            !html.contains("<script") && !html.contains("onload=\""),
            "{html}"
        );
        assert!(html.contains("&lt;script&gt;"), "{html}");
    }

    #[test]
    fn a_name_stays_on_its_line() {
        let variables = Variables {
            care_team_name: Some("Alice\r\nBcc: eve@example.org\u{2028}\r\n\r\nHi \u{202e}".into()),
            ..Variables::sample()
        };
        assert_eq!(
            rendered(Template::CareTeam, &variables).subject,
            "Invitation to the care team of Alice Bcc: eve@example.org Hi"
        );
    }

    #[test]
    fn a_name_is_no_message() {
        assert_eq!(name(Some("  ")), None);
        assert_eq!(name(Some("Win now: HTTPS://evil.example/")), None);
        assert_eq!(name(Some("see Www.evil.example")), None);
        assert_eq!(
            name(Some("J. R. O'Neill-\u{c5}s")),
            Some("J. R. O'Neill-\u{c5}s".to_owned())
        );
        assert_eq!(
            name(Some(&"\u{e9}".repeat(101))),
            Some("\u{e9}".repeat(100))
        );
    }

    #[test]
    fn an_own_file_replaces_ours_and_reaches_those_built_on_it() {
        let own = with_own(
            "signup_confirmation.txt",
            "Subject: Welcome, {{ email }}\nGo to {{ link }}",
        )
        .unwrap();
        for template in [Template::SignUp, Template::SignUpClinic] {
            let Content { subject, text, .. } =
                own.render(template, &Variables::sample(), LINK).unwrap();
            assert_eq!(subject, "Welcome, carol+tide@example.org");
            assert_eq!(text, format!("Go to {LINK}\n"));
        }
        let untouched = own
            .render(Template::NoAccount, &Variables::sample(), LINK)
            .unwrap();
        assert_eq!(
            untouched,
            rendered(Template::NoAccount, &Variables::sample())
        );
    }

    #[test]
    fn the_product_has_one_name() {
        let own = with_own("product.txt", "Ebb & Flow\n").unwrap();
        let Content { subject, html, .. } = own
            .render(Template::SignUp, &Variables::sample(), LINK)
            .unwrap();
        assert_eq!(subject, "Verify your Ebb & Flow account");
        assert!(html.contains(">Ebb &amp; Flow</p>"), "{html}");
        assert!(!html.contains("Tidegate"), "{html}");
    }

    #[test]
    fn a_broken_file_of_the_operator_is_named() {
        for (name, source, expected) in [
            (
                "no_account.html",
                "{% if %}",
                "mail.templates: no_account.html: syntax error",
            ),
            (
                "no_account.html",
                "{{ recipient }}",
                "the mail no_account: undefined value",
            ),
            (
                "careteam_invitation.txt",
                "Subject: Hello\n{{ nickname }}",
                "the mail careteam_invitation: undefined value",
            ),
            (
                "password_reset.txt",
                "Hello\n{{ link }}",
                "the mail password_reset: invalid operation: the first line of password_reset.txt is not \"Subject: ...\"",
            ),
            (
                "base.html",
                "{% extends 'layout.html' %}",
                "the mail signup_confirmation: template not found",
            ),
            (
                "no_acount.html",
                "Hello",
                "mail.templates: no_acount.html replaces nothing",
            ),
            (
                "product.txt",
                " \n",
                "mail.templates: product.txt: product.txt is empty",
            ),
        ] {
            let refusal = refusal(name, source);
            assert!(refusal.starts_with(expected), "{refusal}");
            assert!(refusal.contains(name), "{refusal}");
        }
    }

    #[test]
    fn what_is_logged_of_a_failure_holds_no_value() {
        let mut templates = Templates::load(None).unwrap();
        let source = "Subject: {{ email }}\n{{ email|int }}".to_owned();
        add(&mut templates.environment, "no_account.txt", source).unwrap();
        let error = templates
            .render(Template::NoAccount, &Variables::sample(), LINK)
            .unwrap_err();
        assert_eq!(
            describe(&error),
            "no_account.txt, line 2: invalid operation"
        );
    }

    #[test]
    fn a_folder_may_hold_parts_and_other_files() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, source: &str| fs::write(folder.path().join(name), source).unwrap();
        write("_footer.txt", "Yours, {{ product }}");
        write(
            "no_account.txt",
            "Subject: Sorry\n{% include '_footer.txt' %}",
        );
        write("README.md", "{% broken");
        write(".hidden.txt", "{% broken");
        let own = Templates::load(Some(folder.path())).unwrap();
        let content = own
            .render(Template::NoAccount, &Variables::sample(), LINK)
            .unwrap();
        assert_eq!(content.text, "Yours, Tidegate\n");
    }

    #[test]
    fn a_folder_that_is_not_there_is_named() {
        let error = Templates::load(Some(Path::new("/nowhere/at/all")))
            .err()
            .expect("a refusal");
        assert_eq!(
            error.to_string(),
            "mail.templates: /nowhere/at/all cannot be read"
        );
    }
}
