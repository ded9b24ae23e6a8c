//! From a request to its answer: route, fault, endpoint, journal, HTTP.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::{self, HeaderValue};
use hyper::http::uri::Authority;
use hyper::{Method, Request, Response, StatusCode};
use numcheck_protocol::number_check::{InstantCode, QueryCode, SubmitCode};
use numcheck_protocol::qxt::QxtCode;
use numcheck_protocol::{Info, Platform, mask};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tracing::debug;

use super::answer::{Answer, HTML, Leaves};
use super::auth::{AuthRefusal, authenticate};
use super::call::{Call, Unread};
use super::reply_body::{Cut, ReplyBody};
use super::route::{self, Page, Route, route};
use crate::clock::millis;
use crate::faults::{Fault, Operation};
use crate::journal::{HiddenBytes, RequestRecord, What};
use crate::state::Shared;
use crate::{number_check, page, qxt, whatsapp};

/// Says why something was refused. The platforms have no such header.
const WHY: &str = "x-sandbox-why";
/// How long an answer waits for the results that are to come before it.
const BEFORE_REPLY_PATIENCE: Duration = Duration::from_secs(10);
/// The longest access key that the journal keeps.
const LONGEST_KEY: usize = 128;
/// The longest path that the journal keeps.
const LONGEST_PATH: usize = 256;

/// Requests that are held back on one connection, which may end sooner than they.
pub(super) type Held = Mutex<JoinSet<()>>;

/// Answers one request.
pub(super) async fn handle(
    shared: &Arc<Shared>,
    platform: Platform,
    peer: IpAddr,
    held: &Held,
    request: Request<Incoming>,
) -> Result<Response<ReplyBody>, Cut> {
    let is_ours = is_under_own_names(&request);
    let (call, unread) = Call::read(request, peer, shared.settings.body_limit, &shared.room).await;
    let qxt_path = shared.settings.qxt_path.as_deref();
    let found = route(platform, qxt_path, &call.method, &call.path);
    if !is_ours {
        let why = "the sandbox answers under an IP address, localhost or a name without a dot: another may be anybody's";
        return Ok(respond(shared, sandbox_error(421, why), false));
    }
    if let Route::Page(page) = found {
        return Ok(respond(shared, show(shared, page), false));
    }
    let (operation, info) = match found {
        Route::Endpoint(operation, info) => (operation, Some(info)),
        _ => (Operation::Any, None),
    };
    let fault = info.and_then(|_| shared.faults().for_request(operation, shared.settings.seed));
    let arrived = Arrived { platform, call, unread, found, operation, info, fault };
    let Some(Fault::Hold(by)) = arrived.fault else { return carry_out(shared, arrived).await };
    let (answer, answered) = oneshot::channel();
    let until_ms = shared.clock.running_ms().saturating_add(millis(by));
    shared.log.note(shared.clock.now_ms(), None, format!("a request is held for {by:?}"));
    let shared = Arc::clone(shared);
    // A task of its own: a caller who hangs up ends this one.
    held.lock().unwrap_or_else(PoisonError::into_inner).spawn(async move {
        shared.clock.sleep_until(until_ms).await;
        // Whether or not anybody still waits for it.
        let _ = answer.send(carry_out(&shared, arrived).await);
    });
    answered.await.unwrap_or(Err(Cut))
}

/// Whether every host that a request names, in each of its `Host` headers and in its target, is one that no stranger can point here: a
/// browser would show what the sandbox answers to whoever owns the name.
fn is_under_own_names<B>(request: &Request<B>) -> bool {
    let mut headers = request.headers().get_all(header::HOST).iter();
    headers.all(|host| host.to_str().is_ok_and(is_own_name))
        && request.uri().authority().is_none_or(|authority| is_own_name(authority.as_str()))
}

fn is_own_name(host: &str) -> bool {
    let host = host.trim();
    if host.is_empty() {
        return true;
    }
    let Ok(authority) = host.parse::<Authority>() else { return false };
    let name = authority.host().trim_end_matches('.').to_ascii_lowercase();
    let ip = name.trim_matches(['[', ']']).parse::<IpAddr>();
    ip.is_ok() || !name.contains('.') || name.ends_with(".localhost")
}

/// A request that has arrived in full.
struct Arrived {
    platform: Platform,
    call: Call,
    unread: Option<Unread>,
    found: Route,
    operation: Operation,
    info: Option<&'static Info>,
    fault: Option<Fault>,
}

