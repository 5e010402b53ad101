//! Tags and sites of a clinic, which are lists in its document. Each write is part of a transaction
//! that locked the clinic ([`Clinics::lock_labels`]).

use bson::{DateTime, Document, doc};
use mongodb::{ClientSession, error::Result, options::ReturnDocument};
use shared_types::{ClinicId, SiteId, TagId};

use super::{Clinics, clinic_document::ClinicDocument, ids};
use crate::domain::clinic::{Clinic, Site, Tag};

impl Clinics {
    /// The clinic, locked for a change of its tags and sites until the transaction of `session` ends;
    /// `None`: there is none.
    pub(crate) async fn lock_labels(
        &self,
        session: &mut ClientSession,
        id: ClinicId,
    ) -> Result<Option<Clinic>> {
        let clinics = self.documents.clone_with_type::<ClinicDocument>();
        let touch = doc! { "$inc": { "_labelChanges": 1_i64 } };
        let locked = clinics.find_one_and_update(doc! { "_id": ids::clinic(id) }, touch);
        let locked = locked.return_document(ReturnDocument::After);
        Ok(locked.session(session).await?.map(Into::into))
    }

    /// The sites of a clinic in the transaction of `session`.
    pub(crate) async fn find_sites_in(
        &self,
        session: &mut ClientSession,
        id: ClinicId,
    ) -> Result<Vec<Site>> {
        let clinics = self.documents.clone_with_type::<ClinicDocument>();
        let found = clinics.find_one(doc! { "_id": ids::clinic(id) });
        let found = found.projection(doc! { "sites": 1 }).session(session);
        let clinic = found.await?.map(Clinic::from);
        Ok(clinic.map(|clinic| clinic.sites).unwrap_or_default())
    }

    /// Adds a tag.
    pub(crate) async fn add_tag(
        &self,
        session: &mut ClientSession,
        id: ClinicId,
        tag: &Tag,
    ) -> Result<()> {
        let tag = doc! { "_id": ids::tag(tag.id), "name": &tag.name };
        self.append(session, id, "patientTags", tag).await
    }

    /// Adds a site.
    pub(crate) async fn add_site(
        &self,
        session: &mut ClientSession,
        id: ClinicId,
        site: &Site,
    ) -> Result<()> {
        let site = doc! { "id": ids::site(site.id), "name": &site.name };
        self.append(session, id, "sites", site).await
    }

    /// Adds to a list that may be missing or `null`.
    async fn append(
        &self,
        session: &mut ClientSession,
        id: ClinicId,
        list: &str,
        item: Document,
    ) -> Result<()> {
        let known = doc! { "$ifNull": [format!("${list}"), []] };
        let all = doc! { "$concatArrays": [known, [{ "$literal": item }]] };
        let update = vec![doc! { "$set": { list: all, "updatedTime": DateTime::now() } }];
        let clinic = doc! { "_id": ids::clinic(id) };
        self.update_in(session, clinic, update).await
    }

    /// Renames a tag.
    pub(crate) async fn rename_tag(
        &self,
        session: &mut ClientSession,
        id: ClinicId,
        tag: &Tag,
    ) -> Result<()> {
        let of_clinic = doc! { "_id": ids::clinic(id), "patientTags._id": ids::tag(tag.id) };
        let name =
            doc! { "$set": { "patientTags.$.name": &tag.name, "updatedTime": DateTime::now() } };
        self.update_in(session, of_clinic, name).await
    }

    /// Renames a site.
    pub(crate) async fn rename_site(
        &self,
        session: &mut ClientSession,
        id: ClinicId,
        site: &Site,
    ) -> Result<()> {
        let of_clinic = doc! { "_id": ids::clinic(id), "sites.id": ids::site(site.id) };
        let name = doc! { "$set": { "sites.$.name": &site.name, "updatedTime": DateTime::now() } };
        self.update_in(session, of_clinic, name).await
    }

    /// Removes a tag. Consumers of the reference look at which was the last.
    pub(crate) async fn remove_tag(
        &self,
        session: &mut ClientSession,
        id: ClinicId,
        tag: TagId,
    ) -> Result<()> {
        let update = doc! {
            "$pull": { "patientTags": { "_id": ids::tag(tag) } },
            "$set": { "lastDeletedPatientTag": ids::tag(tag), "updatedTime": DateTime::now() },
        };
        let clinic = doc! { "_id": ids::clinic(id) };
        self.update_in(session, clinic, update).await
    }

    /// Removes a site.
    pub(crate) async fn remove_site(
        &self,
        session: &mut ClientSession,
        id: ClinicId,
        site: SiteId,
    ) -> Result<()> {
        let update = doc! {
            "$pull": { "sites": { "id": ids::site(site) } },
            "$set": { "updatedTime": DateTime::now() },
        };
        let clinic = doc! { "_id": ids::clinic(id) };
        self.update_in(session, clinic, update).await
    }
}
