//! Who may call an operation.

use std::rc::Rc;

use actix_web::{FromRequest as _, HttpRequest, dev::Payload, web::Data};
use shared_runtime::{
    auth::{Caller, Operator},
    error::{ApiError, OrFail as _},
    routes::Guard,
};
use shared_types::ClinicId;

use crate::{
    State,
    domain::{
        Refusal,
        clinician::{is_admin, is_member},
    },
    error::Failure,
    hospital::shown,
};

/// A kind of caller. What a clinician may do depends on the record in the clinic of the path alone:
/// a service whose name is a clinician's account id is that clinician as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Who {
    /// A service (B in the API's description).
    Service,
    /// A service, where this parameter of the path has this value.
    ServiceWhere(&'static str, &'static str),
    /// Anybody who is logged in (U).
    User,
    /// Who runs the clinic in the path (A).
    Admin,
    /// Who works for the clinic in the path, except prescribers (M).
    Member,
    /// The user whom this parameter of the path names (S).
    Own(&'static str),
    /// The same who is a [`Who::Member`] as well.
    OwnMember(&'static str),
}

/// Admits `whom` and nobody else; nobody at all where it is empty.
pub(crate) fn only(whom: &'static [Who]) -> Guard {
    Rc::new(move |request| Box::pin(async move { admit(&request, whom).await }))
}

/// Admits hospital records, by their own token.
pub(crate) fn hospitals() -> Guard {
    Rc::new(|request| {
        Box::pin(async move {
            let state = request.app_data::<Data<State>>();
            let redox = state.map(|state| &state.redox);
            let redox = redox.ok_or(Refusal::NotAuthorized)?;
            Ok(redox.admit(shown(request.headers()))?)
        })
    })
}

/// Admits Xealth, by its own token.
pub(crate) fn xealth() -> Guard {
    Rc::new(|request| {
        Box::pin(async move {
            let state = request.app_data::<Data<State>>();
            let state = state.ok_or(Refusal::NotAuthorized)?;
            Ok(state.xealth.admit(request.headers())?)
        })
    })
}

/// Admits everybody where Xealth is served.
pub(crate) fn where_xealth_is() -> Guard {
    Rc::new(|request| {
        Box::pin(async move {
            let state = request.app_data::<Data<State>>();
            let state = state.ok_or(Refusal::NotAuthorized)?;
            Ok(state.xealth.enabled().map(drop)?)
        })
    })
}

/// Admits the operators that the settings name.
pub(crate) fn operators() -> Guard {
    Rc::new(|request| {
        Box::pin(async move {
            let operator = Operator::from_request(&request, &mut Payload::None);
            operator.await.map(drop)
        })
    })
}

/// Where hospital records call, which show no token of ours: what is wrong with the method there is said
/// to everybody.
const OF_HOSPITALS: [&str; 2] = ["/v1/redox", "/v1/redox/verify"];

/// Admits everybody with a valid token, and everybody where callers show none.
pub(crate) fn identified() -> Guard {
    Rc::new(|request| {
        Box::pin(async move {
            let path = request.path();
            if OF_HOSPITALS.contains(&path) || path.starts_with("/v1/xealth/") {
                return Ok(());
            }
            caller(&request).await.map(drop)
        })
    })
}

async fn caller(request: &HttpRequest) -> Result<Caller, ApiError> {
    Caller::from_request(request, &mut Payload::None).await
}

async fn admit(request: &HttpRequest, whom: &[Who]) -> Result<(), ApiError> {
    let caller = caller(request).await?;
    let parameter = |name: &str| request.match_info().get(name);
    let is_own = |name: &str| parameter(name) == caller.user_id().map(AsRef::as_ref);
    let by_itself = whom.iter().any(|who| match who {
        Who::Service => caller.is_service(),
        Who::ServiceWhere(name, value) => caller.is_service() && parameter(name) == Some(*value),
        Who::User => !caller.is_service(),
        Who::Own(name) => is_own(name),
        Who::Admin | Who::Member | Who::OwnMember(_) => false,
    });
    if by_itself {
        return Ok(());
    }
    let mut by_record = whom.iter().filter(|who| match who {
        Who::Admin | Who::Member => true,
        Who::OwnMember(name) => is_own(name),
        Who::Service | Who::ServiceWhere(..) | Who::User | Who::Own(_) => false,
    });
    if by_record.clone().next().is_none() {
        return Err(Refusal::NotAuthorized.into());
    }
    let roles = roles(request, &caller).await?;
    let is_admitted = by_record.any(|who| match who {
        Who::Admin => is_admin(&roles),
        _ => is_member(&roles),
    });
    if is_admitted {
        Ok(())
    } else {
        Err(Refusal::NotAuthorized.into())
    }
}

/// The roles of the caller in the clinic of the path; none where that is no clinic.
async fn roles(request: &HttpRequest, caller: &Caller) -> Result<Vec<String>, ApiError> {
    let clinic = request.match_info().get("clinicId");
    let clinic: Option<ClinicId> = clinic.and_then(|id| id.parse().ok());
    let (Some(clinic), Some(state)) = (clinic, request.app_data::<Data<State>>()) else {
        return Ok(Vec::new());
    };
    let roles = state
        .store
        .clinicians
        .find_roles(clinic, caller.name())
        .await
        .or_fail(Failure)?;
    Ok(roles.unwrap_or_default())
}
