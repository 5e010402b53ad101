//! The file of `--ready-file`, from which scripts learn where everything is.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde_json::Value;
use tempfile::NamedTempFile;

/// A file that exists exactly while the stack is ready. It holds secrets, so only its owner may read it.
pub(crate) struct ReadyFile(PathBuf);

impl ReadyFile {
    /// Occupies the path: an old file is removed, an unusable path is an error.
    pub(crate) fn occupy(path: &Path) -> anyhow::Result<Self> {
        let path = std::path::absolute(path)?;
        let outcome = match fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => NamedTempFile::new_in(folder(&path)).map(drop),
        };
        outcome.with_context(|| format!("the ready file {} cannot be written", path.display()))?;
        Ok(Self(path))
    }

    /// Writes the file, whole at once.
    pub(crate) fn write(&self, content: &Value) -> anyhow::Result<()> {
        let mut file = NamedTempFile::new_in(folder(&self.0))?;
        writeln!(file, "{content:#}")?;
        file.persist(&self.0)?;
        Ok(())
    }
}

impl Drop for ReadyFile {
    fn drop(&mut self) {
        // It is missing when the stack never got ready.
        drop(fs::remove_file(&self.0));
    }
}

fn folder(path: &Path) -> &Path {
    path.parent().unwrap_or(path)
}
