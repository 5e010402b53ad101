//! The queries of `GET /internal/people` and `GET /internal/profiles`.

use shared_types::UserId;

use crate::domain::query::InvalidQuery;

/// How many ids one question may name.
const MAX_IDS: usize = 200;

/// The parameter `name`, the first if it is repeated; `None`: there is none.
pub(crate) fn parameter<'a>(parameters: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let found = parameters.iter().find(|(key, _)| key == name);
    found.map(|(_, value)| value.as_str())
}

/// The ids in the parameter `name`, separated by commas; none at all are a question, too.
pub(crate) fn ids(text: &str, name: &'static str) -> Result<Vec<UserId>, InvalidQuery> {
    let ids: Vec<UserId> = text
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

    use super::{ids, parameter};
    use crate::domain::query::InvalidQuery;

    #[test]
    fn ids_are_separated_by_commas() {
        let many = vec!["x"; 200].join(",");
        for (text, wanted) in [
            ("a,b", vec!["a", "b"]),
            (",a,", vec!["a"]),
            ("", vec![]),
            (&many, vec!["x"; 200]),
        ] {
            let wanted: Vec<UserId> = wanted.into_iter().map(UserId::from).collect();
            assert_eq!(ids(text, "ids"), Ok(wanted), "{text}");
        }
        let too_many = ids(&format!("{many},x"), "others");
        assert_eq!(too_many, Err(InvalidQuery::TooManyIds("others")));
    }

    #[test]
    fn the_first_of_a_repeated_parameter_counts() {
        let query = [("a", "1"), ("b", ""), ("a", "2")];
        let query = query.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(parameter(&query, "a"), Some("1"));
        assert_eq!(parameter(&query, "b"), Some(""));
        assert_eq!(parameter(&query, "c"), None);
    }
}
