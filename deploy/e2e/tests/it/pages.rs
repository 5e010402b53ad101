//! The pages of confirm in a real browser, at the width of a phone and of a desk.

use std::process::{Command, Stdio};

use e2e::{Platform, VERIFIED_TAG};

use crate::clients::{has, install};

/// Where the journeys are, with the library that drives the browser.
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/browser");

/// The names of the one browser, by where it comes from.
const BROWSERS: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

#[actix_web::test]
async fn people_use_the_pages_in_a_browser() {
    let browser = BROWSERS.into_iter().find(|name| has(name));
    let (Some(browser), true) = (browser, has("node") && has("npm")) else {
        eprintln!("skipped: Chromium, node or npm is not on this machine");
        return;
    };
    let located = Command::new("sh")
        .args(["-c", &format!("command -v {browser}")])
        .output()
        .unwrap();
    let program = String::from_utf8(located.stdout).unwrap();
    install(FOLDER);

    let platform = Platform::start().await;
    let played = tokio::process::Command::new("node")
        .args(["journeys.js", &platform.origin(), VERIFIED_TAG])
        .arg(platform.mail_dir())
        .arg(program.trim())
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
