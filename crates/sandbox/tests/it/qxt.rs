//! QXT: every code of its table, both methods, and answers from public data.

use std::net::IpAddr;

use crate::common::{PRIVACY, Reply, privacy, send};
use numcheck_sandbox::{Account, Assumptions, PrivacyAnswer, Sandbox, Service};
use serde_json::json;

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

async fn post(sandbox: &Sandbox, body: &str) -> Reply {
    send(sandbox.qxt_addr(), "POST", PRIVACY, &[FORM], body.as_bytes()).await.unwrap()
}

fn with_key(sandbox: &Sandbox, mobile: &str) -> String {
    format!("apikey={}&mobile={mobile}", sandbox.qxt_api_key())
}

#[tokio::test]
async fn the_documents_samples_are_answered_byte_for_byte() {
    let sandbox = Sandbox::start().await.unwrap();
    assert_eq!(
        privacy(&sandbox, "18819079212").await.body,
        r#"{"code":0,"reason":"Succ","result":{"Mobile":"18819079212","Status":"非隐私号","Area":"广东-深圳","Now_isp":"中国移动"}}"#
    );
    assert_eq!(
        privacy(&sandbox, "18466849135").await.body,
        r#"{"code":0,"reason":"Succ","result":{"Mobile":"18466849135","Status":"隐私号","Area":"上海-上海","Now_isp":"中国移动"}}"#
    );
    // The document shows no reply for the number of its own request.
    assert_eq!(privacy(&sandbox, "16717707933").await.code(), -4);
}

#[tokio::test]
async fn get_and_post_answer_alike_and_the_path_has_no_case() {
    let sandbox = Sandbox::start().await.unwrap();
    let query = with_key(&sandbox, "18819079212");
    let posted = post(&sandbox, &query).await.body;
    for path in [PRIVACY, "/ssphone_privacy"] {
        let got = send(sandbox.qxt_addr(), "GET", &format!("{path}?{query}"), &[], b"").await.unwrap();
        assert_eq!(got.body, posted);
    }
    assert_eq!(posted.len(), post(&sandbox, &query).await.body.len());
}

#[tokio::test]
async fn no_apikey_stands_in_the_journal_of_a_get() {
    let sandbox = Sandbox::start().await.unwrap();
    let path = format!("{PRIVACY}?{}", with_key(&sandbox, "18819079212"));
    send(sandbox.qxt_addr(), "GET", &path, &[], b"").await.unwrap();
    let journal = sandbox.journal();
    let request = journal.requests().next().unwrap();
    assert_eq!(request.path, PRIVACY);
    assert!(!format!("{journal:?}").contains(sandbox.qxt_api_key()));
}

