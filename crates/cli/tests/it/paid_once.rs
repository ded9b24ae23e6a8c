//! What is paid for is a number, at a level, by an account: no harmless change to a command or a file pays again.

use std::fs;

use crate::support::scene::{NUMBERS, Scene, file_of, phone, usual};
use crate::support::{Call, Ended, column, numcheck, push};
use serde_json::{Value, json};

const ALL: u64 = NUMBERS as u64;

/// A scene in which the usual numbers were paid for.
fn paid() -> Scene {
    let scene = Scene::start();
    let summary = scene.run("numbers.csv").run().exits(0).json();
    assert_eq!(
        (&summary["done"], &summary["submitted"], &summary["reused"]),
        (&json!(ALL), &json!(ALL), &json!(0))
    );
    assert_eq!(scene.accepted(), (ALL, ALL, 0));
    scene
}

/// The run pays for `new` numbers only, and says that it reuses all others.
#[track_caller]
fn pays_only_for(scene: &Scene, run: Call, new: u64) {
    let ended = run.run().exits(0);
    let (summary, rows) = (ended.json(), scene.rows());
    let reused = rows.len() as u64 - new;
    assert_eq!((&summary["reused"], &summary["submitted"]), (&json!(reused), &json!(new)), "{summary}");
    let said = format!("{reused} of the numbers have a result already");
    assert!(ended.stderr.contains(&said), "{}", ended.stderr);
    // A check in Hong Kong costs 0.002 USD.
    let saved = reused * 20;
    assert_eq!(summary["saved"], json!({"USD": format!("{}.{:04}", saved / 10_000, saved % 10_000)}));
    assert!(
        rows.iter().all(|row| row["check_state"] == "done" && row["check_time"].ends_with('Z')),
        "{rows:?}"
    );
    let priced = rows.iter().filter(|row| !row["check_price"].is_empty()).count() as u64;
    assert_eq!(priced, new, "a price stands only where something was paid");
    assert_eq!(scene.accepted(), (ALL + new, ALL + new, 0));
}

#[test]
fn the_same_command_again_pays_nothing() {
    let scene = paid();
    pays_only_for(&scene, scene.run("numbers.csv"), 0);
}

#[test]
fn results_that_are_fetched_instead_of_pushed_are_no_reason_to_pay_again() {
    let scene = paid();
    for delivery in ["poll", "both"] {
        pays_only_for(&scene, scene.run("numbers.csv").args(["--delivery", delivery]), 0);
    }
}

#[test]
fn another_batch_size_is_no_reason_to_pay_again() {
    let scene = paid();
    pays_only_for(&scene, scene.run("numbers.csv").args(["--batch-size", "7"]), 0);
}

#[test]
fn naming_the_column_that_was_found_anyway_is_no_reason_to_pay_again() {
    let scene = paid();
    for column in ["phone", "1"] {
        pays_only_for(&scene, scene.run("numbers.csv").args(["--column", column]), 0);
    }
}

#[test]
fn another_spelling_of_the_platform_s_address_is_no_reason_to_pay_again() {
    let scene = Scene::start();
    let port = scene.sandbox.text("nxcloud").rsplit_once(':').unwrap().1.to_owned();
    let run = |spelling: &str| {
        let url = spelling.replace("PORT", &port);
        scene.run("numbers.csv").env("NXCLOUD_BASE_URL", url)
    };
    run("http://localhost:PORT").run().exits(0);
    for spelling in ["http://localhost:PORT/", "http://LOCALHOST:PORT", "HTTP://LocalHost:PORT//"] {
        pays_only_for(&scene, run(spelling), 0);
    }
}

#[test]
fn a_file_saved_in_another_way_is_no_reason_to_pay_again() {
    let scene = paid();
    let backwards = file_of((0..NUMBERS).rev());
    let with_column: String = (0..NUMBERS).map(|at| format!("{at},{},note\n", phone(at))).collect();
    let plus: String = (0..NUMBERS).map(|at| format!("+{}\n", phone(at))).collect();
    let spaced: String =
        (0..NUMBERS).map(|at| format!("00{} {}\n", &phone(at)[..3], &phone(at)[3..])).collect();
    for (how, content) in [
        ("line ends", usual().replace('\n', "\r\n")),
        ("one more newline", format!("{}\n", usual())),
        ("no newline at the end", usual().trim_end().to_owned()),
        ("another order", backwards),
        ("one more column", format!("id,phone,remark\n{with_column}")),
        ("plus", format!("phone\n{plus}")),
        ("00 and spaces", format!("phone\n{spaced}")),
        ("no header", usual().replace("phone\n", "")),
        ("byte-order mark", format!("\u{feff}{}", usual())),
    ] {
        scene.write("saved.csv", &content);
        println!("{how}");
        pays_only_for(&scene, scene.run("saved.csv"), 0);
    }
    // Under another name, and from standard input.
    scene.write("other.txt", &usual());
    pays_only_for(&scene, scene.run("other.txt"), 0);
}

