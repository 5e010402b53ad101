//! How many mails there may be, by who causes them and who gets them, and what happens beyond.
//!
//! A stranger must not be able to use up what others, and above all the owner of the mailbox, may
//! have sent there. So what limits a stranger counts the stranger's own mails, and the mails that
//! anybody may ask for do not run out: one to that very address is on its way or there already. One
//! to another address of the mailbox would not do, as it need not hold a key to the same account.

use std::{fmt, time::Duration};

use shared_types::{ClinicId, UserId, address};

use super::key;
use crate::config::LimitSettings;

const HOUR: Duration = Duration::from_hours(1);

/// How long a mail that anybody may ask for stands for the next ones.
const ASKED_WINDOW: Duration = Duration::from_mins(10);

/// Why a mail is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause<'a> {
    /// An account, or a service (`None`), writes to somebody.
    Sent(Option<&'a UserId>),
    /// An account, or a service (`None`), wants to share an account with a clinic; the recipient is
    /// the clinic's id.
    Shared {
        sender: Option<&'a UserId>,
        sharer: &'a UserId,
    },
    /// An account, who runs it, or a service (`None`) has its address verified.
    Verified(Option<&'a UserId>),
    /// A clinic has the address of an account that it made verified, so that it can be claimed.
    Claimable(ClinicId),
    /// Somebody at this source forgot a password.
    Forgotten(&'a str),
    /// Somebody at this source wants the mail of a sign-up again.
    SentAgain(&'a str),
    /// The same for a sign-up that is not there.
    SentAgainInVain(&'a str),
    /// Somebody forgot the password of an account that is not there.
    NoAccount,
}

/// Something that may be used so often in a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Quota {
    /// Tells nobody whose it is.
    pub(crate) id: String,
    /// 0 = unlimited.
    pub(crate) limit: u32,
    pub(crate) window: Duration,
    pub(crate) beyond: Beyond,
}

/// What becomes of a mail beyond the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Beyond {
    Refused,
    /// None is sent: those that were stand for it.
    Stands,
    /// It is sent, and counts for others.
    Sent,
}

impl Quota {
    /// At most `limit` uses of `name` for `purpose` in an hour; 0 = unlimited.
    pub(crate) fn hourly(purpose: &'static str, name: &str, limit: u32) -> Self {
        Self {
            // Names are of any length and from strangers.
            id: format!("{purpose}:{}", key::digest(name)),
            limit,
            window: HOUR,
            beyond: Beyond::Refused,
        }
    }

    /// What stands for other mails of this kind to `name`; see [`Cause`].
    fn asked(limits: &LimitSettings, purpose: &'static str, name: &str) -> Self {
        let limit = limits.asked_mails_per_recipient_per_10_minutes;
        Self {
            window: ASKED_WINDOW,
            beyond: Beyond::Stands,
            ..Self::hourly(purpose, name, limit)
        }
    }

    /// What is free again once `recipient` has a new password.
    pub(crate) fn forgotten(limits: &LimitSettings, recipient: &str) -> Self {
        Self::asked(limits, "forgotten", &address::identity(recipient))
    }
}

/// The quotas of which a mail to `recipient` takes one use each, in this order.
///
/// The first one of a mail that is [`Cause::Sent`], [`Cause::Verified`] or [`Cause::Claimable`] has the
/// recipient alone in its name, and of one that is [`Cause::Shared`] who shares as well: it is what keeps two of them
/// apart.
pub(crate) fn of_mail(limits: &LimitSettings, cause: Cause<'_>, recipient: &str) -> Vec<Quota> {
    let to = Quota::hourly(
        "to",
        &mailbox(recipient),
        limits.mails_per_recipient_per_hour,
    );
    match cause {
        Cause::Sent(sender) => [to]
            .into_iter()
            .chain(of_sender(limits, sender, recipient))
            .collect(),
        Cause::Shared { sender, sharer } => {
            let by = sender.map(|sender| of_whom(limits, sender));
            // Colleagues read the others: nobody can keep somebody from sharing.
            let to = Quota {
                beyond: Beyond::Stands,
                ..to
            };
            [of_pair(limits, sharer, recipient)]
                .into_iter()
                .chain(by)
                .chain([to])
                .collect()
        }
        Cause::Verified(sender) => {
            let to = Quota {
                beyond: Beyond::Sent,
                ..to
            };
            [to].into_iter()
                .chain(of_sender(limits, sender, recipient))
                .collect()
        }
        // It may have as many patients as it enrols, but each of them has a mailbox.
        Cause::Claimable(clinic) => {
            let to = Quota {
                beyond: Beyond::Sent,
                ..to
            };
            vec![to, of_pair(limits, &clinic, recipient)]
        }
        // The source comes first: what sends no mail counts for it as well.
        Cause::Forgotten(source) => vec![
            of_source(limits, source),
            Quota::forgotten(limits, recipient),
        ],
        Cause::SentAgain(source) => vec![
            of_source(limits, source),
            Quota::asked(limits, "again", &address::identity(recipient)),
        ],
        Cause::SentAgainInVain(source) => vec![of_source(limits, source)],
        // Anybody can make up tags, and no account is the worse for one of these that is not sent.
        Cause::NoAccount => vec![Quota::asked(limits, "no-account", &mailbox(recipient))],
    }
}

fn of_sender(limits: &LimitSettings, sender: Option<&UserId>, recipient: &str) -> Vec<Quota> {
    let Some(sender) = sender else {
        return Vec::new();
    };
    vec![of_whom(limits, sender), of_pair(limits, sender, recipient)]
}

fn of_whom(limits: &LimitSettings, sender: &UserId) -> Quota {
    let limit = limits.mails_per_sender_per_hour;
    Quota::hourly("by", sender.as_str(), limit)
}

fn of_pair(limits: &LimitSettings, sender: &impl fmt::Display, recipient: &str) -> Quota {
    let pair = format!("{sender} {}", mailbox(recipient));
    let limit = limits.mails_per_sender_and_recipient_per_hour;
    Quota::hourly("pair", &pair, limit)
}

fn of_source(limits: &LimitSettings, source: &str) -> Quota {
    Quota::hourly("from", source, limits.asked_mails_per_source_per_hour)
}

/// The mailbox that `recipient` reaches, as far as its spelling tells: the tag after a `+` is its
/// owner's, and any number of them leads to one mailbox.
fn mailbox(recipient: &str) -> String {
    let identity = address::identity(recipient);
    let Some((local, domain)) = identity.rsplit_once('@') else {
        return identity;
    };
    let untagged = local.split_once('+').map(|(name, _)| name);
    let name = untagged.filter(|name| !name.is_empty()).unwrap_or(local);
    format!("{name}@{domain}")
}

#[cfg(test)]
mod tests {
    use shared_types::{ClinicId, UserId};

    use super::{Beyond, Cause, mailbox, of_mail};
    use crate::config::{DEFAULTS, LimitSettings};

    fn limits() -> LimitSettings {
        let settings: toml::Table = DEFAULTS.parse().unwrap();
        let shipped: LimitSettings = settings["limits"].clone().try_into().unwrap();
        LimitSettings {
            mails_per_sender_per_hour: 1,
            mails_per_sender_and_recipient_per_hour: 2,
            mails_per_recipient_per_hour: 3,
            asked_mails_per_recipient_per_10_minutes: 4,
            asked_mails_per_source_per_hour: 5,
            ..shipped
        }
    }

    /// Purpose, limit, minutes and what is beyond, of each quota.
    fn shown(cause: Cause<'_>) -> Vec<(String, u32, u64, Beyond)> {
        let quotas = of_mail(&limits(), cause, "carol@example.org").into_iter();
        let shown = quotas.map(|quota| {
            let purpose = quota.id.split_once(':').unwrap().0.to_owned();
            (
                purpose,
                quota.limit,
                quota.window.as_secs() / 60,
                quota.beyond,
            )
        });
        shown.collect()
    }

    #[test]
    fn each_mail_counts_for_who_causes_it_and_who_gets_it() {
        let alice = UserId::from("alice");
        let by = ("by".to_owned(), 1, 60, Beyond::Refused);
        let pair = ("pair".to_owned(), 2, 60, Beyond::Refused);
        let to = |beyond| ("to".to_owned(), 3, 60, beyond);
        let from = ("from".to_owned(), 5, 60, Beyond::Refused);
        let asked = |purpose: &str| (purpose.to_owned(), 4, 10, Beyond::Stands);
        for (cause, wanted) in [
            (
                Cause::Sent(Some(&alice)),
                vec![to(Beyond::Refused), by.clone(), pair.clone()],
            ),
            (Cause::Sent(None), vec![to(Beyond::Refused)]),
            (
                Cause::Verified(Some(&alice)),
                vec![to(Beyond::Sent), by, pair],
            ),
            (Cause::Verified(None), vec![to(Beyond::Sent)]),
            (
                Cause::Claimable(ClinicId::from([1; 12])),
                vec![
                    to(Beyond::Sent),
                    ("pair".to_owned(), 2, 60, Beyond::Refused),
                ],
            ),
            (
                Cause::Forgotten("192.0.2.1/32"),
                vec![from.clone(), asked("forgotten")],
            ),
            (
                Cause::SentAgain("192.0.2.1/32"),
                vec![from.clone(), asked("again")],
            ),
            (Cause::SentAgainInVain("192.0.2.1/32"), vec![from]),
            (Cause::NoAccount, vec![asked("no-account")]),
        ] {
            assert_eq!(shown(cause), wanted, "{cause:?}");
        }
    }

    #[test]
    fn nobody_counts_for_somebody_else() {
        let (alice, bob) = (UserId::from("alice"), UserId::from("bob"));
        let ids = |cause: Cause<'_>, recipient: &str| -> Vec<String> {
            let quotas = of_mail(&limits(), cause, recipient).into_iter();
            quotas.map(|quota| quota.id).collect()
        };
        let one = ids(Cause::Sent(Some(&alice)), "carol@example.org");
        let [to, by, pair] = <[String; 3]>::try_from(one).unwrap();
        let other = ids(Cause::Sent(Some(&alice)), "dave@example.org");
        assert!(other[0] != to && other[1] == by && other[2] != pair);
        let other = ids(Cause::Sent(Some(&bob)), "Carol+x@example.org");
        assert!(other[0] == to && other[1] != by && other[2] != pair);
        let other = ids(Cause::Forgotten("192.0.2.1/32"), "carol@example.org");
        let another = ids(Cause::Forgotten("192.0.2.2/32"), "carol@example.org");
        assert!(other[0] != another[0] && other[1] == another[1]);
        let again = ids(Cause::SentAgain("192.0.2.1/32"), "carol@example.org");
        assert!(other[0] == again[0] && other[1] != again[1]);
        let in_vain = ids(Cause::SentAgainInVain("192.0.2.1/32"), "carol@example.org");
        assert_eq!(in_vain, again[..1]);
    }

    #[test]
    fn only_a_mail_to_the_very_address_stands_for_one_that_may_hold_a_key() {
        let last = |cause: Cause<'_>, recipient: &str| {
            let quota = of_mail(&limits(), cause, recipient).pop().unwrap();
            (quota.id, quota.beyond)
        };
        for (address, is_same, is_one_mailbox) in [
            (" Carol@EXAMPLE.org ", true, true),
            ("carol+1@example.org", false, true),
            ("carol+@example.org", false, true),
            ("dave@example.org", false, false),
        ] {
            for (cause, is_shared) in [
                (Cause::Forgotten("192.0.2.1/32"), is_same),
                (Cause::SentAgain("192.0.2.1/32"), is_same),
                (Cause::NoAccount, is_one_mailbox),
            ] {
                let (id, beyond) = last(cause, "carol@example.org");
                assert_eq!(beyond, Beyond::Stands);
                let other = last(cause, address).0;
                assert_eq!(other == id, is_shared, "{cause:?} {address}");
            }
        }
    }

    #[test]
    fn spellings_and_tags_of_one_mailbox_count_together() {
        for (address, wanted) in [
            ("carol@example.org", "carol@example.org"),
            (" Carol+Tide@EXAMPLE.org ", "carol@example.org"),
            ("carol+a+b@example.org", "carol@example.org"),
            ("c@b\u{fc}cher.example", "c@xn--bcher-kva.example"),
            ("C+x@xn--bcher-kva.example", "c@xn--bcher-kva.example"),
            ("+carol@example.org", "+carol@example.org"),
            ("carol@ex+ample.org", "carol@ex+ample.org"),
            ("no address", "no address"),
        ] {
            assert_eq!(mailbox(address), wanted, "{address}");
        }
    }
}
