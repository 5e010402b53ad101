//! A MongoDB that a journey may kill; the one that all tests share must live.

use bson::doc;
use local_mongod::Mongod;
use mongodb::Client;
use tempfile::TempDir;

/// A server of the test's own, with data that survive it.
pub struct OwnMongod {
    // Dropped in this order: the server first, its data after it.
    server: Mongod,
    folder: TempDir,
}

impl OwnMongod {
    /// Starts one. An error where there is none to be had that a signal of ours would end.
    pub async fn start() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let mut server = local_mongod::start(folder.path()).await?;
        let admin = Client::with_uri_str(server.uri()).await?.database("admin");
        let status = admin.run_command(doc! { "serverStatus": 1 }).await?;
        anyhow::ensure!(
            status.get_i64("pid")? == i64::from(server.process().id()),
            "a MongoDB in Docker outlives the client that we could kill"
        );
        Ok(Self { server, folder })
    }

    /// Its connection string, the same after each restart.
    pub fn uri(&self) -> &str {
        self.server.uri()
    }

    /// Ends it without a chance to write anything.
    pub fn kill(&mut self) {
        let process = self.server.process();
        process.kill().expect("the server can be killed");
    }

    /// Starts it again with its data and waits until it takes writes.
    pub async fn restart(&mut self) {
        let server = local_mongod::start(self.folder.path())
            .await
            .expect("the server starts again");
        assert_eq!(server.uri(), self.uri(), "it came back somewhere else");
        self.server = server;
    }
}
