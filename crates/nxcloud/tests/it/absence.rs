//! What an empty answer to a query says, and what it does not.

use std::collections::BTreeSet;

use numcheck_nxcloud::protocol::BatchNo;
use numcheck_nxcloud::protocol::number_check::QueryRequest;
use numcheck_nxcloud::{CallError, CallErrorKind, QueryPage};
use numcheck_sandbox::{Assumptions, Clock, QueryPace, QueryShows, Sandbox};

use crate::common::{builder, client_in_memory, phones};

/// Noon of 2024-04-22 in Beijing.
const NOON_MS: u64 = 1_713_758_400_000;

const CONTRADICTS_ITSELF: &str = include_str!("../fixtures/query_contradicts_itself.json");
const ONE_ODD_ROW: &str = include_str!("../fixtures/query_page_with_one_odd_row.json");

/// The answer to a query that comes with this status and body.
async fn with_status(status: &str, body: &str) -> Result<QueryPage, CallError> {
    let (client, mut platform) = client_in_memory();
    let batch = QueryRequest::for_batch("2026-11-22".parse().unwrap(), BatchNo::new("b").unwrap());
    let call = tokio::spawn(client.number_check().query(batch).send());
    platform.request().await.answer_with(status, "", body);
    call.await.unwrap()
}

async fn ask(body: &str) -> Result<QueryPage, CallError> {
    with_status("200 OK", body).await
}

