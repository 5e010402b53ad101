//! The reference platform's own Node client, unchanged, against ours.

use std::process::{Command, Stdio};

use e2e::{Platform, VERIFIED_TAG};

/// Where the client and its dependencies are declared, with their exact versions.
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/platform-client");

#[actix_web::test]
async fn the_platform_client_works_unchanged() {
    if !has("node") || !has("npm") {
        eprintln!("skipped: node and npm are not on this machine");
        return;
    }
    install(FOLDER);

    let platform = Platform::start().await;
    let service = platform.server_token("scripts").await;
    let played = tokio::process::Command::new("node")
        .args(["smoke.js", &platform.origin(), VERIFIED_TAG])
        .arg(platform.mail_dir())
        .arg(service)
        .current_dir(FOLDER)
        .stdin(Stdio::null())
        .output()
        .await
        .unwrap();
    assert!(
        played.status.success(),
        "{}\n{}",
        String::from_utf8_lossy(&played.stdout),
        String::from_utf8_lossy(&played.stderr)
    );
}

/// Installs what the lock file in `folder` names.
pub(crate) fn install(folder: &str) {
    let installed = Command::new("npm")
        .args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"])
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(
        installed.status.success(),
        "{}",
        String::from_utf8_lossy(&installed.stderr)
    );
}

/// Whether `program` is on this machine.
pub(crate) fn has(program: &str) -> bool {
    Command::new(program)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
