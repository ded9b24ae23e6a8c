//! `POST /api/number/query`: finds checks again, a page at a time.
//!
//! It reads and changes nothing but the time of the account's last query. What a check came to is asked of the same rule that
//! pushes ask, so that a row and a push never differ.

use std::sync::Arc;

use numcheck_protocol::number_check::{QueryCode, QueryData, QueryReply, QueryRow};
use numcheck_protocol::{AuthCode, Count, Date, Field, List, Text};

use super::archive::KEPT_MS;
use super::batch::Batch;
use super::check::check;
use super::oddity::contradict;
use super::question::{self, Question, Unanswered};
use super::row::row;
use super::wording::query_text;
use crate::assumptions::{QueryDate, QueryRight, QueryShows};
use crate::magic::{self, Delivery, Magic};
use crate::server::Answer;
use crate::state::Shared;

/// The vendor's limit, and how much earlier a request may come: that much the way to here varies.
const PACE_MS: u64 = 3_000;
const SLACK_MS: u64 = 100;

/// Answers a query of an authenticated account.
///
/// The order: 1005 (where accounts may not query), 88 (too early), 88 (the form, [`question::read`]), 202 and 210 (the appkey, where
/// there is one).
pub(crate) fn query(shared: &Shared, account: usize, body: &[u8]) -> Answer {
    let assumptions = &shared.settings.assumptions;
    if assumptions.query_right == QueryRight::Refused {
        let refused =
            query_refusal(QueryCode::new(AuthCode::NOT_PERMITTED.get()), "the account may not query");
        return Answer { status: assumptions.auth_status, ..refused };
    }
    match find(shared, account, body) {
        Ok(found) => {
            let odd = shared.next_oddity().and_then(|oddity| contradict(oddity, &found.body));
            match odd {
                Some(body) => {
                    Answer { body: body.into(), why: "the answer is odd on purpose".to_owned(), ..found }
                }
                None => found,
            }
        }
        Err(Unanswered { code, text, why }) => answer(code, text, why, Field::Known(QueryData::default())),
    }
}

/// The envelope of a query that was not carried out. Authentication errors come with `data` null [assumed], others with the empty
/// object of the document's sample.
pub(crate) fn query_refusal(code: QueryCode, why: impl Into<String>) -> Answer {
    let data = if code.auth().is_some() { Field::Null } else { Field::Known(QueryData::default()) };
    answer(code, query_text(code), why.into(), data)
}

fn answer(code: QueryCode, text: &str, why: String, data: Field<QueryData<'_>>) -> Answer {
    let reply = QueryReply::default()
        .with_code(Field::Known(code))
        .with_msg(Field::Known(Text::new(text)))
        .with_data(data);
    Answer::envelope(&reply, code.get(), why)
}

fn find(shared: &Shared, account: usize, body: &[u8]) -> Result<Answer, Unanswered> {
    let now_ms = shared.clock.running_ms();
    let minute_ms = shared.settings.minute.as_millis() as u64;
    if !shared.may_query(account, now_ms, (PACE_MS - SLACK_MS) * minute_ms / 60_000) {
        let why = "the account's last query was less than 3 seconds ago";
        return Err(Unanswered::new(
            QueryCode::QUERY_FAILED,
            "Request too frequent, once every 3 seconds",
            why,
        ));
    }
    let question = question::read(body)?;
    check_appkey(shared, account, question.appkey.as_deref())?;

    let batches = match shared.settings.assumptions.query_right {
        QueryRight::Empty => Vec::new(),
        _ => batches(shared, account, &question, now_ms),
    };
    let skip = (question.page - 1).saturating_mul(question.page_size);
    let (mut total, mut rows) = (0_u64, Vec::new());
    for batch in &batches {
        for place in places(shared, batch, &question, now_ms) {
            if total >= skip && (rows.len() as u64) < question.page_size {
                rows.push((Arc::clone(batch), place));
            }
            total += 1;
        }
    }
    let told = &shared.settings.assumptions;
    let rows: List<QueryRow<'_>> = rows
        .iter()
        .map(|(batch, place)| row(batch, *place, is_finished(batch, *place, now_ms), told))
        .collect();
    let numbers = rows.items().len();
    let data = QueryData::default()
        .with_page(Field::Known(Count::new(question.page)))
        .with_page_size(Field::Known(Count::new(question.page_size)))
        .with_total_page(Field::Known(Count::new(total.div_ceil(question.page_size))))
        .with_total_size(Field::Known(Count::new(total)))
        .with_result(Field::Known(rows));
    let found = answer(QueryCode::FOUND, query_text(QueryCode::FOUND), String::new(), Field::Known(data));
    Ok(Answer { numbers, batch_no: question.batch_no, message_id: question.message_id, ..found })
}

