//! What must be true once a run has come to its end.
//!
//! The judge is the sandbox's own account of what it accepted and charged; and the file that an undisturbed run of the same job exports.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use serde_json::Value;

use super::scene::Scene;
use super::seat::Seat;
use super::silence::{Loss, Way};
use super::support::{Ended, Row, rows};
use super::work::Work;

/// In what an exported file differs from the one of an undisturbed run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// Batches that were submitted under a further number, on proof that the first one was never accepted.
    pub(crate) again: u64,
    /// Lines of numbers that are in them: another batch number, and the message id that follows from it.
    pub(crate) lines_again: u64,
    /// Lines of numbers whose result was fetched by a query here and pushed there, or the other way round: no code and no text.
    pub(crate) lines_fetched: u64,
}

impl std::ops::AddAssign for Verdict {
    fn add_assign(&mut self, other: Self) {
        self.again += other.again;
        self.lines_again += other.lines_again;
        self.lines_fetched += other.lines_fetched;
    }
}

impl Scene {
    /// Everything that must be true once a run has come to its end.
    #[track_caller]
    pub(crate) fn check(&self, ended: Ended) -> Verdict {
        self.check_in(ended, &self.place)
    }

    /// The same for a run with another store.
    #[track_caller]
    pub(crate) fn check_in(&self, ended: Ended, place: &str) -> Verdict {
        let mut ended = ended;
        while was_turned_away(&ended) {
            ended = self.run().env("NUMCHECK_STORE", place).run();
        }
        assert_eq!(ended.status.code(), Some(self.reference.exit), "{}", ended.stderr);
        let summary = ended.json();
        let output = rows(&self.output());

        // Nothing is accepted twice: not a number, not a batch.
        let tally = self.page("tally");
        assert_eq!(tally["repeated"], 0, "numbers accepted twice: {}", tally["examples"]);
        let ledger = self.page("ledger");
        let batches = ledger["batches"].as_array().unwrap();
        assert!(batches.iter().all(|batch| batch["times"] == 1), "{batches:?}");

        // Nothing that was charged is without its result, and the three accounts agree to the last digit.
        let mut charged = BTreeMap::<String, i64>::new();
        for line in ledger["lines"].as_array().unwrap() {
            *charged.entry(text(&line["currency"])).or_default() += ten_thousandths(&text(&line["amount"]));
        }
        charged.retain(|_, sum| *sum != 0);
        let mut known = BTreeMap::<String, i64>::new();
        for sum in self.status(&summary, place)["costs"].as_array().unwrap() {
            *known.entry(text(&sum["currency"])).or_default() += ten_thousandths(&text(&sum["amount"]));
        }
        known.retain(|_, sum| *sum != 0);
        assert_eq!(known, charged, "status and the sandbox's ledger");
        let mut written = BTreeMap::<String, i64>::new();
        for row in output.iter().filter(|row| !row["check_price"].is_empty()) {
            *written.entry(row["check_currency"].clone()).or_default() +=
                ten_thousandths(&row["check_price"]);
        }
        written.retain(|_, sum| *sum != 0);
        assert_eq!(written, charged, "the exported file and the sandbox's ledger");
        let with_result = |row: &&Row| ["done", "failed"].contains(&row["check_state"].as_str());
        assert_eq!(tally["accepted"], output.iter().filter(with_result).count(), "numbers and results");
        assert_eq!(tally["accepted"], self.numbers(), "every number was accepted");

        let accepted: BTreeSet<String> = batches.iter().map(|batch| text(&batch["batch_no"])).collect();
        compare(&self.output(), &self.reference.output, &accepted)
            .unwrap_or_else(|different| panic!("{different}"))
    }

    /// The account of the job with this summary.
    fn status(&self, summary: &Value, place: &str) -> Value {
        let job = summary["job"].as_str().unwrap();
        self.numcheck(&["status", job, "--json"]).env("NUMCHECK_STORE", place).run().json()
    }
}

