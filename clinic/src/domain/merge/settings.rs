//! The settings that two clinics must have in common.

use crate::domain::clinic::{BgUnits, Clinic};

/// A setting in both clinics, as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SettingPlan {
    pub(crate) name: &'static str,
    pub(crate) source: String,
    pub(crate) target: String,
}

impl SettingPlan {
    /// Whether both clinics have it the same.
    pub(crate) fn is_same(&self) -> bool {
        self.source == self.target
    }
}

/// All of them.
pub(super) fn plan(source: &Clinic, target: &Clinic) -> Vec<SettingPlan> {
    let setting = |name, text: fn(&Clinic) -> String| SettingPlan {
        name,
        source: text(source),
        target: text(target),
    };
    vec![
        setting("MRN required", |clinic| {
            yes_or_no(clinic.mrn_settings.unwrap_or_default().required)
        }),
        setting("MRN unique", |clinic| {
            yes_or_no(clinic.mrn_settings.unwrap_or_default().unique)
        }),
        setting("Preferred units", |clinic| {
            let units = clinic.bg_units.as_deref();
            units.unwrap_or(BgUnits::MgPerDl.name()).to_owned()
        }),
        setting("Timezone", |clinic| {
            clinic.timezone.clone().unwrap_or_default()
        }),
    ]
}

fn yes_or_no(is_set: bool) -> String {
    if is_set { "Yes" } else { "No" }.to_owned()
}
