//! `numcheck whatsapp …` as processes: the natural order against the sandbox, and what is said after a mistake.

use std::fs;
use std::io::Read;
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::support::{Call, Platform, Sandbox, get, numcheck};
use serde_json::{Value, json};

const PHONE: &str = "8613912345678";

fn whatsapp(sandbox: &Sandbox, arguments: &[&str]) -> Call {
    numcheck(["whatsapp"]).args(arguments).envs(sandbox.account())
}

/// The newest code in the sandbox's inbox.
fn newest_code(sandbox: &Sandbox) -> String {
    let inbox = get(&format!("{}/_sandbox/inbox.json", sandbox.text("nxcloud"))).unwrap();
    let inbox: Value = serde_json::from_str(&inbox).unwrap();
    inbox["messages"][0]["code"].as_str().unwrap().to_owned()
}

/// The row of a number in the list of an application whose key is in `key`.
fn listed(sandbox: &Sandbox, key: &Path) -> Value {
    let ended = whatsapp(sandbox, &["phone-list", "--json", "--show"])
        .env("NXCLOUD_APPKEY", "")
        .env("NXCLOUD_APPKEY_FILE", key);
    let rows = ended.run().exits(0).json_lines();
    rows.into_iter().find(|row| row["display_phone_number"] == format!("+{PHONE}")).unwrap()
}

#[test]
fn a_number_is_registered_in_the_natural_order() {
    let sandbox = Sandbox::start();
    let dir = tempfile::tempdir().unwrap();
    let (key, number, code) = (dir.path().join("key"), dir.path().join("number"), dir.path().join("code"));
    let (key_file, number_file) = (key.to_str().unwrap(), number.to_str().unwrap());
    fs::write(&number, format!("+{PHONE}\n")).unwrap();

    let login = whatsapp(&sandbox, &["login", "--json"]).run().exits(0).json();
    assert_eq!(login, json!({"outcome": "logged_in", "code": 0, "hidden": ["token"]}));

    let create = ["create-app", "--name", "Whatsapp", "--webhook-url", "https://example.org/hook", "--json"];
    let app = whatsapp(&sandbox, &create).args(["--key-file", key_file]).run().exits(0).json();
    let wanted = json!({"outcome": "created", "code": 0, "app_id": 1000, "app_name": "Whatsapp", "key_file": key_file});
    assert_eq!(app, wanted);
    assert_eq!(fs::read_to_string(&key).unwrap().trim().len(), 8);

    assert_eq!(listed(&sandbox, &key)["register_status"], 3);

    let sent = whatsapp(&sandbox, &["get-code", "--json", "--phone-file", number_file]).run().exits(0).json();
    assert_eq!(sent, json!({"outcome": "sent", "code": 0}));
    let newest = newest_code(&sandbox);
    fs::write(&code, &newest).unwrap();
    let check = || {
        whatsapp(&sandbox, &["check-code", "--json", "--phone-file", number_file, "--code-file"])
            .arg(&code)
            .run()
    };
    assert_eq!(check().exits(0).json(), json!({"outcome": "verified", "code": 0}));
    assert_eq!(listed(&sandbox, &key)["code_verification_status"], "VERIFIED");
    let again = check().exits(3).says("phone-list").json();
    assert_eq!((&again["code"], &again["outcome"]), (&json!(-1), &json!("wrong")), "a code is taken once");

    let client =
        whatsapp(&sandbox, &["create-client", "--json", "--phone-file", number_file]).run().exits(0).json();
    assert_eq!(client, json!({"outcome": "created", "code": 0}));
    let row = listed(&sandbox, &key);
    assert_eq!((&row["register_status"], &row["status"]), (&json!(5), &json!("CONNECTED")));
}

