//! Whoever has proven an address gets the invitations that were sent to it.

use shared_types::{Person, UserId};

use crate::store::Confirmations;

/// Gives `people` the invitations sent to their verified addresses; returns whether there were any.
pub(crate) async fn attach(
    confirmations: &Confirmations,
    people: &[Person],
) -> mongodb::error::Result<bool> {
    let proven: Vec<(&UserId, &str)> = people
        .iter()
        .filter_map(|person| Some((&person.user.userid, person.proven_email.as_deref()?)))
        .collect();
    confirmations.attach(&proven).await
}
