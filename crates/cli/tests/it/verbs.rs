//! The verbs beside `run`, as processes: what they print, and how they end.

use std::collections::BTreeSet;
use std::fs;
use std::net::TcpListener;
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::help::VERBS;
use crate::support::job::Job;
use crate::support::{Call, Platform, Sandbox, free_address, get, numcheck, push};
use serde_json::{Value, json};

fn keys(object: &Value) -> BTreeSet<&str> {
    object.as_object().unwrap().keys().map(String::as_str).collect()
}

fn set<'a>(names: impl IntoIterator<Item = &'a str>) -> BTreeSet<&'a str> {
    names.into_iter().collect()
}

// --- sandbox

#[test]
fn sandbox_json_prints_one_line_with_six_keys_and_runs_until_sigterm() {
    let sandbox = Sandbox::start();
    let expect = ["nxcloud", "qxt", "access_key", "access_secret", "appkey", "qxt_api_key"];
    assert_eq!(keys(&sandbox.line), set(expect));
    for platform in ["nxcloud", "qxt"] {
        assert!(sandbox.text(platform).starts_with("http://127.0.0.1:"), "{}", sandbox.line);
    }
    assert!(expect.iter().all(|key| !sandbox.text(key).is_empty()));
    sandbox.running.signal("TERM");
    let Sandbox { running, .. } = sandbox;
    let ended = running.end().exits(0);
    assert_eq!((ended.text().lines().count(), ended.stderr.as_str()), (1, ""));
}

#[test]
fn sandbox_prints_the_variables_to_set() {
    let mut running = numcheck(["sandbox"]).start();
    running.wait_for("the sandbox is listening");
    running.signal("INT");
    let ended = running.end().exits(0);
    let names: Vec<&str> = ended.text().lines().map(|line| line.split(['=', ' ']).nth(1).unwrap()).collect();
    let expect = [
        "NXCLOUD_BASE_URL",
        "NXCLOUD_ACCESS_KEY",
        "NXCLOUD_ACCESS_SECRET",
        "NXCLOUD_APPKEY",
        "QXT_BASE_URL",
        "QXT_API_KEY",
    ];
    assert_eq!(names, expect);
}

#[test]
fn sandbox_listens_where_it_is_told() {
    let (nxcloud, qxt) = (free_address(), free_address());
    let sandbox = Sandbox::start_with(&["--nxcloud", &nxcloud, "--qxt", &qxt]);
    assert_eq!(sandbox.text("nxcloud"), format!("http://{nxcloud}"));
    assert_eq!(sandbox.text("qxt"), format!("http://{qxt}"));
    // A second one finds the port taken.
    let ended = numcheck(["sandbox", "--json", "--nxcloud", &nxcloud]).run().exits(1);
    assert!(
        ended.stdout.is_empty() && ended.stderr.contains("the sandbox cannot be started"),
        "{}",
        ended.stderr
    );
}

#[test]
fn sandbox_magic_lists_the_magic_numbers() {
    let ended = numcheck(["sandbox", "--magic"]).run().exits(0);
    let rows: Vec<Vec<&str>> = ended.text().lines().map(|line| line.split('\t').collect()).collect();
    assert!(rows.len() > 20 && rows.iter().all(|row| row.len() == 4), "{rows:?}");
    assert!(rows.iter().any(|row| row[0] == "QXT") && rows.iter().any(|row| row[0] == "checkCode"));
}

// --- submit

#[test]
fn submit_json_prints_one_object_and_results_are_pushed_to_the_dr_url() {
    let sandbox = Sandbox::start_with(&["--callback-delay", "10ms"]);
    let receiver = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/results", receiver.local_addr().unwrap());
    let call = numcheck(["submit", "--phone", "85251234567,+852 5123 4568", "--level", "hlr", "--json"]);
    let call = call.args(["--batch-no", "my-batch", "--dr-url", &url]).envs(sandbox.account());
    let accepted = call.run().exits(0).json();
    assert_eq!(
        keys(&accepted),
        set([
            "outcome",
            "code",
            "numbers",
            "message_id",
            "batch_no",
            "message",
            "dialect",
            "not_taken",
            "reused",
            "waiting",
            "drift",
            "job"
        ])
    );
    assert_eq!(
        (&accepted["outcome"], &accepted["code"], &accepted["numbers"]),
        (&json!("accepted"), &json!(0), &json!(2))
    );
    assert_eq!((&accepted["batch_no"], &accepted["drift"]), (&json!("my-batch"), &json!([])));
    assert_eq!(accepted["message_id"].as_str().unwrap().len(), 32);
    let pushed = crate::support::receive(&receiver);
    assert_eq!((&pushed["batchNo"], pushed["data"]["live"].is_object()), (&json!("my-batch"), true));
}