#[test]
fn a_person_is_told_what_happened_with_numbers_masked_and_secrets_hidden_unless_asked_for() {
    let sandbox = Sandbox::start();
    let said = |arguments: &[&str]| whatsapp(&sandbox, arguments).run().exits(0).text().to_owned();
    assert_eq!(said(&["login"]), "logged in; --show prints the token\n");
    assert_eq!(said(&["login", "--show"]).trim().len(), 32);
    let shown =
        said(&["create-app", "--name", "Shop", "--webhook-url", "https://example.org/hook", "--show"]);
    assert!(shown.starts_with("created an application with the number 1000; its key is "), "{shown}");

    let sent = said(&["get-code", "--phone", PHONE, "--method", "voice"]);
    assert!(
        sent.starts_with(
            "a code is sent to 861********78 by call; give it to `numcheck whatsapp check-code`"
        ),
        "{sent}"
    );
    whatsapp(&sandbox, &["check-code", "--phone", PHONE]).stdin(newest_code(&sandbox)).run().exits(0);
    let created = said(&["create-client", "--phone", PHONE]);
    assert!(created.starts_with("created a client for 861********78; "), "{created}");

    let list = said(&["phone-list"]);
    let lines: Vec<Vec<&str>> = list.lines().map(|line| line.split('\t').collect()).collect();
    let wanted = ["registered", "VERIFIED", "CONNECTED", "Sandbox", "APPROVED", "GREEN", "TIER_250"];
    assert_eq!(lines[1][1..], wanted);
    assert_eq!(
        lines[0][1..],
        ["creating", "NOT_VERIFIED", "PENDING", "Sandbox", "PENDING_REVIEW", "UNKNOW", "-"]
    );
    let json = whatsapp(&sandbox, &["phone-list", "--json"]).run().exits(0);
    for text in [&list, json.text()] {
        assert!(text.contains("***") && !text.contains("12345678") && !text.contains("1234567"), "{text}");
    }
    assert!(said(&["phone-list", "--show"]).contains(&format!("+{PHONE}\tregistered\t")));
}

#[test]
fn nothing_is_sent_before_it_is_settled_where_the_key_of_an_application_goes() {
    let sandbox = Sandbox::start();
    let dir = tempfile::tempdir().unwrap();
    let key = dir.path().join("key");
    fs::write(&key, "of another").unwrap();
    let create = |more: &[&str]| {
        let create = ["create-app", "--name", "Shop", "--webhook-url", "https://example.org/hook"];
        whatsapp(&sandbox, &create).args(more)
    };
    create(&[]).run().exits(2).says("--key-file");
    create(&[]).env("NUMCHECK_SHOW", "false").run().exits(2);
    create(&["--key-file", key.to_str().unwrap()]).run().exits(2).says("nothing was sent");
    assert_eq!(fs::read_to_string(&key).unwrap(), "of another", "no file is overwritten");
    create(&["--key-file", "/no/such/folder/key"]).run().exits(2).says("nothing was sent");
    let first = create(&["--show", "--json"]).run().exits(0).json();
    assert_eq!(first["app_id"], 1000, "nothing was created before");

    // A refusal leaves no file behind.
    let refused = dir.path().join("refused");
    let create = ["create-app", "--name", "sandbox-9009", "--webhook-url", "https://example.org/hook"];
    let ended = whatsapp(&sandbox, &create).arg("--key-file").arg(&refused).run().exits(3);
    assert!(
        ended.stderr.contains("TOO_MANY_APPS") && ended.stderr.contains("Use one of the applications"),
        "{}",
        ended.stderr
    );
    assert!(!refused.exists());
}

#[cfg(unix)]
#[test]
fn the_key_of_an_application_is_for_this_user_alone() {
    use std::os::unix::fs::PermissionsExt;

    let sandbox = Sandbox::start();
    let dir = tempfile::tempdir().unwrap();
    let key = dir.path().join("key");
    let create = ["create-app", "--name", "Shop", "--webhook-url", "https://example.org/hook", "--key-file"];
    let ended = whatsapp(&sandbox, &create).arg(&key).run().exits(0);
    assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    let key = fs::read_to_string(&key).unwrap();
    assert!(!ended.text().contains(key.trim()), "{}", ended.text());
}

