//! The plan of a merge as a workbook for spreadsheet programs. Every cell is text or a number and none
//! is a formula, whatever people call themselves. Rows go to temporary files while they are written, so
//! that a large clinic takes no more memory than a small one.

use std::collections::HashMap;

use rust_xlsxwriter::{Format, Workbook, Worksheet, XlsxError};
use shared_types::{SiteId, TagId};

use super::views::time;
use crate::domain::{
    clinic::Clinic,
    clinician::{Clinician, is_admin},
    merge::{
        Cluster, Matches, MergePlan, MrnProblem, Obstacle, PatientAction, PatientRow, SiteAction,
        StaffAction, TagAction,
    },
};

/// Rows of a sheet, without the last one, which says that there are more.
const MAX_ROWS: u32 = 1_048_575;
/// Characters of a cell.
const MAX_CHARACTERS: usize = 32_000;

const ABOUT_PATIENT: [&str; 8] = [
    "Name",
    "Claimed",
    "User ID",
    "Date of Birth",
    "MRN",
    "Tags",
    "Sites",
    "Latest Upload",
];

/// The file, with its six sheets.
pub(super) fn workbook(plan: &MergePlan) -> Result<Vec<u8>, XlsxError> {
    let names = Names::of(plan);
    let mut workbook = Workbook::new();
    let sheet = Sheet::add(&mut workbook, "Summary", &["", "", ""], &[50.0, 40.0, 40.0])?;
    summary(sheet, plan)?;
    for (name, is_of_source) in [
        ("Patients in Source Clinic", true),
        ("Patients in Target Clinic", false),
    ] {
        let columns = [&ABOUT_PATIENT[..], &["Action", "Conflicts", "Problem"]].concat();
        let mut sheet = Sheet::add(&mut workbook, name, &columns, &[30.0])?;
        let patients = plan.patients.iter();
        for patient in patients.filter(|patient| patient.is_of_source == is_of_source) {
            let mut cells = names.cells(&patient.row);
            cells.push(patient.action.name().to_owned());
            cells.push(conflicts(patient.matches));
            let problem = patient.problem.map(MrnProblem::text);
            cells.push(problem.unwrap_or_default().to_owned());
            sheet.row(&cells)?;
        }
    }
    for (name, clusters) in [
        ("Duplicates in Source Clinic", &plan.source_clusters),
        ("Duplicates in Target Clinic", &plan.target_clusters),
        ("Duplicates in Merged Workspace", &plan.merged_clusters),
    ] {
        let columns = [&["Group", "Clinic", "Conflicts"], &ABOUT_PATIENT[..]].concat();
        let sheet = Sheet::add(&mut workbook, name, &columns, &[8.0, 30.0, 30.0, 30.0])?;
        duplicates(sheet, plan, clusters, &names)?;
    }
    workbook.save_to_buffer()
}

/// A sheet to which rows are added.
struct Sheet<'a> {
    sheet: &'a mut Worksheet,
    next: u32,
}

impl<'a> Sheet<'a> {
    /// A sheet with a head, whose first columns are so wide.
    fn add(
        workbook: &'a mut Workbook,
        name: &str,
        head: &[&str],
        widths: &[f64],
    ) -> Result<Self, XlsxError> {
        let sheet = workbook.add_worksheet_with_constant_memory()?;
        sheet.set_name(name)?;
        for (column, width) in (0_u16..).zip(widths) {
            sheet.set_column_width(column, *width)?;
        }
        let mut added = Self { sheet, next: 0 };
        if head.iter().any(|name| !name.is_empty()) {
            let bold = Format::new().set_bold();
            for (column, name) in (0_u16..).zip(head) {
                added
                    .sheet
                    .write_string_with_format(0, column, *name, &bold)?;
            }
            added.next = 1;
        }
        Ok(added)
    }

    fn row<T: AsRef<str>>(&mut self, cells: &[T]) -> Result<(), XlsxError> {
        if self.next > MAX_ROWS {
            return Ok(());
        }
        if self.next == MAX_ROWS {
            self.sheet.write_string(self.next, 0, "There are more.")?;
        } else {
            for (column, cell) in (0_u16..).zip(cells) {
                let text = printable(cell.as_ref());
                if !text.is_empty() {
                    self.sheet.write_string(self.next, column, text)?;
                }
            }
        }
        self.next += 1;
        Ok(())
    }

