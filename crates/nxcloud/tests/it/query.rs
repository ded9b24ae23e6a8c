//! Queries through the facade: over TCP against the sandbox, and in memory against a platform that contradicts itself.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::TryStreamExt;
use numcheck_nxcloud::protocol::number_check::{
    CheckLevel, PageSize, Query, QueryCode, QueryRequest, Submit,
};
use numcheck_nxcloud::protocol::{AppKey, BatchNo, Date, MessageId, PhoneList, PhoneNumber};
use numcheck_nxcloud::transport::{Address, Limits, RateLimits, Stream};
use numcheck_nxcloud::{CallError, CallErrorKind, Client, QueryPage, Sent};
use numcheck_sandbox::{
    Account, Assumptions, Clock, Fault, Faults, Operation, QueryPace, Sandbox, SandboxBuilder, When,
};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::Instant;

/// Noon of 2024-04-22 in Beijing.
const NOW: u64 = 1_713_758_400_000;

fn today() -> Date {
    "2024-04-22".parse().expect("a day")
}

fn batch_no() -> BatchNo {
    BatchNo::new("b").expect("a batch number")
}

fn of_batch() -> QueryRequest {
    QueryRequest::for_batch(today(), batch_no())
}

fn sandbox(pace: QueryPace) -> SandboxBuilder {
    let mut assumptions = Assumptions::default();
    assumptions.query_pace = pace;
    Sandbox::builder().clock(Clock::manual(NOW)).assumptions(assumptions)
}

/// A client with the sandbox's clock and without rate limits.
fn client(sandbox: &Sandbox) -> Client {
    client_with(sandbox, Limits::default(), RateLimits::off())
}

fn client_with(sandbox: &Sandbox, limits: Limits, rates: RateLimits) -> Client {
    let clock = sandbox.clock().clone();
    let account = sandbox.account();
    Client::builder(&account.access_key, account.access_secret.clone())
        .appkey(AppKey::new(account.appkey.expose()).expect("an appkey"))
        .base_url(sandbox.nxcloud_url())
        .transport(move |transport| transport.limits(limits).rate_limits(rates).clock(move || clock.now_ms()))
        .build()
        .expect("a client")
}

async fn submit(client: &Client, count: usize) -> Vec<String> {
    let numbers: Vec<String> = (0..count).map(|n| (8_613_800_500_000_u64 + n as u64).to_string()).collect();
    let list = numbers.iter().map(|digits| PhoneNumber::new(digits).expect("a number"));
    let list = PhoneList::from_one_country(list).expect("a batch");
    let submit = client.number_check().submit(list).level(CheckLevel::HLR).batch_no(batch_no());
    submit.send().await.expect("accepted");
    numbers
}

fn phones(page: &QueryPage) -> impl Iterator<Item = String> {
    page.rows.iter().map(|row| row.phone.get().expect("a phone").as_str().to_owned())
}

#[tokio::test]
async fn all_rows_of_250_come_in_their_order_over_three_pages() {
    let sandbox = sandbox(QueryPace::Off).start().await.expect("a sandbox");
    let client = client(&sandbox);
    let numbers = submit(&client, 250).await;
    sandbox.advance(Duration::from_secs(1));
    let pages = client.number_check().query(of_batch()).pages().into_stream();
    let pages: Vec<QueryPage> = pages.try_collect().await.expect("pages");
    assert_eq!(pages.iter().map(|page| page.rows.len()).collect::<Vec<_>>(), [100, 100, 50]);
    assert_eq!(pages.iter().flat_map(phones).collect::<Vec<_>>(), numbers);
    assert!(pages.iter().all(|page| page.total_rows == Some(250) && page.total_pages == Some(3)));
    assert!(pages.iter().all(|page| page.drift.is_empty() && page.odd_rows == 0 && !page.is_empty()));
    let journal = sandbox.journal();
    let queries = journal.requests().filter(|request| request.endpoint == Some("number_check.query"));
    assert_eq!(queries.count(), 3);
}