#[test]
fn a_cell_that_is_mended_pays_for_the_mended_number_only() {
    let scene = paid();
    scene.write("mended.csv", &usual().replace(&phone(7), &phone(500)));
    pays_only_for(&scene, scene.run("mended.csv"), 1);
}

#[test]
fn a_row_that_is_added_pays_for_that_row_only() {
    let scene = paid();
    scene.write("longer.csv", &file_of(0..=NUMBERS));
    pays_only_for(&scene, scene.run("longer.csv"), 1);
}

#[test]
fn two_files_with_numbers_in_common_pay_for_these_once() {
    let scene = paid();
    scene.write("second.csv", &file_of(NUMBERS / 2..NUMBERS + NUMBERS / 2));
    let summary = scene.run("second.csv").run().exits(0).json();
    assert_eq!((&summary["reused"], &summary["submitted"]), (&json!(ALL / 2), &json!(ALL / 2)));
    assert_eq!(scene.accepted(), (ALL + ALL / 2, ALL + ALL / 2, 0));
}

#[test]
fn two_files_with_numbers_in_common_at_the_same_time_pay_for_these_once() {
    let scene = Scene::start();
    scene.write("second.csv", &file_of(NUMBERS / 2..NUMBERS + NUMBERS / 2));
    let first = scene.run("numbers.csv").args(["--batch-size", "5"]).start();
    let second = scene.run_to("second.csv", "second-out.csv").args(["--batch-size", "3"]).start();
    for ended in [first.end(), second.end()] {
        assert_eq!(ended.exits(0).json()["done"], ALL);
    }
    assert_eq!(scene.accepted(), (ALL + ALL / 2, ALL + ALL / 2, 0));
}

#[test]
fn a_result_of_another_level_is_not_reused_and_that_is_said() {
    let scene = paid();
    let plan = scene.call(&["plan", "--json", "--level", "hlr"]).arg(scene.path("numbers.csv")).run();
    assert_eq!(plan.exits(0).json()["other_level"], ALL);
    let run = scene.run("numbers.csv").args(["--level", "hlr"]);
    let ended =
        run.run().exits(0).says("40 of the numbers have a result of another level, which is not reused");
    assert_eq!((&ended.json()["reused"], &ended.json()["submitted"]), (&json!(0), &json!(ALL)));
    // Each level is another check: nothing is paid twice.
    assert_eq!(scene.accepted(), (2 * ALL, 2 * ALL, 0));
}

#[test]
fn plan_says_how_many_are_reused_and_how_old_they_are() {
    let scene = paid();
    scene.write("longer.csv", &file_of(0..=NUMBERS));
    let plan = |json: &[&str]| scene.call(&["plan"]).arg(scene.path("longer.csv")).args(json).run().exits(0);
    let shown = plan(&["--json"]).json();
    assert_eq!(
        (&shown["reused"], &shown["to_send"], &shown["numbers"]),
        (&json!(ALL), &json!(1), &json!(ALL + 1))
    );
    let text = plan(&[]);
    assert!(text.text().contains("40 have a fresh result"), "{}", text.text());
    assert!(text.text().contains("1 would be sent"), "{}", text.text());
    assert_eq!(scene.accepted(), (ALL, ALL, 0), "it sends nothing");
}

// --- what pays again does so once

/// How often the numbers were accepted in all, and how many different ones.
fn times(scene: &Scene) -> (u64, u64) {
    let (accepted, distinct, _) = scene.accepted();
    (accepted, distinct)
}

