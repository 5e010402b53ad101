//! The users with whom a user shares data, in either direction: what is shown of each.

use serde::Serialize;
use serde_json::Value;
use shared_types::{PermissionSet, UserId, UserRecord};
use utoipa::ToSchema;

use crate::domain::metadata::{Collection, Collections, Reader};

/// A user who shares with `:userid`, or with whom `:userid` shares.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Associate {
    /// The account.
    #[serde(flatten)]
    pub(super) user: UserRecord,
    /// What this user has granted to `:userid`; `None`: nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    trustor_permissions: Option<PermissionSet>,
    /// What `:userid` has granted to this user; `None`: nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    trustee_permissions: Option<PermissionSet>,
    /// The profile, `fullName` alone unless this user has granted more than `note` and `follow`;
    /// `None`: there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    profile: Option<Value>,
    /// The settings; `None`: there are none, or this user has granted at most `note` and `follow`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    settings: Option<Value>,
    /// The preferences; `None`: there are none, or this user has granted at most `note` and
    /// `follow`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    preferences: Option<Value>,
}

impl Associate {
    /// The user as `:userid` may see them.
    pub(crate) fn new(
        user: UserRecord,
        trustor_permissions: Option<PermissionSet>,
        trustee_permissions: Option<PermissionSet>,
        mut collections: Collections,
    ) -> Self {
        let reader = match trustor_permissions.as_ref().map(Reader::holding) {
            // Listed, so `:userid` has granted something.
            None | Some(Reader::Stranger) => Reader::Acquaintance,
            Some(reader) => reader,
        };
        let mut show = |collection: Collection| {
            let view = collection.view_for(reader).ok()?;
            let content = collection.show(view, &mut collections);
            content.filter(Value::is_object)
        };
        Self {
            user,
            trustor_permissions,
            trustee_permissions,
            profile: show(Collection::Profile),
            settings: show(Collection::Settings),
            preferences: show(Collection::Preferences),
        }
    }

    /// Somebody to whom `:userid` gave something, which that person neither accepted nor returned:
    /// nothing but what `:userid` knew already.
    pub(crate) fn unaccepted(userid: UserId, trustee_permissions: Option<PermissionSet>) -> Self {
        Self {
            user: UserRecord {
                userid,
                username: None,
                emails: None,
                roles: None,
                terms_accepted: None,
                email_verified: None,
                password_exists: None,
            },
            trustor_permissions: None,
            trustee_permissions,
            profile: None,
            settings: None,
            preferences: None,
        }
    }

    pub(crate) fn userid(&self) -> &UserId {
        &self.user.userid
    }

    pub(super) fn profile_text(&self, pointer: &str) -> Option<&str> {
        self.profile.as_ref()?.pointer(pointer)?.as_str()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use serde_json::{Value, json};
    use shared_types::{PermissionSet, UserId, UserRecord};

    use super::Associate;

    pub(crate) fn alpha() -> UserRecord {
        UserRecord {
            userid: UserId::from("alpha"),
            username: Some("Alpha@z.co".into()),
            emails: Some(vec!["Alpha@z.co".into(), "second@z.co".into()]),
            roles: None,
            terms_accepted: Some("2016-01-01T12:00:00-07:00".into()),
            email_verified: Some(true),
            password_exists: None,
        }
    }

    pub(crate) fn collections() -> serde_json::Map<String, Value> {
        let stored = json!({
            "profile": {
                "fullName": "Älpha (Ann)",
                "patient": {"birthday": "2001-11-30", "diagnosisDate": "2010-12-31"},
            },
            "settings": {"units": "mg/dL"},
            "preferences": {"tour": 1},
            "private": {"uploads": {"id": "a", "hash": "b"}},
            "groups": {"patients": "x"},
        });
        stored.as_object().unwrap().clone()
    }

    pub(crate) fn seen_with(granted: &[&str]) -> Associate {
        let granted = (!granted.is_empty()).then(|| PermissionSet::of(granted));
        Associate::new(alpha(), granted, None, collections())
    }

    #[test]
    fn what_is_shown_depends_on_what_the_user_granted() {
        for (granted, all) in [
            (&[][..], false),
            (&["banana"], false),
            (&["note"], false),
            (&["follow"], false),
            (&["view"], true),
            (&["upload"], true),
            (&["edit"], true),
            (&["custodian"], true),
            (&["admin"], true),
        ] {
            let seen = serde_json::to_value(seen_with(granted)).unwrap();
            let of_all = collections();
            let profile = if all {
                of_all["profile"].clone()
            } else {
                json!({"fullName": "Älpha (Ann)"})
            };
            assert_eq!(seen["profile"], profile, "{granted:?}");
            for collection in ["settings", "preferences"] {
                let wanted = Some(&of_all[collection]).filter(|_| all);
                assert_eq!(seen.get(collection), wanted, "{granted:?}");
            }
            assert!(seen.get("private").is_none() && seen.get("groups").is_none());
        }
    }

    #[test]
    fn of_somebody_who_did_not_accept_only_the_id_is_shown() {
        let given = Some(PermissionSet::of(&["view"]));
        let unaccepted = Associate::unaccepted(UserId::from("alpha"), given);
        assert_eq!(
            serde_json::to_value(unaccepted).unwrap(),
            json!({"userid": "alpha", "trusteePermissions": {"view": {}}})
        );
    }

    #[test]
    fn what_a_user_lacks_is_absent_from_the_answer() {
        let bare = Associate::new(
            alpha(),
            None,
            Some(PermissionSet::of(&["view"])),
            json!({"profile": null}).as_object().unwrap().clone(),
        );
        assert_eq!(
            serde_json::to_value(bare).unwrap(),
            json!({
                "userid": "alpha",
                "username": "Alpha@z.co",
                "emails": ["Alpha@z.co", "second@z.co"],
                "termsAccepted": "2016-01-01T12:00:00-07:00",
                "emailVerified": true,
                "trusteePermissions": {"view": {}},
            })
        );
    }
}
