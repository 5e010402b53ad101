use std::sync::Arc;

use chrono::{DateTime, TimeDelta};
use shared_types::{ClinicId, SiteId, TagId};

use super::{
    MergePlan, MrnProblem, Obstacle, PatientAction, PatientRow, Side, SiteAction, StaffAction,
    StaffProblem, TagAction,
};
use crate::domain::{
    Refusal,
    clinic::{Clinic, Site, Tag, tests::legacy},
    clinician::Clinician,
    mrn::MrnSettings,
    restrictions::MembershipRestriction,
};

const SOURCE: u8 = 1;
const TARGET: u8 = 2;

fn side(number: u8) -> Side {
    Side {
        clinic: Clinic {
            id: ClinicId::from([number; 12]),
            ..legacy()
        },
        restrictions: Vec::new(),
        staff: Vec::new(),
        patients: Vec::new(),
        is_migrating: false,
    }
}

fn tag(number: u8, name: &str) -> Tag {
    let (id, name) = (TagId::from([number; 12]), name.to_owned());
    Tag { id, name }
}

fn site(number: u8, name: &str) -> Site {
    let (id, name) = (SiteId::from([number; 12]), name.to_owned());
    Site { id, name }
}

fn row(user: &str, name: &str, birth_date: &str, mrn: &str) -> PatientRow {
    let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    PatientRow {
        user: user.into(),
        name: text(name),
        birth_date: text(birth_date),
        mrn: text(mrn),
        mrn_key: mrn.to_lowercase().into_bytes(),
        tags: Vec::new(),
        sites: Vec::new(),
        is_custodial: false,
        is_demo: false,
        latest_upload: None,
    }
}

fn rows<const N: usize>(rows: [PatientRow; N]) -> Vec<Arc<PatientRow>> {
    rows.into_iter().map(Arc::new).collect()
}

fn clinician(clinic: u8, user: Option<&str>, role: &str) -> Clinician {
    let email = format!("{}@example.org", user.unwrap_or("invited"));
    Clinician {
        clinic_id: ClinicId::from([clinic; 12]),
        user_id: user.map(Into::into),
        invite_id: user.is_none().then(|| "invite".to_owned()),
        email: Some(email),
        name: None,
        roles: vec![role.to_owned()],
        is_service_account: false,
        created_time: DateTime::UNIX_EPOCH,
        updated_time: DateTime::UNIX_EPOCH,
    }
}

fn planned(source: Side, target: Side) -> MergePlan {
    MergePlan::new(source, target, DateTime::UNIX_EPOCH).unwrap()
}

/// The plan and why it may not be carried out, after a change of both clinics.
fn changed(change: impl FnOnce(&mut Side, &mut Side)) -> (MergePlan, Vec<Obstacle>) {
    let (mut source, mut target) = (side(SOURCE), side(TARGET));
    change(&mut source, &mut target);
    let plan = planned(source, target);
    let obstacles = plan.obstacles();
    (plan, obstacles)
}

#[test]
fn a_clinic_that_patients_are_still_to_come_to_does_not_go() {
    let (_, obstacles) = changed(|source, _| source.is_migrating = true);
    assert_eq!(obstacles, [Obstacle::UnfinishedMigration]);
    let (_, obstacles) = changed(|_, target| target.is_migrating = true);
    assert_eq!(obstacles, []);
}

#[test]
fn two_clinics_without_anything_become_one() {
    let (plan, obstacles) = changed(|_, _| {});
    assert_eq!(obstacles, []);
    assert_eq!(plan.patients, []);
    assert_eq!(plan.hash(), changed(|_, _| {}).0.hash());
    for name in [None, Some(String::new())] {
        let (mut source, mut target) = (side(SOURCE), side(TARGET));
        source.clinic.name = name;
        std::mem::swap(&mut source, &mut target);
        let refused = MergePlan::new(source, target, DateTime::UNIX_EPOCH);
        assert_eq!(refused.unwrap_err(), Refusal::NamelessClinic);
    }
}

