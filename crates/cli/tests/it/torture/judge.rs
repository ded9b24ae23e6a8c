//! What must be true once a run has come to its end.
//!
//! The judge is the sandbox's own account of what it accepted and charged; and the file that an undisturbed run of the same numbers exports.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::scene::Scene;
use super::seat::Seat;
use super::work::Work;
use crate::support::{Ended, Row, free_address, rows};

/// Nothing takes as long to settle.
const HANGS: Duration = Duration::from_secs(150);
/// How many batches of one number a control consists of. Those under way at once may all be signed first by a clock that is behind, so
/// that only the later ones are controls.
const CONTROLS: u64 = 20;
/// How many of them fail.
const FAILING: u64 = 2;

/// How a run came to its end, beside what is the same for all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// Batches that were submitted under a further `batchNo`.
    pub(crate) again: u64,
    /// How often a later batch was sent to serve as a control.
    pub(crate) controls: u64,
    /// Phone numbers that were still in doubt after that, so that a person decided.
    pub(crate) decided: u64,
    /// Lines whose result was fetched by a query here and pushed there, or the other way round: no code and no text.
    pub(crate) lines_fetched: u64,
}

impl std::ops::AddAssign for Verdict {
    fn add_assign(&mut self, other: Self) {
        self.again += other.again;
        self.controls += other.controls;
        self.decided += other.decided;
        self.lines_fetched += other.lines_fetched;
    }
}

impl Verdict {
    /// Nothing was in doubt for longer than the run itself.
    pub(crate) fn is_plain(self) -> bool {
        (self.again, self.controls, self.decided) == (0, 0, 0)
    }
}

impl Scene {
    /// Brings a run to its end as a person would, and asserts what must be true then.
    #[track_caller]
    pub(crate) fn check(&self, ended: Ended) -> Verdict {
        self.check_in(ended, &self.place)
    }

    /// The same for a run with another store.
    #[track_caller]
    pub(crate) fn check_in(&self, ended: Ended, place: &str) -> Verdict {
        let run = || self.run().env("NUMCHECK_STORE", place).run();
        let (mut ended, mut verdict) = (ended, Verdict::default());
        let began = Instant::now();
        loop {
            assert!(matches!(ended.status.code(), Some(0 | 3)), "{:?} {}", ended.status, ended.stderr);
            let summary = ended.json();
            let count = |state: &str| summary[state].as_u64().unwrap();
            if count("pending") == 0 && count("in_doubt") + count("missing") == 0 {
                break;
            }
            assert!(began.elapsed() < HANGS, "never settled: {summary}\n{}", ended.stderr);
            if count("pending") > 0 {
                ended = run();
                continue;
            }
            self.nothing_is_accepted_twice(verdict.decided);
            if verdict.controls < 2 {
                self.control(place);
                verdict.controls += 1;
                ended = run();
            } else {
                assert_eq!(verdict.decided, 0, "in doubt again after a person decided: {summary}");
                let job = summary["job"].as_str().unwrap();
                let status = self.status(job, place);
                verdict.decided = doubts(&status);
                let resumed = self.resubmit(job).env("NUMCHECK_STORE", place).run();
                assert!(matches!(resumed.status.code(), Some(0 | 3)), "{}", resumed.stderr);
                ended = run();
            }
        }
        assert_eq!(ended.status.code(), Some(self.reference.exit), "{}", ended.stderr);
        self.nothing_is_accepted_twice(verdict.decided);
        self.is_at_rest(place);

        // No batch twice, and every number.
        let (tally, ledger) = (self.page("tally.json"), self.page("ledger.json"));
        let batches = ledger["batches"].as_array().unwrap();
        assert!(batches.iter().all(|batch| batch["times"] == 1), "{batches:?}");
        let controls = u64::from(self.controls.load(Ordering::SeqCst)) * CONTROLS;
        assert_eq!(tally["distinct"], self.numbers() + controls, "every number was accepted");
        verdict.again = batches.iter().filter(|batch| text(&batch["batch_no"]).contains(".r")).count() as u64;
        if verdict.decided == 0 {
            self.the_books_agree(place, &ledger);
        }
        verdict.lines_fetched =
            compare(&self.output(), &self.reference.output).unwrap_or_else(|different| panic!("{different}"));
        verdict
    }

    /// Without a person's word; with it, at most what was in doubt then.
    #[track_caller]
    pub(crate) fn nothing_is_accepted_twice(&self, decided: u64) {
        let tally = self.page("tally.json");
        let repeated = tally["repeated"].as_u64().unwrap().max(tally["paid_twice"].as_u64().unwrap());
        assert!(
            repeated <= decided,
            "{repeated} numbers accepted twice, {decided} by a person's word: {tally}"
        );
    }

