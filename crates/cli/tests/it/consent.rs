//! What is asked, refused and warned about before anything is sent.

use std::fs;
use std::process::Command;

use crate::support::job::Job;
use crate::support::{Call, Platform, free_address, numcheck};

const PHONE: &str = "8613912345678";

/// An account with a platform that is not on this machine, and a proxy before it that lets nothing out.
fn account() -> [(&'static str, &'static str); 5] {
    [
        ("NXCLOUD_BASE_URL", "https://platform.invalid"),
        ("NXCLOUD_ACCESS_KEY", "key"),
        ("NXCLOUD_ACCESS_SECRET", "secret"),
        ("NXCLOUD_APPKEY", "appkey"),
        ("HTTPS_PROXY", "http://127.0.0.1:1"),
    ]
}

fn get_code(arguments: &[&str]) -> Call {
    numcheck(["whatsapp", "get-code"]).args(arguments).envs(account())
}

#[test]
fn a_message_that_may_cost_money_wants_a_yes_except_on_loopback() {
    let asked = "sending a verification code to 1 number may cost money";
    for (arguments, stdin) in [(["--phone", PHONE], "y\n"), (["--phone-file", "-"], PHONE)] {
        let ended = get_code(&arguments).stdin(stdin).run().exits(2).says(asked).says("say --yes");
        assert!(ended.says("nothing was sent").stdout.is_empty());
        let unreached = |call: Call| call.stdin(stdin).run().exits(1).says("not sent");
        unreached(get_code(&arguments).arg("--yes"));
        unreached(get_code(&arguments).env("NUMCHECK_YES", "1"));
    }
}

#[test]
fn every_verb_that_pays_asks_with_what_is_known_and_no_leaves_no_job_behind() {
    let job = Job::with("85251234567\n+85251234567\nabc\n85251234568\n");
    let file = job.path("numbers.txt");
    let run = ["run", file.to_str().unwrap(), "--delivery", "poll"];
    let sent_twice = "85251234567,+85251234567,85251234568";
    for (verb, known) in [
        (
            &run[..],
            "checking 2 numbers at level basic (not sent: 1 invalid, 1 duplicate) costs money: unknown",
        ),
        (
            &["submit", "--phone", sent_twice],
            "checking 2 numbers at level basic (not sent: 1 duplicate) costs money",
        ),
        (&["get", "--phone", "85251234567"], "checking 1 number at level basic costs money: unknown"),
    ] {
        let call = || numcheck(verb).envs(account()).env("NUMCHECK_STORE", job.store());
        call().run().exits(2).says(known).says("say --yes").says("nothing was sent");
        // A price that is known is said.
        let priced = call().args(["--price", "basic:*=0.002USD"]).run().exits(2);
        assert!(
            priced.stderr.contains("0.0040 USD") || priced.stderr.contains("0.0020 USD"),
            "{}",
            priced.stderr
        );
        let jobs = numcheck(["jobs", "--json"]).env("NUMCHECK_STORE", job.store()).run().exits(0);
        assert_eq!(jobs.text(), "", "{verb:?}");
    }
}

/// Runs `get-code` at a terminal of its own, where `answer` is typed.
#[cfg(target_os = "linux")]
fn at_a_terminal(answer: &str) -> (Option<i32>, String) {
    use std::io::Write;
    use std::process::Stdio;

    let line = format!("{} whatsapp get-code --phone {PHONE}", env!("CARGO_BIN_EXE_numcheck"));
    let mut script = Command::new("script");
    script.args(["--quiet", "--return", "--command", &line, "/dev/null"]);
    script.env_clear().env("PATH", std::env::var_os("PATH").unwrap()).env("SHELL", "/bin/sh").envs(account());
    let mut running = script.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = running.stdin.take().unwrap();
    stdin.write_all(answer.as_bytes()).unwrap();
    let ended = running.wait_with_output().unwrap();
    drop(stdin);
    (ended.status.code(), String::from_utf8_lossy(&ended.stdout).into_owned())
}

#[cfg(target_os = "linux")]
#[test]
fn a_person_at_a_terminal_decides() {
    let question = "may cost money: no document says how much. Go on? [y/N]";
    for no in ["n\n", "\n", "yes, please\n"] {
        let (code, said) = at_a_terminal(no);
        assert!(
            code == Some(2) && said.contains(question) && said.contains("nothing was sent"),
            "{code:?}: {said}"
        );
    }
    let (code, said) = at_a_terminal("yes\n");
    assert!(
        code == Some(1) && said.contains(question) && said.contains("could not connect"),
        "{code:?}: {said}"
    );
}