#[test]
fn again_pays_each_number_once_more_and_not_a_third_time_after_an_interruption() {
    let scene = paid();
    let summary = scene.run("numbers.csv").arg("--again").run().exits(0).json();
    assert_eq!((&summary["reused"], &summary["submitted"]), (&json!(0), &json!(ALL)));
    assert_eq!(times(&scene), (2 * ALL, ALL));
    // It is no lasting word: without it, nothing is paid.
    let summary = scene.run("numbers.csv").run().exits(0).json();
    assert_eq!((&summary["reused"], &summary["submitted"]), (&json!(ALL), &json!(0)));
    assert_eq!(times(&scene), (2 * ALL, ALL));
}

/// Interrupts a run that checks everything anew after some batches were accepted, and gives the same command again.
fn interrupted(option: &[&str]) {
    let job = crate::support::job::Job::of(6);
    let serve = |run: crate::support::Running, answer: &dyn Fn(crate::support::Submit)| {
        let run = std::thread::spawn(move || run.end());
        while !run.is_finished() {
            if let Some(submit) = job.platform.try_submit() {
                answer(submit);
            }
        }
        run.join().unwrap()
    };
    let settle = |submit: crate::support::Submit| {
        let batch = submit.batch();
        submit.accept();
        batch.push_all();
    };
    serve(job.start(&["--batch-size", "1"]), &settle).exits(0);
    assert_eq!(job.platform.seen().len(), 6);

    let mut run = job.start(&[&["--batch-size", "1"], option].concat());
    let first = job.platform.submit();
    run.signal("TERM");
    run.wait_for("stopping");
    settle(first);
    serve(run, &settle).exits(3);
    let sent = job.platform.seen().len();
    assert!((7..12).contains(&sent), "{sent}");
    // The same command goes on: what it has paid anew is not paid a third time.
    let ended = serve(job.start(&[&["--batch-size", "1"], option].concat()), &settle).exits(0);
    assert!(ended.stderr.contains("going on where it ended"), "{}", ended.stderr);
    assert_eq!(job.platform.seen().len(), 12, "each number once more: {option:?}");
    assert_eq!(job.states(), ["done"; 6]);
}

#[test]
fn a_job_that_pays_again_asks_again_when_another_command_goes_on_with_it() {
    let job = crate::support::job::Job::of(6);
    let run = job.start(&[]);
    let batch = job.platform.accept();
    batch.push_all();
    run.end().exits(0);
    let mut run = job.start(&["--batch-size", "1", "--again"]);
    let first = job.platform.submit();
    run.signal("TERM");
    run.wait_for("stopping");
    first.accept();
    run.end().exits(3);
    let sent = job.platform.seen().len();
    // The store is that of a platform beyond this machine, which asks before it spends.
    let file = job.path("other.txt");
    fs::write(&file, "85259999999\n").unwrap();
    let afar = |file: &std::path::Path| {
        let call = numcheck(["run", "--delivery", "poll"]).arg(file).envs(job.platform.account());
        let call =
            call.env("NXCLOUD_BASE_URL", "https://platform.invalid").env("HTTPS_PROXY", "http://127.0.0.1:1");
        call.env("NUMCHECK_STORE", job.store()).arg("-o").arg(job.path("afar.csv"))
    };
    afar(&file).args(["--yes", "--new-account", "--wait", "0s"]).run().exits(3);
    let store = rusqlite::Connection::open(job.store()).unwrap();
    let account: String =
        store.query_row("SELECT account FROM scopes ORDER BY id DESC LIMIT 1", [], |row| row.get(0)).unwrap();
    store.execute("UPDATE scopes SET account = 'none' WHERE account = ?", [&account]).unwrap();
    store.execute("UPDATE scopes SET account = ? WHERE id = 1", [&account]).unwrap();
    drop(store);
    let ended = afar(&job.path("numbers.txt")).run().exits(2);
    let left = 6 - (sent - 1);
    let ended = ended.says(&format!("checking {left} numbers")).says("say --yes").says("nothing was sent");
    assert!(left > 0 && ended.stdout.is_empty());
    assert_eq!(job.platform.seen().len(), sent);
}

#[test]
fn again_that_is_interrupted_goes_on_by_the_same_command() {
    interrupted(&["--again"]);
}

#[test]
fn max_age_that_is_interrupted_goes_on_by_the_same_command() {
    interrupted(&["--max-age", "0s"]);
}