#[tokio::test]
async fn a_page_is_asked_for_when_it_is_taken_and_not_before() {
    let sandbox = sandbox(QueryPace::Refuse).start().await.expect("a sandbox");
    let client = client(&sandbox);
    submit(&client, 250).await;
    sandbox.advance(Duration::from_secs(1));
    let mut pages = client.number_check().query(of_batch()).pages();
    let mut rows = 0;
    while let Some(page) = pages.next().await {
        rows += page.expect("a sandbox that refuses what comes too early").rows.len();
        sandbox.advance(Duration::from_secs(3));
    }
    assert_eq!(rows, 250);
    assert!(pages.next().await.is_none(), "the end stays the end");
}

#[tokio::test]
async fn the_client_keeps_the_3_seconds_by_itself() {
    let sandbox = sandbox(QueryPace::Refuse).start().await.expect("a sandbox");
    let mut impatient = Limits::default();
    impatient.rate_wait = Duration::ZERO;
    let client = client_with(&sandbox, impatient, RateLimits::documented());
    client.number_check().query(of_batch()).send().await.expect("the first");
    let error = client.number_check().query(of_batch()).send().await.expect_err("the second, at once");
    assert_eq!(
        (error.kind(), error.sent(), error.may_have_happened()),
        (CallErrorKind::Transport, Sent::No, false)
    );
}

#[tokio::test]
async fn one_check_is_found_by_its_id_and_by_its_phone() {
    let sandbox = sandbox(QueryPace::Off).start().await.expect("a sandbox");
    let client = client(&sandbox);
    let numbers = submit(&client, 3).await;
    sandbox.advance(Duration::from_secs(1));
    let query = |request| client.number_check().query(request).send();
    let phone = PhoneNumber::new(&numbers[1]).expect("a number");
    let by_phone = query(of_batch().with_phone(phone)).await.expect("a page");
    assert_eq!(phones(&by_phone).collect::<Vec<_>>(), numbers[1..2]);
    let id = MessageId::new(by_phone.rows[0].id().expect("an id")).expect("an id");
    let by_id = query(QueryRequest::for_message(today(), id)).await.expect("a page");
    assert_eq!(by_id.rows, by_phone.rows);
}

#[tokio::test]
async fn nothing_found_is_an_empty_page_and_the_only_one() {
    let sandbox = sandbox(QueryPace::Off).start().await.expect("a sandbox");
    let client = client(&sandbox);
    let mut pages = client.number_check().query(of_batch()).pages();
    let page = pages.next().await.expect("one page").expect("an empty one");
    assert!(page.is_empty() && page.is_clean_absence() && page.is_last());
    assert_eq!((page.total_rows, page.total_pages, page.asked_at_ms()), (Some(0), Some(0), NOW));
    assert!(pages.next().await.is_none());
}

#[tokio::test]
async fn a_query_whose_answer_was_lost_is_asked_again() {
    let sandbox = sandbox(QueryPace::Off).start().await.expect("a sandbox");
    let client = client(&sandbox);
    submit(&client, 2).await;
    sandbox.advance(Duration::from_secs(1));
    for fault in [Fault::AcceptThenClose, Fault::CutReply, Fault::Close, Fault::Respond(503)] {
        sandbox.set_faults(Faults::none().request(Operation::Query, When::Next(1), fault.clone()));
        let page = client.number_check().query(of_batch()).send().await;
        assert_eq!(page.expect("the second attempt").rows.len(), 2, "{fault:?}");
    }
}

#[tokio::test]
async fn a_refusal_says_what_and_that_nothing_was_charged() {
    let sandbox = sandbox(QueryPace::Off).start().await.expect("a sandbox");
    let client = client(&sandbox);
    let theirs = of_batch().with_appkey(AppKey::new(Account::OTHER_APPKEY).expect("an appkey"));
    let error = client.number_check().query(theirs).send().await.expect_err("210");
    assert_eq!(error.code::<Query>(), Some(QueryCode::CUSTOMER_MISMATCH));
    assert_eq!((error.code::<Submit>(), error.may_have_happened(), error.sent()), (None, false, Sent::Yes));
    let text = error.to_string();
    assert!(text.starts_with("number_check.query: attempt 1: refused with 210 CUSTOMER_MISMATCH"), "{text}");
    assert!(text.contains("nothing was charged") && !text.contains(Account::OTHER_APPKEY), "{text}");
}

