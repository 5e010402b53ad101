//! Where a patient's data comes from is the same in all of its clinics: what was said last. Whoever says
//! it takes a turn first, a time of the database's own clock, and leaves it with each patient that is
//! written. What was said at an earlier turn comes too late there.

use bson::{Bson, Document, Timestamp, doc};
use futures_util::TryStreamExt;
use mongodb::{
    ClientSession,
    error::{Error, Result},
    options::ReturnDocument,
};
use shared_runtime::mongo::ONE_BATCH;
use shared_types::{ClinicId, UserId};

use super::{
    Patients, Stored, ids,
    patient_document::{self, PatientDocument},
};
use crate::domain::patient::DataSource;

/// The turn of whoever wrote the data sources last.
const WRITTEN: &str = "_sourced";
/// The last turn that was taken at this document. It need not have been written.
const TAKEN: &str = "_sourcing";

/// A turn that is further ahead, in seconds, is nobody's who writes at this moment: it is of another
/// database, whose clock was ahead and whose data was put into this one.
const AHEAD_S: u32 = 3_600;

/// When somebody said where a patient's data comes from. No two are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SourcesTurn(Timestamp);

impl Patients {
    /// A turn to write where the data of `user` comes from, later than all before it; `None`: it is
    /// nobody's patient.
    pub(crate) async fn take_sources_turn(&self, user: &UserId) -> Result<Option<SourcesTurn>> {
        let turn = doc! { "$currentDate": { TAKEN: { "$type": "timestamp" } } };
        let taken = self
            .documents
            .find_one_and_update(doc! { "userId": user.as_str() }, turn)
            .return_document(ReturnDocument::After)
            .projection(doc! { "_id": 0, TAKEN: 1 });
        let Some(taken) = taken.await? else {
            return Ok(None);
        };
        let turn = taken.get_timestamp(TAKEN).map_err(Error::custom)?;
        Ok(Some(SourcesTurn(turn)))
    }

    /// Leaves the turn wherever the data of `user` comes from `sources` already: nothing else is to be
    /// written there.
    pub(crate) async fn keep_sources(
        &self,
        user: &UserId,
        sources: &[DataSource],
        turn: SourcesTurn,
    ) -> Result<()> {
        let mut same = before(user, turn);
        let sources = Bson::Array(patient_document::data_sources(sources)?);
        same.insert("dataSources", doc! { "$eq": sources });
        self.documents.update_many(same, left(turn)).await?;
        Ok(())
    }

    /// The clinics in which what is said of `user` at this turn is not written yet.
    pub(crate) async fn list_clinics_before(
        &self,
        user: &UserId,
        turn: SourcesTurn,
    ) -> Result<Vec<ClinicId>> {
        let found = self.documents.find(before(user, turn));
        let found = found.projection(doc! { "_id": 0, "clinicId": 1 });
        let found: Vec<Document> = found.batch_size(ONE_BATCH).await?.try_collect().await?;
        let clinics = found.iter().map(|patient| {
            let clinic = patient.get_object_id("clinicId").map_err(Error::custom)?;
            Ok(clinic.bytes().into())
        });
        clinics.collect()
    }

    /// The patient of a clinic, to whom the transaction of `session` writes what is said at this turn;
    /// `None`: it has left, or something was said later.
    pub(crate) async fn claim_sources(
        &self,
        session: &mut ClientSession,
        clinic: ClinicId,
        user: &UserId,
        turn: SourcesTurn,
    ) -> Result<Option<Stored>> {
        let mut waiting = before(user, turn);
        waiting.insert("clinicId", ids::clinic(clinic));
        let patients = self.documents.clone_with_type::<PatientDocument>();
        let claimed = patients.find_one_and_update(waiting, left(turn));
        Ok(claimed.session(session).await?.map(Into::into))
    }
}

/// The documents of an account in which no later turn was written, as a filter.
fn before(user: &UserId, SourcesTurn(turn): SourcesTurn) -> Document {
    let ahead = Timestamp {
        time: turn.time.saturating_add(AHEAD_S),
        increment: 0,
    };
    let later = doc! { "$gte": turn, "$lt": ahead };
    doc! { "userId": user.as_str(), WRITTEN: { "$not": later } }
}

fn left(SourcesTurn(turn): SourcesTurn) -> Document {
    doc! { "$set": { WRITTEN: turn } }
}