#[test]
fn max_age_decides_by_itself_younger_is_reused_older_is_checked_anew() {
    let scene = paid();
    pays_only_for(&scene, scene.run("numbers.csv").args(["--max-age", "1h"]), 0);
    let summary = scene.run("numbers.csv").args(["--max-age", "0s"]).run().exits(0).json();
    assert_eq!((&summary["reused"], &summary["submitted"]), (&json!(0), &json!(ALL)));
    assert_eq!(times(&scene), (2 * ALL, ALL));
}

#[test]
fn retry_failed_checks_again_what_passes_with_time_and_nothing_else() {
    let scene = Scene::start();
    // 112: the platform's own failure, which passes. 114: the number is wrong, which does not.
    scene.write("failing.csv", "phone\n85251000112\n85251000114\n85251111111\n");
    let run = |options: &[&str]| scene.run("failing.csv").args(options).run().exits(0).json();
    let first = run(&[]);
    assert_eq!((&first["done"], &first["failed"]), (&json!(1), &json!(2)));
    assert_eq!(run(&[])["submitted"], 0, "a failure is a result, too");
    let again = run(&["--retry-failed"]);
    assert_eq!((&again["submitted"], &again["reused"], &again["failed"]), (&json!(1), &json!(2), &json!(2)));
    assert_eq!(scene.accepted(), (4, 3, 0), "what failed cost nothing");
}

// --- single calls share the book

#[test]
fn what_submit_has_sent_run_does_not_send_again() {
    let scene = Scene::start();
    let numbers: Vec<String> = (0..3).map(phone).collect();
    scene.call(&["submit", "--phone", &numbers.join(",")]).run().exits(0);
    let run = scene.run("numbers.csv").args(["--wait", "1s"]).run().exits(3);
    let summary = run.json();
    assert_eq!((&summary["submitted"], &summary["done"]), (&json!(ALL - 3), &json!(ALL - 3)));
    // Results of `submit` go to the application's own address: they are fetched.
    let ended =
        scene.run("numbers.csv").args(["--delivery", "both", "--minute", "1s", "--wait", "20s"]).run();
    assert_eq!(ended.exits(0).json()["done"], ALL);
    assert_eq!(scene.accepted(), (ALL, ALL, 0));
}

#[test]
fn what_run_has_paid_submit_shows_and_does_not_send() {
    let scene = paid();
    let numbers = [phone(0), phone(1), phone(900)];
    let call = |numbers: &[String]| scene.call(&["submit", "--json", "--phone", &numbers.join(",")]).run();
    let shown = call(&numbers).exits(0).says("2 of the numbers have a result already").json();
    assert_eq!((&shown["outcome"], &shown["numbers"]), (&json!("accepted"), &json!(1)));
    assert_eq!(shown["reused"].as_array().unwrap().len(), 2);
    let none = call(&numbers[..2]).exits(0).json();
    assert_eq!((&none["outcome"], &none["numbers"]), (&json!("reused"), &json!(0)));
    // The third is under way now.
    let waiting = call(&numbers[2..]).exits(3).says("under way or in doubt by an earlier call").json();
    assert_eq!(waiting["waiting"], 1);
    assert_eq!(scene.accepted(), (ALL + 1, ALL + 1, 0));
}

#[test]
fn what_run_has_paid_get_shows_and_does_not_send() {
    let scene = Scene::start_with(&["--dialect", "v2"]);
    scene.run("numbers.csv").run().exits(0);
    let get = |number: &str| scene.call(&["get", "--json", "--phone", number]).run().exits(0);
    let known = get(&phone(0)).says("it is not paid for again").json();
    assert_eq!(known["outcome"], "reused");
    // The other way round: what `get` has paid, `run` and `get` take over.
    assert_eq!(get(&phone(NUMBERS)).json()["outcome"], "checked");
    assert_eq!(get(&phone(NUMBERS)).json()["outcome"], "reused");
    scene.write("longer.csv", &file_of(0..=NUMBERS));
    assert_eq!(scene.run("longer.csv").run().exits(0).json()["submitted"], 0);
    assert_eq!(scene.accepted(), (ALL + 1, ALL + 1, 0));
}

#[test]
fn a_number_that_stands_twice_in_one_submit_is_sent_once() {
    let scene = Scene::start();
    let number = phone(0);
    let twice = format!("{number},+{number},00{number}");
    let shown = scene.call(&["submit", "--json", "--phone", &twice]).run().exits(0).json();
    assert_eq!(shown["numbers"], 1);
    assert_eq!(scene.accepted(), (1, 1, 0));
}

