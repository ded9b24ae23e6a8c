//! The embedded register through the facade: the natural order, any shape of `data`, and nothing twice.

use std::time::Duration;

use numcheck_nxcloud::protocol::whatsapp::{
    AppName, CheckCode, CodeMethod, CodeVerification, CreateApp, CreateAppCode, CreateClient, GetCode,
    ListPhones, Login, PhoneListCode, RegisterStatus, WhatsAppCode,
};
use numcheck_nxcloud::protocol::{AppKey, CallbackUrl, Class, Lang, VerificationCode};
use numcheck_nxcloud::transport::{self, RetryPolicy};
use numcheck_nxcloud::{CallError, CallErrorKind, Client, CodeCheck, Sent};
use numcheck_sandbox::{Account, Clock, DataShape, Fault, Faults, Operation, Sandbox, When};
use numcheck_signing::{Algorithm, Body, Input, Secret, sign};

use crate::common::{Front, all_of, builder, builder_of, client, client_in_memory, in_memory, phone};

const PHONE: &str = "8613912345678";
const TOKEN: &str = "50abe943xxxe26128e56b08";

/// The operations of the family, as a test can name them all.
const FAMILY: [Operation; 6] = [
    Operation::Login,
    Operation::CreateApp,
    Operation::ListPhones,
    Operation::GetCode,
    Operation::CheckCode,
    Operation::CreateClient,
];

/// Those that must not be made twice.
const ONCE: [Operation; 4] =
    [Operation::CreateApp, Operation::GetCode, Operation::CheckCode, Operation::CreateClient];

/// Makes a call of this operation, whatever it tells.
async fn call(client: &Client, operation: Operation) -> Result<String, CallError> {
    let whatsapp = client.whatsapp();
    let name = AppName::new("Whatsapp").unwrap();
    let webhook = CallbackUrl::new("https://example.org/canary-hook").unwrap();
    let code = VerificationCode::new("739184").unwrap();
    match operation {
        Operation::Login => whatsapp.login().await.map(|told| format!("{told:?}")),
        Operation::CreateApp => whatsapp.create_app(name, webhook).await.map(|told| format!("{told:?}")),
        Operation::ListPhones => {
            let appkey = AppKey::new(Account::APPKEY).unwrap();
            whatsapp.phone_list(appkey).await.map(|told| format!("{told:?}"))
        }
        Operation::GetCode => {
            whatsapp.get_code(phone(PHONE), CodeMethod::SMS).await.map(|told| format!("{told:?}"))
        }
        Operation::CheckCode => whatsapp.check_code(phone(PHONE), code).await.map(|told| format!("{told:?}")),
        _ => whatsapp.create_client(phone(PHONE)).await.map(|told| format!("{told:?}")),
    }
}

fn requests(sandbox: &Sandbox) -> usize {
    sandbox.journal().requests().count()
}

#[tokio::test]
async fn a_number_is_registered_in_the_natural_order() {
    let sandbox = Sandbox::start().await.unwrap();
    let whatsapp = client(&sandbox).whatsapp();
    let login = whatsapp.clone().login().await.unwrap();
    assert!(login.data.token.get().is_some_and(|token| token.as_str().len() == 32));

    let webhook = CallbackUrl::new("https://example.org/hook").unwrap();
    let app = whatsapp.clone().create_app(AppName::new("Whatsapp").unwrap(), webhook).await.unwrap();
    assert_eq!(app.data.app_id.get().map(|id| id.get()), Some(1000));
    let appkey = AppKey::new(app.data.app_key.get().unwrap().as_str()).unwrap();

    let list = async || {
        let told = whatsapp.clone().phone_list(appkey.clone()).await.unwrap();
        assert_eq!((told.drift.as_slice(), told.data.odd), (&[][..], 0));
        let find = |phone: &&_| shown(phone) == format!("+{PHONE}");
        let phone = told.data.phones.iter().find(find).unwrap();
        (*phone.register_status.get().unwrap(), phone.code_verification_status.get().unwrap().clone())
    };
    assert_eq!(list().await, (RegisterStatus::CREATING, CodeVerification::NOT_VERIFIED));

    let sent = whatsapp.clone().get_code(phone(PHONE), CodeMethod::SMS).await.unwrap();
    assert_eq!((sent.text.as_deref(), sent.drift.as_slice()), (Some("Request successful"), &[][..]));
    let inbox = sandbox.inbox();
    let code = VerificationCode::new(inbox[0].code.as_str()).unwrap();
    let right = whatsapp.clone().check_code(phone(PHONE), code.clone()).await.unwrap();
    assert_eq!(right.data, CodeCheck::Verified);
    assert_eq!(list().await, (RegisterStatus::CREATED, CodeVerification::VERIFIED));
    let wrong = whatsapp.clone().check_code(phone(PHONE), code).await.unwrap();
    assert_eq!(wrong.data, CodeCheck::Wrong, "a code is taken once");

    whatsapp.clone().create_client(phone(PHONE)).await.unwrap();
    assert_eq!(list().await, (RegisterStatus::REGISTERED, CodeVerification::VERIFIED));
}