#[test]
fn every_refusal_says_what_to_do() {
    let sandbox = Sandbox::start();
    for (arguments, code, advice) in [
        (&["create-client", "--phone", "85261234567"][..], -1, "a number must be verified first"),
        (
            &["get-code", "--phone", "8613800139001"],
            9001,
            "see whether a message arrives before asking for another",
        ),
        (
            &["get-code", "--phone", "8613800139007"],
            9007,
            "Confirm with the platform that the account is an integrator",
        ),
        (&["create-client", "--phone", "8613800139007"], 9007, "Confirm with the platform"),
    ] {
        let ended = whatsapp(&sandbox, arguments).arg("--json").run().exits(3).says(advice);
        let told = ended.json();
        assert_eq!(
            (&told["outcome"], &told["code"], &told["sent"]),
            (&json!("refused"), &json!(code), &json!("yes"))
        );
        assert!(!ended.stderr.contains("1234567") && !ended.stderr.contains("13800139"), "{}", ended.stderr);
    }
    let list = |appkey| whatsapp(&sandbox, &["phone-list", "--json"]).env("NXCLOUD_APPKEY", appkey).run();
    assert_eq!(list("nobody's").exits(3).says("it is the app_key that createApp told").json()["code"], 9008);
    assert_eq!(list("other-appkey").exits(3).says("belong to the same account").json()["code"], 9010);
    list("").exits(2).says("NXCLOUD_APPKEY");
    list("k\u{e9}y").exits(2).says("NXCLOUD_APPKEY");
}

#[test]
fn what_was_typed_wrongly_is_named_and_nothing_is_sent() {
    let sandbox = Sandbox::start();
    let ended = whatsapp(&sandbox, &["check-code", "--phone-file", "-"]).stdin(PHONE).run();
    ended.exits(2).says("give the number or the code in a file");
    whatsapp(&sandbox, &["get-code"]).run().exits(2).says("--phone");
    whatsapp(&sandbox, &["get-code", "--phone-file", "-"]).stdin("\n").run().exits(2).says("--phone-file");
    whatsapp(&sandbox, &["get-code", "--phone-file", "/no/such"]).run().exits(2).says("--phone-file");
    whatsapp(&sandbox, &["get-code", "--phone", PHONE, "--method", "pigeon"]).run().exits(2).says("sms");
    let create = ["create-app", "--name", "a\nb", "--webhook-url", "https://example.org/", "--show"];
    whatsapp(&sandbox, &create).run().exits(2).says("on one line");
    let create = ["create-app", "--name", "a", "--webhook-url", "example.org", "--show"];
    whatsapp(&sandbox, &create).run().exits(2).says("http://");
    let journal = get(&format!("{}/_sandbox/journal.json", sandbox.text("nxcloud"))).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&journal).unwrap()["counts"]["requests"], 0);
    // A number may come from standard input where no code does.
    whatsapp(&sandbox, &["get-code", "--phone-file", "-"]).stdin(format!("{PHONE}\n")).run().exits(0);
}

/// A server that reads each request and closes; how many connections it had.
fn closing_server() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let count = Arc::<AtomicUsize>::default();
    let counted = Arc::clone(&count);
    thread::spawn(move || {
        for stream in listener.incoming() {
            counted.fetch_add(1, Ordering::SeqCst);
            let _ = stream.unwrap().read(&mut [0; 4000]);
        }
    });
    (url, count)
}