#[test]
fn a_submit_whose_answer_was_lost_is_in_doubt_for_every_verb() {
    let scene = Scene::start_with(&["--lose-answer", "1"]);
    let number = phone(0);
    let submit = || scene.call(&["submit", "--json", "--phone", &number]).run().exits(3);
    assert_eq!(submit().json()["outcome"], "in_doubt");
    submit().says("in doubt");
    scene.write("one.csv", &format!("phone\n{number}\n"));
    let ended = scene.run("one.csv").args(["--wait", "1s"]).run().exits(3);
    assert!(
        ended.stderr.contains("1 in doubt from job") && ended.stderr.contains("--resubmit-doubtful"),
        "{}",
        ended.stderr
    );
    assert_eq!(scene.accepted(), (1, 1, 0));
    // A person's word sends it again, and may pay twice: it does.
    let ended = scene.run("one.csv").arg("--resubmit-doubtful").run().exits(0);
    assert_eq!(ended.json()["done"], 1);
    assert_eq!(times(&scene), (2, 1));
}

// --- looking back

#[test]
fn history_shows_every_sending_of_a_number_masked() {
    let scene = paid();
    scene.run("numbers.csv").arg("--again").run().exits(0);
    let number = phone(3);
    let history = |json: &[&str]| scene.call(&["history", "--phone", &number]).args(json).run().exits(0);
    let lines = history(&["--json"]).json_lines();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(
        lines.iter().all(|line| line["state"] == "settled" && line["service"] == "number_check"),
        "{lines:?}"
    );
    let text = history(&[]);
    assert!(!text.text().contains(&number) && text.text().contains("settled"), "{}", text.text());
    let nothing = scene.call(&["history", "--phone", &phone(999)]).run().exits(0);
    assert!(
        nothing.stderr.contains("knows nothing of") && !nothing.stderr.contains(&phone(999)),
        "{}",
        nothing.stderr
    );
}

/// The names of the jobs in the store, the newest first.
fn jobs(scene: &Scene) -> Vec<Value> {
    scene.call(&["jobs", "--json"]).run().exits(0).json_lines()
}

#[test]
fn forget_names_what_other_jobs_keep_and_warns_about_what_is_not_recognised_any_more() {
    let scene = paid();
    scene.write("longer.csv", &file_of(0..=NUMBERS));
    scene.run("longer.csv").run().exits(0);
    let names: Vec<String> = jobs(&scene).iter().map(|job| job["job"].as_str().unwrap().to_owned()).collect();
    let (second, first) = (&names[0], &names[1]);
    let forgotten =
        scene.call(&["forget", first]).run().exits(0).says("checking them again is paid for again");
    assert!(
        forgotten.stderr.contains(&format!("40 of its checks stay, because job {second} refers to them")),
        "{}",
        forgotten.stderr
    );
    // What stays is still recognised.
    assert_eq!(scene.run("numbers.csv").run().exits(0).json()["submitted"], 0);
    assert_eq!(scene.accepted(), (ALL + 1, ALL + 1, 0));
}

#[test]
fn forget_refuses_while_something_may_still_be_paid_for() {
    let job = crate::support::job::Job::of(2);
    let run = job.start(&["--wait", "1s"]);
    let batch = job.platform.accept();
    run.end().exits(3);
    let store = |arguments: &[&str]| numcheck(arguments).env("NUMCHECK_STORE", job.store());
    let name = store(&["jobs", "--json"]).run().exits(0).json()["job"].as_str().unwrap().to_owned();
    store(&["forget", &name]).run().exits(2).says("--even-unsettled");
    store(&["forget", &name, "--even-unsettled"]).run().exits(0);
    // A late result is acknowledged, so that the platform ends, and leaves nothing behind.
    let listen = crate::support::free_address();
    let url = format!("http://{listen}");
    let mut receive = store(&["receive", "--json", "--listen", &listen, "--public-url", &url]).start();
    receive.stdout_line();
    let path = batch.dr_url.splitn(4, '/').nth(3).unwrap();
    let pushed = push(&format!("{url}/{path}"), &batch.result(&batch.numbers[0]).to_string()).unwrap();
    receive.signal("TERM");
    receive.end().exits(0);
    assert_eq!(pushed, 200);
    assert!(!job.quarantine().contains(&batch.numbers[0]));
}

