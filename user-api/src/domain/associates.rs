//! The users with whom a user shares data, in either direction: what is shown of each.

use serde::Serialize;
use serde_json::Value;
use shared_types::{PermissionSet, UserRecord};
use utoipa::ToSchema;

use crate::domain::metadata::{Collection, Collections};

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
    /// The profile, without `patient` unless this user has granted something; `None`: there is
    /// none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    profile: Option<Value>,
    /// The settings; `None`: there are none, or neither `custodian`, `admin`, `view` nor `upload`
    /// is granted by this user.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    settings: Option<Value>,
    /// The preferences; `None`: there are none, or neither `custodian` nor `admin` is granted by
    /// this user.
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
        let mut take = |collection: Collection| {
            collections
                .remove(collection.name())
                .filter(Value::is_object)
        };
        let granted = trustor_permissions.clone().unwrap_or_default();
        let mut profile = take(Collection::Profile);
        if granted.names().next().is_none()
            && let Some(Value::Object(profile)) = &mut profile
        {
            profile.remove("patient");
        }
        let sees_settings = granted.administers() || granted.has("view") || granted.has("upload");
        Self {
            user,
            trustor_permissions,
            trustee_permissions,
            profile,
            settings: take(Collection::Settings).filter(|_| sees_settings),
            preferences: take(Collection::Preferences).filter(|_| granted.administers()),
        }
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
        for (granted, patient, settings, preferences) in [
            (&[][..], false, false, false),
            (&["note"], true, false, false),
            (&["view"], true, true, false),
            (&["upload"], true, true, false),
            (&["custodian"], true, true, true),
            (&["admin"], true, true, true),
        ] {
            let seen = serde_json::to_value(seen_with(granted)).unwrap();
            assert_eq!(seen["profile"]["fullName"], "Älpha (Ann)", "{granted:?}");
            assert_eq!(
                seen["profile"].get("patient").is_some(),
                patient,
                "{granted:?}"
            );
            assert_eq!(seen.get("settings").is_some(), settings, "{granted:?}");
            assert_eq!(
                seen.get("preferences").is_some(),
                preferences,
                "{granted:?}"
            );
            assert!(seen.get("private").is_none() && seen.get("groups").is_none());
        }
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
