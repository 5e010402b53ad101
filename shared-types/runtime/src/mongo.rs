//! MongoDB: the connection, indexes, transactions.

use std::{
    convert::Infallible,
    time::{Duration, Instant},
};

use anyhow::Context;
use bson::{doc, oid::ObjectId};
use futures_util::future::{BoxFuture, Either};
#[cfg(feature = "testing")]
use mongodb::event::{EventHandler, command::CommandEvent};
use mongodb::{
    Client, ClientSession, Collection, Cursor, Database, IndexModel, Namespace,
    error::{
        Error, ErrorKind, TRANSIENT_TRANSACTION_ERROR, UNKNOWN_TRANSACTION_COMMIT_RESULT,
        WriteFailure,
    },
    options::{
        Acknowledgment, ClientOptions, ReadConcern, ReadPreference, SelectionCriteria, WriteConcern,
    },
};
use rand::RngExt as _;
use secrecy::ExposeSecret;
use serde::de::DeserializeOwned;
use tokio::{
    sync::{RwLock, RwLockReadGuard, RwLockWriteGuard},
    time::timeout,
};
use tracing::error;

use crate::config::MongoSettings;

/// How long a transaction is tried again after write conflicts. A busy server may need many tries;
/// whoever waits for the response gives up later than this.
const TRANSACTION_DEADLINE: Duration = Duration::from_secs(15);
/// As often a transaction of [`Rivals`] is outrun before it waits until it is alone.
const OUTRUN_BESIDE_OTHERS: u32 = 3;
/// How long a turn is waited for: a transaction that hangs must not hold up all others.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often a commit whose outcome is unknown is repeated.
const MAX_COMMIT_RETRIES: u32 = 3;
/// Documents that come in one round trip (`batch_size`): all of a usual list. MongoDB sends no more
/// than 101 if it is not asked to.
pub const ONE_BATCH: u32 = 1_000;

/// Makes clients of the service's database: majority reads and journaled majority writes on the
/// primary.
#[derive(Clone)]
pub struct Connector {
    options: ClientOptions,
    database: String,
}

impl Connector {
    /// Reads the settings; nothing is connected.
    pub async fn new(settings: &MongoSettings) -> anyhow::Result<Self> {
        let mut options = ClientOptions::parse(settings.uri.expose_secret())
            .await
            .context("mongo.uri is not a usable connection string")?;
        options.write_concern = Some(
            WriteConcern::builder()
                .w(Acknowledgment::Majority)
                .journal(true)
                .build(),
        );
        options.read_concern = Some(ReadConcern::majority());
        options.selection_criteria =
            Some(SelectionCriteria::ReadPreference(ReadPreference::Primary));
        options.server_selection_timeout = Some(Duration::from_secs(4));
        options.connect_timeout = Some(Duration::from_secs(4));
        options.max_pool_size = Some(settings.max_pool_size);
        options.app_name = Some("tidegate".to_owned());
        Ok(Self {
            options,
            database: settings.database.clone(),
        })
    }

    /// The same with every command of its clients told to `handler`, for tests that look at what
    /// reaches the database.
    #[cfg(feature = "testing")]
    #[must_use]
    pub fn observed_by(mut self, handler: EventHandler<CommandEvent>) -> Self {
        self.options.command_event_handler = Some(handler);
        self
    }

    /// The database through a client of its own, whose connections live on the calling thread.
    ///
    /// A worker thread that calls this for itself saves the hand-over of every response from
    /// another thread, a third of what a small query costs the process.
    pub fn open(&self) -> Result<Database, Error> {
        Ok(Client::with_options(self.options.clone())?.database(&self.database))
    }

    /// The database of the service, which answers.
    pub async fn connect(&self) -> anyhow::Result<Database> {
        let database = self.open()?;
        database
            .run_command(doc! { "ping": 1 })
            .await
            .context("MongoDB does not answer (mongo.uri)")?;
        Ok(database)
    }
}

/// `collection` through `client`, such as one of the calling thread's own ([`Connector::open`]).
pub fn through<T: Send + Sync>(client: &Client, collection: &Collection<T>) -> Collection<T> {
    let Namespace { db, coll } = collection.namespace();
    client.database(&db).collection(&coll)
}

/// Builds the indexes that are missing. The queries that need them stand beside the call.
pub async fn ensure_indexes<T: Send + Sync>(
    collection: &Collection<T>,
    indexes: Vec<IndexModel>,
) -> anyhow::Result<()> {
    collection
        .create_indexes(indexes)
        .await
        .with_context(|| format!("the indexes of {} cannot be built", collection.name()))?;
    Ok(())
}

/// What `read` makes of the documents of a list. One that cannot be read is left out and noted
/// ([`note_unreadable`]): it must not stand in the way of all others.
pub async fn collect_readable<D: DeserializeOwned, T>(
    mut found: Cursor<D>,
    collection: &'static str,
    read: impl Fn(D) -> Option<T>,
) -> Result<Vec<T>, Error> {
    let mut readable = Vec::new();
    while found.advance().await? {
        match found.deserialize_current().ok().and_then(&read) {
            Some(value) => readable.push(value),
            None => note_unreadable(collection, found.current().get_object_id("_id").ok()),
        }
    }
    Ok(readable)
}

