//! How a match of an order comes about, or why it does not. Nothing is changed.

use shared_runtime::error::OrFail as _;
use shared_types::{ClinicId, UserId};

use super::{
    count_patients::{CountedClinic, counted},
    match_order::{find_alike, find_order},
};
use crate::{
    State,
    domain::{
        Refusal,
        ehr_settings::EhrSettings,
        matching::{Criterion, Sought, Trait},
        patient::Patient,
        redox::match_request::MatchRequest,
        subscription::REPORTS,
    },
    error::{Error, Failure},
};

/// As many patients are named who nearly fit a criterion.
const MAX_NEAR: usize = 10;

/// How a match comes about.
pub(crate) struct Explanation {
    /// Where the order comes from.
    pub(crate) source: Option<String>,
    /// The clinics that say that they are connected to it.
    pub(crate) clinics: Vec<Considered>,
    /// The clinic that is meant.
    pub(crate) clinic: Option<(CountedClinic, EhrSettings)>,
    /// The kinds of identifiers that the order has.
    pub(crate) identifier_types: Vec<String>,
    /// Why nobody is looked for.
    pub(crate) problem: Option<Refusal>,
    /// Whether the order has no medical record number of the kind that the clinic says.
    pub(crate) lacks_mrn: bool,
    pub(crate) criteria: Vec<Tried>,
    pub(crate) patients: Vec<Patient>,
    /// Whether the order has changed the only patient before, so that it changes nothing more.
    pub(crate) is_known: bool,
}

/// A clinic that says that it is connected to the source.
pub(crate) struct Considered {
    pub(crate) id: ClinicId,
    pub(crate) name: Option<String>,
    /// Why it is not meant.
    pub(crate) reason: Option<&'static str>,
}

/// A criterion, and whom it fits.
pub(crate) struct Tried {
    pub(crate) criterion: Criterion,
    pub(crate) patients: Vec<UserId>,
    /// Where it fits nobody: who is alike in something, and in what not.
    pub(crate) near: Vec<(UserId, Vec<Trait>)>,
}

/// Explains what [`super::match_order::match_order`] would do.
pub(crate) async fn explain(state: &State, request: &MatchRequest) -> Result<Explanation, Error> {
    let stored = find_order(state, request).await?;
    let order = &stored.order;
    let source = order.source_id.clone().filter(|id| !id.is_empty());
    let of_source = match &source {
        Some(source) => state
            .store
            .clinics
            .list_of_any_source(source)
            .await
            .or_fail(Failure)?,
        None => Vec::new(),
    };
    let clinics = of_source.iter().map(|(clinic, settings)| Considered {
        id: clinic.id,
        name: clinic.name.clone(),
        reason: reason(settings),
    });
    let clinics: Vec<Considered> = clinics.collect();
    let of_source = of_source.into_iter();
    let mut meant = of_source.filter(|(_, settings)| reason(settings).is_none());
    let (first, second) = (meant.next(), meant.next());
    let problem = match (&source, &first, &second) {
        (None, ..) => Some(Refusal::NoSourceId),
        (_, None, _) => Some(Refusal::NoMatchingClinic),
        (.., Some(_)) => Some(Refusal::ManyMatchingClinics),
        _ => None,
    };
    let kinds = order.identifiers.iter();
    let mut explanation = Explanation {
        source,
        clinics,
        clinic: None,
        identifier_types: kinds.filter_map(|known| known.kind.clone()).collect(),
        problem,
        lacks_mrn: false,
        criteria: Vec::new(),
        patients: Vec::new(),
        is_known: false,
    };
    let (Some((clinic, settings)), None) = (first, &explanation.problem) else {
        return Ok(explanation);
    };
    let id = clinic.id;
    let sought = order.sought(&settings.mrn_id_type);
    explanation.clinic = Some((counted(state, clinic).await?, settings));
    match sought {
        Err(problem) => explanation.problem = Some(problem),
        Ok(None) => explanation.lacks_mrn = true,
        Ok(Some(sought)) => {
            if let Some(options) = &request.patients {
                let criteria = &options.criteria.0;
                explanation.criteria = try_all(state, id, &sought, criteria).await?;
                explanation.patients = find_alike(state, id, &sought, criteria).await?;
            }
        }
    }
    if let [patient] = explanation.patients.as_slice() {
        let reports = patient.subscriptions.get(REPORTS);
        let mut orders = reports.into_iter().flat_map(|reports| &reports.orders);
        explanation.is_known = orders.any(|order| order.id == stored.id);
    }
    Ok(explanation)
}

/// Why a clinic of the source is not meant; `None`: it is.
fn reason(settings: &EhrSettings) -> Option<&'static str> {
    if settings.provider != "redox" {
        return Some("it is connected by another provider");
    }
    (!settings.enabled).then_some("its connection is off")
}

async fn try_all(
    state: &State,
    clinic: ClinicId,
    sought: &Sought,
    criteria: &[Criterion],
) -> Result<Vec<Tried>, Error> {
    let mut all = Vec::new();
    for criterion in criteria {
        let patients = find_alike(state, clinic, sought, &[*criterion]).await?;
        let near = if patients.is_empty() {
            near(state, clinic, sought, *criterion).await?
        } else {
            Vec::new()
        };
        let ids = patients.into_iter().map(|patient| patient.user_id);
        all.push(Tried {
            criterion: *criterion,
            patients: ids.collect(),
            near,
        });
    }
    Ok(all)
}

/// Who is alike in one of several things.
async fn near(
    state: &State,
    clinic: ClinicId,
    sought: &Sought,
    criterion: Criterion,
) -> Result<Vec<(UserId, Vec<Trait>)>, Error> {
    let traits = criterion.traits();
    let mut near: Vec<(UserId, Vec<Trait>)> = Vec::new();
    if traits.len() < 2 {
        return Ok(near);
    }
    for alike in traits {
        let patients = &state.store.patients;
        let found = patients
            .list_alike(clinic, sought, &[*alike])
            .await
            .or_fail(Failure)?;
        for patient in found.into_iter().take(MAX_NEAR) {
            let others = traits.iter().copied().filter(|other| other != alike);
            near.push((patient.user_id, others.collect()));
        }
    }
    near.truncate(MAX_NEAR);
    Ok(near)
}
