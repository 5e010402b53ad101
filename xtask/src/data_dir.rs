//! The data directory of the local stack: its database, keys and secrets, and
//! the lock that keeps a second stack out.

use std::fs::{self, DirBuilder, File, Permissions};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use tempfile::NamedTempFile;

const SECRET_BYTES: usize = 32;

/// A data directory in use by this process.
pub(crate) struct DataDir {
    root: PathBuf,
    lock: File,
    predecessor_was_killed: bool,
}

impl DataDir {
    /// Creates the directory where it is missing, and occupies it.
    pub(crate) fn open(root: &Path) -> anyhow::Result<Self> {
        Self::occupy(root)
            .with_context(|| format!("the data directory {} cannot be used", root.display()))
    }

    fn occupy(root: &Path) -> anyhow::Result<Self> {
        create_private(root)?;
        let root = fs::canonicalize(root)?;
        create_private(&root.join("secrets"))?;
        let mut lock = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(root.join("lock"))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => bail!("another `cargo xtask up` runs on it"),
            Err(fs::TryLockError::Error(error)) => return Err(error.into()),
        }
        let mut mark = String::new();
        lock.read_to_string(&mut mark)?;
        lock.rewind()?;
        lock.write_all(b"running\n")?;
        Ok(Self {
            root,
            lock,
            predecessor_was_killed: !mark.is_empty(),
        })
    }

    /// Whether the last stack on this directory did not stop in order: its
    /// processes may still be on their way out.
    pub(crate) fn predecessor_was_killed(&self) -> bool {
        self.predecessor_was_killed
    }

    /// Where MongoDB keeps its files.
    pub(crate) fn mongodb(&self) -> PathBuf {
        self.root.join("mongodb")
    }

    /// Where mails go when no other place is given.
    pub(crate) fn mail(&self) -> PathBuf {
        self.root.join("mail")
    }

    /// Where the key and the secrets are.
    pub(crate) fn secrets(&self) -> PathBuf {
        self.root.join("secrets")
    }

    /// The file with the key that signs session tokens: RSA, PKCS #8, PEM.
    pub(crate) fn signing_key(&self) -> anyhow::Result<PathBuf> {
        self.secret_file(stack::SIGNING_KEY, || {
            let key = KeyPair::generate(KeySize::Rsa2048)?;
            let der = AsDer::<Pkcs8V1Der>::as_der(&key)?;
            Ok(pem("PRIVATE KEY", der.as_ref()))
        })
    }

    /// The file with the secret with which the server `name` logs in.
    pub(crate) fn server_secret(&self, name: &str) -> anyhow::Result<PathBuf> {
        self.secret_file(&stack::secret_file(name), random_secret)
    }

    /// The file with what hospital records show.
    pub(crate) fn redox_token(&self) -> anyhow::Result<PathBuf> {
        self.secret_file(stack::REDOX_TOKEN, random_secret)
    }

    /// A file that is made once, whole or not at all, and readable by its owner only.
    fn secret_file(
        &self,
        name: &str,
        generate: impl FnOnce() -> anyhow::Result<String>,
    ) -> anyhow::Result<PathBuf> {
        let path = self.secrets().join(name);
        if !path.exists() {
            let mut file = NamedTempFile::new_in(self.secrets())?;
            writeln!(file, "{}", generate()?.trim_end())?;
            file.as_file().sync_all()?;
            file.persist(&path)?;
        }
        fs::set_permissions(&path, Permissions::from_mode(0o600))?;
        Ok(path)
    }
}

impl Drop for DataDir {
    fn drop(&mut self) {
        if let Err(error) = self.lock.set_len(0) {
            eprintln!(
                "{} could not be marked as stopped: {error}",
                self.root.display()
            );
        }
    }
}

fn random_secret() -> anyhow::Result<String> {
    let mut secret = [0; SECRET_BYTES];
    aws_lc_rs::rand::fill(&mut secret)?;
    Ok(BASE64_URL_SAFE_NO_PAD.encode(secret))
}

/// Creates a folder that only its owner can open, unless it is there already.
pub(crate) fn create_private(folder: &Path) -> anyhow::Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)?;
    Ok(())
}

/// The text form of a key (RFC 7468: lines of 64 characters).
fn pem(label: &str, der: &[u8]) -> String {
    let encoded = BASE64_STANDARD.encode(der);
    let mut text = format!("-----BEGIN {label}-----\n");
    for start in (0..encoded.len()).step_by(64) {
        text.push_str(&encoded[start..encoded.len().min(start + 64)]);
        text.push('\n');
    }
    text + &format!("-----END {label}-----\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn secrets_are_made_once_and_private() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("data");
        let first = DataDir::open(&root).unwrap();
        let secret = fs::read_to_string(first.server_secret("scripts").unwrap()).unwrap();
        let key = fs::read_to_string(first.signing_key().unwrap()).unwrap();
        drop(first);

        let second = DataDir::open(&root).unwrap();

        assert_eq!(
            fs::read_to_string(second.server_secret("scripts").unwrap()).unwrap(),
            secret
        );
        assert_eq!(
            fs::read_to_string(second.signing_key().unwrap()).unwrap(),
            key
        );
        assert_ne!(
            fs::read_to_string(second.server_secret("gatekeeper").unwrap()).unwrap(),
            secret
        );
        assert_eq!((secret.trim().len(), mode(&root)), (43, 0o700));
        assert_eq!(mode(&second.server_secret("scripts").unwrap()), 0o600);
        assert_eq!(mode(&second.signing_key().unwrap()), 0o600);
    }

    #[test]
    fn the_signing_key_is_a_pkcs8_rsa_key_of_2048_bits() {
        let folder = tempfile::tempdir().unwrap();
        let data_dir = DataDir::open(folder.path()).unwrap();

        let pem = fs::read_to_string(data_dir.signing_key().unwrap()).unwrap();

        assert!(pem.lines().all(|line| line.len() <= 64), "{pem}");
        let body: String = pem
            .lines()
            .filter(|line| !line.starts_with("-----"))
            .collect();
        let key = KeyPair::from_pkcs8(&BASE64_STANDARD.decode(body).unwrap()).unwrap();
        assert_eq!(key.public_modulus_len(), 256);
    }

    #[test]
    fn a_second_stack_is_kept_out() {
        let folder = tempfile::tempdir().unwrap();
        let _first = DataDir::open(folder.path()).unwrap();

        let error = DataDir::open(folder.path()).err().unwrap();

        assert!(
            format!("{error:#}").contains("another `cargo xtask up` runs on it"),
            "{error:#}"
        );
    }

    #[test]
    fn a_stack_that_stopped_in_order_leaves_no_mark() {
        let folder = tempfile::tempdir().unwrap();
        let first = DataDir::open(folder.path()).unwrap();
        assert!(!first.predecessor_was_killed());
        drop(first);
        let second = DataDir::open(folder.path()).unwrap();
        assert!(!second.predecessor_was_killed());
        drop(second);

        fs::write(folder.path().join("lock"), "running\n").unwrap();

        assert!(
            DataDir::open(folder.path())
                .unwrap()
                .predecessor_was_killed()
        );
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let error = DataDir::open(Path::new("/dev/null/data")).err().unwrap();

        assert!(
            error.to_string().contains("/dev/null/data cannot be used"),
            "{error:#}"
        );
    }
}
