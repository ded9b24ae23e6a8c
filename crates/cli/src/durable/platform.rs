//! What a job submits to: the account of the environment, or a sandbox inside this command.
//!
//! It must not judge results; it turns the ways in which a call ends into the words of the job.

use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use numcheck_bulk::store::reading;
use numcheck_bulk::{Found, Pace, Platform, Row, Store, Submitted};
use numcheck_nxcloud::Client;
use numcheck_protocol::number_check::{
    CheckLevel, Dialect, NotTaken, Query, QueryRequest, Submit, SubmitCode,
};
use numcheck_protocol::{
    AppKey, BatchNo, Class, Date, Endpoint, Info, Message, PhoneList, PhoneNumber, UtcOffset, encode,
};
use numcheck_sandbox::Sandbox;
use numcheck_transport::{CallError, RateLimits};
use numcheck_webhook::ReceiverKey;

use super::open;
use crate::call::{self, Network, fingerprint};
use crate::exit::Failure;

/// Where checks are paid for, or not.
pub(crate) enum Target {
    /// The account of the environment.
    Account,
    /// A sandbox inside this command, which takes this long for a check.
    Sandbox(Duration),
}

/// An account that is ready to be used.
pub(crate) struct Account {
    client: Client,
    offset: UtcOffset,
    minute: Duration,
    /// Whose limits are to be kept; nobody is to be protected from this command's own sandbox.
    limited: Option<String>,
    sandbox: Option<Sandbox>,
    dialect: Arc<Mutex<Option<Dialect>>>,
}

impl Account {
    /// The client of the account, or of a sandbox that is started for it.
    pub(crate) async fn open(target: &Target, network: &Network, minute: Duration) -> Result<Self, Failure> {
        let Target::Sandbox(callback_delay) = target else {
            return Ok(Self {
                client: call::number_check_of_job(network, minute)?,
                offset: network.offset(),
                minute,
                limited: Some(fingerprint(&call::account()?)),
                sandbox: None,
                dialect: Arc::default(),
            });
        };
        let sandbox = Sandbox::builder()
            .callback_delay(*callback_delay)
            .start()
            .await
            .map_err(|error| Failure::new("the sandbox cannot be started").because(error))?;
        let account = sandbox.account();
        let client = Client::builder(&account.access_key, account.access_secret.clone())
            .appkey(AppKey::new(account.appkey.expose()).map_err(Failure::of)?)
            .base_url(sandbox.nxcloud_url())
            .transport(|transport| transport.rate_limits(RateLimits::off()))
            .build()
            .map_err(Failure::of)?;
        Ok(Self {
            client,
            offset: UtcOffset::BEIJING,
            minute,
            limited: None,
            sandbox: Some(sandbox),
            dialect: Arc::default(),
        })
    }

    /// The platform as a job sees it. `callback` is where results are pushed, if they are. Its limits are kept together with all who use
    /// the same `store` for the same account.
    pub(crate) fn platform(
        &self,
        callback: Option<(ReceiverKey, String)>,
        store: &Arc<dyn Store>,
    ) -> Result<Nxcloud, Failure> {
        if let Some((key, public_url)) = &callback {
            // Better known before the first submit than after.
            let batch_no = BatchNo::new("try").map_err(Failure::of)?;
            let url = key.capability(&batch_no).url(public_url);
            url.map_err(|error| Failure::usage("--public-url cannot be used").because(error))?;
        }
        let pace = |info: &Info| {
            Some(open::pace(store, info, self.limited.as_ref()?, call::rates(info, self.minute)))
        };
        Ok(Nxcloud {
            client: self.client.clone(),
            offset: self.offset,
            callback,
            submitting: pace(&Submit::INFO),
            asking: pace(&Query::INFO),
            dialect: Arc::clone(&self.dialect),
        })
    }

    /// Whether checks are paid for. What is on this machine's own loopback is a sandbox or a test.
    pub(crate) fn costs_money(&self) -> bool {
        self.sandbox.is_none() && !self.client.is_loopback()
    }

