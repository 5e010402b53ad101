//! A child process that never outlives its owner, even one killed by SIGKILL.
//!
//! The child is started by a shell that first forks a watcher and then becomes
//! the child (`exec`), so process id, signals and exit status are the child's
//! own. The watcher reads a pipe whose other end only the owner holds. The
//! kernel closes that end when the owner ends, however it ends; the watcher
//! then stops the child: SIGTERM, and SIGKILL after a grace period.

use std::ffi::OsStr;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;

/// How long a child may take to stop before it is killed, in tenths of a second.
const GRACE_TICKS: &str = "250";

/// Arguments: grace period, a directory to remove at the end (or nothing), the program, its arguments.
/// `$$` is the process id of the program, also inside the braces.
const WATCH_AND_EXEC: &str = r#"
grace=$1
scratch=$2
shift 2
exec 3<&0 </dev/null
{
    cd /
    while read -r _; do :; done <&3
    kill -TERM $$
    ticks=0
    while kill -0 $$ && [ "$ticks" -lt $((grace + 50)) ]; do
        [ "$ticks" -eq "$grace" ] && kill -KILL $$
        sleep 0.1 || sleep 1
        ticks=$((ticks + 1))
    done
    if [ -n "$scratch" ]; then rm -rf -- "$scratch"; fi
} >/dev/null 2>&1 &
exec 3<&-
exec "$@"
"#;

/// A running child. Dropping it stops the child and waits for its end.
#[derive(Debug)]
pub struct Supervised {
    child: Child,
    lifeline: Option<ChildStdin>,
    status: Option<ExitStatus>,
}

impl Supervised {
    /// A command that runs `program` under a watcher. The caller adds
    /// arguments, environment and output, and hands it to [`Supervised::spawn`].
    pub fn command(program: impl AsRef<OsStr>) -> Command {
        Self::command_with_scratch(program, None)
    }

    /// As [`Supervised::command`]; when the owner ends without stopping the
    /// child, the watcher also removes the directory `scratch` (an absolute path).
    pub(crate) fn command_with_scratch(
        program: impl AsRef<OsStr>,
        scratch: Option<&Path>,
    ) -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", WATCH_AND_EXEC, "supervised", GRACE_TICKS]);
        command.arg(scratch.map_or(OsStr::new(""), Path::as_os_str));
        command.arg(program);
        command
    }

    /// Starts a command made by [`Supervised::command`], in a process group of
    /// its own: Ctrl-C in a terminal reaches the owner only, who decides the order of the end.
    pub fn spawn(command: &mut Command) -> io::Result<Self> {
        let mut child = command.stdin(Stdio::piped()).process_group(0).spawn()?;
        let lifeline = child.stdin.take();
        Ok(Self {
            child,
            lifeline,
            status: None,
        })
    }

    /// The process id of the program itself.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The child's standard output and error, once, where they were piped.
    pub fn take_output(
        &mut self,
    ) -> (
        Option<std::process::ChildStdout>,
        Option<std::process::ChildStderr>,
    ) {
        (self.child.stdout.take(), self.child.stderr.take())
    }

    /// How the child ended; `None` while it runs.
    pub fn exit_status(&mut self) -> io::Result<Option<ExitStatus>> {
        if self.status.is_none()
            && let Some(status) = self.child.try_wait()?
        {
            self.ended(status);
        }
        Ok(self.status)
    }

    /// Sends SIGTERM and returns at once; several children can then stop side by side.
    pub fn request_stop(&mut self) -> io::Result<()> {
        if self.exit_status()?.is_none() {
            kill(self.pid(), Signal::SIGTERM)?;
        }
        Ok(())
    }

    /// Sends SIGKILL and waits for the end.
    pub fn kill(&mut self) -> io::Result<ExitStatus> {
        if self.exit_status()?.is_none() {
            kill(self.pid(), Signal::SIGKILL)?;
        }
        self.stop()
    }

    /// Stops the child and waits for its end: SIGTERM, and SIGKILL after the
    /// grace period, both sent by the watcher when its pipe closes.
    pub fn stop(&mut self) -> io::Result<ExitStatus> {
        if let Some(status) = self.exit_status()? {
            return Ok(status);
        }
        drop(self.lifeline.take());
        let status = self.child.wait()?;
        self.ended(status);
        Ok(status)
    }

    fn ended(&mut self, status: ExitStatus) {
        self.status = Some(status);
        // The group holds at most the watcher; it has nothing left to watch.
        match killpg(self.pid(), Signal::SIGKILL) {
            Ok(()) | Err(Errno::ESRCH) => {}
            Err(error) => eprintln!(
                "the watcher of process {} could not be ended: {error}",
                self.id()
            ),
        }
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(
            i32::try_from(self.child.id()).expect("process ids are positive 32-bit numbers"),
        )
    }
}

impl Drop for Supervised {
    fn drop(&mut self) {
        if let Err(error) = self.stop() {
            eprintln!("process {} could not be stopped: {error}", self.id());
        }
    }
}
