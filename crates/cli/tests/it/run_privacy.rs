//! `run FILE --level privacy` against a platform of this test's own, which counts what it is asked: each answer is paid, and nobody can be
//! asked afterwards.

use std::collections::HashMap;
use std::io::Write;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;

use crate::support::qxt::{Answer, Platform, mobiles, refusal, reply};
use crate::support::{Call, Row, Running, column, free_address, numcheck, rows};

/// A folder with a file of numbers, a store, and results.
struct Scene {
    folder: tempfile::TempDir,
    platform: Platform,
}

impl Scene {
    fn new(numbers: &[impl AsRef<str>], platform: Platform) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let lines: Vec<String> =
            numbers.iter().enumerate().map(|(at, number)| format!("{at},{}", number.as_ref())).collect();
        std::fs::write(folder.path().join("in.csv"), format!("id,mobile\n{}\n", lines.join("\n"))).unwrap();
        Self { folder, platform }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn call(&self, verb: &[&str]) -> Call {
        let call = numcheck(verb).dir(self.folder.path()).env("NUMCHECK_STORE", self.path("jobs.db"));
        call.env("QXT_BASE_URL", &self.platform.url).env("QXT_API_KEY", "abcdefghijklmnopqrstuvwxyz012345")
    }

    fn run(&self, options: &[&str]) -> Call {
        let run = ["run", "in.csv", "--level", "privacy", "--column", "mobile", "--yes", "-o", "out.csv"];
        self.call(&run).args(options)
    }

    fn rows(&self) -> Vec<Row> {
        rows(&std::fs::read(self.path("out.csv")).unwrap())
    }
}

#[test]
fn a_dead_address_is_told_once_however_many_ask_it() {
    let scene = Scene::new(&mobiles(20), Platform::start(|_| Answer::Nothing));
    let ended = scene.run(&[]).env("QXT_BASE_URL", format!("http://{}", free_address())).run().exits(3);
    let warnings = ended.stderr.lines().filter(|line| line.contains(" WARN ")).count();
    assert_eq!(warnings, 1, "{}", ended.stderr);
}

/// Made with Python: `{"code":0,"reason":"Succ","result":{"Mobile":"13800000000","Status":"虚拟号","Area":"广东-深圳","Now_isp":"中国联通"}}` in GBK.
const GBK: &[u8] = b"{\"code\":0,\"reason\":\"Succ\",\"result\":{\"Mobile\":\"13800000000\",\"Status\":\"\xd0\xe9\xc4\xe2\xba\xc5\",\
    \"Area\":\"\xb9\xe3\xb6\xab-\xc9\xee\xdb\xda\",\"Now_isp\":\"\xd6\xd0\xb9\xfa\xc1\xaa\xcd\xa8\"}}";

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn a_paid_reply_in_gbk_or_compressed_is_read_and_any_other_is_kept() {
    let numbers = mobiles(3);
    let script = |mobile: &str| match (mobile.get(9..), reply(mobile, "虚拟号")) {
        (Some("00"), _) => Answer::Sends("content-type: application/json;charset=GBK", GBK.to_vec()),
        (Some("01"), Answer::Says(said)) => Answer::Sends("content-encoding: gzip", gzip(said.as_bytes())),
        _ => Answer::Sends("content-encoding: br", b"\x8b\x03\x80".to_vec()),
    };
    let scene = Scene::new(&numbers, Platform::start(script));
    scene.run(&[]).run().exits(3).says("can be entered by `numcheck receive --reread`");
    let job = scene.call(&["jobs", "--json"]).run().exits(0).json()["job"].as_str().unwrap().to_owned();
    let status = scene.call(&["status", &job]).run().exits(3).says("numcheck receive --reread");
    assert!(
        status.stderr.contains(&format!("numcheck resume {job} --resubmit-doubtful")),
        "{}",
        status.stderr
    );
    assert!(!status.stderr.contains("reconcile"), "{}", status.stderr);
    let rows = scene.rows();
    assert_eq!(column(&rows, "check_state"), ["done", "done", "in_doubt"]);
    for row in &rows[..2] {
        let found = ["check_privacy", "check_status", "check_area", "check_carrier"].map(|name| &*row[name]);
        assert_eq!(found, ["YES", "虚拟号", "广东-深圳", "中国联通"]);
    }
    assert!(rows[2]["check_message"].contains("a compressed body"), "{:?}", rows[2]);
    let kept: Value =
        serde_json::from_str(scene.call(&["receive", "--show-quarantine"]).run().exits(0).text()).unwrap();
    let whole = "eyJhc2tlZCI6Ijg2MTM4MDAwMDAwMDIiLCJyZXBseSI6iwOAfQ==";
    assert_eq!(kept["body_base64"], whole, "what came, byte for byte, beside the number");
}