    /// In which dialect it has answered a submit, if it has.
    pub(crate) fn dialect(&self) -> Option<Dialect> {
        *self.dialect.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the sandbox, if there is one.
    pub(crate) async fn close(self) {
        if let Some(sandbox) = self.sandbox {
            sandbox.shutdown().await;
        }
    }
}

/// NXCLOUD, as a job sees it.
pub(crate) struct Nxcloud {
    client: Client,
    offset: UtcOffset,
    callback: Option<(ReceiverKey, String)>,
    submitting: Option<Pace<dyn Store>>,
    asking: Option<Pace<dyn Store>>,
    /// In which dialect the account has answered.
    dialect: Arc<Mutex<Option<Dialect>>>,
}

impl Platform for Nxcloud {
    async fn submit(
        &self,
        batch_no: &BatchNo,
        level: CheckLevel,
        numbers: Vec<PhoneNumber>,
        sign_until_ms: u64,
    ) -> Submitted {
        match self.try_submit(batch_no, level, numbers, sign_until_ms).await {
            Ok(submitted) | Err(submitted) => submitted,
        }
    }

    async fn query(&self, batch_no: &BatchNo, submitted_ms: u64, now_ms: u64) -> Found {
        let days = days(submitted_ms, now_ms, self.offset);
        // Without a day there is no question, and so no proof.
        let mut found = Found { known: days.is_empty(), ..Found::default() };
        for day in days {
            if let Err(error) = self.ask(day, batch_no, &mut found).await {
                found.known = true;
                found.trouble = Some(with_causes(&*error));
                break;
            }
        }
        found
    }
}

/// The days, by the platform's clock, under which a batch may stand: that of its submit, with some minutes for clocks that differ, and
/// those until its checks were finished. Which time zone a day is of, no document says.
fn days(submitted_ms: u64, now_ms: u64, offset: UtcOffset) -> Vec<Date> {
    const CLOCKS_MS: u64 = 5 * 60_000;
    const CHECKS_MS: u64 = 2 * 60 * 60_000;
    let last = submitted_ms.saturating_add(CHECKS_MS).min(now_ms.saturating_add(CLOCKS_MS));
    let moments = [submitted_ms.saturating_sub(CLOCKS_MS), submitted_ms, last];
    let mut days: Vec<Date> = moments.iter().filter_map(|ms| Date::of_unix_ms(*ms, offset)).collect();
    days.dedup();
    days
}

impl Nxcloud {
    /// The pace of submits, which whoever drives a job keeps.
    pub(crate) fn submitting(&self) -> Option<Pace<dyn Store>> {
        self.submitting.clone()
    }

    async fn ask(
        &self,
        day: Date,
        batch_no: &BatchNo,
        found: &mut Found,
    ) -> Result<(), Box<dyn Error + Send + Sync>> {
        let mut pages =
            self.client.number_check().query(QueryRequest::of_batch(day, batch_no.clone())).pages();
        while !pages.is_done() {
            if let Some(pace) = &self.asking {
                pace.turn(1).await?;
            }
            let Some(page) = pages.next().await.transpose()? else { break };
            found.known |= !page.is_empty();
            // Rows that are kept are looked at when they are entered.
            let of_page = page.drift.into_iter().filter(|drift| !drift.place.starts_with("QueryRow."));
            found.drift.extend(of_page);
            for row in &page.rows {
                if row.has_result() {
                    // A row is written back exactly as it was read.
                    found.rows.extend(encode(row).map(Row));
                } else {
                    // Nothing of it is kept, so what is new in it is told now.
                    row.drift(&mut |drift| found.drift.push(drift));
                }
            }
        }
        Ok(())
    }