fn check_appkey(shared: &Shared, account: usize, appkey: Option<&str>) -> Result<(), Unanswered> {
    let refuse = |code, why: &str| Err(Unanswered::new(code, query_text(code), why));
    let Some(appkey) = appkey else { return Ok(()) };
    match shared.accounts.iter().position(|other| other.appkey.expose() == appkey) {
        Some(owner) if owner == account => Ok(()),
        Some(_) => {
            refuse(QueryCode::CUSTOMER_MISMATCH, "the appkey belongs to another account than the accessKey")
        }
        None => refuse(QueryCode::BAD_APPKEY, "no account has this appkey"),
    }
}

/// The submits that can hold what is asked for.
fn batches(shared: &Shared, account: usize, question: &Question, now_ms: u64) -> Vec<Arc<Batch>> {
    let found = match (&question.batch_no, &question.message_id) {
        (Some(batch_no), _) => shared.archive.of_batch_no(account, batch_no),
        (None, Some(id)) => {
            let alone = shared.archive.of_message_id(account, id);
            let with_suffix = || shared.archive.of_message_id(account, id.rsplit_once('-')?.0);
            alone.or_else(with_suffix).into_iter().collect()
        }
        (None, None) => Vec::new(),
    };
    let assumptions = &shared.settings.assumptions;
    let is_asked = |ms| Date::from_unix_ms(ms, assumptions.query_offset) == Some(question.date);
    let is_of_day = |batch: &Batch| match assumptions.query_date {
        QueryDate::Checked => is_asked(batch.times.checked_shown_ms()),
        QueryDate::Submitted => is_asked(batch.times.shown_ms),
        QueryDate::Ignored => true,
    };
    let wanted = |batch: &Arc<Batch>| {
        batch.times.visible_ms <= now_ms
            && now_ms.saturating_sub(batch.times.accepted_ms) <= KEPT_MS
            && is_of_day(batch)
    };
    found.into_iter().filter(wanted).collect()
}

/// The places of a submit that the question is about, and that may be seen by now.
fn places<'a>(
    shared: &'a Shared,
    batch: &'a Batch,
    question: &'a Question,
    now_ms: u64,
) -> impl Iterator<Item = u32> + 'a {
    let assumptions = &shared.settings.assumptions;
    (0..batch.count()).filter(move |place| {
        let phone = batch.phone(*place);
        question.phone.as_deref().is_none_or(|wanted| wanted == phone)
            && question.message_id.as_deref().is_none_or(|wanted| wanted == batch.message_id(*place))
            && magic::of(phone) != Some(Magic::Delivery(Delivery::Lost))
            && (assumptions.query_shows == QueryShows::Accepted || is_finished(batch, *place, now_ms))
            && (assumptions.query_shows_failed || check(phone, batch.level).result.is_some())
    })
}

/// Whether the check of a number is over by now.
fn is_finished(batch: &Batch, place: u32, now_ms: u64) -> bool {
    batch.times.checked_ms <= now_ms
        || magic::of(batch.phone(place)) == Some(Magic::Delivery(Delivery::BeforeReply))
}
