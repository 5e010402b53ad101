//! Which request paths mean the same to everybody on the way.
//!
//! A gateway and a service that read a path differently can be played off
//! against each other. So a path is routed only if nothing in it could be
//! normalised: no dot segments, no empty ones, no encoded slashes but in
//! addresses, and nothing but the characters of RFC 3986. It is then passed on
//! byte for byte.

/// How a segment, or a whole path, can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reading {
    /// In exactly one way.
    Plain,
    /// In one way where an e-mail address is expected: `a%2Fb@example.org`.
    WithAddress,
    /// In more than one.
    Ambiguous,
}

/// How `path` can be read.
pub(crate) fn read(path: &str) -> Reading {
    let Some(below_root) = path.strip_prefix('/') else {
        return Reading::Ambiguous;
    };
    let segments: Vec<&str> = below_root.split('/').collect();
    let last = segments.len() - 1;
    let readings = segments.iter().enumerate().map(|(position, segment)| {
        // A slash at the end leaves an empty last segment, which a service may know.
        if segment.is_empty() && position != last {
            Reading::Ambiguous
        } else {
            read_segment(segment)
        }
    });
    readings.max().unwrap_or(Reading::Ambiguous)
}

/// How `segment` can be read.
pub(crate) fn read_segment(segment: &str) -> Reading {
    let Some(decoded) = decode(segment) else {
        return Reading::Ambiguous;
    };
    let is_step = |part: &[u8]| part == b"." || part == b"..";
    let forbidden = |byte: &u8| byte.is_ascii_control() || *byte == b'\\';
    if decoded.iter().any(forbidden) || decoded.split(|byte| *byte == b'/').any(is_step) {
        Reading::Ambiguous
    } else if !decoded.contains(&b'/') {
        Reading::Plain
    } else if decoded.contains(&b'@') {
        Reading::WithAddress
    } else {
        Reading::Ambiguous
    }
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
            assert_eq!(read(path), Reading::Plain, "{path}");
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
            "/user/a%2Fb",
            "/user/a@x.org%2F..%2Finternal",
            "/user/..%2Fa@x.org",
            "/user/a%2F.%2Fb@x.org",
            "/user/a%2Fb@x.org/%2e%2e",
            "/user/a%5Cb%2Fc@x.org",
            "/user/a%252F@x.org%2F%2e%2E",
        ] {
            assert_eq!(read(path), Reading::Ambiguous, "{path}");
        }
    }

    #[test]
    fn an_address_may_hold_a_slash() {
        for path in [
            "/user/a%2Fb@example.org",
            "/user/a%2fb%40example.org",
            "/confirm/0123456789/invited/a%2F%2Fb+c@example.org",
        ] {
            assert_eq!(read(path), Reading::WithAddress, "{path}");
        }
    }
}