#[test]
fn submit_without_json_says_it_in_words() {
    let sandbox = Sandbox::start();
    let call = numcheck(["submit", "--phone-file", "-"]).stdin("85251234567\n85251234568,85251234569\n");
    let ended = call.envs(sandbox.account()).run().exits(0);
    assert!(ended.text().starts_with("accepted 3 numbers: message id "), "{}", ended.text());
}

#[test]
fn submit_refused_says_the_code_its_name_and_what_to_do() {
    let sandbox = Sandbox::start();
    let call = numcheck(["submit", "--phone", "85251234567", "--json"]).envs(sandbox.account());
    let ended = call
        .env("NXCLOUD_ACCESS_SECRET", "another")
        .run()
        .exits(3)
        .says("1003 BAD_SIGNATURE")
        .says("Check NXCLOUD_ACCESS_SECRET");
    let refused = ended.json();
    let expect = ["outcome", "code", "name", "message", "advice", "sent", "may_have_been_charged", "error"];
    assert_eq!(keys(&refused), set(expect));
    assert_eq!((&refused["outcome"], &refused["code"]), (&json!("refused"), &json!(1003)));
    assert_eq!((&refused["sent"], &refused["may_have_been_charged"]), (&json!("yes"), &json!(false)));
    // A code on purpose: the batch number asks for it.
    for (code, charged) in [(211, false), (299, true), (4711, true)] {
        let call = numcheck(["submit", "--phone", "85251234567", "--json"]).envs(sandbox.account());
        let refused = call.args(["--batch-no", &format!("sandbox-{code}")]).run().exits(3).json();
        assert_eq!((&refused["code"], &refused["may_have_been_charged"]), (&json!(code), &json!(charged)));
    }
}

#[test]
fn submit_whose_answer_was_lost_is_in_doubt_and_sent_once() {
    let platform = Platform::start();
    let running = numcheck(["submit", "--phone", "85251234567", "--json"]).envs(platform.account()).start();
    platform.submit().lose();
    let ended = running.end().exits(3).says("do not send it again before you know what became of it");
    let lost = ended.json();
    assert_eq!((&lost["outcome"], &lost["sent"]), (&json!("in_doubt"), &json!("maybe")));
    assert_eq!((&lost["may_have_been_charged"], platform.seen().len()), (&json!(true), 1));
}

#[test]
fn submit_that_did_not_leave_says_so() {
    let platform = Platform::start();
    let nobody = format!("http://{}", free_address());
    let call = numcheck(["submit", "--phone", "85251234567", "--json"]).envs(platform.account());
    let ended = call.env("NXCLOUD_BASE_URL", &nobody).run().exits(1).says("not sent");
    let failed = ended.json();
    assert_eq!((&failed["outcome"], &failed["sent"]), (&json!("not_sent"), &json!("no")));
    assert_eq!(failed["may_have_been_charged"], false);
}

#[test]
fn plain_http_to_another_machine_takes_an_explicit_word() {
    let nobody = format!("http://localhost.invalid:{}", free_address().rsplit_once(':').unwrap().1);
    for (verb, variable, code) in [
        (["submit", "--phone=85251234567"], "NXCLOUD_BASE_URL", 1),
        (["privacy", "18466849135"], "QXT_BASE_URL", 3),
    ] {
        let call = || {
            let key = "abcdefghijklmnopqrstuvwxyz012345";
            let account = [
                ("NXCLOUD_ACCESS_KEY", "k"),
                ("NXCLOUD_ACCESS_SECRET", "s"),
                ("NXCLOUD_APPKEY", "a"),
                ("QXT_API_KEY", key),
            ];
            numcheck(verb).envs(account).env(variable, &nobody).arg("--yes")
        };
        call().run().exits(2).says(variable).says("plain http to another machine");
        // Allowed, it fails for another reason: there is no such host.
        call().arg("--allow-plain-http").run().exits(code).says("not sent");
    }
}