/// Which page was asked for, and when.
type Asked = Arc<Mutex<Vec<(u64, Instant)>>>;

/// A client of a platform in memory that answers with these bodies, with the last one for ever.
fn canned(bodies: Vec<Value>, rates: RateLimits) -> (Client, Asked) {
    let asked = Asked::default();
    let (bodies, log) = (Arc::new(bodies), Arc::clone(&asked));
    let dial = move |_: Address| {
        let (ours, theirs) = tokio::io::duplex(64 << 10);
        tokio::spawn(serve(theirs, Arc::clone(&bodies), Arc::clone(&log)));
        async move { Ok(Stream::new(ours)) }
    };
    let client = Client::builder("key", "secret")
        .base_url("http://localhost")
        .transport(move |transport| transport.dial(dial).rate_limits(rates))
        .build()
        .expect("a client");
    (client, asked)
}

async fn serve(mut stream: tokio::io::DuplexStream, bodies: Arc<Vec<Value>>, asked: Asked) {
    let mut read = Vec::new();
    loop {
        let Some(head) = read.windows(4).position(|window| window == b"\r\n\r\n") else {
            if stream.read_buf(&mut read).await.unwrap_or(0) == 0 {
                return;
            }
            continue;
        };
        let lines = String::from_utf8_lossy(&read[..head]).to_ascii_lowercase();
        let length =
            lines.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
        let end = head + 4 + length.expect("a length");
        while read.len() < end {
            stream.read_buf(&mut read).await.expect("the body");
        }
        let request: Value = serde_json::from_slice(&read[head + 4..end]).expect("JSON");
        read.drain(..end);
        let body = {
            let mut asked = asked.lock().expect("the log");
            asked.push((request["page"].as_u64().expect("a page"), Instant::now()));
            bodies[(asked.len() - 1).min(bodies.len() - 1)].to_string()
        };
        let reply = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        if stream.write_all(reply.as_bytes()).await.is_err() {
            return;
        }
    }
}

fn times(asked: &Asked) -> Vec<(u64, Instant)> {
    asked.lock().expect("the log").clone()
}

/// A page of rows with these ids.
fn page(page: u64, total_pages: u64, total_rows: u64, ids: &[&str]) -> Value {
    let row = |id: &&str| json!({"messageId": id, "batchNo": "b", "phone": "84"});
    let rows: Vec<Value> = ids.iter().map(row).collect();
    json!({"code": 0, "msg": "ok", "data": {
        "page": page, "pageSize": 2, "totalPage": total_pages, "totalSize": total_rows, "result": rows
    }})
}

/// The pages of two rows until the end, and the error at the end if there is one.
async fn all(client: &Client, limit: u64) -> (Vec<QueryPage>, Option<CallError>) {
    let two = of_batch().with_page_size(PageSize::new(2).expect("a size"));
    let mut pages = client.number_check().query(two).pages().row_limit(limit);
    let mut taken = Vec::new();
    while let Some(next) = pages.next().await {
        match next {
            Ok(page) => taken.push(page),
            Err(error) => {
                assert!(pages.next().await.is_none(), "nothing comes after an error");
                return (taken, Some(error));
            }
        }
    }
    (taken, None)
}

async fn rejected(bodies: Vec<Value>) -> String {
    let (client, _) = canned(bodies, RateLimits::off());
    let error = all(&client, 100).await.1.expect("an error");
    assert_eq!(
        (error.kind(), error.sent(), error.may_have_happened()),
        (CallErrorKind::Implausible, Sent::Yes, false)
    );
    assert!(error.reply().is_some_and(|reply| reply.body.starts_with(b"{")));
    error.to_string()
}

#[tokio::test(start_paused = true)]
async fn between_two_pages_there_are_3_seconds() {
    let bodies = vec![page(1, 3, 5, &["a", "b"]), page(2, 3, 5, &["c", "d"]), page(3, 3, 5, &["e"])];
    let (client, asked) = canned(bodies, RateLimits::documented());
    let (pages, error) = all(&client, 100).await;
    assert_eq!((pages.len(), error.is_none()), (3, true));
    let asked = times(&asked);
    assert_eq!(asked.iter().map(|(page, _)| *page).collect::<Vec<_>>(), [1, 2, 3]);
    for pair in asked.windows(2) {
        assert_eq!((pair[1].1 - pair[0].1).as_secs(), 3);
    }
}

