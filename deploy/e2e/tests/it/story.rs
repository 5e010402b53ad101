//! The family story of the README, told by `cargo xtask demo` itself.

use std::process::Stdio;

use bson::doc;
use e2e::{Platform, Program, VERIFIED_TAG, sibling};
use tokio::process::Command;

use crate::confirmations::{key_in, keys, reset_mails};

#[actix_web::test]
async fn the_family_story_holds_and_leaves_no_secret_in_the_logs() {
    let platform = Platform::start().await;
    let told = Command::new(sibling("xtask").unwrap())
        .args([
            "demo",
            "--origin",
            &platform.origin(),
            "--verified-tag",
            VERIFIED_TAG,
            "--mail-dir",
        ])
        .arg(platform.mail_dir())
        .stdin(Stdio::null())
        .output()
        .await
        .unwrap();
    let text = String::from_utf8_lossy(&told.stdout);
    assert!(
        told.status.success(),
        "{text}\n{}",
        String::from_utf8_lossy(&told.stderr)
    );

    // The story prints the addresses and passwords that it made up.
    let made_up = text
        .split('"')
        .filter(|word| word.ends_with("@example.org") || is_made_up_password(word));
    let mut secrets: Vec<String> = made_up.map(str::to_owned).collect();
    assert!(secrets.len() >= 24, "the story shows its accounts");
    let keys = keys(&platform, doc! {}).await;
    assert!(keys.len() >= 8, "the story has mails sent");
    secrets.extend(keys);
    let resets = reset_mails(&platform, "");
    assert!(!resets.is_empty(), "the story forgets a password");
    secrets.extend(resets.iter().map(key_in));
    for program in Program::all() {
        let log = platform.log(program);
        assert!(!log.contains("eyJ"), "{} logs a token", program.name());
        for secret in &secrets {
            assert!(
                !log.contains(secret.as_str()),
                "{} logs {secret}",
                program.name()
            );
        }
    }
}

fn is_made_up_password(word: &str) -> bool {
    word.split_once('-').is_some_and(|(name, rest)| {
        name.chars().all(char::is_alphabetic)
            && rest.len() == 12
            && rest.chars().all(|digit| digit.is_ascii_hexdigit())
    })
}
