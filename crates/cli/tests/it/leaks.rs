//! No secret, no verification code and no full phone number reaches standard error, a log, an error or `--help`.
//!
//! Every verb runs with canary values at the TRACE level, where things go well and where they go wrong, and everything it says is
//! searched for them. Two exceptions, by the fixed interface: numbers that are arguments (`submit --phone`, `whatsapp … --phone`,
//! `privacy MOBILE`) can be seen in the list of processes, as any argument can; and standard output holds the
//! numbers that were asked for, because they are the data.

use std::fs;
use std::io::Read;
use std::net::TcpListener;
use std::path::PathBuf;
use std::thread;

use crate::help::VERBS;
use crate::support::{Call, Ended, Platform, Sandbox, free_address, numcheck, push};

const ACCESS_SECRET: &str = "canary-access-secret-7QmZ";
const APPKEY: &str = "canary-appkey-9XwK";
const QXT_API_KEY: &str = "canary0qxt0api0key0canary0qxt0ab";
/// A verification code; no figure that occurs otherwise.
const CODE: &str = "KQ7X-90Z4";
/// In the file, in arguments, in pushes.
const NUMBERS: [&str; 3] = ["85251239871", "85251239872", "85251239873"];
const MOBILE: &str = "13912349875";
/// What stands in the capability URL of a push, in this test's own `--dr-url`.
const URL_SECRET: &str = "canary-capability-5TyR";

/// What the platforms know instead: the account of a sandbox process.
struct Place {
    name: &'static str,
    nxcloud: String,
    qxt: String,
}

/// A call with every canary in the environment, in files or as the verb takes it, and everything logged.
fn call(place: &Place, arguments: &[&str]) -> Call {
    numcheck(arguments)
        .envs([("NXCLOUD_BASE_URL", place.nxcloud.as_str()), ("QXT_BASE_URL", place.qxt.as_str())])
        .envs([("NXCLOUD_ACCESS_KEY", "canary-user"), ("NXCLOUD_ACCESS_SECRET", ACCESS_SECRET)])
        .envs([("NXCLOUD_APPKEY", APPKEY), ("QXT_API_KEY", QXT_API_KEY)])
        .envs([("NUMCHECK_LOG", "trace"), ("RUST_BACKTRACE", "full")])
}

/// Longest part of a canary that may stand somewhere: masked numbers show their first three and last two digits.
#[track_caller]
fn silent(what: &str, said: &str) {
    for secret in [ACCESS_SECRET, APPKEY, QXT_API_KEY, CODE, URL_SECRET] {
        assert!(!said.contains(secret), "{what} shows a secret: {}", around(said, secret));
    }
    for number in NUMBERS.into_iter().chain([MOBILE]) {
        for form in [number, &number[2..], &number[3..]] {
            assert!(!said.contains(form), "{what} shows a number: {}", around(said, form));
        }
    }
}

fn around<'a>(said: &'a str, found: &str) -> &'a str {
    said.lines().find(|line| line.contains(found)).unwrap_or_default()
}

#[track_caller]
fn silent_end(what: &str, ended: &Ended) {
    assert!(
        ended.stderr.contains("TRACE") || ended.stderr.contains("DEBUG"),
        "{what} logs: {}",
        ended.stderr
    );
    silent(what, &ended.stderr);
}

struct Files {
    dir: tempfile::TempDir,
}

impl Files {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::write(
            dir.path().join("numbers.csv"),
            format!("who,phone\na,{}\nb,{}\nc,{}\nd,abc\n", NUMBERS[0], NUMBERS[1], NUMBERS[2]),
        )
        .unwrap();
        Self { dir }
    }

    fn numbers(&self) -> String {
        self.path("numbers.csv").to_str().unwrap().to_owned()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }
}

/// A server that reads a little of each connection and closes it.
fn closing_server() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming() {
            let _ = stream.unwrap().read(&mut [0; 2000]);
        }
    });
    url
}

