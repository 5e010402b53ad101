//! Making a replica set of one out of a running `mongod`, and waiting for its primary.

use std::time::Duration;

use anyhow::{Context, bail};
use mongodb::bson::{Document, doc};
use mongodb::error::ErrorKind;
use mongodb::options::ClientOptions;
use mongodb::{Client, Database};
use tokio::time::{Instant, sleep};

/// The name of the local replica set.
pub(crate) const NAME: &str = "rs0";

/// The server's code for a member that has no configuration yet (`NotYetInitialized`).
const NOT_YET_INITIALIZED: i32 = 94;

const POLL: Duration = Duration::from_millis(25);

/// Makes the `mongod` at `port` the primary of a set whose only member it is.
/// A set that was configured at another port follows to this one.
pub(crate) async fn establish(port: u16, deadline: Instant) -> anyhow::Result<()> {
    let host = format!("127.0.0.1:{port}");
    let client = client(
        &format!("mongodb://{host}/?directConnection=true"),
        Duration::from_secs(10),
    )
    .await?;
    let admin = client.database("admin");
    loop {
        match advance(&admin, &host).await {
            Ok(true) => return Ok(()),
            // The server closes its connections whenever its state changes, and
            // refuses some commands between two states.
            Ok(false) | Err(_) if Instant::now() < deadline => sleep(POLL).await,
            Ok(false) => bail!("the replica set elected no primary"),
            Err(error) => return Err(error),
        }
    }
}

/// One step towards a primary; whether it is one.
async fn advance(admin: &Database, host: &str) -> anyhow::Result<bool> {
    let hello = admin.run_command(doc! { "hello": 1 }).await?;
    if hello.get_bool("isWritablePrimary").unwrap_or(false)
        && hello.get_str("me").is_ok_and(|me| me == host)
    {
        return Ok(true);
    }
    match configuration(admin).await? {
        None => {
            let config = doc! { "_id": NAME, "members": [{ "_id": 0, "host": host }] };
            admin
                .run_command(doc! { "replSetInitiate": config })
                .await?;
        }
        Some(config) if configured_host(&config)? != host => move_to(admin, &config, host).await?,
        Some(_) => {}
    }
    Ok(false)
}

/// Checks that a given URI leads to a server that can do transactions and takes writes.
pub async fn check_uri(uri: &str) -> anyhow::Result<()> {
    let client = client(uri, Duration::from_secs(5)).await?;
    let hello = client
        .database("admin")
        .run_command(doc! { "hello": 1 })
        .await
        .context("MongoDB does not answer")?;
    if hello.contains_key("setName") || hello.get_str("msg").is_ok_and(|kind| kind == "isdbgrid") {
        return Ok(());
    }
    bail!("this MongoDB is not a replica set, and transactions need one")
}

async fn client(uri: &str, selection_timeout: Duration) -> anyhow::Result<Client> {
    let mut options = ClientOptions::parse(uri).await?;
    options.app_name = Some("local-mongod".into());
    options
        .server_selection_timeout
        .get_or_insert(selection_timeout);
    Ok(Client::with_options(options)?)
}

async fn configuration(admin: &Database) -> anyhow::Result<Option<Document>> {
    match admin.run_command(doc! { "replSetGetConfig": 1 }).await {
        Ok(answer) => Ok(Some(answer.get_document("config")?.clone())),
        Err(error) => match *error.kind {
            ErrorKind::Command(ref refusal) if refusal.code == NOT_YET_INITIALIZED => Ok(None),
            _ => Err(error.into()),
        },
    }
}

fn configured_host(config: &Document) -> anyhow::Result<&str> {
    let member = config
        .get_array("members")?
        .first()
        .and_then(|member| member.as_document());
    Ok(member
        .context("a replica set without members")?
        .get_str("host")?)
}

/// Writes the new address into the configuration. It is forced, since a
/// member that does not find itself in its configuration is no primary.
async fn move_to(admin: &Database, current: &Document, host: &str) -> anyhow::Result<()> {
    let config = doc! {
        "_id": NAME,
        "version": current.get_i32("version")? + 1,
        "protocolVersion": 1_i64,
        "members": [{ "_id": 0, "host": host }],
        "settings": current.get_document("settings")?.clone(),
    };
    admin
        .run_command(doc! { "replSetReconfig": config, "force": true })
        .await?;
    Ok(())
}
