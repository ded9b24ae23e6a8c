//! What is done with results that were paid for already, and with what is in doubt.

use std::collections::BTreeSet;
use std::time::Duration;

use clap::Args;
use numcheck_bulk::{Job, PriceTable, Reuse, Scope, Store};

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
    /// Treat the account of the environment as another one than those that this store knows at the same address.
    #[arg(long)]
    pub(crate) new_account: bool,
}

/// How long a result counts as fresh, where nobody says otherwise.
pub(crate) fn usual_age(level: Level) -> Duration {
    const HOUR: u64 = 60 * 60;
    match level {
        Level::Basic => Duration::from_secs(30 * 24 * HOUR),
        Level::Call | Level::Hlr => Duration::from_secs(24 * HOUR),
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
pub(crate) struct Known<'a> {
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
        known: Known<'_>,
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

/// Makes sure that the account is one that the store knows, or a new one by a person's word: under another name, everything would be paid
/// for again.
pub(crate) async fn know_account(
    store: &dyn Store,
    account: &AccountId,
    service: &str,
    is_new: bool,
    stdin_is_taken: bool,
) -> Result<(), Failure> {
    let name = |fingerprint: &str| format!("address of {fingerprint}");
    let scopes = store.scopes().await.map_err(Failure::of)?;
    let known: BTreeSet<String> =
        scopes.into_iter().filter(|scope| scope.service == service).map(|scope| scope.account).collect();
    for earlier in account.earlier.iter().filter(|earlier| known.contains(*earlier)) {
        store.merge_account(earlier, &account.fingerprint).await.map_err(Failure::of)?;
    }
    let is_known =
        known.contains(&account.fingerprint) || account.earlier.iter().any(|earlier| known.contains(earlier));
    if !is_known && !is_new {
        let mut others = 0;
        // Nothing was ever sent for the sandbox that lives in a command.
        for other in known.iter().filter(|known| **known != AccountId::embedded().fingerprint) {
            let address = store.learnt(&name(other)).await.map_err(Failure::of)?;
            // Of an earlier release's account nobody knows the address.
            others += u64::from(address.is_none_or(|address| address == account.address));
        }
        if others > 0 && account.is_loopback() {
            print::say(
                "numcheck: note: another access key at an address that this store knows: its checks are not this one's",
            );
        } else if others > 0 {
            let question = format!(
                "this store holds checks of another access key at {}: with this key they are not reused, and their numbers are paid for again",
                account.address
            );
            let choices = [("n", "go on as a new account"), ("s", "stop")];
            let variable = if service == Scope::PRIVACY { "QXT_API_KEY" } else { "NXCLOUD_ACCESS_KEY" };
            let options = format!("set {variable} as it was, or say --new-account");
            if consent::choose(&question, &choices, stdin_is_taken, &options).await? != "n" {
                return Err(Failure::usage("nothing was sent"));
            }
        }
    }
    if !account.address.is_empty()
        && store.learnt(&name(&account.fingerprint)).await.map_err(Failure::of)?.is_none()
    {
        store.learn(&name(&account.fingerprint), &account.address).await.map_err(Failure::of)?;
    }
    Ok(())
}
