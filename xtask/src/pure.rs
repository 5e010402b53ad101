//! The rules of a service (`src/domain/`) get the time as an argument: a rule that asks for the time
//! itself cannot be tested with a time of one's choice.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::bail;

/// What tells the time.
const CLOCKS: [&str; 5] = [
    "Utc::now",
    "Local::now",
    "DateTime::now",
    "SystemTime::now",
    "Instant::now",
];

/// Fails where a file of rules below `root` asks for the time, and names the lines.
pub(crate) fn check(root: &Path) -> anyhow::Result<()> {
    let mut found = Vec::new();
    let mut folders = Vec::new();
    for entry in fs::read_dir(root)? {
        let domain = entry?.path().join("src/domain");
        if domain.is_dir() {
            folders.push(domain);
        }
    }
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.extend(clocks(&path)?);
            }
        }
    }
    if found.is_empty() {
        return Ok(());
    }
    bail!("rules ask for the time:\n{}", found.join("\n"));
}

fn clocks(path: &PathBuf) -> anyhow::Result<Vec<String>> {
    let text = fs::read_to_string(path)?;
    let lines = text.lines().enumerate();
    let asking = lines.filter(|(_, line)| CLOCKS.iter().any(|clock| line.contains(clock)));
    Ok(asking
        .map(|(number, line)| format!("{}:{}: {}", path.display(), number + 1, line.trim()))
        .collect())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::check;

    #[test]
    fn a_rule_that_asks_for_the_time_is_named() {
        let root = tempfile::tempdir().unwrap();
        let domain = root.path().join("clinic/src/domain/patient");
        fs::create_dir_all(&domain).unwrap();
        fs::write(domain.join("mod.rs"), "fn is_due(now: DateTime<Utc>) {}\n").unwrap();
        assert!(check(root.path()).is_ok());
        fs::write(domain.join("late.rs"), "\nlet now = Utc::now();\n").unwrap();
        let error = check(root.path()).unwrap_err().to_string();
        assert!(
            error.contains("late.rs:2: let now = Utc::now();"),
            "{error}"
        );
    }
}
