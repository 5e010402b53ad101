//! The query of `GET /internal/people`.

use serde::Deserialize;
use shared_runtime::query::{Empty, Parameters};
use shared_types::UserId;
use utoipa::IntoParams;

use crate::domain::query::InvalidQuery;

/// How many ids one parameter may name.
const MAX_IDS: usize = 200;

/// The parameters.
#[derive(Debug, Deserialize, IntoParams)]
pub(crate) struct PeopleParameters {
    /// Up to 200 ids, separated by commas.
    ids: Option<String>,
    /// An address.
    email: Option<String>,
    /// Up to 200 ids, separated by commas.
    profiles: Option<String>,
}

impl Parameters for PeopleParameters {
    const EMPTY: Empty = Empty::Kept;
    const FIRST_COUNTS: bool = true;
}

/// The users that are asked for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct PeopleQuery {
    /// Whose accounts.
    pub(crate) accounts: Accounts,
    /// Of whom the profiles alone.
    pub(crate) profiles: Vec<UserId>,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Accounts {
    /// Those with these ids; there may be none.
    Ids(Vec<UserId>),
    /// Those that have this address.
    Email(String),
}

/// Reads what `parameters` ask for. No id at all is a question, too, which nobody answers to.
pub(crate) fn read(parameters: PeopleParameters) -> Result<PeopleQuery, InvalidQuery> {
    let (ids, profiles) = (parameters.ids.as_deref(), parameters.profiles.as_deref());
    let email = parameters.email.filter(|email| !email.trim().is_empty());
    let accounts = match (ids, email) {
        (Some(_), Some(_)) => return Err(InvalidQuery::Several),
        (None, Some(email)) => Accounts::Email(email),
        (None, None) if profiles.is_none() => return Err(InvalidQuery::Missing),
        (ids, None) => Accounts::Ids(split(ids, "ids")?),
    };
    Ok(PeopleQuery {
        accounts,
        profiles: split(profiles, "profiles")?,
    })
}

/// The ids of the parameter `name`, which commas separate.
fn split(ids: Option<&str>, name: &'static str) -> Result<Vec<UserId>, InvalidQuery> {
    let ids: Vec<UserId> = ids
        .unwrap_or_default()
        .split(',')
        .filter(|id| !id.is_empty())
        .map(UserId::from)
        .collect();
    if ids.len() > MAX_IDS {
        return Err(InvalidQuery::TooManyIds(name));
    }
    Ok(ids)
}

#[cfg(test)]
mod tests {
    use form_urlencoded::Serializer;
    use shared_runtime::query::parse;
    use shared_types::UserId;

    use super::{Accounts, PeopleQuery, read};
    use crate::domain::query::InvalidQuery;

    fn query(parameters: &[(&str, &str)]) -> Result<PeopleQuery, InvalidQuery> {
        let query = Serializer::new(String::new())
            .extend_pairs(parameters)
            .finish();
        read(parse(&query).unwrap())
    }

    #[test]
    fn people_are_asked_for_by_ids_or_by_an_address() {
        let ids = |ids: &[&str]| ids.iter().copied().map(UserId::from).collect();
        let by_ids = |accounts: &[&str], profiles: &[&str]| {
            Ok(PeopleQuery {
                accounts: Accounts::Ids(ids(accounts)),
                profiles: ids(profiles),
            })
        };
        let by_email = |text: &str, profiles: &[&str]| {
            Ok(PeopleQuery {
                accounts: Accounts::Email(text.to_owned()),
                profiles: ids(profiles),
            })
        };
        let many = vec!["x"; 200].join(",");
        let too_many = format!("{many},x");
        for (parameters, wanted) in [
            (&[("ids", "a,b")][..], by_ids(&["a", "b"], &[])),
            (&[("ids", "")], by_ids(&[], &[])),
            (&[("ids", ",a,")], by_ids(&["a"], &[])),
            (
                &[("ids", "a"), ("ids", "b"), ("other", "")],
                by_ids(&["a"], &[]),
            ),
            (
                &[("ids", "a"), ("profiles", "b,a")],
                by_ids(&["a"], &["b", "a"]),
            ),
            (&[("profiles", "b")], by_ids(&[], &["b"])),
            (&[("profiles", "")], by_ids(&[], &[])),
            (
                &[("ids", &many), ("profiles", &many)],
                by_ids(&["x"; 200], &["x"; 200]),
            ),
            (&[("ids", &too_many)], Err(InvalidQuery::TooManyIds("ids"))),
            (
                &[("profiles", &too_many)],
                Err(InvalidQuery::TooManyIds("profiles")),
            ),
            (&[("email", "a+b@z.co")], by_email("a+b@z.co", &[])),
            (
                &[("email", "a,b"), ("profiles", "c")],
                by_email("a,b", &["c"]),
            ),
            (&[("email", "")], Err(InvalidQuery::Missing)),
            (&[("email", ""), ("ids", "a")], by_ids(&["a"], &[])),
            (&[("email", "a"), ("ids", "")], Err(InvalidQuery::Several)),
            (&[("id", "a")], Err(InvalidQuery::Missing)),
            (&[], Err(InvalidQuery::Missing)),
        ] {
            assert_eq!(query(parameters), wanted, "{parameters:?}");
        }
    }
}
