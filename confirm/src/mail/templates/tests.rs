//! Every mail as it reads, and what is refused of an operator's own.

use super::*;

const LINK: &str = "https://example.org/login?a=b%2Bc&d=e";

fn rendered(template: Template, variables: &Variables) -> Content {
    Templates::load(None)
        .unwrap()
        .render(template, variables, LINK)
        .unwrap()
}

/// Loads the templates with one file of the operator's own.
fn with_own(name: &str, source: &str) -> anyhow::Result<Templates> {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(name), source).unwrap();
    let loaded = Templates::load(Some(folder.path()));
    loaded.map_err(|error| {
        let path = format!("{}/", folder.path().display());
        anyhow::anyhow!(format!("{error:#}").replace(&path, ""))
    })
}

fn refusal(name: &str, source: &str) -> String {
    with_own(name, source).err().expect("a refusal").to_string()
}

#[test]
fn every_file_is_used_and_every_mail_has_its_files() {
    let mut expected = vec!["product.txt".into(), "base.html".into(), "base.txt".into()];
    for template in Template::ALL {
        expected.push(format!("{}.html", template.name()));
        expected.push(format!("{}.txt", template.name()));
    }
    let names: Vec<_> = COMPILED_IN
        .iter()
        .map(|(name, _)| (*name).to_owned())
        .collect();
    assert_eq!(names, expected);
}

#[test]
fn every_mail_is_complete_with_and_without_what_may_be_absent() {
    let sparse = Variables::sparse_sample();
    let anonymous = Variables {
        email: String::new(),
        ..sparse.clone()
    };
    for template in Template::ALL {
        for variables in [&Variables::sample(), &sparse, &anonymous] {
            let Content {
                subject,
                text,
                html,
            } = rendered(template, variables);
            assert!(
                !subject.is_empty() && !subject.contains('\n'),
                "{subject:?}"
            );
            assert!(text.contains(&format!("\n{LINK}\n")), "{text}");
            assert!(html.starts_with("<!DOCTYPE html>"), "{html}");
            let link = LINK.replace('&', "&amp;");
            assert!(html.contains(&format!("<a href=\"{link}\"")), "{html}");
            assert!(html.contains(&format!(">{link}</a>")), "{html}");
            for whole in [&subject, &text, &html] {
                assert!(!whole.contains("{{") && !whole.contains("{%"), "{whole}");
                assert!(
                    !whole.contains("none}") && !whole.contains(" none"),
                    "{whole}"
                );
            }
            assert!(!text.contains("\n\n\n") && !text.contains(" \n"), "{text}");
            assert!(!html.contains("src=") && !html.contains("url("), "{html}");
        }
    }
}

#[test]
fn each_mail_says_what_it_is_about() {
    let variables = Variables::sample();
    for (template, subject) in [
        (Template::SignUp, "Verify your Tidegate account"),
        (Template::SignUpClinic, "Verify your Tidegate account"),
        (
            Template::SignUpCustodial,
            "Verify and claim your Tidegate account",
        ),
        (
            Template::SignUpCustodialByClinic,
            "Follow-up from your clinic: claim your Tidegate account",
        ),
        (
            Template::SignUpCustodialNewClinic,
            "Harbor Clinic: claim your Tidegate account",
        ),
        (
            Template::PasswordReset,
            "Password reset for your Tidegate account",
        ),
        (Template::AccountChange, "Your Tidegate account was changed"),
        (
            Template::NoAccount,
            "Password reset: no Tidegate account with this address",
        ),
        (
            Template::CareTeam,
            "Invitation to the care team of Alice Brandt",
        ),
        (
            Template::CareTeamWithAlerting,
            "Invitation to the care team of Alice Brandt",
        ),
        (
            Template::Clinician,
            "Invitation to join Harbor Clinic on Tidegate",
        ),
        (
            Template::PatientToClinic,
            "New share invitation for Harbor Clinic",
        ),
        (
            Template::ClinicCreated,
            "Harbor Clinic is set up on Tidegate",
        ),
        (
            Template::ClinicianRoles,
            "Your role at Harbor Clinic has changed",
        ),
        (
            Template::UploadReminder,
            "Harbor Clinic asks for your latest data",
        ),
        (
            Template::ConnectionRequest,
            "Harbor Clinic asks you to connect your device",
        ),
        (
            Template::MigrationStarted,
            "Your patients are moving to Harbor Clinic",
        ),
        (
            Template::MigrationCompleted,
            "Your patients have moved to Harbor Clinic",
        ),
    ] {
        assert_eq!(rendered(template, &variables).subject, subject);
    }
}

#[test]
fn the_text_is_a_mail_of_its_own() {
    let variables = Variables {
        has_account: false,
        ..Variables::sample()
    };
    assert_eq!(
        rendered(Template::CareTeam, &variables).text,
        "\
You are invited to the care team of Alice Brandt, as \"Aunt Carol\".
Members of the team can look at the data that is shared with them.

The invitation is for carol+tide@example.org. Sign up with this address, then you
can accept or decline:

https://example.org/login?a=b%2Bc&d=e

The invitation is open for 7 days.

You do not know who invites you? Then ignore this mail, or decline.
The invitation gives nobody access to data of yours.

--
Tidegate
This mail was sent automatically. Nobody reads replies to it.
"
    );
}