#[test]
fn submit_sends_nothing_that_is_wrong() {
    let platform = Platform::start();
    let long = "b".repeat(65);
    for (arguments, word) in [
        (&["--phone", "85251234567,abc"][..], "number 2: it has letters"),
        (&["--phone", "4.47400E+11"], "number 1: a spreadsheet"),
        (&["--phone", ""], "nothing was sent"),
        (&["--phone", "85251234567,447400123456"], "country"),
        (&["--phone", "85251234567", "--batch-no", &long], "64"),
        (&["--phone", "85251234567", "--dr-url", "ftp://x"], "--dr-url"),
        (&["--phone", "85251234567", "--level", "deep"], "basic"),
        (&["--phone-file", "/no/such/file"], "--phone-file"),
        (&[], "--phone"),
    ] {
        numcheck(["submit"]).args(arguments).envs(platform.account()).run().exits(2).says(word);
    }
    assert_eq!(platform.seen(), [""; 0]);
}

// --- whatsapp check-code

fn check_code(sandbox: &Sandbox, phone: &str) -> Call {
    numcheck(["whatsapp", "check-code", "--phone", phone]).envs(sandbox.account())
}

#[test]
fn check_code_reads_the_code_from_standard_input_or_a_file() {
    let sandbox = Sandbox::start();
    let right = json!({"outcome": "verified", "code": 0});
    assert_eq!(
        check_code(&sandbox, "85251234567").arg("--json").stdin("4567\n").run().exits(0).json(),
        right
    );
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("code");
    fs::write(&file, "4567").unwrap();
    let ended = check_code(&sandbox, "+852 5123 4567").arg("--code-file").arg(&file).run().exits(0);
    assert_eq!(ended.text(), "the code is right\n");

    let ended = check_code(&sandbox, "85251234567").arg("--json").stdin("4568").run().exits(3);
    let wrong = ended.json();
    assert_eq!((&wrong["outcome"], &wrong["code"]), (&json!("wrong"), &json!(-1)));
    assert!(!ended.stderr.contains("4568"), "{}", ended.stderr);
}

#[test]
fn check_code_needs_a_code_and_a_phone() {
    let sandbox = Sandbox::start();
    for code in ["", "\n", "45 67", "4567\n4568", "12345678901234567", "验证码"] {
        let ended = check_code(&sandbox, "85251234567").stdin(code).run().exits(2).says("nothing was sent");
        assert!(code.trim().is_empty() || !ended.stderr.contains(code.trim()), "{}", ended.stderr);
    }
    check_code(&sandbox, "abc").stdin("4567").run().exits(2).says("--phone: it has letters");
    check_code(&sandbox, "85251234567").args(["--code-file", "/no/such"]).run().exits(2).says("--code-file");
    // 9007: the account is no integrator.
    assert_eq!(
        check_code(&sandbox, "8613800139007").arg("--json").stdin("9007").run().exits(3).json()["code"],
        9007
    );
}

// --- privacy

#[test]
fn an_empty_environment_variable_counts_as_not_set() {
    let ask = || numcheck(["explain", "211"]).env("NUMCHECK_LOG", "");
    ask().run().exits(0);
    ask().env("NUMCHECK_LANG", "").env("NUMCHECK_JSON", "").run().exits(0).says("");
    ask().env("NUMCHECK_LANG", "x").run().exits(2);
    let receive = numcheck(["receive"]).env("NUMCHECK_LISTEN", "").run().exits(2);
    assert!(receive.stderr.contains("--listen"), "{}", receive.stderr);
}

/// Asked as Chinese ones, these would be paid for and answered about somebody else.
#[test]
fn privacy_refuses_a_number_of_another_country_and_sends_nothing() {
    let sandbox = Sandbox::start();
    for foreign in
        ["+18819079212", "001 881 907 9212", "(+1) 881-907-9212", "+852 5123 4567", "\u{ff0b}18819079212"]
    {
        let ended =
            numcheck(["privacy", "--json", "--yes", "--", foreign]).envs(sandbox.account()).run().exits(3);
        let lines = ended.json_lines();
        assert_eq!(lines[0]["outcome"], "invalid", "{foreign}");
        assert!(lines[0]["error"].as_str().unwrap().contains("of another country"), "{foreign}: {lines:?}");
    }
    let page = get(&format!("{}/_sandbox/privacy.json", sandbox.text("nxcloud"))).unwrap();
    assert!(page.contains("\"asked\":0,"), "{page}");
}

