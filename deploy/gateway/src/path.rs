//! Which request paths mean the same to everybody on the way.
//!
//! A gateway and a service that read a path differently can be played off
//! against each other. So a path is routed only if nothing in it could be
//! normalised: no dot segments, no empty ones, no encoded slashes, and nothing
//! but the characters of RFC 3986. It is then passed on byte for byte.

/// Whether `path` has exactly one reading.
pub(crate) fn is_unambiguous(path: &str) -> bool {
    let Some(below_root) = path.strip_prefix('/') else {
        return false;
    };
    let segments: Vec<&str> = below_root.split('/').collect();
    let last = segments.len() - 1;
    segments.iter().enumerate().all(|(position, segment)| {
        // A slash at the end leaves an empty last segment, which a service may know.
        (!segment.is_empty() || position == last) && is_plain(segment)
    })
}

fn is_plain(segment: &str) -> bool {
    let Some(decoded) = decode(segment) else {
        return false;
    };
    let forbidden = |byte: &u8| byte.is_ascii_control() || matches!(byte, b'/' | b'\\');
    decoded != b"." && decoded != b".." && !decoded.iter().any(forbidden)
}

/// The bytes that a segment stands for; `None` when it is not a segment of RFC 3986.
fn decode(segment: &str) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(segment.len());
    let mut bytes = segment.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'%' => {
                let high = char::from(bytes.next()?).to_digit(16)?;
                let low = char::from(bytes.next()?).to_digit(16)?;
                decoded.push(u8::try_from(high * 16 + low).ok()?);
            }
            _ if byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@".contains(&byte) => {
                decoded.push(byte);
            }
            _ => return None,
        }
    }
    Some(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_paths_pass() {
        for path in [
            "/",
            "/status",
            "/access/groups/0123456789",
            "/access/groups/",
            "/user/alice+test@example.com",
            "/user/alice%2Btest%40example.com",
            "/auth/token/eyJhbGciOiJSUzI1NiJ9.e30.c2ln_-",
            "/metadata/0123456789/profile.json",
            "/user/%C3%A9t%C3%A9",
            "/user/...",
            "/user/%252e%252e",
        ] {
            assert!(is_unambiguous(path), "{path}");
        }
    }

    #[test]
    fn paths_with_a_second_reading_do_not() {
        for path in [
            "",
            "*",
            "access",
            "//internal",
            "/access//internal",
            "/access/../internal",
            "/access/./internal",
            "/access/%2e%2e/internal",
            "/access/%2E%2e/internal",
            "/access/.%2e/internal",
            "/access/..",
            "/access/..%2finternal",
            "/access%2Finternal",
            "/access/..%5cinternal",
            "/access/..\\internal",
            "/access/%00",
            "/access/a%0d%0ab",
            "/access/%7f",
            "/access/%zz",
            "/access/%2",
            "/access/a b",
            "/access/é",
            "/access/{id}",
            "/access/a#b",
        ] {
            assert!(!is_unambiguous(path), "{path}");
        }
    }
}
