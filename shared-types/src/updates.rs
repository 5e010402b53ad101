//! Changes that services make to accounts.

use serde::{Deserialize, Serialize};

/// Body of user-api's `PUT /user/:userid` as services send it.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountUpdate {
    /// What changes.
    pub updates: AccountChanges,
    /// What must hold for the change to be made.
    pub only_if: AccountCondition,
    /// A repeat under the same key with the same password changes nothing; 1 to 128 bytes.
    pub idempotency_key: String,
}

/// What changes of an account; `None` leaves it as it is.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountChanges {
    /// The new password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    /// Whether the address of the condition is proven to belong to the owner.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email_verified: Option<bool>,
}

/// What must hold for a change to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountCondition {
    /// The account still has this address.
    pub email: String,
    /// `false`: the account has no password, unless this very change has set it. `None`: it may
    /// have one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_exists: Option<bool>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{AccountChanges, AccountCondition, AccountUpdate};

    #[test]
    fn an_update_says_what_changes_and_on_which_condition() {
        let mut update = AccountUpdate {
            updates: AccountChanges {
                email_verified: Some(true),
                ..AccountChanges::default()
            },
            only_if: AccountCondition {
                email: "a@z.co".to_owned(),
                password_exists: None,
            },
            idempotency_key: "k".to_owned(),
        };
        assert_eq!(
            serde_json::to_value(&update).unwrap(),
            json!({
                "updates": { "emailVerified": true }, "onlyIf": { "email": "a@z.co" },
                "idempotencyKey": "k",
            })
        );
        update.updates.password = Some("secret".to_owned());
        update.only_if.password_exists = Some(false);
        assert_eq!(
            serde_json::to_value(&update).unwrap(),
            json!({
                "updates": { "password": "secret", "emailVerified": true },
                "onlyIf": { "email": "a@z.co", "passwordExists": false }, "idempotencyKey": "k",
            })
        );
    }
}