/// An answer with these fields in its `data`.
fn data(fields: &str) -> String {
    format!(r#"{{"msg":"Request successful","code":0,"data":{{{fields}}}}}"#)
}

fn found(rows: &str, count: u32) -> String {
    data(&format!(r#""result":[{rows}],"totalSize":{count},"totalPage":{count},"pageSize":100,"page":1"#))
}

#[tokio::test]
async fn an_answer_that_contradicts_itself_is_no_empty_page() {
    let table = [
        (CONTRADICTS_ITSELF.to_owned(), "rows are announced"),
        (data(r#""result":[],"totalSize":0,"totalPage":5"#), "rows are announced"),
        (data(r#""result":[],"totalSize":0,"totalPage":2"#), "rows are announced"),
        (data(r#""result":[],"totalPage":2"#), "rows are announced"),
        (data(r#""result":[],"totalSize":1,"totalPage":0"#), "rows are announced"),
        (data(r#""result":[{"phone":"84"}],"totalSize":0,"totalPage":0"#), "more rows are there"),
        (data(r#""result":[7],"totalSize":0,"totalPage":0"#), "more rows are there"),
        (data(r#""result":{},"totalSize":0,"totalPage":0"#), "no list of what was found"),
        (data(r#""totalSize":0,"totalPage":0"#), "no list of what was found"),
        (data(r#""result":[],"totalSize":0,"totalPage":0,"records":[{"phone":"84"}]"#), "another list"),
        (data(r#""result":[],"totalSize":0,"v2":{"list":{"rows":[1]}}"#), "another list"),
        (data(r#""result":[],"totalSize":0,"page":[1]"#), "another list"),
        (r#"{"code":0,"data":{"result":[],"totalSize":0},"rows":[0]}"#.to_owned(), "another list"),
    ];
    for (body, what) in table {
        let error = ask(&body).await.expect_err(&body);
        assert_eq!(error.kind(), CallErrorKind::Implausible, "{body}");
        assert!(error.has_reply() && error.to_string().contains(what), "{error}: {body}");
    }
    let error = with_status("404 Not Found", &found("", 0)).await.unwrap_err();
    assert_eq!(error.kind(), CallErrorKind::Implausible, "{error}");
}

#[tokio::test]
async fn an_empty_page_with_a_surprise_is_no_clean_absence() {
    for clean in [
        found("", 0),
        data(r#""result":[],"totalSize":0,"totalPage":1"#),
        data(r#""result":[],"totalSize":0"#),
        data(r#""result":[],"totalSize":0,"totalPage":null"#),
    ] {
        let page = ask(&clean).await.unwrap();
        assert!(page.is_clean_absence() && page.is_empty(), "{clean}");
    }
    for unclean in [
        data(r#""result":[],"totalPage":0"#),
        data(r#""result":[],"totalSize":null"#),
        data(r#""result":[],"totalSize":"0""#),
        data(r#""result":[],"totalSize":-1"#),
        data(r#""result":[],"totalSize":0,"totalPage":"many""#),
        data(r#""result":[],"totalSize":0,"records":[]"#),
        data(r#""result":[],"totalSize":0,"total":5"#),
        r#"{"code":"0","data":{"result":[],"totalSize":0}}"#.to_owned(),
        r#"{"code":0,"data":{"result":[],"totalSize":0},"warning":"partial"}"#.to_owned(),
        found(r#"{"phone":"84"}"#, 1),
        found("7", 1),
    ] {
        assert!(!ask(&unclean).await.unwrap().is_clean_absence(), "{unclean}");
    }
    let partial = with_status("206 Partial Content", &found("", 0)).await.unwrap();
    assert!(partial.is_empty() && !partial.is_clean_absence());
}

#[tokio::test]
async fn answers_of_one_kind_have_one_form_whatever_they_found() {
    let usual = ask(&found("", 0)).await.unwrap();
    for same in [
        found(r#"{"phone":"84"}"#, 1),
        found(r#"{"phone":"84","new":1},{"phone":"85"}"#, 2),
        r#"{"data":{"page":1,"totalSize":0,"pageSize":20,"result":[],"totalPage":1},"code":0,"msg":"Request successful"}"#
            .to_owned(),
    ] {
        let same_form = ask(&same).await.unwrap().form().clone();
        assert_eq!((&same_form, same_form.key()), (usual.form(), usual.form().key()), "{same}");
    }
    let whole = found("", 0);
    for (from, to) in [
        ("Request successful", "system busy, try later"),
        (r#""msg""#, r#""message""#),
        (r#""msg":"Request successful","#, ""),
        (r#""code":0"#, r#""code":"0""#),
        (r#""pageSize":100,"#, ""),
        (r#""page":1"#, r#""page":1,"cached":true"#),
        (r#","data""#, r#","traceId":"t","data""#),
        ("Request successful", "request successful"),
    ] {
        let other = ask(&whole.replacen(from, to, 1)).await.unwrap();
        assert_ne!(other.form(), usual.form(), "{to}");
        assert_ne!(other.form().key(), usual.form().key(), "{to}");
    }
    let partial = with_status("206 Partial Content", &whole).await.unwrap();
    assert_ne!(partial.form(), usual.form());
}

#[tokio::test]
async fn a_busy_platforms_clean_empty_list_has_another_form() {
    let busy = ask(&found("", 0).replace("Request successful", "system busy, try later")).await.unwrap();
    let rows = ask(&found(r#"{"phone":"84"}"#, 1)).await.unwrap();
    assert!(busy.is_clean_absence(), "by itself it looks like any other");
    assert_ne!(busy.form(), rows.form());
}

#[tokio::test]
async fn a_form_shows_no_phone_number() {
    let body = r#"{"code":0,"msg":"84981234567 none","84981234567":1,"data":{"result":[],"totalSize":0,"84981234567":0}}"#;
    let shown = format!("{:?}", ask(body).await.unwrap().form());
    assert!(shown.contains("none") && !shown.contains("8123456"), "{shown}");
}

#[tokio::test]
async fn forms_that_differ_in_what_is_masked_only_have_different_keys() {
    let form = async |text: &str| {
        ask(&found("", 0).replace("Request successful", text)).await.unwrap().form().clone()
    };
    let (one, other) = (form("done 84981234567").await, form("done 84987654367").await);
    assert_eq!(format!("{one:?}"), format!("{other:?}"), "masked alike");
    assert_ne!(one.key(), other.key());
    assert!(!one.key().contains("8123456"));
}

#[tokio::test]
async fn the_sandbox_answers_in_one_form_and_names_every_phone_before_it_is_checked() {
    let mut assumptions = Assumptions::default();
    assumptions.query_pace = QueryPace::Off;
    assumptions.query_shows = QueryShows::Accepted;
    let clock = Clock::manual(NOON_MS);
    let sandbox = Sandbox::builder().clock(clock.clone()).assumptions(assumptions).start().await.unwrap();
    let client =
        builder(&sandbox).transport(|transport| transport.clock(move || clock.now_ms())).build().unwrap();
    let batch = |name: &str| BatchNo::new(name).unwrap();
    client.number_check().submit(phones(3)).batch_no(batch("known")).send().await.unwrap();
    let query = |name| {
        client
            .number_check()
            .query(QueryRequest::for_batch("2024-04-22".parse().unwrap(), batch(name)))
            .send()
    };
    let (known, unknown) = (query("known").await.unwrap(), query("unknown").await.unwrap());
    assert_eq!(known.form(), unknown.form());
    assert!(unknown.is_clean_absence() && !known.is_clean_absence());
    assert!(known.rows.iter().all(|row| !row.has_result()), "not one is finished");
    let named: BTreeSet<_> = known.phones().collect();
    let sent = phones(3);
    assert_eq!(named, sent.as_slice().iter().map(|phone| phone.digits().into()).collect());
}

#[tokio::test]
async fn a_row_names_its_phone_however_it_is_spelled_and_finished_or_not() {
    let rows = r#"{"phone":"8498","validity":"YES"},{"phone":8499},{"messageId":"m"},{"phone":"8498"}"#;
    let page = ask(&found(rows, 4)).await.unwrap();
    assert_eq!(page.phones().collect::<Vec<_>>(), ["8498", "8499", "8498"]);
}

#[tokio::test]
async fn a_row_with_an_odd_value_costs_the_page_nothing_but_that_value() {
    let page = ask(ONE_ODD_ROW).await.unwrap();
    assert_eq!((page.rows.len(), page.odd_rows, page.total_rows), (2, 0, Some(2)));
    assert_eq!(page.phones().collect::<Vec<_>>(), ["8613800000001", "8613800000002"]);
    assert!(page.rows.iter().all(|row| row.has_result() && row.price.get().is_some()));
    let drift: Vec<_> = page.drift.iter().map(|drift| drift.place.as_str()).collect();
    assert_eq!(drift, ["number_check.query", "QueryRow.carrier#1", "QueryRow.carrier#2"]);
    assert_eq!(page.body(), ONE_ODD_ROW.as_bytes(), "kept as it came");
}

#[tokio::test]
async fn an_empty_answer_that_had_to_be_mended_is_no_clean_absence() {
    let busy = found("", 0).replace("Request successful", r"busy \ud800");
    assert!(!ask(&busy).await.unwrap().is_clean_absence());
    let twice = data(r#""result":[],"totalSize":3,"totalSize":0"#);
    assert!(!ask(&twice).await.unwrap().is_clean_absence());
    for body in [
        data(r#""result":[{"phone":"84"}],"result":[],"totalSize":0"#),
        r#"{"code":88,"code":0,"data":{"result":[],"totalSize":0}}"#.to_owned(),
    ] {
        let kind = ask(&body).await.expect_err(&body).kind();
        assert!(matches!(kind, CallErrorKind::Implausible | CallErrorKind::NoAnswer), "{kind:?}: {body}");
    }
}
