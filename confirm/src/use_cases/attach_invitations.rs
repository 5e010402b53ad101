//! An account that has proven an address gets the invitations that were sent to the address.

use shared_types::{Person, UserId};

use crate::{domain::confirmation::Kind, store::Confirmations};

/// Gives `people` the invitations of `kind` sent to their verified addresses; returns whether there
/// were any.
pub(crate) async fn attach(
    confirmations: &Confirmations,
    kind: Kind,
    people: &[Person],
) -> mongodb::error::Result<bool> {
    let proven: Vec<(&UserId, &str)> = people
        .iter()
        .filter_map(|person| Some((&person.user.userid, person.proven_email.as_deref()?)))
        .collect();
    confirmations.attach(kind, &proven).await
}
