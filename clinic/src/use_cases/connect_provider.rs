//! A clinic asks its patient to connect the account that it has with a provider of data.

use shared_types::{ClinicEvent, ClinicId, UserId};

use crate::{
    State,
    domain::{Refusal, connection::Provider},
    error::Error,
    store::now,
    use_cases::{change_patient::change_patient, notify},
};

/// Notes the request, and has the patient asked by mail unless it was a moment ago.
pub(crate) async fn connect_provider(
    state: &State,
    clinic: ClinicId,
    user: &UserId,
    provider: Provider,
) -> Result<(), Error> {
    let now = now();
    let changed = change_patient(state, clinic, user, async |session, patient| {
        let change = patient.asked_to_connect(provider, now);
        let change = change.ok_or(Refusal::DataSourceNotFound)?;
        if change.last_connection_mail.is_some() {
            let event = ClinicEvent::ConnectionRequest;
            notify::queue(state, session, event, clinic, user).await?;
        }
        Ok(change)
    });
    match changed.await {
        Err(Error::Refused(Refusal::PatientNotFound)) => {
            Err(Refusal::PatientToConnectNotFound.into())
        }
        changed => {
            changed?;
            state.outbox.wake();
            Ok(())
        }
    }
}
