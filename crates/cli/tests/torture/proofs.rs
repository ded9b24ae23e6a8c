//! What the durable job promises, sentence by sentence, against the sandbox in another process, on both stores.

use std::fs;
use std::time::Duration;

use super::judge::Verdict;
use super::scene::Scene;
use super::silence::Loss;
use super::stores::Store;
use super::support::free_address;
use super::work::{SLOW, Work};

/// So many of the platform's minutes, as long as they are here.
fn minutes(count: u32) -> Duration {
    count * Duration::from_millis(500)
}

#[test]
fn when_every_answer_to_a_submit_is_lost_nothing_is_submitted_again() {
    Store::on_each(|store| {
        for (delivery, variant) in [("push", 0), ("poll", 3)] {
            let scene =
                Scene::by_way(store, &Work { delay: SLOW, ..Work::new(variant, delivery) }, Loss::Answers);
            let verdict = scene.check(scene.run().run());
            assert_eq!((verdict.again, verdict.lines_again), (0, 0), "submitted again");
            let batches = scene.page("ledger")["batches"].as_array().unwrap().len();
            assert_eq!(batches, scene.way.as_ref().unwrap().submits());
        }
    });
}

#[test]
fn what_the_platform_has_proved_not_to_know_is_submitted_again_and_no_sooner() {
    Store::on_each(|store| {
        let scene = Scene::by_way(store, &Work::new(0, "push"), Loss::Requests(3));
        let verdict = scene.check(scene.run().run());
        assert_eq!(verdict.again, 3, "batches under a further number");
        // Ten minutes after its request was signed, at the earliest.
        let seen = scene.way.as_ref().unwrap().seen.lock().unwrap();
        let again = seen.submits.len() - 3;
        assert!(seen.submits[again] - seen.submits[0] >= minutes(10));
    });
}

#[test]
fn a_receiver_that_is_away_for_59_minutes_loses_nothing_and_nothing_is_asked_before_61() {
    Store::on_each(|store| {
        let work = Work { queried: true, ..Work::new(1, "push") };
        let scene = Scene::waiting(store, &work, Loss::None);
        // Results go where nobody listens until the receiver comes.
        let receiver = free_address();
        let public_url = format!("http://{receiver}");
        let run = scene.run_receiving_at(&free_address(), &public_url).start();
        scene.wait_until_all_are_accepted();
        // why-sleep: what is away for so long is away in real time, since the processes are real.
        std::thread::sleep(minutes(58));
        let mut receive = scene.numcheck(&["receive", "--json", "--listen", &receiver]).start();
        receive.stdout_line();
        let verdict = scene.check(run.end());
        // A busy machine may take long, so that some were asked for all the same, but none too early.
        match scene.way.as_ref().unwrap().first_query() {
            Some(first) => assert!(first >= minutes(61), "{first:?}"),
            None => assert_eq!(verdict, Verdict::default(), "byte for byte"),
        }
        receive.signal("TERM");
        receive.end().exits(0);
    });
}

#[test]
fn when_the_receiver_never_comes_everything_is_recovered_by_queries() {
    Store::on_each(|store| {
        let work = Work { queried: true, ..Work::new(0, "push") };
        let scene = Scene::waiting(store, &work, Loss::None);
        let nobody = format!("http://{}", free_address());
        let ended = scene.run_receiving_at(&free_address(), &nobody).run();
        assert_eq!(scene.check(ended).again, 0, "submitted again");
        let way = scene.way.as_ref().unwrap();
        assert!(way.queries() > 0 && way.first_query().unwrap() >= minutes(61));
    });
}

#[test]
fn the_same_file_is_the_same_job_also_under_another_name_and_after_its_end_and_again_pays_again() {
    Store::on_each(|store| {
        let scene = Scene::new(store, &Work::new(0, "push"));
        let first = scene.run().run();
        let job = first.json()["job"].clone();
        assert_eq!(scene.check(first), Verdict::default(), "byte for byte");
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
    });
}