    /// What was charged is in the accounts of the jobs and in the exported rows, to the last digit.
    #[track_caller]
    fn the_books_agree(&self, place: &str, ledger: &Value) {
        let mut charged = BTreeMap::<String, i64>::new();
        for line in ledger["lines"].as_array().unwrap() {
            *charged.entry(text(&line["currency"])).or_default() += ten_thousandths(&text(&line["amount"]));
        }
        let (mut known, mut written) = (BTreeMap::<String, i64>::new(), BTreeMap::<String, i64>::new());
        for job in self.jobs(place) {
            for sum in self.status(&job, place)["costs"].as_array().unwrap() {
                *known.entry(text(&sum["currency"])).or_default() += ten_thousandths(&text(&sum["amount"]));
            }
            let exported = self.numcheck(&["export", &job]).env("NUMCHECK_STORE", place).run();
            assert!(matches!(exported.status.code(), Some(0 | 3)), "{}", exported.stderr);
            for row in rows(&exported.stdout).iter().filter(|row| !row["check_price"].is_empty()) {
                *written.entry(row["check_currency"].clone()).or_default() +=
                    ten_thousandths(&row["check_price"]);
            }
        }
        for sums in [&mut charged, &mut known, &mut written] {
            sums.retain(|_, sum| *sum != 0);
        }
        assert_eq!(known, charged, "status and the sandbox's ledger");
        assert_eq!(written, charged, "the exported rows and the sandbox's ledger");
    }

    /// The jobs whose plan was finished.
    pub(crate) fn jobs(&self, place: &str) -> Vec<String> {
        let jobs =
            self.numcheck(&["jobs", "--json"]).env("NUMCHECK_STORE", place).run().exits(0).json_lines();
        let planned = jobs.iter().filter(|job| job["state"] == "open" || job["state"] == "finished");
        planned.map(|job| text(&job["job"])).collect()
    }

    /// The account of a job.
    pub(crate) fn status(&self, job: &str, place: &str) -> Value {
        let ended = self.numcheck(&["status", job, "--json"]).env("NUMCHECK_STORE", place).run();
        assert!(matches!(ended.status.code(), Some(0 | 3)), "{}", ended.stderr);
        ended.json()
    }

    /// Sends other numbers, signed so much later than all before that the query can prove what it does not show.
    pub(crate) fn control(&self, place: &str) {
        let from = self.platform_ms();
        let began = Instant::now();
        while self.platform_ms() < from + self.world.control.as_millis() as u64 {
            assert!(began.elapsed() < HANGS, "the platform's clock leaps no more");
            // why-sleep: another process is waited for, which tells only who asks it.
            std::thread::sleep(Duration::from_millis(50));
        }
        let nth = u64::from(self.controls.fetch_add(1, Ordering::SeqCst));
        // Of another length than those of any other file. The last ones fail: that a query shows them is a part of the proof.
        let number = |at| match CONTROLS - at {
            left @ 1..=FAILING => format!("4479{}000103\n", 48 + nth * FAILING + left),
            _ => format!("447911{}\n", 600_000 + nth * CONTROLS + at),
        };
        let numbers = (0..CONTROLS).map(number);
        let file = self.path("control.txt");
        std::fs::write(&file, numbers.collect::<String>()).unwrap();
        let listen = free_address();
        let call = self.numcheck(&["run"]).arg(file).arg("-o").arg(self.path("control.csv")).arg("--json");
        let call = call.args(["--batch-size", "1", "--delivery", "both", "--wait", self.work.wait, "--yes"]);
        let call = call.args(["--listen", &listen, "--public-url", &format!("http://{listen}")]);
        let call = call.args(["--visibility-spread", self.world.visibility_spread]).args(self.world.granted);
        let ended = call.env("NUMCHECK_STORE", place).run();
        assert!(matches!(ended.status.code(), Some(0 | 3)), "{:?} {}", ended.status, ended.stderr);
    }

    /// One closed file, once no process has it open.
    #[track_caller]
    pub(crate) fn is_at_rest(&self, place: &str) {
        if place.contains("://") {
            return;
        }
        for side in ["-wal", "-shm", "-journal"] {
            assert!(!std::path::Path::new(&format!("{place}{side}")).exists(), "{side} is left");
        }
    }
}

/// How many phone numbers of a job's own sendings a person may decide about.
pub(crate) fn doubts(status: &Value) -> u64 {
    status["in_doubt"].as_u64().unwrap() + status["missing"].as_u64().unwrap()
}

/// What names a sending, and not what it found; prices are compared as sums, since what an earlier job has paid has none in a later one.
const OF_THE_SENDING: [&str; 5] =
    ["check_message_id", "check_batch_no", "check_time", "check_price", "check_currency"];

