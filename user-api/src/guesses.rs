//! What is limited by where it comes from: guesses at passwords, at secrets of services and at
//! names, sign-ups, and accounts that people make for others. Each replica counts for itself.

use std::time::Duration;

use moka::{policy::EvictionPolicy, sync::Cache};
use shared_runtime::{auth::Caller, limits::KeyedLimiter, source::Source};
use shared_types::UserId;

use crate::{
    State,
    config::LimitSettings,
    domain::{guess::Target, password::Match, user::Account},
    error::{Error, Refusal},
};

/// Where a user logged in is remembered for so long.
const KNOWN_FOR: Duration = Duration::from_hours(30 * 24);

/// So many accounts and sources take some megabytes.
const MAX_KNOWN: u64 = 50_000;

pub(crate) struct Limits {
    passwords: PasswordLimits,
    pub(crate) sign_ups: KeyedLimiter,
    dependants: KeyedLimiter,
    pub(crate) secrets: KeyedLimiter,
    look_ups: KeyedLimiter,
}

/// Counts wrong passwords. The limits of a source and of a pair refuse those alone who guessed;
/// that of an account refuses, once many sources together have used it up, all that failed there
/// before. So a user who has the right password gets in from a place where nobody guesses, whatever
/// others do.
struct PasswordLimits {
    per_source: KeyedLimiter,
    per_pair: KeyedLimiter,
    per_account: KeyedLimiter,
    /// Where whose password was right.
    known: Cache<(Source, UserId), ()>,
}

impl Limits {
    pub(crate) fn new(settings: &LimitSettings) -> Self {
        Self {
            passwords: PasswordLimits {
                per_source: KeyedLimiter::new(settings.passwords_per_source),
                per_pair: KeyedLimiter::new(settings.passwords_per_source_and_account),
                per_account: KeyedLimiter::new(settings.passwords_per_account),
                known: Cache::builder()
                    .max_capacity(MAX_KNOWN)
                    .eviction_policy(EvictionPolicy::lru())
                    .time_to_live(KNOWN_FOR)
                    .build(),
            },
            sign_ups: KeyedLimiter::new(settings.sign_ups_per_source),
            dependants: KeyedLimiter::new(settings.dependants_per_source),
            secrets: KeyedLimiter::new(settings.secrets_per_source),
            look_ups: KeyedLimiter::new(settings.look_ups_per_source),
        }
    }

    /// Counts an account that `caller` is about to make for another person. Services make as many
    /// as they like.
    pub(crate) fn take_dependant(&self, source: Source, caller: &Caller) -> Result<(), Refusal> {
        if caller.is_service() {
            return Ok(());
        }
        self.dependants.take(source).map_err(Refusal::TooMany)
    }
}

impl PasswordLimits {
    fn check(&self, source: Source, target: &Target) -> Result<(), Refusal> {
        let pair = (source, target);
        self.per_source
            .check(source)
            .and_then(|()| self.per_pair.check(pair))
            .and_then(|()| {
                let is_stranger = self.per_pair.remembers(pair) && !self.is_known(source, target);
                if is_stranger {
                    self.per_account.check(target)
                } else {
                    Ok(())
                }
            })
            .map_err(Refusal::TooManyLogins)
    }

    fn failed(&self, source: Source, target: &Target) {
        self.per_source.count(source);
        self.per_pair.count((source, target));
        self.per_account.count(target);
    }

    fn succeeded(&self, source: Source, target: &Target) {
        self.per_pair.forget((source, target));
        if let Target::Account { userid, .. } = target {
            self.known.insert((source, userid.clone()), ());
        }
    }

    fn is_known(&self, source: Source, target: &Target) -> bool {
        matches!(target, Target::Account { userid, .. }
            if self.known.contains_key(&(source, userid.clone())))
    }
}

/// Whether `password`, given at `source`, is that of `account`, which was looked for as `name`.
/// Takes the same time, and counts the same, whether there is an account or not.
pub(crate) async fn try_password(
    state: &State,
    source: Source,
    account: Option<&Account>,
    name: &str,
    password: &str,
) -> Result<Option<Match>, Error> {
    let target = Target::of(account, name);
    let limits = &state.limits.passwords;
    limits.check(source, &target)?;
    let turn = state.hasher.turn(source).await?;
    // Guesses that were made meanwhile count as well, or those made at once would be free.
    limits.check(source, &target)?;
    let matches = turn.matches(account, password).await?;
    match matches {
        Some(_) => limits.succeeded(source, &target),
        None => limits.failed(source, &target),
    }
    Ok(matches)
}