    fn counted(&mut self, name: &str, numbers: &[usize]) -> Result<(), XlsxError> {
        let next = self.next;
        self.row(&[name])?;
        for (column, number) in (1_u16..).zip(numbers) {
            let number = u32::try_from(*number).unwrap_or(u32::MAX);
            self.sheet.write_number(next, column, number)?;
        }
        Ok(())
    }

    /// A list under a name of its own.
    fn list<'b>(
        &mut self,
        name: &str,
        cells: impl Iterator<Item = [&'b str; 3]>,
    ) -> Result<(), XlsxError> {
        self.row(&[""])?;
        self.row(&[name])?;
        for cells in cells {
            self.row(&cells)?;
        }
        Ok(())
    }
}

/// What a cell can hold of a text.
fn printable(text: &str) -> String {
    let character = |character: char| match character {
        '\u{fffe}' | '\u{ffff}' => '\u{fffd}',
        character if character.is_control() => ' ',
        character => character,
    };
    text.chars().take(MAX_CHARACTERS).map(character).collect()
}

/// What tags and sites are called.
struct Names {
    tags: HashMap<TagId, String>,
    sites: HashMap<SiteId, String>,
}

impl Names {
    fn of(plan: &MergePlan) -> Self {
        let tags = plan.tags.iter().map(|plan| &plan.tag);
        let sites = plan.sites.iter().map(|plan| &plan.site);
        Self {
            tags: tags.map(|tag| (tag.id, tag.name.clone())).collect(),
            sites: sites.map(|site| (site.id, site.name.clone())).collect(),
        }
    }

    /// What [`ABOUT_PATIENT`] names.
    fn cells(&self, row: &PatientRow) -> Vec<String> {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let tags = row.tags.iter().filter_map(|tag| self.tags.get(tag));
        let tags: Vec<&str> = tags.map(String::as_str).collect();
        let sites = row.sites.iter().filter_map(|site| self.sites.get(site));
        let sites: Vec<&str> = sites.map(String::as_str).collect();
        vec![
            text(&row.name),
            if row.is_custodial { "-" } else { "Y" }.to_owned(),
            row.user.to_string(),
            text(&row.birth_date),
            text(&row.mrn),
            tags.join(", "),
            sites.join(", "),
            row.latest_upload.map(time).unwrap_or_default(),
        ]
    }
}

fn conflicts(matches: Matches) -> String {
    let named = matches.named();
    let named = named.map(|(name, number)| format!("{name} ({number})"));
    named.collect::<Vec<String>>().join(", ")
}

fn duplicates(
    mut sheet: Sheet<'_>,
    plan: &MergePlan,
    clusters: &[Cluster],
    names: &Names,
) -> Result<(), XlsxError> {
    for (number, cluster) in (1_usize..).zip(clusters) {
        for one in cluster {
            let clinic = if one.is_of_source {
                &plan.source
            } else {
                &plan.target
            };
            let name = clinic.name.clone().unwrap_or_default();
            let mut cells = vec![number.to_string(), name, conflicts(one.matches)];
            cells.extend(names.cells(&one.row));
            sheet.row(&cells)?;
        }
    }
    Ok(())
}

fn summary(mut sheet: Sheet<'_>, plan: &MergePlan) -> Result<(), XlsxError> {
    let name = |clinic: &Clinic| clinic.name.clone().unwrap_or_default();
    let created = time(plan.created_time);
    let obstacles = plan.obstacles();
    let can_execute = if obstacles.is_empty() { "Yes" } else { "No" };
    sheet.row(&["Generated", &created])?;
    sheet.row(&[
        "Source clinic",
        &name(&plan.source),
        &plan.source.id.to_string(),
    ])?;
    sheet.row(&[
        "Target clinic",
        &name(&plan.target),
        &plan.target.id.to_string(),
    ])?;
    sheet.row(&["Plan", &plan.hash()])?;
    sheet.row(&["Can execute", can_execute])?;
    for obstacle in obstacles.iter().map(Obstacle::text) {
        sheet.row(&["", &obstacle])?;
    }
    sheet.row(&[""])?;
    sheet.row(&["", "Source clinic", "Target clinic"])?;
    for setting in &plan.settings {
        sheet.row(&[setting.name, &setting.source, &setting.target])?;
    }
    numbers(&mut sheet, plan)?;
    lists(&mut sheet, plan)
}