async fn carry_out(shared: &Shared, arrived: Arrived) -> Result<Response<ReplyBody>, Cut> {
    let Arrived { platform, call, unread, found, operation, info, fault } = arrived;
    let answered = match (&unread, info) {
        (Some(Unread::Broken), _) => Err("the request broke off"),
        (Some(Unread::TooLong), _) => Ok(sandbox_error(413, "the body is longer than this sandbox takes")),
        (Some(Unread::NoRoom), _) => {
            Ok(sandbox_error(503, "the bodies of other requests take all the room that this sandbox has"))
        }
        (Some(Unread::TooSlow), _) => Ok(sandbox_error(408, "the body did not arrive in time")),
        (None, None) => Ok(lost(shared, platform, found)),
        (None, Some(info)) => match early(shared, operation, &call, fault.as_ref()) {
            Some(answered) => answered,
            None => Ok(dispatch(shared, operation, info, &call).await),
        },
    };
    let leaves = answered.as_ref().map_or(Leaves::Closed, |answer| answer.leaves);
    let closed = !matches!(leaves, Leaves::At(_)) || fault == Some(Fault::AcceptThenClose);
    let answer =
        answered.unwrap_or_else(|why| Answer { why: why.to_owned(), ..Answer::new(0, HTML, b"".as_slice()) });
    let mut answer = spoil(shared, operation, &call, fault.as_ref(), answer);
    record(shared, platform, &call, info, &answer, closed, fault.as_ref());
    for tried in std::mem::take(&mut answer.before_reply) {
        // Whether it was tried or nobody is there to try it: the answer must not wait for ever.
        let _ = tokio::time::timeout(BEFORE_REPLY_PATIENCE, tried).await;
    }
    match leaves {
        Leaves::Never => return std::future::pending().await,
        _ if closed => return Err(Cut),
        Leaves::At(by) if !by.is_zero() => tokio::time::sleep(by).await,
        _ => {}
    }
    if let Some(Fault::DelayReply(by)) = fault {
        tokio::time::sleep(by).await;
    }
    Ok(respond(shared, answer, fault == Some(Fault::CutReply)))
}

/// What a fault makes of the answer to a request that was carried out.
fn spoil(
    shared: &Shared,
    operation: Operation,
    call: &Call,
    fault: Option<&Fault>,
    answer: Answer,
) -> Answer {
    match fault {
        Some(Fault::NotJson) => {
            Answer { content_type: HTML, body: b"<html><body>502</body></html>".as_slice().into(), ..answer }
        }
        Some(Fault::Data(shape)) => match shape.put_into(&answer.body) {
            Some(body) => Answer { body: body.into(), ..answer },
            None => answer,
        },
        Some(Fault::Contradict(oddity)) if operation == Operation::Query => {
            match number_check::contradict(*oddity, &answer.body) {
                Some(body) => Answer { body: body.into(), ..answer },
                None => answer,
            }
        }
        Some(Fault::AcceptThenCode(code)) => {
            let refused =
                refuse(shared, operation, call, *code, "a fault, after the request was carried out");
            Answer {
                status: refused.status,
                body: refused.body,
                code: refused.code,
                why: refused.why,
                ..answer
            }
        }
        _ => answer,
    }
}

/// The answer of a fault that strikes before anything is done.
fn early(
    shared: &Shared,
    operation: Operation,
    call: &Call,
    fault: Option<&Fault>,
) -> Option<Result<Answer, &'static str>> {
    match fault? {
        Fault::Respond(status) => {
            let body = format!("<html><body>{status}</body></html>").into_bytes();
            Some(Ok(Answer { why: "a fault".to_owned(), ..Answer::new(*status, HTML, body) }))
        }
        Fault::Close => Some(Err("a fault")),
        Fault::Code(code) => Some(Ok(refuse(shared, operation, call, *code, "a fault"))),
        _ => None,
    }
}

async fn dispatch(shared: &Shared, operation: Operation, info: &Info, call: &Call) -> Answer {
    let access_key = call.header(numcheck_signing::header::ACCESS_KEY);
    let access_key = access_key.map(|key| key.chars().take(LONGEST_KEY).collect());
    let number_check = || authenticate(shared, call, info, |account| account.number_check);
    let whatsapp = || authenticate(shared, call, info, |account| account.whatsapp);
    let body = &call.body;
    let answer = match operation {
        Operation::Submit => match number_check() {
            Ok(account) => Ok(number_check::submit(shared, account, body).await),
            Err(error) => Err(error),
        },
        Operation::Query => number_check().map(|account| number_check::query(shared, account, body)),
        Operation::Get => number_check().map(|account| number_check::get(shared, account, body)),
        Operation::Login => whatsapp().map(|account| whatsapp::login(shared, account, body)),
        Operation::CreateApp => whatsapp().map(|account| whatsapp::create_app(shared, account, body)),
        Operation::ListPhones => whatsapp().map(|account| whatsapp::phone_list(shared, account, body)),
        Operation::GetCode => whatsapp().map(|account| whatsapp::get_code(shared, account, body)),
        Operation::CheckCode => whatsapp().map(|account| whatsapp::check_code(shared, account, body)),
        Operation::CreateClient => whatsapp().map(|account| whatsapp::create_client(shared, account, body)),
        Operation::Privacy => Ok(qxt::privacy(shared, call.peer, parameters(call))),
        Operation::Any => Ok(lost(shared, info.platform, Route::Nowhere)),
    };
    let answer = answer.unwrap_or_else(|error| turn_away(shared, operation, call, &error));
    Answer { access_key, ..answer }
}

