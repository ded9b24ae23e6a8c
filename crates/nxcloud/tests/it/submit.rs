//! Submit, against the sandbox over TCP: jobs that are taken, and every documented refusal.

use std::convert::Infallible;
use std::sync::Arc;

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use numcheck_nxcloud::protocol::number_check::{CheckLevel, Submit, SubmitCode};
use numcheck_nxcloud::protocol::qxt::Privacy;
use numcheck_nxcloud::protocol::whatsapp::CheckCode;
use numcheck_nxcloud::protocol::{AppKey, AuthCode, BatchNo, CallbackUrl, Class, Lang, PhoneList};
use numcheck_nxcloud::{Algorithm, CallError, CallErrorKind, Sent};
use numcheck_sandbox::{Account, Sandbox};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use crate::common::{Front, all_of, builder, builder_of, client, phone, phones};

/// Receives pushes, for as long as the runtime runs.
async fn receiver() -> (CallbackUrl, mpsc::UnboundedReceiver<Value>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/results", listener.local_addr().unwrap());
    let (send, pushes) = mpsc::unbounded_channel();
    let send = Arc::new(send);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let send = Arc::clone(&send);
            let service = service_fn(move |request: Request<hyper::body::Incoming>| {
                let send = Arc::clone(&send);
                async move {
                    let body = request.into_body().collect().await.unwrap().to_bytes();
                    send.send(serde_json::from_slice(&body).unwrap()).unwrap();
                    Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
                }
            });
            tokio::spawn(
                hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service),
            );
        }
    });
    (CallbackUrl::new(&url).unwrap(), pushes)
}

#[tokio::test]
async fn a_job_is_taken_and_its_results_are_pushed_under_its_id_and_batch_number() {
    let sandbox = Sandbox::builder().callback_delay(std::time::Duration::ZERO).start().await.unwrap();
    let (url, mut pushes) = receiver().await;
    let numbers = PhoneList::from_one_country([phone("85251234567"), phone("85261234567")]).unwrap();
    let submit = client(&sandbox).number_check().submit(numbers).callback(url);
    let accepted =
        submit.batch_no(BatchNo::new("2026-11-22").unwrap()).level(CheckLevel::HLR).send().await.unwrap();

    let id = accepted.message_id.unwrap();
    assert_eq!(accepted.batch_no.unwrap().as_str(), "2026-11-22");
    assert_eq!((accepted.text.as_deref(), accepted.drift), (Some("success"), vec![]));
    let mut results = [pushes.recv().await.unwrap(), pushes.recv().await.unwrap()];
    results.sort_by_key(|result| result["phone"].as_str().unwrap().to_owned());
    for (result, phone) in results.iter().zip(["85251234567", "85261234567"]) {
        assert_eq!((&result["phone"], &result["batchNo"]), (&phone.into(), &"2026-11-22".into()));
        assert!(result["messageId"].as_str().unwrap().starts_with(&format!("{id}-")), "{result}");
        assert!(result["data"]["live"].is_object(), "the level was HLR: {result}");
    }
}

