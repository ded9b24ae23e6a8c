//! Whatever comes, every request gets an answer and nothing panics.

use std::time::Duration;

use crate::common::{
    CHECK, CHECK_CODE, CREATE_APP, CREATE_CLIENT, GET_CODE, LOGIN, PHONE_LIST, PRIVACY, QUERY, Signed, order,
    send, submit,
};
use numcheck_sandbox::{Clock, Sandbox};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

fn some<S: Strategy>(strategy: &S, runner: &mut TestRunner) -> S::Value {
    strategy.new_tree(runner).unwrap().current()
}

#[tokio::test]
async fn any_body_that_is_signed_gets_a_documented_code() {
    let sandbox = Sandbox::builder().clock(Clock::manual(1_700_000_000_000)).start().await.unwrap();
    let mut runner = TestRunner::deterministic();
    let piece = select(vec![
        "{",
        "}",
        "[",
        "]",
        ":",
        ",",
        "\"",
        "null",
        "true",
        "1",
        "-1",
        "1e999",
        "\"phone\"",
        "\"appkey\"",
        "\"checkLevel\"",
        "\"batchNo\"",
        "\"drUrl\"",
        "\"phone_number\"",
        "\"method\"",
        "\"sms\"",
        "\"app_name\"",
        "\"webhook\"",
        "\"code\"",
        "\"page\"",
        "\"pageSize\"",
        "\"date\"",
        "\"2023-11-15\"",
        "\"\\u0000\"",
        "\"\\ud800\"",
        "牛",
        "\u{feff}",
        " ",
        "\n",
    ]);
    let bodies = vec(piece, 0..12);
    for _ in 0..300 {
        let body = some(&bodies, &mut runner).concat();
        let check = Signed::new(&sandbox, CHECK, body.clone()).send(&sandbox).await;
        assert!([0, 201].contains(&check.code()), "{body}");
        let code = Signed::new(&sandbox, CHECK_CODE, body.clone()).send(&sandbox).await;
        assert!([0, -1, 9000].contains(&code.code()), "{body}");
        for path in [LOGIN, CREATE_APP, PHONE_LIST, GET_CODE, CREATE_CLIENT] {
            let reply = Signed::new(&sandbox, path, body.clone()).send(&sandbox).await;
            assert!([0, -1, 9000, 9008].contains(&reply.code()), "{path} {body}");
        }
        sandbox.advance(Duration::from_secs(3));
        let query = Signed::new(&sandbox, QUERY, body.clone()).send(&sandbox).await;
        assert!([0, 88, 202].contains(&query.code()), "{body}");
    }
}

#[tokio::test]
async fn any_list_of_anything_is_accepted_or_201_or_203() {
    let sandbox = Sandbox::builder().clock(Clock::manual(1_700_000_000_000)).start().await.unwrap();
    let mut runner = TestRunner::deterministic();
    let lists = vec("[0-9]{1,17}|[+ ()0-9-]{3,20}|\\PC{1,6}", 1..20);
    for level in [1, 4, 5].into_iter().cycle().take(150) {
        let phones = some(&lists, &mut runner).join(",").replace(['\\', '"'], "");
        let reply = submit(&sandbox, &phones, &format!(r#","checkLevel":{level}"#)).await;
        assert!([0, 201, 203].contains(&reply.code()), "{phones}: {reply:?}");
    }
}

#[tokio::test]
async fn every_number_of_5_to_15_digits_comes_to_something() {
    let sandbox = Sandbox::builder().clock(Clock::manual(1_700_000_000_000)).start().await.unwrap();
    let mut runner = TestRunner::deterministic();
    for code in
        ["1", "7", "20", "33", "39", "44", "49", "55", "86", "91", "212", "590", "800", "878", "881", "999"]
    {
        let digits = some(&vec("[0-9]{4,12}", 200), &mut runner);
        let list: Vec<String> = digits.iter().map(|rest| format!("{code}{rest}")).collect();
        for level in [1, 4, 5] {
            let reply = submit(&sandbox, &list.join(","), &format!(r#","checkLevel":{level}"#)).await;
            assert_eq!(reply.code(), 0, "{code}");
        }
    }
    let counted: u64 = sandbox.ledger().lines().iter().map(|line| line.count).sum();
    assert_eq!(counted, 16 * 200 * 3);
}

#[tokio::test]
async fn any_query_gets_a_documented_code() {
    let sandbox = Sandbox::start().await.unwrap();
    let mut runner = TestRunner::deterministic();
    let queries =
        "[a-zA-Z0-9=&%+;]{0,60}|apikey=[a-z0-9]{30,33}&mobile=[0-9]{9,12}|mobile=%(ff|zz|00|E9)&apikey=%";
    for _ in 0..200 {
        let query = some(&queries, &mut runner);
        let path = format!("{PRIVACY}?{query}");
        let reply = send(sandbox.qxt_addr(), "GET", &path, &[], b"").await.unwrap();
        assert!([1, -1].contains(&reply.code()), "{query}");
    }
}

#[tokio::test]
async fn bytes_that_are_no_http_end_the_connection_and_nothing_else() {
    let sandbox = Sandbox::start().await.unwrap();
    let mut runner = TestRunner::deterministic();
    for _ in 0..50 {
        let bytes = some(&vec(any::<u8>(), 1..300), &mut runner);
        for address in [sandbox.nxcloud_addr(), sandbox.qxt_addr()] {
            let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
            stream.write_all(&bytes).await.unwrap();
            stream.shutdown().await.unwrap();
            let mut answer = Vec::new();
            // The connection may end with a reset where not everything was read.
            let _ = stream.read_to_end(&mut answer).await;
        }
    }
    assert_eq!(Signed::new(&sandbox, CHECK, order("8613800138000", "")).send(&sandbox).await.code(), 0);
}
