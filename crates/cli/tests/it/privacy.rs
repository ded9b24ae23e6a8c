//! `privacy` pays for a number once, asks before it pays, and ends at what refuses the account.

use crate::support::numcheck;
use crate::support::scene::Scene;
use serde_json::json;

const MOBILE: &str = "18466849135";

/// How many requests the sandbox has seen.
fn requests(scene: &Scene) -> u64 {
    scene.page("journal.json")["counts"]["requests"].as_u64().unwrap()
}

/// What one query costs, in ten-thousandths of a CNY.
const PRICE: i64 = 500;

#[test]
fn a_number_in_three_spellings_is_asked_about_once() {
    let scene = Scene::start();
    let spellings = [MOBILE, "+86 184-6684-9135", "008618466849135"];
    let ended = scene.call(&["privacy", "--json"]).args(spellings).run().exits(0);
    let lines = ended.json_lines();
    assert_eq!(lines.len(), 3, "one line for each that was typed");
    for line in &lines {
        assert_eq!((&line["mobile"], &line["outcome"]), (&json!(MOBILE), &json!("done")), "{line}");
        assert_eq!(line["privacy"], true);
    }
    assert_eq!((requests(&scene), scene.charged("CNY")), (1, PRICE));
    assert_eq!(scene.accepted(), (1, 1, 0));
}

#[test]
fn an_answer_that_the_store_has_is_shown_with_its_time_and_not_paid_for_again() {
    let scene = Scene::start();
    let call = |options: &[&str]| scene.call(&["privacy", "--json", MOBILE]).args(options).run().exits(0);
    assert!(call(&[]).json()["reused"].is_null());
    let again = call(&[]).json();
    assert_eq!(
        (&again["outcome"], &again["status"], &again["area"]),
        (&json!("done"), &json!("隐私号"), &json!("上海-上海"))
    );
    assert!(again["reused"].as_str().unwrap().ends_with('Z'), "{again}");
    assert_eq!(scene.charged("CNY"), PRICE);
    let text = scene.call(&["privacy", MOBILE]).run().exits(0);
    assert!(text.text().contains("reused, answered "), "{}", text.text());
    // A person's word pays once more.
    call(&["--again"]);
    call(&[]);
    assert_eq!(scene.charged("CNY"), 2 * PRICE);
}

#[test]
fn what_was_paid_for_can_be_read_for_as_long_as_the_store_is_there() {
    let scene = Scene::start();
    scene.call(&["privacy", MOBILE]).run().exits(0);
    // As it was typed there, and with its country code.
    for number in [MOBILE.to_owned(), format!("86{MOBILE}")] {
        let told = scene.call(&["history", "--json", "--phone", &number]).run().exits(0).json();
        assert!(told["reply"].as_str().unwrap().contains("隐私号"), "{told}");
        assert_eq!((&told["service"], &told["state"]), (&json!("privacy"), &json!("settled")));
    }
    // What the platform has said is in the job's file, too.
    let job = scene.call(&["jobs", "--json"]).run().exits(0).json()["job"].as_str().unwrap().to_owned();
    let exported = scene.call(&["export", &job, "--json"]).run().exits(0).json();
    assert_eq!(exported["check"]["privacy"], "YES", "{exported}");
}

#[test]
fn that_nothing_was_found_is_an_answer_that_the_store_has() {
    let scene = Scene::start();
    let call = || scene.call(&["privacy", "--json", "16612345678"]).run();
    assert_eq!(call().json()["code"], -4);
    let again = call().exits(0).json();
    assert_eq!((&again["outcome"], &again["code"]), (&json!("done"), &json!(-4)));
    assert_eq!(requests(&scene), 1);
    // Its job is not one of number checks.
    let jobs = scene.call(&["jobs", "--json"]).run().exits(0).json_lines();
    let job = jobs[0]["job"].as_str().unwrap();
    let ended = scene.call(&["reconcile", job]).run().exits(2);
    ended.says("QXT cannot be asked afterwards").says("--resubmit-doubtful");
    scene.call(&["resume", job]).run().exits(0);
    assert_eq!(requests(&scene), 1, "what has an answer is not asked about again");
}