/// The replies are mended in the store, in place of a program that learnt to read them.
#[test]
fn a_paid_reply_that_is_learnt_to_be_read_is_entered_once_from_the_quarantine() {
    let numbers = mobiles(3);
    let scene = Scene::new(&numbers, Platform::start(|_| Answer::Says("<later>".to_owned())));
    let run = ["--price", "privacy:*=0.02 CNY"];
    scene.run(&run).run().exits(3);
    assert_eq!(column(&scene.rows(), "check_state"), ["in_doubt"; 3]);
    let reread = || scene.call(&["receive", "--reread", "--json"]).run().exits(0).json();
    let told = |looked_at, entered| {
        serde_json::json!({"looked_at": looked_at, "entered": entered, "charged_again": 0, "repeats": 0,
            "conflicts": 0, "left": looked_at - entered})
    };
    assert_eq!(reread(), told(3, 0));
    let store = rusqlite::Connection::open(scene.path("jobs.db")).unwrap();
    for number in &numbers[..2] {
        let (Answer::Says(said), bad) = (reply(number, "虚拟号"), "<later>") else { unreachable!() };
        let mend = "UPDATE results SET body = CAST(replace(CAST(body AS TEXT), ?, ?) AS BLOB) WHERE CAST(body AS TEXT) LIKE ?";
        assert_eq!(store.execute(mend, (bad, said, format!("%{number}%"))).unwrap(), 1);
    }
    drop(store);
    assert_eq!(reread(), told(3, 2));
    assert_eq!(reread(), told(1, 0), "once");
    let again = scene.call(&["receive", "--reread"]).run().exits(0);
    assert!(
        again.stderr.contains(
            "0 of 1 quarantined result entered; 0 repeat a known one, 0 contradict one and stay, 1 still belongs to no number or cannot be read"
        ),
        "{}",
        again.stderr
    );

    let ended = scene.run(&run).run().exits(3);
    assert!(ended.stderr.contains("0.0400 CNY"), "{}", ended.stderr);
    assert_eq!(column(&scene.rows(), "check_state"), ["done", "done", "in_doubt"]);
    assert_eq!(scene.rows()[0]["check_status"], "虚拟号");
    assert!(scene.platform.asked().values().all(|times| *times == 1), "nothing is paid for again");
    let kept = scene.call(&["receive", "--show-quarantine"]).run().exits(0);
    assert!(kept.text().contains("<later>") && kept.text().lines().count() == 1, "{}", kept.text());
}

#[test]
fn a_file_of_mobile_numbers_is_asked_about_once_each_in_whatever_spelling() {
    let numbers =
        ["13800000001", "+86 138-0000-0002", "8613800000003", "008613800000001", "+13800000001", "12"];
    let platform =
        Platform::start(|mobile| reply(mobile, if mobile.ends_with('2') { "虚拟号" } else { "非隐私号" }));
    let scene = Scene::new(&numbers, platform);
    scene.run(&[]).run().exits(3).says("checked 3");
    let rows = scene.rows();
    let states = ["done", "done", "done", "duplicate", "invalid", "invalid"];
    assert_eq!(column(&rows, "check_state"), states);
    assert_eq!(column(&rows, "check_privacy"), ["NO", "YES", "NO", "NO", "", ""]);
    assert_eq!(rows[1]["check_status"], "虚拟号");
    assert_eq!(
        (rows[0]["check_area"].as_str(), rows[0]["check_carrier"].as_str()),
        ("广东-深圳", "中国联通")
    );
    assert!(rows[4]["check_message"].contains("another country"), "{}", rows[4]["check_message"]);
    let asked = scene.platform.asked();
    assert!(asked.len() == 3 && asked.values().all(|times| *times == 1), "{asked:?}");
    let again = scene.run(&[]).run().exits(3);
    assert!(again.stderr.contains("3 of the numbers have a result already"), "{}", again.stderr);
    assert_eq!(scene.platform.asked().values().sum::<u32>(), 3, "nothing is paid for again");
    assert!(column(&scene.rows(), "check_time").iter().filter(|time| !time.is_empty()).count() == 4);
}