#[test]
fn what_must_not_happen_twice_is_sent_once_and_the_doubt_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let code = dir.path().join("code");
    fs::write(&code, "4567").unwrap();
    let code = code.to_str().unwrap();
    for (arguments, doubt) in [
        (&["get-code", "--phone", PHONE][..], "see whether a message arrives"),
        (&["check-code", "--phone", PHONE, "--code-file", code], "VERIFIED where the code was right"),
        (&["create-client", "--phone", PHONE], "look at `numcheck whatsapp phone-list` before asking again"),
        (
            &["create-app", "--name", "Shop", "--webhook-url", "https://example.org/hook", "--show"],
            "nobody can list applications",
        ),
    ] {
        let (url, count) = closing_server();
        let ended = numcheck(["whatsapp"]).args(arguments).arg("--json").env("NXCLOUD_BASE_URL", &url);
        let ended = ended.envs([("NXCLOUD_ACCESS_KEY", "key"), ("NXCLOUD_ACCESS_SECRET", "secret")]).run();
        let ended = ended.exits(3).says(doubt).says("do not send it again before you know what became of it");
        let told = ended.json();
        assert_eq!((&told["outcome"], &told["sent"]), (&json!("in_doubt"), &json!("maybe")), "{told}");
        assert_eq!(count.load(Ordering::SeqCst), 1, "{arguments:?}");
    }
    let (url, count) = closing_server();
    let login = numcheck(["whatsapp", "login", "--json"]).env("NXCLOUD_BASE_URL", &url);
    let login =
        login.envs([("NXCLOUD_ACCESS_KEY", "key"), ("NXCLOUD_ACCESS_SECRET", "secret")]).run().exits(1);
    assert_eq!(login.json()["outcome"], "failed");
    assert!(count.load(Ordering::SeqCst) > 1, "what only reads is asked again");
}

