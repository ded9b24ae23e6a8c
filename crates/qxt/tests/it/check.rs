//! Single queries, against the sandbox over TCP: answers, how they are asked for, and every documented refusal.

use numcheck_qxt::protocol::number_check::Submit;
use numcheck_qxt::protocol::qxt::{Operator, Privacy, PrivacyStatus, QxtCode};
use numcheck_qxt::protocol::whatsapp::CheckCode;
use numcheck_qxt::protocol::{Class, Lang, Price};
use numcheck_qxt::{CallError, CallErrorKind, Sent};
use numcheck_sandbox::{Account, Fault, Faults, Operation, Sandbox, Service, When};

use crate::common::{Front, all_of, builder, builder_with, client, mobile};

#[tokio::test]
async fn the_documents_samples_are_answered_as_the_documents_say() {
    let sandbox = Sandbox::start().await.unwrap();
    let answer = client(&sandbox).check(mobile("18466849135")).await.unwrap();
    assert_eq!((answer.is_privacy(), answer.status), (Some(true), Some(PrivacyStatus::PRIVACY)));
    assert_eq!((answer.area.as_deref(), answer.operator), (Some("上海-上海"), Some(Operator::CHINA_MOBILE)));
    assert_eq!((answer.reason.as_deref(), answer.drift), (Some("Succ"), vec![]));
    assert_eq!(answer.mobile.unwrap().as_str(), "18466849135");
    let other = client(&sandbox).check(mobile("18819079212")).await.unwrap();
    assert_eq!((other.is_privacy(), other.area.as_deref()), (Some(false), Some("广东-深圳")));
    assert_eq!(sandbox.ledger().count(Service::Privacy, 0), 2);
}

#[tokio::test]
async fn words_that_no_document_lists_are_kept_and_reported() {
    let sandbox = Sandbox::start().await.unwrap();
    let answer = client(&sandbox).check(mobile("13800000435")).await.unwrap();
    assert_eq!(answer.is_privacy(), None);
    assert_eq!(answer.status.unwrap().as_str(), numcheck_sandbox::UNKNOWN_STATUS);
    assert_eq!(answer.operator.unwrap().as_str(), numcheck_sandbox::UNKNOWN_OPERATOR);
    let places: Vec<_> = answer.drift.iter().map(|drift| drift.place.as_str()).collect();
    assert_eq!(places, ["PrivacyResult.status", "PrivacyResult.now_isp"]);
}

#[tokio::test]
async fn a_query_is_a_posted_form_and_nothing_of_it_stands_in_the_url() {
    let sandbox = Sandbox::start().await.unwrap();
    let front = Front::start(sandbox.qxt_addr(), None).await;
    let client = builder(&sandbox).base_url(format!("http://{}", front.address)).build().unwrap();
    client.check(mobile("18819079212")).await.unwrap();
    let requests = front.requests().await;
    let [request] = requests.as_slice() else { panic!("one request: {}", requests.len()) };
    assert_eq!(request.head.lines().next(), Some("POST /ssPhone_Privacy HTTP/1.1"));
    assert_eq!(request.header("content-type"), Some("application/x-www-form-urlencoded"));
    assert_eq!(request.body, format!("apikey={}&mobile=18819079212", Account::QXT_API_KEY).as_bytes());
    assert!(!request.head.contains(Account::QXT_API_KEY) && !request.head.contains("18819079212"));
}

#[tokio::test]
async fn a_query_by_get_stands_in_the_url_alone() {
    let sandbox = Sandbox::start().await.unwrap();
    let front = Front::start(sandbox.qxt_addr(), None).await;
    let client = builder(&sandbox).base_url(format!("http://{}", front.address)).get(true).build().unwrap();
    assert_eq!(client.check(mobile("18466849135")).await.unwrap().is_privacy(), Some(true));
    let requests = front.requests().await;
    let [request] = requests.as_slice() else { panic!("one request: {}", requests.len()) };
    let line = format!("GET /ssPhone_Privacy?apikey={}&mobile=18466849135 HTTP/1.1", Account::QXT_API_KEY);
    assert_eq!(request.head.lines().next(), Some(line.as_str()));
    assert_eq!((request.body.as_slice(), request.header("content-type")), (&b""[..], None));
}

