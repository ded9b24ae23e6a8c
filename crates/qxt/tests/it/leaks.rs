//! No key, number or URL with them in any Debug, Display or log, at TRACE, in whatever way a query ends.

use numcheck_qxt::protocol::ApiKey;
use numcheck_qxt::protocol::qxt::Mobile;
use numcheck_qxt::{CallError, Client};
use numcheck_sandbox::{Account, Fault, Faults, Operation, Sandbox, When};
use numcheck_testing::log::Log;

use crate::common::{KEY, all_of, builder_with, client_in_memory, mobile};

/// Answered with the documents' sample, without area, refused, and not found.
const NUMBERS: [&str; 4] = ["18819079212", "13877665412", "13877000905", "13800000904"];
/// What must not be seen: of the key, and of the numbers.
const CANARIES: [&str; 4] = ["canary", "8190792", "8776654", "8770009"];

#[tokio::test]
async fn nothing_secret_is_ever_shown() {
    let log = Log::capture();
    let mut shown = String::new();

    let sandbox = Sandbox::builder().account(Account::new("k", "s", "a", KEY)).start().await.unwrap();
    let builder = |get| builder_with(KEY).base_url(sandbox.qxt_url()).get(get);
    let faults = [
        Fault::Respond(503),
        Fault::Close,
        Fault::AcceptThenClose,
        Fault::NotJson,
        Fault::CutReply,
        Fault::Code(1),
    ];
    for get in [false, true] {
        shown += &format!("{:?}", builder(get));
        let client = builder(get).build().unwrap();
        for fault in [None].into_iter().chain(faults.iter().map(Some)) {
            sandbox.set_faults(fault.map_or_else(Faults::none, |fault| {
                Faults::none().request(Operation::Privacy, When::Always, fault.clone())
            }));
            shown += &ask(&client, NUMBERS.map(mobile)).await;
        }
        sandbox.set_faults(Faults::none());
        shown += &quoting(get).await;
    }
    let client = builder(true).build().unwrap();
    sandbox.shutdown().await;
    shown += &ask(&client, [mobile(NUMBERS[0])]).await;
    shown += &format!("{:?} {:?}", ApiKey::new("canary!"), Mobile::new("138776654120"));

    let log = log.text();
    for expected in ["numcheck_transport", "hyper_util", "qxt.privacy", "TRACE", "WARN"] {
        assert!(log.contains(expected), "the log was captured: {expected}");
    }
    assert!(shown.contains("refused with") && shown.contains("PrivacyResult {"), "{shown}");
    for text in [log, shown] {
        for canary in CANARIES {
            let line = text.lines().find(|line| line.contains(canary));
            assert_eq!(line, None, "{canary}");
        }
    }
}

/// Everything that can be printed of these queries.
async fn ask<const N: usize>(client: &Client, mobiles: [Mobile; N]) -> String {
    let mut many = client.check_many(mobiles, 2);
    let mut shown = format!("{client:?} {many:?}");
    while let Some((mobile, answer)) = many.next().await {
        shown += &format!("{} {mobile:?} {many:?}", mobile.masked());
        match answer {
            Ok(answer) => shown += &format!("{answer:?} {answer:#?}"),
            Err(error) => shown += &show(&error),
        }
    }
    shown
}

fn show(error: &CallError) -> String {
    format!("{} {:?} {:?}", all_of(error), error.reply(), error.refusal())
}

/// A platform that quotes what it was asked, in every place of a reply.
async fn quoting(get: bool) -> String {
    let mut shown = String::new();
    for code in [0, -1] {
        let (client, mut platform) = client_in_memory(get);
        let call = tokio::spawn(client.check(mobile(NUMBERS[1])));
        let told = format!("{KEY} 138-7766-5412 13877665412");
        let cookie = format!("set-cookie: {KEY}\r\n");
        let body = format!(
            r#"{{"code":{code},"reason":"{told}","result":{{"Mobile":"{told}","Status":"13877665412","Area":"13877665412","Now_isp":"13877665412","13877665412":1}}}}"#
        );
        platform.request().await.answer_with("200 13877665412", &cookie, body);
        match call.await.unwrap() {
            Ok(answer) => shown += &format!("{answer:?} {answer:#?}"),
            Err(error) => shown += &show(&error),
        }
    }
    shown
}
