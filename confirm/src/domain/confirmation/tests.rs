use chrono::{DateTime, TimeDelta, Utc};

use super::{Confirmation, Kind, OtherKey, Status};
use crate::domain::{key, template::Template};

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000, 0).unwrap()
}

fn made(kind: Kind) -> Confirmation {
    Confirmation::new("k".to_owned(), kind, Template::SignUp, now())
}

#[test]
fn a_confirmation_expires_by_its_kind() {
    for (kind, days) in [
        (Kind::SignUp, Some(31)),
        (Kind::PasswordReset, Some(7)),
        (Kind::CareTeamInvitation, Some(7)),
        (Kind::AccountChange, Some(7)),
        (Kind::ClinicianInvitation, None),
        (Kind::NoAccount, None),
    ] {
        let confirmation = made(kind);
        assert_eq!(
            confirmation.expires_at,
            days.map(|days| now() + TimeDelta::days(days)),
            "{kind:?}"
        );
        assert_eq!(confirmation.modified, None);
        let end = now() + TimeDelta::days(days.unwrap_or(10_000));
        assert!(!confirmation.is_expired(end - TimeDelta::seconds(1)));
        assert_eq!(confirmation.is_expired(end), days.is_some());
    }
}

#[test]
fn there_is_nothing_to_answer_where_nothing_is_asked() {
    for kind in Kind::ALL {
        let wanted = match kind {
            Kind::NoAccount | Kind::ClinicNotice => Status::Completed,
            _ => Status::Pending,
        };
        assert_eq!(made(kind).status, wanted, "{kind:?}");
    }
}

#[test]
fn what_is_sent_once_more_lasts_as_long_again() {
    let mut declined = made(Kind::CareTeamInvitation);
    declined.status = Status::Declined;
    declined.modified = Some(now());
    let later = now() + TimeDelta::days(6);
    for renewed in [
        declined.clone().replaced("new".to_owned(), later),
        declined.rekeyed("new".to_owned(), later),
    ] {
        assert_eq!(
            (renewed.status, renewed.modified, renewed.created),
            (Status::Pending, None, later)
        );
        assert_eq!(renewed.key, "new");
        assert_eq!(renewed.expires_at, Some(later + TimeDelta::days(7)));
    }
}

#[test]
fn an_earlier_key_of_a_sign_up_is_good_as_long_as_it_was() {
    let first = made(Kind::SignUp);
    let name = first.idempotency_key();
    let later = now() + TimeDelta::days(30);
    let second = first.rekeyed("second".to_owned(), later);
    let end = now() + TimeDelta::days(31);
    for (key, at, opens) in [
        ("k", later, true),
        ("k", end - TimeDelta::seconds(1), true),
        ("k", end, false),
        ("second", end, true),
        ("other", later, false),
        // What is stored of a key is no key.
        (second.other_keys[0].digest.as_str(), later, false),
    ] {
        assert_eq!(second.is_opened_by(key, at), opens, "{key} {at}");
    }
    let third = second.clone().rekeyed("third".to_owned(), later);
    assert!(
        ["k", "second", "third"]
            .iter()
            .all(|key| third.is_opened_by(key, later))
    );
    assert_eq!(third.idempotency_key(), name);
    // What takes its place is another one.
    let other = third.replaced("fourth".to_owned(), later);
    assert!(!other.is_opened_by("third", later) && other.is_opened_by("fourth", later));
    assert_ne!(other.idempotency_key(), name);
}

#[test]
fn nobody_drives_a_key_of_a_sign_up_out_by_asking_for_more() {
    let mut sent = made(Kind::SignUp);
    for round in 0..100 {
        sent = sent.rekeyed(format!("key{round}"), now() + TimeDelta::hours(round));
    }
    let later = now() + TimeDelta::hours(100);
    assert_eq!(sent.key, "key9");
    assert_eq!(
        sent.expires_at,
        Some(now() + TimeDelta::hours(99) + TimeDelta::days(31))
    );
    assert!(sent.is_opened_by("k", later) && sent.is_opened_by("key0", later));
    assert_eq!(sent.other_keys.len(), 10);
    // Once the earlier ones are over there is room.
    let later = now() + TimeDelta::days(40);
    let sent = sent.rekeyed("new".to_owned(), later);
    assert_eq!((sent.key.as_str(), sent.other_keys.len()), ("new", 1));
}

#[test]
fn an_earlier_key_of_an_invitation_opens_nothing() {
    let mut sent = made(Kind::CareTeamInvitation);
    for round in 0..20 {
        sent = sent.rekeyed(format!("key{round}"), now());
    }
    assert_eq!(sent.other_keys.len(), 10);
    assert!(sent.is_opened_by("key19", now()));
    assert!(!sent.is_opened_by("key18", now()) && !sent.is_opened_by("k", now()));
}

#[test]
fn a_reset_is_opened_by_the_keys_in_its_mails_and_not_by_what_is_stored() {
    let mut reset = made(Kind::PasswordReset);
    assert!(
        reset.is_opened_by("k", now()),
        "older ones have their key as their id"
    );
    reset.key = key::keyless_id("k");
    let digest = key::digest("mailed");
    reset.other_keys.push(OtherKey {
        digest: digest.clone(),
        until: None,
    });
    assert!(reset.is_opened_by("mailed", now()));
    for other in ["k", &reset.key, &digest, ""] {
        assert!(!reset.is_opened_by(other, now()), "{other}");
    }
}

#[test]
fn old_documents_get_the_mail_of_their_kind() {
    let mut invitation = made(Kind::CareTeamInvitation);
    invitation.template_name = String::new();
    invitation.context = Some(serde_json::json!({"view": {}}));
    assert_eq!(invitation.template(), Some(Template::CareTeam));
    invitation.context = Some(serde_json::json!({"view": {}, "follow": {}}));
    assert_eq!(invitation.template(), Some(Template::CareTeamWithAlerting));
    invitation.template_name = "no such mail".to_owned();
    assert_eq!(invitation.template(), None);
}
