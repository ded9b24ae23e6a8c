//! Checking WhatsApp codes, against the sandbox over TCP.

use numcheck_nxcloud::protocol::number_check::Submit;
use numcheck_nxcloud::protocol::qxt::Privacy;
use numcheck_nxcloud::protocol::whatsapp::{CheckCode, WhatsAppCode};
use numcheck_nxcloud::protocol::{Class, Lang, VerificationCode};
use numcheck_nxcloud::{ErrorKind, Sent};
use numcheck_sandbox::{Account, Fault, Faults, Operation, Sandbox, When};

use crate::common::{all_of, builder_of, client, phone};

fn code(code: &str) -> VerificationCode {
    VerificationCode::new(code).unwrap()
}

#[tokio::test]
async fn the_right_code_is_ok_and_any_other_a_refusal_with_minus_one() {
    let sandbox = Sandbox::start().await.unwrap();
    let whatsapp = client(&sandbox).whatsapp();
    let verified = whatsapp.clone().check_code(phone("8613800138000"), code("8000")).await.unwrap();
    assert_eq!((verified.text.as_deref(), verified.drift.as_slice()), (Some("Request successful"), &[][..]));
    assert_eq!(verified.body(), br#"{"code":0,"data":null,"message":"Request successful"}"#);

    let error = whatsapp.check_code(phone("8613800138000"), code("8001")).await.unwrap_err();
    assert_eq!(error.code::<CheckCode>(), Some(WhatsAppCode::FAILED));
    assert_eq!(
        (error.code::<Submit>(), error.code::<Privacy>()),
        (None, None),
        "a code is its endpoint's alone"
    );
    assert!(error.may_have_happened(), "a guess may be used up");
    let bodies: Vec<_> = sandbox.journal().requests().map(|request| request.body.expose().to_vec()).collect();
    assert_eq!(bodies[0], br#"{"phone_number":"8613800138000","code":"8000"}"#);
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
        (-1, "FAILED", Class::NoResult, true),
        (9000, "BAD_PARAMETER", Class::BadInput, false),
        (9001, "SYSTEM_ERROR", Class::Platform, true),
        (9007, "NOT_INTEGRATOR", Class::Configuration, false),
        (1001, "MISSING_PARAMETER", Class::Authentication, false),
        (1002, "BAD_PARAMETER", Class::Authentication, false),
        (1003, "BAD_SIGNATURE", Class::Authentication, false),
        (1004, "TIMESTAMP_EXPIRED", Class::Authentication, false),
        (1005, "NOT_PERMITTED", Class::Authentication, false),
        (9009, "", Class::Unknown, true),
    ] {
        sandbox.set_faults(Faults::none().request(Operation::CheckCode, When::Always, Fault::Code(figure)));
        let error = client.whatsapp().check_code(phone("8613800138000"), code("739184")).await.unwrap_err();
        let refusal = error.refusal().unwrap();
        assert_eq!(
            (error.kind(), error.sent(), error.attempts()),
            (ErrorKind::Refused, Sent::Yes, 1),
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
