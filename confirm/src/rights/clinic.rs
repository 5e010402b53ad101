//! Who may act for a clinic, and who for themselves alone.

use std::{future::Future, pin::Pin};

use actix_web::{
    FromRequest, HttpRequest,
    dev::Payload,
    web::{Data, Path},
};
use serde::Deserialize;
use shared_runtime::{
    auth::{Caller, User},
    error::{ApiError, OrFail as _},
    peers::clinic::Clinician,
};
use shared_types::{ClinicId, UserId};

use crate::{
    State,
    error::{Error, Failure, Refusal},
};

/// Who works for the clinic that the path calls `clinicid`, or a service.
pub(crate) struct ClinicMember(pub(crate) ClinicId);

/// Who runs the clinic that the path calls `clinicid`, or a service.
pub(crate) struct ClinicAdmin {
    pub(crate) caller: Caller,
    pub(crate) clinic: ClinicId,
}

/// The person whom the path calls `userid`, and nobody else, services included.
pub(crate) struct Oneself(pub(crate) User);

/// The path of what is about a clinic.
#[derive(Deserialize)]
struct ClinicPath {
    clinicid: ClinicId,
}

/// The path of what is about a clinician.
#[derive(Deserialize)]
struct OwnPath {
    userid: UserId,
}

type Extracted<T> = Pin<Box<dyn Future<Output = Result<T, actix_web::Error>>>>;

impl FromRequest for ClinicMember {
    type Error = actix_web::Error;
    type Future = Extracted<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let admitted = admit(request, payload, |_| true);
        Box::pin(async move {
            let (_, clinic) = admitted.await?;
            Ok(Self(clinic))
        })
    }
}

impl FromRequest for ClinicAdmin {
    type Error = actix_web::Error;
    type Future = Extracted<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let admitted = admit(request, payload, Clinician::is_admin);
        Box::pin(async move {
            let (caller, clinic) = admitted.await?;
            Ok(Self { caller, clinic })
        })
    }
}

impl FromRequest for Oneself {
    type Error = actix_web::Error;
    type Future = Extracted<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let user = User::from_request(request, payload);
        let path = Path::<OwnPath>::from_request(request, payload);
        Box::pin(async move {
            let (user, path) = (user.await?, path.await?);
            if user.id == path.userid {
                Ok(Self(user))
            } else {
                Err(ApiError::from(Refusal::NotAllowed).into())
            }
        })
    }
}

/// Who calls, and for which clinic, if that is a service, or a clinician of the clinic that
/// `suffices`.
fn admit(
    request: &HttpRequest,
    payload: &mut Payload,
    suffices: fn(&Clinician) -> bool,
) -> Extracted<(Caller, ClinicId)> {
    let caller = Caller::from_request(request, payload);
    let path = Path::<ClinicPath>::from_request(request, payload);
    let state = Data::<State>::from_request(request, payload);
    Box::pin(async move {
        let (caller, path, state) = (caller.await?, path.await?, state.await?);
        let clinic = path.into_inner().clinicid;
        let is_admitted = works_for(&state, &caller, clinic, suffices).await;
        if is_admitted.map_err(ApiError::from)? {
            Ok((caller, clinic))
        } else {
            Err(ApiError::from(Refusal::NotAllowed).into())
        }
    })
}

/// Whether `caller` works for `clinic`; services do for every one.
pub(crate) async fn is_member(
    state: &State,
    caller: &Caller,
    clinic: ClinicId,
) -> Result<bool, Error> {
    works_for(state, caller, clinic, |_| true).await
}

async fn works_for(
    state: &State,
    caller: &Caller,
    clinic: ClinicId,
    suffices: fn(&Clinician) -> bool,
) -> Result<bool, Error> {
    let clinics = state.clinics()?;
    let Some(user) = caller.user_id() else {
        return Ok(true);
    };
    let clinician = clinics
        .clinician(clinic, user)
        .await
        .or_fail(Failure::FindingUser)?;
    Ok(clinician.is_some_and(|clinician| suffices(&clinician)))
}
