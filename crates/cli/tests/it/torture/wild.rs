//! Rounds in which the platform is drawn at random too: what no document says, lost and late messages, a clock that is off and steps.
//!
//! Two files with common numbers, runs that are killed, paused, stopped, side by side; then a control, then a person's decision. What such
//! a platform finds is not compared: asserted is that nothing is paid twice without a person's word, and that the store stays whole.

use std::fs;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::judge::doubts;
use super::kills::{rounds, seed};
use super::scene::{Scene, kill_after};
use super::seat::WAITING_SEATS;
use super::stores::Store;
use super::work::{MINUTE, Random, SLOW, Work};
use super::world::World;
use crate::support::{Call, Ended, Running, free_address};

/// The second file, which shares numbers with the first.
const OTHER: &str = "other.csv";

/// What the rounds came to.
#[derive(Debug, Default)]
struct Sum {
    kills: u64,
    pauses: u64,
    /// Batches under a further `batchNo` before anybody decided: on proof.
    proved: u64,
    /// Numbers that were left to a person, and how many of them were accepted twice then.
    decided: u64,
    decided_twice: u64,
    /// How often a person said to pay again what has a result, and how many numbers that was.
    words: u64,
    again: u64,
}

#[test]
fn whatever_the_platform_does_no_number_is_paid_twice_without_a_person_s_word() {
    let (rounds, seed) = (rounds(), seed());
    let stores = Store::all();
    let next = AtomicU64::new(0);
    let sum = Mutex::new(Sum::default());
    std::thread::scope(|scope| {
        for _ in 0..WAITING_SEATS {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::SeqCst);
                    if at >= rounds {
                        return;
                    }
                    round(&stores[at as usize % stores.len()], seed.wrapping_add(at), &sum);
                }
            });
        }
    });
    let sum = sum.into_inner().unwrap();
    eprintln!("torture: {rounds} rounds with drawn platforms on {stores:?} from seed {seed}: {sum:?}");
    assert!(rounds == 0 || sum.kills > 0, "nothing was killed");
}

/// One of two runners of a round, and the file that it reads.
struct Runner<'a> {
    scene: &'a Scene,
    file: &'static str,
    listen: String,
}

impl Runner<'_> {
    fn run(&self) -> Call {
        let call = self.scene.numcheck(&["run"]).arg(self.scene.path(self.file));
        let output = format!("out-of-{}", self.file);
        self.scene.run_with(call, &output, &self.listen, &format!("http://{}", self.listen))
    }
}

fn round(store: &Store, seed: u64, sum: &Mutex<Sum>) {
    let name = store.name();
    eprintln!(
        "torture: drawn round NUMCHECK_TORTURE_ROUNDS=1 NUMCHECK_TORTURE_SEED={seed} NUMCHECK_TORTURE_STORE={name}"
    );
    let mut random = Random::new(seed);
    let delivery = ["push", "both", "poll"][random.below(3) as usize];
    let delay = ["150ms", SLOW][random.below(2) as usize];
    let work = Work { delay, wait: "2s", ..Work::new([0, 1, 3][random.below(3) as usize], delivery) };
    let scene = &Scene::drawn(store, &work, World::drawn(seed));
    eprintln!("torture: {seed}: {}", scene.facts());
    fs::write(scene.path(OTHER), other(&mut random, &work)).unwrap();
    let runners = ["in.csv", OTHER].map(|file| Runner { scene, file, listen: free_address() });
    let mut own = Sum::default();

    for _ in 0..2 + random.below(4) {
        act(&runners, &mut random, &mut own);
    }
    // Left alone; then with a control for what is in doubt; then a person decides.
    settle(&runners);
    scene.nothing_is_accepted_twice(0);
    if scene.all_doubts() > 0 {
        scene.control(&scene.place);
        settle(&runners);
        scene.nothing_is_accepted_twice(0);
    }
    scene.is_at_rest(&scene.place);
    own.proved = scene.resubmitted_batches();
    decide(scene, &mut own);
    if own.decided == 0 {
        say_a_word(scene, &runners[0], &mut random, &mut own);
    }
    scene.is_at_rest(&scene.place);

    let mut sum = sum.lock().unwrap();
    sum.kills += own.kills;
    sum.pauses += own.pauses;
    sum.proved += own.proved;
    sum.decided += own.decided;
    sum.decided_twice += own.decided_twice;
    sum.words += own.words;
    sum.again += own.again;
}

