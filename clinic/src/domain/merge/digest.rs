//! The digest of a plan, by which whoever read it can have it done and nothing else.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};
use shared_types::UserId;

use super::{MergePlan, PatientPlan};
use crate::domain::restrictions::MembershipRestriction;

/// Texts of which none runs into the next one.
struct Texts(Sha256);

impl Texts {
    fn add(&mut self, text: &str) {
        self.0
            .update(u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
        self.0.update(text);
    }

    fn add_if_any(&mut self, text: Option<&str>) {
        self.0.update([u8::from(text.is_some())]);
        self.add(text.unwrap_or_default());
    }

    /// Ends a list, which the next one does not run into either.
    fn end(&mut self) {
        self.0.update(u64::MAX.to_be_bytes());
    }

    fn restrictions(&mut self, restrictions: &[MembershipRestriction]) {
        for restriction in restrictions {
            self.add(&restriction.email_domain);
            self.add_if_any(restriction.required_idp.as_deref());
        }
        self.end();
    }

    fn patient(&mut self, plan: &PatientPlan) {
        let row = &plan.row;
        self.add(row.user.as_str());
        for text in [&row.name, &row.birth_date, &row.mrn] {
            self.add_if_any(text.as_deref());
        }
        self.add(&format!("{}{:?}", row.is_custodial, plan.action));
        for tag in &row.tags {
            self.add(&tag.to_string());
        }
        self.end();
        for site in &row.sites {
            self.add(&site.to_string());
        }
        self.end();
    }
}

impl MergePlan {
    /// 64 hexadecimal digits: the same as long as the merge would do the same to the same. When data
    /// came last is not in it, since it comes all the time.
    pub(crate) fn hash(&self) -> String {
        let mut texts = Texts(Sha256::new());
        for clinic in [&self.source, &self.target] {
            texts.add(&clinic.id.to_string());
            texts.add_if_any(clinic.name.as_deref());
        }
        for setting in &self.settings {
            texts.add(&setting.source);
            texts.add(&setting.target);
        }
        texts.restrictions(&self.source_restrictions);
        texts.restrictions(&self.target_restrictions);
        for plan in &self.tags {
            texts.add(&plan.tag.id.to_string());
            texts.add(&plan.tag.name);
        }
        texts.end();
        for plan in &self.sites {
            texts.add(&plan.site.id.to_string());
            texts.add(&plan.site.name);
        }
        texts.end();
        for plan in &self.staff {
            let clinician = &plan.clinician;
            texts.add_if_any(clinician.user_id.as_ref().map(UserId::as_str));
            texts.add_if_any(clinician.invite_id.as_deref());
            texts.add_if_any(clinician.email.as_deref());
            for role in &clinician.roles {
                texts.add(role);
            }
            texts.end();
        }
        texts.end();
        for plan in &self.patients {
            texts.patient(plan);
        }
        let mut hash = String::new();
        for byte in texts.0.finalize() {
            // Writing into a text does not fail.
            let _ = write!(hash, "{byte:02x}");
        }
        hash
    }
}