#[test]
fn settings_must_be_the_same() {
    let changes: [fn(&mut Clinic); 4] = [
        |clinic| clinic.bg_units = Some("mmol/L".to_owned()),
        |clinic| clinic.timezone = Some("Europe/Berlin".to_owned()),
        |clinic| {
            clinic.mrn_settings = Some(MrnSettings {
                required: true,
                unique: false,
            });
        },
        |clinic| {
            clinic.mrn_settings = Some(MrnSettings {
                required: false,
                unique: true,
            });
        },
    ];
    for change in changes {
        let (_, obstacles) = changed(|source, _| change(&mut source.clinic));
        assert_eq!(obstacles, [Obstacle::SettingsMismatch]);
        let (_, obstacles) = changed(|source, target| {
            change(&mut source.clinic);
            change(&mut target.clinic);
        });
        assert_eq!(obstacles, []);
    }
    // Nothing said means the default.
    let (_, obstacles) = changed(|source, target| {
        source.clinic.bg_units = None;
        source.clinic.timezone = Some(String::new());
        target.clinic.mrn_settings = Some(MrnSettings::default());
    });
    assert_eq!(obstacles, []);
}

#[test]
fn the_target_restricts_as_the_source_does_or_more() {
    let restriction = |domain: &str, idp: Option<&str>| MembershipRestriction {
        email_domain: domain.to_owned(),
        required_idp: idp.map(ToOwned::to_owned),
    };
    let (oak, elm) = (restriction("oak", None), restriction("elm", Some("e")));
    for (source, target, is_known) in [
        (vec![], vec![], true),
        (vec![oak.clone()], vec![elm.clone(), oak.clone()], true),
        (vec![], vec![oak.clone()], true),
        (vec![oak.clone()], vec![], false),
        (vec![elm], vec![restriction("elm", None)], false),
    ] {
        let (_, obstacles) = changed(|from, to| {
            from.restrictions = source;
            to.restrictions = target;
        });
        let wanted = (!is_known).then_some(Obstacle::RestrictionsMismatch);
        assert_eq!(obstacles, Vec::from_iter(wanted));
    }
}

#[test]
fn tags_are_the_targets_by_their_exact_names_and_new_otherwise() {
    let (plan, obstacles) = changed(|source, target| {
        source.clinic.tags = Some(vec![tag(1, "A"), tag(2, "B"), tag(3, "b")]);
        target.clinic.tags = Some(vec![tag(4, "A"), tag(5, "C")]);
    });
    let actions = plan.tags.iter().map(|plan| (plan.action, plan.target_id));
    let wanted = [
        (TagAction::Skip, TagId::from([4; 12])),
        (TagAction::Create, TagId::from([2; 12])),
        (TagAction::Create, TagId::from([3; 12])),
        (TagAction::Retain, TagId::from([4; 12])),
        (TagAction::Retain, TagId::from([5; 12])),
    ];
    assert_eq!(actions.collect::<Vec<_>>(), wanted);
    // The second is like the first one.
    assert_eq!(obstacles, [Obstacle::TagCannotBeCreated("b".to_owned())]);
    let order = plan.order();
    let ids = |numbers: &[u8]| -> Vec<TagId> {
        let ids = numbers.iter().map(|number| TagId::from([*number; 12]));
        ids.collect()
    };
    assert_eq!(order.tags_of(&ids(&[2, 1, 9, 1])), ids(&[2, 4]));

    let (_, obstacles) = changed(|source, target| {
        source.clinic.tags = Some(vec![tag(99, "new")]);
        let many = (0..50).map(|number| tag(number, &number.to_string()));
        target.clinic.tags = Some(many.collect());
    });
    assert_eq!(obstacles, [Obstacle::TagCannotBeCreated("new".to_owned())]);
}

