//! A cap is a cap: nothing is sent whose cost is unknown, in a currency without a cap, or more than is left.

use crate::support::scene::{Scene, file_of};
use crate::support::{Call, Ended};
use serde_json::json;

/// What a check in Hong Kong costs, in ten-thousandths of a USD: 15 of them cost the cap of these tests.
const PRICE: i64 = 20;
const CAP: i64 = 300;

fn capped(scene: &Scene, options: &[&str]) -> Call {
    scene.run("numbers.csv").args(["--max-cost", "0.03USD"]).args(options)
}

const PRICED: [&str; 2] = ["--price", "basic:*=0.002USD"];

#[track_caller]
fn nothing_was_sent(scene: &Scene) {
    assert_eq!(scene.accepted(), (0, 0, 0));
}

/// The run was stopped by the cap: it says what is left and how to go on.
#[track_caller]
fn stopped(scene: &Scene, ended: &Ended, sent: u64, left: u64) {
    let summary = ended.json();
    assert_eq!((&summary["done"], &summary["pending"]), (&json!(sent), &json!(left)), "{summary}");
    assert_eq!(scene.accepted(), (sent, sent, 0));
    assert!(scene.charged("USD") <= CAP, "{}", scene.charged("USD"));
    assert!(ended.stderr.contains(&format!("{left} numbers left")), "{}", ended.stderr);
    assert!(ended.stderr.contains("numcheck resume "), "{}", ended.stderr);
}

#[test]
fn a_cap_without_a_known_price_is_refused_and_the_ways_on_are_named() {
    let scene = Scene::start();
    for option in ["--max-cost", "--max-cost-per-day"] {
        let ended = scene.run("numbers.csv").args([option, "100USD"]).run().exits(2);
        for part in
            ["no price is known for HK", "--price 'basic:HK=0.0100USD'", "--probe", "nothing was sent"]
        {
            assert!(ended.stderr.contains(part), "{part}: {}", ended.stderr);
        }
    }
    nothing_was_sent(&scene);
    // "No" leaves no job behind.
    assert!(scene.call(&["jobs", "--json"]).run().exits(0).stdout.is_empty());
}

#[test]
fn a_price_in_a_currency_without_a_cap_sends_nothing() {
    let scene = Scene::start();
    let ended = scene.run("numbers.csv").args(["--max-cost", "100EUR"]).args(PRICED).run();
    let code = ended.status.code();
    assert!(matches!(code, Some(2 | 3)), "{code:?}: {}", ended.stderr);
    assert!(ended.stderr.contains("USD") && ended.stderr.contains("--max-cost"), "{}", ended.stderr);
    nothing_was_sent(&scene);
    // With a cap for each currency it goes on.
    let caps = ["--max-cost", "100EUR,100USD"];
    assert_eq!(scene.run("numbers.csv").args(caps).args(PRICED).run().exits(0).json()["done"], 40);
}

#[test]
fn a_batch_that_costs_more_than_the_cap_is_cut() {
    let scene = Scene::start();
    let ended = capped(&scene, &PRICED).run().exits(3);
    stopped(&scene, &ended, 15, 25);
    assert_eq!(scene.charged("USD"), CAP);
    // The cap is for the job and all its runs.
    let again = capped(&scene, &PRICED).run().exits(3);
    stopped(&scene, &again, 15, 25);
    // More is allowed: the rest, once.
    let more = scene.run("numbers.csv").args(["--max-cost", "1USD"]).args(PRICED).run().exits(0);
    assert_eq!(more.json()["cost"], json!({"USD": "0.0800"}));
    assert_eq!(scene.accepted(), (40, 40, 0));
}

#[test]
fn many_batches_at_once_never_pass_the_cap_together() {
    let scene = Scene::start();
    let ended = capped(&scene, &PRICED).args(["--batch-size", "4"]).run().exits(3);
    stopped(&scene, &ended, 15, 25);
}

#[test]
fn what_is_left_is_said_with_its_cost() {
    let scene = Scene::start();
    let ended = capped(&scene, &PRICED).run().exits(3);
    assert!(ended.stderr.contains("25 numbers left, which cost 0.0500 USD"), "{}", ended.stderr);
}

