//! The query of `GET /users`.

use std::collections::BTreeMap;

use chrono::{DateTime, Days, NaiveDate, NaiveTime, Utc};
use serde::Deserialize;
use shared_runtime::query::{Empty, Parameters};
use shared_types::dates;
use utoipa::IntoParams;

use crate::domain::user::is_role;

/// How many ids one question may name.
const MAX_IDS: usize = 200;

/// The parameters.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UserParameters {
    /// Up to 200 ids, separated by commas.
    id: Option<String>,
    /// A role.
    role: Option<String>,
    /// First day, `YYYY-MM-DD`.
    created_from: Option<String>,
    /// Last day, `YYYY-MM-DD`.
    created_to: Option<String>,
    /// Those that are not known. A query of these alone is not refused for being empty.
    #[serde(flatten)]
    #[param(ignore)]
    others: BTreeMap<String, String>,
}

impl Parameters for UserParameters {
    const EMPTY: Empty = Empty::Kept;
    const FIRST_COUNTS: bool = true;
}

/// Which accounts are asked for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum UserQuery {
    /// These accounts, in this order.
    Ids(Vec<String>),
    /// Every account with a role, and created in a period where one is given.
    Role { role: String, created: Period },
}

/// From an instant on and before another; `None`: open on that side.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Period {
    pub(crate) from: Option<DateTime<Utc>>,
    pub(crate) before: Option<DateTime<Utc>>,
}

/// Why a query cannot be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidQuery {
    #[error("A query must be specified")]
    Missing,
    #[error("Unknown query parameter")]
    Unknown,
    #[error("Only one query parameter is allowed")]
    Several,
    #[error("The role specified is invalid")]
    Role,
    #[error("Invalid query parameter: {0}")]
    TooManyIds(&'static str),
    #[error("Invalid query parameter: createdFrom")]
    CreatedFrom,
    #[error("Invalid query parameter: createdTo")]
    CreatedTo,
}

/// Reads what `parameters` ask for; an empty one counts as absent.
pub(crate) fn read(parameters: UserParameters) -> Result<UserQuery, InvalidQuery> {
    let others = parameters.others;
    let known = [
        parameters.id,
        parameters.role,
        parameters.created_from,
        parameters.created_to,
    ];
    if known.iter().all(Option::is_none) && others.is_empty() {
        return Err(InvalidQuery::Missing);
    }
    let [ids, role, created_from, created_to] =
        known.map(|text| text.filter(|text| !text.is_empty()));
    if role.as_deref().is_some_and(|role| !is_role(role)) {
        return Err(InvalidQuery::Role);
    }
    if ids.is_some() && role.is_some() {
        return Err(InvalidQuery::Several);
    }
    let from = match created_from {
        Some(text) => Some(dates::parse(&text).ok_or(InvalidQuery::CreatedFrom)?),
        None => None,
    };
    // The last day is included, so the period ends where the next day begins.
    let before = match created_to {
        Some(text) => Some(
            dates::parse(&text)
                .and_then(|date| date.checked_add_days(Days::new(1)))
                .ok_or(InvalidQuery::CreatedTo)?,
        ),
        None => None,
    };
    match (role, ids) {
        (Some(role), _) => Ok(UserQuery::Role {
            role,
            created: Period {
                from: from.map(midnight),
                before: before.map(midnight),
            },
        }),
        (None, Some(ids)) => {
            let ids: Vec<String> = ids.split(',').map(str::to_owned).collect();
            if ids.len() > MAX_IDS {
                Err(InvalidQuery::TooManyIds("id"))
            } else {
                Ok(UserQuery::Ids(ids))
            }
        }
        (None, None) => Err(InvalidQuery::Unknown),
    }
}

fn midnight(date: NaiveDate) -> DateTime<Utc> {
    date.and_time(NaiveTime::MIN).and_utc()
}

#[cfg(test)]
mod tests {
    use shared_runtime::query::parse;
    use shared_types::dates;

    use super::{InvalidQuery, Period, UserQuery, midnight, read};

    fn query(text: &str) -> Result<UserQuery, InvalidQuery> {
        read(parse(text).unwrap())
    }

    #[test]
    fn ids_keep_their_order_and_need_no_form() {
        assert_eq!(
            query("id=b,a,no-id"),
            Ok(UserQuery::Ids(vec!["b".into(), "a".into(), "no-id".into()]))
        );
    }

    #[test]
    fn at_most_200_ids_are_taken() {
        assert!(query(&format!("id={}", vec!["a"; 200].join(","))).is_ok());
        assert_eq!(
            query(&format!("id={}", vec!["a"; 201].join(","))),
            Err(InvalidQuery::TooManyIds("id"))
        );
    }

    #[test]
    fn the_last_day_of_a_period_is_included() {
        let day = |text| Some(midnight(dates::parse(text).unwrap()));
        assert_eq!(
            query("role=clinic&createdFrom=2016-01-01&createdTo=2016-01-31"),
            Ok(UserQuery::Role {
                role: "clinic".into(),
                created: Period {
                    from: day("2016-01-01"),
                    before: day("2016-02-01")
                },
            })
        );
        assert_eq!(
            query("role=clinic"),
            Ok(UserQuery::Role {
                role: "clinic".into(),
                created: Period::default()
            })
        );
    }

    #[test]
    fn refusals_come_in_the_order_of_the_contract() {
        for (text, expected) in [
            ("", InvalidQuery::Missing),
            ("role=king", InvalidQuery::Role),
            ("role=king&id=a&createdFrom=x", InvalidQuery::Role),
            ("role=clinic&id=a&createdFrom=x", InvalidQuery::Several),
            (
                "role=clinic&createdFrom=x&createdTo=x",
                InvalidQuery::CreatedFrom,
            ),
            ("role=clinic&createdTo=2016-02-30", InvalidQuery::CreatedTo),
            ("createdTo=x", InvalidQuery::CreatedTo),
            ("createdTo=2016-02-01", InvalidQuery::Unknown),
            ("name=x", InvalidQuery::Unknown),
            ("role=", InvalidQuery::Unknown),
            ("id=&role=", InvalidQuery::Unknown),
        ] {
            assert_eq!(query(text), Err(expected), "{text}");
        }
    }
}