#[tokio::test]
async fn a_missing_parameter_or_a_misshapen_apikey_is_1() {
    let sandbox = Sandbox::start().await.unwrap();
    let key = sandbox.qxt_api_key();
    for body in [
        "",
        "mobile=18819079212",
        &format!("apikey={key}"),
        &format!("apikey={key}&mobile="),
        "apikey=&mobile=18819079212",
        "apikey=short&mobile=18819079212",
        &format!("apikey={key}0&mobile=18819079212"),
        "apikey=7c11272au708345c834b8ue81ac7897-&mobile=18819079212",
    ] {
        assert_eq!(post(&sandbox, body).await.code(), 1, "{body}");
    }
    // A POST that is no form has no parameters.
    let json = [("content-type", "application/json")];
    let reply =
        send(sandbox.qxt_addr(), "POST", PRIVACY, &json, br#"{"mobile":"18819079212"}"#).await.unwrap();
    assert_eq!(reply.code(), 1);
}

#[tokio::test]
async fn an_unknown_apikey_is_minus_1_before_the_number_is_looked_at() {
    let sandbox = Sandbox::start().await.unwrap();
    let reply = post(&sandbox, "apikey=7c11272au708345c834b8ue81ac78972&mobile=1").await;
    assert_eq!(reply.code(), -1);
    assert_eq!(reply.json().get("result"), None);
}

#[tokio::test]
async fn wrong_lengths_are_minus_2_and_wrong_numbers_minus_3() {
    let sandbox = Sandbox::start().await.unwrap();
    for (mobile, code) in [
        ("1", -2),
        ("1881907921", -2),
        ("188190792120", -2),
        ("8618819079212", -2),
        ("12819079212", -3),
        ("28819079212", -3),
        ("1881907921x", -3),
        ("%EF%BC%91%EF%BC%98819079212", -3),
    ] {
        assert_eq!(privacy(&sandbox, mobile).await.code(), code, "{mobile}");
    }
}

#[tokio::test]
async fn a_number_of_unknown_area_is_minus_4_unless_the_switch_makes_one_up() {
    let sandbox = Sandbox::start().await.unwrap();
    assert_eq!(privacy(&sandbox, "16612345678").await.code(), -4);
    let mut assumptions = Assumptions::default();
    assumptions.make_up_unknown_areas = true;
    let sandbox = Sandbox::builder().assumptions(assumptions).start().await.unwrap();
    let result = privacy(&sandbox, "16612345678").await.json()["result"].clone();
    assert!(result["Area"].as_str().unwrap().contains('-'), "{result}");
    assert_eq!(result, privacy(&sandbox, "16612345678").await.json()["result"]);
}

#[tokio::test]
async fn numbers_of_virtual_operators_are_privacy_numbers() {
    let sandbox = Sandbox::start().await.unwrap();
    let reply = privacy(&sandbox, "17000001234").await.json();
    assert_eq!(
        (reply["code"].as_i64(), reply["result"]["Status"].as_str()),
        (Some(0), Some("隐私号")),
        "{reply}"
    );
    assert_eq!(
        privacy(&sandbox, "13000001234").await.json()["result"],
        json!({
            "Mobile": "13000001234", "Status": "非隐私号", "Area": "山东-济南", "Now_isp": "中国联通"
        })
    );
}

#[tokio::test]
async fn a_used_up_balance_is_minus_5_and_only_answers_cost() {
    let mut account = Account::default();
    account.qxt_balance = "0.1".parse().unwrap();
    let sandbox = Sandbox::builder().account(account).start().await.unwrap();
    assert_eq!(privacy(&sandbox, "16612345678").await.code(), -4);
    assert_eq!(privacy(&sandbox, "18819079212").await.code(), 0);
    assert_eq!(privacy(&sandbox, "18819079212").await.code(), 0);
    assert_eq!(privacy(&sandbox, "18819079212").await.code(), -5);
    assert_eq!(sandbox.ledger().count(Service::Privacy, 0), 2);
    assert_eq!(sandbox.ledger().qxt_balance(Account::ACCESS_KEY).unwrap().to_string(), "0.0000");
}

#[tokio::test]
async fn an_address_that_the_account_does_not_allow_is_minus_9() {
    let mut account = Account::default();
    account.qxt_allowed_ips = Some(vec!["192.0.2.1".parse::<IpAddr>().unwrap()]);
    let sandbox = Sandbox::builder().account(account).start().await.unwrap();
    assert_eq!(privacy(&sandbox, "18819079212").await.code(), -9);
}

#[tokio::test]
async fn every_code_known_or_not_can_be_had_by_number() {
    let sandbox = Sandbox::start().await.unwrap();
    for n in 1..=9 {
        assert_eq!(privacy(&sandbox, &format!("1390000090{n}")).await.code(), -n);
    }
    assert_eq!(privacy(&sandbox, "13900000911").await.code(), 1);
    assert!(sandbox.ledger().lines().is_empty());
}

#[tokio::test]
async fn every_status_and_operator_known_or_not_can_be_had_by_number() {
    let sandbox = Sandbox::start().await.unwrap();
    let statuses = ["隐私号", "非隐私号", "疑似隐私号"];
    let operators = ["中国移动", "中国联通", "中国电信", "其它运营商", "新运营商"];
    for (s, status) in statuses.iter().enumerate() {
        for (o, operator) in operators.iter().enumerate() {
            let result =
                privacy(&sandbox, &format!("166120004{}{}", s + 1, o + 1)).await.json()["result"].clone();
            assert_eq!(
                (result["Status"].as_str(), result["Now_isp"].as_str()),
                (Some(*status), Some(*operator))
            );
        }
    }
}

/// What the ledger says of a number: how often it was asked about, and how often charged.
fn counts(sandbox: &Sandbox, mobile: &str) -> (u64, u64) {
    let ledger = sandbox.privacy_ledger();
    let of =
        ledger.iter().find(|count| count.mobile.as_str() == mobile && count.account == Account::ACCESS_KEY);
    of.map_or((0, 0), |count| (count.asked, count.charged))
}

async fn ledger_page(sandbox: &Sandbox) -> serde_json::Value {
    send(sandbox.nxcloud_addr(), "GET", "/_sandbox/privacy.json", &[], b"").await.unwrap().json()
}

#[tokio::test]
async fn the_ledger_of_each_number_counts_what_was_asked_and_what_was_charged() {
    let sandbox = Sandbox::start().await.unwrap();
    for mobile in ["18819079212", "18819079212", "13800000908", "13800000904", "1", "28819079212"] {
        privacy(&sandbox, mobile).await;
    }
    assert_eq!(counts(&sandbox, "18819079212"), (2, 2));
    assert_eq!((counts(&sandbox, "13800000908"), counts(&sandbox, "13800000904")), ((1, 0), (1, 0)));
    assert_eq!(sandbox.privacy_ledger().len(), 3, "what is no mobile number counts for nothing");
    assert_eq!(
        ledger_page(&sandbox).await,
        json!({
            "asked": 4, "numbers": 3, "charged": 2, "asked_twice": 1, "charged_twice": 1, "never_charged": 2
        })
    );
    assert!(!format!("{:?}", sandbox.privacy_ledger()).contains("18819079212"));
}

#[tokio::test]
async fn an_answer_can_be_set_for_any_number_and_taken_back() {
    let sandbox = Sandbox::start().await.unwrap();
    let mobile = "13000001234";
    for code in [1, -1, -4, -5, -8, -9, -77] {
        sandbox.set_privacy_answer(mobile, PrivacyAnswer::Code(code));
        assert_eq!(privacy(&sandbox, mobile).await.code(), code);
    }
    assert_eq!(counts(&sandbox, mobile), (7, 0));
    sandbox.set_privacy_answer(mobile, PrivacyAnswer::Status("疑似".to_owned()));
    assert_eq!(privacy(&sandbox, mobile).await.json()["result"]["Status"], "疑似");
    sandbox.set_privacy_answer(mobile, PrivacyAnswer::AnotherMobile("13000001235".to_owned()));
    assert_eq!(privacy(&sandbox, mobile).await.json()["result"]["Mobile"], "13000001235");
    sandbox.set_privacy_answer(mobile, PrivacyAnswer::OddStatus);
    assert!(privacy(&sandbox, mobile).await.json()["result"]["Status"].is_object());
    sandbox.set_privacy_answer(mobile, None);
    assert_eq!(privacy(&sandbox, mobile).await.json()["result"]["Status"], "非隐私号");
    assert_eq!(counts(&sandbox, mobile), (11, 4));
    assert!(!format!("{:?}", PrivacyAnswer::AnotherMobile(mobile.to_owned())).contains(mobile));
}

#[tokio::test]
async fn what_goes_wrong_after_the_charge_can_be_had_by_number() {
    let sandbox = Sandbox::start().await.unwrap();
    assert_eq!(privacy(&sandbox, "13800000921").await.json()["result"]["Mobile"], "18819079212");
    assert!(privacy(&sandbox, "13800000922").await.json()["result"]["Status"].is_object());
    let body = with_key(&sandbox, "13800000924");
    assert!(send(sandbox.qxt_addr(), "POST", PRIVACY, &[FORM], body.as_bytes()).await.is_none());
    assert_eq!(privacy(&sandbox, "13800000925").await.code(), 0);
    assert!(privacy(&sandbox, "13800000926").await.body.starts_with("<html>"));
    assert_eq!(privacy(&sandbox, "13800000928").await.code(), -8);
    assert_eq!(privacy(&sandbox, "13800000928").await.code(), 0);
    for (mobile, asked) in
        [("13800000921", 1), ("13800000922", 1), ("13800000924", 1), ("13800000926", 1), ("13800000928", 2)]
    {
        assert_eq!(counts(&sandbox, mobile), (asked, 1), "{mobile}");
    }
}

#[tokio::test]
async fn a_number_that_is_charged_and_never_answered_keeps_its_connection_until_the_client_leaves() {
    let sandbox = Sandbox::start().await.unwrap();
    let (address, body) = (sandbox.qxt_addr(), with_key(&sandbox, "13800000923"));
    let asking = tokio::spawn(async move { send(address, "POST", PRIVACY, &[FORM], body.as_bytes()).await });
    sandbox.journal_when(|journal| journal.requests().count() == 1).await;
    assert_eq!(counts(&sandbox, "13800000923"), (1, 1));
    assert!(!asking.is_finished());
    asking.abort();
    // Others are answered meanwhile, and the end of the sandbox waits for nobody.
    assert_eq!(privacy(&sandbox, "18819079212").await.code(), 0);
    sandbox.shutdown().await;
}

#[tokio::test]
async fn a_path_of_its_own_is_served_in_this_spelling_alone() {
    let sandbox = Sandbox::builder().qxt_path("/ssphone_privacy").start().await.unwrap();
    let body = with_key(&sandbox, "18819079212");
    let ask = |path: &'static str| send(sandbox.qxt_addr(), "POST", path, &[FORM], body.as_bytes());
    assert_eq!(ask("/ssphone_privacy").await.unwrap().code(), 0);
    let lost = ask(PRIVACY).await.unwrap();
    assert_eq!(lost.status, 404);
    assert_eq!(lost.json()["paths"], json!(["POST or GET /ssphone_privacy"]));
}
