//! How many patients a clinic has, and of which kind.

use std::collections::BTreeMap;

use shared_types::{SiteId, TagId, UserId};

use super::patient::{DataSource, Patient};

/// The provider whose patients no plan counts.
const NOT_IN_PLANS: &str = "twiist";

/// Numbers of patients, or by how much they change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// All.
    pub(crate) total: i64,
    /// The one to try things with.
    pub(crate) demo: i64,
    /// Those that count for what the clinic pays for.
    pub(crate) plan: i64,
    /// Connections to providers of data, by provider and state. A patient may have several.
    pub(crate) providers: BTreeMap<String, BTreeMap<String, i64>>,
    /// Those with each tag.
    pub(crate) tags: BTreeMap<TagId, i64>,
    /// Those of each site.
    pub(crate) sites: BTreeMap<SiteId, i64>,
}

impl Counts {
    /// What one patient contributes.
    pub(crate) fn of(patient: &Patient, demo_patient: Option<&UserId>) -> Self {
        let is_demo = demo_patient == Some(&patient.user_id);
        let sources = patient.data_sources.as_deref().unwrap_or_default();
        let mut counts = Self {
            total: 1,
            demo: i64::from(is_demo),
            plan: i64::from(!is_demo && !sources.iter().any(DataSource::is_free)),
            ..Self::default()
        };
        for tag in &patient.tags {
            *counts.tags.entry(*tag).or_default() += 1;
        }
        for site in &patient.sites {
            *counts.sites.entry(site.id).or_default() += 1;
        }
        if !is_demo {
            for source in sources {
                let states = counts.providers.entry(source.provider_name.clone());
                *states.or_default().entry(source.state.clone()).or_default() += 1;
            }
        }
        counts
    }

    /// Adds what `others` say.
    pub(crate) fn add(&mut self, others: &Self) {
        self.add_times(others, 1);
    }

    /// By how much `self` is more than `before`.
    #[must_use]
    pub(crate) fn since(mut self, before: &Self) -> Self {
        self.add_times(before, -1);
        self
    }

    fn add_times(&mut self, others: &Self, times: i64) {
        self.total += times * others.total;
        self.demo += times * others.demo;
        self.plan += times * others.plan;
        for (provider, states) in &others.providers {
            let known = self.providers.entry(provider.clone()).or_default();
            add_to(known, states, times);
            known.retain(|_, count| *count != 0);
        }
        self.providers.retain(|_, states| !states.is_empty());
        add_to(&mut self.tags, &others.tags, times);
        self.tags.retain(|_, count| *count != 0);
        add_to(&mut self.sites, &others.sites, times);
        self.sites.retain(|_, count| *count != 0);
    }
}

fn add_to<K: Ord + Clone>(counts: &mut BTreeMap<K, i64>, others: &BTreeMap<K, i64>, times: i64) {
    for (key, count) in others {
        *counts.entry(key.clone()).or_default() += times * count;
    }
}

impl DataSource {
    fn is_free(&self) -> bool {
        self.provider_name == NOT_IN_PLANS
    }
}

#[cfg(test)]
mod tests {
    use shared_types::{SiteId, TagId};

    use super::Counts;
    use crate::domain::{
        clinic::Site,
        patient::{DataSource, tests::patient},
    };

    fn source(provider: &str, state: &str) -> DataSource {
        DataSource {
            provider_name: provider.to_owned(),
            state: state.to_owned(),
            ..DataSource::default()
        }
    }

    #[test]
    fn a_patient_counts_once_and_each_connection_of_it() {
        let mut patient = patient("alice");
        let counts = Counts::of(&patient, None);
        assert_eq!((counts.total, counts.demo, counts.plan), (1, 0, 1));
        patient.tags = vec![TagId::from([1; 12])];
        let (id, name) = (SiteId::from([2; 12]), "North".to_owned());
        patient.sites = vec![Site { id, name }];
        let sources = [
            ("dexcom", "connected"),
            ("dexcom", "error"),
            ("twiist", "pending"),
        ];
        let sources = sources.map(|(provider, state)| source(provider, state));
        patient.data_sources = Some(sources.into());
        let counts = Counts::of(&patient, None);
        assert_eq!((counts.total, counts.plan), (1, 0));
        assert_eq!(counts.providers["dexcom"]["connected"], 1);
        assert_eq!(counts.providers["dexcom"]["error"], 1);
        assert_eq!(counts.tags.values().copied().collect::<Vec<_>>(), [1]);
        assert_eq!(counts.sites.values().copied().collect::<Vec<_>>(), [1]);
        let demo = Counts::of(&patient, Some(&"alice".into()));
        assert_eq!((demo.total, demo.demo, demo.plan), (1, 1, 0));
        assert!(demo.providers.is_empty());
    }

    #[test]
    fn what_came_and_went_leaves_nothing() {
        let mut patient = patient("alice");
        patient.tags = vec![TagId::from([1; 12])];
        patient.data_sources = Some(vec![source("dexcom", "pending")]);
        let counts = Counts::of(&patient, None);
        assert_eq!(counts.clone().since(&counts), Counts::default());
        let mut twice = counts.clone();
        twice.add(&counts);
        assert_eq!(twice.since(&counts), counts);
    }
}
