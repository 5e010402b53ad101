//! What is no address, and the spellings of one.

/// What no mail reaches, or nobody can see.
pub const NO_ADDRESSES: [&str; 20] = [
    ".a@example.org",
    "a,b@example.org",
    "a b@example.org",
    "\"a\"@example.org",
    "a@-x.org",
    "a@x-.org",
    "a@x..org",
    "a@localhost",
    "a@[127.0.0.1]",
    "a@127.0.0.1",
    "a@b@example.org",
    "a@example.org\r\nBcc: b@example.org",
    "a\u{0}@example.org",
    "a\u{200b}@example.org",
    "a\u{202e}@example.org",
    "a@exam\u{ad}ple.org",
    "mi\u{212a}e@example.org",
    "a@mi\u{212a}e.example",
    "mik\u{435}@example.org",
    "a@xn--a.org",
];

/// One mailbox, as people write it.
pub const SPELLINGS: [&str; 6] = [
    "ann@bücher.example",
    "ann@xn--bcher-kva.example",
    "Ann@BÜCHER.example",
    "ANN@XN--BCHER-KVA.EXAMPLE",
    " ann@bücher.example ",
    "ann@bu\u{308}cher.example",
];
