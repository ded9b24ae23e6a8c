//! Killed at random moments.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::judge::Verdict;
use super::scene::{Scene, kill_after};
use super::seat::SEATS;
use super::stores::Store;
use super::work::{Random, SLOW, Work};

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{variable}: no number")))
}

/// A seed that nobody had before, unless one is asked for.
pub(crate) fn seed() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    number("NUMCHECK_TORTURE_SEED").unwrap_or(now.as_millis() as u64)
}

/// How many rounds there are.
pub(crate) fn rounds() -> u64 {
    number("NUMCHECK_TORTURE_ROUNDS").unwrap_or(6)
}

#[test]
fn a_run_that_is_killed_at_random_moments_pays_once_loses_nothing_and_exports_the_same_bytes() {
    let rounds = rounds();
    let seed = seed();
    let stores = Store::all();
    let (next, kills) = (AtomicU64::new(0), AtomicU64::new(0));
    let sum = Mutex::new(Verdict::default());
    std::thread::scope(|scope| {
        for _ in 0..SEATS {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::SeqCst);
                    if at >= rounds {
                        return;
                    }
                    let store = &stores[at as usize % stores.len()];
                    let (killed, verdict) = round(store, seed.wrapping_add(at));
                    kills.fetch_add(killed, Ordering::SeqCst);
                    *sum.lock().unwrap() += verdict;
                }
            });
        }
    });
    let (kills, sum) = (kills.into_inner(), sum.into_inner().unwrap());
    let Verdict { again, controls, decided, lines_fetched } = sum;
    eprintln!(
        "torture: {rounds} rounds on {stores:?} from seed {seed}, {kills} kills, {again} batches submitted again, {controls} controls, \
         {decided} numbers left to a person; different by their nature: code and text of {lines_fetched} lines"
    );
    // The platform is as assumed, and whatever was in doubt could be proved.
    assert_eq!(decided, 0, "a person had to decide");
    assert!(rounds == 0 || kills > 0, "nothing was killed");
}

/// One round; says how often it has killed.
fn round(store: &Store, seed: u64) -> (u64, Verdict) {
    // Printed first: whatever fails, it is there.
    let name = store.name();
    eprintln!(
        "torture: round NUMCHECK_TORTURE_ROUNDS=1 NUMCHECK_TORTURE_SEED={seed} NUMCHECK_TORTURE_STORE={name}"
    );
    let mut random = Random::new(seed);
    let delivery = ["push", "both", "poll"][random.below(3) as usize];
    let delay = ["150ms", SLOW][random.below(2) as usize];
    let scene = Scene::new(store, &Work { delay, ..Work::new(random.below(4), delivery) });
    let mut killed = 0;
    for _ in 0..1 + random.below(6) {
        // Planning and submitting take milliseconds, waiting takes seconds: all must be met.
        let longest = [60, 300, 1500][random.below(3) as usize];
        let moment = Duration::from_millis(random.below(longest));
        killed += u64::from(kill_after(scene.run().start(), moment));
    }
    (killed, scene.check(scene.run().run()))
}
