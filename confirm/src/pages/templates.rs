//! The templates of the pages, compiled in.

use std::collections::BTreeMap;

use actix_web::http::StatusCode;
use minijinja::{Environment, UndefinedBehavior, Value, context};
use shared_runtime::error::ApiError;

/// What has to be corrected: a sentence for each field, by its name, and `whole` for what concerns
/// no single one.
pub(super) type Errors = BTreeMap<&'static str, &'static str>;

pub(super) struct Templates {
    environment: Environment<'static>,
}

macro_rules! compiled_in {
    ($($name:literal),* $(,)?) => {
        [$(($name, include_str!(concat!("../../templates/pages/", $name)))),*]
    };
}

impl Templates {
    pub(super) fn load(product: &str) -> anyhow::Result<Self> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::SemiStrict);
        environment.add_global("product", product);
        for (name, source) in compiled_in![
            "base.html",
            "form.html",
            "log_in.html",
            "unverified.html",
            "verify.html",
            "claim.html",
            "sign_up_link_gone.html",
            "sign_up.html",
            "forgot_password.html",
            "new_password.html",
            "password_link_gone.html",
            "account_change.html",
            "account_change_gone.html",
            "invitations.html",
            "message.html",
        ] {
            environment.add_template(name, source)?;
        }
        Ok(Self { environment })
    }

    /// A page, as HTML.
    pub(super) fn render(
        &self,
        template: &str,
        form_token: &str,
        errors: &Errors,
        values: Value,
    ) -> Result<String, ApiError> {
        let values = context! { form_token, errors, ..values };
        self.environment
            .get_template(template)
            .and_then(|template| template.render(values))
            .map_err(|error| {
                // The text of the error could show what was to be printed.
                let cause = anyhow::anyhow!("{template}: {}", error.kind());
                ApiError::empty(StatusCode::INTERNAL_SERVER_ERROR).caused_by(cause)
            })
    }

    /// A page that says something and, with path and label, leads on.
    pub(super) fn render_message(
        &self,
        heading: &str,
        text: &str,
        next: Option<(&str, &str)>,
    ) -> Result<String, ApiError> {
        let next = next.map(|(path, label)| context! { path, label });
        let values = context! { heading, text, next };
        self.render("message.html", "", &Errors::new(), values)
    }
}
