//! The effects of the outbox, and who carries them out.

use shared_runtime::outbox::Effects;

use crate::{
    State,
    use_cases::{
        ask_to_claim, count_in_patients, describe_patient, notify, reconcile, relate,
        schedule_reports,
    },
};

/// The effects that clinic owes: what gatekeeper hears of clinicians and patients, what confirm mails,
/// what profiles say of patients, the count of the patients of a database that the reference wrote, the
/// comparison of relations, and the reports of large clinics.
pub(crate) fn effects(state: State) -> Effects<State> {
    Effects::of(state)
        .on_numbered(relate::relay_clinician)
        .on_numbered(relate::relay_patient)
        .on(notify::relay)
        .on(describe_patient::relay)
        .on(ask_to_claim::relay)
        .on(count_in_patients::relay)
        .on(reconcile::relay)
        .on(schedule_reports::relay)
}

#[cfg(test)]
mod tests {
    use bson::doc;
    use shared_runtime::{outbox::Effect, testing::assert_row};
    use shared_types::{ClinicEvent, ClinicId, ClinicNotice, UserId};

    use crate::{
        domain::relations::Kind,
        use_cases::{
            ask_to_claim::Claimable,
            count_in_patients::Counting,
            describe_patient::Described,
            notify::Happened,
            reconcile::Reconciling,
            relate::{ClinicianChanged, PatientChanged},
            schedule_reports::SchedulingRest,
        },
    };

    #[test]
    fn rows_are_those_of_earlier_releases() {
        let clinic_id = ClinicId::from([1; 12]);
        let user_id: UserId = "a".into();
        let payload = doc! { "clinicId": "010101010101010101010101", "userId": "a" };
        let patient = PatientChanged {
            clinic_id,
            user_id: user_id.clone(),
        };
        assert_row(&patient, "patients.changed", &payload);
        assert_eq!(patient.key(), "patient:010101010101010101010101:a");
        let claimable = Claimable {
            clinic_id,
            user_id: user_id.clone(),
        };
        assert_row(&claimable, "patients.claimable", &payload);
        assert_eq!(claimable.key(), "claim:a");
        let described = Described {
            clinic_id,
            user_id: user_id.clone(),
        };
        assert_row(&described, "patients.described", &payload);
        assert_eq!(described.key(), claimable.key());
        let happened = Happened {
            id: "n".to_owned(),
            notice: ClinicNotice {
                event: ClinicEvent::RolesChanged,
                clinic_id,
                user_id: user_id.clone(),
            },
        };
        let notice = doc! {
            "event": "rolesChanged", "clinicId": "010101010101010101010101", "userId": "a",
        };
        assert_row(
            &happened,
            "clinics.notices",
            &doc! { "id": "n", "notice": notice },
        );
        assert_eq!(happened.key(), "notice:n");
        let changed = ClinicianChanged { clinic_id, user_id };
        assert_row(&changed, "clinicians.changed", &payload);
        assert_eq!(changed.key(), "clinician:010101010101010101010101:a");
        let reconciling = Reconciling {
            kind: Kind::Patients,
            run: "r".to_owned(),
            after: None,
        };
        let payload = doc! { "kind": "patients", "run": "r", "after": null };
        assert_row(&reconciling, "relations.reconciling", &payload);
        assert_eq!(reconciling.key(), "reconciling:patients");
        let rest = SchedulingRest {
            clinic_id,
            run: "r".to_owned(),
            after: "020202020202020202020202".to_owned(),
            time_ms: 1,
        };
        let payload = doc! {
            "clinicId": "010101010101010101010101", "run": "r",
            "after": "020202020202020202020202", "timeMs": 1_i64,
        };
        assert_row(&rest, "reports.scheduling", &payload);
        assert_eq!(rest.key(), "reports:r");
        let counting = Counting {
            after: Some(clinic_id),
            counted: 1,
        };
        let payload = doc! { "after": "010101010101010101010101", "counted": 1_i64 };
        assert_row(&counting, "patients.counting", &payload);
        assert_eq!(counting.key(), "counting");
    }
}
