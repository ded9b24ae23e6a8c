//! A sandbox, a store, an input, and what must be true of them in the end.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};

use serde_json::Value;

use super::support::{Call, Ended, Row, Running, Sandbox, free_address, get, numcheck, rows};

/// The platform's minute. Short, and still so long that a busy machine needs less than one to sign a request and bring it there.
pub(crate) const MINUTE: &str = "500ms";

/// How long a slow check takes. The signature's time, the platform's and this must together be less than that after which an empty
/// answer is proof, as the documented ones are.
pub(crate) const SLOW: &str = "1200ms";

/// The variant whose file has more than two thousand rows, most of them duplicates.
pub(crate) const LONG: u64 = 2;

/// SplitMix64: small, seeded, and the same everywhere.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }
}

/// What is checked, and how results come back: everything that the exported file follows from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Work {
    pub(crate) variant: u64,
    pub(crate) delivery: &'static str,
    /// Whether results are to be found by queries alone.
    pub(crate) queried: bool,
    /// How long a check takes. Until then a query finds nothing, which must not be taken for proof.
    pub(crate) delay: &'static str,
}

impl Work {
    pub(crate) fn new(variant: u64, delivery: &'static str) -> Self {
        Self { variant, delivery, queried: delivery == "poll", delay: "150ms" }
    }

    /// Numbers of several countries in a CSV file, with duplicates in other spellings, failing checks, results that are pushed twice, and
    /// such as are pushed before the submit is answered.
    fn input(&self) -> String {
        let mut random = Random::new(self.variant);
        let mut text = "id,phone,note\n".to_owned();
        let prefixes = ["86138", "8529", "49151", "33612", "4479"];
        for at in 0..60 + random.below(60) {
            let prefix = prefixes[random.below(5) as usize];
            let digits = 11 + usize::from(prefix.starts_with("86")) * 2;
            let width = digits - prefix.len();
            let (tail, note) = match random.below(20) {
                // A query shows a failed check as one that is not finished.
                0 if !self.queried => (103, "fails"),
                1 => (3301, "twice"),
                2 => (3304, "early"),
                3 if self.delivery != "push" => (3302, "never pushed"),
                _ => (500_000 + random.below(400_000), ""),
            };
            let middle = 10_u64.pow(u32::try_from(width).unwrap() - 6);
            let number = format!("{prefix}{:0width$}", random.below(middle) * 1_000_000 + tail);
            text.push_str(&format!("{at},{number},{note}\n"));
            match random.below(12) {
                0 => text.push_str(&format!("{at}b,+{number},again\n")),
                1 if self.variant % 2 == 1 => text.push_str(&format!("{at}c,none,\"no, number\"\n")),
                _ => {}
            }
        }
        if self.variant == LONG {
            // More rows than are read from the store at a time.
            for at in 0..2100 {
                text.push_str(&format!("{at}d,8613800500500,\n"));
            }
        }
        text
    }
}

/// A platform in another process, and a store and files of its own.
pub(crate) struct Scene {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) sandbox: Sandbox,
    pub(crate) work: Work,
    pub(crate) listen: String,
    _turn: Option<Turn>,
}

/// How many scenes there may be at the same time. Most of each is waiting, but a machine that is too busy for the platform's short minute
/// brings requests there too late.
const AT_ONCE: usize = 4;

static FREE: (Mutex<usize>, Condvar) = (Mutex::new(AT_ONCE), Condvar::new());

/// Given back when the scene is over.
struct Turn;

impl Turn {
    fn take() -> Self {
        let (free, given_back) = &FREE;
        let free = free.lock().unwrap_or_else(PoisonError::into_inner);
        let mut free = given_back.wait_while(free, |free| *free == 0).unwrap_or_else(PoisonError::into_inner);
        *free -= 1;
        Self
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        *FREE.0.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        FREE.1.notify_one();
    }
}

impl Scene {
    pub(crate) fn new(work: &Work) -> Self {
        Self::with(work, Some(Turn::take()))
    }