#[test]
fn replies_that_are_not_the_platforms_end_the_run_at_the_third_in_a_row() {
    for status in [302, 403, 404, 405, 407, 413, 429] {
        let scene = Scene::new(&mobiles(9), Platform::start(move |_| Answer::TurnedAway(status)));
        let ended = scene.run(&["--concurrency", "1"]).run().exits(3);
        let rows = scene.rows();
        assert_eq!(column(&rows, "check_state"), ["pending"; 9], "{status}");
        let message = &rows[8]["check_message"];
        assert!(
            message.contains(&format!("HTTP {status} (\"Go away\")")) && message.contains("not carried out"),
            "{message}"
        );
        assert_eq!(scene.platform.asked().values().sum::<u32>(), 3, "{}", ended.stderr);
    }
}

#[test]
fn a_gateway_that_answers_twice_does_not_end_the_run_and_its_numbers_are_left_to_a_person() {
    let times = Mutex::new(0);
    let script = move |mobile: &str| {
        let mut times = times.lock().unwrap();
        *times += 1;
        match *times {
            2 => Answer::TurnedAway(404),
            3 => Answer::TurnedAway(302),
            _ => reply(mobile, "隐私号"),
        }
    };
    let scene = Scene::new(&mobiles(5), Platform::start(script));
    scene.run(&["--concurrency", "1"]).run().exits(3);
    assert_eq!(column(&scene.rows(), "check_state"), ["done", "pending", "pending", "done", "done"]);
    assert!(scene.platform.asked().values().all(|times| *times == 1), "it may have passed one on");
    scene.run(&["--concurrency", "1"]).run().exits(0);
    assert_eq!(column(&scene.rows(), "check_state"), ["done"; 5]);
}

/// As where an address of the platform's holds the number, and one is not found there.
#[test]
fn a_number_that_a_gateway_never_passes_on_is_sent_once_in_a_run() {
    let script = |mobile: &str| match mobile.ends_with("007") {
        true => Answer::TurnedAway(404),
        false => reply(mobile, "隐私号"),
    };
    let scene = Scene::new(&mobiles(1200), Platform::start(script));
    scene.run(&[]).run().exits(3);
    assert!(scene.platform.asked().values().all(|times| *times == 1));
    let pending = scene.rows().iter().filter(|row| row["check_state"] == "pending").count();
    assert_eq!(pending, 2);
}

