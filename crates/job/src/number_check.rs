//! NXCLOUD number check as a service: batches are submitted, results pushed or queried.

use std::collections::HashSet;
use std::error::Error;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use numcheck_bulk::store::reading;
use numcheck_bulk::{CheckService, Found, Row, Scope, ServiceInfo, SharedPace, Store, Submission, Submitted};
use numcheck_nxcloud::Client;
use numcheck_protocol::number_check::{CheckLevel, Dialect, NotTaken, QueryRequest, SubmitCode};
use numcheck_protocol::{BatchNo, Date, Drift, Message, PhoneList, PhoneNumber, encode};
use numcheck_transport::CallError;
use numcheck_webhook::{ReceiverKey, UrlError};

use crate::sending::{ConfirmAttempt, not_carried_out, warn_of_doubt, with_causes};

/// NXCLOUD number check, as a job sees it.
pub struct NumberCheckService {
    client: Client,
    callback: Option<(ReceiverKey, String)>,
    asking: Option<SharedPace<dyn Store>>,
    /// In which dialect the account has answered.
    dialect: Mutex<Option<Dialect>>,
    /// Drift in refusals.
    drift: Mutex<Vec<Drift>>,
}

impl NumberCheckService {
    /// Submits and asks by `client`. Results are not pushed, unless a [callback](Self::with_callback) is given.
    ///
    /// A client keeps its own rate limits: where a [`SharedPace`] is kept by whoever drives the job, and
    /// [for queries](Self::with_query_pace), the client's are to be off for these endpoints.
    pub fn new(client: Client) -> Self {
        Self { client, callback: None, asking: None, dialect: Mutex::default(), drift: Mutex::default() }
    }

    /// Has results pushed to the receiver with this key at `public_url`.
    ///
    /// # Errors
    /// When the URL cannot be used: better known before the first submit than after.
    pub fn with_callback(self, key: ReceiverKey, public_url: String) -> Result<Self, UrlError> {
        if let Ok(batch_no) = BatchNo::new("try") {
            key.capability(&batch_no).url(&public_url)?;
        }
        Ok(Self { callback: Some((key, public_url)), ..self })
    }

    /// Rate-limits queries across all processes that share the bucket.
    #[must_use]
    pub fn with_query_pace(self, pace: SharedPace<dyn Store>) -> Self {
        Self { asking: Some(pace), ..self }
    }

    /// In which dialect the account has answered a submit last, if it has.
    pub fn dialect(&self) -> Option<Dialect> {
        *self.dialect.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for NumberCheckService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NumberCheckService").field("client", &self.client).finish_non_exhaustive()
    }
}

impl CheckService for NumberCheckService {
    fn info(&self) -> ServiceInfo {
        ServiceInfo::new(Scope::NUMBER_CHECK, PhoneList::MAX_LEN)
    }

    fn take_drift(&self) -> Vec<Drift> {
        std::mem::take(&mut *self.drift.lock().unwrap_or_else(PoisonError::into_inner))
    }

    async fn submit(&self, submission: Submission) -> Submitted {
        match self.try_submit(submission).await {
            Ok(submitted) | Err(submitted) => warn_of_doubt(submitted),
        }
    }

    async fn query(&self, batch_no: &BatchNo, days: &[Date], enough: u64) -> Found {
        // Without a day there is no question, and so no proof.
        let mut asked = Asked {
            found: Found { known: days.is_empty(), clean: true, ..Found::default() },
            ..Asked::default()
        };
        for day in days {
            if let Err(error) = self.ask(*day, batch_no, &mut asked).await {
                asked.found.known = true;
                asked.found.clean = false;
                asked.found.trouble = Some(with_causes(&*error));
                break;
            }
            if asked.shown.len() as u64 >= enough {
                break;
            }
        }
        asked.found.shown = asked.shown.len() as u64;
        asked.found.without_result = asked.shown.difference(&asked.with_result).count() as u64;
        asked.found
    }
}

