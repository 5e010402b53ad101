//! The output of the services, line by line, with the name of its service in front.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, IsTerminal, Read, Write, stdout};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// Lines kept of each service, to be shown when it fails.
const KEPT: usize = 15;
const NAME_WIDTH: usize = 10;
/// Cyan, green, magenta, yellow: readable on dark and on light.
const COLORS: [u8; 4] = [36, 32, 35, 33];

/// The last lines of one service.
#[derive(Clone, Default)]
pub(crate) struct Tail(Arc<Mutex<VecDeque<String>>>);

impl Tail {
    fn push(&self, line: &str) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == KEPT {
            lines.pop_front();
        }
        lines.push_back(line.to_owned());
    }

    /// The lines as one text, empty when there are none.
    pub(crate) fn text(&self) -> String {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().flat_map(|line| ["\n    ", line]).collect()
    }
}

/// Copies `output` to our standard output until it ends, each line behind the name of its service.
pub(crate) fn forward(name: &str, position: usize, output: impl Read + Send + 'static, tail: Tail) {
    let prefix = prefix(name, position, stdout().is_terminal());
    thread::spawn(move || {
        let mut output = BufReader::new(output);
        let mut line = Vec::new();
        while output
            .read_until(b'\n', &mut line)
            .is_ok_and(|length| length > 0)
        {
            let text = String::from_utf8_lossy(&line);
            let text = text.trim_end();
            tail.push(text);
            // Nobody reads us any more: the services still run.
            drop(writeln!(stdout().lock(), "{prefix}{text}"));
            line.clear();
        }
    });
}

fn prefix(name: &str, position: usize, colored: bool) -> String {
    if colored {
        format!(
            "\u{1b}[{}m{name:NAME_WIDTH$} |\u{1b}[0m ",
            COLORS[position % COLORS.len()]
        )
    } else {
        format!("{name:NAME_WIDTH$} | ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_line_up_and_are_plain_where_nobody_looks() {
        assert_eq!(prefix("user-api", 0, false), "user-api   | ");
        assert_eq!(prefix("gatekeeper", 1, false), "gatekeeper | ");
        assert_eq!(
            prefix("gatekeeper", 1, true),
            "\u{1b}[32mgatekeeper |\u{1b}[0m "
        );
    }

    #[test]
    fn a_tail_keeps_the_last_lines() {
        let tail = Tail::default();
        for number in 0..100 {
            tail.push(&number.to_string());
        }

        assert!(tail.text().starts_with("\n    85\n"), "{}", tail.text());
        assert!(tail.text().ends_with("\n    99"), "{}", tail.text());
    }
}