#[test]
fn data_of_any_shape_is_taken_and_what_is_new_is_said() {
    let platform = Platform::start();
    let ask = |arguments: &[&str], reply: &str| {
        let call = numcheck(["whatsapp"]).args(arguments).env("NXCLOUD_BASE_URL", &platform.url);
        let call = call.envs([
            ("NXCLOUD_ACCESS_KEY", "key"),
            ("NXCLOUD_ACCESS_SECRET", "secret"),
            ("NXCLOUD_APPKEY", "k"),
        ]);
        let running = call.start();
        platform.submit().answer_http("200 OK", "application/json", reply);
        running.end()
    };
    for data in [r#","data":{}"#, r#","data":[]"#, r#","data":null"#, ""] {
        let reply = format!(r#"{{"code":0,"message":"Request successful"{data}}}"#);
        let login = ask(&["login", "--json"], &reply).exits(0).json();
        assert_eq!(login, json!({"outcome": "logged_in", "code": 0}), "{data}");
        let list = ask(&["phone-list", "--json"], &reply).exits(0).says("has no phone numbers");
        assert!(list.stdout.is_empty());
        let create =
            ["create-app", "--name", "Shop", "--webhook-url", "https://example.org/hook", "--show", "--json"];
        let app = ask(&create, &reply).exits(0).says("told no key").json();
        assert_eq!(
            app,
            json!({"outcome": "created", "code": 0, "answer": reply}),
            "the key may stand in it: {data}"
        );
        for verb in ["get-code", "create-client"] {
            ask(&[verb, "--phone", PHONE], &reply).exits(0);
        }
    }
    let phone =
        r#"{"display_phone_number":"+86 139 1234 5678","status":"ASLEEP","register_status":9,"new":1}"#;
    let reply = format!(r#"{{"code":0,"data":[{phone},7]}}"#);
    let list =
        ask(&["phone-list"], &reply).exits(0).says("1 entries are no phone numbers").says("Phone.status");
    assert!(
        list.text().contains("\t9\t-\tASLEEP\t-\t-\t-\t-\n") && !list.text().contains("1234 5678"),
        "{}",
        list.text()
    );
    let rows = ask(&["phone-list", "--json", "--show"], &reply).exits(0).json_lines();
    assert_eq!(rows, [serde_json::from_str::<Value>(phone).unwrap()], "it is written as it was read");
}

#[test]
fn explain_knows_every_code_of_the_register_in_both_languages() {
    for (code, table, meaning, chinese) in [
        (9007, "whatsapp.*", "the caller is not an integrator", "非集成商请求"),
        (9008, "whatsapp.phone_list", "no application has this appkey", "appkey 不存在"),
        (9009, "whatsapp.create_app", "there are 1000 applications already", "应用数量已达上限"),
        (9010, "whatsapp.phone_list", "the application belongs to another customer", "appkey 不属于当前客户"),
        (9000, "whatsapp.*", "a parameter is missing or wrong", "参数异常"),
        (9001, "whatsapp.*", "system business error", "系统业务异常"),
    ] {
        let english = numcheck(["explain", &code.to_string()]).run().exits(0);
        assert!(english.text().contains(table) && english.text().contains(meaning), "{}", english.text());
        let zh = numcheck(["explain", &code.to_string(), "--lang", "zh"]).run().exits(0);
        assert!(zh.text().contains(table) && zh.text().contains(chinese), "{}", zh.text());
    }
}

/// An example of the spec.
macro_rules! example {
    ($name:literal) => {
        include_str!(concat!("../../../protocol/tests/fixtures/", $name, ".json")).trim_end()
    };
}

#[test]
fn every_example_of_the_documents_passes_through_the_command() {
    let platform = Platform::start();
    let create =
        ["create-app", "--name", "Whatsapp", "--webhook-url", "http://my.callback.url/test", "--show"];
    for (arguments, request, reply, exit, said) in [
        (&["login", "--show"][..], None, example!("login_success"), 0, "50abe943xxxe26128e56b08"),
        (&["login"], None, example!("login_failed"), 3, ""),
        (
            &create,
            Some(example!("create_app_request")),
            example!("create_app_success"),
            0,
            "its key is KI92cew9",
        ),
        (&create, Some(example!("create_app_request")), example!("create_app_too_many"), 3, ""),
        (
            &["phone-list"],
            Some(example!("phone_list_request")),
            example!("phone_list_success"),
            0,
            "\tcreating\t",
        ),
        (&["phone-list"], Some(example!("phone_list_request")), example!("phone_list_empty"), 0, ""),
        (&["phone-list"], Some(example!("phone_list_request")), example!("phone_list_no_such_app"), 3, ""),
        (
            &["get-code", "--phone", "185999"],
            Some(example!("get_code_request")),
            example!("get_code_success"),
            0,
            "a code is sent",
        ),
        (
            &["check-code", "--phone", "185999"],
            Some(example!("check_code_request")),
            example!("check_code_success"),
            0,
            "the code is right",
        ),
        (
            &["check-code", "--phone", "185999"],
            Some(example!("check_code_request")),
            example!("check_code_failed"),
            3,
            "",
        ),
        (
            &["create-client", "--phone", "185999"],
            Some(example!("create_client_request")),
            example!("create_client_success"),
            0,
            "created a client",
        ),
    ] {
        let call =
            numcheck(["whatsapp"]).args(arguments).env("NXCLOUD_BASE_URL", &platform.url).stdin("1541");
        let running = call
            .envs([
                ("NXCLOUD_ACCESS_KEY", "key"),
                ("NXCLOUD_ACCESS_SECRET", "secret"),
                ("NXCLOUD_APPKEY", "KI92cew9"),
            ])
            .start();
        let asked = platform.submit();
        // The documents' number is no number; all else is theirs.
        let request = request.map(|request| request.replace("185xxx99", "185999"));
        let request = request.map_or(Value::Null, |request| serde_json::from_str(&request).unwrap());
        assert_eq!(asked.body, request, "{arguments:?}");
        asked.answer_http("200 OK", "application/json", reply);
        let ended = running.end().exits(exit);
        assert!(ended.text().contains(said), "{arguments:?}: {}", ended.text());
    }
}
