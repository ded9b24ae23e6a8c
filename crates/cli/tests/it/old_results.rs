//! How old a result may be before somebody is asked whether it still counts.

use std::path::Path;

use crate::support::job::Job;
use crate::support::scene::Scene;
use serde_json::json;

const HOUR: i64 = 60 * 60 * 1000;
const DAY: i64 = 24 * HOUR;

/// Makes every result of a closed store so much older.
fn age(store: &Path, by_ms: i64) {
    let store = rusqlite::Connection::open(store).unwrap();
    store.execute("UPDATE numbers SET received_ms = received_ms - ?", [by_ms]).unwrap();
    store.execute("UPDATE results SET received_ms = received_ms - ?", [by_ms]).unwrap();
}

/// A scene whose numbers were checked at a level so long ago.
fn checked(level: &str, ago_ms: i64) -> Scene {
    let scene = Scene::start();
    scene.run("numbers.csv").args(["--level", level]).run().exits(0);
    age(&scene.store(), ago_ms);
    scene
}

#[test]
fn a_result_of_level_basic_is_fresh_for_30_days_and_of_the_others_for_24_hours() {
    for (level, fresh, old, time) in [
        ("basic", 29 * DAY, 2 * DAY, "30days"),
        ("hlr", 23 * HOUR, 2 * HOUR, "1day"),
        ("call", 23 * HOUR, 2 * HOUR, "1day"),
    ] {
        let scene = checked(level, fresh);
        let run = || scene.run("numbers.csv").args(["--level", level]).run();
        let summary = run().exits(0).json();
        assert_eq!((&summary["reused"], &summary["submitted"]), (&json!(40), &json!(0)), "{level}");
        age(&scene.store(), old);
        let ended = run().exits(2).says("nothing was sent");
        let said = format!("40 of the numbers have a result that is older than {time}");
        for part in [said.as_str(), "--max-age AGE", "--again"] {
            assert!(ended.stderr.contains(part), "{part}: {}", ended.stderr);
        }
        assert_eq!(scene.accepted(), (40, 40, 0), "{level}");
    }
}

#[test]
fn max_age_reuses_what_is_younger_and_checks_anew_what_is_older_without_a_question() {
    let scene = checked("basic", 40 * DAY);
    let run = |max_age: &str| scene.run("numbers.csv").args(["--max-age", max_age]).run().exits(0).json();
    let younger = run("41d");
    assert_eq!((&younger["reused"], &younger["submitted"]), (&json!(40), &json!(0)));
    let older = run("39d");
    assert_eq!((&older["reused"], &older["submitted"]), (&json!(0), &json!(40)));
    // What it has paid is fresh now.
    let again = scene.run("numbers.csv").run().exits(0).json();
    assert_eq!((&again["reused"], &again["submitted"]), (&json!(40), &json!(0)));
    assert_eq!(scene.page("tally.json")["most"], 2);
}

#[test]
fn a_result_from_the_future_is_of_unknown_age() {
    let scene = checked("basic", -DAY);
    scene.run("numbers.csv").run().exits(2).says("of unknown age");
    assert_eq!(scene.accepted(), (40, 40, 0));
}

#[test]
fn plan_says_how_many_results_are_old() {
    let scene = checked("basic", 40 * DAY);
    let plan = scene.call(&["plan"]).arg(scene.path("numbers.csv")).run().exits(0);
    assert!(plan.text().contains("40 have an older result, 1month 9days"), "{}", plan.text());
}

#[test]
fn an_unfinished_job_goes_on_however_old_its_own_results_are() {
    let job = Job::of(3);
    let run = job.start(&["--wait", "1s"]);
    let batch = job.platform.accept();
    batch.push(&batch.numbers[0]);
    run.end().exits(3);
    age(&job.store(), 400 * DAY);
    job.run().args(["--wait", "1s"]).run().exits(3).says("going on where it ended");
    assert_eq!(job.states(), ["done", "pending", "pending"]);
    assert_eq!(job.platform.seen().len(), 1);
}

#[test]
fn plan_counts_the_batches_of_what_is_paid_for_again() {
    let scene = checked("basic", 40 * DAY);
    let plan = |options: &[&str]| {
        let call = scene.call(&["plan", "--json", "--batch-size", "10"]).arg(scene.path("numbers.csv"));
        call.args(options).run().exits(0).json()
    };
    for (options, numbers, batches) in [
        (&[][..], 0, 0),
        (&["--again"], 40, 4),
        (&["--max-age", "39d"], 40, 4),
        (&["--max-age", "41d"], 0, 0),
    ] {
        let shown = plan(options);
        assert_eq!((&shown["to_send"], &shown["batches"]), (&json!(numbers), &json!(batches)), "{options:?}");
    }
}

#[test]
fn a_doubt_is_as_old_as_the_later_of_both_clocks_says() {
    let scene = Scene::start_with(&["--lose-answer", "1"]);
    let number = crate::support::scene::phone(0);
    scene.call(&["submit", "--phone", &number]).run().exits(3);
    scene.write("one.csv", &format!("phone\n{number}\n"));
    let run = || scene.run("one.csv").args(["--wait", "0s"]).run();
    let set_back = |column: &str| {
        let store = rusqlite::Connection::open(scene.store()).unwrap();
        store.execute(&format!("UPDATE batches SET {column} = {column} - ?"), [40 * DAY]).unwrap();
    };
    // The local clock was wrong when it was sent.
    set_back("sent_ms");
    let ended = run().exits(3).says("1 in doubt from job");
    assert!(ended.stderr.contains("the same command with --resubmit-doubtful"), "{}", ended.stderr);
    let max_age = scene.run("one.csv").args(["--wait", "0s", "--max-age", "39d"]).run();
    max_age.exits(3);
    assert_eq!(scene.accepted(), (1, 1, 0));
    set_back("last_ts");
    run().exits(2).says("in doubt for longer than 30days");
    assert_eq!(scene.accepted(), (1, 1, 0));
}
