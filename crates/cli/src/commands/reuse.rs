//! What is done with results that were paid for already, and with what is in doubt.

use std::collections::BTreeSet;
use std::time::Duration;

use clap::Args;
use numcheck_bulk::{Job, PriceTable, Reuse, Scope, Store};
use numcheck_transport::is_loopback;

use crate::account::AccountId;
use crate::consent;
use crate::durable::{Freshness, Survey, WhatToSend, estimate};
use crate::exit::Failure;
use crate::level::Level;
use crate::print;

/// What pays again: no environment variable decides it.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Again {
    /// Check again what has a result already, and pay again. Never what is under way or in doubt.
    #[arg(long)]
    pub(crate) again: bool,
    /// Check again what failed for a reason that passes with time, such as an error of the platform.
    #[arg(long)]
    pub(crate) retry_failed: bool,
    /// Send again what is in doubt, in whichever job, although it may have been accepted: it may be paid for twice.
    #[arg(long)]
    pub(crate) resubmit_doubtful: bool,
    /// Reuse results that are at most this old, and check older ones again, without asking. Otherwise results of level basic count as
    /// fresh for 30 days, others for 24 hours, and what is older is asked about.
    #[arg(long, value_name = "AGE")]
    pub(crate) max_age: Option<humantime::Duration>,
    /// Treat the account of the environment as another one than those that this store knows at the same address, or by the same access key.
    #[arg(long)]
    pub(crate) new_account: bool,
    /// Take over the checks that this store holds of the same access key at another address: the account is the same.
    #[arg(long, conflicts_with = "new_account")]
    pub(crate) same_account: bool,
}

/// How long a result counts as fresh, where nobody says otherwise.
pub(crate) fn usual_age(level: Level) -> Duration {
    const HOUR: u64 = 60 * 60;
    match level {
        Level::Basic => Duration::from_secs(30 * 24 * HOUR),
        Level::Call | Level::Hlr | Level::Privacy => Duration::from_secs(24 * HOUR),
    }
}

/// What was decided.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Decided {
    pub(crate) reuse: Reuse,
    /// Doubts of before are sent again.
    pub(crate) resubmit_before_ms: Option<u64>,
    pub(crate) what: WhatToSend,
}

/// What the book knows, and at which prices that is reckoned.
#[derive(Clone, Copy)]
pub(crate) struct KnownResults<'a> {
    pub(crate) survey: &'a Survey,
    pub(crate) prices: &'a PriceTable,
    pub(crate) level: i64,
}

impl Again {
    pub(crate) fn freshness(&self, level: Level, now_ms: u64) -> Freshness {
        let usual_age = usual_age(level);
        Freshness { now_ms, max_age: self.max_age.map_or(usual_age, Into::into), usual_age }
    }

    /// What is sent by the options alone, as `run` does it and `plan` says it.
    pub(crate) fn what(&self) -> WhatToSend {
        WhatToSend {
            fresh: self.again,
            stale: self.again || self.max_age.is_some(),
            passing: self.retry_failed,
            doubts: self.resubmit_doubtful,
            old_doubts: self.max_age.is_some(),
        }
    }

    /// The policy of a job that asks nothing.
    pub(crate) fn reuse(&self, freshness: Freshness) -> Reuse {
        let reuse = if self.again { Reuse::NONE } else { Reuse::since(freshness.since_ms()) };
        if self.retry_failed { reuse.with_retry_failed() } else { reuse }
    }