#[test]
fn names_are_escaped_in_html_and_only_there() {
    let variables = Variables {
        care_team_name: Some("<script>alert('1')</script>".to_owned()),
        nickname: Some("\" onload=\"x".to_owned()),
        ..Variables::sample()
    };
    let Content {
        subject,
        text,
        html,
    } = rendered(Template::CareTeam, &variables);
    assert_eq!(
        subject,
        "Invitation to the care team of <script>alert('1')</script>"
    );
    assert!(text.contains("as \"\" onload=\"x\"."), "{text}");
    assert!(
        !html.contains("<script") && !html.contains("onload=\""),
        "{html}"
    );
    assert!(html.contains("&lt;script&gt;"), "{html}");
}

#[test]
fn a_name_stays_on_its_line() {
    let variables = Variables {
        care_team_name: Some("Alice\r\nBcc: eve@example.org\u{2028}\r\n\r\nHi \u{202e}".into()),
        ..Variables::sample()
    };
    assert_eq!(
        rendered(Template::CareTeam, &variables).subject,
        "Invitation to the care team of Alice Bcc: eve@example. org Hi"
    );
}

#[test]
fn a_name_is_no_message() {
    let pay = "=?utf-8?q?Pay_now_at_http=3A=2F=2Fevil=2Eexample=2Ecom?=";
    for name in [pay, "Win now: HTTPS://evil.example/", "&#104;ttp://x"] {
        let variables = Variables {
            care_team_name: Some(name.to_owned()),
            nickname: Some(name.to_owned()),
            creator_name: Some(name.to_owned()),
            full_name: Some(name.to_owned()),
            clinic_name: Some(name.to_owned()),
            ..Variables::sample()
        };
        let nameless = Variables {
            care_team_name: None,
            nickname: None,
            creator_name: None,
            full_name: None,
            clinic_name: None,
            ..Variables::sample()
        };
        for template in Template::ALL {
            let content = rendered(template, &variables);
            assert_eq!(content, rendered(template, &nameless), "{name}");
        }
    }
}

#[test]
fn an_own_file_replaces_ours_and_reaches_those_built_on_it() {
    let own = with_own(
        "signup_confirmation.txt",
        "Subject: Welcome, {{ email }}\nGo to {{ link }}",
    )
    .unwrap();
    for template in [Template::SignUp, Template::SignUpClinic] {
        let Content { subject, text, .. } =
            own.render(template, &Variables::sample(), LINK).unwrap();
        assert_eq!(subject, "Welcome, carol+tide@example.org");
        assert_eq!(text, format!("Go to {LINK}\n"));
    }
    let untouched = own
        .render(Template::NoAccount, &Variables::sample(), LINK)
        .unwrap();
    assert_eq!(
        untouched,
        rendered(Template::NoAccount, &Variables::sample())
    );
}

#[test]
fn the_product_has_one_name() {
    let own = with_own("product.txt", "Ebb & Flow\n").unwrap();
    let Content { subject, html, .. } = own
        .render(Template::SignUp, &Variables::sample(), LINK)
        .unwrap();
    assert_eq!(subject, "Verify your Ebb & Flow account");
    assert!(html.contains(">Ebb &amp; Flow</p>"), "{html}");
    assert!(!html.contains("Tidegate"), "{html}");
}

#[test]
fn a_broken_file_of_the_operator_is_named() {
    for (name, source, expected) in [
        (
            "no_account.html",
            "{% if %}",
            "mail.templates: no_account.html: syntax error",
        ),
        (
            "no_account.html",
            "{{ recipient }}",
            "the mail no_account: undefined value",
        ),
        (
            "careteam_invitation.txt",
            "Subject: Hello\n{{ nickname }}",
            "the mail careteam_invitation: undefined value",
        ),
        (
            "password_reset.txt",
            "Hello\n{{ link }}",
            "the mail password_reset: invalid operation: the first line of password_reset.txt is not \"Subject: ...\"",
        ),
        (
            "base.html",
            "{% extends 'layout.html' %}",
            "the mail signup_confirmation: template not found",
        ),
        (
            "no_acount.html",
            "Hello",
            "mail.templates: no_acount.html replaces nothing",
        ),
        (
            "product.txt",
            " \n",
            "mail.templates: product.txt: product.txt is empty",
        ),
    ] {
        let refusal = refusal(name, source);
        assert!(refusal.starts_with(expected), "{refusal}");
        assert!(refusal.contains(name), "{refusal}");
    }
}

#[test]
fn what_is_logged_of_a_failure_holds_no_value() {
    let mut templates = Templates::load(None).unwrap();
    let source = "Subject: {{ email }}\n{{ email|int }}".to_owned();
    add(&mut templates.environment, "no_account.txt", source).unwrap();
    let error = templates
        .render(Template::NoAccount, &Variables::sample(), LINK)
        .unwrap_err();
    assert_eq!(
        describe(&error),
        "no_account.txt, line 2: invalid operation"
    );
}

#[test]
fn a_folder_may_hold_parts_and_other_files() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, source: &str| fs::write(folder.path().join(name), source).unwrap();
    write("_footer.txt", "Yours, {{ product }}");
    write(
        "no_account.txt",
        "Subject: Sorry\n{% include '_footer.txt' %}",
    );
    write("README.md", "{% broken");
    write(".hidden.txt", "{% broken");
    let own = Templates::load(Some(folder.path())).unwrap();
    let content = own
        .render(Template::NoAccount, &Variables::sample(), LINK)
        .unwrap();
    assert_eq!(content.text, "Yours, Tidegate\n");
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    let error = Templates::load(Some(Path::new("/nowhere/at/all")))
        .err()
        .expect("a refusal");
    assert_eq!(
        error.to_string(),
        "mail.templates: /nowhere/at/all cannot be read"
    );
}
