//! What no document says, each as a switch: the query's days, delays and contradictions, and what messages may look like.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::common::{CHECK, GET, PRIVACY, QUERY, Receiver, Reply, Signed, order, send, submit};
use numcheck_protocol::Price;
use numcheck_sandbox::{
    Assumptions, Clock, Fault, Faults, Operation, PushPhone, QueryDate, QueryOddity, QueryPace, QueryRight,
    QueryShows, QxtFailure, Sandbox, SandboxBuilder, Service, ToldPrice, When,
};
use serde_json::{Value, json};

/// Noon of 2024-04-22 in UTC.
const NOW: u64 = 1_713_787_200_000;
const PHONE: &str = "8613800138000";
const SECOND: Duration = Duration::from_secs(1);

fn builder(change: impl FnOnce(&mut Assumptions)) -> SandboxBuilder {
    let mut assumptions = Assumptions::default();
    assumptions.query_pace = QueryPace::Off;
    assumptions.query_date = QueryDate::Ignored;
    change(&mut assumptions);
    Sandbox::builder().clock(Clock::manual(NOW)).callback_delay(SECOND).assumptions(assumptions)
}

async fn sandbox(change: impl FnOnce(&mut Assumptions)) -> Sandbox {
    builder(change).start().await.unwrap()
}