#[test]
fn forget_number_leaves_nothing_of_it_and_every_other_row_as_it_was() {
    let scene = paid();
    scene.write("longer.csv", &file_of(0..=NUMBERS));
    scene.run("longer.csv").run().exits(0);
    let names: Vec<String> = jobs(&scene).iter().map(|job| job["job"].as_str().unwrap().to_owned()).collect();
    let export = |name: &str| {
        let rows = scene.call(&["export", name]).run();
        rows.text().to_owned()
    };
    let before: Vec<String> = names.iter().map(|name| export(name)).collect();
    let number = phone(3);
    assert!(before.iter().all(|rows| rows.contains(&number)));

    let forgotten = scene.call(&["forget", "--number", "-"]).stdin(number.clone()).run().exits(0);
    assert!(forgotten.stderr.contains("2 jobs had it") && !forgotten.stderr.contains(&number));
    let digits = number.as_bytes();
    let store = fs::read(scene.store()).unwrap();
    assert!(!store.windows(digits.len()).any(|window| window == digits), "it is still in the store's file");
    scene.call(&["history", &number]).run().exits(0).says("knows nothing of");
    for (name, before) in names.iter().zip(&before) {
        let after = export(name);
        let differ: Vec<_> = before.lines().zip(after.lines()).filter(|(one, other)| one != other).collect();
        let [(_, row)] = differ[..] else { panic!("{differ:?}") };
        assert!(row.contains("*") && row.contains("invalid") && !row.contains(&number), "{row}");
        assert_eq!(before.lines().count(), after.lines().count());
    }
    // It alone is paid for again.
    let summary = scene.run("numbers.csv").run().exits(0).json();
    assert_eq!((&summary["submitted"], &summary["reused"]), (&json!(1), &json!(ALL - 1)));
}

#[test]
fn forget_number_refuses_while_it_may_still_be_paid_for() {
    let job = crate::support::job::Job::of(2);
    let run = job.start(&["--wait", "1s"]);
    let batch = job.platform.accept();
    run.end().exits(3);
    let store = |arguments: &[&str]| numcheck(arguments).env("NUMCHECK_STORE", job.store());
    store(&["forget", "--number", &batch.numbers[0]]).run().exits(2).says("nothing was forgotten");
    assert_eq!(store(&["jobs", "--json"]).run().exits(0).json()["rows"], 2);
}

// --- the account

#[test]
fn another_access_key_at_a_known_address_is_said() {
    let scene = paid();
    let ended: Ended = scene.run("numbers.csv").env("NXCLOUD_ACCESS_KEY", "another-key").run();
    ended.exits(3).says("checks of another access key at");
    assert_eq!(scene.accepted(), (ALL, ALL, 0));
}

#[test]
fn the_same_access_key_at_another_address_is_asked_about() {
    let scene = paid();
    let elsewhere = |verb: Call| {
        verb.env("NXCLOUD_BASE_URL", "https://platform.invalid").env("HTTPS_PROXY", "http://127.0.0.1:1")
    };
    let run = |arguments: &[&str]| elsewhere(scene.run("numbers.csv").args(arguments)).run();
    let unlike = "checks of the same access key at another address, http://127.0.0.1:";
    run(&["--yes"]).exits(2).says(unlike).says("--same-account or --new-account");
    let plan = elsewhere(scene.call(&["plan"]).arg(scene.path("numbers.csv")));
    assert!(plan.run().exits(0).text().contains(unlike));
    run(&["--new-account"]).exits(2).says(&format!("checking {ALL} numbers"));
    // A sandbox's checks are nobody else's, and what is not there cannot be taken over: that is no word for paying.
    run(&["--yes", "--same-account"]).exits(2).says("is on this machine");
    let another_key = scene.run("numbers.csv").args(["--yes", "--same-account"]);
    another_key.env("NXCLOUD_ACCESS_KEY", "another-key").run().exits(2).says("no checks of this access key");
    assert_eq!(scene.accepted(), (ALL, ALL, 0));
}