#[tokio::test]
async fn what_is_left_out_is_not_sent_and_the_platform_makes_a_batch_number() {
    let sandbox = Sandbox::start().await.unwrap();
    let accepted = client(&sandbox).number_check().submit(phones(1)).send().await.unwrap();
    let journal = sandbox.journal();
    let request = journal.requests().next().unwrap();
    assert_eq!(request.body.expose(), br#"{"phone":"8613800500000","appkey":"sandbox-appkey"}"#);
    assert_eq!(accepted.batch_no.unwrap().as_str(), request.batch_no.as_deref().unwrap());
    assert_eq!(accepted.message_id.unwrap().as_str(), request.message_id.as_deref().unwrap());
}

#[tokio::test]
async fn both_algorithms_sign_what_the_platform_believes() {
    let sandbox = Sandbox::start().await.unwrap();
    let front = Front::start(sandbox.nxcloud_addr(), None).await;
    for algorithm in [Algorithm::Md5, Algorithm::Sha256] {
        let builder = builder(&sandbox).base_url(format!("http://{}", front.address)).algorithm(algorithm);
        builder.build().unwrap().number_check().submit(phones(3)).send().await.unwrap();
    }
    let requests = front.requests().await;
    let [md5, sha256] = requests.as_slice() else { panic!("two requests: {}", requests.len()) };
    assert_eq!((md5.header("algorithm"), md5.header("sign").unwrap().len()), (None, 32));
    assert_eq!((sha256.header("algorithm"), sha256.header("sign").unwrap().len()), (Some("sha256"), 64));
    assert_eq!(md5.header("content-type"), Some("application/json"));
}

/// The documents' table: code, name, class, and whether it may have been charged. Then what no document lists.
const CODES: &[(i64, &str, Class, bool)] = &[
    (201, "BAD_PARAMETER", Class::BadInput, false),
    (202, "BAD_APPKEY", Class::Configuration, false),
    (203, "COUNTRY_NOT_RECOGNISED", Class::BadInput, false),
    (204, "DEDUCTION_FAILED", Class::Platform, true),
    (205, "NO_PRICE", Class::Configuration, false),
    (206, "CHECK_INTERFACE_FAILED", Class::Platform, true),
    (207, "BAD_LEVEL", Class::BadInput, false),
    (210, "CUSTOMER_MISMATCH", Class::Configuration, false),
    (211, "BALANCE_TOO_LOW", Class::Balance, false),
    (212, "BATCH_NO_TOO_LONG", Class::BadInput, false),
    (288, "REQUEST_FAILED", Class::Platform, true),
    (299, "SYSTEM_ERROR", Class::Platform, true),
    (1001, "MISSING_PARAMETER", Class::Authentication, false),
    (1002, "BAD_PARAMETER", Class::Authentication, false),
    (1003, "BAD_SIGNATURE", Class::Authentication, false),
    (1004, "TIMESTAMP_EXPIRED", Class::Authentication, false),
    (1005, "NOT_PERMITTED", Class::Authentication, false),
    (1000, "AUTHENTICATION_1000", Class::Authentication, true),
    (1006, "AUTHENTICATION_1006", Class::Authentication, true),
    (1009, "AUTHENTICATION_1009", Class::Authentication, true),
    (208, "", Class::Unknown, true),
    (77_777, "", Class::Unknown, true),
];

#[tokio::test]
async fn every_documented_refusal_says_its_code_name_and_advice_and_whether_it_may_have_been_charged() {
    let sandbox = Sandbox::start().await.unwrap();
    let client = client(&sandbox);
    for &(code, name, class, may_have_happened) in CODES {
        let submit = client.number_check().submit(phones(2));
        let error =
            submit.batch_no(BatchNo::new(&format!("sandbox-{code}")).unwrap()).send().await.unwrap_err();
        let refusal = error.refusal().unwrap();
        assert_eq!(
            (error.kind(), error.sent(), error.attempts()),
            (CallErrorKind::Refused, Sent::Yes, 1),
            "{error}"
        );
        assert_eq!((refusal.code(), refusal.name().unwrap_or_default()), (code, name));
        assert_eq!((refusal.class(), error.may_have_happened()), (class, may_have_happened), "{error}");
        assert_eq!(error.code::<Submit>(), Some(SubmitCode::new(code)));
        assert_eq!(
            (error.code::<CheckCode>(), error.code::<Privacy>()),
            (None, None),
            "a code is its endpoint's alone"
        );

        let text = error.to_string();
        let start =
            format!("number_check.submit: attempt 1: refused with {code}{} ", format!(" {name}").trim_end());
        assert!(text.replace(':', " ").starts_with(&start.replace(':', " ")), "{text}");
        assert!(text.ends_with(refusal.advice(Lang::En)) && !text.contains('\n'), "{text}");
        assert_eq!(text.contains("nothing was charged"), !may_have_happened, "{text}");
        assert!(!all_of(&error).contains("3800500"), "{text}");
    }
    assert!(sandbox.ledger().lines().is_empty());
    assert_eq!(sandbox.journal().requests().count(), CODES.len(), "none was repeated");
}

async fn refused(submit: numcheck_nxcloud::SubmitCall) -> CallError {
    submit.send().await.unwrap_err()
}

#[tokio::test]
async fn what_the_platform_checks_is_refused_as_documented() {
    let mut poor = Account::default();
    poor.balance.clear();
    let sandbox = Sandbox::builder().account(poor).start().await.unwrap();
    let client = client(&sandbox);
    let submit = || client.number_check().submit(phones(1));
    assert_eq!(refused(submit()).await.code::<Submit>(), Some(SubmitCode::BALANCE_TOO_LOW));
    assert_eq!(
        refused(submit().level(CheckLevel::new(2))).await.code::<Submit>(),
        Some(SubmitCode::BAD_LEVEL)
    );
    let mixed =
        PhoneList::from_one_region([phone("85251234567"), phone("8613800500000")], |_| None::<()>).unwrap();
    let error = refused(client.number_check().submit(mixed)).await;
    assert_eq!(error.code::<Submit>(), Some(SubmitCode::COUNTRY_NOT_RECOGNISED));

    for (appkey, code) in
        [("nobody's", SubmitCode::BAD_APPKEY), (Account::OTHER_APPKEY, SubmitCode::CUSTOMER_MISMATCH)]
    {
        let client = builder(&sandbox).appkey(AppKey::new(appkey).unwrap()).build().unwrap();
        let error = refused(client.number_check().submit(phones(1))).await;
        assert_eq!(error.code::<Submit>(), Some(code), "{error}");
    }
    for (key, secret, code) in [
        ("nobody", Account::ACCESS_SECRET, AuthCode::NOT_PERMITTED),
        (Account::ACCESS_KEY, "not the secret", AuthCode::BAD_SIGNATURE),
    ] {
        let stranger = Account::new(key, secret, Account::APPKEY, Account::QXT_API_KEY);
        let client = builder_of(&stranger).base_url(sandbox.nxcloud_url()).build().unwrap();
        let error = refused(client.number_check().submit(phones(1))).await;
        assert_eq!(error.code::<Submit>().unwrap().auth(), Some(code), "{error}");
        assert!(!error.may_have_happened());
    }
    assert!(sandbox.ledger().lines().is_empty());
}

#[tokio::test]
async fn without_an_appkey_nothing_is_sent_and_the_error_says_how_to_set_one() {
    let sandbox = Sandbox::start().await.unwrap();
    let client =
        numcheck_nxcloud::Client::builder("key", "secret").base_url(sandbox.nxcloud_url()).build().unwrap();
    let error = client.number_check().submit(phones(1)).send().await.unwrap_err();
    assert_eq!((error.kind(), error.sent(), error.attempts()), (CallErrorKind::Value, Sent::No, 0));
    assert_eq!((error.value_error().unwrap().field, error.may_have_happened()), ("appkey", false));
    assert_eq!(
        error.to_string(),
        "number_check.submit: appkey: is needed for number check: set NXCLOUD_APPKEY or ClientBuilder::appkey; not sent"
    );
    assert_eq!(sandbox.journal().requests().count(), 0);
}