#[test]
fn each_reply_leads_to_its_state_and_what_settles_nothing_is_kept() {
    let numbers = mobiles(10);
    let script = |mobile: &str| match mobile.get(9..).unwrap() {
        "00" => reply(mobile, "隐私号"),
        "01" => refusal(-4),
        "02" => refusal(1),
        "03" => refusal(-2),
        "04" => refusal(-3),
        "05" => refusal(-8),
        "06" => reply("13899999999", "隐私号"),
        "07" => reply(mobile, "大概"),
        "08" => Answer::Nothing,
        _ => Answer::Says("<html>busy</html>".to_owned()),
    };
    let scene = Scene::new(&numbers, Platform::start(script));
    let ended = scene.run(&["--concurrency", "3"]).run().exits(3);
    let rows = scene.rows();
    let expected = [
        ("done", "0", "YES"),
        ("done", "-4", "UNKNOWN"),
        ("failed", "1", ""),
        ("failed", "-2", ""),
        ("failed", "-3", ""),
        ("failed", "-8", ""),
        ("in_doubt", "", ""),
        ("done", "0", "UNKNOWN"),
        ("in_doubt", "", ""),
        ("in_doubt", "", ""),
    ];
    for (row, (state, code, privacy)) in rows.iter().zip(expected) {
        let found = ["check_state", "check_code", "check_privacy"].map(|name| row[name].as_str());
        assert_eq!(found, [state, code, privacy], "{row:?}");
    }
    assert_eq!(rows[7]["check_status"], "大概");
    assert!(rows[6]["check_message"].contains("another phone number"), "{}", rows[6]["check_message"]);
    assert!(ended.stderr.contains("3 numbers are in doubt"), "{}", ended.stderr);
    let kept = scene.call(&["receive", "--show-quarantine"]).run().exits(0);
    assert!(kept.text().contains("busy") && !kept.text().contains("大概"), "{}", kept.text());

    // None of it is asked about again by itself; what passes with time is, on request, and what is in doubt at a person's word.
    scene.run(&[]).run().exits(3);
    assert!(scene.platform.asked().values().all(|times| *times == 1));
    scene.run(&["--retry-failed"]).run().exits(3);
    let twice = |asked: HashMap<String, u32>| {
        let mut twice: Vec<_> =
            asked.into_iter().filter(|(_, times)| *times == 2).map(|(mobile, _)| mobile).collect();
        twice.sort();
        twice
    };
    assert_eq!(twice(scene.platform.asked()), [numbers[5].clone()]);
    scene.run(&["--resubmit-doubtful"]).run().exits(3);
    let expected = [5, 6, 8, 9].map(|at: usize| numbers[at].clone());
    assert_eq!(twice(scene.platform.asked()), expected);
}

#[test]
fn what_refuses_the_account_ends_the_run_and_the_rest_is_asked_about_later() {
    for code in [-1, -5, -9] {
        let numbers = mobiles(60);
        let left = Arc::new(Mutex::new(20));
        let balance = Arc::clone(&left);
        let script = move |mobile: &str| {
            let mut left = balance.lock().unwrap();
            if *left == 0 {
                return refusal(code);
            }
            *left -= 1;
            reply(mobile, "非虚拟号")
        };
        let scene = Scene::new(&numbers, Platform::start(script));
        let ended = scene.run(&["--concurrency", "4"]).run().exits(3);
        assert!(ended.stderr.contains("submitting ended"), "{}", ended.stderr);
        let rows = scene.rows();
        let count = |state: &str| column(&rows, "check_state").iter().filter(|one| **one == state).count();
        assert_eq!((count("done"), count("pending")), (20, 40), "{code}");
        let first = scene.platform.asked().values().sum::<u32>();
        assert!(first <= 24, "no more than were under way by then: {first}");
        *left.lock().unwrap() = 1000;
        scene.run(&[]).run().exits(0);
        assert!(column(&scene.rows(), "check_state").iter().all(|state| *state == "done"));
        let answered = scene.platform.asked().values().sum::<u32>() - (first - 20);
        assert_eq!(answered, 60, "each was answered once");
    }
}

