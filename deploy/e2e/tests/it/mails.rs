//! The mails of the journeys, in the folder where they are left.

use std::{fs, path::PathBuf};

use e2e::Platform;

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

/// The value of `name` in the first link of a mail that has one.
pub(crate) fn value_in(mail: &str, name: &str) -> String {
    let (_, rest) = mail.split_once(&format!("{name}=")).unwrap();
    let ends = |letter: char| letter == '&' || letter.is_whitespace();
    rest.split(ends).next().unwrap().to_owned()
}
