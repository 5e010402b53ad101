//! A database of a test's own.

use std::{
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bson::{Document, doc};
use futures_util::TryStreamExt as _;
use mongodb::Database;
use tokio::sync::OnceCell;
use uuid::Uuid;

use crate::{config::MongoSettings, mongo::Connector};

/// Databases of runs that crashed are dropped when they are this old.
const ABANDONED_AFTER: Duration = Duration::from_hours(1);

static MONGOD: OnceCell<local_mongod::TestServer> = OnceCell::const_new();
static SWEPT: OnceCell<()> = OnceCell::const_new();

/// The test server: the one at `TEST_MONGODB_URI`, or one that is started for this process.
pub async fn mongodb_uri() -> &'static str {
    let server = MONGOD
        .get_or_init(async || {
            local_mongod::for_tests()
                .await
                .expect("a mongod for the tests")
        })
        .await;
    &server.uri
}

/// A database of the test's own, dropped with the value.
pub struct TestDatabase {
    /// Connection settings as a service takes them.
    pub settings: MongoSettings,
    /// The connection.
    pub database: Database,
}

impl TestDatabase {
    /// A new, empty database.
    pub async fn create() -> Self {
        let settings = MongoSettings {
            uri: mongodb_uri().await.into(),
            database: format!("test_{}_{}", unix_seconds(), Uuid::new_v4().simple()),
            max_pool_size: 32,
        };
        let database = connect(&settings).await.expect("the test server answers");
        SWEPT
            .get_or_init(async || drop_abandoned(&database).await)
            .await;
        Self { settings, database }
    }

    /// Every document of `collections`, to see that nothing changed.
    pub async fn everything(&self, collections: &[&str]) -> Vec<Document> {
        let mut documents = Vec::new();
        for name in collections {
            let collection = self.database.collection::<Document>(name);
            let found = collection.find(doc! {}).sort(doc! { "_id": 1 });
            let found = found.await.expect("the test server answers");
            documents.extend(found.try_collect::<Vec<_>>().await.expect("documents"));
        }
        documents
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let settings = self.settings.clone();
        // Nothing asynchronous can run in a destructor but on a thread of its own.
        let dropped = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime.expect("a runtime").block_on(async {
                if let Ok(database) = connect(&settings).await {
                    // A database that stays behind is swept by a later run.
                    let _ = database.drop().await;
                }
            });
        });
        let _ = dropped.join();
    }
}

async fn connect(settings: &MongoSettings) -> anyhow::Result<Database> {
    Connector::new(settings).await?.connect().await
}

async fn drop_abandoned(database: &Database) {
    let client = database.client();
    for name in client.list_database_names().await.unwrap_or_default() {
        let born = name
            .strip_prefix("test_")
            .and_then(|rest| rest.split('_').next())
            .and_then(|seconds| seconds.parse::<u64>().ok());
        if born.is_some_and(|born| born + ABANDONED_AFTER.as_secs() < unix_seconds()) {
            let _ = client.database(&name).drop().await;
        }
    }
}

fn unix_seconds() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs()
}
