//! `cargo xtask up`: it stops as it should, whatever ends first.

use std::ffi::OsString;
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use local_mongod::ports;
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use serde_json::Value;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

/// Long enough for a build of the services, where nobody has built them before.
const READY_TIMEOUT: Duration = Duration::from_mins(15);
const STOP_TIMEOUT: Duration = Duration::from_secs(30);

/// A running `up`; killed when the test fails.
struct Up {
    process: Child,
    /// Content of the ready file.
    places: Value,
}

impl Up {
    async fn ready(folder: &TempDir, port: u16) -> Self {
        let ready_file = folder.path().join("ready.json");
        // One may be left of a run that was killed.
        drop(fs::remove_file(&ready_file));
        let mut command = up(&folder.path().join("data"), port);
        command
            .arg("--ready-file")
            .arg(&ready_file)
            .args(programs());
        let mut process = command
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let deadline = Instant::now() + READY_TIMEOUT;
        while !ready_file.exists() {
            assert_eq!(process.try_wait().unwrap(), None, "up ended");
            assert!(Instant::now() < deadline, "up is not ready");
            sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(
            fs::metadata(&ready_file).unwrap().permissions().mode() & 0o777,
            0o600
        );
        let places = serde_json::from_str(&fs::read_to_string(&ready_file).unwrap()).unwrap();
        Self { process, places }
    }

    fn text(&self, pointer: &str) -> &str {
        self.places.pointer(pointer).unwrap().as_str().unwrap()
    }

    /// The processes that it started, by name.
    fn processes(&self) -> Vec<(String, Pid)> {
        let id = |id: &Value| Pid::from_raw(i32::try_from(id.as_i64().unwrap()).unwrap());
        let processes = self.places["processes"].as_object().unwrap();
        processes
            .iter()
            .map(|(name, value)| (name.clone(), id(value)))
            .collect()
    }

    fn process(&self, name: &str) -> Pid {
        self.processes()
            .into_iter()
            .find(|(each, _)| each == name)
            .unwrap()
            .1
    }

    fn signal(&self, signal: Signal) {
        kill(
            Pid::from_raw(i32::try_from(self.process.id()).unwrap()),
            signal,
        )
        .unwrap();
    }

    /// Waits for the end: the exit code and what was written to standard error.
    async fn end(&mut self) -> (Option<i32>, String) {
        let deadline = Instant::now() + STOP_TIMEOUT;
        let status = loop {
            if let Some(status) = self.process.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < deadline, "up does not end");
            sleep(Duration::from_millis(20)).await;
        };
        let mut said = String::new();
        self.process
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut said)
            .unwrap();
        (status.code(), said)
    }

    /// Neither a service nor the database nor a watcher of theirs is left.
    async fn assert_nothing_is_left(&self) {
        let deadline = Instant::now() + STOP_TIMEOUT;
        for (name, id) in self.processes() {
            // A process that was killed is there until init has taken note of it.
            while killpg(id, None) != Err(Errno::ESRCH) {
                assert!(Instant::now() < deadline, "{name} is left");
                sleep(Duration::from_millis(20)).await;
            }
        }
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        // It has ended already unless the test failed.
        drop(self.process.kill());
    }
}

fn up(data_dir: &Path, port: u16) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    command
        .args(["up", "--port", &port.to_string(), "--data-dir"])
        .arg(data_dir);
    command
}

/// The services that a test run of the whole workspace has built beside us;
/// where they are missing, `up` builds them.
fn programs() -> Vec<OsString> {
    let folder = Path::new(env!("CARGO_BIN_EXE_xtask")).parent().unwrap();
    if ["user-api", "gatekeeper", "confirm", "clinic", "gateway"]
        .iter()
        .all(|name| folder.join(name).is_file())
    {
        vec!["--programs".into(), folder.into()]
    } else {
        vec!["--debug".into()]
    }
}

fn refused(command: &mut Command) -> String {
    let Output { status, stderr, .. } = command.output().unwrap();
    assert_eq!(status.code(), Some(1));
    String::from_utf8(stderr).unwrap()
}