#[test]
fn the_checks_of_the_same_access_key_at_another_address_can_be_taken_over() {
    let scene = paid();
    let url = scene.sandbox.text("nxcloud").replace("127.0.0.1", "localhost");
    let at_localhost = |file: &str| scene.run(file).env("NXCLOUD_BASE_URL", &url);
    // Although the address is known by then.
    scene.write("more.csv", &file_of([1000]));
    at_localhost("more.csv").run().exits(0).says("checks of the same access key at another address");
    let ended = at_localhost("numbers.csv").arg("--same-account").run().exits(0);
    let summary = ended.says("are now those of").json();
    assert_eq!((&summary["submitted"], &summary["reused"]), (&json!(0), &json!(ALL)));
    at_localhost("numbers.csv").run().exits(0);
    assert_eq!(scene.accepted(), (ALL + 1, ALL + 1, 0));
}

#[test]
fn checks_under_way_at_an_address_cannot_be_taken_over_since_their_absence_elsewhere_proves_nothing() {
    let job = crate::support::job::Job::of(2);
    let run = job.start(&["--wait", "1s"]);
    job.platform.submit().lose();
    run.end().exits(3);
    let url = job.platform.account().iter().find(|(name, _)| *name == "NXCLOUD_BASE_URL").unwrap().1;
    let url = url.replace("127.0.0.1", "localhost");
    let run = job.run().arg("--same-account").env("NXCLOUD_BASE_URL", &url).run().exits(2);
    run.says("2 numbers under way or in doubt at").says("nothing was sent");
}

#[test]
fn run_says_which_store_it_uses_and_when_it_makes_a_new_one() {
    let scene = Scene::start();
    let place = scene.store().display().to_string();
    scene.run("numbers.csv").run().exits(0).says(&format!("using the store {place}, which is new"));
    let again = scene.run("numbers.csv").run().exits(0).says(&format!("using the store {place}"));
    assert!(!again.stderr.contains("which is new"), "{}", again.stderr);
    // Verbs that only read make none.
    let nowhere = scene.path("nowhere.db");
    for verb in [
        &["status", "0123456789abcdef"][..],
        &["export", "0123456789abcdef"],
        &["history", "--phone", "85251111111"],
    ] {
        numcheck(verb).env("NUMCHECK_STORE", &nowhere).run().exits(2).says("there is no store at");
    }
    let jobs = numcheck(["jobs", "--json"]).env("NUMCHECK_STORE", &nowhere).run().exits(0);
    assert!(jobs.stdout.is_empty() && !nowhere.exists());
}

// --- the store

#[test]
fn after_a_run_the_store_is_one_file_and_a_copy_of_it_knows_everything() {
    let scene = paid();
    assert_eq!(scene.store_files(), ["jobs.db"]);
    let copy = scene.path("copy.db");
    fs::copy(scene.store(), &copy).unwrap();
    let summary = scene.run("numbers.csv").env("NUMCHECK_STORE", &copy).run().exits(0).json();
    assert_eq!((&summary["reused"], &summary["submitted"]), (&json!(ALL), &json!(0)));
    assert_eq!(scene.accepted(), (ALL, ALL, 0));
}

#[test]
fn an_emptied_store_is_refused_and_not_taken_for_a_new_one() {
    let scene = paid();
    fs::write(scene.store(), "").unwrap();
    scene.run("numbers.csv").run().exits(2).says("nothing was sent");
    for verb in [&["jobs"][..], &["history", "--phone", "85251111111"], &["submit", "--phone", "85251111111"]]
    {
        scene.call(verb).run().exits(2);
    }
    assert_eq!(fs::metadata(scene.store()).unwrap().len(), 0);
    assert_eq!(scene.accepted(), (ALL, ALL, 0));
}

#[test]
fn a_store_that_was_open_and_has_lost_its_side_file_is_refused() {
    let job = crate::support::job::Job::of(2);
    let mut run = job.start(&[]);
    job.platform.accept();
    run.wait_for("using the store");
    assert!(run.kill());
    let copy = job.path("copy.db");
    fs::copy(job.store(), &copy).unwrap();
    let seen = job.platform.seen().len();
    let refused = job.platform.run(&job.path("numbers.txt")).env("NUMCHECK_STORE", &copy);
    refused.run().exits(2).says("nothing was sent");
    assert_eq!(job.platform.seen().len(), seen);
    // With its side file it is whole.
    let states = column(&job.export(), "check_state").into_iter().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(states, ["pending"; 2]);
}
