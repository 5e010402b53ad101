//! What becomes of a clinic whose clinician's account is deleted.

use super::clinician::Clinician;

/// Whether nobody runs the clinic any more, or nobody is there at all, once `leaving` is gone and
/// `others` stay, those who are invited included. A clinic that had no administrator before is not
/// left by one.
pub(crate) fn leaves_nobody(leaving: &Clinician, others: &[Clinician]) -> bool {
    let runs_it = |other: &Clinician| other.user_id.is_some() && other.is_admin();
    others.is_empty() || (leaving.is_admin() && !others.iter().any(runs_it))
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use shared_types::ClinicId;

    use super::leaves_nobody;
    use crate::domain::clinician::{ADMIN, Clinician, MEMBER};

    fn clinician(role: &str, is_invited: bool) -> Clinician {
        Clinician {
            clinic_id: ClinicId::from([1; 12]),
            user_id: (!is_invited).then(|| "c000000001".into()),
            invite_id: is_invited.then(|| "an-invite".to_owned()),
            email: None,
            name: None,
            roles: vec![role.to_owned()],
            is_service_account: false,
            created_time: DateTime::UNIX_EPOCH,
            updated_time: DateTime::UNIX_EPOCH,
        }
    }

    #[test]
    fn a_clinic_needs_an_administrator_with_an_account() {
        let (admin, member) = (clinician(ADMIN, false), clinician(MEMBER, false));
        let invited = clinician(ADMIN, true);
        for (leaving, others, expected) in [
            (&admin, vec![], true),
            (&admin, vec![&member], true),
            (&admin, vec![&invited], true),
            (&admin, vec![&member, &admin], false),
            (&member, vec![&admin], false),
            // Nobody ran it before.
            (&member, vec![&member], false),
            (&member, vec![&invited], false),
            (&member, vec![], true),
        ] {
            let others: Vec<Clinician> = others.into_iter().cloned().collect();
            assert_eq!(
                leaves_nobody(leaving, &others),
                expected,
                "{leaving:?} {others:?}"
            );
        }
    }
}