#[test]
fn without_a_terminal_and_a_yes_nothing_is_asked_of_a_platform_that_charges() {
    let scene = Scene::start();
    let call = |options: &[&str]| {
        let call = scene.call(&["privacy", "--json", MOBILE, "+8618466849135", "13800000424"]).args(options);
        // Not on loopback, and a proxy before it that lets nothing out.
        call.env("QXT_BASE_URL", "https://platform.invalid").env("HTTPS_PROXY", "http://127.0.0.1:1")
    };
    let ended = call(&[]).run().exits(2).says("asking about 2 numbers");
    assert!(ended.stderr.contains("1 duplicate") && ended.stderr.contains("say --yes"), "{}", ended.stderr);
    assert!(ended.stderr.contains("nothing was sent") && ended.stdout.is_empty());
    assert!(scene.call(&["jobs", "--json"]).run().exits(0).stdout.is_empty(), "no leaves no job behind");
    // With a yes it is tried.
    let tried = call(&["--yes"]).run();
    assert_eq!(tried.status.code(), Some(3), "{}", tried.stderr);
    assert_eq!(requests(&scene), 0);
}

#[test]
fn no_such_key_ends_the_call() {
    let scene = Scene::start();
    let mobiles: Vec<String> = (0..200).map(|at| format!("138000{:05}", 12_000 + at)).collect();
    let call = scene.call(&["privacy", "--json", "--concurrency", "4", "-"]).stdin(mobiles.join("\n"));
    let ended = call.env("QXT_API_KEY", "unknown0unknown0unknown0unknown0").run().exits(3);
    let lines = ended.json_lines();
    assert_eq!(lines.len(), 200);
    assert!(requests(&scene) <= 4, "no more than were under way by then: {}", requests(&scene));
    assert!(lines.iter().any(|line| line["outcome"] == "pending" && line["code"] == -1));
    assert!(lines.iter().all(|line| line["outcome"] == "pending"), "nothing was asked about any of them");
    let job = &scene.call(&["jobs", "--json"]).run().exits(0).json_lines()[0];
    assert_eq!(job["state"], "closed", "nothing goes on with it: {job}");
    // What refuses the account is not in the book: with the right key all are asked about, once.
    let mobiles = &mobiles[..10];
    scene.call(&["privacy", "--json"]).args(mobiles).run().exits(0);
    assert_eq!(scene.accepted(), (10, 10, 0));
}

#[test]
fn a_key_of_a_wrong_length_ends_the_call_after_three_numbers_though_its_code_could_mean_them() {
    let scene = Scene::start();
    let mobiles: Vec<String> = (0..50).map(|at| format!("138000{:05}", 12_000 + at)).collect();
    let call = scene.call(&["privacy", "--json", "--concurrency", "1", "-"]).stdin(mobiles.join("\n"));
    let lines = call.env("QXT_API_KEY", "short").run().exits(3).json_lines();
    assert_eq!(requests(&scene), 3);
    let of = |outcome: &str| lines.iter().filter(|line| line["outcome"] == outcome).count();
    // The third says that it is the key: it was no answer about that number.
    assert_eq!((of("refused"), of("pending")), (2, 48));
}

#[test]
fn a_query_whose_answer_was_lost_is_in_doubt_and_not_asked_again() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        crate::support::read_message(&mut stream).unwrap();
        drop(stream);
        listener
    });
    let dir = tempfile::tempdir().unwrap();
    let call = || {
        let call = numcheck(["privacy", "--json", MOBILE]).env("NUMCHECK_STORE", dir.path().join("jobs.db"));
        call.env("QXT_BASE_URL", &url).env("QXT_API_KEY", "abcdefghijklmnopqrstuvwxyz012345")
    };
    assert_eq!(call().run().exits(3).json()["outcome"], "in_doubt");
    let listener = asked.join().unwrap();
    assert_eq!(call().run().exits(3).json()["outcome"], "in_doubt");
    listener.set_nonblocking(true).unwrap();
    assert!(listener.accept().is_err(), "nobody asked a second time");
}

#[test]
fn a_dead_address_says_why_numbers_were_not_asked_about() {
    let dead = numcheck(["privacy", "13800000001", "13800000002"]);
    let dead = dead.envs([("QXT_BASE_URL", "http://127.0.0.1:1"), ("QXT_API_KEY", "testapikey")]);
    let ended = dead.run().exits(3);
    let why = "not asked about, and nothing was paid for it: qxt.privacy: could not connect to 127.0.0.1:1; not sent";
    assert_eq!(ended.text().matches(why).count(), 2, "{}", ended.text());
    assert_eq!(ended.stderr.matches(why).count(), 1, "once: {}", ended.stderr);
}
