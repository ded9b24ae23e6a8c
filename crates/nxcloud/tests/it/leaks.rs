//! No secret, verification code, phone number, callback URL or signature in any Debug, Display or log, at TRACE, in whatever way a
//! call ends.

use numcheck_nxcloud::protocol::whatsapp::{AppName, CodeMethod};
use numcheck_nxcloud::protocol::{AppKey, BatchNo, CallbackUrl, PhoneList, VerificationCode};
use numcheck_nxcloud::{CallError, Client};
use numcheck_sandbox::{Account, Clock, Fault, Faults, Operation, Sandbox, When};
use numcheck_testing::log::Log;

use crate::common::{Front, all_of, builder_of, in_memory, phone};

const NUMBERS: [&str; 2] = ["8613877665412", "8613877665413"];
const CODE: &str = "739184";
const URL: &str = "http://127.0.0.1:9/results/canary-capability";

fn account() -> Account {
    Account::new("access-key", "canary-secret", "canary-appkey", &"q".repeat(32))
}

#[tokio::test]
async fn nothing_secret_is_ever_shown() {
    let log = Log::capture();
    let mut shown = String::new();

    // An hour off, so that the first submit is refused and signed again.
    let clock = Clock::system_off_by(3_600_000);
    let sandbox = Sandbox::builder().account(account()).clock(clock).start().await.unwrap();
    let front = Front::start(sandbox.nxcloud_addr(), None).await;
    let builder = || builder_of(&account()).base_url(format!("http://{}", front.address));
    shown += &format!("{:?}", builder());
    let client = builder().build().unwrap();
    let faults = [
        Fault::Respond(503),
        Fault::Close,
        Fault::AcceptThenClose,
        Fault::NotJson,
        Fault::CutReply,
        Fault::Code(-1),
        Fault::Code(211),
    ];
    for fault in [None].into_iter().chain(faults.iter().map(Some)) {
        sandbox.set_faults(fault.map_or_else(Faults::none, |fault| {
            Faults::none().request(Operation::Any, When::Always, fault.clone())
        }));
        shown += &submit(&client).await;
        shown += &check_code(&client).await;
        shown += &register(&client).await;
    }
    shown += &quoting().await;
    sandbox.shutdown().await;
    shown += &submit(&client).await;
    let wrong = Client::builder("access-key", "canary-secret\n").build().unwrap_err();
    shown += &format!("{wrong} {wrong:?}");

    let log = log.text();
    for expected in
        ["numcheck_transport", "hyper_util", "number_check.submit", "clock corrected", "TRACE", "WARN"]
    {
        assert!(log.contains(expected), "the log was captured: {expected}");
    }
    for expected in ["refused with 211", "Accepted {", "Answered {", "SubmitCall {"] {
        assert!(shown.contains(expected), "it was shown: {expected}");
    }
    let signs: Vec<_> =
        front.requests().await.iter().map(|request| request.header("sign").unwrap().to_owned()).collect();
    assert!(signs.len() > 10, "they were sent");
    let canaries = ["canary", "8776654", CODE].into_iter().chain(signs.iter().map(String::as_str));
    for canary in canaries {
        for text in [&log, &shown] {
            let line = text.lines().find(|line| line.contains(canary));
            assert_eq!(line, None, "{canary}");
        }
    }
}

/// Everything that can be printed of a submit.
async fn submit(client: &Client) -> String {
    let numbers = PhoneList::from_one_country(NUMBERS.map(phone)).unwrap();
    let submit = client.number_check().submit(numbers).batch_no(BatchNo::new("batch").unwrap());
    let submit = submit.callback(CallbackUrl::new(URL).unwrap());
    let shown = format!("{client:?} {submit:?} {submit:#?}");
    shown
        + &match submit.send().await {
            Ok(accepted) => format!("{accepted:?} {accepted:#?}"),
            Err(error) => show(&error),
        }
}

/// Everything that can be printed of a check of a code.
async fn check_code(client: &Client) -> String {
    // The sandbox's right code is the number's last four digits; this one is long and wrong, the next one right.
    let mut shown = format!("{:?}", client.whatsapp());
    for code in [CODE, "5412"] {
        let code = VerificationCode::new(code).unwrap();
        shown += &format!("{code:?}");
        shown += &match client.whatsapp().check_code(phone(NUMBERS[0]), code).await {
            Ok(verified) => format!("{verified:?} {verified:#?}"),
            Err(error) => show(&error),
        };
    }
    shown
}

/// Everything that can be printed of the other operations of the embedded register.
async fn register(client: &Client) -> String {
    fn told<T: std::fmt::Debug>(answer: Result<T, CallError>) -> String {
        match answer {
            Ok(answered) => format!("{answered:?} {answered:#?}"),
            Err(error) => show(&error),
        }
    }
    let whatsapp = client.whatsapp();
    let appkey = AppKey::new("canary-appkey").unwrap();
    let name = AppName::new("Whatsapp").unwrap();
    let mut shown = told(whatsapp.clone().login().await);
    shown += &told(whatsapp.clone().create_app(name, CallbackUrl::new(URL).unwrap()).await);
    shown += &told(whatsapp.clone().get_code(phone(NUMBERS[1]), CodeMethod::SMS).await);
    shown += &told(whatsapp.clone().create_client(phone(NUMBERS[0])).await);
    shown + &told(whatsapp.phone_list(appkey).await)
}

fn show(error: &CallError) -> String {
    format!("{} {:?} {:?}", all_of(error), error.reply(), error.refusal())
}

/// A platform that quotes what it was sent, in every place of a reply.
async fn quoting() -> String {
    let mut shown = String::new();
    for code in [0, 201] {
        let (dial, mut platform) = in_memory();
        let client = builder_of(&account()).base_url("http://localhost");
        let client = client.transport(|transport| transport.dial(dial)).build().unwrap();
        let mut answer = async |told: &str| {
            let (status, cookie) = ("200 8613877665412", "set-cookie: canary-secret\r\n");
            let data = r#"{"8613877665412":"x","messageId":{"8613877665412":1}}"#;
            let body =
                format!(r#"{{"code":{code},"msg":"{told} +86 138-7766-5412 13877665413","data":{data}}}"#);
            platform.request().await.answer_with(status, cookie, &body);
        };
        let told = format!("canary-appkey {URL}");
        let (one, ()) = tokio::join!(submit(&client), answer(&told));
        let (two, ()) = tokio::join!(check_code(&client), async {
            answer(CODE).await;
            answer("5412").await;
        });
        shown += &(one + &two);
    }
    shown
}