    /// Decides by options, or asks the person. `continued` is the unfinished job that is gone on with: however old its own results are,
    /// they are its.
    pub(crate) async fn decide(
        &self,
        store: &dyn Store,
        known: KnownResults<'_>,
        freshness: Freshness,
        level: Level,
        continued: Option<&Job>,
        stdin_is_taken: bool,
    ) -> Result<Decided, Failure> {
        let survey = known.survey;
        let mut reuse = self.reuse(freshness);
        let mut what = self.what();
        let usual = usual_age(level);
        if survey.stale() > 0 && continued.is_none() && !what.stale {
            let question = format!(
                "{} of the numbers {} a result that is older than {}{}",
                survey.stale(),
                print::form(survey.stale(), "has", "have"),
                humantime::format_duration(usual),
                if survey.from_the_future > 0 { ", or of unknown age" } else { "" }
            );
            let choices = [
                ("r", "reuse them, however old"),
                ("a", "check them anew, which costs money"),
                ("s", "stop"),
            ];
            let options = "say --max-age AGE (younger results are reused, older ones checked anew) or --again (all are checked anew)";
            match consent::choose(&question, &choices, stdin_is_taken, options).await? {
                "r" if self.retry_failed => reuse = Reuse::ALL.with_retry_failed(),
                "r" => reuse = Reuse::ALL,
                "a" => what.stale = true,
                _ => return Err(Failure::usage("nothing was sent")),
            }
        }
        let mut resubmit_before_ms = None;
        let since_ms = freshness.doubts_since_ms();
        if self.resubmit_doubtful {
            resubmit_before_ms = Some(u64::MAX);
        } else if survey.doubts() > 0 {
            say_doubts(store, survey, known.prices, known.level).await?;
            let old = survey.in_doubt.values().any(|doubt| doubt.aged.oldest_ms < since_ms);
            if old && self.max_age.is_some() {
                resubmit_before_ms = Some(since_ms);
            } else if old {
                let question = format!(
                    "some of these are in doubt for longer than {}",
                    humantime::format_duration(usual)
                );
                let choices = [
                    ("w", "leave them in doubt"),
                    ("a", "send them again: they may be paid for twice"),
                    ("s", "stop"),
                ];
                let options = "say --max-age AGE (what is in doubt for longer is sent again) or --resubmit-doubtful (all of it)";
                match consent::choose(&question, &choices, stdin_is_taken, options).await? {
                    "w" => {}
                    "a" => {
                        resubmit_before_ms = Some(since_ms);
                        what.old_doubts = true;
                    }
                    _ => return Err(Failure::usage("nothing was sent")),
                }
            }
        }
        Ok(Decided { reuse, resubmit_before_ms, what })
    }
}

/// Says what is in doubt, since when, what it may have cost, and who decides.
pub(crate) async fn say_doubts(
    store: &dyn Store,
    survey: &Survey,
    prices: &PriceTable,
    level: i64,
) -> Result<(), Failure> {
    let jobs = store.jobs().await.map_err(Failure::of)?;
    for (job, doubt) in &survey.in_doubt {
        let Some(job) = jobs.iter().find(|known| known.id == *job) else { continue };
        print::say(&format!(
            "numcheck: {} in doubt from job {} since {}, may have cost {}: the same command with --resubmit-doubtful sends them \
             again and may pay twice",
            doubt.aged.count,
            job.name,
            print::rfc3339(doubt.aged.oldest_ms),
            estimate(&doubt.groups, prices, level)
        ));
    }
    Ok(())
}

/// The name under which a store remembers an account's address.
fn address_of(fingerprint: &str) -> String {
    format!("address of {fingerprint}")
}

/// Whether the platform that an account's checks were answered by is this machine itself: a sandbox or a test.
pub(crate) async fn is_on_this_machine(store: &dyn Store, fingerprint: &str) -> Result<bool, Failure> {
    let address = store.learnt(&address_of(fingerprint)).await.map_err(Failure::of)?;
    Ok(address.is_some_and(|address| is_loopback(&address)))
}

/// What a store knows of an account before anything is sent for it.
struct Standing {
    /// Fingerprints of the account that earlier releases have made of other spellings of its address.
    earlier: Vec<String>,
    is_known: bool,
    /// Accounts with the same access key at other addresses: fingerprint and address.
    same_key: Vec<(String, String)>,
    /// Whether another access key has been used at this address.
    other_key: bool,
}

impl Standing {
    async fn of(store: &dyn Store, account: &AccountId, service: &str) -> Result<Self, Failure> {
        let scopes = store.scopes().await.map_err(Failure::of)?;
        let known: BTreeSet<String> =
            scopes.into_iter().filter(|scope| scope.service == service).map(|scope| scope.account).collect();
        let earlier: Vec<String> =
            account.earlier.iter().filter(|earlier| known.contains(*earlier)).cloned().collect();
        let is_known = known.contains(&account.fingerprint) || !earlier.is_empty();
        let mut standing = Self { earlier, is_known, same_key: Vec::new(), other_key: false };
        // Nothing was ever sent for the sandbox that lives in a command.
        let embedded = AccountId::embedded().fingerprint;
        for other in known.into_iter().filter(|other| *other != embedded && *other != account.fingerprint) {
            if !has_submitted(store, &other, service).await? {
                continue;
            }
            match store.learnt(&address_of(&other)).await.map_err(Failure::of)? {
                Some(address) if account.has_key_of(&other, &address) => {
                    standing.same_key.push((other, address))
                }
                Some(address) => standing.other_key |= address == account.address,
                // Of an earlier release's account nobody knows the address.
                None => standing.other_key = true,
            }
        }
        Ok(standing)
    }
}

