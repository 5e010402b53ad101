//! Unique indexes on collections that the reference filled without one.

use std::convert::Infallible;

use bson::{Bson, Document, RawDocument, RawDocumentBuf, doc};
use futures_util::TryStreamExt;
use mongodb::{Collection, IndexModel, error::Result};
use shared_runtime::mongo;
use shared_types::PermissionSet;
use tracing::info;

use super::values::{document_of, permissions_in};
use crate::domain::permissions::merge;

/// How often duplicates are looked for again, when another process still writes some.
const MAX_ROUNDS: u32 = 5;

/// Creates `index`, which is unique on the two members `keys` of the documents that match
/// `scope`. Where several documents share both, they become one first: the oldest stays and gets
/// the permissions of all, added up as a pair check adds them up.
pub(super) async fn create_unique_index(
    collection: &Collection<RawDocumentBuf>,
    keys: [&str; 2],
    scope: Document,
    index: IndexModel,
) -> Result<()> {
    let mut rounds = 0;
    loop {
        match collection.create_index(index.clone()).await {
            Err(error) if mongo::is_duplicate_key(&error) && rounds < MAX_ROUNDS => rounds += 1,
            outcome => return outcome.map(drop),
        }
        merge_duplicates(collection, keys, &scope).await?;
    }
}

async fn merge_duplicates(
    collection: &Collection<RawDocumentBuf>,
    [first, second]: [&str; 2],
    scope: &Document,
) -> Result<()> {
    let groups: Vec<Document> = collection
        .aggregate([
            doc! {"$match": scope},
            doc! {"$group": {
                "_id": {"first": format!("${first}"), "second": format!("${second}")},
                "ids": {"$push": "$_id"},
            }},
            doc! {"$match": {"ids.1": {"$exists": true}}},
        ])
        .allow_disk_use(true)
        .await?
        .try_collect()
        .await?;
    let mut removed = 0;
    for group in &groups {
        let ids = group.get_array("ids")?;
        removed += merge_into_oldest(collection, ids).await?;
    }
    info!(
        collection = collection.name(),
        pairs = groups.len(),
        documents.removed = removed,
        "merged several documents of one pair"
    );
    Ok(())
}

async fn merge_into_oldest(collection: &Collection<RawDocumentBuf>, ids: &[Bson]) -> Result<u64> {
    let merged = mongo::transaction::<_, Infallible>(collection.client(), async |session| {
        let mut found = collection
            .find(doc! {"_id": {"$in": ids}})
            .sort(doc! {"_id": 1})
            .session(&mut *session)
            .await?;
        let mut oldest = None;
        let mut all = PermissionSet::default();
        while found.advance(session).await? {
            merge(&mut all, permissions_in(found.current())?);
            if oldest.is_none() {
                oldest = Some(id_of(found.current())?);
            }
        }
        // Another process may have merged them meanwhile.
        let Some(oldest) = oldest else { return Ok(0) };
        let others = doc! {"_id": {"$in": ids, "$ne": &oldest}};
        let removed = collection
            .delete_many(others)
            .session(&mut *session)
            .await?;
        collection
            .update_one(
                doc! {"_id": &oldest},
                doc! {"$set": {"permissions": document_of(&all)}},
            )
            .session(&mut *session)
            .await?;
        Ok(removed.deleted_count)
    })
    .await;
    Ok(merged?)
}

fn id_of(document: &RawDocument) -> Result<Bson> {
    match document.get("_id")? {
        Some(id) => Ok(Bson::try_from(id)?),
        None => Ok(Bson::Null),
    }
}
