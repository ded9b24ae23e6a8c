//! `doctor`: what it looks at, what it says to mend, and that it neither pays nor tells a secret.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::net::TcpListener;
use std::thread;

use serde_json::Value;

use crate::support::scene::Scene;
use crate::support::{Call, Ended, free_address, numcheck, read_message};

/// What was found, by the name of the check: its state, and everything that it says.
fn checks(ended: &Ended) -> BTreeMap<String, (String, String)> {
    let text = |check: &Value, key: &str| check[key].as_str().unwrap_or_default().to_owned();
    let mut checks: BTreeMap<String, (String, String)> = BTreeMap::new();
    for check in ended.json()["checks"].as_array().unwrap() {
        let (state, said) =
            (text(check, "state"), format!("{} {}", text(check, "found"), text(check, "mend")));
        assert_eq!(matches!(state.as_str(), "warn" | "bad"), check.get("mend").is_some(), "{check}");
        let entry = checks.entry(text(check, "name")).or_insert_with(|| (state, String::new()));
        entry.1.push_str(&said);
    }
    checks
}

#[track_caller]
fn is(ended: &Ended, name: &str, state: &str, said: &str) {
    let checks = checks(ended);
    let found = checks.get(name).unwrap_or_else(|| panic!("no {name} in {checks:?}"));
    assert!(found.0 == state && found.1.contains(said), "{name}: {found:?}");
}

fn doctor(scene: &Scene) -> Call {
    scene.call(&["doctor", "--json"])
}

#[test]
fn where_all_is_fine_it_exits_0_and_has_paid_nothing_and_stored_nothing() {
    let scene = Scene::start();
    let listen = free_address();
    let url = format!("http://{listen}/hooks");
    scene.run("numbers.csv").run().exits(0);
    let (accepted, charged) = (scene.accepted(), scene.charged("USD"));
    let quarantine = || scene.call(&["receive", "--show-quarantine"]).run().exits(0).text().to_owned();
    let kept = quarantine();
    let all = [
        "config",
        "nxcloud-variables",
        "nxcloud-dns",
        "nxcloud-connection",
        "nxcloud-tls",
        "nxcloud-keys",
        "qxt-variables",
        "qxt-dns",
        "qxt-connection",
        "qxt-tls",
        "qxt-key",
        "clock",
        "public-url",
        "store",
        "store-space",
        "permissions",
    ];
    let ended = doctor(&scene).args(["--listen", &listen, "--public-url", &url]).run().exits(0);
    let found = checks(&ended);
    assert_eq!(ended.json()["ok"], true);
    for name in all {
        assert!(matches!(found[name].0.as_str(), "ok" | "skipped"), "{name}: {:?}", found[name]);
    }
    is(&ended, "public-url", "ok", "only as seen from here");
    is(&ended, "qxt-key", "ok", "which costs money");
    assert_eq!((scene.accepted(), scene.charged("USD")), (accepted, charged));
    assert_eq!(quarantine(), kept, "the push was its own receiver's");
    assert_eq!(scene.store_files(), ["jobs.db"], "the store is whole at rest");

    let told = scene.call(&["doctor"]).run().exits(0);
    for name in all {
        assert!(told.text().contains(name), "{name}: {}", told.text());
    }
}

#[test]
fn without_an_account_it_says_all_missing_variables_at_once_and_what_each_is_for() {
    let nowhere = format!("http://{}", free_address());
    let call =
        || numcheck(["doctor", "--json"]).env("NXCLOUD_BASE_URL", &nowhere).env("QXT_BASE_URL", &nowhere);
    let ended = call().run().exits(3);
    assert_eq!(ended.json()["ok"], false);
    for (variable, what) in [
        ("NXCLOUD_ACCESS_KEY", "says who calls"),
        ("NXCLOUD_ACCESS_SECRET", "signs"),
        ("NXCLOUD_APPKEY", "pays for number checks"),
    ] {
        is(&ended, "nxcloud-variables", "bad", &format!("{variable} is not set"));
        is(&ended, "nxcloud-variables", "bad", what);
    }
    is(&ended, "nxcloud-variables", "bad", "nxcloud-access-secret-file into a profile");
    is(&ended, "qxt-variables", "bad", "QXT_API_KEY is not set");
    is(&ended, "nxcloud-connection", "bad", "no connection");
    is(&ended, "store", "ok", "the first run makes it");
    // Whoever uses one platform only needs nothing of the other one.
    let ended = call().env("QXT_API_KEY", "k".repeat(32)).run().exits(3);
    is(&ended, "nxcloud-variables", "skipped", "not set up");
    assert!(!checks(&ended).contains_key("nxcloud-dns"));
    is(&ended, "qxt-key", "ok", "the form");
}