#[tokio::test]
async fn it_gets_ready_stops_in_order_and_keeps_its_data() {
    let folder = tempfile::tempdir().unwrap();
    let mut first = Up::ready(&folder, 0).await;
    let mut origin =
        TcpStream::connect(first.text("/origin").trim_start_matches("http://")).unwrap();
    origin.write_all(b"GET /status HTTP/1.0\r\n\r\n").unwrap();
    let mut answer = String::new();
    origin.read_to_string(&mut answer).unwrap();
    assert!(
        answer.contains(" 200 OK") && answer.ends_with(r#"{"status":"ok"}"#),
        "{answer}"
    );

    first.signal(Signal::SIGTERM);

    assert_eq!(first.end().await, (Some(0), String::new()));
    first.assert_nothing_is_left().await;
    assert!(!folder.path().join("ready.json").exists());
    let mail_dir = fs::canonicalize(folder.path()).unwrap().join("data/mail");
    assert_eq!(Path::new(first.text("/mail_dir")), mail_dir);
    assert_eq!(
        fs::metadata(mail_dir).unwrap().permissions().mode() & 0o777,
        0o700
    );

    let mut second = Up::ready(&folder, 0).await;
    for same in [
        "/server_secret/gatekeeper",
        "/server_secret/confirm",
        "/server_secret/operator",
        "/server_secret/scripts",
        "/mongodb_uri",
        "/mail_dir",
    ] {
        assert_eq!(first.text(same), second.text(same));
    }
    second.signal(Signal::SIGINT);
    assert_eq!(second.end().await.0, Some(0));
    second.assert_nothing_is_left().await;
}

#[tokio::test]
async fn a_service_that_dies_is_named_and_everything_stops() {
    let folder = tempfile::tempdir().unwrap();
    let mut up = Up::ready(&folder, 0).await;

    kill(up.process("gatekeeper"), Signal::SIGKILL).unwrap();

    let (code, said) = up.end().await;
    assert_eq!(code, Some(1));
    assert!(
        said.contains("gatekeeper ended by itself (signal: 9 (SIGKILL))"),
        "{said}"
    );
    up.assert_nothing_is_left().await;
}

#[tokio::test]
async fn nothing_survives_a_kill_and_the_next_one_starts_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let [origin] = ports::free().unwrap();
    let mut first = Up::ready(&folder, origin).await;

    first.signal(Signal::SIGKILL);

    first.process.wait().unwrap();
    let mut second = Up::ready(&folder, origin).await;
    second.signal(Signal::SIGTERM);
    assert_eq!(second.end().await.0, Some(0));
    first.assert_nothing_is_left().await;
}

#[test]
fn a_taken_port_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let squatter = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = squatter.local_addr().unwrap().port();

    let said = refused(&mut up(&folder.path().join("data"), port));

    assert!(
        said.contains(&format!("port {port} of 127.0.0.1 cannot be used")),
        "{said}"
    );
}

#[test]
fn a_directory_that_cannot_be_written_is_refused() {
    let said = refused(&mut up(Path::new("/dev/null/data"), 0));

    assert!(
        said.contains("the data directory /dev/null/data cannot be used"),
        "{said}"
    );
}

#[test]
fn a_mail_directory_that_cannot_be_written_is_refused() {
    let folder = tempfile::tempdir().unwrap();

    let said = refused(up(&folder.path().join("data"), 0).args(["--mail-dir", "/dev/null/mail"]));

    assert!(
        said.contains("the mail directory /dev/null/mail cannot be used"),
        "{said}"
    );
}

#[test]
fn a_ready_file_that_cannot_be_written_is_refused() {
    let folder = tempfile::tempdir().unwrap();

    let said =
        refused(up(&folder.path().join("data"), 0).args(["--ready-file", "/dev/null/ready.json"]));

    assert!(
        said.contains("the ready file /dev/null/ready.json cannot be written"),
        "{said}"
    );
}

#[test]
fn a_database_that_does_not_answer_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let uri = "mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=100";

    let said = refused(up(&folder.path().join("data"), 0).args(["--mongodb-uri", uri]));

    assert!(
        said.contains("the MongoDB of --mongodb-uri cannot be used"),
        "{said}"
    );
}