/// The responses to a look-up by name that tell who has none, or that the account is not the
/// caller's.
pub(crate) const NOT_FOUND: [Refusal; 2] = [Refusal::UserNotFound, Refusal::NotAuthorized];

/// The responses to a name that an account shall get which tell that another one has it.
pub(crate) const TAKEN: [Refusal; 2] = [Refusal::UserExists, Refusal::ChildExists];

/// What `answer` comes to; one of those in `telling` counts against the source, since `caller`
/// learns from it who has a name. Services ask for whatever they like.
pub(crate) async fn limited<T>(
    state: &State,
    source: Source,
    caller: &Caller,
    telling: [Refusal; 2],
    answer: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    if caller.is_service() {
        return answer.await;
    }
    let tells = |answer: &Result<T, Error>| match answer {
        Err(Error::Refused(refusal)) => telling.contains(refusal),
        _ => false,
    };
    let charged = state.limits.look_ups.charge(source, answer, tells);
    charged.await.map_err(Refusal::TooMany)?
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use shared_runtime::{limits::Limit, source::Source};

    use super::{Limits, PasswordLimits};
    use crate::{config::LimitSettings, domain::guess::Target};

    fn limits(per_pair: u32, per_source: u32, per_account: u32) -> PasswordLimits {
        let in_a_row = |burst| Limit {
            burst,
            per_minute: 1,
        };
        let settings = LimitSettings {
            passwords_per_source_and_account: in_a_row(per_pair),
            passwords_per_source: in_a_row(per_source),
            passwords_per_account: in_a_row(per_account),
            sign_ups_per_source: Limit::OFF,
            dependants_per_source: Limit::OFF,
            secrets_per_source: Limit::OFF,
            look_ups_per_source: Limit::OFF,
        };
        Limits::new(&settings).passwords
    }

    fn place(number: u8) -> Source {
        let address: IpAddr = [203, 0, 113, number].into();
        Source::from(address)
    }

    fn account(password_hash: &str) -> Target {
        Target::Account {
            userid: "alice".into(),
            password_hash: Some(password_hash.to_owned()),
            email_verified: true,
            proven_email: None,
        }
    }

    /// Fails once at `target` unless that is refused; whether it was not.
    fn fail(limits: &PasswordLimits, source: Source, target: &Target) -> bool {
        let is_free = limits.check(source, target).is_ok();
        if is_free {
            limits.failed(source, target);
        }
        is_free
    }

    #[test]
    fn guesses_at_one_account_hit_their_source_and_no_other() {
        let limits = limits(3, 100, 100);
        let alice = account("a");
        assert_eq!(
            [0; 5].map(|_| fail(&limits, place(1), &alice)),
            [true, true, true, false, false]
        );
        assert_eq!(limits.check(place(2), &alice), Ok(()));
        assert_eq!(
            limits.check(place(1), &Target::of(None, "bob@example.org")),
            Ok(())
        );
    }

    #[test]
    fn guesses_at_many_accounts_are_those_of_one_source() {
        let limits = limits(3, 5, 100);
        let tried = (0..8).map(|number| {
            let target = Target::of(None, &format!("{number}@example.org"));
            fail(&limits, place(1), &target)
        });
        assert_eq!(tried.filter(|is_free| *is_free).count(), 5);
        assert_eq!(limits.check(place(2), &account("a")), Ok(()));
    }

    #[test]
    fn once_many_have_guessed_whoever_failed_waits_and_the_owner_does_not() {
        let limits = limits(3, 100, 6);
        let alice = account("a");
        for number in 1..=3 {
            assert!(fail(&limits, place(number), &alice));
            assert!(fail(&limits, place(number), &alice));
        }
        for number in 1..=3 {
            assert!(!fail(&limits, place(number), &alice));
        }
        // Somewhere else the password may be wrong once.
        assert!(fail(&limits, place(4), &alice));
        assert!(!fail(&limits, place(4), &alice));
        limits.succeeded(place(5), &alice);
        assert!(fail(&limits, place(5), &alice));
        assert!(limits.check(place(5), &alice).is_ok());
    }

    #[test]
    fn the_right_password_and_a_new_one_clear_the_count() {
        let limits = limits(2, 100, 2);
        let (old, new) = (account("a"), account("b"));
        assert!(fail(&limits, place(1), &old));
        limits.succeeded(place(1), &old);
        assert!(fail(&limits, place(1), &old));
        assert!(fail(&limits, place(1), &old));
        assert!(!fail(&limits, place(1), &old));
        assert!(fail(&limits, place(1), &new));
    }
}