/// An endpoint's envelope for a caller who is not believed.
fn turn_away(shared: &Shared, operation: Operation, call: &Call, error: &AuthRefusal) -> Answer {
    let status = shared.settings.assumptions.auth_status;
    Answer { status, ..refuse(shared, operation, call, error.code.get(), &error.why) }
}

/// Where QXT's parameters stand: in the query of a GET, in the body of a POST. A POST that is no form has none.
fn parameters(call: &Call) -> &[u8] {
    match call.method {
        Method::GET => call.query.as_bytes(),
        _ if call.media_type() == "application/x-www-form-urlencoded" => &call.body,
        _ => b"",
    }
}

/// An endpoint's envelope with a code, without anything done.
fn refuse(shared: &Shared, operation: Operation, call: &Call, code: i64, why: &str) -> Answer {
    match operation {
        Operation::Login
        | Operation::CreateApp
        | Operation::ListPhones
        | Operation::GetCode
        | Operation::CheckCode
        | Operation::CreateClient => whatsapp::refusal(operation, code, why),
        Operation::Privacy => qxt::refusal(QxtCode::new(code), why),
        Operation::Query => number_check::query_refusal(QueryCode::new(code), why),
        Operation::Get => number_check::get_refusal(InstantCode::new(code), why),
        Operation::Submit | Operation::Any => {
            let dialect = shared.dialect_of(call.header(numcheck_signing::header::ACCESS_KEY));
            number_check::refusal(shared, dialect, SubmitCode::new(code), why)
        }
    }
}

/// The answer to a path or a method that does not exist.
fn lost(shared: &Shared, platform: Platform, found: Route) -> Answer {
    let paths = route::paths(platform, shared.settings.qxt_path.as_deref());
    match found {
        Route::WrongMethod(allow) => {
            let error = serde_json::json!({"error": format!("use {allow}"), "paths": paths});
            Answer { allow: Some(allow), ..Answer::json(405, &error, "wrong method") }
        }
        _ => Answer::json(404, &serde_json::json!({"error": "no such path", "paths": paths}), "no such path"),
    }
}

fn sandbox_error(status: u16, why: &str) -> Answer {
    Answer::json(status, &serde_json::json!({ "error": why }), why)
}

fn show(shared: &Shared, page: Page) -> Answer {
    match page {
        Page::Status => page::status(),
        Page::Journal => page::journal(shared),
        Page::Ledger => page::ledger(shared),
        Page::Tally => page::tally(shared),
        Page::Privacy => page::privacy(shared),
        Page::Inbox => page::inbox(shared),
        Page::Health => page::health(shared),
    }
}

fn record(
    shared: &Shared,
    platform: Platform,
    call: &Call,
    info: Option<&Info>,
    answer: &Answer,
    closed: bool,
    fault: Option<&Fault>,
) {
    let endpoint = info.map(|info| info.id);
    debug!(endpoint, status = answer.status, code = answer.code, why = %answer.why, closed, "request answered");
    // A path that is no endpoint's may hold anything.
    let path = mask::digits(&call.path).chars().take(LONGEST_PATH).collect();
    let body = if call.method == Method::GET { Bytes::from(call.query.clone()) } else { call.body.clone() };
    let record = RequestRecord {
        platform,
        method: call.method.to_string(),
        path,
        endpoint,
        access_key: answer.access_key.clone(),
        status: (!closed).then_some(answer.status),
        code: answer.code,
        why: answer.why.clone(),
        numbers: answer.numbers,
        batch_no: answer.batch_no.clone(),
        message_id: answer.message_id.clone(),
        fault: fault.map(|fault| format!("{fault:?}")),
        body: HiddenBytes(body),
    };
    shared.log.write(shared.clock.now_ms(), What::Request(record));
}

fn respond(shared: &Shared, answer: Answer, cut: bool) -> Response<ReplyBody> {
    let bytes = Bytes::from(answer.body.into_owned());
    let body = if cut { ReplyBody::cut(bytes) } else { ReplyBody::whole(bytes) };
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(answer.content_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(date) = HeaderValue::try_from(shared.clock.http_date()) {
        headers.insert(header::DATE, date);
    }
    if answer.content_type == HTML {
        headers
            .insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(page::CONTENT_SECURITY_POLICY));
    }
    if let Some(allow) = answer.allow.and_then(|allow| HeaderValue::try_from(allow).ok()) {
        headers.insert(header::ALLOW, allow);
    }
    if !answer.why.is_empty()
        && let Ok(why) = HeaderValue::try_from(answer.why)
    {
        headers.insert(WHY, why);
    }
    response
}