/// What the answers to one question have shown so far.
#[derive(Default)]
struct Asked {
    found: Found,
    /// Whether an answer held rows of the batch: its form is the one that is kept.
    has_rows: bool,
    /// Distinct phone numbers that rows name.
    shown: HashSet<String>,
    /// Those of them that have a result.
    with_result: HashSet<String>,
    /// Rows are found under every day that is asked for by a platform that ignores `date`: each is kept once.
    kept: HashSet<Vec<u8>>,
}

/// Keeps the form of an answer: that of one with rows is the one that counts, and one in another form makes all of them doubtful.
fn keep_form(found: &mut Found, has_rows: &mut bool, form: String, holds_rows: bool) {
    found.clean &= found.form.as_ref().is_none_or(|kept| *kept == form);
    if found.form.is_none() || holds_rows && !*has_rows {
        found.form = Some(form);
    }
    *has_rows |= holds_rows;
}

impl NumberCheckService {
    async fn ask(
        &self,
        day: Date,
        batch_no: &BatchNo,
        asked: &mut Asked,
    ) -> Result<(), Box<dyn Error + Send + Sync>> {
        let Asked { found, has_rows, shown, with_result, kept } = asked;
        let mut pages =
            self.client.number_check().query(QueryRequest::for_batch(day, batch_no.clone())).pages();
        while !pages.is_done() {
            if let Some(pace) = &self.asking {
                pace.turn(1).await?;
            }
            let Some(page) = pages.next().await.transpose()? else { break };
            found.asked_ms = page.asked_at_ms();
            let form = page.form().key();
            let is_of_batch = |row: &numcheck_protocol::number_check::QueryRow<'_>| {
                let names = row.batch_no.text();
                names.is_none_or(|named| named == batch_no.as_str())
            };
            let of_batch = page.rows.iter().filter(|row| is_of_batch(row)).count();
            keep_form(found, has_rows, form, of_batch > 0);
            if page.rows.is_empty() && page.odd_rows == 0 {
                found.known |= !page.is_empty();
                found.clean &= page.is_clean_absence();
            } else {
                found.known = true;
                // Rows of another batch show nothing of this one.
                found.clean &= of_batch == page.rows.len() && page.odd_rows == 0;
            }
            if of_batch > 0 && !found.days.contains(&day) {
                found.days.push(day);
            }
            // Rows that are kept are looked at when they are entered.
            let of_page = page.drift.iter().filter(|drift| !drift.place.starts_with("QueryRow.")).cloned();
            found.drift.extend(of_page);
            for row in page.rows.iter().filter(|row| is_of_batch(row)) {
                if let Some(phone) = row.phone.text() {
                    let phone = phone.trim_start_matches('+').to_owned();
                    // What only undocumented fields say may be a result.
                    if row.has_result() || !row.extra.is_empty() {
                        with_result.insert(phone.clone());
                    }
                    shown.insert(phone);
                }
                if row.has_result() {
                    // A row is written back exactly as it was read.
                    let body = encode(row).unwrap_or_default();
                    if !body.is_empty() && kept.insert(body.clone()) {
                        found.rows.push(Row::fetched(body));
                    }
                } else {
                    // Nothing of it is kept, so what is new in it is told now.
                    row.drift(&mut |drift| found.drift.push(drift));
                }
            }
        }
        Ok(())
    }

    async fn try_submit(&self, submission: Submission) -> Result<Submitted, Submitted> {
        let Submission { batch_no, level, numbers, claim, .. } = submission;
        let batch_no = &batch_no;
        let not_sent = |message: String| Submitted::NotSent { message };
        // The plan has put numbers of one country together already, or of several where the account takes them.
        let sent = numbers.clone();
        let numbers = PhoneList::from_many_countries(numbers).map_err(|error| not_sent(error.to_string()))?;
        let mut submit = self
            .client
            .number_check()
            .submit(numbers)
            .batch_no(batch_no.clone())
            .level(CheckLevel::new(level));
        if let Some((key, public_url)) = &self.callback {
            let url =
                key.capability(batch_no).url(public_url).map_err(|error| not_sent(error.to_string()))?;
            submit = submit.callback(url);
        }
        let submit = submit.confirm(Arc::new(ConfirmAttempt(claim)));
        match submit.send().await {
            Ok(accepted) => {
                if let Some(dialect) = accepted.dialect {
                    *self.dialect.lock().unwrap_or_else(PoisonError::into_inner) = Some(dialect);
                }
                Ok(Submitted::Accepted {
                    message_id: accepted.message_id.map(|id| id.to_string()),
                    results: not_taken(&sent, &accepted.not_taken),
                    drift: accepted.drift,
                })
            }
            Err(error) => {
                let mut drift = self.drift.lock().unwrap_or_else(PoisonError::into_inner);
                drift.extend_from_slice(error.drift());
                drop(drift);
                Ok(submitted(&error))
            }
        }
    }
}