#[test]
fn privacy_says_that_an_answer_is_about_another_number_and_leaves_its_own_in_doubt() {
    let sandbox = Sandbox::start();
    let ended =
        numcheck(["privacy", "--json", "--yes", "13800000921"]).envs(sandbox.account()).run().exits(3);
    let lines = ended.json_lines();
    assert_eq!(
        (&lines[0]["outcome"], &lines[0]["may_have_been_charged"]),
        (&json!("in_doubt"), &json!(true))
    );
    assert!(ended.stderr.contains("about another phone number"), "{}", ended.stderr);
}

#[test]
fn privacy_asks_at_the_path_that_it_is_given() {
    let sandbox = Sandbox::start_with(&["--qxt-path", "/ssphone_privacy"]);
    let ask = || numcheck(["privacy", "--yes", "18819079212"]).envs(sandbox.account());
    let lost = ask().run().exits(3);
    assert!(lost.stderr.contains("HTTP 404"), "{}", lost.stderr);
    ask().arg("--qxt-path").arg("/ssphone_privacy").run().exits(0);
    ask().env("QXT_PATH", "/ssphone_privacy").run().exits(0);
    let wrong = ask().arg("--qxt-path=ssphone_privacy").run().exits(2);
    assert!(wrong.stderr.contains("must begin with `/`"), "{}", wrong.stderr);
    let whole =
        ask().env("QXT_BASE_URL", "http://ps.szqxt.com/ssphone_privacy?apikey=x&mobile=1").run().exits(2);
    assert!(whole.stderr.contains("use https://ps.szqxt.com"), "{}", whole.stderr);
}

#[test]
fn privacy_prints_one_json_object_a_line_in_order() {
    let sandbox = Sandbox::start();
    // Magic: …0004so status and operator, …00090n code -n, …000911 code 1.
    let asked = [
        "18466849135",
        "+86 138 0000 0412",
        "13800000904",
        "not a number",
        "13800000424",
        "13800000911",
        "0086 13800000414",
    ];
    for how in [&[][..], &["--get"], &["--concurrency", "1"]] {
        let ended =
            numcheck(["privacy", "--json"]).args(how).args(asked).envs(sandbox.account()).run().exits(3);
        let lines = ended.json_lines();
        let mobiles: Vec<&str> = lines.iter().map(|line| line["mobile"].as_str().unwrap()).collect();
        let shown = [
            "18466849135",
            "13800000412",
            "13800000904",
            "not a number",
            "13800000424",
            "13800000911",
            "13800000414",
        ];
        assert_eq!(mobiles, shown, "{how:?}");
        let outcomes: Vec<&str> = lines.iter().map(|line| line["outcome"].as_str().unwrap()).collect();
        assert_eq!(outcomes, ["done", "done", "done", "invalid", "done", "refused", "done"]);
        let done = ["mobile", "outcome", "code", "reason", "status", "privacy", "area", "operator"];
        assert_eq!(keys(&lines[0]), set(done));
        assert_eq!(
            (&lines[0]["status"], &lines[0]["privacy"], &lines[0]["area"]),
            (&json!("隐私号"), &json!(true), &json!("上海-上海"))
        );
        assert_eq!((&lines[1]["operator"], &lines[1]["privacy"]), (&json!("中国联通"), &json!(true)));
        assert_eq!((&lines[4]["status"], &lines[4]["privacy"]), (&json!("非隐私号"), &json!(false)));
        assert_eq!((&lines[2]["code"], &lines[5]["code"]), (&json!(-4), &json!(1)));
        assert_eq!(lines[6]["operator"], "其它运营商");
        assert_eq!(keys(&lines[3]), set(["mobile", "outcome", "error"]));
    }
}

