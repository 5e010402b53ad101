//! Grants that were offered and accepted: what is one, who may have offered it, and what it adds.

use shared_runtime::body::parse_object;
use shared_types::{Grant, PermissionSet, UserId};

use super::{
    Refusal,
    content::InvalidContent,
    permissions::{Held, storable_part},
};

/// Longest id of a grant. The keys of invitations have 32 characters.
const MAX_ID_CHARS: usize = 64;

/// Whether `text` can be the id of a grant: letters, digits, `-` and `_`, as in base64 for URLs.
pub(crate) fn check_id(text: &str) -> Result<(), InvalidContent> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if (1..=MAX_ID_CHARS).contains(&text.len()) && text.bytes().all(is_plain) {
        Ok(())
    } else {
        Err(InvalidContent::GrantId)
    }
}

/// Reads the body of a grant; what it offers is as it is stored. The offer may be an old one, made
/// when every name was taken; those that nobody can be granted are left out.
pub(crate) fn read(body: &[u8]) -> Result<Grant, InvalidContent> {
    let grant: Grant =
        parse_object(body).map_err(|error| InvalidContent::Syntax(error.to_string()))?;
    let is_missing = |id: &UserId| id.as_str().is_empty();
    if is_missing(&grant.sharer_id)
        || is_missing(&grant.grantee_id)
        || grant.granted_by.as_ref().is_some_and(is_missing)
    {
        return Err(InvalidContent::AccountId);
    }
    Ok(Grant {
        permissions: storable_part(grant.permissions)?,
        ..grant
    })
}

/// Who must run the account for the grant to take effect; `None` where its owner offered it.
pub(crate) fn sender(grant: &Grant) -> Option<&UserId> {
    grant
        .granted_by
        .as_ref()
        .filter(|sender| **sender != grant.sharer_id)
}

/// Whether a user who holds `held` on an account may still share it with others.
pub(crate) fn may_share(held: Held) -> Result<(), Refusal> {
    if held.effective().administers() {
        Ok(())
    } else {
        Err(Refusal::MayNotShare)
    }
}

/// What a grantee with `direct` has once it accepted `offered`: all of both, and what it has keeps
/// its value, so that an offer takes nothing away.
pub(crate) fn joined(direct: PermissionSet, offered: &PermissionSet) -> PermissionSet {
    let mut joined = direct.in_one_spelling();
    joined.0.retain(|_, value| !value.is_null());
    for (name, value) in &offered.0 {
        joined
            .0
            .entry(name.as_str())
            .or_insert_with(|| value.clone());
    }
    joined
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};
    use shared_types::PermissionSet;

    use super::{InvalidContent, check_id, joined, may_share, read, sender};
    use crate::domain::permissions::Held;

    fn set(value: Value) -> PermissionSet {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn an_id_is_short_and_plain() {
        for id in ["a", "AZaz09-_", &"x".repeat(64)] {
            assert_eq!(check_id(id), Ok(()), "{id}");
        }
        for text in ["", "a b", "a/b", "a.b", "$a", "é", "a\0", &"x".repeat(65)] {
            assert_eq!(check_id(text), Err(InvalidContent::GrantId), "{text:?}");
        }
    }

    #[test]
    fn what_is_offered_is_read_as_it_is_stored() {
        let body = json!({
            "sharerId": "alice", "granteeId": "bob",
            "permissions": {"notes": {}, "root": {}, "veiw": {}, "view": {"a": 1.0}},
        });
        let grant = read(body.to_string().as_bytes()).unwrap();
        assert_eq!(
            grant.permissions,
            set(json!({"note": {}, "view": {"a": 1}}))
        );
        assert_eq!(sender(&grant), None);
    }

    #[test]
    fn only_somebody_else_than_the_owner_is_a_sender() {
        for (granted_by, wanted) in [
            (json!(null), None),
            (json!("alice"), None),
            (json!("carol"), Some("carol")),
        ] {
            let body = json!({
                "sharerId": "alice", "granteeId": "bob", "grantedBy": granted_by,
                "permissions": {},
            });
            let grant = read(body.to_string().as_bytes()).unwrap();
            assert_eq!(sender(&grant).map(AsRef::as_ref), wanted);
        }
    }

    #[test]
    fn whoever_runs_the_account_may_share_it() {
        for (direct, by_clinics, allowed) in [
            (&["admin"][..], &[][..], true),
            (&["custodian"], &[], true),
            (&[], &["custodian"], true),
            (&["view", "edit", "upload"], &["view"], false),
            (&[], &[], false),
        ] {
            let held = Held {
                direct: PermissionSet::of(direct),
                by_clinics: PermissionSet::of(by_clinics),
            };
            assert_eq!(may_share(held).is_ok(), allowed);
        }
    }

    #[test]
    fn an_offer_adds_names_and_changes_no_value() {
        for (direct, offered, wanted) in [
            (json!({}), json!({}), json!({})),
            (json!({}), json!({"view": {}}), json!({"view": {}})),
            (json!({"view": {}}), json!({}), json!({"view": {}})),
            (
                json!({"admin": {}, "view": {}}),
                json!({"view": {"messages": false}, "note": {}}),
                json!({"admin": {}, "note": {}, "view": {}}),
            ),
            (
                json!({"view": {"messages": false}}),
                json!({"view": {}}),
                json!({"view": {"messages": false}}),
            ),
            (
                json!({"view": null}),
                json!({"view": {"a": 1}}),
                json!({"view": {"a": 1}}),
            ),
            (
                json!({"notes": {"a": 1}}),
                json!({"note": {}}),
                json!({"note": {"a": 1}}),
            ),
        ] {
            assert_eq!(
                joined(set(direct.clone()), &set(offered.clone())),
                set(wanted),
                "{direct} {offered}"
            );
        }
    }

    fn some_set() -> impl Strategy<Value = PermissionSet> {
        let names = prop::sample::select(vec!["admin", "view", "note", "upload", "follow"]);
        prop::collection::btree_map(names, 0..3, 0..5).prop_map(|names| {
            let valued = |(name, value): (&str, i32)| (name.to_owned(), json!({"a": value}));
            PermissionSet(names.into_iter().map(valued).collect())
        })
    }

    proptest! {
        #[test]
        fn nothing_is_taken_away_and_a_repeat_adds_nothing(direct in some_set(), offered in some_set()) {
            let once = joined(direct.clone(), &offered);
            for (name, value) in &direct.0 {
                prop_assert_eq!(once.0.get(name), Some(value));
            }
            for name in offered.0.keys() {
                prop_assert!(once.has(name));
            }
            prop_assert_eq!(once.0.len(), direct.0.keys().chain(offered.0.keys()).collect::<std::collections::BTreeSet<_>>().len());
            prop_assert_eq!(joined(once.clone(), &offered), once);
        }
    }
}
