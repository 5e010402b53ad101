//! The mails of the journeys, in the folder where they are left.

use std::{fs, path::PathBuf};

use e2e::Platform;

use crate::confirmations::eventually;

/// The mails of a kind to `address` or, if it is empty, to everybody.
pub(crate) fn mails(platform: &Platform, kind: &str, address: &str) -> Vec<PathBuf> {
    let start = format!("{kind}-{address}");
    let files = fs::read_dir(platform.mail_dir()).unwrap();
    let files = files.map(|file| file.unwrap().path());
    let is_one = |file: &PathBuf| {
        let name = file.file_name().unwrap().to_str().unwrap();
        // A mail that is not complete has another name.
        name.starts_with(&start) && file.extension().is_some_and(|end| end == "eml")
    };
    files.filter(is_one).collect()
}

/// What the first mail of a kind to `address` says, once it is there.
pub(crate) async fn mail(platform: &Platform, kind: &str, address: &str) -> String {
    let mut text = String::new();
    eventually(&format!("a {kind} to {address}"), async || {
        let found = mails(platform, kind, address);
        let Some(mail) = found.first() else {
            return false;
        };
        text = fs::read_to_string(mail).unwrap();
        true
    })
    .await;
    text
}

/// The value of `name` in the first link of a mail that has one.
pub(crate) fn value_in(mail: &str, name: &str) -> String {
    let (_, rest) = mail.split_once(&format!("{name}=")).unwrap();
    let ends = |letter: char| letter == '&' || letter.is_whitespace();
    rest.split(ends).next().unwrap().to_owned()
}