/// A submit whose checks are finished when this returns.
async fn checked(sandbox: &Sandbox, phones: &str, batch_no: &str) {
    let reply = submit(sandbox, phones, &format!(r#","batchNo":"{batch_no}""#)).await;
    assert_eq!(reply.code(), 0, "{reply:?}");
    sandbox.advance(SECOND);
}

async fn query_on(sandbox: &Sandbox, batch_no: &str, date: &str) -> Reply {
    let body = json!({"page": 1, "pageSize": 100, "date": date, "batchNo": batch_no});
    Signed::new(sandbox, QUERY, body.to_string()).send(sandbox).await
}

async fn query(sandbox: &Sandbox, batch_no: &str) -> Reply {
    query_on(sandbox, batch_no, "2024-04-22").await
}

async fn found(sandbox: &Sandbox, batch_no: &str) -> usize {
    query(sandbox, batch_no).await.json()["data"]["result"].as_array().unwrap().len()
}

/// The push of a number's result.
async fn pushed(change: impl FnOnce(&mut Assumptions), phone: &str) -> Value {
    let receiver = Receiver::start().await;
    let sandbox = sandbox(change).await;
    submit(&sandbox, phone, &receiver.field()).await;
    sandbox.advance(SECOND);
    receiver.one().await
}

#[tokio::test]
async fn the_day_of_a_check_is_that_of_any_zone() {
    let days = ["2024-04-21", "2024-04-22", "2024-04-23"];
    // 11 in the evening, noon, and half past midnight, in UTC.
    let moments = [NOW + 11 * 3_600_000, NOW, NOW - 12 * 3_600_000 + 1_800_000];
    for (offset, wanted) in [
        ("-12:00", [days[1], days[1], days[0]]),
        ("-01:00", [days[1], days[1], days[0]]),
        ("Z", [days[1], days[1], days[1]]),
        ("+05:45", [days[2], days[1], days[1]]),
        ("+14:00", [days[2], days[2], days[1]]),
    ] {
        for (moment, day) in moments.into_iter().zip(wanted) {
            let set = |a: &mut Assumptions| {
                (a.query_offset, a.query_date) = (offset.parse().unwrap(), QueryDate::Checked);
            };
            let sandbox = builder(set).clock(Clock::manual(moment)).start().await.unwrap();
            checked(&sandbox, PHONE, "b").await;
            let mut on = Vec::new();
            for day in days {
                let reply = query_on(&sandbox, "b", day).await.json();
                on.extend((reply["data"]["totalSize"] == 1).then_some(day));
            }
            assert_eq!(on, [day], "{offset} {moment}");
        }
    }
}

#[tokio::test]
async fn an_ignored_date_finds_a_check_under_any_but_must_be_one() {
    let sandbox = sandbox(|_| {}).await;
    checked(&sandbox, PHONE, "b").await;
    for date in ["1999-12-31", "2024-04-22", "2099-01-01"] {
        assert_eq!(query_on(&sandbox, "b", date).await.json()["data"]["totalSize"], 1, "{date}");
    }
    assert_eq!(query_on(&sandbox, "b", "today").await.code(), 88);
}

#[tokio::test]
async fn a_batch_is_hidden_for_as_long_as_is_said_however_fast_its_results_come() {
    for shows in [QueryShows::Finished, QueryShows::Accepted] {
        let sandbox = sandbox(|a| (a.visibility_delay, a.query_shows) = (10 * SECOND, shows)).await;
        checked(&sandbox, PHONE, "b").await;
        sandbox.advance(Duration::from_millis(8_999));
        assert_eq!(found(&sandbox, "b").await, 0, "{shows:?}");
        sandbox.advance(Duration::from_millis(1));
        assert_eq!(found(&sandbox, "b").await, 1, "{shows:?}");
    }
}

#[tokio::test]
async fn batches_differ_in_how_long_they_are_hidden_by_at_most_the_spread_and_the_seed_decides() {
    let shown_after = async |seed: u64| {
        let set = |a: &mut Assumptions| (a.visibility_delay, a.visibility_spread) = (10 * SECOND, 5 * SECOND);
        let sandbox = builder(set).seed(seed).start().await.unwrap();
        let batches: Vec<String> = (0..20).map(|n| format!("b{n}")).collect();
        for batch in &batches {
            submit(&sandbox, PHONE, &format!(r#","batchNo":"{batch}""#)).await;
        }
        let mut counts = Vec::new();
        for after in [9_999, 1, 2_500, 2_500] {
            sandbox.advance(Duration::from_millis(after));
            let mut shown = BTreeSet::new();
            for batch in &batches {
                shown.extend((found(&sandbox, batch).await == 1).then(|| batch.clone()));
            }
            counts.push(shown);
        }
        counts
    };
    let shown = shown_after(1).await;
    assert_eq!((shown[0].len(), shown[3].len()), (0, 20));
    assert!((3..18).contains(&shown[2].len()) && shown[1].len() < shown[2].len(), "{shown:?}");
    assert_eq!(shown, shown_after(1).await);
    assert_ne!(shown[2], shown_after(2).await[2]);
}

#[tokio::test]
async fn an_account_may_be_one_that_never_queries() {
    let refused = sandbox(|a| a.query_right = QueryRight::Refused).await;
    checked(&refused, PHONE, "b").await;
    let reply = query(&refused, "b").await;
    assert_eq!((reply.status, reply.code(), reply.json()["data"].clone()), (200, 1005, Value::Null));
    let empty = sandbox(|a| a.query_right = QueryRight::Empty).await;
    checked(&empty, PHONE, "b").await;
    assert_eq!(
        query(&empty, "b").await.json(),
        json!({"code": 0, "msg": "Request successful",
               "data": {"page": 1, "pageSize": 100, "totalPage": 0, "totalSize": 0, "result": []}})
    );
    assert_eq!(empty.ledger().count(Service::Basic, 0), 1, "and it was charged");
}

#[tokio::test]
async fn an_answer_to_a_query_may_contradict_itself_in_each_way() {
    for (word, oddity) in QueryOddity::ALL {
        let sandbox = sandbox(|a| a.query_oddity = Some(*oddity)).await;
        checked(&sandbox, PHONE, "b").await;
        for batch in ["b", "nobody's"] {
            let reply = query(&sandbox, batch).await;
            let json = reply.json();
            let data = &json["data"];
            let sizes = (data["totalSize"].as_u64().unwrap(), data["totalPage"].as_u64().unwrap());
            assert_eq!(reply.status, 200);
            assert!(!reply.body.contains(&format!(r#""batchNo":"{batch}""#)) || *word == "other-list");
            match oddity {
                QueryOddity::PagesWithoutRows => assert_eq!((sizes, &data["result"]), ((0, 5), &json!([]))),
                QueryOddity::SizeWithoutRows => assert_eq!((sizes, &data["result"]), ((3, 1), &json!([]))),
                QueryOddity::ResultObject => assert_eq!((sizes, &data["result"]), ((0, 0), &json!({}))),
                QueryOddity::OtherList => {
                    assert_eq!((sizes, &data["result"]), ((0, 0), &json!([])));
                    let foreign = data["list"][0]["batchNo"] != batch;
                    assert_eq!(foreign, batch == "nobody's", "{data}");
                }
                QueryOddity::OtherBatch => {
                    assert_eq!(
                        (sizes, &data["result"][0]["batchNo"]),
                        ((1, 1), &json!("sandbox-foreign-batch"))
                    );
                }
                QueryOddity::Busy => {
                    assert_eq!((sizes, &data["result"]), ((0, 0), &json!([])));
                    assert_eq!(
                        (&json["code"], &json["msg"]),
                        (&json!("0"), &json!("system busy, try later"))
                    );
                }
                other => panic!("{other:?} is not looked at"),
            }
            assert_eq!(json["code"] == "0", *oddity == QueryOddity::Busy);
        }
        let bad_form = query_on(&sandbox, "b", "x").await.json();
        assert_eq!((&bad_form["code"], &bad_form["data"]), (&json!(88), &json!({})), "a failure stays one");
    }
}

#[tokio::test]
async fn answers_may_contradict_themselves_at_times_only() {
    let sandbox = sandbox(|a| {
        (a.query_oddity, a.query_oddity_percent) = (Some(QueryOddity::PagesWithoutRows), 40);
    })
    .await;
    checked(&sandbox, PHONE, "b").await;
    let mut odd = 0;
    for _ in 0..100 {
        odd += usize::from(found(&sandbox, "b").await == 0);
    }
    assert!((20..60).contains(&odd), "{odd}");
}

#[tokio::test]
async fn a_fault_may_make_the_next_answer_contradict_itself() {
    let sandbox = sandbox(|_| {}).await;
    checked(&sandbox, PHONE, "b").await;
    let fault = Fault::Contradict(QueryOddity::ResultObject);
    sandbox.set_faults(Faults::none().request(Operation::Any, When::Next(2), fault));
    assert_eq!(submit(&sandbox, PHONE, "").await.code(), 0, "a submit is left alone");
    assert_eq!(query(&sandbox, "b").await.json()["data"]["result"], json!({}));
    assert_eq!(found(&sandbox, "b").await, 1);
}

#[tokio::test]
async fn a_check_that_failed_may_have_no_row() {
    let sandbox = sandbox(|a| a.query_shows_failed = false).await;
    checked(&sandbox, "8613800138000,8613800000114,8613800138001", "b").await;
    let data = query(&sandbox, "b").await.json()["data"].clone();
    assert_eq!((&data["totalSize"], data["result"].as_array().unwrap().len()), (&json!(2), 2));
}

#[tokio::test]
async fn a_ts_that_is_off_by_exactly_a_minute_may_be_refused() {
    for (refuse, codes) in [(false, [0, 1004]), (true, [1004, 1004])] {
        let sandbox = sandbox(|a| a.refuse_at_limit = refuse).await;
        for (off_ms, code) in [60_000, 60_001].into_iter().zip(codes) {
            let ts = (NOW - off_ms).to_string();
            let request = Signed { ts, ..Signed::new(&sandbox, CHECK, order(PHONE, "")) };
            assert_eq!(request.send(&sandbox).await.code(), code, "{refuse} {off_ms}");
        }
    }
}

#[tokio::test]
async fn an_authentication_error_may_come_with_another_http_status() {
    let sandbox = sandbox(|a| (a.auth_status, a.query_right) = (401, QueryRight::Refused)).await;
    let request = Signed { ts: "1".to_owned(), ..Signed::new(&sandbox, CHECK, order(PHONE, "")) };
    let reply = request.send(&sandbox).await;
    assert_eq!((reply.status, reply.code()), (401, 1004));
    let reply = query(&sandbox, "b").await;
    assert_eq!((reply.status, reply.code()), (401, 1005));
    assert_eq!(submit(&sandbox, PHONE, "").await.status, 200);
}

#[tokio::test]
async fn what_a_number_is_said_to_have_cost_need_not_be_what_it_cost() {
    let price: Price = "-1000000".parse().unwrap();
    let told = |a: &mut Assumptions| {
        (a.told_price, a.told_currency) = (ToldPrice::Fixed(price), Some("USD".parse().unwrap()));
    };
    assert_eq!(pushed(told, PHONE).await["cost"], json!({"price": -1_000_000, "currency": "USD"}));
    let sandbox = sandbox(told).await;
    checked(&sandbox, PHONE, "b").await;
    let row = query(&sandbox, "b").await.json()["data"]["result"][0].clone();
    assert_eq!((&row["price"], &row["currency"]), (&json!(-1_000_000), &json!("USD")));
    let instant = Signed::new(&sandbox, GET, order(PHONE, "")).in_v2().send(&sandbox).await.json();
    assert_eq!(instant["data"]["cost"], json!({"price": -1_000_000, "currency": "USD"}));
    assert_eq!(sandbox.ledger().paid("CNY".parse().unwrap()).to_string(), "0.0240", "two checks");
}

#[tokio::test]
async fn a_price_may_be_missing_and_a_currency_in_small_letters() {
    let push = pushed(|a| a.told_price = ToldPrice::Absent, PHONE).await;
    assert!(push.get("cost").is_none() && push["data"].is_object(), "{push}");
    let push = pushed(|a| a.small_currency = true, PHONE).await;
    assert_eq!(push["cost"], json!({"price": 0.012, "currency": "cny"}));
    let sandbox = sandbox(|a| (a.told_price, a.small_currency) = (ToldPrice::Absent, true)).await;
    checked(&sandbox, PHONE, "b").await;
    let row = query(&sandbox, "b").await.json()["data"]["result"][0].clone();
    assert!(row.get("price").is_none() && row["preCheck"] == "YES", "{row}");
}

#[tokio::test]
async fn some_numbers_ask_for_other_prices_and_spellings_in_their_push() {
    for (digits, cost) in [
        ("8613800003210", json!({"price": -1_000_000, "currency": "CNY"})),
        ("8613800003211", json!({"price": 999_999_999, "currency": "CNY"})),
        ("8613800003212", json!({"price": 0.012, "currency": "USD"})),
        ("447900003212", json!({"price": 0.002, "currency": "CNY"})),
        ("8613800003213", json!({"price": 0.012, "currency": "cny"})),
    ] {
        let push = pushed(|_| {}, digits).await;
        assert_eq!((&push["cost"], &push["phone"]), (&cost, &json!(digits)));
    }
    assert_eq!(pushed(|_| {}, "8613800003214").await["phone"], "008613800003214");
}

#[tokio::test]
async fn a_push_may_spell_numbers_in_other_ways() {
    for (spelling, phone) in [(PushPhone::Plus, "+8613800138000"), (PushPhone::DoubleZero, "008613800138000")]
    {
        assert_eq!(pushed(|a| a.push_phone = spelling, PHONE).await["phone"], phone);
    }
    let push = pushed(|a| a.numbers_as_strings = true, PHONE).await;
    assert_eq!((&push["code"], &push["cost"]["price"]), (&json!("0"), &json!("0.0120")));
    assert_eq!(push["data"]["basic"]["numberType"], "2");
}

#[tokio::test]
async fn a_push_that_was_accepted_may_come_again_once() {
    let receiver = Receiver::start().await;
    let sandbox = sandbox(|a| a.repeats_accepted_pushes = true).await;
    submit(&sandbox, "8613800138000,8613800138001", &receiver.field()).await;
    sandbox.advance(SECOND);
    sandbox.settled().await;
    let phones: Vec<String> = receiver.pushes().iter().map(|push| push.json()["phone"].to_string()).collect();
    assert_eq!((phones.len(), phones.iter().collect::<BTreeSet<_>>().len()), (4, 2));
}

#[tokio::test]
async fn a_failed_check_may_be_charged_in_v1_although_its_push_does_not_say_so() {
    let sandbox = sandbox(|a| a.charge_failed_in_v1 = true).await;
    checked(&sandbox, "8613800000114,8613800000266", "b").await;
    assert_eq!(sandbox.ledger().paid("CNY".parse().unwrap()).to_string(), "0.0120", "266 is never charged");
}

#[tokio::test]
async fn a_failed_qxt_query_may_look_otherwise_and_cost_something() {
    let ask = async |sandbox: &Sandbox| {
        let form = format!("apikey={}&mobile=13800000904", sandbox.qxt_api_key());
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        send(sandbox.qxt_addr(), "POST", PRIVACY, &headers, form.as_bytes()).await.unwrap().json()
    };
    for (failure, code, result) in [
        (QxtFailure::Absent, json!(-4), None),
        (QxtFailure::Null, json!(-4), Some(Value::Null)),
        (QxtFailure::Empty, json!(-4), Some(json!(""))),
        (QxtFailure::CodeInQuotes, json!("-4"), None),
    ] {
        let sandbox = sandbox(|a| a.qxt_failure = failure).await;
        let reply = ask(&sandbox).await;
        assert_eq!((&reply["code"], reply.get("result")), (&code, result.as_ref()), "{failure:?}");
        assert_eq!(sandbox.ledger().paid("CNY".parse().unwrap()), Price::ZERO);
    }
    let sandbox = sandbox(|a| a.charge_nothing_found = true).await;
    assert_eq!(ask(&sandbox).await["code"], -4);
    assert_eq!(ask(&sandbox).await["code"], -4);
    assert_eq!(sandbox.ledger().count(Service::Privacy, -4), 2);
    let twice = sandbox.paid_twice();
    assert_eq!((twice.len(), twice[0].charged, twice[0].phone.as_str()), (1, 2, "13*******04"));
}

#[tokio::test]
async fn the_health_page_names_every_assumption() {
    let sandbox = sandbox(|a| a.query_offset = "-03:30".parse().unwrap()).await;
    let page = send(sandbox.nxcloud_addr(), "GET", "/_sandbox/health", &[], b"").await.unwrap().json();
    assert_eq!(page["assumptions"]["query_offset"], "-03:30");
    assert_eq!(page["assumptions"]["query_date"], "ignored");
}