#[test]
fn a_minute_of_its_own_is_refused_for_a_platform_beyond_this_machine() {
    let job = Job::of(1);
    let file = job.path("numbers.txt");
    let run = ["run", file.to_str().unwrap(), "--delivery", "poll", "--yes"];
    let reconcile = ["reconcile", "0123456789abcdef"];
    for verb in [&run[..], &reconcile] {
        for call in [numcheck(verb).args(["--minute", "1s"]), numcheck(verb).env("NUMCHECK_MINUTE", "90s")] {
            let call = call.envs(account()).env("NUMCHECK_STORE", job.store());
            call.run().exits(2).says("--minute or NUMCHECK_MINUTE").says("nothing was sent");
        }
    }
    assert!(!job.store().exists(), "nothing was planned");
    // A job that a sandbox has begun does not take its minute along.
    let started = job.start(&["--minute", "1s", "--wait", "1s"]);
    job.platform.accept();
    started.end().exits(3);
    let jobs = numcheck(["jobs", "--json"]).env("NUMCHECK_STORE", job.store()).run().exits(0).json();
    let resume = numcheck(["resume", jobs["job"].as_str().unwrap(), "--delivery", "poll"]);
    let resume = resume.envs(job.platform.account()).env("NUMCHECK_STORE", job.store());
    resume.env("NXCLOUD_BASE_URL", "https://platform.invalid").env("NUMCHECK_MINUTE", "1s").run().exits(2);
}

#[test]
fn results_over_plain_http_from_afar_want_a_word() {
    let job = Job::of(1);
    let (listen, url) = (free_address(), "http://192.0.2.1:8080");
    let run = |url: &str| {
        let call = numcheck(["run", "--listen", &listen, "--public-url", url]).arg(job.path("numbers.txt"));
        call.envs(job.platform.account()).env("NUMCHECK_STORE", job.store())
    };
    let why = "whoever sees it on its way can forge results";
    run(url).run().exits(2).says(why).says("--allow-plain-callback").says("nothing was sent");
    assert!(!job.store().exists() && job.platform.seen().is_empty());
    let receive = numcheck(["receive", "--listen", &listen, "--public-url", url]);
    receive.env("NUMCHECK_STORE", job.store()).run().exits(2).says(why);

    let running = run(url).env("NUMCHECK_ALLOW_PLAIN_CALLBACK", "1").args(["--wait", "0s"]).start();
    assert!(job.platform.accept().dr_url.starts_with(&format!("{url}/")));
    running.end().exits(3);
    // The sandbox inside the command pushes to this machine, whatever stands there.
    let sandbox = numcheck(["run", "--sandbox"]).arg(job.path("numbers.txt"));
    sandbox.env("NUMCHECK_PUBLIC_URL", url).run().exits(0);
}

#[cfg(unix)]
#[test]
fn a_secret_that_others_can_read_is_used_and_warned_about_once() {
    use std::os::unix::fs::PermissionsExt;

    let platform = Platform::start();
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &str, mode: u32| {
        let path = dir.path().join(name);
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path
    };
    let warnings = |mode: u32| {
        let (secret, appkey) = (file("secret", "s", mode), file("appkey", "a", mode));
        let (phone, code) = (file("phone", PHONE, mode), file("code", "4567", mode));
        let account = platform.account();
        let call = |verb: &[&str]| {
            let call =
                numcheck(verb).envs(account).env("NXCLOUD_ACCESS_SECRET", "").env("NXCLOUD_APPKEY", "");
            call.env("NXCLOUD_ACCESS_SECRET_FILE", &secret).env("NXCLOUD_APPKEY_FILE", &appkey)
        };
        let check =
            call(&["whatsapp", "check-code", "--phone-file"]).arg(&phone).arg("--code-file").arg(&code);
        let query = call(&["query", "--batch-no", "b", "--date", "2026-01-01"]);
        let replies = [r#"{"code":0}"#, r#"{"code":0,"data":{"totalPage":0,"totalSize":0,"result":[]}}"#];
        let said = [check, query].into_iter().zip(replies).map(|(call, reply)| {
            let running = call.start();
            platform.submit().answer_http("200 OK", "application/json", reply);
            running.end().stderr
        });
        said.collect::<String>()
    };
    assert!(!warnings(0o600).contains("chmod"));
    let said = warnings(0o644);
    for (what, name, times) in [
        ("NXCLOUD_ACCESS_SECRET_FILE: ", "secret", 2),
        ("NXCLOUD_APPKEY_FILE: ", "appkey", 2),
        ("--phone-file: ", "phone", 1),
        ("--code-file: ", "code", 1),
    ] {
        let lines: Vec<&str> = said.lines().filter(|line| line.contains(what)).collect();
        assert_eq!(lines.len(), times, "once in each process: {said}");
        let path = dir.path().join(name).display().to_string();
        assert!(lines.iter().all(|line| line.contains("chmod 600 ") && line.contains(&path)), "{said}");
    }
}

#[test]
fn a_cap_that_is_set_for_all_calls_keeps_a_call_from_paying_that_cannot_keep_it() {
    let job = Job::of(1);
    for verb in [&["submit", "--phone", "85251234567"][..], &["get", "--phone", "85251234567"]] {
        for cap in ["NUMCHECK_MAX_COST", "NUMCHECK_MAX_COST_PER_DAY"] {
            let call = numcheck(verb).arg("--yes").envs(account()).env("NUMCHECK_STORE", job.store());
            call.env(cap, "0.001USD").run().exits(2).says(cap).says("nothing was sent");
        }
    }
}