/// Every second row of the first file, and rows of its own.
fn other(random: &mut Random, work: &Work) -> String {
    let input = work.input();
    let mut text = "id,phone,note\n".to_owned();
    input.lines().skip(1).step_by(2).for_each(|line| text.push_str(&format!("{line}\n")));
    for at in 0..20 {
        text.push_str(&format!("x{at},49152{:06},\n", 500_000 + random.below(400_000)));
    }
    text
}

/// Something that happens to the runs of both files.
fn act(runners: &[Runner<'_>; 2], random: &mut Random, own: &mut Sum) {
    let mut moment = || {
        let longest = [80, 400, 1500][random.below(3) as usize];
        Duration::from_millis(random.below(longest))
    };
    let (first, second, third) = (moment(), moment(), moment());
    let runner = &runners[random.below(2) as usize];
    match random.below(5) {
        0 => own.kills += u64::from(kill_after(runner.run().start(), first)),
        // Both files at the same time.
        1 | 2 => {
            let running = runners.each_ref().map(|runner| runner.run().start());
            let [one, two] = running;
            own.kills += u64::from(kill_after(one, first));
            own.kills += u64::from(kill_after(two, second));
        }
        // One stands still while another goes on with the same file; then it wakes, when the platform's clock has gone on.
        3 => {
            let mut paused = runner.run().start();
            // why-sleep: a moment at which it is paused, and how long that lasts.
            std::thread::sleep(first);
            if paused.is_running() {
                paused.signal("STOP");
                own.pauses += 1;
                let other = Runner { scene: runner.scene, file: runner.file, listen: free_address() };
                let other = other.run().start();
                // why-sleep: how long the other goes on.
                std::thread::sleep(second.max(Duration::from_millis(500)));
                paused.signal("CONT");
                own.kills += u64::from(kill_after(other, third));
            }
            own.kills += u64::from(kill_after(paused, third));
        }
        // A clean stop leaves one closed file.
        _ => {
            let running = runner.run().start();
            // why-sleep: a moment at which it is stopped.
            std::thread::sleep(first + Duration::from_millis(100));
            stop(runner.scene, running);
        }
    }
}

/// Asks a run to stop, in the middle of whatever it does.
fn stop(scene: &Scene, mut running: Running) {
    if running.is_running() {
        running.signal("TERM");
    }
    let ended = running.end();
    let code = ended.status.code();
    assert!(matches!(code, None | Some(0 | 3 | 130)), "{:?} {}", ended.status, ended.stderr);
    // Else it may not even have opened the store, which a kill before has left as it was.
    if matches!(code, Some(0 | 3)) {
        scene.is_at_rest(&scene.place);
    }
}

/// Runs both files side by side until nothing more comes of it.
fn settle(runners: &[Runner<'_>; 2]) {
    let mut before = Vec::new();
    let began = Instant::now();
    loop {
        let running = runners.each_ref().map(|runner| runner.run().start());
        let open: Vec<Value> = running.map(|running| open_of(&running.end())).to_vec();
        // A platform that gives nothing away leaves what it has accepted pending; what is not sent must be.
        let left_to_send = open.iter().any(|open| open["to_send"] != 0);
        if !left_to_send && open == before {
            return;
        }
        assert!(began.elapsed() < Duration::from_secs(120), "it never comes to rest: {open:?}");
        before = open;
    }
}

/// What a run has left open.
fn open_of(ended: &Ended) -> Value {
    assert!(matches!(ended.status.code(), Some(0 | 3)), "{:?} {}", ended.status, ended.stderr);
    let summary = ended.json();
    let to_send = u64::from(ended.stderr.contains("submitting ended"));
    serde_json::json!({
        "to_send": to_send, "pending": summary["pending"], "in_doubt": summary["in_doubt"], "missing": summary["missing"],
    })
}

/// Decides what is still in doubt, as a person would: one time for each job. Each counts what is in doubt just then, since what was pending
/// may be missing after a while.
fn decide(scene: &Scene, own: &mut Sum) {
    for job in scene.jobs(&scene.place) {
        let status = scene.status(&job, &scene.place);
        if doubts(&status) == 0 {
            continue;
        }
        own.decided += doubts(&status) + status["waiting_in_doubt"].as_u64().unwrap();
        let ended = scene.resubmit(&job).run();
        assert!(matches!(ended.status.code(), Some(0 | 3)), "{:?} {}", ended.status, ended.stderr);
        scene.nothing_is_accepted_twice(own.decided);
    }
    own.decided_twice = scene.page("tally.json")["repeated"].as_u64().unwrap();
}

/// A person has some numbers checked again, and is interrupted; the same command without that word only goes on.
fn say_a_word(scene: &Scene, runner: &Runner<'_>, random: &mut Random, own: &mut Sum) {
    let (accepted, numbers) = (scene.accepted(), scene.numbers_of(runner.file));
    let failed = numbers_that_fail(scene, runner.file);
    // At most so many are paid again by each.
    let (word, most): (&[&str], u64) = [
        (&["--again"] as &[&str], numbers),
        (&["--max-age", "0s"], numbers),
        (&["--retry-failed"], failed),
        (&[], 0),
    ][random.below(4) as usize];
    let run = runner.run().args(word).start();
    if random.below(2) == 0 {
        run.end();
    } else {
        own.kills += u64::from(kill_after(run, Duration::from_millis(300 + random.below(2500))));
    }
    for _ in 0..2 {
        let ended = runner.run().run();
        assert!(matches!(ended.status.code(), Some(0 | 3)), "{:?} {}", ended.status, ended.stderr);
    }
    let (tally, again) = (scene.page("tally.json"), scene.accepted() - accepted);
    own.words += u64::from(!word.is_empty());
    own.again += again;
    assert!(again <= most, "{word:?}: {again} accepted again, {most} by a person's word: {tally}");
    assert!(tally["most"].as_u64().unwrap() <= 2, "{word:?}: {tally}");
}

/// How many of a file's numbers fail for a reason that passes.
fn numbers_that_fail(scene: &Scene, file: &str) -> u64 {
    let text = fs::read_to_string(scene.path(file)).unwrap();
    let failing =
        text.lines().filter_map(|line| line.split(',').nth(1)).filter(|phone| phone.ends_with("000103"));
    let distinct: std::collections::BTreeSet<&str> =
        failing.map(|phone| phone.trim_start_matches('+')).collect();
    distinct.len() as u64
}

impl Scene {
    /// What the platform assumes, and what goes wrong with it.
    fn facts(&self) -> String {
        let assumed = self.sandbox.line["assumptions"].as_object();
        let query = ["query", "visib", "refuse_mixed", "repeated", "auth", "any_2xx"];
        let shown = assumed
            .into_iter()
            .flatten()
            .filter(|(name, _)| query.iter().any(|start| name.starts_with(start)));
        let shown: Vec<String> =
            shown.map(|(name, value)| format!("{name}={}", value.as_str().unwrap_or_default())).collect();
        let said = self.world.arguments.iter().filter(|argument| !argument.starts_with("--step-clock"));
        let said: Vec<&str> = said.map(String::as_str).collect();
        format!("{:?} minute={MINUTE} {} {}", self.work, said.join(" "), shown.join(" "))
    }

    /// How many numbers a person may decide about, in all jobs.
    fn all_doubts(&self) -> u64 {
        self.jobs(&self.place).iter().map(|job| doubts(&self.status(job, &self.place))).sum()
    }

    fn resubmitted_batches(&self) -> u64 {
        let ledger = self.page("ledger.json");
        let batches = ledger["batches"].as_array().unwrap().iter();
        batches.filter(|batch| batch["batch_no"].as_str().unwrap().contains(".r")).count() as u64
    }
}
