use super::{MAX_BYTES, WireAddress, has_shape, identity, is_same, on_the_wire, parse, spellings};

#[test]
fn what_real_mailboxes_have_is_an_address() {
    let longest_local = format!("{}@example.org", "a".repeat(64));
    let longest = format!(
        "a@{0}.{0}.{0}.{1}.org",
        "b".repeat(62),
        "b".repeat(MAX_BYTES - 2 - 3 * 63 - 4)
    );
    assert_eq!(longest.len(), MAX_BYTES);
    for valid in [
        "a@z.com",
        "a-b@z.com",
        "a$b@z.com",
        "a#b@z.com",
        "a@stuvwxyz.co",
        "a@z.company",
        "A@Z.CO",
        "a+b@sub.z.co",
        "a/b@example.org",
        "o'neil@example.org",
        "!#$%&'*+-/=?^_`{|}~@example.org",
        "a..b@example.org",
        "a.@example.org",
        "ü@example.org",
        "佐藤@example.org",
        "иван@example.org",
        "a@bücher.example",
        "a@xn--bcher-kva.example",
        "a@BÜCHER.example",
        "a@faß.example",
        "a@пример.рф",
        "a@例え.テスト",
        "a@a--b.example.org",
        "a@1.example.org",
        &longest_local,
        &longest,
    ] {
        assert_eq!(parse(valid).as_deref(), Some(valid));
    }
}

#[test]
fn what_no_mail_reaches_or_nobody_can_see_is_no_address() {
    let long_local = format!("{}@example.org", "a".repeat(65));
    let long_wide_local = format!("{}@example.org", "é".repeat(33));
    let long_quoted_local = format!("a..{}@example.org", "b".repeat(60));
    let long = format!("a@{0}.{0}.{0}.{0}.org", "b".repeat(62));
    let long_label = format!("a@{}.org", "b".repeat(64));
    for invalid in [
        "",
        " ",
        "a",
        "@",
        "a@",
        "a@z",
        "a@z.",
        "a@z.c",
        ".co",
        "z.co",
        "@z.co",
        "a@b@z.co",
        "a b@z.co",
        "a@z$z.co",
        "a@x#z.co",
        "a@x_z.co",
        ".a@example.org",
        "a,b@example.org",
        "a;b@example.org",
        "a:b@example.org",
        "a(b)@example.org",
        "<a@example.org>",
        "\"a\"@example.org",
        "a\\b@example.org",
        "a@-x.org",
        "a@x-.org",
        "a@x..org",
        "a@.org",
        "a@localhost",
        "a@[127.0.0.1]",
        "a@127.0.0.1",
        "a@example.org\r\nBcc: b@example.org",
        "a\nb@example.org",
        "a\u{0}b@example.org",
        "a\u{7F}b@example.org",
        "a\u{85}b@example.org",
        "a\u{AD}b@example.org",
        "a\u{200B}b@example.org",
        "a\u{200D}b@example.org",
        "a\u{202E}b@example.org",
        "a\u{2066}b@example.org",
        "a\u{FE0F}b@example.org",
        "a@exam\u{200B}ple.org",
        "a@exam\u{AD}ple.org",
        "a@exam\u{202E}ple.org",
        "a@exam\u{200D}ple.org",
        "a\u{A0}b@example.org",
        // What passes for another character.
        "mi\u{212A}e@example.org",
        "\u{17F}am@example.org",
        "\u{130}da@example.org",
        "\u{FF41}@example.org",
        "o\u{FB03}ce@example.org",
        "a@mi\u{212A}e.example",
        "a@\u{FF45}xample.org",
        "a\u{FF20}example.org",
        "mik\u{435}@example.org",
        "a@ex\u{430}mple.org",
        "a@xn--exmple-4nf.org",
        "a@xn--a.org",
        &long_local,
        &long_wide_local,
        &long_quoted_local,
        &long,
        &long_label,
    ] {
        assert_eq!(parse(invalid), None, "{invalid:?}");
    }
}

#[test]
fn an_address_is_stored_as_it_was_entered() {
    for (entered, stored) in [
        (" Ann@Example.org\t", "Ann@Example.org"),
        ("a@BÜCHER.example", "a@BÜCHER.example"),
        ("a@XN--BCHER-KVA.example", "a@XN--BCHER-KVA.example"),
        (
            "e\u{301}@bu\u{308}cher.example",
            "\u{E9}@b\u{FC}cher.example",
        ),
    ] {
        assert_eq!(parse(entered).as_deref(), Some(stored));
    }
}

