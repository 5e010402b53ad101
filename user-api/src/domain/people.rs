//! The query of `GET /internal/people`.

use shared_types::UserId;

use crate::domain::query::InvalidQuery;

/// How many ids one parameter may name.
const MAX_IDS: usize = 200;

/// Who is asked for.
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
    /// Whoever has this address.
    Email(String),
}

/// Reads the parameters; the first of a repeated one counts. No id at all is a question, too, which
/// nobody answers to.
pub(crate) fn read(parameters: &[(String, String)]) -> Result<PeopleQuery, InvalidQuery> {
    let parameter = |name: &str| {
        let found = parameters.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    };
    let (ids, email, profiles) = (
        parameter("ids"),
        parameter("email").filter(|email| !email.trim().is_empty()),
        parameter("profiles"),
    );
    let accounts = match (ids, email) {
        (Some(_), Some(_)) => return Err(InvalidQuery::Several),
        (None, Some(email)) => Accounts::Email(email.to_owned()),
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
    use shared_types::UserId;

    use super::{Accounts, PeopleQuery, read};
    use crate::domain::query::InvalidQuery;

    fn query(parameters: &[(&str, &str)]) -> Result<PeopleQuery, InvalidQuery> {
        let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        read(&parameters.iter().map(owned).collect::<Vec<_>>())
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
