//! The queries of `GET /internal/people` and `GET /internal/profiles`.

use shared_types::UserId;

use crate::domain::query::InvalidQuery;

/// How many ids one question may name.
const MAX_IDS: usize = 200;

/// Who is asked for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum PeopleQuery {
    /// These accounts, in this order.
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
    match (parameter("ids"), parameter("email")) {
        (Some(_), Some(_)) => Err(InvalidQuery::Several),
        (Some(ids), None) => Ok(PeopleQuery::Ids(split(ids)?)),
        (None, Some(email)) if !email.is_empty() => Ok(PeopleQuery::Email(email.to_owned())),
        (None, _) => Err(InvalidQuery::Missing),
    }
}

/// Ids that are separated by commas; none at all are a list, too.
pub(crate) fn split(ids: &str) -> Result<Vec<UserId>, InvalidQuery> {
    let ids: Vec<UserId> = ids
        .split(',')
        .filter(|id| !id.is_empty())
        .map(UserId::from)
        .collect();
    if ids.len() > MAX_IDS {
        return Err(InvalidQuery::TooManyPeople);
    }
    Ok(ids)
}

#[cfg(test)]
mod tests {
    use shared_types::UserId;

    use super::{PeopleQuery, read};
    use crate::domain::query::InvalidQuery;

    fn query(parameters: &[(&str, &str)]) -> Result<PeopleQuery, InvalidQuery> {
        let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        read(&parameters.iter().map(owned).collect::<Vec<_>>())
    }

    #[test]
    fn people_are_asked_for_by_ids_or_by_an_address() {
        let ids = |ids: &[&str]| {
            let ids = ids.iter().copied().map(UserId::from).collect();
            Ok(PeopleQuery::Ids(ids))
        };
        let address = |text: &str| Ok(PeopleQuery::Email(text.to_owned()));
        let many = vec!["x"; 200].join(",");
        for (parameters, wanted) in [
            (&[("ids", "a,b")][..], ids(&["a", "b"])),
            (&[("ids", "")], ids(&[])),
            (&[("ids", ",a,")], ids(&["a"])),
            (&[("ids", "a"), ("ids", "b"), ("other", "")], ids(&["a"])),
            (&[("ids", &many)], ids(&["x"; 200])),
            (
                &[("ids", &format!("{many},x"))],
                Err(InvalidQuery::TooManyPeople),
            ),
            (&[("email", "a+b@z.co")], address("a+b@z.co")),
            (&[("email", "a,b")], address("a,b")),
            (&[("email", "")], Err(InvalidQuery::Missing)),
            (&[("email", "a"), ("ids", "")], Err(InvalidQuery::Several)),
            (&[("id", "a")], Err(InvalidQuery::Missing)),
            (&[], Err(InvalidQuery::Missing)),
        ] {
            assert_eq!(query(parameters), wanted, "{parameters:?}");
        }
    }
}