#[test]
fn sites_move_and_get_another_name_where_theirs_is_taken() {
    let (plan, obstacles) = changed(|source, target| {
        let names = ["South", "NORTH", "North (2)"];
        source.clinic.sites = (1..).zip(names).map(|(id, name)| site(id, name)).collect();
        source.clinic.sites.push(site(9, "Old"));
        target.clinic.sites = vec![site(4, "North"), site(9, "New")];
    });
    assert_eq!(obstacles, []);
    let plans = plan.sites.iter();
    let plans: Vec<_> = plans
        .map(|plan| (plan.action, plan.target_name.as_str()))
        .collect();
    let wanted = [
        (SiteAction::Move, "South"),
        (SiteAction::Rename, "NORTH (3)"),
        (SiteAction::Move, "North (2)"),
        (SiteAction::Retain, "New"),
        (SiteAction::Retain, "North"),
        (SiteAction::Retain, "New"),
    ];
    assert_eq!(plans, wanted);
    let order = plan.order();
    let known = [site(2, "NORTH"), site(8, "Nowhere"), site(9, "Old")];
    let wanted = [site(2, "NORTH (3)"), site(8, "Nowhere"), site(9, "New")];
    assert_eq!(order.sites_of(&known), wanted);
}

#[test]
fn clinicians_of_both_keep_their_roles_in_the_target_and_others_come() {
    let (admin, member) = ("CLINIC_ADMIN", "CLINIC_MEMBER");
    let staff = |source: &mut Side, target: &mut Side| {
        source.staff = vec![
            clinician(SOURCE, Some("carol"), admin),
            clinician(SOURCE, Some("dan"), admin),
        ];
        target.staff = vec![
            clinician(TARGET, Some("carol"), member),
            clinician(TARGET, Some("erin"), admin),
            clinician(TARGET, None, admin),
        ];
    };
    let (plan, obstacles) = changed(staff);
    assert_eq!(obstacles, []);
    let plans = plan.staff.iter();
    let plans: Vec<_> = plans
        .map(|plan| (plan.action, plan.roles[0].as_str(), plan.is_downgraded))
        .collect();
    let wanted = [
        (StaffAction::Merge, member, true),
        (StaffAction::Move, admin, false),
        (StaffAction::MergeInto, member, false),
        (StaffAction::Retain, admin, false),
        (StaffAction::Retain, admin, false),
    ];
    assert_eq!(plans, wanted);

    let (plan, obstacles) = changed(|source, target| {
        staff(source, target);
        source.staff.push(clinician(SOURCE, None, member));
    });
    assert_eq!(obstacles, [Obstacle::PendingInvites(1)]);
    assert_eq!(plan.staff[2].problem, Some(StaffProblem::PendingInvite));
    let (_, obstacles) = changed(|source, target| {
        staff(source, target);
        let (email_domain, required_idp) = ("oak".to_owned(), None);
        target.restrictions = vec![MembershipRestriction {
            email_domain,
            required_idp,
        }];
    });
    assert_eq!(obstacles, [Obstacle::RestrictedTarget(1)]);
    let (_, obstacles) = changed(|source, target| {
        staff(source, target);
        source.staff[1].email = Some("erin@example.org".to_owned());
    });
    assert_eq!(obstacles, [Obstacle::ClinicianEmailsTaken(1)]);
}

fn mrns(required: bool, unique: bool) -> impl FnOnce(&mut Side, &mut Side) {
    move |source, target| {
        let settings = Some(MrnSettings { required, unique });
        source.clinic.mrn_settings = settings;
        target.clinic.mrn_settings = settings;
        let demo = PatientRow {
            is_demo: true,
            ..row("demo", "Demo", "", "1")
        };
        source.patients = rows([
            row("a", "A", "", "10"),
            row("b", "B", "", ""),
            row("c", "C", "", "30"),
            row("d", "D", "", " X "),
            row("e", "E", "", "50"),
            row("f", "F", "", "50"),
            demo.clone(),
        ]);
        target.patients = rows([
            row("a", "A", "", "11"),
            row("x", "X", "", "x"),
            row("y", "Y", "", "31"),
            demo,
        ]);
    }
}