fn shown(phone: &numcheck_nxcloud::protocol::whatsapp::Phone<'_>) -> String {
    phone.display_phone_number.get().unwrap().as_str().to_owned()
}

#[tokio::test]
async fn a_login_has_an_empty_body_and_is_signed_without_a_body_part() {
    let sandbox = Sandbox::start().await.unwrap();
    let front = Front::start(sandbox.nxcloud_addr(), None).await;
    let client = builder(&sandbox).base_url(format!("http://{}", front.address)).build().unwrap();
    client.whatsapp().login().await.unwrap();
    let sent = front.requests().await.remove(0);
    assert_eq!((sent.body.as_slice(), sent.header("content-length")), (&b""[..], Some("0")));
    assert_eq!((sent.header("biztype"), sent.header("action")), (Some("2"), Some("login")));
    let ts = sent.header("ts").unwrap();
    let input = |body| Input { access_key: Account::ACCESS_KEY, action: "login", biz_type: "2", ts, body };
    let signed =
        |body| sign(&input(body), &Secret::from(Account::ACCESS_SECRET), Algorithm::Md5).as_str().to_owned();
    assert_eq!(sent.header("sign"), Some(signed(Body::Empty).as_str()));
    assert_ne!(signed(Body::Empty), signed(Body::Json(b"{}")), "{{}} is not an empty body");
    assert_ne!(signed(Body::Empty), signed(Body::Json(b"")), "nor is there a body part");
}

#[tokio::test]
async fn every_operation_takes_data_of_any_shape() {
    let sandbox = Sandbox::start().await.unwrap();
    let client = client(&sandbox);
    for shape in [
        DataShape::Object,
        DataShape::EmptyObject,
        DataShape::List,
        DataShape::EmptyList,
        DataShape::Null,
        DataShape::Absent,
    ] {
        for operation in FAMILY {
            sandbox.set_faults(Faults::none().request(operation, When::Always, Fault::Data(shape)));
            // A number of its own for each client; a number that was sent no code takes its last four digits.
            let fresh = phone(&format!("86139123{}4567", shape as u8 + 1));
            let verify = async || {
                let magic = VerificationCode::new("4567").unwrap();
                client.whatsapp().check_code(fresh, magic).await.map(|told| format!("{told:?}"))
            };
            let told = match operation {
                Operation::CheckCode => verify().await,
                Operation::CreateClient => {
                    verify().await.unwrap();
                    client.whatsapp().create_client(fresh).await.map(|told| format!("{told:?}"))
                }
                operation => call(&client, operation).await,
            };
            told.unwrap_or_else(|error| panic!("{operation:?} {shape:?}: {error}"));
        }
    }
}

