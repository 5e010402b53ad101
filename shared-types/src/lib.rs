//! What the services say to each other: ids, bodies that cross a service border, and the
//! predicates that need nothing but those values. No I/O, no statuses, no stored documents.

#![warn(missing_docs)]

pub mod address;
pub mod dates;
mod grants;
mod holders;
mod ids;
mod notices;
mod object_ids;
pub mod password;
mod people;
mod permissions;
mod relations;
mod tokens;
mod updates;
mod users;

pub use grants::Grant;
pub use holders::{HolderNeed, HolderNotice, LockedAccount};
pub use ids::UserId;
pub use notices::{
    AccountNotice, ChangedPart, ClinicEvent, ClinicNotice, NoticeRecipient, Restoration, Restored,
};
pub use object_ids::{ClinicId, InvalidId, MessageId, SiteId, TagId};
pub use people::{PatientProfile, People, Person, PersonProfile};
pub use permissions::{
    ADMINISTERING_NAMES, PERMISSION_NAMES, PermissionSet, PermissionsByUser, ROOT, is_kept,
};
pub use relations::{
    AdministeredAccount, ClinicianRelation, KnownRelation, KnownRelations, PatientRelation,
};
pub use tokens::TokenData;
pub use updates::{AccountChanges, AccountCondition, AccountUpdate};
pub use users::UserRecord;
