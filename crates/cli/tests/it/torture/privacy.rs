//! Level privacy is killed again and again: each answer is paid, and nobody can be asked about it afterwards.

use std::path::Path;
use std::thread;
use std::time::Duration;

use super::kills::seed;
use super::scene::kill_after;
use super::stores::Store;
use super::work::Random;
use crate::support::qxt::{Answer, Platform, mobiles, reply};
use crate::support::{Call, column, numcheck, rows};

/// How often each store's run is killed.
const KILLS: u64 = 25;
const NUMBERS: usize = 4000;

struct Scene {
    folder: tempfile::TempDir,
    place: String,
    platform: Platform,
    /// Keeps the server of the store alive.
    _store: Store,
}

impl Scene {
    /// A platform that closes the connection without an answer for each number that ends in 97.
    fn new(store: &Store, numbers: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("in.csv"), format!("mobile\n{}\n", mobiles(numbers).join("\n")))
            .unwrap();
        let platform = Platform::start(|mobile| {
            // A few of many at once, in another order than they were asked.
            // why-sleep: the platform takes its time, and nothing depends on how long.
            thread::sleep(Duration::from_micros(mobile.bytes().map(u64::from).sum::<u64>() % 7 * 300));
            if mobile.ends_with("97") { Answer::Nothing } else { reply(mobile, "隐私号") }
        });
        Self { place: store.place(folder.path()), folder, platform, _store: store.clone() }
    }

    fn out(&self) -> std::path::PathBuf {
        Path::new(self.folder.path()).join("out.csv")
    }

    fn run(&self, at_once: u64) -> Call {
        let run = ["run", "in.csv", "--level", "privacy", "--column", "mobile", "--yes", "-o", "out.csv"];
        let run = numcheck(run).dir(self.folder.path()).env("NUMCHECK_STORE", &self.place);
        let run = run.args(["--concurrency", &at_once.to_string()]);
        run.env("QXT_BASE_URL", &self.platform.url).env("QXT_API_KEY", "abcdefghijklmnopqrstuvwxyz012345")
    }

    /// Goes on to the end: every number was asked about once at most, and is done unless its answer was lost. Says how many were in doubt
    /// because of a death.
    fn check(&self, numbers: usize) -> u64 {
        self.run(8).run().exits_with(&[0, 3]);
        let asked = self.platform.asked();
        assert!(asked.values().all(|times| *times == 1), "a number was asked about twice");
        let rows = rows(&std::fs::read(self.out()).unwrap());
        let (mut done, mut doubtful, mut lost) = (0, 0, 0);
        for (state, phone) in column(&rows, "check_state").into_iter().zip(column(&rows, "check_phone")) {
            match state {
                "done" => done += 1,
                "in_doubt" if phone.ends_with("97") => lost += 1,
                "in_doubt" => doubtful += 1,
                other => panic!("a row is {other}"),
            }
        }
        assert_eq!((done + doubtful + lost, lost), (numbers as u64, numbers as u64 / 100));
        doubtful
    }
}

#[test]
fn level_privacy_killed_at_random_asks_no_number_twice_and_leaves_at_most_what_was_under_way_in_doubt() {
    Store::on_each(|store| {
        let seed = seed();
        eprintln!("torture: privacy NUMCHECK_TORTURE_SEED={seed} NUMCHECK_TORTURE_STORE={}", store.name());
        let mut random = Random::new(seed);
        let scene = Scene::new(store, NUMBERS);
        let (mut killed, mut most) = (0, 0);
        for _ in 0..KILLS {
            let at_once = [1, 4, 8, 16][random.below(4) as usize];
            let asked = scene.platform.asked().len() as u64;
            let run = scene.run(at_once).start();
            scene.platform.wait_for((asked + 1 + random.below(100)) as u32);
            if kill_after(run, Duration::from_micros(random.below(3000))) {
                (killed, most) = (killed + 1, most + at_once);
            }
        }
        let asked = scene.platform.asked().len();
        let doubtful = scene.check(NUMBERS);
        eprintln!(
            "torture: privacy on {store:?}: {killed} kills at {asked} asked about, {doubtful} in doubt of {most} at most"
        );
        assert!(doubtful <= most, "{doubtful} in doubt after {killed} kills, and {most} were under way");
        assert!(killed > 0, "nothing was killed");
    });
}

/// Where a run of level privacy dies, and at which passes of it.
#[cfg(feature = "failpoints")]
const LABELS: &[(&str, &[u64])] = &[
    ("submit.claimed", &[1]),
    ("submit.confirm", &[1, 9, 100]),
    ("submit.confirmed", &[1, 9, 100]),
    ("submit.sent", &[1, 9, 100]),
    ("submit.ended", &[1]),
    ("store.commit", &[5, 8, 13, 21, 34]),
    ("store.committed", &[5, 8, 13, 21, 34]),
];

#[cfg(feature = "failpoints")]
#[test]
fn level_privacy_that_dies_at_any_labelled_step_leaves_at_most_what_was_under_way_in_doubt() {
    use std::os::unix::process::ExitStatusExt;

    const AT_ONCE: u64 = 4;
    Store::on_each(|store| {
        for (label, passes) in LABELS {
            for pass in *passes {
                let scene = Scene::new(store, 150);
                let run = scene.run(AT_ONCE).env("NUMCHECK_DIE_AT", format!("{label}:{pass}")).run();
                assert_eq!(run.status.signal(), Some(6), "{store:?} never came to {label}, pass {pass}");
                let doubtful = scene.check(150);
                assert!(doubtful <= AT_ONCE, "{store:?} {label} {pass}: {doubtful} in doubt");
            }
        }
    });
}
