//! Several processes on one store.

use std::time::Duration;

use super::judge::was_turned_away;
use super::scene::Scene;
use super::silence::Loss;
use super::stores::Store;
use super::work::Work;
use crate::support::{Ended, free_address};

/// One of several runs comes to the end of an undisturbed one, unless somebody else was faster in planning the job: who is outdone says
/// so, and has sent nothing.
#[track_caller]
fn ends_well(scene: &Scene, ended: &Ended) {
    let is_outdone =
        ended.status.code() == Some(1) && ended.stderr.contains("another process plans the same job");
    let well = is_outdone || was_turned_away(ended) || ended.status.code() == Some(scene.reference.exit);
    assert!(well, "{:?} {}", ended.status, ended.stderr);
}

#[test]
fn two_runs_of_one_job_beside_a_receiver_never_send_a_batch_twice_though_one_is_killed() {
    Store::on_each(|store| {
        for variant in 0..4 {
            let scene = Scene::new(store, &Work::new(variant, "push"));
            let receiver = free_address();
            let public_url = format!("http://{receiver}");
            let mut receive = scene.numcheck(&["receive", "--json", "--listen", &receiver]).start();
            receive.stdout_line();
            // All plan the same file at the same time.
            let [one, two, mut three] =
                [(); 3].map(|()| scene.run_receiving_at(&free_address(), &public_url).start());
            // why-sleep: a moment at which it is killed.
            std::thread::sleep(Duration::from_millis(variant * 60));
            three.kill();
            for run in [one, two] {
                ends_well(&scene, &run.end());
            }
            let ended = scene.run_receiving_at(&free_address(), &public_url).run();
            receive.signal("TERM");
            receive.end().exits(0);
            scene.check(ended);
        }
    });
}

#[test]
fn two_runners_share_a_job_and_neither_pays_what_the_other_pays() {
    Store::on_each(|store| {
        for delivery in ["push", "poll"] {
            // Slow enough that the second one finds something to do.
            let loss = Loss::Late(Duration::from_millis(400));
            let scene = Scene::by_quiet_way(store, &Work::new(3, delivery), loss);
            let way = scene.way.as_ref().unwrap();
            let runner = |listen: &str| match delivery {
                "poll" => scene.run(),
                // What one submits comes back to that one.
                _ => scene.run_receiving_at(listen, &format!("http://{listen}")),
            };
            let listen = [free_address(), free_address()];
            let first = runner(&listen[0]).start();
            way.wait_for_a_submit();
            let second = runner(&listen[1]).start();
            for run in [first, second] {
                ends_well(&scene, &run.end());
            }
            let journal = scene.page("journal.json").to_string();
            if delivery == "push" {
                assert!(listen.iter().all(|listen| journal.contains(listen.as_str())), "both have submitted");
            }
            let verdict = scene.check(runner(&listen[0]).run());
            assert_eq!(verdict.again, 0);
            let batches = scene.page("ledger.json")["batches"].as_array().unwrap().len();
            assert_eq!(batches, way.submits(), "each batch left once");
        }
    });
}

#[test]
fn run_receive_and_reconcile_may_be_three_processes() {
    Store::on_each(|store| {
        let work = Work { queried: true, wait: "1s", ..Work::new(1, "push") };
        let scene = Scene::waiting(store, &work, Loss::Answers);
        let nobody = format!("http://{}", free_address());
        // Submitting ends by itself, long before the results are due.
        let ended = scene.run_receiving_at(&free_address(), &nobody).run().exits(3);
        let job = ended.json()["job"].as_str().unwrap().to_owned();
        let began = std::time::Instant::now();
        // It asks once about what is due, and is asked to until nothing is open any more.
        loop {
            let ended = scene.numcheck(&["reconcile", &job]).run();
            assert!(matches!(ended.status.code(), Some(0 | 3)), "{}", ended.stderr);
            let status = scene.numcheck(&["status", &job, "--json"]).run().json();
            if status["pending"] == 0 && status["in_doubt"] == 0 {
                break;
            }
            assert!(began.elapsed().as_secs() < 60, "{} {status}", ended.text());
        }
        scene.check(scene.run_receiving_at(&free_address(), &nobody).run());
    });
}
