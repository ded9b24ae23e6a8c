//! What the durable job promises, sentence by sentence, against the sandbox in another process.

use std::fs;
use std::process::Command;
use std::time::Duration;

use super::scene::{MINUTE, SLOW, Scene, Work};
use super::silence::{Loss, Way};
use super::support::{Call, free_address};

/// So many of the platform's minutes, as long as they are here.
fn minutes(count: u32) -> Duration {
    count * Duration::from_millis(500)
}

#[test]
fn when_every_answer_to_a_submit_is_lost_nothing_is_submitted_again() {
    for (delivery, variant) in [("push", 0), ("poll", 3)] {
        let scene = Scene::new(&Work { delay: SLOW, ..Work::new(variant, delivery) });
        let way = Way::to(scene.sandbox.text("nxcloud"), Loss::Answers);
        let ended = scene.run().env("NXCLOUD_BASE_URL", &way.url).run();
        assert_eq!(scene.check(ended), 0, "submitted again");
        let submits = way.seen.lock().unwrap().submits.len();
        assert_eq!(scene.page("ledger")["batches"].as_array().unwrap().len(), submits);
    }
}

#[test]
fn what_the_platform_has_proved_not_to_know_is_submitted_again_and_no_sooner() {
    let scene = Scene::new(&Work::new(0, "push"));
    let way = Way::to(scene.sandbox.text("nxcloud"), Loss::Requests(3));
    let ended = scene.run().env("NXCLOUD_BASE_URL", &way.url).run();
    assert_eq!(scene.check(ended), 3, "batches under a further number");
    // Ten minutes after its request was signed, at the earliest.
    let seen = way.seen.lock().unwrap();
    let again = seen.submits.len() - 3;
    assert!(seen.submits[again] - seen.submits[0] >= minutes(10));
}

#[test]
fn a_receiver_that_is_away_for_59_minutes_loses_nothing_and_nothing_is_asked_before_61() {
    let scene = Scene::new(&Work { queried: true, ..Work::new(1, "push") });
    let way = Way::to(scene.sandbox.text("nxcloud"), Loss::None);
    // Results go where nobody listens until the receiver comes.
    let receiver = free_address();
    let public_url = format!("http://{receiver}");
    let run = scene.run_receiving_at(&free_address(), &public_url).env("NXCLOUD_BASE_URL", &way.url).start();
    scene.wait_until_all_are_accepted();
    std::thread::sleep(minutes(58));
    let mut receive = scene.numcheck(&["receive", "--json", "--listen", &receiver]).start();
    receive.stdout_line();
    scene.check(run.end());
    // A busy machine may take long, so that some were asked for all the same, but none too early.
    if let Some(first) = way.first_query() {
        assert!(first >= minutes(61), "{first:?}");
    }
    receive.signal("TERM");
    receive.end().exits(0);
}

#[test]
fn when_the_receiver_never_comes_everything_is_recovered_by_queries() {
    let scene = Scene::new(&Work { queried: true, ..Work::new(0, "push") });
    let way = Way::to(scene.sandbox.text("nxcloud"), Loss::None);
    let nobody = format!("http://{}", free_address());
    let ended = scene.run_receiving_at(&free_address(), &nobody).env("NXCLOUD_BASE_URL", &way.url).run();
    assert_eq!(scene.check(ended), 0, "submitted again");
    assert!(way.queries() > 0 && way.first_query().unwrap() >= minutes(61));
}

#[test]
fn a_signal_stops_cleanly_and_the_command_that_it_prints_goes_on() {
    for signal in ["INT", "TERM"] {
        let scene = Scene::new(&Work { delay: "2s", ..Work::new(1, "push") });
        let store = scene.path("a store.db").into_os_string().into_string().unwrap();
        // What was typed, and not what the environment has.
        let without = |call: Call| call.env("NUMCHECK_STORE", "/nowhere").env("NUMCHECK_MINUTE", "60s");
        let run = without(scene.run()).args(["--store", &store, "--minute", MINUTE]).start();
        scene.wait_until_all_are_accepted();
        run.signal(signal);
        let ended = run.end().exits(3);
        let resume = ended.stderr.lines().find_map(|line| line.strip_prefix("numcheck: go on by: ")).unwrap();
        let typed = resume.replacen("numcheck", env!("CARGO_BIN_EXE_numcheck"), 1);
        let mut shell = Command::new("sh");
        shell.args(["-c", &typed]);
        let ended = without(Call::new(shell).envs(scene.sandbox.account())).run();
        assert_eq!(scene.check_in(ended, &store), 0, "{resume}");
    }
}

#[test]
fn a_second_signal_ends_the_run_at_once() {
    let scene = Scene::new(&Work { delay: "30s", ..Work::new(0, "push") });
    // A platform that answers nobody: the submits under way would be waited for.
    let deaf = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", deaf.local_addr().unwrap());
    let mut run = scene.run().env("NXCLOUD_BASE_URL", url).start();
    deaf.accept().unwrap();
    run.signal("INT");
    run.wait_for("once more ends at once");
    run.signal("INT");
    run.end().exits(130);
    assert!(!scene.path("out.csv").exists());
}

#[test]
fn the_same_file_is_the_same_job_also_under_another_name_and_after_its_end_and_again_pays_again() {
    let scene = Scene::new(&Work::new(0, "push"));
    let first = scene.run().run();
    let job = first.json()["job"].clone();
    scene.check(first);
    let paid = scene.page("ledger");

    fs::copy(scene.path("in.csv"), scene.path("renamed.csv")).unwrap();
    for name in ["in.csv", "renamed.csv"] {
        let second = scene.run_as(name, "second.csv").run().exits(0).says("going on where it ended");
        assert_eq!(second.json()["job"], job);
        assert_eq!(fs::read(scene.path("second.csv")).unwrap(), scene.output());
    }
    assert_eq!(scene.page("ledger"), paid, "nothing is sent again");

    let again = scene.run_as("in.csv", "again.csv").arg("--again").run().exits(0).json();
    assert_ne!(again["job"], job);
    assert_eq!(scene.accepted(), 2 * scene.numbers());
}