#[test]
fn a_pushed_price_that_nobody_believes_lifts_no_cap() {
    for price in ["-1000000", "999999999"] {
        let scene = Scene::start_with(&["--push-price", price]);
        for _ in 0..3 {
            capped(&scene, &PRICED).args(["--batch-size", "4"]).run().exits(3);
            let (accepted, _, paid_twice) = scene.accepted();
            assert!(accepted <= 15 && paid_twice == 0, "{price}: {accepted}");
        }
        assert!(scene.charged("USD") <= CAP);
    }
}

#[test]
fn a_result_that_is_dearer_than_any_price_known_stops_the_sending() {
    let scene = Scene::start_with(&["--push-price", "1"]);
    let ended = capped(&scene, &PRICED).args(["--batch-size", "1"]).run().exits(3);
    let (accepted, _, _) = scene.accepted();
    assert!(accepted <= 15, "{accepted}");
    assert_ne!(ended.json()["pending"], 0);
    // The next run knows: one costs more than the cap.
    let before = scene.accepted();
    capped(&scene, &PRICED).run().exits(3);
    assert_eq!(scene.accepted(), before);
}

#[test]
fn probe_checks_one_number_first_and_then_as_many_as_the_cap_allows() {
    let scene = Scene::start();
    let ended = capped(&scene, &["--probe"]).run().exits(3);
    stopped(&scene, &ended, 15, 25);
    let tally = scene.page("tally.json");
    assert_eq!(tally["submits"], 2, "one number, then all that the cap allows");
    // From now on the price is known.
    scene.write("more.csv", &file_of(100..110));
    let summary = scene.run("more.csv").args(["--max-cost", "0.01USD"]).run().exits(3).json();
    assert_eq!((&summary["done"], &summary["pending"]), (&json!(5), &json!(5)));
}

#[test]
fn probes_of_several_countries_stay_within_the_cap_together() {
    let scene = Scene::start();
    // Three of each of three countries; the names of their groups are not those of the results' regions.
    let mut file = String::from("phone\n");
    for prefix in ["4479111234", "1202555014", "791612345"] {
        (0..3).for_each(|at| file.push_str(&format!("{prefix}{at:02}\n")));
    }
    scene.write("three.csv", &file);
    let ended = scene.run("three.csv").args(["--max-cost", "0.002USD", "--probe"]).run().exits(3);
    let (accepted, _, _) = scene.accepted();
    assert!(scene.charged("USD") <= PRICE, "{accepted}: {}", ended.stderr);
    assert_eq!(accepted, 1, "{}", ended.stderr);
}

#[test]
fn a_probe_that_tells_no_price_is_tried_three_times_at_most() {
    let scene = Scene::start_with(&["--push-price", "absent"]);
    for _ in 0..2 {
        capped(&scene, &["--probe", "--wait", "2s"]).run().exits(3);
    }
    let (accepted, _, paid_twice) = scene.accepted();
    assert!((1..=3).contains(&accepted) && paid_twice == 0, "{accepted}");
}

#[test]
fn a_cap_per_day_is_for_all_jobs_of_the_account() {
    let scene = Scene::start();
    let run = |name: &str, from: usize| {
        scene.write(name, &file_of(from..from + 10));
        scene.run(name).args(["--max-cost-per-day", "0.03USD"]).args(PRICED).run()
    };
    run("first.csv", 0).exits(0);
    let second = run("second.csv", 10).exits(3);
    assert_eq!((&second.json()["done"], &second.json()["pending"]), (&json!(5), &json!(5)));
    run("third.csv", 20).exits(3);
    assert_eq!(scene.accepted(), (15, 15, 0));
    assert_eq!(scene.charged("USD"), 15 * PRICE);
}

#[test]
fn without_a_cap_nothing_needs_a_price() {
    let scene = Scene::start();
    assert_eq!(scene.run("numbers.csv").run().exits(0).json()["done"], 40);
}