#[test]
fn a_given_price_makes_plan_cap_and_sums_work_and_without_it_the_cost_is_unknown() {
    let scene = Scene::new(&mobiles(10), Platform::start(|mobile| reply(mobile, "隐私号")));
    let price = ["--price", "privacy:*=0.05CNY"];
    let planned =
        scene.call(&["plan", "in.csv", "--level", "privacy", "--column", "mobile"]).args(price).run();
    assert!(planned.exits(0).text().contains("cost: 0.5000 CNY"));
    let refused = scene.run(&["--max-cost", "0.20CNY"]).run().exits(2);
    assert!(refused.stderr.contains("--price 'privacy:*=0.0100CNY'"), "{}", refused.stderr);
    assert!(!refused.stderr.contains("--probe"), "{}", refused.stderr);
    let probing = scene.run(&["--max-cost", "0.20CNY", "--probe"]).run().exits(2);
    let hint = "--probe: QXT tells no price: give it by --price 'privacy:*=0.0100CNY'; nothing was sent";
    assert!(probing.stderr.contains(hint), "{}", probing.stderr);
    assert!(scene.platform.asked().is_empty());
    let capped = scene.run(&["--max-cost", "0.20CNY"]).args(price).run().exits(3);
    assert!(capped.stderr.contains("cost 0.2000 CNY"), "{}", capped.stderr);
    assert_eq!(scene.platform.asked().len(), 4);
    assert!(
        capped.stderr.contains("go on, with a higher --max-cost, by: numcheck resume"),
        "{}",
        capped.stderr
    );
    let job = scene.call(&["jobs", "--json"]).run().exits(0).json();
    assert_eq!(job["state"], "open", "it goes on by resume: {job}");
    let job = job["job"].as_str().unwrap().to_owned();
    let status = scene.call(&["status", &job]).run();
    assert!(status.text().contains("0.2000 CNY"), "{}", status.text());
    let whole = scene.run(&[]).run().exits(0);
    assert_eq!(scene.platform.asked().len(), 10);
    assert!(whole.stderr.contains("unknown cost of 6 results"), "no price was given: {}", whole.stderr);
}

#[test]
fn what_has_no_price_at_all_costs_an_unknown_sum_and_not_nothing_and_passes_no_cap() {
    let script = |mobile: &str| if mobile.ends_with('3') { refusal(-5) } else { reply(mobile, "隐私号") };
    let scene = Scene::new(&mobiles(5), Platform::start(script));
    let run = scene.run(&["--concurrency", "1"]).run().exits(3);
    assert!(run.stderr.contains("; cost unknown: 3 results without a price;"), "{}", run.stderr);
    let job = scene.call(&["jobs", "--json"]).run().exits(0).json();
    let resume = ["resume", job["job"].as_str().unwrap(), "--yes", "-o", "out.csv", "--max-cost", "1CNY"];
    let probing = scene.call(&resume).arg("--probe").run().exits(2);
    assert!(probing.stderr.contains("QXT tells no price"), "{}", probing.stderr);
    let capped = scene.call(&resume).run().exits(3);
    for part in ["--price 'privacy:*=0.0100CNY' goes on", "go on, with --price, by: numcheck resume"] {
        assert!(capped.stderr.contains(part), "{part}: {}", capped.stderr);
    }
    assert!(!capped.stderr.contains("--probe"), "{}", capped.stderr);
    assert_eq!(scene.platform.asked().len(), 4);
}

#[test]
fn an_option_of_the_other_levels_is_refused_where_it_is_typed() {
    let scene = Scene::new(&mobiles(1), Platform::start(|mobile| reply(mobile, "隐私号")));
    for option in [
        &["--delivery", "poll"][..],
        &["--listen", "127.0.0.1:0"],
        &["--public-url=https://example.org"],
        &["--batch-size", "9"],
        &["--countries", "one"],
    ] {
        let name = option[0].split('=').next().unwrap();
        let refused = scene.run(option).run().exits(2);
        assert!(
            refused.stderr.contains(&format!("{name} means nothing at level privacy")),
            "{}",
            refused.stderr
        );
        assert!(refused.stderr.contains("nothing was sent"), "{}", refused.stderr);
    }
    for option in [&["--rate", "9/s"][..], &["--get"], &["--qxt-path", "/ssphone_privacy"]] {
        let run = ["run", "in.csv", "--level", "hlr", "--column", "mobile", "--yes", "--delivery", "poll"];
        let refused = scene.call(&run).args(option).run().exits(2);
        assert!(
            refused.stderr.contains(&format!("{} is for level privacy", option[0])),
            "{}",
            refused.stderr
        );
    }
    assert!(scene.platform.asked().is_empty());
    assert!(!scene.path("jobs.db").exists());
    // A variable may be there for other commands.
    let run = scene.run(&[]).env("NUMCHECK_DELIVERY", "poll").env("NUMCHECK_BATCH_SIZE", "9");
    run.env("NUMCHECK_LISTEN", "127.0.0.1:0").run().exits(0);
}