/// Counts and logs a document that cannot be read.
///
/// Neither the cause is logged, since it may quote the document, nor an `_id` of our own making,
/// since it may be a secret.
pub fn note_unreadable(collection: &'static str, id: Option<ObjectId>) {
    metrics::counter!("unreadable_documents_total", "collection" => collection).increment(1);
    let id = id.map(ObjectId::to_hex);
    error!(collection, document.id = id, "a document cannot be read");
}

/// The least id that is made in the second `timestamp`, which is cut to what an id can hold.
pub fn first_id_of(timestamp: i64) -> ObjectId {
    let seconds = u32::try_from(timestamp.max(0)).unwrap_or(u32::MAX);
    let mut bytes = [0; 12];
    bytes[..4].copy_from_slice(&seconds.to_be_bytes());
    ObjectId::from_bytes(bytes)
}

/// Whether a unique index refused the write.
pub fn is_duplicate_key(error: &Error) -> bool {
    const DUPLICATE_KEY: i32 = 11000;
    match error.kind.as_ref() {
        ErrorKind::Write(WriteFailure::WriteError(error)) => error.code == DUPLICATE_KEY,
        ErrorKind::InsertMany(error) => error
            .write_errors
            .iter()
            .flatten()
            .any(|error| error.code == DUPLICATE_KEY),
        ErrorKind::Command(error) => error.code == DUPLICATE_KEY,
        _ => false,
    }
}

/// Why a transaction came to nothing. `R` is why a rule refuses it; without, none does.
#[derive(Debug, Clone)]
pub enum Aborted<R = Infallible> {
    /// The work said no; nothing is written.
    Refused(R),
    /// Somebody else was faster: what the work relied on is no longer so; nothing is written.
    Outrun,
    /// The database failed; nothing is written, unless the outcome of the commit is unknown.
    Failed(Error),
}

impl<R> From<Error> for Aborted<R> {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl From<Aborted> for Error {
    fn from(aborted: Aborted) -> Self {
        match aborted {
            Aborted::Refused(never) => match never {},
            Aborted::Outrun => Self::custom("somebody else was faster"),
            Aborted::Failed(error) => error,
        }
    }
}

/// Runs `work` in a transaction and commits it. Write conflicts start it anew, so `work` may run
/// several times and does nothing but read and write through the session.
pub async fn transaction<T, R>(
    client: &Client,
    work: impl AsyncFnMut(&mut ClientSession) -> Result<T, Aborted<R>>,
) -> Result<T, Aborted<R>> {
    // Nobody else has these, so nobody waits for them.
    Rivals::default().transaction(client, work).await
}

/// Work of a transaction whose future can be sent to another thread, which the compiler does not see
/// of an asynchronous closure.
pub fn in_session<T, R, W>(work: W) -> W
where
    W: for<'s> FnMut(&'s mut ClientSession) -> BoxFuture<'s, Result<T, Aborted<R>>>,
{
    work
}

/// Whoever changes the same documents from this process. A transaction that the others keep outrunning
/// waits until it is alone among them, in the order in which they began to wait, so that each gets its
/// turn.
#[derive(Debug, Default)]
pub struct Rivals(RwLock<()>);

impl Rivals {
    /// As [`transaction()`].
    pub async fn transaction<T, R>(
        &self,
        client: &Client,
        mut work: impl AsyncFnMut(&mut ClientSession) -> Result<T, Aborted<R>>,
    ) -> Result<T, Aborted<R>> {
        let mut session = client.start_session().await?;
        let deadline = Instant::now() + TRANSACTION_DEADLINE;
        let mut retries = 0;
        loop {
            let turn = timeout(PATIENCE, self.turn(retries)).await.ok();
            session.start_transaction().await?;
            let outcome = match work(&mut session).await {
                Ok(value) => commit(&mut session)
                    .await
                    .map(|()| value)
                    .map_err(Aborted::Failed),
                Err(aborted) => {
                    // The server drops a transaction that is not committed, so a failure to say so
                    // changes nothing.
                    let _ = session.abort_transaction().await;
                    Err(aborted)
                }
            };
            drop(turn);
            match outcome {
                Err(Aborted::Failed(error))
                    if error.contains_label(TRANSIENT_TRANSACTION_ERROR)
                        && Instant::now() < deadline =>
                {
                    retries += 1;
                    let ceiling = (5_u64 << retries.min(6)).min(200);
                    let wait = rand::rng().random_range(1..=ceiling);
                    tokio::time::sleep(Duration::from_millis(wait)).await;
                }
                outcome => return outcome,
            }
        }
    }

    async fn turn(
        &self,
        retries: u32,
    ) -> Either<RwLockReadGuard<'_, ()>, RwLockWriteGuard<'_, ()>> {
        if retries < OUTRUN_BESIDE_OTHERS {
            Either::Left(self.0.read().await)
        } else {
            Either::Right(self.0.write().await)
        }
    }
}

/// Commits the transaction of `session`, again where the outcome is unknown. An error with the
/// label [`TRANSIENT_TRANSACTION_ERROR`] says that nothing is written.
pub async fn commit(session: &mut ClientSession) -> Result<(), Error> {
    let mut retries = 0;
    loop {
        match session.commit_transaction().await {
            Err(error)
                if error.contains_label(UNKNOWN_TRANSACTION_COMMIT_RESULT)
                    && retries < MAX_COMMIT_RETRIES =>
            {
                retries += 1;
            }
            outcome => return outcome,
        }
    }
}
