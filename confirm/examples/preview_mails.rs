//! Writes all mails with sample data to a folder, to be looked at in a browser:
//! `cargo run -p confirm --example preview_mails -- OUT_DIR [OWN_TEMPLATES]`.

use std::path::PathBuf;

use anyhow::Context;

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let folder = arguments
        .next()
        .context("usage: preview_mails OUT_DIR [OWN_TEMPLATES]")?;
    let files = confirm::write_previews(&folder, arguments.next().as_deref())?;
    println!(
        "{} files; begin with {}",
        files.len(),
        folder.join("index.html").display()
    );
    Ok(())
}
