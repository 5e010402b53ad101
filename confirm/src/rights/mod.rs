//! Who may act for an account or a clinic.

mod clinic;

use std::{future::Future, pin::Pin};

use actix_web::{
    FromRequest, HttpRequest,
    dev::Payload,
    web::{Data, Path},
};
use serde::Deserialize;
use shared_runtime::{
    auth::Caller,
    error::{ApiError, OrFail as _},
};
use shared_types::UserId;

use crate::{
    State,
    error::{Error, Failure, Refusal},
};

pub(crate) use clinic::{ClinicAdmin, ClinicMember, Oneself, is_member};

/// Who may manage the account that the path calls `userid`. A handler that takes it is closed to
/// everybody else.
pub(crate) struct Manager {
    pub(crate) caller: Caller,
    pub(crate) account: UserId,
}

/// The path of what is about an account.
#[derive(Deserialize)]
struct AccountPath {
    userid: UserId,
}

impl FromRequest for Manager {
    type Error = actix_web::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Self::Error>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let caller = Caller::from_request(request, payload);
        let path = Path::<AccountPath>::from_request(request, payload);
        let state = Data::<State>::from_request(request, payload);
        Box::pin(async move {
            let account = path.await?.into_inner().userid;
            let (caller, state) = (caller.await?, state.await?);
            require_manager(&state, &caller, &account)
                .await
                .map_err(ApiError::from)?;
            Ok(Self { caller, account })
        })
    }
}

/// Whether `caller` may manage `account`: a service, the account itself, or who runs it.
pub(crate) async fn may_manage(
    state: &State,
    caller: &Caller,
    account: &UserId,
) -> Result<bool, Error> {
    let Some(user) = caller.user_id().filter(|user| *user != account) else {
        return Ok(true);
    };
    let permissions = state
        .gatekeeper
        .permissions(account, user)
        .await
        .or_fail(Failure::FindingUser)?;
    Ok(permissions.is_some_and(|permissions| permissions.administers()))
}

/// Refuses whoever may not manage `account`.
pub(crate) async fn require_manager(
    state: &State,
    caller: &Caller,
    account: &UserId,
) -> Result<(), Error> {
    if may_manage(state, caller, account).await? {
        Ok(())
    } else {
        Err(Refusal::NotAllowed.into())
    }
}
