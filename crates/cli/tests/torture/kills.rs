//! Killed at random moments.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::scene::{Random, SLOW, Scene, Work, kill_after};

/// How many rounds run at the same time, if there is nothing else.
const AT_ONCE: usize = 4;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{variable}: no number")))
}

#[test]
fn a_run_that_is_killed_at_random_moments_pays_once_loses_nothing_and_exports_the_same_bytes() {
    let rounds = number("NUMCHECK_TORTURE_ROUNDS").unwrap_or(6);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let seed = number("NUMCHECK_TORTURE_SEED").unwrap_or(now.as_millis() as u64);
    let next = AtomicU64::new(0);
    let (kills, again) = (AtomicU64::new(0), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::SeqCst);
                    if at >= rounds {
                        return;
                    }
                    let (killed, submitted_again) = round(seed.wrapping_add(at));
                    kills.fetch_add(killed, Ordering::SeqCst);
                    again.fetch_add(submitted_again, Ordering::SeqCst);
                }
            });
        }
    });
    let (kills, again) = (kills.into_inner(), again.into_inner());
    eprintln!(
        "torture: {rounds} rounds from seed {seed}, {kills} kills, {again} batches submitted again on proof"
    );
    assert!(rounds == 0 || kills > 0, "nothing was killed");
}

/// One round; says how often it has killed, and how many batches were submitted again.
fn round(seed: u64) -> (u64, u64) {
    // Printed first: whatever fails, it is there.
    eprintln!("torture: round NUMCHECK_TORTURE_ROUNDS=1 NUMCHECK_TORTURE_SEED={seed}");
    let mut random = Random::new(seed);
    let delivery = ["push", "both", "poll"][random.below(3) as usize];
    let delay = ["150ms", SLOW][random.below(2) as usize];
    let scene = Scene::new(&Work { delay, ..Work::new(random.below(4), delivery) });
    let mut killed = 0;
    for _ in 0..1 + random.below(6) {
        // Planning and submitting take milliseconds, waiting takes seconds: all must be met.
        let longest = [60, 300, 1500][random.below(3) as usize];
        let moment = Duration::from_millis(random.below(longest));
        killed += u64::from(kill_after(scene.run().start(), moment));
    }
    (killed, scene.check(scene.run().run()))
}
