//! A clinic asks its patient to connect the account that it has with a provider of data.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use shared_runtime::body::Member;
use utoipa::ToSchema;

use super::{
    patient::{ConnectionRequest, MAIL_STANDS, Patient, PatientChange},
    patient_details::DataSourceState,
};

/// So long the patient may do it.
const REQUEST_STANDS: TimeDelta = TimeDelta::days(30);

/// As many requests of a provider are kept, so that no document grows without end.
const MAX_REQUESTS: usize = 100;

/// Who makes devices and has their data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Provider {
    Dexcom,
    Twiist,
    Abbott,
}

impl Provider {
    /// As it is written.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Dexcom => "dexcom",
            Self::Twiist => "twiist",
            Self::Abbott => "abbott",
        }
    }
}

impl Patient {
    /// What changes when it is asked at `now` to connect `provider`; `None`: it has no data from there,
    /// and none was to come.
    pub(crate) fn asked_to_connect(
        &self,
        provider: Provider,
        now: DateTime<Utc>,
    ) -> Option<PatientChange> {
        let mut sources = self.data_sources.clone()?;
        let source = sources
            .iter_mut()
            .find(|source| source.provider_name == provider.name())?;
        let state = if source.modified_time.is_some() {
            source.modified_time = Some(now);
            DataSourceState::PendingReconnect
        } else {
            DataSourceState::Pending
        };
        state.name().clone_into(&mut source.state);
        source.expiration_time = Some(now + REQUEST_STANDS);
        // Whatever it is asked to connect: all mails say the same.
        let is_mailed = |last| now.signed_duration_since(last) < MAIL_STANDS;
        let is_mailed = self.last_connection_mail.is_some_and(is_mailed);
        Some(PatientChange {
            data_sources: Member::Given(sources),
            connection_request: Some(ConnectionRequest {
                provider_name: provider.name().to_owned(),
                created_time: now,
            }),
            last_connection_mail: (!is_mailed).then_some(now),
            updated_time: Some(now),
            ..PatientChange::default()
        })
    }
}

/// `requests` with one more before the others of its provider, of which the oldest go.
pub(super) fn requested(
    requests: Vec<ConnectionRequest>,
    request: ConnectionRequest,
) -> Vec<ConnectionRequest> {
    let provider = request.provider_name.clone();
    let mut of_provider = 0;
    let mut all = vec![request];
    all.extend(requests);
    all.retain(|request| {
        of_provider += usize::from(request.provider_name == provider);
        request.provider_name != provider || of_provider <= MAX_REQUESTS
    });
    all
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta, Utc};
    use shared_runtime::body::Member;

    use super::{MAX_REQUESTS, Provider};
    use crate::domain::patient::{DataSource, Patient, tests::patient};

    fn source(provider: &str) -> DataSource {
        DataSource {
            provider_name: provider.to_owned(),
            state: "connected".to_owned(),
            ..DataSource::default()
        }
    }

    fn at(minutes: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::minutes(minutes)
    }

    #[test]
    fn a_request_changes_its_source_alone() {
        let mut patient = patient("alice");
        assert_eq!(patient.asked_to_connect(Provider::Dexcom, at(0)), None);
        patient.data_sources = Some(vec![source("dexcom"), source("twiist")]);
        assert_eq!(patient.asked_to_connect(Provider::Abbott, at(0)), None);
        let change = patient.asked_to_connect(Provider::Twiist, at(0)).unwrap();
        let Member::Given(sources) = &change.data_sources else {
            panic!("{change:?}");
        };
        let asked = DataSource {
            state: "pending".to_owned(),
            expiration_time: Some(at(0) + TimeDelta::days(30)),
            ..source("twiist")
        };
        assert_eq!(sources, &[source("dexcom"), asked.clone()]);

        // What was there before is to be connected again.
        patient.data_sources = Some(vec![DataSource {
            modified_time: Some(at(-5)),
            ..asked
        }]);
        let change = patient.asked_to_connect(Provider::Twiist, at(1)).unwrap();
        let after = patient.with(&change).data_sources.unwrap();
        assert_eq!(after[0].state, "pendingReconnect");
        assert_eq!(after[0].modified_time, Some(at(1)));
        assert_eq!(after[0].expiration_time, Some(at(1) + TimeDelta::days(30)));
    }

    fn ask(patient: &mut Patient, provider: Provider, minute: i64) -> bool {
        let change = patient.asked_to_connect(provider, at(minute)).unwrap();
        *patient = patient.clone().with(&change);
        change.last_connection_mail.is_some()
    }

    #[test]
    fn there_is_one_mail_in_ten_minutes_which_no_request_puts_off() {
        let mut patient = patient("alice");
        patient.data_sources = Some(vec![source("dexcom"), source("twiist")]);
        for (minute, provider, is_mailed) in [
            (0, Provider::Dexcom, true),
            (5, Provider::Dexcom, false),
            (9, Provider::Twiist, false),
            (10, Provider::Twiist, true),
            (19, Provider::Dexcom, false),
            (20, Provider::Dexcom, true),
        ] {
            assert_eq!(ask(&mut patient, provider, minute), is_mailed, "{minute}");
        }
        let times = |name: &str| -> Vec<DateTime<Utc>> {
            let requests = patient.connection_requests.iter();
            let of_provider = requests.filter(|request| request.provider_name == name);
            of_provider.map(|request| request.created_time).collect()
        };
        assert_eq!(times("dexcom"), [at(20), at(19), at(5), at(0)]);
        assert_eq!(times("twiist"), [at(10), at(9)]);
    }

    #[test]
    fn the_last_requests_of_each_provider_are_kept() {
        let mut patient = patient("alice");
        patient.data_sources = Some(vec![source("dexcom"), source("twiist")]);
        ask(&mut patient, Provider::Twiist, 0);
        for minute in 0..150 {
            ask(&mut patient, Provider::Dexcom, minute);
        }
        let requests = &patient.connection_requests;
        assert_eq!(requests.len(), MAX_REQUESTS + 1);
        assert_eq!(requests[0].created_time, at(149));
        assert_eq!(requests[MAX_REQUESTS].provider_name, "twiist");
    }
}
