//! `cargo xtask up`: the whole platform on this machine.

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use local_mongod::{check_uri, ports};
use serde_json::{Map, Value, json};
use stack::{Program, server_names};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Instant, sleep};

use crate::cargo;
use crate::data_dir::{self, DataDir};
use crate::ready_file::ReadyFile;
use crate::services::{self, Wiring};
use crate::stack::Stack;

/// How long a port may still be held by a stack that was killed a moment ago.
const PREDECESSOR_TIMEOUT: Duration = Duration::from_secs(10);

/// Runs the platform on this machine until Ctrl-C.
///
/// Builds the services, starts them on free ports behind one origin, and keeps
/// everything they know in the data directory. Settings of the services in the
/// environment, such as `USER_API__LOG__FILTER=debug`, are passed on. Mails are
/// written to a folder, unless `CONFIRM__MAIL__SMTP__HOST` names a mail server.
/// An e-mail address with `+verified` in it counts as verified.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Port of the public origin on 127.0.0.1; 0 takes a free one.
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// Database, keys and secrets [default: .tidegate in the workspace].
    #[arg(long)]
    data_dir: Option<PathBuf>,
    /// Folder that receives each mail as an .eml file [default: mail in the data directory].
    #[arg(long)]
    mail_dir: Option<PathBuf>,
    /// A running MongoDB replica set to use instead of one of our own.
    #[arg(long)]
    mongodb_uri: Option<String>,
    /// Writes where everything is, with secrets, to this file once all is ready (JSON).
    #[arg(long)]
    ready_file: Option<PathBuf>,
    /// Runs debug builds, which start sooner after a change.
    #[arg(long)]
    debug: bool,
    /// Builds nothing and takes the programs from this folder.
    #[arg(long, conflicts_with = "debug")]
    programs: Option<PathBuf>,
}

/// Ends well on Ctrl-C and SIGTERM, with an error when something does not start or ends by itself.
pub(crate) async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        ended = up(arguments) => ended,
        _ = interrupt.recv() => Ok(()),
        _ = terminate.recv() => Ok(()),
    }
    // Everything that `up` started was stopped when its future was dropped.
}

async fn up(arguments: &Arguments) -> anyhow::Result<()> {
    let data_dir = arguments
        .data_dir
        .clone()
        .unwrap_or_else(|| cargo::workspace().join(".tidegate"));
    let data_dir = DataDir::open(&data_dir)?;
    let origin_port = origin_port(arguments.port, data_dir.predecessor_was_killed()).await?;
    let mail_dir = mail_dir(arguments, &data_dir)?;
    let ready_file = arguments
        .ready_file
        .as_deref()
        .map(ReadyFile::occupy)
        .transpose()?;
    if let Some(uri) = &arguments.mongodb_uri {
        check_uri(uri)
            .await
            .context("the MongoDB of --mongodb-uri cannot be used")?;
    }
    let programs = match &arguments.programs {
        Some(folder) => programs_in(folder)?,
        None => cargo::build(!arguments.debug).await?,
    };

    let mongod = match arguments.mongodb_uri {
        Some(_) => None,
        None => Some(local_mongod::start(&data_dir.mongodb()).await?),
    };
    let own_uri = mongod.as_ref().map(|mongod| mongod.uri().to_owned());
    let mongodb_uri = arguments
        .mongodb_uri
        .clone()
        .or(own_uri)
        .context("a database is given or started")?;
    let mut ports = ports::free()?;
    ports[Program::Gateway as usize] = origin_port;
    let wiring = Wiring::new(&data_dir, ports, mongodb_uri, mail_dir)?;
    let mut stack = Stack::on(mongod);
    stack.start_all(&programs, &wiring)?;
    let origin = wiring.url(Program::Gateway);
    stack.wait_until_ready().await?;
    if let Some(file) = &ready_file {
        file.write(&places(&origin, &wiring, stack.processes())?)?;
    }
    greet(&origin, wiring.deployment.mail_dir.as_deref());
    stack.watch().await
}