#[test]
fn wrong_keys_are_told_by_a_call_that_costs_nothing() {
    let scene = Scene::start();
    let ended = doctor(&scene).env("NXCLOUD_ACCESS_SECRET", "wrong-secret").run().exits(3);
    is(&ended, "nxcloud-keys", "bad", "1003");
    is(&ended, "nxcloud-keys", "bad", "Check NXCLOUD_ACCESS_SECRET");
    let ended = doctor(&scene).env("NXCLOUD_ACCESS_KEY", "nobody").run().exits(3);
    is(&ended, "nxcloud-keys", "bad", "NXCLOUD_ACCESS_KEY");
    let ended = doctor(&scene).env("QXT_API_KEY", "tooshort").run().exits(0);
    is(&ended, "qxt-key", "warn", "32 letters and digits");
    let ended = doctor(&scene).env("QXT_API_KEY", "two-words").run().exits(3);
    is(&ended, "qxt-key", "bad", "copy it again");
    assert_eq!(scene.accepted().0, 0);
}

#[test]
fn a_clock_that_is_off_by_more_than_a_signature_lives_is_bad() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            if read_message(&mut stream).is_some() {
                let _ = stream.write_all(
                    b"HTTP/1.1 404 Not Found\r\ndate: Thu, 01 Jan 2015 00:00:00 GMT\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
                );
            }
        }
    });
    let ended = numcheck(["doctor", "--json"])
        .env("QXT_BASE_URL", &url)
        .env("QXT_API_KEY", "k".repeat(32))
        .run()
        .exits(3);
    is(&ended, "clock", "bad", "ahead of the platform's");
    is(&ended, "clock", "bad", "NTP");
}

#[test]
fn a_public_url_that_leads_elsewhere_is_told_and_one_that_is_in_use_is_left_alone() {
    let scene = Scene::start();
    let listen = free_address();
    let to = |url: &str| doctor(&scene).args(["--listen", &listen, "--public-url", url]);
    let ended = to(scene.sandbox.text("qxt")).run().exits(3);
    is(&ended, "public-url", "bad", "something else answers there");
    let ended = to(&format!("http://{}", free_address())).run().exits(3);
    is(&ended, "public-url", "bad", "no push comes through it");
    let ended = to("http://example.org").run().exits(3);
    is(&ended, "public-url", "bad", "--allow-plain-callback");
    let ended = doctor(&scene).run().exits(0);
    is(&ended, "public-url", "skipped", "--listen and --public-url");
    let used = TcpListener::bind(&listen).unwrap();
    let ended = to(&format!("http://{listen}")).run().exits(0);
    is(&ended, "public-url", "warn", "end it for this test");
    drop(used);
}