/// The same rows in the same order, but for what names the sending; and but for the code and text `0` and `success`, which a query has
/// not. That a sandbox has invented a result stands in front of its text. Says in how many lines these differ.
fn compare(output: &[u8], reference: &[u8]) -> Result<u64, String> {
    let line = |text: &[u8]| text.split(|byte| *byte == b'\n').next().map(<[u8]>::to_vec);
    let (own_rows, wanted_rows) = (rows(output), rows(reference));
    if line(output) != line(reference) || own_rows.len() != wanted_rows.len() {
        return Err(format!("other lines: {}", String::from_utf8_lossy(output)));
    }
    let mut fetched = 0;
    for (own, wanted) in own_rows.iter().zip(&wanted_rows) {
        let (mut mended, mut expected) = (own.clone(), wanted.clone());
        for name in OF_THE_SENDING {
            mended.remove(name);
            expected.remove(name);
        }
        let said = |row: &Row| (row["check_code"].clone(), row["check_message"].clone());
        let pushed = ("0".to_owned(), "invented by a sandbox: success".to_owned());
        let fetched_only = (String::new(), "invented by a sandbox".to_owned());
        let pair = (said(own), said(wanted));
        if pair == (pushed.clone(), fetched_only.clone()) || pair == (fetched_only, pushed) {
            fetched += 1;
            mended.insert("check_code".to_owned(), pair.1.0);
            mended.insert("check_message".to_owned(), pair.1.1);
        }
        if mended != expected {
            return Err(format!("{own:?}\ninstead of\n{wanted:?}"));
        }
    }
    Ok(fetched)
}

/// Whether a run ended early since the platform's clock leapt between a refusal and its repeat. Nothing was accepted of what was turned
/// away then, and whoever goes on sends it.
pub(crate) fn was_turned_away(ended: &Ended) -> bool {
    ended.status.code() == Some(3) && ended.stderr.contains("submitting ended: refused with 1004")
}

/// What an undisturbed run comes to.
pub(crate) struct Reference {
    pub(crate) exit: i32,
    pub(crate) output: Vec<u8>,
}

/// Of an undisturbed run of this work, with a store in a file and a sandbox of its own: what a sandbox finds follows from the number. Run
/// once for each.
pub(crate) fn reference(work: &Work, seat: &Seat) -> Arc<Reference> {
    static KNOWN: OnceLock<Mutex<HashMap<Work, Arc<Reference>>>> = OnceLock::new();
    let known = || KNOWN.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
    // How long a run waits changes nothing in a run that has nothing to wait for.
    let work = &Work { wait: "20s", ..work.clone() };
    if let Some(reference) = known().get(work) {
        return Arc::clone(reference);
    }
    let scene = Scene::undisturbed(work, seat);
    let ended = scene.run().run();
    let exit = ended.status.code().unwrap();
    assert!(exit == 0 || exit == 3, "{}", ended.stderr);
    let summary = ended.json();
    let settled = ["pending", "missing", "in_doubt", "refused"].iter().all(|state| summary[state] == 0);
    let output = scene.output();
    let again = String::from_utf8_lossy(&output).contains(".r1");
    assert!(
        settled && !again,
        "an undisturbed run of {work:?} settles everything: {summary}\n{}\n{}\n{}",
        ended.stderr,
        String::from_utf8_lossy(&output),
        scene.page("journal.json")
    );
    let reference = Arc::new(Reference { exit, output });
    known().insert(work.clone(), Arc::clone(&reference));
    reference
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

/// A price in ten-thousandths, exactly.
fn ten_thousandths(price: &str) -> i64 {
    let (whole, part) = price.split_once('.').unwrap_or((price, ""));
    assert!(part.len() <= 4, "{price}");
    whole.parse::<i64>().unwrap() * 10_000 + format!("{part:0<4}").parse::<i64>().unwrap()
}

#[test]
fn only_what_is_different_by_its_nature_may_be_different() {
    let head = "id,check_state,check_code,check_message,check_price,check_currency,check_message_id,check_batch_no,check_time\n";
    let file = |line: &str| format!("{head}{line}\n").into_bytes();
    let pushed = file("1,done,0,invented by a sandbox: success,0.0100,USD,aa1,nc-j-1,2026-01-01T00:00:00Z");
    let same = |line: &str| compare(&file(line), &pushed).ok();
    assert_eq!(
        same("1,done,0,invented by a sandbox: success,0.0100,USD,bb2,nc-k-1.r1,2026-01-01T00:00:09Z"),
        Some(0)
    );
    assert_eq!(same("1,done,,invented by a sandbox,,,aa1,nc-j-1,2026-01-01T00:00:00Z"), Some(1));
    for other in [
        "2,done,0,invented by a sandbox: success,0.0100,USD,aa1,nc-j-1,2026-01-01T00:00:00Z",
        "1,failed,0,invented by a sandbox: success,0.0100,USD,aa1,nc-j-1,2026-01-01T00:00:00Z",
        "1,done,,invented by a sandbox: success,0.0100,USD,aa1,nc-j-1,2026-01-01T00:00:00Z",
        "1,done,7,invented by a sandbox: failed,0.0100,USD,aa1,nc-j-1,2026-01-01T00:00:00Z",
        "1,done,,invented by a sandbox: failed,0.0100,USD,aa1,nc-j-1,2026-01-01T00:00:00Z",
    ] {
        assert_eq!(same(other), None, "{other}");
    }
}
