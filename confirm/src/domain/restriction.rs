//! Whom a clinic admits among those that it invites.

use serde::Serialize;
use shared_runtime::peers::clinic::MembershipRestriction;
use shared_types::address;
use utoipa::ToSchema;

/// Whether somebody may join.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Admission {
    /// Whether the invitation can be accepted in this session.
    pub(crate) can_accept: bool,
    /// The identity provider with which it could; absent where it can, or none would help.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) required_idp: Option<String>,
}

/// Whether a clinic with these `restrictions` admits whoever has the address `email`, in a session
/// for which the identity provider `idp` vouched. One that fits is enough.
pub(crate) fn admission(
    restrictions: &[MembershipRestriction],
    email: Option<&str>,
    idp: Option<&str>,
) -> Admission {
    let domain = email.and_then(|email| Some(email.rsplit_once('@')?.1));
    let of_domain = restrictions.iter().filter(|restriction| {
        domain.is_some_and(|domain| address::is_same_domain(domain, &restriction.email_domain))
    });
    let wanted = of_domain.map(|restriction| {
        let idp = restriction.required_idp.as_deref();
        idp.filter(|idp| !idp.is_empty())
    });
    let is_vouched =
        |wanted: &str| idp.is_some_and(|idp| wanted.to_lowercase() == idp.to_lowercase());
    let is_met = |wanted: Option<&str>| wanted.is_none_or(is_vouched);
    let can_accept = restrictions.is_empty() || wanted.clone().any(is_met);
    let required_idp = wanted.flatten().next().filter(|_| !can_accept);
    Admission {
        can_accept,
        required_idp: required_idp.map(str::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use shared_runtime::peers::clinic::MembershipRestriction;

    use super::{Admission, admission};

    fn of(rules: &[(&str, Option<&str>)], email: Option<&str>, idp: Option<&str>) -> Admission {
        let rules: Vec<_> = rules
            .iter()
            .map(|(domain, idp)| MembershipRestriction {
                email_domain: (*domain).to_owned(),
                required_idp: idp.map(str::to_owned),
            })
            .collect();
        admission(&rules, email, idp)
    }

    #[test]
    fn one_restriction_that_fits_is_enough() {
        let oak = ("oak.example", None);
        let by_idp = ("oak.example", Some("OakLogin"));
        let nina = Some("Nina@Oak.Example");
        for (rules, email, idp, can_accept) in [
            (&[][..], nina, None, true),
            (&[], None, None, true),
            (&[oak], nina, None, true),
            (&[("OAK.example", Some(""))], nina, None, true),
            (&[("elm.example", None)], nina, None, false),
            (&[oak], None, None, false),
            (&[oak], Some("nina"), None, false),
            (&[oak], Some("nina@oak.example.org"), None, false),
            (&[oak], Some("nina@sub.oak.example"), None, false),
            (&[oak], Some("nina@notoak.example"), None, false),
            (&[("", None)], Some("nina@oak.example"), None, false),
            (
                &[("bücher.example", None)],
                Some("nina@xn--bcher-kva.example"),
                None,
                true,
            ),
            // The sign for kelvin.
            (&[("oa\u{212A}.example", None)], nina, None, false),
            (&[by_idp], nina, Some("oaklogin"), true),
            (&[by_idp], nina, Some("other"), false),
            (&[by_idp], nina, None, false),
            // The first does not decide for the others.
            (&[by_idp, oak], nina, None, true),
            (&[("elm.example", None), oak], nina, None, true),
            (
                &[("oak.example", Some("a")), by_idp],
                nina,
                Some("OAKLOGIN"),
                true,
            ),
        ] {
            let admission = of(rules, email, idp);
            assert_eq!(
                admission.can_accept, can_accept,
                "{rules:?} {email:?} {idp:?}"
            );
        }
    }

    #[test]
    fn who_is_not_admitted_learns_what_would_help() {
        let rules = [("oak.example", Some("OakLogin")), ("elm.example", None)];
        let shown = |email| serde_json::to_value(of(&rules, Some(email), None)).unwrap();
        let oak = json!({"canAccept": false, "requiredIdp": "OakLogin"});
        assert_eq!(shown("nina@oak.example"), oak);
        assert_eq!(shown("nina@elm.example"), json!({"canAccept": true}));
        assert_eq!(shown("nina@ash.example"), json!({"canAccept": false}));
    }
}