#[test]
fn a_proxy_that_changes_a_push_is_told() {
    let scene = Scene::start();
    let (listen, proxy) = (free_address(), TcpListener::bind("127.0.0.1:0").unwrap());
    let url = format!("http://{}", proxy.local_addr().unwrap());
    let inner = listen.clone();
    thread::spawn(move || {
        let (mut stream, _) = proxy.accept().unwrap();
        let (head, _) = read_message(&mut stream).unwrap();
        let path = head.split(' ').nth(1).unwrap();
        let headers: String = head
            .lines()
            .filter(|line| {
                ["accesskey", "ts:", "biztype", "action", "sign"]
                    .iter()
                    .any(|name| line.to_ascii_lowercase().starts_with(name))
            })
            .map(|line| format!("{line}\r\n"))
            .collect();
        let answer =
            crate::support::post(&format!("http://{inner}{path}"), &headers, r#"{"batchNo":"another"}"#)
                .unwrap();
        stream.write_all(answer.as_bytes()).unwrap();
    });
    let ended = doctor(&scene).args(["--listen", &listen, "--public-url", &url]).run().exits(3);
    is(&ended, "public-url", "bad", "turned away");
}

#[test]
fn a_store_that_cannot_be_used_is_told_and_an_old_one_is_left_as_it_is() {
    let scene = Scene::start();
    let text = "phone\n8613800000000\n".repeat(100);
    scene.write("no.db", &text);
    let at = |name: &str| doctor(&scene).env("NUMCHECK_STORE", scene.path(name)).run();
    is(&at("no.db").exits(3), "store", "bad", "no.db");
    assert_eq!(fs::read_to_string(scene.path("no.db")).unwrap(), text);

    let fixture = concat!(env!("CARGO_MANIFEST_DIR"), "/../bulk/tests/fixtures/store-v1.sql");
    let old = rusqlite::Connection::open(scene.path("old.db")).unwrap();
    old.execute_batch(&fs::read_to_string(fixture).unwrap()).unwrap();
    old.close().unwrap();
    let before = fs::read(scene.path("old.db")).unwrap();
    is(&at("old.db").exits(0), "store", "warn", "version 1 of");
    assert_eq!(fs::read(scene.path("old.db")).unwrap(), before);
    is(&at("nowhere/jobs.db").exits(0), "store", "ok", "the first run makes it");
    assert!(!scene.path("nowhere").exists());
}

#[cfg(unix)]
#[test]
fn files_that_others_can_read_are_told() {
    use std::os::unix::fs::PermissionsExt as _;
    let scene = Scene::start();
    scene.write("secret", scene.sandbox.text("access_secret"));
    fs::set_permissions(scene.path("secret"), fs::Permissions::from_mode(0o644)).unwrap();
    let call = doctor(&scene)
        .env("NXCLOUD_ACCESS_SECRET", "")
        .env("NXCLOUD_ACCESS_SECRET_FILE", scene.path("secret"));
    is(&call.run().exits(0), "permissions", "warn", "chmod 600");
}

#[test]
fn it_shows_where_each_setting_comes_from_and_no_secret() {
    let scene = Scene::start();
    let secrets = ["access_secret", "appkey", "qxt_api_key"].map(|name| scene.sandbox.text(name));
    scene.write(
        "config.toml",
        &format!(
            "default-profile = 'a'\n[profile.a]\nnxcloud-appkey = '{}'\nlevel = 'hlr'\nwait = '5m'\n",
            secrets[1]
        ),
    );
    let call = |arguments: &[&str]| {
        let call =
            scene.call(arguments).env("NUMCHECK_CONFIG", scene.path("config.toml")).env("NXCLOUD_APPKEY", "");
        call.env("NUMCHECK_WAIT", "9m").env("NUMCHECK_LOG", "trace")
    };
    let ended = call(&["doctor", "--json"]).run().exits(0);
    let json = ended.json();
    let setting = |variable: &str| {
        let settings = json["settings"].as_array().unwrap();
        settings.iter().find(|setting| setting["variable"] == variable).cloned().unwrap_or_default()
    };
    assert_eq!(
        setting("NUMCHECK_LEVEL"),
        serde_json::json!({"key": "level", "variable": "NUMCHECK_LEVEL", "value": "hlr", "from": "profile", "line": 4})
    );
    assert_eq!(
        (&setting("NUMCHECK_WAIT")["value"], &setting("NUMCHECK_WAIT")["from"]),
        (&"9m".into(), &"environment".into())
    );
    for secret in ["NXCLOUD_ACCESS_SECRET", "NXCLOUD_APPKEY", "QXT_API_KEY"] {
        assert_eq!(setting(secret)["value"], "***", "{secret}");
    }
    assert_eq!(setting("NUMCHECK_LISTEN"), Value::Null);
    let told = call(&["doctor"]).run().exits(0);
    assert!(
        told.text().contains("(profile a, line 4)") && told.text().contains("(NUMCHECK_WAIT)"),
        "{}",
        told.text()
    );
    for said in [ended.text(), &ended.stderr, told.text(), &told.stderr] {
        assert!(secrets.iter().all(|secret| !said.contains(secret)), "{said}");
    }
}