    async fn try_submit(
        &self,
        batch_no: &BatchNo,
        level: CheckLevel,
        numbers: Vec<PhoneNumber>,
        sign_until_ms: u64,
    ) -> Result<Submitted, Submitted> {
        let not_sent = |message: String| Submitted::NotSent { message };
        // The plan has put numbers of one country together already, or of several where the account takes them.
        let sent = numbers.clone();
        let numbers = PhoneList::of_many_countries(numbers).map_err(|error| not_sent(error.to_string()))?;
        let mut submit = self.client.number_check().submit(numbers).batch_no(batch_no.clone()).level(level);
        if let Some((key, public_url)) = &self.callback {
            let url =
                key.capability(batch_no).url(public_url).map_err(|error| not_sent(error.to_string()))?;
            submit = submit.callback(url);
        }
        let submit = submit.sign_until(UNIX_EPOCH + Duration::from_millis(sign_until_ms));
        match submit.send().await {
            Ok(accepted) => {
                if let Some(dialect) = accepted.dialect {
                    *self.dialect.lock().unwrap_or_else(PoisonError::into_inner) = Some(dialect);
                }
                Ok(Submitted::Accepted {
                    message_id: accepted.message_id.map(|id| id.to_string()),
                    not_taken: not_taken(&sent, &accepted.not_taken),
                    drift: accepted.drift,
                })
            }
            Err(error) => Ok(submitted(&error)),
        }
    }
}

/// What to store for each number that was not taken. The platform may mask a number: then it is the one that fits, where there is only one.
/// What fits none, or several, is kept aside for a person, and its number will be missing.
fn not_taken(sent: &[PhoneNumber], listed: &[NotTaken]) -> Vec<Row> {
    let which = |one: &NotTaken| {
        if let [only] = sent {
            return Some(*only);
        }
        let shown = one.number.as_deref()?.trim().trim_start_matches('+');
        let mut fitting = sent.iter().filter(|number| fits(shown, number.digits()));
        let first = fitting.next()?;
        fitting.next().is_none().then_some(*first)
    };
    let found: Vec<Option<PhoneNumber>> = listed.iter().map(which).collect();
    let unknown = found.iter().filter(|number| number.is_none()).count();
    if unknown > 0 {
        tracing::warn!(
            unknown,
            "the platform did not take numbers that cannot be told from its answer; see numcheck receive --show-quarantine"
        );
    }
    listed
        .iter()
        .zip(&found)
        .map(|(one, number)| Row(reading::not_taken(number.as_ref(), one.reason.as_deref(), &one.item.0)))
        .collect()
}

/// Whether digits are those that are shown, where stars or the letter x, as in the vendor's samples, stand for any.
fn fits(shown: &str, digits: &str) -> bool {
    const MASKS: [char; 3] = ['*', 'x', 'X'];
    let Some((head, rest)) = shown.split_once(MASKS) else { return shown == digits };
    let (_, tail) = rest.rsplit_once(MASKS).unwrap_or(("", rest));
    !(head.is_empty() && tail.is_empty())
        && digits.len() >= head.len() + tail.len()
        && digits.starts_with(head)
        && digits.ends_with(tail)
}

fn submitted(error: &CallError) -> Submitted {
    if let Some(refusal) = error.refusal() {
        if error.may_have_happened() {
            return Submitted::InDoubt { code: Some(refusal.code()), message: refusal.to_string() };
        }
        let code = SubmitCode::new(refusal.code());
        // No price and an unknown country may be the affair of one country only.
        let for_all = matches!(refusal.class(), Class::Authentication | Class::Balance)
            || [SubmitCode::BAD_APPKEY, SubmitCode::BAD_LEVEL, SubmitCode::CUSTOMER_MISMATCH].contains(&code);
        return Submitted::Refused { code: Some(refusal.code()), message: refusal.to_string(), for_all };
    }
    let message = with_causes(error);
    if error.may_have_happened() {
        Submitted::InDoubt { code: None, message }
    } else {
        Submitted::NotSent { message }
    }
}

/// An error and what lies behind it, on one line for a cell.
fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