#[test]
fn a_key_or_address_that_cannot_be_used_is_refused_before_a_job_is_made() {
    let scene = Scene::new(&mobiles(1), Platform::start(|mobile| reply(mobile, "隐私号")));
    let run = |name: &str, value: &str| {
        let ended = scene.run(&[]).env(name, value).run().exits(2);
        assert!(ended.stderr.contains(name) && ended.stderr.contains("nothing was sent"), "{}", ended.stderr);
        assert!(!ended.stderr.contains("go on by"), "{}", ended.stderr);
    };
    run("QXT_API_KEY", "x y");
    run("QXT_BASE_URL", "http://example.org/ssPhone_Privacy");
    assert!(!scene.path("jobs.db").exists());
    scene.run(&[]).run().exits(0);
}

#[test]
fn a_run_that_is_killed_leaves_at_most_the_requests_under_way_in_doubt_and_asks_nobody_twice() {
    const AT_ONCE: usize = 4;
    const KILLS: u32 = 8;
    let numbers = mobiles(400);
    let scene = Scene::new(&numbers, Platform::start(|mobile| reply(mobile, "隐私号")));
    for kill in 1..=KILLS {
        let mut run = scene.run(&["--concurrency", "4"]).start();
        scene.platform.wait_for(kill * 37);
        run.kill();
    }
    scene.run(&["--concurrency", "4"]).run().exits_with(&[0, 3]);
    let asked = scene.platform.asked();
    assert!(asked.values().all(|times| *times == 1), "a number was asked about twice");
    let rows = scene.rows();
    let in_doubt = column(&rows, "check_state").iter().filter(|state| **state == "in_doubt").count();
    let done = column(&rows, "check_state").iter().filter(|state| **state == "done").count();
    assert_eq!(done + in_doubt, numbers.len());
    assert!(in_doubt <= AT_ONCE * KILLS as usize, "{in_doubt} in doubt");
    assert!(in_doubt > 0 || asked.len() == numbers.len());
}

/// A run that was asked to stop while its fourth answer is held back.
fn stopped_at_the_fourth() -> (Scene, Running) {
    let script = |mobile: &str| match (mobile.ends_with('3'), reply(mobile, "隐私号")) {
        (true, Answer::Says(said)) => Answer::Later(said),
        (_, answer) => answer,
    };
    let scene = Scene::new(&mobiles(8), Platform::start(script));
    let mut run = scene.run(&["--concurrency", "1"]).start();
    scene.platform.wait_for(4);
    run.signal("INT");
    run.wait_for("are waited for");
    (scene, run)
}

#[test]
fn a_stop_asks_about_nothing_more_and_waits_for_the_answer_that_is_paid_for() {
    let (scene, run) = stopped_at_the_fourth();
    scene.platform.let_go();
    run.end().exits(3);
    let states = ["done", "done", "done", "done", "pending", "pending", "pending", "pending"];
    assert_eq!(column(&scene.rows(), "check_state"), states);
    assert_eq!(scene.platform.asked().len(), 4);
}

#[test]
fn a_second_stop_ends_at_once_and_what_has_no_answer_is_in_doubt() {
    let (scene, mut run) = stopped_at_the_fourth();
    // Those of the next second are the same one.
    while run.is_running() {
        run.signal("INT");
    }
    run.end().exits(130);
    scene.platform.let_go();
    scene.run(&[]).run().exits(3);
    let states = ["done", "done", "done", "in_doubt", "done", "done", "done", "done"];
    assert_eq!(column(&scene.rows(), "check_state"), states);
    assert!(scene.platform.asked().values().all(|times| *times == 1));
}

#[test]
fn a_job_without_an_account_is_asked_of_the_sandbox_in_the_command() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("in.csv"), "mobile\n18466849135\n13800000424\n").unwrap();
    let run = ["run", "in.csv", "--level", "privacy", "--sandbox", "-o", "out.csv"];
    numcheck(run).dir(folder.path()).run().exits(0);
    let rows = rows(&std::fs::read(folder.path().join("out.csv")).unwrap());
    assert_eq!(column(&rows, "check_privacy"), ["YES", "NO"]);
}