#[test]
fn privacy_reads_numbers_from_standard_input_and_says_it_in_words() {
    let sandbox = Sandbox::start();
    let ended = numcheck(["privacy", "-"])
        .envs(sandbox.account())
        .stdin("18466849135\n\n13800000424\n")
        .run()
        .exits(0);
    assert_eq!(ended.text().lines().next().unwrap(), "18466849135\t隐私号\t上海-上海\t中国移动");
    assert_eq!(ended.text().lines().count(), 2);
}

#[test]
fn privacy_prints_one_line_per_number_whatever_the_platform_sends() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let answer = json!({"code": 0, "reason": "Succ", "result": {"Mobile": "18466849135", "Status": "隐私号", "Area": "a\n13800000000\t隐私号", "Now_isp": "\u{1b}[2Jx"}});
    thread::spawn(move || crate::support::answer(&listener, &answer.to_string()));
    let key = "abcdefghijklmnopqrstuvwxyz012345";
    let call = numcheck(["privacy", "18466849135"]).env("QXT_BASE_URL", url).env("QXT_API_KEY", key);
    let ended = call.run().exits(0);
    assert_eq!(ended.text(), "18466849135\t隐私号\ta 13800000000 隐私号\t [2Jx\n");
}

#[test]
fn privacy_words_that_nobody_knows_are_shown_as_they_came() {
    let sandbox = Sandbox::start();
    let ended = numcheck(["privacy", "--json", "13800000435"])
        .envs(sandbox.account())
        .run()
        .exits(3)
        .says("no document lists");
    let line = &ended.json_lines()[0];
    assert_eq!(
        (&line["status"], &line["operator"], &line["privacy"]),
        (&json!("疑似隐私号"), &json!("新运营商"), &Value::Null)
    );
}

#[test]
fn privacy_without_a_key_or_with_a_wrong_one() {
    let sandbox = Sandbox::start();
    let call = || numcheck(["privacy", "--json", "18466849135"]).envs(sandbox.account());
    call().env("QXT_API_KEY", "").run().exits(2).says("QXT_API_KEY is not set");
    let wrong = "unknown0unknown0unknown0unknown0";
    let ended = call().env("QXT_API_KEY", wrong).run().exits(3);
    assert_eq!(ended.json_lines()[0]["code"], -1);
    assert!(!ended.stderr.contains(wrong), "{}", ended.stderr);
}

// --- sign and verify