/// Byte for byte, but for what is different by its nature, and nothing else:
///
/// - A row that was fetched by a query has no `check_code` and no `check_message`, where a push says `0` and `success`.
/// - A batch that the platform has proved not to know was submitted under a further number. Only where the ledger shows that the first
///   number was never accepted, and that the further one was, `check_batch_no` has the further one (`….r1`), and `check_message_id`
///   another id of the same length, as the platform makes it from the number.
fn compare(output: &[u8], reference: &[u8], accepted: &BTreeSet<String>) -> Result<Verdict, String> {
    let again = accepted.iter().filter(|batch_no| batch_no.contains(".r")).count() as u64;
    let mut verdict = Verdict { again, ..Verdict::default() };
    if output == reference {
        return Ok(verdict);
    }
    let (own_rows, wanted_rows) = (rows(output), rows(reference));
    let (output, reference) = (std::str::from_utf8(output).unwrap(), std::str::from_utf8(reference).unwrap());
    // No cell of the input holds a line break.
    let lines = || output.lines().zip(reference.lines());
    let counts = (output.lines().count(), reference.lines().count());
    let ends = (output.ends_with('\n'), reference.ends_with('\n'));
    let heads = (output.lines().next(), reference.lines().next());
    if counts.0 != counts.1 || ends.0 != ends.1 || heads.0 != heads.1 || own_rows.len() != wanted_rows.len() {
        return Err(format!("other lines: {counts:?} {heads:?}\n{output}"));
    }
    for ((own_line, wanted_line), (own, wanted)) in lines().skip(1).zip(own_rows.iter().zip(&wanted_rows)) {
        if own_line == wanted_line {
            continue;
        }
        let mut mended = own.clone();
        let said = |row: &Row| (row["check_code"].clone(), row["check_message"].clone());
        let (pushed, fetched) = (("0".to_owned(), "success".to_owned()), Default::default());
        let pair = (said(own), said(wanted));
        if pair == (pushed.clone(), fetched) || (pair.0 == Default::default() && pair.1 == pushed) {
            verdict.lines_fetched += 1;
            mended.insert("check_code".to_owned(), pair.1.0);
            mended.insert("check_message".to_owned(), pair.1.1);
        }
        let (batch_no, first) = (&own["check_batch_no"], &wanted["check_batch_no"]);
        let is_again = batch_no.strip_prefix(first.as_str()).is_some_and(|rest| rest.starts_with(".r"));
        if is_again && accepted.contains(batch_no) && !accepted.contains(first) {
            verdict.lines_again += 1;
            mended.insert("check_batch_no".to_owned(), first.clone());
            if own["check_message_id"].len() == wanted["check_message_id"].len() {
                mended.insert("check_message_id".to_owned(), wanted["check_message_id"].clone());
            }
        }
        if &mended != wanted {
            return Err(format!("{own_line}\ninstead of\n{wanted_line}"));
        }
    }
    Ok(verdict)
}

/// Whether a run ended early since the machine stood still for longer than a signature lives, which is short here. Nothing was
/// accepted of what was turned away then, and whoever goes on sends it.
pub(crate) fn was_turned_away(ended: &Ended) -> bool {
    ended.status.code() == Some(3) && ended.stderr.contains("submitting ended: refused with 1004")
}

/// What an undisturbed run comes to.
pub(crate) struct Reference {
    pub(crate) exit: i32,
    pub(crate) output: Vec<u8>,
}

/// By what was checked, and at which address the platform was.
type Known = HashMap<(Work, String), Arc<Reference>>;

/// Of an undisturbed run of this work at this seat, with a store in a file and a sandbox of its own at the addresses that the disturbed
/// one will use: so it is the same job, with the same ids. Run once for each.
pub(crate) fn reference(work: &Work, seat: &Seat, by_way: bool) -> Arc<Reference> {
    static KNOWN: OnceLock<Mutex<Known>> = OnceLock::new();
    let known = || KNOWN.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
    let key = (work.clone(), if by_way { seat.way.clone() } else { seat.sandbox.clone() });
    if let Some(reference) = known().get(&key) {
        return Arc::clone(reference);
    }
    let scene = Scene::undisturbed(work, seat, by_way);
    let _way = by_way.then(|| Way::at(&seat.way, &seat.sandbox, Loss::None));
    let mut ended = scene.run().run();
    while was_turned_away(&ended) {
        ended = scene.run().run();
    }
    let exit = ended.status.code().unwrap();
    assert!(exit == 0 || exit == 3, "{}", ended.stderr);
    let summary = ended.json();
    let settled = ["missing", "in_doubt", "refused"].iter().all(|state| summary[state] == 0);
    let output = scene.output();
    let again = String::from_utf8_lossy(&output).contains(".r1");
    assert!(
        settled && !again,
        "an undisturbed run of {work:?} settles everything: {summary}\n{}\n{}\n{}",
        ended.stderr,
        String::from_utf8_lossy(&output),
        scene.page("journal")
    );
    let reference = Arc::new(Reference { exit, output });
    known().insert(key, Arc::clone(&reference));
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
    let head = "id,check_code,check_message,check_price,check_message_id,check_batch_no\n";
    let file = |line: &str| format!("{head}{line}\n").into_bytes();
    let pushed = file("1,0,success,0.0100,aa1,nc-j-1");
    let accepted = |batch_no: &str| BTreeSet::from([batch_no.to_owned()]);
    let same = |line: &str, batch_no: &str| compare(&file(line), &pushed, &accepted(batch_no)).ok();
    assert_eq!(same("1,0,success,0.0100,aa1,nc-j-1", "nc-j-1"), Some(Verdict::default()));
    let fetched = same("1,,,0.0100,aa1,nc-j-1", "nc-j-1").unwrap();
    assert_eq!((fetched.lines_fetched, fetched.lines_again), (1, 0));
    let again = same("1,0,success,0.0100,bb2,nc-j-1.r1", "nc-j-1.r1").unwrap();
    assert_eq!((again.again, again.lines_again, again.lines_fetched), (1, 1, 0));

    assert_eq!(same("1,0,success,0.0100,bb2,nc-j-1.r1", "nc-j-1"), None, "the first number was accepted");
    for other in [
        "1,0,success,0.0200,aa1,nc-j-1",
        "1,0,success,0.0100,aa2,nc-j-1",
        "1,,success,0.0100,aa1,nc-j-1",
        "1,7,failed,0.0100,aa1,nc-j-1",
        "1,,,,aa1,nc-j-1",
        "1,0,success,0.0100,aa1,nc-j-2",
    ] {
        assert_eq!(same(other, "nc-j-1"), None, "{other}");
    }
}
