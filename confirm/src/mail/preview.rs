//! All mails with sample data, as files to look at.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::Variables;
use super::links::Links;
use super::templates::{Content, Templates};
use crate::config::WebSettings;
use crate::domain::template::Template;

/// Writes each mail twice as HTML and as plain text: with all that it can say, and with the least
/// that it must do with. `index.html` leads to them. Returns the files written.
pub fn write_previews(dir: &Path, templates: Option<&Path>) -> anyhow::Result<Vec<PathBuf>> {
    let templates = Templates::load(templates)?;
    let links = Links::new(&WebSettings {
        public_url: "https://app.example.org".to_owned(),
        web_url: None,
    })?;
    fs::create_dir_all(dir).with_context(|| format!("{} cannot be made", dir.display()))?;
    let mut files = Vec::new();
    let mut rows = String::new();
    for template in Template::ALL {
        for (suffix, variables) in [
            ("", Variables::sample()),
            ("-least", Variables::sparse_sample()),
        ] {
            let link = links.of(template, &variables);
            let Content {
                subject,
                text,
                html,
            } = templates.render(template, &variables, &link)?;
            let name = format!("{}{suffix}", template.name());
            let subject = subject.replace('&', "&amp;").replace('<', "&lt;");
            writeln!(
                rows,
                "<li><a href=\"{name}.html\">{name}</a> (<a href=\"{name}.txt\">text</a>): {subject}</li>"
            )?;
            files.push(write(dir, &format!("{name}.html"), &html)?);
            files.push(write(dir, &format!("{name}.txt"), &text)?);
        }
    }
    let index = format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>Mails</title>\n<ul>\n{rows}</ul>\n</html>\n"
    );
    files.push(write(dir, "index.html", &index)?);
    Ok(files)
}

fn write(dir: &Path, name: &str, content: &str) -> anyhow::Result<PathBuf> {
    let path = dir.join(name);
    fs::write(&path, content).with_context(|| format!("{} cannot be written", path.display()))?;
    Ok(path)
}
