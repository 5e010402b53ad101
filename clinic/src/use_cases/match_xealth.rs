//! Whom Xealth means: the one clinic that is connected to a deployment, and the one of its patients.

use serde_json::Value;
use shared_runtime::error::OrFail as _;
use shared_types::{ClinicId, UserId};

use super::match_order::{find_alike, only_clinic};
use crate::{
    State,
    domain::{
        Refusal,
        clinic::Clinic,
        ehr_settings::EhrSettings,
        limited,
        matching::Criterion,
        patient::Patient,
        xealth::{
            asked::{Asked, Unmatched},
            demographics::Demographics,
        },
    },
    error::{Error, Failure},
    store::View,
};

/// What somebody in a hospital asks about a patient of a clinic.
pub(crate) struct Question {
    message: Value,
    pub(crate) clinic: ClinicId,
}

impl Question {
    /// What the message asks, and the patient whom it means; `None`: the clinic has nobody like that.
    pub(crate) async fn read(
        state: &State,
        asked: Asked,
        message: &[u8],
    ) -> Result<(Self, Option<Patient>), Error> {
        let message = limited::read(message).map_err(Refusal::InvalidBody)?;
        let deployment = text(&message, "/deployment").unwrap_or_default();
        let (clinic, settings) = connected_clinic(state, asked, deployment).await?;
        let who = Demographics::read(&message, &settings.mrn_id_type);
        let who = who.map_err(|why| asked.refused(why))?;
        let patient = find_patient(state, clinic.id, &who, Criterion::MrnDob).await?;
        let clinic = clinic.id;
        Ok((Self { message, clinic }, patient))
    }

    /// What stands at a JSON pointer; `None`: nothing, or an empty text.
    pub(crate) fn text(&self, pointer: &str) -> Option<&str> {
        text(&self.message, pointer)
    }

    /// Who asks, as one who looks at what is ordered for `patient`; `None`: the message does not say who it is.
    pub(crate) fn view<'a>(&'a self, program_id: &'a str, patient: &'a UserId) -> Option<View<'a>> {
        Some(View {
            viewer: self.text("/datasets/ehrUserV1/userId")?,
            deployment: self.text("/deployment")?,
            program_id,
            clinic: self.clinic,
            patient,
        })
    }
}

fn text<'a>(message: &'a Value, pointer: &str) -> Option<&'a str> {
    let text = message.pointer(pointer).and_then(Value::as_str);
    text.filter(|text| !text.is_empty())
}

/// The clinic that takes what Xealth sends from a deployment.
pub(crate) async fn connected_clinic(
    state: &State,
    asked: Asked,
    deployment: &str,
) -> Result<(Clinic, EhrSettings), Error> {
    let none = asked.refused(Unmatched::Clinic);
    if deployment.is_empty() {
        return Err(none.into());
    }
    let clinics = &state.store.clinics;
    let connected = clinics.list_connected_to_xealth(deployment).await;
    match only_clinic(connected.or_fail(Failure)?) {
        Err(Refusal::NoMatchingClinic) => Err(none.into()),
        connected => Ok(connected?),
    }
}

/// The patient of a clinic who is meant; `None`: it has nobody like that.
pub(crate) async fn find_patient(
    state: &State,
    clinic: ClinicId,
    who: &Demographics,
    criterion: Criterion,
) -> Result<Option<Patient>, Error> {
    let mut alike = find_alike(state, clinic, &who.sought, &[criterion]).await?;
    let patient = alike.pop();
    if !alike.is_empty() {
        return Err(Refusal::ManyMatchingPatients.into());
    }
    Ok(patient)
}
