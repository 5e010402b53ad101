//! The effects of the outbox, and who carries them out.

use bson::doc;
use shared_runtime::outbox::Effects;

use crate::{
    State,
    use_cases::{
        await_enrolment, create_account,
        delete_account::{self, Gone},
        end_custody, hand_over_account, notify_owner, prove_address, report_address,
    },
};

/// The effects that user-api owes: deletions, undone creations, claims, accounts that are handed
/// over, proven and changed addresses, notices of changes, looks at patients to be.
pub(crate) fn effects(state: State) -> Effects<State> {
    Effects::of(state)
        .on(delete_account::notify)
        .formerly::<Gone>("users.delete.gatekeeper", doc! { "receiver": "gatekeeper" })
        .formerly::<Gone>("users.delete.confirm", doc! { "receiver": "confirm" })
        .on(delete_account::sweep)
        .on(create_account::undo)
        .on(notify_owner::relay)
        .on(end_custody::relay)
        .on(hand_over_account::end_gifts)
        .on(prove_address::take_from_noting)
        .on(report_address::relay)
        .on(await_enrolment::relay)
}

#[cfg(test)]
mod tests {
    use bson::{DateTime, doc};
    use shared_runtime::{outbox::Effect, testing::assert_row};
    use shared_types::{AccountNotice, ChangedPart, ClinicId, NoticeRecipient, UserId};

    use crate::use_cases::{
        await_enrolment::Enrolling,
        create_account::Undo,
        delete_account::{Gone, Receiver, Sweep},
        end_custody::Claimed,
        hand_over_account::HandedOver,
        notify_owner::Changed,
        prove_address::Proven,
        report_address::AddressChanged,
    };

    #[test]
    fn rows_are_those_of_earlier_releases() {
        let id = |text| UserId::from(text);
        let userid = doc! { "userid": "a" };
        for (receiver, name) in [
            (Receiver::Confirm, "confirm"),
            (Receiver::Clinic, "clinic"),
            (Receiver::Gatekeeper, "gatekeeper"),
        ] {
            let userid = id("a");
            let gone = Gone { receiver, userid };
            let payload = doc! { "receiver": name, "userid": "a" };
            assert_row(&gone, "users.deleted", &payload);
            assert_eq!(gone.key(), format!("{name}:a"));
        }
        let sweep = Sweep { userid: id("a") };
        assert_row(&sweep, "users.sweep", &userid);
        assert_eq!(sweep.key(), "user-api:a");
        let claimed = Claimed { userid: id("a") };
        assert_row(&claimed, "users.claimed", &userid);
        assert_eq!(claimed.key(), "gatekeeper:a");
        let handed_over = HandedOver {
            userid: id("a"),
            until: DateTime::from_millis(1),
        };
        let payload = doc! { "userid": "a", "until": DateTime::from_millis(1) };
        assert_row(&handed_over, "users.handed-over", &payload);
        assert_eq!(handed_over.key(), "handed-over:a");
        let proven = Proven {
            prover: id("a"),
            by: "b".to_owned(),
        };
        let payload = doc! { "prover": "a", "by": "b" };
        assert_row(&proven, "users.address-proven", &payload);
        assert_eq!(proven.key(), "proven:a");
        let changed = AddressChanged { userid: id("a") };
        assert_row(&changed, "users.address-changed", &userid);
        assert_eq!(changed.key(), "address:a");
        let enrolling = Enrolling {
            userid: id("a"),
            clinic_id: ClinicId::from([1; 12]),
            mark: "m".to_owned(),
        };
        let payload = doc! { "userid": "a", "clinicId": "010101010101010101010101", "mark": "m" };
        assert_row(&enrolling, "users.enrolling", &payload);
        assert_eq!(enrolling.key(), "enrolling:a");
        let undo = Undo {
            account: id("a"),
            sharer: id("a"),
            grantee: id("b"),
        };
        let payload = doc! { "account": "a", "sharer": "a", "grantee": "b" };
        assert_row(&undo, "users.undo-create", &payload);
        assert_eq!(undo.key(), "a");
        let changed = Changed {
            id: "c".to_owned(),
            notice: AccountNotice {
                userid: id("a"),
                changed_at: 1,
                changed: vec![ChangedPart::Emails],
                recipients: vec![NoticeRecipient {
                    email: "a@z.co".to_owned(),
                    change: "c".to_owned(),
                }],
                needs_proof: true,
            },
        };
        let payload = doc! { "id": "c", "notice": {
            "userid": "a", "changedAt": 1_i64, "changed": ["emails"],
            "recipients": [{ "email": "a@z.co", "change": "c" }], "needsProof": true,
        } };
        assert_row(&changed, "users.changed", &payload);
        assert_eq!(changed.key(), "notice:a");
    }
}