#[tokio::test(start_paused = true)]
async fn a_page_that_came_too_early_is_asked_for_again_and_not_for_ever() {
    let early = json!({"code": 88, "msg": "too frequent", "data": {}});
    let good = page(1, 1, 1, &["a"]);
    let (client, asked) = canned(vec![early.clone(), early.clone(), good], RateLimits::documented());
    assert_eq!(all(&client, 100).await.0.len(), 1);
    let asked = times(&asked);
    assert_eq!((asked.len(), (asked[2].1 - asked[0].1).as_secs()), (3, 6));

    let (client, asked) = canned(vec![early], RateLimits::off());
    let error = all(&client, 100).await.1.expect("an error");
    assert_eq!((error.code::<Query>(), times(&asked).len()), (Some(QueryCode::QUERY_FAILED), 3));
}

#[tokio::test]
async fn a_platform_that_gives_one_page_for_ever_is_an_error() {
    let mut repeating = page(1, 9, 18, &["a", "b"]);
    repeating["data"].as_object_mut().expect("data").remove("page");
    assert_eq!(
        rejected(vec![repeating]).await,
        "number_check.query: HTTP 200, but the page repeats the one before; sent, which does no harm (attempt 1): call \
         again; if it stays so, tell the platform"
    );
    let text = rejected(vec![page(1, 9, 18, &["a", "b"])]).await;
    assert!(text.contains("another page came than the one asked for"), "{text}");
}

#[tokio::test]
async fn pages_that_grow_without_end_are_cut_at_the_row_limit() {
    let growing = |n: u64| page(n, n + 1, 2 * n + 2, &[&format!("a{n}"), &format!("b{n}")]);
    let (client, asked) = canned((1..200).map(growing).collect(), RateLimits::off());
    let (pages, error) = all(&client, 20).await;
    assert_eq!((pages.len(), times(&asked).len()), (9, 10));
    assert!(error.expect("an error").to_string().contains("more rows than the limit allows"));
}

#[tokio::test]
async fn as_many_rows_as_the_limit_allows_are_no_error() {
    let bodies = vec![page(1, 2, 4, &["a", "b"]), page(2, 2, 4, &["c", "d"])];
    let (client, _) = canned(bodies.clone(), RateLimits::off());
    let (pages, error) = all(&client, 4).await;
    assert_eq!((pages.len(), error.is_none()), (2, true));
    let (client, _) = canned(bodies, RateLimits::off());
    assert!(all(&client, 3).await.1.is_some());
}

#[tokio::test]
async fn what_does_not_say_that_nothing_was_found_is_never_an_empty_page() {
    let success = |data: Value| json!({"code": 0, "msg": "ok", "data": data});
    for data in [
        json!(null),
        json!({}),
        json!([]),
        json!({"result": null}),
        json!({"result": {}, "totalSize": 3}),
        json!({"result": {}, "totalSize": 0}),
        json!({"result": null, "totalSize": 0}),
        json!({"result": "", "totalSize": 0}),
        json!({"result": 0, "totalSize": 0}),
        json!({"totalSize": "0", "totalPage": 0}),
    ] {
        let text = rejected(vec![success(data.clone())]).await;
        assert!(text.contains("success, and no list of what was found"), "{data}: {text}");
    }
    let text = rejected(vec![success(json!({"result": [], "totalSize": 3, "totalPage": 1}))]).await;
    assert!(text.contains("rows are announced, and none is there"), "{text}");
    let text = rejected(vec![success(json!({"result": [{"phone": "84"}], "totalSize": 0}))]).await;
    assert!(text.contains("more rows are there than were announced"), "{text}");
    for not_an_answer in [json!({}), json!({"code": null}), json!({"code": "x"}), json!([])] {
        let (client, _) = canned(vec![not_an_answer], RateLimits::off());
        assert_eq!(all(&client, 100).await.1.expect("an error").kind(), CallErrorKind::NoAnswer);
    }
    let (client, _) = canned(vec![success(json!({"result": []}))], RateLimits::off());
    let (pages, error) = all(&client, 100).await;
    assert!(error.is_none() && pages[0].rows.is_empty());
    assert!(!pages[0].is_empty(), "without a count it is no proof");
}