#[tokio::test]
async fn what_a_reply_holds_is_told_and_what_it_lacks_is_missing() {
    let told = async |operation: Operation, body: &str| {
        let (client, mut platform) = client_in_memory();
        let (told, ()) = tokio::join!(call(&client, operation), async {
            platform.request().await.answer(body);
        });
        told.unwrap()
    };
    let login = told(Operation::Login, &format!(r#"{{"code":0,"data":{{"token":"{TOKEN}"}}}}"#)).await;
    assert!(login.contains("token: ***") && !login.contains(TOKEN), "{login}");
    for body in [r#"{"code":0,"data":null}"#, r#"{"code":0,"data":[]}"#, r#"{"code":"0","message":"ok"}"#] {
        let login = told(Operation::Login, body).await;
        assert!(login.contains("token: Absent"), "{login}");
        let app = told(Operation::CreateApp, body).await;
        assert!(app.contains("app_id: Absent") && app.contains("app_key: Absent"), "{app}");
        let list = told(Operation::ListPhones, body).await;
        assert!(list.contains("phones: [], odd: 0"), "{list}");
    }
    for (data, odd) in
        [(r#"{}"#, 0), (r#"{"a":1}"#, 1), (r#""x""#, 1), ("[7,[]]", 2), (r#"[{},7]"#, 1), ("[{}]", 0)]
    {
        let list = told(Operation::ListPhones, &format!(r#"{{"code":0,"data":{data}}}"#)).await;
        assert!(list.contains(&format!("odd: {odd} ")), "{data}: {list}");
    }
    let list = told(Operation::ListPhones, r#"{"code":0,"data":[{"status":"ASLEEP","new":1}]}"#).await;
    assert!(list.contains("Phone.status") && list.contains("Phone.new"), "{list}");
}

#[tokio::test]
async fn what_must_not_happen_twice_is_sent_once_whatever_becomes_of_the_answer() {
    let sandbox = Sandbox::start().await.unwrap();
    let client = client(&sandbox);
    for operation in ONCE {
        for (fault, kind, sent) in [
            (Fault::AcceptThenClose, CallErrorKind::Transport, Sent::Maybe),
            (Fault::Close, CallErrorKind::Transport, Sent::Maybe),
            (Fault::NotJson, CallErrorKind::NoAnswer, Sent::Yes),
            (Fault::Respond(503), CallErrorKind::NoAnswer, Sent::Yes),
            (Fault::Respond(504), CallErrorKind::NoAnswer, Sent::Yes),
        ] {
            let (before, codes) = (requests(&sandbox), sandbox.inbox().len());
            sandbox.set_faults(Faults::none().request(operation, When::Always, fault.clone()));
            let error = call(&client, operation).await.unwrap_err();
            let case = format!("{operation:?} {fault:?}: {error}");
            assert_eq!((error.kind(), error.sent(), error.attempts()), (kind, sent, 1), "{case}");
            assert!(error.may_have_happened(), "{case}");
            assert!(
                error.to_string().contains("do not send it again before you know what became of it"),
                "{case}"
            );
            assert_eq!(requests(&sandbox), before + 1, "{case}");
            assert!(sandbox.inbox().len() <= codes + 1, "{case}");
            assert!(!all_of(&error).contains("3912345") && !all_of(&error).contains("canary-hook"), "{case}");
        }
        let before = requests(&sandbox);
        sandbox.set_faults(Faults::none().request(operation, When::Always, Fault::CutReply));
        let error = call(&client, operation).await.unwrap_err();
        assert!(error.may_have_happened() && error.attempts() == 1, "{operation:?}: {error}");
        assert_eq!(requests(&sandbox), before + 1, "{operation:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_must_not_happen_twice_is_sent_once_when_no_answer_comes_in_time() {
    for operation in ONCE {
        let (client, mut platform) = client_in_memory();
        let (error, held) = tokio::join!(call(&client, operation), platform.request());
        let error = error.unwrap_err();
        assert_eq!(
            (error.kind(), error.sent(), error.attempts()),
            (CallErrorKind::Transport, Sent::Maybe, 1),
            "{error}"
        );
        assert!(error.may_have_happened(), "{operation:?}: {error}");
        assert!(platform.waiting().await.is_empty(), "{operation:?} was sent once");
        drop(held);
    }
}

#[tokio::test]
async fn what_only_reads_is_asked_again_and_leaves_no_doubt() {
    let sandbox = Sandbox::start().await.unwrap();
    let client = client(&sandbox);
    for operation in [Operation::Login, Operation::ListPhones] {
        for fault in [Fault::AcceptThenClose, Fault::Close, Fault::Respond(503), Fault::CutReply] {
            let before = requests(&sandbox);
            sandbox.set_faults(Faults::none().request(operation, When::Next(1), fault.clone()));
            call(&client, operation).await.unwrap_or_else(|error| panic!("{operation:?} {fault:?}: {error}"));
            assert_eq!(requests(&sandbox), before + 2, "{operation:?} {fault:?}");
        }
        sandbox.set_faults(Faults::none().request(operation, When::Always, Fault::Code(9001)));
        let error = call(&client, operation).await.unwrap_err();
        assert!(!error.may_have_happened(), "{error}");
    }
}

#[tokio::test]
async fn a_get_code_that_was_surely_not_sent_is_tried_again() {
    let sandbox = Sandbox::start().await.unwrap();
    let mut policy = RetryPolicy::default();
    policy.attempts = 2;
    let client = builder(&sandbox).transport(|transport| transport.retry(policy)).build().unwrap();
    sandbox.shutdown().await;
    let error = call(&client, Operation::GetCode).await.unwrap_err();
    assert_eq!((error.sent(), error.attempts(), error.may_have_happened()), (Sent::No, 2, false), "{error}");
    assert_eq!(error.transport_error().unwrap().kind(), transport::SendErrorKind::Connect);
    assert!(error.to_string().contains("not sent"), "{error}");
}

#[tokio::test]
async fn a_refusal_because_of_the_clock_did_nothing_so_the_code_is_sent_once() {
    let clock = Clock::system_off_by(3_600_000);
    let sandbox = Sandbox::builder().clock(clock).start().await.unwrap();
    call(&client(&sandbox), Operation::GetCode).await.unwrap();
    let codes: Vec<_> = sandbox.journal().requests().map(|request| request.code).collect();
    assert_eq!((codes, sandbox.inbox().len()), (vec![Some(1004), Some(0)], 1));
}

#[tokio::test]
async fn every_documented_code_has_a_name_and_advice_with_its_operation() {
    let sandbox = Sandbox::start().await.unwrap();
    let client = client(&sandbox);
    let common = [
        (-1, Some("FAILED"), Class::NoResult),
        (9000, Some("BAD_PARAMETER"), Class::BadInput),
        (9001, Some("SYSTEM_ERROR"), Class::Platform),
        (9007, Some("NOT_INTEGRATOR"), Class::Configuration),
        (1003, Some("BAD_SIGNATURE"), Class::Authentication),
    ];
    for operation in FAMILY {
        let own = |operations, name| {
            if operation == operations { (Some(name), Class::Configuration) } else { (None, Class::Unknown) }
        };
        let more = [
            (9008, own(Operation::ListPhones, "NO_SUCH_APP")),
            (9009, own(Operation::CreateApp, "TOO_MANY_APPS")),
            (9010, own(Operation::ListPhones, "APP_OF_ANOTHER")),
        ];
        let more = more.map(|(code, (name, class))| (code, name, class));
        for (code, name, class) in common.into_iter().chain(more) {
            if (operation, code) == (Operation::CheckCode, -1) {
                // A wrong code, which is no error.
                continue;
            }
            sandbox.set_faults(Faults::none().request(operation, When::Always, Fault::Code(code)));
            let error = call(&client, operation).await.unwrap_err();
            let refusal = error.refusal().unwrap();
            assert_eq!(
                (refusal.code(), refusal.name(), refusal.class()),
                (code, name, class),
                "{operation:?} {error}"
            );
            assert_eq!((error.sent(), error.attempts()), (Sent::Yes, 1));
            assert!(error.to_string().ends_with(refusal.advice(Lang::En)), "{error}");
            let told = [
                (Operation::Login, error.code::<Login>().map(WhatsAppCode::get)),
                (Operation::CreateApp, error.code::<CreateApp>().map(CreateAppCode::get)),
                (Operation::ListPhones, error.code::<ListPhones>().map(PhoneListCode::get)),
                (Operation::GetCode, error.code::<GetCode>().map(WhatsAppCode::get)),
                (Operation::CheckCode, error.code::<CheckCode>().map(WhatsAppCode::get)),
                (Operation::CreateClient, error.code::<CreateClient>().map(WhatsAppCode::get)),
            ];
            for (of, told) in told {
                assert_eq!(told, (of == operation).then_some(code), "a code is its operation's alone");
            }
        }
    }
}

#[tokio::test]
async fn a_platform_that_quotes_what_it_was_sent_does_not_make_anything_show_it() {
    for operation in FAMILY {
        for code in [0, -1] {
            let (dial, mut platform) = in_memory();
            let client = builder_of(&Account::default()).base_url("http://localhost");
            let client = client.transport(|transport| transport.dial(dial)).build().unwrap();
            let told = format!("{PHONE} 739184 {} https://example.org/canary-hook", Account::APPKEY);
            let body = format!(r#"{{"code":{code},"message":"{told}","data":{{"{PHONE}":"{told}"}}}}"#);
            let (answer, ()) = tokio::join!(call(&client, operation), async {
                platform.request().await.answer(&body);
            });
            let shown = match answer {
                Ok(told) => told,
                Err(error) => all_of(&error),
            };
            assert!(!shown.contains("3912345"), "{operation:?}: {shown}");
            match operation {
                Operation::CheckCode => assert!(!shown.contains("739184"), "{shown}"),
                Operation::ListPhones => assert!(!shown.contains(Account::APPKEY), "{shown}"),
                Operation::CreateApp => assert!(!shown.contains("canary-hook"), "{shown}"),
                _ => {}
            }
        }
    }
}

#[tokio::test]
async fn dropping_a_get_code_half_way_sends_nothing_more() {
    let delay = Fault::DelayReply(Duration::from_secs(3600));
    let faults = Faults::none().request(Operation::GetCode, When::Always, delay);
    let sandbox = Sandbox::builder().faults(faults).start().await.unwrap();
    let client = client(&sandbox);
    let call = tokio::spawn(async move { call(&client, Operation::GetCode).await.map(drop) });
    sandbox.journal_when(|journal| journal.requests().count() == 1).await;
    call.abort();
    assert!(call.await.unwrap_err().is_cancelled());
    assert_eq!((sandbox.inbox().len(), requests(&sandbox)), (1, 1));
}

/// An example of the spec.
macro_rules! example {
    ($name:literal) => {
        include_str!(concat!("../../../protocol/tests/fixtures/", $name, ".json")).trim_end()
    };
}

#[tokio::test]
async fn every_example_of_the_documents_is_sent_and_read() {
    let (client, mut platform) = client_in_memory();
    let whatsapp = client.whatsapp();
    let name = || AppName::new("Whatsapp").unwrap();
    let webhook = || CallbackUrl::new("http://my.callback.url/test").unwrap();
    let appkey = || AppKey::new("KI92cew9").unwrap();
    let number = phone("185999");
    let mut answer = async |request: Option<&str>, reply: &str| {
        let asked = platform.request().await;
        // The documents' number is no number; all else is theirs to the letter.
        let request = request.map(|request| request.replace("185xxx99", "185999")).unwrap_or_default();
        assert_eq!(String::from_utf8(asked.seen.body.clone()).unwrap(), request);
        asked.answer(reply);
    };

    let (login, ()) = tokio::join!(whatsapp.clone().login(), answer(None, example!("login_success")));
    assert_eq!(login.unwrap().data.token.get().unwrap().as_str(), TOKEN);
    let (login, ()) = tokio::join!(whatsapp.clone().login(), answer(None, example!("login_failed")));
    assert_eq!(login.unwrap_err().code::<Login>(), Some(WhatsAppCode::FAILED));

    let create = || whatsapp.clone().create_app(name(), webhook());
    let request = Some(example!("create_app_request"));
    let (app, ()) = tokio::join!(create(), answer(request, example!("create_app_success")));
    let app = app.unwrap().data;
    assert_eq!((app.app_id.get().unwrap().get(), app.app_key.get().unwrap().as_str()), (1000, "KI92cew9"));
    let (app, ()) = tokio::join!(create(), answer(request, example!("create_app_too_many")));
    assert_eq!(app.unwrap_err().code::<CreateApp>(), Some(CreateAppCode::TOO_MANY_APPS));

    let list = || whatsapp.clone().phone_list(appkey());
    let request = Some(example!("phone_list_request"));
    let (phones, ()) = tokio::join!(list(), answer(request, example!("phone_list_success")));
    let phones = phones.unwrap();
    assert_eq!((phones.data.phones.len(), phones.data.odd, phones.drift.as_slice()), (2, 0, &[][..]));
    assert_eq!(shown(&phones.data.phones[0]), "+86 xxx 24");
    let (phones, ()) = tokio::join!(list(), answer(request, example!("phone_list_empty")));
    assert!(phones.unwrap().data.phones.is_empty());
    let (phones, ()) = tokio::join!(list(), answer(request, example!("phone_list_no_such_app")));
    assert_eq!(phones.unwrap_err().code::<ListPhones>(), Some(PhoneListCode::NO_SUCH_APP));

    let get_code = whatsapp.clone().get_code(number, CodeMethod::SMS);
    let (sent, ()) =
        tokio::join!(get_code, answer(Some(example!("get_code_request")), example!("get_code_success")));
    assert_eq!(sent.unwrap().drift, []);
    let check = || whatsapp.clone().check_code(number, VerificationCode::new("1541").unwrap());
    let request = Some(example!("check_code_request"));
    let (right, ()) = tokio::join!(check(), answer(request, example!("check_code_success")));
    assert_eq!(right.unwrap().text.as_deref(), Some("Request successful"));
    let (wrong, ()) = tokio::join!(check(), answer(request, example!("check_code_failed")));
    assert_eq!(wrong.unwrap().data, CodeCheck::Wrong);
    let (refused, ()) = tokio::join!(check(), answer(request, example!("check_code_not_authenticated")));
    assert_eq!(refused.unwrap_err().code::<CheckCode>().unwrap().auth().map(|code| code.get()), Some(1003));
    let request = Some(example!("create_client_request"));
    let create = whatsapp.clone().create_client(number);
    let (created, ()) = tokio::join!(create, answer(request, example!("create_client_success")));
    assert_eq!(created.unwrap().drift, []);
}