#[test]
fn patients_of_both_become_one_and_others_come_with_numbers_of_their_own() {
    let (plan, obstacles) = changed(mrns(false, false));
    assert_eq!(obstacles, []);
    let actions = |plan: &MergePlan| -> Vec<(String, PatientAction)> {
        let plans = plan.patients.iter();
        plans
            .map(|plan| (plan.row.user.to_string(), plan.action))
            .collect()
    };
    let wanted = [
        ("a", PatientAction::Merge),
        ("b", PatientAction::Move),
        ("c", PatientAction::Move),
        ("d", PatientAction::Move),
        ("e", PatientAction::Move),
        ("f", PatientAction::Move),
        ("a", PatientAction::MergeInto),
        ("x", PatientAction::Retain),
        ("y", PatientAction::Retain),
    ];
    assert_eq!(
        actions(&plan),
        wanted.map(|(user, action)| (user.to_owned(), action))
    );
    let (plan, obstacles) = changed(mrns(true, false));
    assert_eq!(obstacles, [Obstacle::MrnsMissing(1)]);
    assert_eq!(plan.patients[1].problem, Some(MrnProblem::Missing));
    let (plan, obstacles) = changed(mrns(false, true));
    assert_eq!(obstacles, [Obstacle::MrnsTaken(3)]);
    let taken = plan.patients.iter();
    let taken = taken.filter(|plan| plan.problem == Some(MrnProblem::Taken));
    let taken: Vec<&str> = taken.map(|plan| plan.row.user.as_str()).collect();
    assert_eq!(taken, ["d", "e", "f"]);
    // What the database takes for the same is the same.
    let (_, obstacles) = changed(|source, target| {
        mrns(false, true)(source, target);
        source.patients = rows([row("c", "C", "", "É1")]);
        let same = PatientRow {
            mrn_key: "é1".into(),
            ..row("y", "Y", "", "e1")
        };
        target.patients = rows([same]);
    });
    assert_eq!(obstacles, [Obstacle::MrnsTaken(1)]);
}

#[test]
fn a_plan_with_anything_else_in_it_has_another_digest() {
    let mut hashes = vec![changed(mrns(true, true)).0.hash()];
    let changes: [fn(&mut Side, &mut Side); 9] = [
        |source, _| source.clinic.name = Some("Elm".to_owned()),
        |source, _| source.clinic.timezone = Some("UTC".to_owned()),
        |source, _| source.clinic.tags = Some(vec![tag(1, "A")]),
        |_, target| target.clinic.sites = vec![site(1, "A")],
        |source, _| source.staff = vec![clinician(SOURCE, Some("dan"), "CLINIC_MEMBER")],
        |_, target| target.patients.truncate(1),
        |source, _| source.patients[0] = Arc::new(row("a", "A", "", "12")),
        |source, _| source.patients[0] = Arc::new(row("a", "A", "1", "10")),
        |source, target| std::mem::swap(&mut source.patients, &mut target.patients),
    ];
    for change in changes {
        let (plan, _) = changed(|source, target| {
            mrns(true, true)(source, target);
            change(source, target);
        });
        hashes.push(plan.hash());
    }
    hashes.sort();
    hashes.dedup();
    assert_eq!(hashes.len(), 10);
    let (plan, _) = changed(|source, target| {
        mrns(true, true)(source, target);
        let upload = DateTime::UNIX_EPOCH + TimeDelta::days(1);
        let mut row = PatientRow::clone(&source.patients[0]);
        row.latest_upload = Some(upload);
        source.patients[0] = Arc::new(row);
    });
    assert!(hashes.contains(&plan.hash()));
}

mod people;
