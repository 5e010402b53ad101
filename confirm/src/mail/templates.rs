//! What the mails say: subject, plain text and HTML of each, compiled in, or the operator's own.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, bail};
use minijinja::{
    Environment, Error, ErrorKind, UndefinedBehavior, Value, context, escape_formatter,
};

use super::Variables;
use crate::domain::{
    name::{one_line, shown},
    template::Template,
};

/// The name of the product, as plain text: the one file that is not a template.
const PRODUCT: &str = "product.txt";

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
    "account_change.html",
    "account_change.txt",
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
    "clinic_created.html",
    "clinic_created.txt",
    "clinician_permissions_updated.html",
    "clinician_permissions_updated.txt",
    "patient_upload_reminder.html",
    "patient_upload_reminder.txt",
    "patient_connection_request.html",
    "patient_connection_request.txt",
    "clinic_migration_started.html",
    "clinic_migration_started.txt",
    "clinic_migration_completed.html",
    "clinic_migration_completed.txt",
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
    let name = |given: &Option<String>| shown(given.as_deref()?);
    context! {
        link,
        email => one_line(&variables.email),
        full_name => name(&variables.full_name),
        creator_name => name(&variables.creator_name),
        care_team_name => name(&variables.care_team_name),
        nickname => name(&variables.nickname),
        clinic_name => name(&variables.clinic_name),
        has_account => variables.has_account,
        changed => &variables.changed,
        changed_at => &variables.changed_at,
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

#[cfg(test)]
mod tests;
