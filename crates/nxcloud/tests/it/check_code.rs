//! Checking WhatsApp codes, against the sandbox over TCP.

use numcheck_nxcloud::protocol::number_check::Submit;
use numcheck_nxcloud::protocol::qxt::Privacy;
use numcheck_nxcloud::protocol::whatsapp::{CheckCode, WhatsAppCode};
use numcheck_nxcloud::protocol::{Class, Lang, VerificationCode};
use numcheck_nxcloud::{CallErrorKind, CodeCheck, Sent};
use numcheck_sandbox::{Account, Fault, Faults, Operation, Sandbox, When};

use crate::common::{all_of, builder_of, client, client_in_memory, phone};

fn code(code: &str) -> VerificationCode {
    VerificationCode::new(code).unwrap()
}

#[tokio::test]
async fn a_wrong_code_is_an_answer_and_no_error() {
    let sandbox = Sandbox::start().await.unwrap();
    let whatsapp = client(&sandbox).whatsapp();
    let verified = whatsapp.clone().check_code(phone("8613800138000"), code("8000")).await.unwrap();
    assert_eq!((verified.text.as_deref(), verified.drift.as_slice()), (Some("Request successful"), &[][..]));
    assert_eq!(verified.body(), br#"{"code":0,"data":null,"message":"Request successful"}"#);

    assert_eq!(verified.data, CodeCheck::Verified);

    let wrong = whatsapp.check_code(phone("8613800138000"), code("8001")).await.unwrap();
    assert_eq!((wrong.data, wrong.text.as_deref()), (CodeCheck::Wrong, Some("Request failed")));
    assert_eq!(wrong.body(), br#"{"code":-1,"data":null,"message":"Request failed"}"#);
    assert!(wrong.drift.is_empty(), "{wrong:?}");
    let bodies: Vec<_> = sandbox.journal().requests().map(|request| request.body.expose().to_vec()).collect();
    assert_eq!(bodies[0], br#"{"phone_number":"8613800138000","code":"8000"}"#);
}

#[tokio::test]
async fn a_wrong_codes_answer_keeps_what_is_new_and_a_failing_status_is_a_doubt() {
    let body = r#"{"code":-1,"message":"no 739184","left":2}"#;
    for status in ["200 OK", "500 Internal Server Error"] {
        let (client, mut platform) = client_in_memory();
        let call = tokio::spawn(client.whatsapp().check_code(phone("8613800138000"), code("739184")));
        platform.request().await.answer_with(status, "", body);
        match call.await.unwrap() {
            Ok(wrong) => {
                assert_eq!((status, wrong.data, wrong.drift.len()), ("200 OK", CodeCheck::Wrong, 1));
                assert_eq!(wrong.text.as_deref(), Some("no ***"));
                assert!(!format!("{wrong:?}").contains("739184"), "{wrong:?}");
            }
            Err(error) => {
                assert_eq!(error.code::<CheckCode>(), Some(WhatsAppCode::FAILED), "{status}");
                assert!(error.may_have_happened() && status.starts_with("500"), "a guess may be used up");
                assert_eq!(
                    (error.code::<Submit>(), error.code::<Privacy>()),
                    (None, None),
                    "a code is its endpoint's alone"
                );
            }
        }
    }
}

#[tokio::test]
async fn who_is_no_integrator_is_told_so() {
    let sandbox = Sandbox::start().await.unwrap();
    let client = builder_of(&Account::other()).base_url(sandbox.nxcloud_url()).build().unwrap();
    let error = client.whatsapp().check_code(phone("8613800138000"), code("8000")).await.unwrap_err();
    assert_eq!(error.code::<CheckCode>(), Some(WhatsAppCode::NOT_INTEGRATOR));
    assert!(!error.may_have_happened());
}

#[tokio::test]
async fn every_documented_refusal_says_its_code_name_and_advice() {
    let sandbox = Sandbox::start().await.unwrap();
    let client = client(&sandbox);
    for (figure, name, class, may_have_happened) in [
        (9000, "BAD_PARAMETER", Class::BadInput, false),
        (9001, "SYSTEM_ERROR", Class::Platform, true),
        (9007, "NOT_INTEGRATOR", Class::Configuration, false),
        (1001, "MISSING_PARAMETER", Class::Authentication, false),
        (1002, "BAD_PARAMETER", Class::Authentication, false),
        (1003, "BAD_SIGNATURE", Class::Authentication, false),
        (1004, "TIMESTAMP_EXPIRED", Class::Authentication, false),
        (1005, "NOT_PERMITTED", Class::Authentication, false),
        (1000, "AUTHENTICATION_1000", Class::Authentication, false),
        (1006, "AUTHENTICATION_1006", Class::Authentication, false),
        (1009, "AUTHENTICATION_1009", Class::Authentication, false),
        (9009, "", Class::Unknown, true),
    ] {
        sandbox.set_faults(Faults::none().request(Operation::CheckCode, When::Always, Fault::Code(figure)));
        let error = client.whatsapp().check_code(phone("8613800138000"), code("739184")).await.unwrap_err();
        let refusal = error.refusal().unwrap();
        assert_eq!(
            (error.kind(), error.sent(), error.attempts()),
            (CallErrorKind::Refused, Sent::Yes, 1),
            "{error}"
        );
        assert_eq!((refusal.code(), refusal.name().unwrap_or_default()), (figure, name));
        assert_eq!((refusal.class(), error.may_have_happened()), (class, may_have_happened), "{error}");
        assert_eq!(error.code::<CheckCode>(), Some(WhatsAppCode::new(figure)));
        let text = error.to_string();
        assert!(
            text.starts_with(&format!("whatsapp.check_code: attempt 1: refused with {figure}")),
            "{text}"
        );
        assert!(text.contains(name) && text.ends_with(refusal.advice(Lang::En)), "{text}");
        assert!(!all_of(&error).contains("739184") && !all_of(&error).contains("3800138"), "{text}");
    }
}

#[tokio::test]
async fn a_check_whose_answer_was_lost_is_not_repeated_and_may_have_used_up_a_guess() {
    let sandbox = Sandbox::start().await.unwrap();
    for fault in [Fault::AcceptThenClose, Fault::Close, Fault::CutReply, Fault::NotJson, Fault::Respond(503)]
    {
        let before = sandbox.journal().requests().count();
        sandbox.set_faults(Faults::none().request(Operation::CheckCode, When::Always, fault.clone()));
        let whatsapp = client(&sandbox).whatsapp();
        let error = whatsapp.check_code(phone("8613800138000"), code("8000")).await.unwrap_err();
        assert!(error.may_have_happened() && error.attempts() == 1, "{fault:?}: {error}");
        assert_eq!(sandbox.journal().requests().count(), before + 1, "{fault:?}");
    }
}