/// What to store for each number that was not taken. The platform may mask a number: then it is the one that fits, where there is only one.
/// What fits none, or several, is quarantined for a person, and its number will be missing.
pub fn not_taken(sent: &[PhoneNumber], listed: &[NotTaken]) -> Vec<Row> {
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
            "the platform did not take numbers that cannot be told from its answer; what it says of them is in quarantine"
        );
    }
    listed
        .iter()
        .zip(&found)
        .map(|(one, number)| {
            Row::not_taken(reading::not_taken(number.as_ref(), one.reason.as_deref(), &one.item.0))
        })
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

/// What a submit that did not succeed means for its batch.
pub fn submitted(error: &CallError) -> Submitted {
    if let Some(refusal) = error.refusal() {
        if error.may_have_happened() {
            let message = refusal.to_string();
            let kept = Vec::new();
            // Of keys that are refused, too: no document says that nothing was done then.
            let for_all = refusal.class().is_about_account();
            return Submitted::InDoubt {
                code: Some(refusal.code()),
                message,
                from_reply: true,
                for_all,
                kept,
            };
        }
        let code = SubmitCode::new(refusal.code());
        // No price and an unknown country may be the affair of one country only.
        let for_all = refusal.class().is_about_account()
            || [SubmitCode::BAD_APPKEY, SubmitCode::BAD_LEVEL, SubmitCode::CUSTOMER_MISMATCH].contains(&code);
        return Submitted::Refused { code: Some(refusal.code()), message: refusal.to_string(), for_all };
    }
    let message = with_causes(error);
    if error.may_have_happened() {
        let (from_reply, for_all, kept) = (error.has_reply(), false, Vec::new());
        Submitted::InDoubt { code: None, message, from_reply, for_all, kept }
    } else {
        not_carried_out(error, message)
    }
}

#[cfg(test)]
mod tests {
    use numcheck_bulk::Found;

    use super::keep_form;

    #[test]
    fn the_form_is_that_of_answers_with_rows_and_all_must_agree() {
        for (answers, form, clean) in [
            (&[][..], None, true),
            (&[("list", false), ("list", true), ("list", false)][..], Some("list"), true),
            (&[("busy", false), ("list", true)][..], Some("list"), false),
            (&[("list", true), ("busy", false)][..], Some("list"), false),
            (&[("busy", false), ("list", false)][..], Some("busy"), false),
            (&[("list", true), ("other", true), ("other", true)][..], Some("list"), false),
            // What is not clean is not made so by what follows.
            (&[("busy", false), ("list", true), ("list", true)][..], Some("list"), false),
        ] {
            let (mut found, mut has_rows) = (Found { clean: true, ..Found::default() }, false);
            for (form, holds_rows) in answers {
                keep_form(&mut found, &mut has_rows, (*form).to_owned(), *holds_rows);
            }
            assert_eq!((found.form.as_deref(), found.clean), (form, clean), "{answers:?}");
        }
    }
}
