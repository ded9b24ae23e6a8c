//! `run`, `receive` and `reconcile` as three processes on one store, each killed at random moments and started again.

use std::time::{Duration, Instant};

use super::kills::seed;
use super::scene::{Scene, kill_after};
use super::stores::Store;
use super::work::{Random, Work};
use crate::support::{Call, free_address};

/// How long each of the three is killed again and again, before they are left alone.
const KILLING: Duration = Duration::from_secs(4);

#[test]
fn three_processes_that_are_each_killed_at_random_moments_pay_once_and_lose_nothing() {
    let seed = seed();
    Store::on_each(|store| {
        for delivery in ["push", "both"] {
            eprintln!("torture: three processes on {store:?}, {delivery}, NUMCHECK_TORTURE_SEED={seed}");
            three(store, delivery, seed);
        }
    });
}

fn three(store: &Store, delivery: &'static str, seed: u64) {
    let scene = &Scene::new(store, &Work::new(seed % 4, delivery));
    let receiver = &free_address();
    let public_url = &format!("http://{receiver}");
    let run = || scene.run_receiving_at(&free_address(), public_url);
    let receive = || scene.numcheck(&["receive", "--json", "--listen", receiver]);
    let mut random = Random::new(seed);
    // Only a plan makes a name, which `reconcile` must know. A server takes longer to open than a file, and a busy machine than an idle one.
    let mut longest = 150;
    let job = loop {
        kill_after(run().start(), Duration::from_millis(random.below(longest)));
        longest += 50;
        let jobs = scene.numcheck(&["jobs", "--json"]).run().exits(0);
        if let Some(job) = jobs.json_lines().first() {
            break job["job"].as_str().unwrap().to_owned();
        }
    };
    let reconcile = || scene.numcheck(&["reconcile", &job]);
    let mut start = |at: usize| {
        let longest = [80, 400, 900][random.below(3) as usize];
        let running = [&run as &dyn Fn() -> Call, &receive, &reconcile][at]().start();
        (running, Instant::now() + Duration::from_millis(random.below(longest)))
    };
    let (began, mut kills) = (Instant::now(), 0);
    let mut three = [0, 1, 2].map(&mut start);
    while began.elapsed() < KILLING {
        for (at, slot) in three.iter_mut().enumerate() {
            if Instant::now() >= slot.1 {
                kills += u64::from(slot.0.kill());
                *slot = start(at);
            }
        }
        // why-sleep: the next moment is awaited.
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(kills > 5, "hardly anything was killed");
    // Left alone, they bring it to its end.
    three.iter_mut().for_each(|(running, _)| _ = running.kill());
    let mut receiving = receive().start();
    receiving.stdout_line();
    let ended = run().run();
    receiving.signal("TERM");
    receiving.end().exits(0);
    let verdict = scene.check(ended);
    eprintln!("torture: three processes on {store:?}, {delivery}: {kills} kills, {verdict:?}");
}