    fn with(work: &Work, turn: Option<Turn>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("in.csv"), work.input()).unwrap();
        let sandbox =
            ["--callback-delay", work.delay, "--minute", MINUTE, "--fresh", "2500ms", "--query-pace", "off"];
        Self {
            dir,
            sandbox: Sandbox::start_with(&sandbox),
            work: work.clone(),
            listen: free_address(),
            _turn: turn,
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// A command of this store and this account.
    pub(crate) fn numcheck(&self, arguments: &[&str]) -> Call {
        numcheck(arguments)
            .env("NUMCHECK_STORE", self.path("jobs.db"))
            .env("NUMCHECK_MINUTE", MINUTE)
            .envs(self.sandbox.account())
    }

    /// The run, as a person would start it and start it again.
    pub(crate) fn run(&self) -> Call {
        self.run_as("in.csv", "out.csv")
    }

    pub(crate) fn run_as(&self, input: &str, output: &str) -> Call {
        let call = self.numcheck(&["run"]).arg(self.path(input)).arg("-o").arg(self.path(output));
        let call = call.args(["--batch-size", "4", "--delivery", self.work.delivery, "--json"]);
        if self.work.delivery == "poll" {
            return call;
        }
        call.args(["--listen", &self.listen, "--public-url", &format!("http://{}", self.listen)])
    }

    /// The same, listening at one address while results are pushed to another.
    pub(crate) fn run_receiving_at(&self, listen: &str, public_url: &str) -> Call {
        let call = self.numcheck(&["run"]).arg(self.path("in.csv")).arg("-o").arg(self.path("out.csv"));
        let call = call.args(["--batch-size", "4", "--delivery", self.work.delivery, "--json"]);
        call.args(["--listen", listen, "--public-url", public_url])
    }

    pub(crate) fn output(&self) -> Vec<u8> {
        fs::read(self.path("out.csv")).unwrap()
    }

    /// A page of the sandbox.
    pub(crate) fn page(&self, name: &str) -> Value {
        let url = format!("{}/_sandbox/{name}.json", self.sandbox.text("nxcloud"));
        serde_json::from_str(&get(&url).unwrap()).unwrap()
    }

    /// How many numbers it has accepted.
    pub(crate) fn accepted(&self) -> u64 {
        self.page("tally")["accepted"].as_u64().unwrap()
    }

    /// How many different numbers there are to accept.
    pub(crate) fn numbers(&self) -> u64 {
        let phones = rows(&fs::read(self.path("in.csv")).unwrap());
        let digits = phones.iter().map(|row| row["phone"].trim_start_matches('+').to_owned());
        digits.filter(|phone| phone != "none").collect::<BTreeSet<_>>().len() as u64
    }

    /// Waits until it has accepted every number once.
    pub(crate) fn wait_until_all_are_accepted(&self) {
        let wanted = self.numbers();
        let began = std::time::Instant::now();
        while self.accepted() < wanted {
            assert!(began.elapsed().as_secs() < 60, "{} of {wanted}", self.accepted());
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }

    /// The account of the job with this summary.
    fn status(&self, summary: &Value, store: &str) -> Value {
        let job = summary["job"].as_str().unwrap();
        self.numcheck(&["status", job, "--json"]).env("NUMCHECK_STORE", store).run().json()
    }

    /// Everything that must be true once a run has come to its end. Says how many batches were submitted again, on proof.
    #[track_caller]
    pub(crate) fn check(&self, ended: Ended) -> u64 {
        self.check_in(ended, self.path("jobs.db").to_str().unwrap())
    }

    /// The same for a run with another store.
    #[track_caller]
    pub(crate) fn check_in(&self, ended: Ended, store: &str) -> u64 {
        let reference = reference(&self.work);
        assert_eq!(ended.status.code(), Some(reference.exit), "{}", ended.stderr);
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
        for sum in self.status(&summary, store)["costs"].as_array().unwrap() {
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

        let accepted: BTreeSet<String> = batches.iter().map(|batch| text(&batch["batch_no"])).collect();
        assert_same(&self.output(), &reference.output, &accepted);
        accepted.iter().filter(|batch_no| batch_no.contains(".r")).count() as u64
    }
}

/// Byte for byte, but for what is different by its nature:
///
/// - Another sandbox is another platform, so the job has another name there, which its batch numbers begin with and from which the
///   platform makes its ids: of these two columns only the batch's place in the job is compared.
/// - A batch that it has proved not to know was submitted under a further number (`….r1`), from which its message ids follow too. Only where
///   the ledger shows that the first number was never accepted, these two columns are not compared.
/// - A row that was fetched by a query has no code and no text, which a push has.
#[track_caller]
fn assert_same(output: &[u8], reference: &[u8], accepted: &BTreeSet<String>) {
    let (output, reference) = (std::str::from_utf8(output).unwrap(), std::str::from_utf8(reference).unwrap());
    assert_eq!(output.lines().count(), reference.lines().count());
    for (own, wanted) in output.lines().zip(reference.lines()) {
        let (mut masked, mut wanted) = (own.to_owned(), wanted.to_owned());
        if masked != wanted {
            for state in ["done", "duplicate"] {
                for line in [&mut masked, &mut wanted] {
                    *line = line.replacen(&format!(",{state},,,"), &format!(",{state},0,success,"), 1);
                }
            }
            let (own_no, wanted_no) = (last(own, 0), last(&wanted, 0));
            let place = |batch_no: &str| batch_no.splitn(3, '-').nth(2).unwrap_or_default().to_owned();
            let (own_place, wanted_place) = (place(own_no), place(wanted_no));
            let again = own_place.strip_prefix(&wanted_place).is_some_and(|rest| rest.starts_with(".r"));
            if again {
                let first = own_no.rsplit_once(".r").unwrap().0;
                assert!(accepted.contains(own_no) && !accepted.contains(first), "{own_no}");
            }
            if again || own_place == wanted_place {
                let ids = |line: &str| format!("{},{}", last(line, 1), last(line, 0));
                masked = masked.replacen(&ids(own), &ids(&wanted), 1);
            }
        }
        assert_eq!(masked, wanted);
    }
}

/// A cell, counted from the end of the line.
fn last(line: &str, at: usize) -> &str {
    line.rsplit(',').nth(at).unwrap()
}

/// What an undisturbed run comes to.
pub(crate) struct Reference {
    pub(crate) exit: i32,
    pub(crate) output: Vec<u8>,
}

/// Filled once, by whoever comes first.
type Slot = Arc<OnceLock<Arc<Reference>>>;

/// Of the undisturbed run of this work against a sandbox of its own; each is run once.
pub(crate) fn reference(work: &Work) -> Arc<Reference> {
    static KNOWN: OnceLock<Mutex<HashMap<Work, Slot>>> = OnceLock::new();
    let slot = Arc::clone(KNOWN.get_or_init(Mutex::default).lock().unwrap().entry(work.clone()).or_default());
    let undisturbed = || {
        // Within the turn of the scene that asks.
        let scene = Scene::with(work, None);
        let ended = scene.run().run();
        let exit = ended.status.code().unwrap();
        assert!(exit == 0 || exit == 3, "{}", ended.stderr);
        let summary = ended.json();
        eprintln!("torture: an undisturbed run of {work:?} took {} s", summary["seconds"]);
        let settled = ["missing", "in_doubt", "refused"].iter().all(|state| summary[state] == 0);
        assert!(
            settled,
            "an undisturbed run of {work:?} settles everything: {summary}\n{}\n{}\n{}",
            ended.stderr,
            String::from_utf8_lossy(&scene.output()),
            scene.page("journal")
        );
        Arc::new(Reference { exit, output: scene.output() })
    };
    Arc::clone(slot.get_or_init(undisturbed))
}

/// Waits no longer than until a process has been alive for so long, then kills it with SIGKILL. Says whether it was still alive.
pub(crate) fn kill_after(running: Running, moment: std::time::Duration) -> bool {
    // why-sleep: a random moment is a time, and there is no other way to let it pass.
    std::thread::sleep(moment);
    running.kill()
}

pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

/// A price in ten-thousandths, exactly.
pub(crate) fn ten_thousandths(price: &str) -> i64 {
    let (whole, part) = price.split_once('.').unwrap_or((price, ""));
    assert!(part.len() <= 4, "{price}");
    whole.parse::<i64>().unwrap() * 10_000 + format!("{part:0<4}").parse::<i64>().unwrap()
}