/// The folder for mails, ready to be written to; `None` when the environment says where they go.
fn mail_dir(arguments: &Arguments, data_dir: &DataDir) -> anyhow::Result<Option<PathBuf>> {
    if services::mail_is_configured() {
        return Ok(None);
    }
    let folder = arguments.mail_dir.clone();
    let folder = folder.unwrap_or_else(|| data_dir.mail());
    // Mails hold keys that open accounts.
    data_dir::create_private(&folder)
        .and_then(|()| Ok(tempfile::tempfile_in(&folder)?))
        .with_context(|| format!("the mail directory {} cannot be used", folder.display()))?;
    Ok(Some(std::path::absolute(folder)?))
}

/// The port itself or, for 0, a free one; an error when somebody listens there.
async fn origin_port(wanted: u16, predecessor_was_killed: bool) -> anyhow::Result<u16> {
    if wanted == 0 {
        return Ok(ports::free::<1>()?[0]);
    }
    let deadline = Instant::now() + PREDECESSOR_TIMEOUT;
    loop {
        match TcpListener::bind((Ipv4Addr::LOCALHOST, wanted)) {
            Ok(_) => return Ok(wanted),
            Err(_) if predecessor_was_killed && Instant::now() < deadline => {
                sleep(Duration::from_millis(100)).await;
            }
            Err(error) => bail!(
                "port {wanted} of 127.0.0.1 cannot be used ({error}); choose another with --port"
            ),
        }
    }
}

fn programs_in(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut programs = Vec::new();
    for program in Program::all() {
        let program = folder.join(program.name());
        if !program.is_file() {
            bail!("there is no {}", program.display());
        }
        programs.push(std::path::absolute(program)?);
    }
    Ok(programs)
}

fn places(origin: &str, wiring: &Wiring, processes: Vec<(String, u32)>) -> anyhow::Result<Value> {
    let mut secrets = Map::new();
    for name in server_names() {
        let secret = wiring.deployment.server_secret(name)?;
        secrets.insert(name.to_owned(), secret.into());
    }
    let services: Map<String, Value> = Program::services()
        .map(|service| (service.name().to_owned(), wiring.url(service).into()))
        .collect();
    let processes: Map<String, Value> = processes
        .into_iter()
        .map(|(name, id)| (name, id.into()))
        .collect();
    Ok(json!({
        "origin": origin,
        "services": services,
        "server_secret": secrets,
        "redox_token": wiring.deployment.redox_token()?,
        "mail_dir": wiring.deployment.mail_dir,
        "mongodb_uri": wiring.deployment.mongodb_uri,
        "processes": processes,
    }))
}

fn greet(origin: &str, mail_dir: Option<&Path>) {
    let mails = match mail_dir {
        Some(folder) => format!("Mails are written to {}", folder.display()),
        None => "Mails go where CONFIRM__MAIL__… says".to_owned(),
    };
    println!(
        r#"
Tidegate is ready at {origin} (Ctrl-C stops it; the data stay).
{mails}. Try:

  # Sign up. The answer shows the userid and, as a header, the x-tidepool-session-token.
  curl -i {origin}/auth/user -d '{{"username":"alice+verified@example.com","emails":["alice+verified@example.com"],"password":"a-long-password"}}'

  # Log in. The answer shows the same.
  curl -i -X POST {origin}/auth/login -u alice+verified@example.com:a-long-password

  # Who can reach me? Fill in both.
  curl {origin}/access/USERID -H 'x-tidepool-session-token: TOKEN'

  # Invite somebody. The mail has a link to a page that asks for the rest.
  curl {origin}/confirm/send/invite/USERID -H 'x-tidepool-session-token: TOKEN' -d '{{"email":"bob@example.com","permissions":{{"view":{{}}}}}}'
"#
    );
}
