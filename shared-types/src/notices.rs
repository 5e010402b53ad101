//! Notices to the owner of an account: that it was changed, with the way back, and what happened in
//! a clinic.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{ClinicId, UserId};

/// What of an account changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum ChangedPart {
    /// The password, by somebody who was logged in, or by a service.
    Password,
    /// The password, by somebody who had the key from a mail.
    PasswordByMail,
    /// The user name.
    Username,
    /// The addresses.
    Emails,
    /// All of these, with the link that undoes a change.
    PutBack,
}

/// An account was changed, about which its owner gets a mail
/// (`PUT /internal/account-notices/:noticeId` of confirm).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AccountNotice {
    /// The account.
    pub userid: UserId,
    /// When it was changed; milliseconds since 1970, UTC.
    pub changed_at: i64,
    /// What changed; at least one.
    pub changed: Vec<ChangedPart>,
    /// Who gets a mail, each one of its own.
    pub recipients: Vec<NoticeRecipient>,
    /// Whether the first address of the account is one that its owner has yet to prove.
    pub needs_proof: bool,
}

/// An address that was proven to belong to the owner of an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NoticeRecipient {
    /// The address.
    pub email: String,
    /// The id of the change that it may undo.
    pub change: String,
}

/// Puts an account back to what it was before a change
/// (`PUT /internal/users/:userId/restoration` of user-api).
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Restoration {
    /// The id of the change that is undone, and all later ones with it.
    pub change: String,
    /// The address to which the link was mailed.
    pub email: String,
    /// The new password.
    pub password: String,
    /// A repeat under the same key with the same password does nothing; 1 to 128 bytes.
    pub idempotency_key: String,
}

/// An account was put back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Restored {
    /// The ids of the changes that can be undone no more.
    pub void: Vec<String>,
}

/// What happened in a clinic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum ClinicEvent {
    /// The account opened the clinic.
    Created,
    /// The account, which works for the clinic, got other roles there.
    RolesChanged,
    /// The clinic reminds the account, which is its patient's, to upload data.
    UploadReminder,
    /// The clinic asks the account, which is its patient's, to connect the account that it has with the
    /// maker of a device.
    ConnectionRequest,
    /// The patients of the account, which is that of a legacy clinic, are being brought to the clinic.
    MigrationStarted,
    /// They are there, but for those who could not be brought.
    MigrationCompleted,
}

/// Something happened in a clinic about which the owner of an account gets a mail
/// (`PUT /internal/clinic-notices/:noticeId` of confirm).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClinicNotice {
    /// What happened.
    pub event: ClinicEvent,
    /// The clinic.
    #[schema(value_type = String, pattern = "^[a-f0-9]{24}$")]
    pub clinic_id: ClinicId,
    /// The account whose owner gets it.
    pub user_id: UserId,
}
