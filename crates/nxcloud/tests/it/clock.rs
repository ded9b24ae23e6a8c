//! A clock that is wrong: corrected once, by the platform's `Date`, and every attempt signed anew.

use std::time::{Duration, UNIX_EPOCH};

use numcheck_nxcloud::protocol::AuthCode;
use numcheck_nxcloud::protocol::number_check::Submit;
use numcheck_nxcloud::{CallErrorKind, Secret, Sent};
use numcheck_sandbox::{Account, Clock, Sandbox, Service};

use crate::common::{Front, Seen, builder, client_in_memory, phones};

const HOUR_MS: i64 = 3_600_000;
const REFUSED: &str = r#"{"code":1004,"msg":"timestamp expired","data":null}"#;

fn ts(request: &Seen) -> i64 {
    request.header("ts").unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_clock_off_by_an_hour_is_corrected_once_and_the_submit_is_charged_once() {
    for off_by in [HOUR_MS, -HOUR_MS] {
        let sandbox = Sandbox::builder().clock(Clock::system_off_by(off_by)).start().await.unwrap();
        let front = Front::start(sandbox.nxcloud_addr(), None).await;
        let client = builder(&sandbox).base_url(format!("http://{}", front.address)).build().unwrap();
        client.number_check().submit(phones(1)).send().await.unwrap();

        let codes: Vec<_> = sandbox.journal().requests().map(|request| request.code).collect();
        assert_eq!(codes, [Some(1004), Some(0)]);
        assert_eq!(sandbox.ledger().count(Service::Basic, 0), 1);

        client.number_check().submit(phones(1)).send().await.unwrap();
        let codes: Vec<_> = sandbox.journal().requests().map(|request| request.code).collect();
        assert_eq!(codes, [Some(1004), Some(0), Some(0)], "the correction stays");

        let requests = front.requests().await;
        let [first, second, third] = requests.as_slice() else {
            panic!("three requests: {}", requests.len())
        };
        assert_eq!(first.body, second.body, "the same bytes in both attempts");
        assert_ne!(first.header("sign"), second.header("sign"), "signed anew");
        // `Date` is good to a second.
        let moved = ts(second) - ts(first);
        assert!((moved - off_by).abs() < HOUR_MS / 2, "{moved}");
        assert!(ts(third) >= ts(second), "fresh in every attempt");
        for request in &requests {
            let input = numcheck_signing::Input {
                access_key: Account::ACCESS_KEY,
                action: request.header("action").unwrap(),
                biz_type: request.header("bizType").unwrap(),
                ts: request.header("ts").unwrap(),
                body: numcheck_signing::Body::Json(&request.body),
            };
            let sign = request.header("sign").unwrap();
            let secret = Secret::from(Account::ACCESS_SECRET);
            numcheck_signing::verify(&input, &secret, numcheck_signing::Algorithm::Md5, sign).unwrap();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_date_that_changes_anything_the_refusal_is_handed_over_at_once() {
    let now = httpdate::fmt_http_date(std::time::SystemTime::now());
    for date in [String::new(), "date: soon\r\n".to_owned(), format!("date: {now}\r\n")] {
        let (client, mut platform) = client_in_memory();
        let call = tokio::spawn(client.number_check().submit(phones(1)).send());
        platform.request().await.answer_with("200 OK", &date, REFUSED);
        let error = call.await.unwrap().unwrap_err();
        assert_eq!(error.code::<Submit>().unwrap().auth(), Some(AuthCode::TIMESTAMP_EXPIRED));
        assert_eq!(
            (error.kind(), error.sent(), error.attempts()),
            (CallErrorKind::Refused, Sent::Yes, 1),
            "{date}"
        );
        assert!(!error.may_have_happened() && platform.waiting().await.is_empty(), "{date}");
    }
}

#[tokio::test(start_paused = true)]
async fn no_other_refusal_is_taken_for_one_of_the_clock() {
    for code in ["1001", "1002", "1003", "1005", "201", "-1004", "10040"] {
        let (client, mut platform) = client_in_memory();
        let call = tokio::spawn(client.number_check().submit(phones(1)).send());
        let date = "date: Fri, 13 Nov 2026 00:00:00 GMT\r\n";
        platform.request().await.answer_with("200 OK", date, REFUSED.replace("1004", code));
        let error = call.await.unwrap().unwrap_err();
        assert_eq!((error.code::<Submit>().unwrap().get().to_string().as_str(), error.attempts()), (code, 1));
        assert!(platform.waiting().await.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn machines_that_disagree_about_the_time_are_not_played_ping_pong_with() {
    let (client, mut platform) = client_in_memory();
    let call = tokio::spawn(client.number_check().submit(phones(1)).send());
    for seconds in [1_600_000_000, 1_900_000_000] {
        let date = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(seconds));
        platform.request().await.answer_with("200 OK", &format!("date: {date}\r\n"), REFUSED);
    }
    let error = call.await.unwrap().unwrap_err();
    assert_eq!((error.code::<Submit>().map(|code| code.get()), error.attempts()), (Some(1004), 2), "{error}");
    assert!(error.to_string().starts_with("number_check.submit: attempt 2: refused with 1004 "), "{error}");
    assert!(!error.may_have_happened() && platform.waiting().await.is_empty());
}