fn numbers(sheet: &mut Sheet<'_>, plan: &MergePlan) -> Result<(), XlsxError> {
    sheet.row(&[""])?;
    sheet.row(&["", "Source clinic", "Target clinic"])?;
    let of = |is_of_source: bool| {
        if is_of_source {
            plan.source.id
        } else {
            plan.target.id
        }
    };
    let staff = |is_of_source| {
        let staff = plan.staff.iter();
        staff.filter(|one| one.clinic == of(is_of_source)).count()
    };
    let tags = |is_of_source| {
        let tags = plan.tags.iter();
        tags.filter(|one| one.clinic == of(is_of_source)).count()
    };
    let sites = |is_of_source| {
        let sites = plan.sites.iter();
        sites.filter(|one| one.clinic == of(is_of_source)).count()
    };
    let patients = |is_of_source| {
        let patients = plan.patients.iter();
        patients
            .filter(|one| one.is_of_source == is_of_source)
            .count()
    };
    sheet.counted("Members and admins", &[staff(true), staff(false)])?;
    let downgraded = plan.staff.iter().filter(|one| one.is_downgraded);
    sheet.counted("Downgraded members", &[downgraded.count()])?;
    sheet.counted("Tags", &[tags(true), tags(false)])?;
    let known = plan.tags.iter().filter(|one| one.action == TagAction::Skip);
    sheet.counted("Duplicate tags", &[known.count()])?;
    sheet.counted("Sites", &[sites(true), sites(false)])?;
    let renamed = plan
        .sites
        .iter()
        .filter(|one| one.action == SiteAction::Rename);
    sheet.counted("Renamed sites", &[renamed.count()])?;
    sheet.counted("Patients", &[patients(true), patients(false)])?;
    let moved = plan.patients.iter();
    let moved = moved.filter(|one| one.action == PatientAction::Move);
    sheet.counted("Patients to be moved", &[moved.count()])?;
    let of_source = || plan.patients.iter().filter(|one| one.is_of_source);
    let with = |has: fn(&Matches) -> bool| of_source().filter(|one| has(&one.matches)).count();
    for (name, number) in [
        ("Duplicate Accounts", with(|matches| matches.is_duplicate)),
        (
            "Likely Duplicate Accounts",
            with(|matches| matches.likely > 0),
        ),
        ("MRN Only Match", with(|matches| matches.mrn_only > 0)),
        ("Name Only Match", with(|matches| matches.name_only > 0)),
    ] {
        sheet.counted(name, &[number])?;
    }
    Ok(())
}

fn lists(sheet: &mut Sheet<'_>, plan: &MergePlan) -> Result<(), XlsxError> {
    // Those who are the merged clinic's: of two records of one person, that of the target.
    let merged = plan
        .staff
        .iter()
        .filter(|one| one.action != StaffAction::Merge);
    let (invited, working): (Vec<_>, Vec<_>) =
        merged.partition(|one| one.clinician.user_id.is_none());
    let (admins, members): (Vec<_>, Vec<_>) =
        working.into_iter().partition(|one| is_admin(&one.roles));
    for (name, staff) in [
        ("Admins", admins),
        ("Members", members),
        ("Pending invites", invited),
    ] {
        let cells = staff.iter().map(|one| {
            let Clinician { name, email, .. } = &one.clinician;
            let name = name.as_deref().unwrap_or_default();
            [
                name,
                email.as_deref().unwrap_or_default(),
                one.action.name(),
            ]
        });
        sheet.list(name, cells)?;
    }
    let tags = plan.tags.iter();
    let tags = tags.map(|one| [one.tag.name.as_str(), one.action.name(), ""]);
    sheet.list("Tags", tags)?;
    let sites = plan.sites.iter();
    let sites = sites.map(|one| {
        let name = one.site.name.as_str();
        [name, one.action.name(), one.target_name.as_str()]
    });
    sheet.list("Sites", sites)
}
