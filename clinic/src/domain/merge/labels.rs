//! Tags and sites of two clinics that become one.

use shared_types::{ClinicId, SiteId, TagId};

use crate::domain::{
    clinic::{Clinic, Site, Tag},
    labels::{free_name, is_taken},
};

/// What becomes of a tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TagAction {
    /// The target has it.
    Skip,
    /// The target gets it.
    Create,
    /// It is the target's, and stays.
    Retain,
}

impl TagAction {
    /// As it is shown and stored.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Skip => "SKIP",
            Self::Create => "CREATE",
            Self::Retain => "RETAIN",
        }
    }
}

/// A tag with what becomes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TagPlan {
    /// Whose it is.
    pub(crate) clinic: ClinicId,
    pub(crate) tag: Tag,
    pub(crate) action: TagAction,
    /// The id that it has in the target; one that is created keeps its own.
    pub(crate) target_id: TagId,
    /// Whether the target cannot have it.
    pub(crate) is_refused: bool,
}

/// Those of the source, then those of the target.
pub(super) fn plan_tags(source: &Clinic, target: &Clinic) -> Vec<TagPlan> {
    let mut merged = target.clone();
    let mut plans = Vec::new();
    for tag in source.tags.iter().flatten() {
        let mut known = merged.tags.iter().flatten();
        let known = known.find(|known| known.name == tag.name || known.id == tag.id);
        let (action, target_id, is_refused) = if let Some(known) = known {
            (TagAction::Skip, known.id, false)
        } else {
            let is_refused = merged.may_have_tag(&tag.name).is_err();
            merged.tags.get_or_insert_default().push(tag.clone());
            (TagAction::Create, tag.id, is_refused)
        };
        plans.push(TagPlan {
            clinic: source.id,
            tag: tag.clone(),
            action,
            target_id,
            is_refused,
        });
    }
    plans.extend(target.tags.iter().flatten().map(|tag| TagPlan {
        clinic: target.id,
        tag: tag.clone(),
        action: TagAction::Retain,
        target_id: tag.id,
        is_refused: false,
    }));
    plans
}

/// What becomes of a site.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SiteAction {
    /// It becomes the target's.
    Move,
    /// The same under another name, since the target has one of this name.
    Rename,
    /// It is the target's, and stays.
    Retain,
}

impl SiteAction {
    /// As it is shown and stored.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Move => "MOVE",
            Self::Rename => "RENAME",
            Self::Retain => "RETAIN",
        }
    }
}

/// A site with what becomes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SitePlan {
    /// Whose it is.
    pub(crate) clinic: ClinicId,
    pub(crate) site: Site,
    pub(crate) action: SiteAction,
    /// What it is called in the target.
    pub(crate) target_name: String,
}

impl SitePlan {
    /// The site in the target.
    pub(crate) fn result(&self) -> Site {
        Site {
            id: self.site.id,
            name: self.target_name.clone(),
        }
    }
}

/// Those of the source, then those of the target. No site gets a name that another one of either
/// clinic has.
pub(super) fn plan_sites(source: &Clinic, target: &Clinic) -> Vec<SitePlan> {
    let mut merged: Vec<Site> = target.sites.clone();
    let mut plans = Vec::new();
    for (place, site) in source.sites.iter().enumerate() {
        let same = |known: &&Site| known.id == site.id;
        let (action, target_name) = if let Some(known) = target.sites.iter().find(same) {
            (SiteAction::Retain, known.name.clone())
        } else if is_taken(&merged, &site.name, None::<SiteId>) {
            let others = source.sites.iter().skip(place + 1).cloned();
            let taken: Vec<Site> = merged.iter().cloned().chain(others).collect();
            (SiteAction::Rename, free_name(&site.name, &taken))
        } else {
            (SiteAction::Move, site.name.clone())
        };
        let plan = SitePlan {
            clinic: source.id,
            site: site.clone(),
            action,
            target_name,
        };
        if action != SiteAction::Retain {
            merged.push(plan.result());
        }
        plans.push(plan);
    }
    plans.extend(target.sites.iter().map(|site| SitePlan {
        clinic: target.id,
        site: site.clone(),
        action: SiteAction::Retain,
        target_name: site.name.clone(),
    }));
    plans
}
