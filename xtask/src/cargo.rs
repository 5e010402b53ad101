//! Calling cargo, and where things are in the workspace.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use anyhow::{Context, bail};
use serde_json::Value;
use stack::Program;
use tokio::process::Command;

use crate::environment;

/// The root of the workspace.
pub(crate) fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("xtask is a folder of the workspace")
}

/// A cargo command in the workspace, ended when its future is dropped.
///
/// It does not see what `cargo run` told us about our own package: some build
/// scripts look at these variables, and would run again, and everything that
/// needs them be built again, at each change between `cargo` and `cargo xtask`.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new("cargo");
    for name in environment::names() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    command.current_dir(workspace()).kill_on_drop(true);
    command
}

/// A cargo command for everything there is, with one set of features, so that
/// the dependencies are checked once and built once.
pub(crate) fn workspace_command(name: &str) -> Command {
    let mut command = cargo();
    command.args([name, "--workspace", "--all-features"]);
    command
}

/// What tests need. Examples are looked at by the lints alone.
pub(crate) const TESTED: [&str; 3] = ["--lib", "--bins", "--tests"];

/// Builds the programs of the platform and returns where they are, in the order of
/// [`Program::all`].
pub(crate) async fn build(release: bool) -> anyhow::Result<Vec<PathBuf>> {
    let mut command = cargo();
    command.args(["build", "--message-format=json-render-diagnostics"]);
    if release {
        command.arg("--release");
    }
    for program in Program::all() {
        command.args(["--package", program.name()]);
    }
    let output = command
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()?
        .wait_with_output()
        .await?;
    if !output.status.success() {
        bail!("the build failed");
    }
    let messages: Vec<Value> = output
        .stdout
        .split(|byte| *byte == b'\n')
        .filter_map(|line| serde_json::from_slice(line).ok())
        .collect();
    let file = |program: Program| {
        let name = program.name();
        messages
            .iter()
            .find(|message| message["target"]["name"] == name && message["executable"].is_string())
            .and_then(|message| message["executable"].as_str())
            .map(PathBuf::from)
            .with_context(|| format!("cargo built no program {name}"))
    };
    Program::all().map(file).collect()
}

/// Builds examples, each of a package, optimized, and returns where they are. In one run what they
/// depend on is built once.
pub(crate) async fn build_examples<const N: usize>(
    examples: [(&str, &str); N],
) -> anyhow::Result<[PathBuf; N]> {
    let mut command = cargo();
    command.args(["build", "--release"]);
    for (package, name) in examples {
        command.args(["--package", package, "--example", name]);
    }
    if !command.status().await?.success() {
        bail!("the build of the examples failed");
    }
    let folder = target_dir().await?.join("release/examples");
    Ok(examples.map(|(_, name)| folder.join(name)))
}

/// A program from crates.io: the one on the PATH or in the target directory if its version is
/// right, installed into the target directory otherwise. `profile`: `dev` for what runs for seconds,
/// which is built in half the time.
pub(crate) async fn install(name: &str, version: &str, profile: &str) -> anyhow::Result<PathBuf> {
    let tools = target_dir().await?.join("tools");
    for program in [PathBuf::from(name), tools.join("bin").join(name)] {
        let told = Command::new(&program).arg("--version").output().await;
        // Some print their name before it.
        let is_right = |output: Output| {
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            text.split_whitespace().last() == Some(version)
        };
        if told.is_ok_and(is_right) {
            return Ok(program);
        }
    }
    println!("Installing {name} {version} (once) …");
    let mut install = cargo();
    install.args([
        "install",
        name,
        "--version",
        version,
        "--locked",
        "--quiet",
        "--profile",
        profile,
        "--root",
    ]);
    // Nobody looks into them with a debugger.
    install.arg(&tools).env("CARGO_PROFILE_DEV_DEBUG", "false");
    if !install.status().await?.success() {
        bail!("{name} {version} cannot be installed");
    }
    Ok(tools.join("bin").join(name))
}

/// Where cargo builds.
pub(crate) async fn target_dir() -> anyhow::Result<PathBuf> {
    let output = cargo()
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .output()
        .await?;
    let metadata: Value =
        serde_json::from_slice(&output.stdout).context("cargo metadata failed")?;
    let folder = metadata["target_directory"]
        .as_str()
        .context("cargo metadata names no target directory")?;
    Ok(PathBuf::from(folder))
}