/// The documents' table, each code asked for by its magic number: code, name, class. Then one that no document lists. Only -5 says by its
/// words that nothing was charged.
const CODES: &[(i64, &str, Class, &str)] = &[
    (1, "BAD_PARAMETER", Class::BadInput, "13800000911"),
    (-1, "NO_SUCH_KEY", Class::Authentication, "13800000901"),
    (-2, "BAD_LENGTH", Class::BadInput, "13800000902"),
    (-3, "NOT_MOBILE", Class::BadInput, "13800000903"),
    (-4, "NOTHING_FOUND", Class::NoResult, "13800000904"),
    (-5, "BALANCE_TOO_LOW", Class::Balance, "13800000905"),
    (-8, "SYSTEM_ERROR", Class::Platform, "13800000908"),
    (-9, "IP_NOT_AUTHORISED", Class::Authentication, "13800000909"),
    (-7, "", Class::Unknown, "13800000907"),
];

#[tokio::test]
async fn every_documented_refusal_says_its_code_name_and_advice_and_whether_it_may_have_been_charged() {
    let sandbox = Sandbox::start().await.unwrap();
    let client = client(&sandbox);
    for &(code, name, class, number) in CODES {
        let error = client.check(mobile(number)).await.unwrap_err();
        let refusal = error.refusal().unwrap();
        assert_eq!(
            (error.kind(), error.sent(), error.attempts()),
            (CallErrorKind::Refused, Sent::Yes, 1),
            "{error}"
        );
        assert_eq!((refusal.code(), refusal.name().unwrap_or_default()), (code, name));
        assert_eq!((refusal.class(), error.may_have_happened()), (class, code != -5), "{error}");
        assert_eq!(error.code::<Privacy>(), Some(QxtCode::new(code)));
        assert_eq!(
            (error.code::<Submit>(), error.code::<CheckCode>()),
            (None, None),
            "a code is its endpoint's alone"
        );
        let text = error.to_string();
        let start = format!("qxt.privacy: attempt 1: refused with {code} {name}");
        assert!(text.starts_with(start.trim_end()), "{text}");
        assert!(text.ends_with(refusal.advice(Lang::En)) && !text.contains('\n'), "{text}");
        let charged = if code == -5 { "nothing was charged" } else { "whether it was charged is not known" };
        assert!(text.contains(charged), "{text}");
        let shown = all_of(&error);
        assert!(!shown.contains("0000090") && !shown.contains(Account::QXT_API_KEY), "{shown}");
    }
    assert_eq!(sandbox.ledger().paid(numcheck_qxt::protocol::Currency::new("CNY").unwrap()), Price::ZERO);
    assert_eq!(sandbox.journal().requests().count(), CODES.len(), "none was repeated");
}

async fn refused(builder: numcheck_qxt::ClientBuilder, number: &str) -> CallError {
    builder.build().unwrap().check(mobile(number)).await.unwrap_err()
}

#[tokio::test]
async fn what_the_platform_checks_is_refused_as_documented() {
    let mut poor = Account::default();
    poor.qxt_balance = Price::ZERO;
    let mut elsewhere = Account::new("elsewhere", "secret", "appkey", &"e".repeat(32));
    elsewhere.qxt_allowed_ips = Some(vec![]);
    let sandbox = Sandbox::builder().account(poor).another_account(elsewhere).start().await.unwrap();
    let with = |key: &str| builder_with(key).base_url(sandbox.qxt_url());
    assert_eq!(
        refused(builder(&sandbox), "18819079212").await.code::<Privacy>(),
        Some(QxtCode::BALANCE_TOO_LOW)
    );
    assert_eq!(refused(builder(&sandbox), "12345678901").await.code::<Privacy>(), Some(QxtCode::NOT_MOBILE));
    assert_eq!(refused(with("short"), "18819079212").await.code::<Privacy>(), Some(QxtCode::BAD_PARAMETER));
    assert_eq!(
        refused(with(&"n".repeat(32)), "18819079212").await.code::<Privacy>(),
        Some(QxtCode::NO_SUCH_KEY)
    );
    assert_eq!(
        refused(with(&"e".repeat(32)), "18819079212").await.code::<Privacy>(),
        Some(QxtCode::IP_NOT_AUTHORISED)
    );
}

#[tokio::test]
async fn a_code_of_another_platform_means_nothing_here() {
    let sandbox = Sandbox::start().await.unwrap();
    sandbox.set_faults(Faults::none().request(Operation::Privacy, When::Always, Fault::Code(1004)));
    let error = client(&sandbox).check(mobile("18819079212")).await.unwrap_err();
    let refusal = error.refusal().unwrap();
    assert_eq!((refusal.code(), refusal.class(), error.attempts()), (1004, Class::Unknown, 1), "{error}");
    assert!(error.may_have_happened());
}