/// A server that repeats what it was sent, as a proxy's error page may.
fn echoing_server(status: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            thread::spawn(move || crate::support::echo(&mut stream, status));
        }
    });
    url
}

/// The verbs of the embedded register, but for check-code, with a number in a file where they take one.
fn register_verbs(files: &Files, webhook: &str) -> Vec<Vec<String>> {
    let number = files.path("number");
    fs::write(&number, NUMBERS[0]).unwrap();
    let (number, key) = (number.to_str().unwrap(), files.path("key"));
    let verbs: [&[&str]; 7] = [
        &["login"],
        &["login", "--show"],
        &["create-app", "--name", "Whatsapp", "--webhook-url", webhook, "--key-file", key.to_str().unwrap()],
        &["phone-list"],
        &["get-code", "--phone-file", number],
        &["get-code", "--method", "voice", "--phone", NUMBERS[1]],
        &["create-client", "--phone-file", number],
    ];
    verbs.map(|verb| verb.iter().map(|word| (*word).to_owned()).collect()).to_vec()
}

/// Every verb that sends something.
fn sending_verbs(place: &Place) {
    let Place { name, .. } = place;
    let files = Files::new();
    let numbers = NUMBERS.join(",");
    let dr_url = format!("http://127.0.0.1:9/{URL_SECRET}");

    let listen = free_address();
    let url = format!("http://{listen}");
    let file = files.numbers();
    let run = call(place, &["run", &file, "--listen", &listen, "--public-url", &url, "--wait", "1s"]);
    let out = files.path("out.csv");
    silent_end(&format!("run at {name}"), &run.arg("-o").arg(&out).run());

    let submit = call(place, &["submit", "--phone", &numbers, "--dr-url", &dr_url, "--json"]).run();
    silent_end(&format!("submit at {name}"), &submit);
    // The words that stand in for an answer are printed, too, and hold none either.
    silent(&format!("submit --json at {name}"), submit.text());

    let get = call(place, &["get", "--phone-file", "-", "--json"]).stdin(NUMBERS[0]).run();
    silent_end(&format!("get at {name}"), &get);
    silent(&format!("get --json at {name}"), get.text());

    let check = call(place, &["whatsapp", "check-code", "--phone", NUMBERS[0], "--json"]).stdin(CODE).run();
    silent_end(&format!("check-code at {name}"), &check);
    silent(&format!("check-code --json at {name}"), check.text());

    for arguments in register_verbs(&files, &dr_url) {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let what = format!("{arguments:?} at {name}");
        let ended = call(place, &["whatsapp"]).args(&arguments).arg("--json").run();
        silent_end(&what, &ended);
        silent(&what, ended.text());
    }

    for get in [&[][..], &["--get"]] {
        let privacy = call(place, &["privacy", MOBILE, "--json"]).args(get).run();
        silent_end(&format!("privacy {get:?} at {name}"), &privacy);
        // It prints the number that was asked about, and nothing else of it.
        let text = privacy.text().replacen(&format!(r#""mobile":"{MOBILE}""#), "", 1);
        silent(&format!("privacy --json {get:?} at {name}"), &text);
    }
}

#[test]
fn no_verb_shows_a_canary_to_the_sandbox() {
    let sandbox = Sandbox::start_with(&["--callback-delay", "10ms"]);
    // It refuses every one of them: 1005, -1.
    sending_verbs(&Place {
        name: "a sandbox that knows nobody",
        nxcloud: sandbox.text("nxcloud").to_owned(),
        qxt: sandbox.text("qxt").to_owned(),
    });
}

#[test]
fn no_verb_shows_a_canary_where_nobody_listens() {
    let nobody = format!("http://{}", free_address());
    sending_verbs(&Place { name: "a dead port", nxcloud: nobody.clone(), qxt: nobody });
}

#[test]
fn no_verb_shows_a_canary_to_a_server_that_closes() {
    let closing = closing_server();
    sending_verbs(&Place { name: "a closing server", nxcloud: closing.clone(), qxt: closing });
}

#[test]
fn no_verb_shows_a_canary_that_an_error_page_repeats() {
    for status in ["200 OK", "502 Bad Gateway", "307 Temporary Redirect"] {
        let echoing = echoing_server(status);
        sending_verbs(&Place { name: status, nxcloud: echoing.clone(), qxt: echoing });
    }
}

#[test]
fn a_query_shows_numbers_as_data_and_nowhere_else() {
    let arguments = ["query", "--json", "--batch-no", "b", "--date", "2024-04-22", "--phone", NUMBERS[0]];
    for (name, url) in [
        ("a sandbox that knows nobody", Sandbox::start().text("nxcloud").to_owned()),
        ("an echo", echoing_server("200 OK")),
    ] {
        let ended = call(&Place { name, nxcloud: url.clone(), qxt: url }, &arguments).run();
        silent_end(name, &ended);
        silent(name, ended.text());
    }
    let platform = Platform::start();
    let place = Place { name: "", nxcloud: platform.url.clone(), qxt: platform.url.clone() };
    let running = call(&place, &arguments).start();
    let row = |id: &str| {
        format!(
            r#"{{"messageId":"{id}","phone":"{0}","standNumber":"{0}","{0}":1,"price":85251239871}}"#,
            NUMBERS[0]
        )
    };
    let body = format!(
        r#"{{"code":0,"msg":"{} found","data":{{"totalSize":2,"result":[{},{}]}}}}"#,
        NUMBERS[0],
        row("1"),
        row("2")
    );
    platform.submit().answer_http("200 OK", "application/json", &body);
    let ended = running.end().exits(0);
    assert!(ended.text().contains(NUMBERS[0]) && ended.stderr.contains("new field"), "{}", ended.stderr);
    silent_end("a found query", &ended);
}

#[test]
fn a_list_of_phone_numbers_and_a_new_key_are_hidden_wherever_they_stand() {
    let platform = Platform::start();
    let files = Files::new();
    let place = Place { name: "", nxcloud: platform.url.clone(), qxt: platform.url.clone() };
    let phone = format!(
        r#"{{"display_phone_number":"+{0}","verified_name":"{0}","status":"{1}","{2}":{0},"new":[{1}]}}"#,
        NUMBERS[0], NUMBERS[1], NUMBERS[2]
    );
    let list = format!(r#"{{"code":0,"message":"{}","data":[{phone},"{}"]}}"#, NUMBERS[0], NUMBERS[1]);
    for arguments in [&["whatsapp", "phone-list"][..], &["whatsapp", "phone-list", "--json"]] {
        let running = call(&place, arguments).start();
        platform.submit().answer_http("200 OK", "application/json", &list);
        let ended = running.end().exits(0);
        silent_end("phone-list", &ended);
        silent("phone-list", ended.text());
    }
    let app = format!(r#"{{"code":0,"data":{{"app_id":1000,"app_key":"{APPKEY}","{}":1}}}}"#, NUMBERS[0]);
    let (webhook, key) = (format!("http://127.0.0.1:9/{URL_SECRET}"), files.path("key"));
    let create = ["whatsapp", "create-app", "--name", "Shop", "--webhook-url", &webhook, "--key-file"];
    let running = call(&place, &create).arg(&key).start();
    platform.submit().answer_http("200 OK", "application/json", &app);
    let ended = running.end().exits(0);
    silent_end("create-app", &ended);
    silent("create-app", ended.text());
    assert_eq!(fs::read_to_string(&key).unwrap().trim(), APPKEY);
    let running = call(&place, &["whatsapp", "login"]).start();
    let login = format!(r#"{{"code":0,"data":{{"token":"{ACCESS_SECRET}"}}}}"#);
    platform.submit().answer_http("200 OK", "application/json", &login);
    let ended = running.end().exits(0);
    silent_end("login", &ended);
    silent("login", ended.text());
}

#[test]
fn a_refusal_that_repeats_the_number_is_masked() {
    let platform = Platform::start();
    let files = Files::new();
    let place = Place { name: "", nxcloud: platform.url.clone(), qxt: platform.url.clone() };
    let listen = free_address();
    let url = format!("http://{listen}");
    let run = call(&place, &["run", &files.numbers(), "--listen", &listen, "--public-url", &url]).start();
    platform.submit().refuse(203, &format!("cannot tell the country of {} or +852 5123 9871", NUMBERS[0]));
    let ended = run.end();
    assert!(ended.stderr.contains("refused with 203"), "{}", ended.stderr);
    silent_end("run", &ended);
}

#[test]
fn a_run_that_receives_results_shows_none_of_them_and_no_capability() {
    let platform = Platform::start();
    let files = Files::new();
    let place = Place { name: "", nxcloud: platform.url.clone(), qxt: platform.url.clone() };
    let listen = free_address();
    let url = format!("http://{listen}");
    let out = files.path("out.csv");
    let run = call(&place, &["run", &files.numbers(), "--listen", &listen, "--public-url", &url])
        .arg("-o")
        .arg(&out)
        .start();
    let batch = platform.accept();
    let (path, mac) = batch.dr_url.rsplit_once('/').unwrap();
    assert_eq!(push(&format!("{path}/{}x", &mac[..mac.len() - 1]), "{}").unwrap(), 404);
    assert_eq!(push(&batch.dr_url, &format!("{{\"phone\":\"{}\", broken", NUMBERS[0])).unwrap(), 200);
    let mut odd = batch.result(NUMBERS[0]);
    odd["data"]["basic"][NUMBERS[1]] = serde_json::json!(NUMBERS[2]);
    odd["data"]["basic"]["preCheck"] = serde_json::json!(NUMBERS[2]);
    assert_eq!(push(&batch.dr_url, &odd.to_string()).unwrap(), 200);
    batch.push(NUMBERS[1]);
    batch.push(NUMBERS[2]);
    let ended = run.end().exits(3);
    silent_end("run", &ended);
    assert!(!ended.stderr.contains(mac), "{}", around(&ended.stderr, mac));
}

#[test]
fn the_embedded_sandbox_and_the_sandbox_s_own_log_show_no_number() {
    let files = Files::new();
    let place = Place { name: "", nxcloud: String::new(), qxt: String::new() };
    let run =
        call(&place, &["run", &files.numbers(), "--sandbox", "--callback-delay", "10ms"]).run().exits(3);
    silent_end("run --sandbox", &run);

    let mut running = numcheck(["sandbox", "--json", "--callback-delay", "10ms", "--log", "trace"]).start();
    let account: serde_json::Value = serde_json::from_str(&running.stdout_line()).unwrap();
    let text = |key: &str| account[key].as_str().unwrap();
    let with_account = |call: Call| {
        call.envs([
            ("NXCLOUD_BASE_URL", text("nxcloud")),
            ("QXT_BASE_URL", text("qxt")),
            ("QXT_API_KEY", text("qxt_api_key")),
        ])
        .envs([("NXCLOUD_ACCESS_KEY", text("access_key")), ("NXCLOUD_ACCESS_SECRET", text("access_secret"))])
        .env("NXCLOUD_APPKEY", text("appkey"))
    };
    let listen = free_address();
    let url = format!("http://{listen}");
    let run = numcheck(["run", &files.numbers(), "--listen", &listen, "--public-url", &url]);
    with_account(run).run().exits(3);
    let check = numcheck(["whatsapp", "check-code", "--phone", NUMBERS[0]]);
    with_account(check).stdin(CODE).run().exits(3);
    let webhook = format!("http://127.0.0.1:9/{URL_SECRET}");
    for arguments in register_verbs(&files, &webhook) {
        let ended = with_account(numcheck(["whatsapp"]).args(&arguments)).env("NUMCHECK_LOG", "trace").run();
        silent_end(&format!("{arguments:?}"), &ended);
        silent(&format!("{arguments:?}"), ended.text());
    }
    // The codes and the key that came of it, neither in the sandbox's log nor anywhere but where they belong.
    let inbox = crate::support::get(&format!("{}/_sandbox/inbox.json", text("nxcloud"))).unwrap();
    let inbox: serde_json::Value = serde_json::from_str(&inbox).unwrap();
    let key = fs::read_to_string(files.path("key")).unwrap();
    let made: Vec<&str> =
        inbox["messages"].as_array().unwrap().iter().map(|one| one["code"].as_str().unwrap()).collect();
    assert_eq!(made.len(), 2);
    silent("the inbox", &inbox.to_string());
    for get in [&[][..], &["--get"]] {
        with_account(numcheck(["privacy", MOBILE]).args(get)).run();
    }
    running.signal("TERM");
    let ended = running.end().exits(0);
    silent_end("sandbox", &ended);
    for secret in made.into_iter().chain([key.trim()]) {
        assert!(!ended.stderr.contains(secret), "{}", around(&ended.stderr, secret));
    }
    for secret in ["access_secret", "appkey", "qxt_api_key"] {
        assert!(!ended.stderr.contains(text(secret)), "{}", around(&ended.stderr, text(secret)));
    }
}

#[test]
fn verbs_that_send_nothing_show_none_either() {
    let place = Place { name: "", nxcloud: String::new(), qxt: String::new() };
    let signed = ["--ts", "1655710885431", "--biz-type", "1", "--action", "send", "--body-file", "-"];
    let body = format!(r#"{{"phone":"{}","appkey":"{APPKEY}"}}"#, NUMBERS[0]);
    let ended = call(&place, &["sign"]).args(signed).stdin(body.as_str()).run().exits(0);
    silent("sign", &ended.stderr);
    silent("sign", ended.text());
    let ended = call(&place, &["verify", "--sign", "00", "--fresh-at", "now"])
        .args(signed)
        .stdin(body)
        .run()
        .exits(1);
    silent("verify", &ended.stderr);
    silent("explain", &call(&place, &["explain", "0"]).run().exits(0).stderr);
    let ended = call(&place, &["doctor"]).run().exits_with(&[0, 3]);
    silent("doctor", &format!("{}{}", ended.text(), ended.stderr));
}

#[test]
fn secrets_are_never_arguments_so_the_list_of_processes_holds_none() {
    let platform = Platform::start();
    let files = Files::new();
    let place = Place { name: "", nxcloud: platform.url.clone(), qxt: platform.url.clone() };
    let listen = free_address();
    let url = format!("http://{listen}");
    let run = call(&place, &["run", &files.numbers(), "--listen", &listen, "--public-url", &url]).start();
    let submit = platform.submit();
    let arguments = fs::read(format!("/proc/{}/cmdline", run.pid())).unwrap();
    silent("the list of processes", &String::from_utf8_lossy(&arguments));
    submit.refuse(211, "");
    run.end().exits(3);
    // A register verb names its number in a file, and the list of processes holds none.
    let number = files.path("number");
    fs::write(&number, NUMBERS[0]).unwrap();
    let get_code = call(&place, &["whatsapp", "get-code", "--phone-file", number.to_str().unwrap()]).start();
    let request = platform.submit();
    let arguments = fs::read(format!("/proc/{}/cmdline", get_code.pid())).unwrap();
    silent("the list of processes", &String::from_utf8_lossy(&arguments));
    request.answer_http("200 OK", "application/json", r#"{"code":0,"data":{}}"#);
    get_code.end().exits(0);
    for verb in ["login", "create-app", "phone-list", "get-code", "check-code", "create-client"] {
        for option in ["--appkey", "--secret", "--code", "--token", "--key"] {
            let ended = numcheck(["whatsapp", verb, option, ACCESS_SECRET]).run().exits(2);
            silent(verb, &ended.stderr);
        }
    }
    // Nor is there an option that would take one.
    for verb in ["run", "submit", "get", "privacy", "sign", "verify"] {
        for option in ["--access-secret", "--secret", "--appkey", "--api-key", "--apikey", "--code"] {
            let ended = numcheck([verb, option, ACCESS_SECRET]).run().exits(2);
            silent(verb, &ended.stderr);
        }
    }
}

#[test]
fn help_shows_no_value_of_the_environment() {
    let files = Files::new();
    let place = Place { name: "", nxcloud: "http://canary-host".to_owned(), qxt: String::new() };
    for verb in VERBS.into_iter().chain([&[] as &[&str]]) {
        for help in ["--help", "-h"] {
            let ended = call(&place, verb)
                .env("NUMCHECK_PHONE", NUMBERS[0])
                .env("NUMCHECK_DR_URL", format!("http://127.0.0.1:9/{URL_SECRET}"))
                .env("NUMCHECK_PUBLIC_URL", format!("http://127.0.0.1:9/{URL_SECRET}"))
                .env("NUMCHECK_BATCH_NO", NUMBERS[1])
                .env("NUMCHECK_SIGN", URL_SECRET)
                .env("NUMCHECK_CODE_FILE", files.path(CODE))
                .env("NUMCHECK_PHONE_FILE", files.path(NUMBERS[0]))
                .env("NUMCHECK_WEBHOOK_URL", format!("http://127.0.0.1:9/{URL_SECRET}"))
                .arg(help)
                .run()
                .exits(0);
            silent("help", ended.text());
            assert!(!ended.text().contains("canary"), "{}", around(ended.text(), "canary"));
        }
    }
}

#[test]
fn wrong_usage_repeats_no_number_no_code_and_no_url() {
    let place = Place { name: "", nxcloud: String::new(), qxt: String::new() };
    let bad_url = format!("ftp://example.org/{URL_SECRET}");
    for arguments in [
        &["whatsapp", "check-code", "--phone", NUMBERS[0], CODE][..],
        &["whatsapp", "get-code", "--phone", "85251239871x"],
        &["whatsapp", "get-code", NUMBERS[0]],
        &["whatsapp", "get-code", "--phone", NUMBERS[0], "--method", NUMBERS[1]],
        &["whatsapp", "create-client", "--phone", NUMBERS[0], "--phone-file", "x"],
        &["whatsapp", "create-app", "--name", "x", "--show", "--webhook-url", &bad_url],
        &["whatsapp", "phone-list", NUMBERS[0]],
        &["submit", NUMBERS[0]],
        &["submit", "--phone", "85251239871x"],
        &["submit", "--phone", NUMBERS[0], "--dr-url", &bad_url],
        &["submit", "--phone", NUMBERS[0], "--level", NUMBERS[1]],
        &["submit", &format!("--{}", NUMBERS[0])],
        &[NUMBERS[0]],
        &["run", "file.csv", NUMBERS[0]],
        &["run", "file.csv", "--batch-size", NUMBERS[0]],
        &["run", "file.csv", "--wait", ACCESS_SECRET],
        &["run", "no-such-file.csv", "--listen", "127.0.0.1:1", "--public-url", &bad_url],
        &["explain", "85251239871x"],
        &["privacy"],
        &["sandbox", MOBILE],
    ] {
        let ended = call(&place, arguments).run().exits(2);
        silent(&format!("{arguments:?}"), &ended.stderr);
        assert!(ended.stdout.is_empty());
    }
    // Nor when the environment is wrong.
    let ended = call(&place, &["submit", "--phone", "1"]).env("NUMCHECK_DR_URL", &bad_url).run().exits(2);
    silent("a bad NUMCHECK_DR_URL", &ended.stderr);
    for name in ["NXCLOUD_APPKEY", "QXT_API_KEY", "NXCLOUD_ACCESS_KEY"] {
        let verb = if name.starts_with("QXT") {
            ["privacy", "18466849135"]
        } else {
            ["submit", "--phone=85251234567"]
        };
        let ended = call(&place, &verb).env(name, format!("{ACCESS_SECRET}\u{7f}{APPKEY}")).run();
        silent(name, &ended.stderr);
    }
}