#[tokio::test]
async fn without_a_count_a_page_that_is_not_full_is_the_last() {
    let bare = |ids: &[&str]| {
        let rows: Vec<Value> = ids.iter().map(|id| json!({ "messageId": id })).collect();
        json!({"code": 0, "data": {"result": rows}})
    };
    let (client, asked) = canned(vec![bare(&["a", "b"]), bare(&["c"])], RateLimits::off());
    assert_eq!(all(&client, 100).await.0.len(), 2);
    assert_eq!(times(&asked).len(), 2);
}

#[tokio::test]
async fn a_platform_with_smaller_pages_than_asked_for_loses_no_row() {
    let small = |n: u64| {
        let mut one = page(n, 3, 3, &[&format!("a{n}")]);
        one["data"]["pageSize"] = json!(1);
        one["data"].as_object_mut().expect("data").remove("totalPage");
        one
    };
    let (client, _) = canned((1..=3).map(small).collect(), RateLimits::off());
    let (pages, error) = all(&client, 100).await;
    assert_eq!((pages.iter().map(|page| page.rows.len()).sum::<usize>(), error.is_none()), (3, true));
}

#[tokio::test]
async fn an_odd_row_is_counted_and_kept() {
    let rows = json!([7, {"messageId": "a", "new": 1}]);
    let body = json!({"code": 0, "data": {"totalSize": 2, "totalPage": 1, "result": rows}});
    let (client, _) = canned(vec![body.clone()], RateLimits::off());
    let (pages, _) = all(&client, 100).await;
    assert_eq!((pages[0].rows.len(), pages[0].odd_rows), (1, 1));
    let places: Vec<&str> = pages[0].drift.iter().map(|drift| drift.place.as_str()).collect();
    assert_eq!(places, ["QueryData.result", "QueryRow.new"]);
    assert_eq!(serde_json::from_slice::<Value>(pages[0].body()).expect("JSON"), body);
}

#[tokio::test]
async fn dropping_the_future_of_a_page_loses_no_row() {
    let bodies = vec![page(1, 2, 3, &["a", "b"]), page(1, 2, 3, &["a", "b"]), page(2, 2, 3, &["c"])];
    let (client, asked) = canned(bodies, RateLimits::off());
    let mut pages = client.number_check().query(of_batch()).pages();
    let arrived = async {
        while times(&asked).is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        biased;
        () = arrived => {}
        _ = pages.next() => panic!("it was to be dropped before"),
    }
    let mut rows = 0;
    while let Some(page) = pages.next().await {
        rows += page.expect("a page").rows.len();
    }
    assert_eq!(rows, 3);
}

#[tokio::test]
async fn debug_shows_no_number() {
    let row = json!({"messageId": "a", "phone": "84981234567", "nationalNumber": "981234567", "new": "84981234567"});
    let body = json!({"code": 0, "msg": "84981234567 ok", "data": {"totalSize": 1, "totalPage": 1, "result": [row]}});
    let (client, _) = canned(vec![body], RateLimits::off());
    let phone = PhoneNumber::new("84981234567").expect("a number");
    let query = client.number_check().query(of_batch().with_phone(phone));
    let mut shown = format!("{query:?}");
    let mut pages = query.pages();
    let page = pages.next().await.expect("a page").expect("a page");
    shown.push_str(&format!("{page:?} {pages:?}"));
    assert!(!shown.contains("8123456"), "{shown}");
}

#[test]
fn a_query_can_be_spawned_and_a_stream_of_pages_sent() {
    fn sendable<T: Send + 'static>(_: impl FnOnce(Client) -> T) {}
    sendable(|client| client.number_check().query(of_batch()).send());
    sendable(|client| client.number_check().query(of_batch()).pages().into_stream());
}
