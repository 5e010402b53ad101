//! Texts in the paths of peers' operations.

/// `text` as one segment of a path.
///
/// A lone `.` or `..` is a step in the path however it is encoded, and no id. It is encoded twice,
/// so that it is an id that nobody has, and not another operation.
pub(crate) fn segment(text: &str) -> String {
    match text {
        "." => return "%252E".to_owned(),
        ".." => return "%252E%252E".to_owned(),
        _ => {}
    }
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'~' => {
                encoded.push(char::from(byte));
            }
            _ => {
                encoded.push('%');
                encoded.push(hex_digit(byte >> 4));
                encoded.push(hex_digit(byte & 0xF));
            }
        }
    }
    encoded
}

fn hex_digit(nibble: u8) -> char {
    char::from_digit(u32::from(nibble), 16)
        .unwrap_or('0')
        .to_ascii_uppercase()
}

#[cfg(test)]
mod tests {
    use super::segment;

    #[test]
    fn a_segment_cannot_leave_its_place() {
        assert_eq!(segment("a1-B_~"), "a1-B_~");
        assert_eq!(segment("../x?y#z"), "%2E%2E%2Fx%3Fy%23z");
        assert_eq!(segment("é"), "%C3%A9");
        for step in [".", ".."] {
            let url: reqwest::Url = "http://peer/a/b".parse().unwrap();
            let url = url.join(&format!("/a/{}/c", segment(step))).unwrap();
            assert_eq!(url.path(), format!("/a/{}/c", segment(step)));
        }
    }
}
