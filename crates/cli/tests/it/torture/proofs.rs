//! What the durable job promises, sentence by sentence, against the sandbox in another process, on both stores.

use std::fs;
use std::time::Duration;

use super::judge::{Verdict, doubts};
use super::scene::Scene;
use super::silence::Loss;
use super::stores::Store;
use super::work::{SLOW, Work};
use crate::support::free_address;

/// So many of the platform's minutes, as long as they are here.
fn minutes(count: u32) -> Duration {
    count * Duration::from_millis(500)
}

#[test]
fn when_every_answer_to_a_submit_is_lost_nothing_is_submitted_again() {
    Store::on_each(|store| {
        for (delivery, variant) in [("push", 0), ("poll", 3)] {
            // A refusal for the clock's sake would be lost as well.
            let work = Work { delay: SLOW, ..Work::new(variant, delivery) };
            let scene = Scene::by_quiet_way(store, &work, Loss::Answers);
            let verdict = scene.check(scene.run().run());
            assert!(verdict.is_plain(), "submitted again: {verdict:?}");
            let batches = scene.page("ledger.json")["batches"].as_array().unwrap().len();
            assert_eq!(batches, scene.way.as_ref().unwrap().submits());
        }
    });
}

#[test]
fn what_never_arrived_is_submitted_again_once_a_later_batch_is_shown() {
    Store::on_each(|store| {
        let scene = Scene::by_way(store, &Work::new(0, "push"), Loss::Requests(3));
        let verdict = scene.check(scene.run().run());
        assert_eq!((verdict.again, verdict.decided), (3, 0), "batches under a further number: {verdict:?}");
    });
}

#[test]
fn without_a_control_what_never_arrived_stays_in_doubt_until_a_person_decides() {
    Store::on_each(|store| {
        // Nothing that is sent is signed so much later than the rest.
        let scene = Scene::by_quiet_way(store, &Work::new(0, "push"), Loss::Requests(3));
        // However often it is asked: an empty answer proves nothing.
        let [_, ended] = [(); 2].map(|()| scene.run().run().exits(3));
        let job = ended.json()["job"].as_str().unwrap().to_owned();
        let (doubts, accepted) = (doubts(&scene.status(&job, &scene.place)), scene.accepted());
        assert_eq!(accepted + doubts, scene.numbers());
        assert_eq!(
            scene.way.as_ref().unwrap().submits(),
            scene.page("ledger.json")["batches"].as_array().unwrap().len() + 3
        );
        scene.resubmit(&job).run();
        let verdict = scene.check(scene.run().run());
        assert_eq!((verdict.again, verdict.decided, verdict.controls), (3, 0, 0));
    });
}

#[test]
fn a_receiver_that_is_away_for_59_minutes_loses_nothing_and_nothing_is_asked_before() {
    Store::on_each(|store| {
        let work = Work { queried: true, wait: "40s", ..Work::new(1, "push") };
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
        let ended = run.end();
        receive.signal("TERM");
        receive.end().exits(0);
        let verdict = scene.check(ended);
        // A busy machine may take long, so that some were asked for all the same, but none too early.
        match scene.way.as_ref().unwrap().first_query() {
            Some(first) => assert!(first >= minutes(60), "{first:?}"),
            None => assert_eq!(verdict, Verdict::default()),
        }
    });
}

#[test]
fn when_the_receiver_never_comes_everything_is_recovered_by_queries() {
    Store::on_each(|store| {
        let work = Work { queried: true, wait: "40s", ..Work::new(0, "push") };
        let scene = Scene::waiting(store, &work, Loss::None);
        let nobody = format!("http://{}", free_address());
        let ended = scene.run_receiving_at(&free_address(), &nobody).run();
        assert!(scene.check(ended).is_plain());
        let way = scene.way.as_ref().unwrap();
        assert!(way.queries() > 0 && way.first_query().unwrap() >= minutes(60));
    });
}

#[test]
fn the_same_numbers_are_paid_once_also_under_another_name_and_again_pays_again() {
    Store::on_each(|store| {
        let scene = Scene::new(store, &Work::new(0, "push"));
        assert!(scene.check(scene.run().run()).is_plain());
        let paid = scene.page("ledger.json");

        fs::copy(scene.path("in.csv"), scene.path("renamed.csv")).unwrap();
        for name in ["in.csv", "renamed.csv"] {
            let second = scene.run_as(name, "out.csv").run();
            assert_eq!(second.json()["reused"], scene.numbers());
            scene.check(second);
        }
        assert_eq!(scene.page("ledger.json"), paid, "nothing is sent again");

        let again = scene.run_as("in.csv", "again.csv").arg("--again").run();
        assert_eq!(again.json()["reused"], 0, "{}", again.stderr);
        let went_on = scene.run_as("in.csv", "again.csv").run().exits(scene.reference.exit);
        assert_eq!(went_on.json()["pending"], 0);
        assert_eq!(scene.accepted(), 2 * scene.numbers());
    });
}