#[test]
fn only_other_spellings_are_the_same() {
    for (one, other, same) in [
        ("a@z.co", "a@z.co", true),
        ("a@z.co", "A@Z.CO", true),
        ("a@z.co", " a@z.co\n", true),
        ("Carol+a@Example.org", "carol+A@example.ORG", true),
        ("é@z.co", "É@z.co", true),
        ("\u{E9}@z.co", "e\u{301}@z.co", true),
        ("a@bücher.example", "a@xn--bcher-kva.example", true),
        ("a@bücher.example", "A@XN--BCHER-KVA.Example", true),
        ("a@bu\u{308}cher.example", "a@BÜCHER.example", true),
        ("a@пример.рф", "a@xn--e1afmkfd.xn--p1ai", true),
        ("kid", "Kid", true),
        (".a@z.co", ".A@z.co", true),
        ("a@[127.0.0.1]", "A@[127.0.0.1]", true),
        ("a@z.co", "á@z.co", false),
        ("a@bücher.example", "a@bucher.example", false),
        ("straße@z.co", "strasse@z.co", false),
        ("a@faß.example", "a@fass.example", false),
        ("mike@z.co", "mi\u{212A}e@z.co", false),
        ("mike@z.co", "Mi\u{212A}e@z.co", false),
        ("a@mike.example", "a@mi\u{212A}e.example", false),
        ("a@example.org", "a@exam\u{200B}ple.org", false),
        ("mi\u{212A}e@z.co", "mi\u{212A}e@z.co", true),
        ("Mi\u{212A}e@z.co", "mi\u{212A}e@z.co", true),
        ("i@z.co", "\u{130}@z.co", false),
        ("s@z.co", "\u{17F}@z.co", false),
        ("mike", "mi\u{212A}e", false),
        ("a@z.co", "a@z.com", false),
        ("a@z.co", "a+b@z.co", false),
        ("", "", true),
        ("a@z.co", "", false),
    ] {
        assert_eq!(is_same(one, other), same, "{one} {other}");
        assert_eq!(is_same(other, one), same, "{one} {other}");
        assert_eq!(identity(one) == identity(other), same, "{one} {other}");
    }
}

#[test]
fn either_form_of_a_domain_is_looked_for() {
    for (text, expected) in [
        ("a@z.co", &["a@z.co"][..]),
        (" A@Z.co ", &["A@Z.co"]),
        ("kid", &["kid"]),
        (
            "a@bücher.example",
            &["a@bücher.example", "a@xn--bcher-kva.example"],
        ),
        (
            "a@xn--bcher-kva.example",
            &["a@bücher.example", "a@xn--bcher-kva.example"],
        ),
        (
            "a@BÜCHER.example",
            &[
                "a@BÜCHER.example",
                "a@bücher.example",
                "a@xn--bcher-kva.example",
            ],
        ),
        ("a@mi\u{212A}e.example", &["a@mi\u{212A}e.example"]),
        ("a@xn--a.org", &["a@xn--a.org"]),
    ] {
        let mut expected = expected.to_vec();
        expected.sort_unstable();
        assert_eq!(spellings(text), expected, "{text}");
    }
}

#[test]
fn mail_servers_get_quotes_and_ascii() {
    for (text, local, domain) in [
        ("Ann@Example.org", "Ann", "Example.org"),
        ("a..b@example.org", "\"a..b\"", "example.org"),
        ("a.@example.org", "\"a.\"", "example.org"),
        ("a@bücher.example", "a", "xn--bcher-kva.example"),
        ("ü@bücher.example", "ü", "xn--bcher-kva.example"),
        // Of earlier times.
        (".a@example.org", "\".a\"", "example.org"),
        ("\"a..b\"@example.org", "\"a..b\"", "example.org"),
        ("a@localhost", "a", "localhost"),
    ] {
        let expected = WireAddress {
            local: local.to_owned(),
            domain: domain.to_owned(),
        };
        assert_eq!(on_the_wire(text), Some(expected), "{text}");
    }
    for text in [
        "",
        "a",
        "@example.org",
        "a@",
        "a\nb@example.org",
        "a\u{85}b@example.org",
        "a b@example.org",
        "a,b@example.org",
        "a\"b@example.org",
        "a@[127.0.0.1]",
        "a@-x.org",
    ] {
        assert_eq!(on_the_wire(text), None, "{text:?}");
    }
}

#[test]
fn addresses_of_earlier_times_are_told_from_names() {
    for text in ["a@z.co", ".a@z.co", "a,b@z.co", "a@[127.0.0.1]"] {
        assert!(has_shape(text), "{text}");
    }
    for text in ["", "kid", "kid@home", "a b@z.co", "@z.co", "a@z."] {
        assert!(!has_shape(text), "{text}");
    }
}