const SECRET: &str = "abciiiko2k3";
const VECTORS: [(&str, &str); 2] = [
    (r#"{"name":"牛小信","id":10001}"#, "87c3560d3331ae23f1021e2025722354"),
    (r#"{"id":10001,"name":"牛小信"}"#, "7750759da06333f20d0640be09355e34"),
];

fn request(verb: &str) -> Call {
    let call = numcheck([
        verb,
        "--access-key",
        "fme2na3kdi3ki",
        "--ts",
        "1655710885431",
        "--biz-type",
        "1",
        "--action",
        "send",
    ]);
    call.env("NXCLOUD_ACCESS_SECRET", SECRET)
}

#[test]
fn sign_prints_the_sign_of_the_published_vectors_alone() {
    for (body, sign) in VECTORS {
        let ended = request("sign").args(["--body-file", "-"]).stdin(body).run().exits(0);
        assert_eq!((ended.text(), ended.stderr.as_str()), (format!("{sign}\n").as_str(), ""));
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("body.json");
        fs::write(&file, body).unwrap();
        assert_eq!(request("sign").arg("--body-file").arg(&file).run().exits(0).text(), format!("{sign}\n"));
        // The body counts byte for byte.
        let ended = request("sign").args(["--body-file", "-"]).stdin(format!("{body}\n")).run().exits(0);
        assert_ne!(ended.text(), format!("{sign}\n"));
    }
}

#[test]
fn sign_without_a_body_with_sha256_and_showing_the_text_without_the_secret() {
    let none = request("sign").arg("--no-body").run().exits(0);
    let empty = request("sign").args(["--body-file", "-"]).stdin("").run().exits(0);
    assert_ne!(none.text(), empty.text(), "an empty body is signed as one");
    let text = "accessKey=fme2na3kdi3ki&action=send&bizType=1&ts=1655710885431&accessSecret=";
    assert_eq!(none.text().trim(), md5(&format!("{text}{SECRET}")));
    let sha = request("sign").args(["--no-body", "--algorithm", "sha256", "--show-text"]).run().exits(0);
    assert_eq!(sha.text().trim().len(), 64);
    assert!(sha.stderr.starts_with(text) && !sha.stderr.contains(SECRET), "{}", sha.stderr);
}

/// MD5 by the machine's own tool, so that the command is not held against itself.
fn md5(text: &str) -> String {
    let sum = std::process::Command::new("sh")
        .args(["-c", "printf %s \"$1\" | md5sum", "sh", text])
        .output()
        .unwrap();
    String::from_utf8(sum.stdout).unwrap().split(' ').next().unwrap().to_owned()
}

#[test]
fn sign_needs_the_secret_and_exactly_one_kind_of_body() {
    let call = || numcheck(["sign", "--access-key", "k", "--ts", "1", "--biz-type", "1", "--action", "a"]);
    call().arg("--no-body").run().exits(2).says("NXCLOUD_ACCESS_SECRET is not set");
    call().env("NXCLOUD_ACCESS_SECRET", SECRET).run().exits(2).says("--body-file");
    request("sign").args(["--no-body", "--body-file", "-"]).run().exits(2).says("cannot be used with");
    request("sign").args(["--body-file", "/no/such/file"]).run().exits(2).says("--body-file");
    request("sign").args(["--no-body", "--algorithm", "sha1"]).run().exits(2).says("md5");
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("secret");
    fs::write(&file, format!("{SECRET}\n")).unwrap();
    let from_file = call().arg("--no-body").env("NXCLOUD_ACCESS_SECRET_FILE", &file).run().exits(0);
    let from_env = call().arg("--no-body").env("NXCLOUD_ACCESS_SECRET", SECRET).run().exits(0);
    assert_eq!(from_file.text(), from_env.text());
    let both =
        call().arg("--no-body").env("NXCLOUD_ACCESS_SECRET_FILE", &file).env("NXCLOUD_ACCESS_SECRET", SECRET);
    both.run().exits(2).says("are both set");
    call()
        .arg("--no-body")
        .env("NXCLOUD_ACCESS_SECRET_FILE", "/no/such")
        .run()
        .exits(2)
        .says("NXCLOUD_ACCESS_SECRET_FILE");
}

#[test]
fn verify_says_right_wrong_or_stale() {
    let (body, sign) = VECTORS[0];
    let verify = |sign: &str, fresh: &[&str]| {
        request("verify").args(["--body-file", "-", "--sign", sign]).args(fresh).stdin(body).run()
    };
    assert_eq!(verify(sign, &[]).exits(0).text(), "the signature is right\n");
    verify(VECTORS[1].1, &[]).exits(1).says("the signature is wrong");
    verify("", &[]).exits(1).says("the signature is wrong");
    // 60 000 ms are inside, one more is not, either way.
    for (at, code) in [(1655710825431_u64, 0), (1655710945431, 0), (1655710825430, 1), (1655710945432, 1)] {
        verify(sign, &["--fresh-at", &at.to_string()]).exits(code);
    }
    let stale = verify(sign, &["--fresh-at", "now"]).exits(1).says("the signature is right, and not fresh");
    assert!(stale.stdout.is_empty() && !stale.stderr.contains(sign), "{}", stale.stderr);
    verify(sign, &["--fresh-at", "yesterday"]).exits(2).says("--fresh-at");
}

#[test]
fn what_sign_signs_the_sandbox_accepts() {
    let sandbox = Sandbox::start();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis().to_string();
    let body = format!(r#"{{"phone": "85251234567", "appkey":"{}"}}"#, sandbox.text("appkey"));
    let key = sandbox.text("access_key");
    let call =
        numcheck(["sign", "--access-key", key, "--ts", &now, "--biz-type", "1", "--action", "numbercheck"]);
    let signed = call.args(["--body-file", "-"]).envs(sandbox.account()).stdin(body.as_str()).run().exits(0);
    let headers = format!(
        "accessKey: {key}\r\nts: {now}\r\nbizType: 1\r\naction: numbercheck\r\nsign: {}\r\n",
        signed.text().trim()
    );
    let url = format!("{}/api/number/check", sandbox.text("nxcloud"));
    let answer = crate::support::post(&url, &headers, &body).unwrap();
    assert!(answer.contains(r#""code":0"#), "{answer}");
}

// --- explain

#[test]
fn explain_says_what_a_code_means_and_what_to_do() {
    let english = numcheck(["explain", "211"]).run().exits(0);
    assert!(english.text().starts_with("211 BALANCE_TOO_LOW"), "{}", english.text());
    assert!(english.text().contains("nothing is charged"), "{}", english.text());
    let chinese = numcheck(["explain", "211", "--lang", "zh"]).run().exits(0);
    assert!(chinese.text().contains("余额") && chinese.text().contains("不计费"), "{}", chinese.text());
    // A code means something only with its endpoint: every meaning is listed.
    let meanings = numcheck(["explain", "0", "--json"]).run().exits(0).json_lines();
    assert!(meanings.len() >= 4, "{meanings:?}");
    let expect = ["code", "table", "title", "endpoint", "name", "meaning", "charged", "passes", "advice"];
    assert!(meanings.iter().all(|meaning| keys(meaning) == set(expect) && meaning["code"] == 0));
    let tables: BTreeSet<&str> = meanings.iter().map(|meaning| meaning["table"].as_str().unwrap()).collect();
    assert_eq!(tables.len(), meanings.len(), "each table once");
}

#[test]
fn explain_says_whether_a_failure_passes_with_time() {
    for (code, passes, english) in [
        ("112", "yes", "it passes with time"),
        ("-8", "yes", "it passes with time"),
        ("114", "no", "it does not pass with time"),
        ("-4", "no", "it does not pass with time"),
    ] {
        let text = numcheck(["explain", code]).run().exits(0);
        assert!(text.text().contains(english), "{}", text.text());
        let meanings = numcheck(["explain", code, "--json"]).run().exits(0).json_lines();
        assert!(meanings.iter().all(|meaning| meaning["passes"] == passes), "{meanings:?}");
    }
    let unknown = numcheck(["explain", "211"]).run().exits(0);
    assert!(!unknown.text().contains("with time"), "{}", unknown.text());
    let chinese = numcheck(["explain", "112", "--lang", "zh"]).run().exits(0);
    assert!(chinese.text().contains("属暂时性失败"), "{}", chinese.text());
}

#[test]
fn explain_knows_negative_codes_and_says_when_it_knows_none() {
    assert!(numcheck(["explain", "-4"]).run().exits(0).text().starts_with("-4 "));
    let unknown =
        numcheck(["explain", "4711", "--json"]).run().exits(1).says("4711: no document lists this code");
    assert!(unknown.stdout.is_empty());
    numcheck(["explain", "many"]).run().exits(2).says("invalid value");
    numcheck(["explain"]).run().exits(2).says("<CODE>");
}

// --- all of them

#[test]
fn wrong_usage_exits_with_2_and_help_with_0() {
    numcheck(["no-such-verb"]).run().exits(2).says("no-such-verb");
    numcheck([""; 0]).run().exits(2);
    numcheck(["--version"]).run().exits(0);
    numcheck(["explain", "0", "--log", "=="]).run().exits(2).says("--log: not a filter");
    for verb in VERBS {
        let ended = numcheck(verb).arg("--help").run().exits(0);
        assert!(ended.stderr.is_empty() && !ended.stdout.is_empty());
    }
}

#[test]
fn wrong_usage_shows_what_was_typed_where_it_can_be_no_number() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("202611.csv"), "").unwrap();
    for (arguments, shown) in [
        (&["run", "f", "--listen", "0.0.0.0:99999"][..], "'0.0.0.0:99999'"),
        (&["query", "--batch-no", "b", "--date", "2026-13-01"], "'2026-13-01'"),
        (&["run", "f", "--concurrency", "99999"], "'99999'"),
        (&["run", "f", "--wait", "123456 parsecs"], "'123456 parsecs'"),
        (&["run", "f", "202611.csv"], "'202611.csv'"),
        // A number at a wrong place.
        (&["run", "f", "--listen", "8613800138000"], "'861********00'"),
        (&["run", "f", "--wait", "8613800138000"], "'861********00'"),
        (&["run", "f", "8613800138000"], "'***'"),
    ] {
        numcheck(arguments).dir(dir.path()).run().exits(2).says(shown);
    }
}

#[test]
fn data_goes_to_standard_output_and_a_full_one_is_no_success() {
    for arguments in [&["explain", "0"][..], &["sandbox", "--magic"]] {
        let mut command = std::process::Command::new("sh");
        command.args(["-c", "exec \"$@\" >/dev/full", "sh", env!("CARGO_BIN_EXE_numcheck")]);
        Call::new(command).args(arguments).run().exits(1).says("standard output takes no more");
    }
}

#[test]
fn a_run_that_has_ended_listens_no_more() {
    let platform = Platform::start();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("n.txt");
    fs::write(&file, "85251234567\n").unwrap();
    let run = platform.run(&file).dir(dir.path()).start();
    let batch = platform.accept();
    batch.push_all();
    let ended = thread::spawn(move || run.end()).join().unwrap().exits(0);
    assert!(!ended.stdout.is_empty());
    assert!(push(&batch.dr_url, "{}").is_err());
}

// --- texts of the platform

/// Turns the direction of text, ends a line for some, isolates, shows nothing, and ends a line.
const OBEYED: &str = "A\u{1b}[2J\u{202e}B\u{2028}C\u{2067}D\u{feff}E\nWARN F";
const NOT_OBEYED: &str = r"\u{202e}B\u{2028}C\u{2067}D\u{feff}E";

#[track_caller]
fn shows_escaped(stderr: &str, line: &str) {
    let line = stderr.lines().find(|one| one.contains(line));
    assert!(line.is_some_and(|line| line.contains(NOT_OBEYED)), "{stderr:?}");
    assert!(!stderr.lines().any(|line| line.starts_with("WARN F")), "{stderr:?}");
    for char in ['\u{1b}', '\u{202e}', '\u{2028}', '\u{2067}', '\u{feff}'] {
        assert!(!stderr.contains(char), "{stderr:?}");
    }
}

#[test]
fn a_text_of_the_platform_is_escaped_in_logs() {
    let job = Job::of(1);
    let mut run = job.start(&[]);
    // No document lists the code, so nobody knows what it has cost.
    job.platform.submit().refuse(987, OBEYED);
    run.wait_for("in doubt: ");
    run.signal("TERM");
    shows_escaped(&run.end().exits(3).stderr, "WARN numcheck_job::sending: in doubt: ");
}

/// A platform may quote what it was sent, also with another request.
#[test]
fn no_secret_that_the_platform_quotes_is_told() {
    let platform = Platform::start();
    let calls: [&[&str]; 2] = [&["submit", "--phone", "8613912345678"], &["whatsapp", "phone-list"]];
    for arguments in calls {
        let call = numcheck(arguments).envs(platform.account()).start();
        platform.submit().refuse(88, "of TEST-APPKEY, Test-Access-Secret and test-app");
        let ended = call.end().exits_with(&[1, 3]).says("of ***, *** and ***");
        assert!(!ended.stderr.to_lowercase().contains("test-a"), "{}", ended.stderr);
    }
}

#[test]
fn a_summary_as_json_is_json_wherever_it_is_written() {
    let job = Job::of(1);
    let run =
        job.platform.run(&job.path("numbers.txt")).env("NUMCHECK_STORE", job.store()).arg("--json").start();
    job.platform.submit().refuse(202, OBEYED);
    let ended = run.end().exits(3);
    let summary: Vec<Value> =
        ended.stderr.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let [summary] = &summary[..] else { panic!("one line: {}", ended.stderr) };
    assert!(summary["reasons"][0]["reason"].as_str().unwrap().contains('\u{202e}'), "{summary}");
    assert!(!ended.stderr.contains('\u{202e}'), "{}", ended.stderr);
}

#[test]
fn a_text_of_the_platform_is_escaped_in_errors() {
    let platform = Platform::start();
    let calls: [&[&str]; 3] = [
        &["submit", "--phone", "8613912345678"],
        &["whatsapp", "get-code", "--phone", "8613912345678"],
        &["whatsapp", "phone-list"],
    ];
    for arguments in calls {
        let call = numcheck(arguments).envs(platform.account()).start();
        platform.submit().refuse(987, OBEYED);
        shows_escaped(&call.end().exits_with(&[1, 3]).stderr, "refused with 987");
    }
}