/// Whether anything was ever submitted for an account. One whose address was mistyped is no other account.
async fn has_submitted(store: &dyn Store, account: &str, service: &str) -> Result<bool, Failure> {
    for job in store.jobs().await.map_err(Failure::of)? {
        if job.spec.scope.account != account || job.spec.scope.service != service {
            continue;
        }
        let ledger = store.ledger(job.id).await.map_err(Failure::of)?;
        if ledger.submitted + ledger.may_be_charged + ledger.charged_again > 0 {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Says that the store holds checks which a new account does not reuse.
fn unlike(standing: &Standing, account: &AccountId) -> Option<String> {
    match &standing.same_key[..] {
        _ if standing.is_known => None,
        [] if standing.other_key => Some(format!("checks of another access key at {}", account.address)),
        [] => None,
        same => {
            let addresses: Vec<&str> = same.iter().map(|(_, address)| address.as_str()).collect();
            Some(format!("checks of the same access key at another address, {}", addresses.join(", ")))
        }
    }
}

/// What `plan` says of an account whose checks `run` would ask about.
pub(crate) async fn note_account(
    store: &dyn Store,
    account: &AccountId,
    service: &str,
) -> Result<Option<String>, Failure> {
    let standing = Standing::of(store, account, service).await?;
    Ok(unlike(&standing, account).map(|unlike| format!("this store holds {unlike}: they are not reused")))
}

/// A doubt is judged where its batch was sent: at another address its absence would prove nothing. And a sandbox's checks are nobody else's.
async fn can_be_taken_over(
    store: &dyn Store,
    old: &str,
    address: &str,
    account: &AccountId,
) -> Result<(), Failure> {
    if is_loopback(address) != account.is_loopback() {
        return Err(Failure::usage(format!(
            "--same-account: only one of {address} and {} is on this machine, so they are not one platform; nothing was sent",
            account.address
        )));
    }
    let spending = store.spending(old, u64::MAX).await.map_err(Failure::of)?;
    let open: u64 = spending.under_way.values().sum();
    if open > 0 {
        return Err(Failure::usage(format!(
            "--same-account: {} under way or in doubt at {address}, where alone it can be settled: go on with its jobs there \
             (numcheck jobs lists them) before its checks are taken over; nothing was sent",
            print::count(open, "number")
        )));
    }
    Ok(())
}

/// Makes sure that the account is one that the store knows, or a new one by a person's word: under another name, everything would be paid
/// for again.
pub(crate) async fn know_account(
    store: &dyn Store,
    account: &AccountId,
    service: &str,
    again: &Again,
    stdin_is_taken: bool,
) -> Result<(), Failure> {
    let standing = Standing::of(store, account, service).await?;
    if again.same_account && standing.same_key.is_empty() && !standing.is_known {
        return Err(Failure::usage(
            "--same-account: this store holds no checks of this access key at another address; nothing was sent",
        ));
    }
    let mut take_over = again.same_account && !standing.same_key.is_empty();
    if let Some(unlike) = unlike(&standing, account)
        && !again.new_account
        && !take_over
    {
        if account.is_loopback() {
            print::say(&format!("numcheck: note: this store holds {unlike}: they are not this account's"));
        } else {
            let question = format!(
                "this store holds {unlike}: at {} their numbers would be paid for again",
                account.address
            );
            let (url, key) = match service {
                Scope::PRIVACY => ("QXT_BASE_URL", "QXT_API_KEY"),
                _ => ("NXCLOUD_BASE_URL", "NXCLOUD_ACCESS_KEY"),
            };
            let new = ("n", "go on as a new account");
            let stop = ("s", "stop");
            let chosen = if standing.same_key.is_empty() {
                let options = format!("set {key} as it was, or say --new-account");
                consent::choose(&question, &[new, stop], stdin_is_taken, &options).await?
            } else {
                let same = ("t", "take them over: it is the same account");
                let options = format!("set {url} as it was, or say --same-account or --new-account");
                consent::choose(&question, &[same, new, stop], stdin_is_taken, &options).await?
            };
            match chosen {
                "t" => take_over = true,
                "n" => {}
                _ => return Err(Failure::usage("nothing was sent")),
            }
        }
    }
    if take_over {
        for (old, address) in &standing.same_key {
            can_be_taken_over(store, old, address, account).await?;
        }
        for (old, address) in &standing.same_key {
            store.merge_account(old, &account.fingerprint).await.map_err(Failure::of)?;
            print::say(&format!("numcheck: the checks of {address} are now those of {}", account.address));
        }
    }
    for earlier in &standing.earlier {
        store.merge_account(earlier, &account.fingerprint).await.map_err(Failure::of)?;
    }
    let name = address_of(&account.fingerprint);
    if !account.address.is_empty() && store.learnt(&name).await.map_err(Failure::of)?.is_none() {
        store.learn(&name, &account.address).await.map_err(Failure::of)?;
    }
    Ok(())
}
