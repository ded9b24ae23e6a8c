//! One world: its time, its chances, and what goes on in it by itself.
//!
//! What must be true of it is in [`crate::model::truth`].

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use numcheck_bulk::{Delivery, JobName, JobState, Ledger, Store, WallClock};
use numcheck_protocol::PhoneNumber;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::model::known::Known;
use crate::model::made::T0;
use crate::model::platform::Books;
use crate::model::process::{Process, Role, keep_alive};
use crate::model::scenario::{Fate, Scenario};
use crate::model::stepped::{Place, block_on};

pub(crate) const SECOND: u64 = 1000;
pub(crate) const MINUTE: u64 = 60 * SECOND;

pub(crate) type Delivered = (String, Vec<u8>, oneshot::Sender<bool>);

pub(crate) struct World {
    pub(crate) scenario: Scenario,
    pub(crate) place: Arc<dyn Place>,
    began: Instant,
    random: Mutex<u64>,
    books: Mutex<Books>,
    known: Mutex<Known>,
    log: Mutex<Vec<String>>,
    broken: Mutex<Vec<String>>,
    /// Where the receiver listens, while it is there.
    pub(crate) receiver: Mutex<Option<mpsc::UnboundedSender<Delivered>>>,
    /// What goes on by itself.
    tasks: Mutex<JoinSet<()>>,
    script: Mutex<Progress>,
    /// The names of processes that live.
    pub(crate) alive: Mutex<BTreeSet<String>>,
    /// Jobs that a person has gone on with.
    pub(crate) resumed: Mutex<Vec<i64>>,
    /// The newest job of each command.
    pub(crate) jobs: Mutex<BTreeMap<usize, JobName>>,
}

/// How far a script has come.
#[derive(Default)]
struct Progress {
    fates: usize,
    delays: usize,
    contradicts: Option<String>,
    points: BTreeMap<&'static str, usize>,
}

/// How a world ended.
pub(crate) struct End {
    /// What should have been true.
    pub(crate) broken: Vec<String>,
    pub(crate) log: Vec<String>,
    /// How often each phone number was accepted.
    pub(crate) accepted: BTreeMap<PhoneNumber, usize>,
    /// The jobs in the order of their making, before they were forgotten.
    pub(crate) jobs: Vec<(JobState, Ledger)>,
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.broken.join("\n"))?;
        f.write_str(&self.log.join("\n"))
    }
}

/// Runs a world to its end, in virtual time.
pub(crate) fn run(scenario: &Scenario, place: Arc<dyn Place>) -> End {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let world = Arc::new(World {
            scenario: scenario.clone(),
            place,
            began: Instant::now(),
            random: Mutex::new(scenario.seed),
            books: Mutex::default(),
            known: Mutex::default(),
            log: Mutex::default(),
            broken: Mutex::default(),
            receiver: Mutex::default(),
            tasks: Mutex::new(JoinSet::new()),
            script: Mutex::default(),
            alive: Mutex::default(),
            resumed: Mutex::default(),
            jobs: Mutex::default(),
        });
        let mut runners = JoinSet::new();
        for command in 0..scenario.commands.len() {
            for _ in 0..scenario.runners {
                runners.spawn(keep_alive(Arc::clone(&world), Role::Runner(command)));
            }
        }
        world.spawn(keep_alive(Arc::clone(&world), Role::Receiver));
        world.spawn(keep_alive(Arc::clone(&world), Role::Person));
        let all_done = async {
            loop {
                while let Some(done) = runners.join_next().await {
                    if let Err(error) = done {
                        world.fail(format!("a runner has panicked: {error}"));
                    }
                }
                // Pushes that are still to come must find their place too.
                while world.books().under_way > 0 {
                    pause(MINUTE).await;
                }
                let resumed = std::mem::take(&mut *world.resumed.lock().unwrap());
                if resumed.is_empty() {
                    return;
                }
                for job in resumed {
                    runners.spawn(keep_alive(Arc::clone(&world), Role::Resumer(job)));
                }
            }
        };
        if tokio::time::timeout(Duration::from_millis(60 * 24 * 60 * MINUTE), all_done).await.is_err() {
            world.fail("it never came to an end".into());
        }
        let tasks = std::mem::take(&mut *world.tasks.lock().unwrap());
        if let Some(failed) = tasks_failed(tasks).await {
            world.fail(failed);
        }
        let jobs = world.judge();
        let broken = std::mem::take(&mut *world.broken.lock().unwrap());
        let accepted = world.books().accepted.iter().map(|(number, of)| (*number, of.len())).collect();
        End { broken, log: std::mem::take(&mut *world.log.lock().unwrap()), accepted, jobs }
    })
}

/// Ends what goes on by itself, and tells what had failed.
async fn tasks_failed(mut tasks: JoinSet<()>) -> Option<String> {
    tasks.abort_all();
    let mut failed = None;
    while let Some(task) = tasks.join_next().await {
        if let Err(error) = task
            && error.is_panic()
        {
            failed = Some(format!("a task has panicked: {error}"));
        }
    }
    failed
}

/// The time of day, as a process sees it.
pub(crate) struct Wall(pub Arc<Process>);

impl fmt::Debug for Wall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wall")
    }
}

impl WallClock for Wall {
    fn now_ms(&self) -> u64 {
        self.0.wall_ms()
    }
}

impl World {
    pub(crate) fn now_ms(&self) -> u64 {
        T0 + self.began.elapsed().as_millis() as u64
    }

    /// A figure from `least` to `most`.
    pub(crate) fn random(&self, least: u64, most: u64) -> u64 {
        let mut state = self.random.lock().unwrap();
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = *state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        least + (mixed ^ (mixed >> 31)) % (most - least + 1)
    }

    pub(crate) fn chance(&self, percent: u64) -> bool {
        self.chance_of(percent, 100)
    }

    pub(crate) fn chance_of(&self, part: u64, whole: u64) -> bool {
        part > 0 && self.random(1, whole) <= part
    }

    /// Lets so much of the world's own time go by.
    pub(crate) async fn pass(&self, least_ms: u64, most_ms: u64) {
        pause(self.random(least_ms, most_ms)).await;
    }

    pub(crate) fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap()
    }

    pub(crate) fn log(&self, what: String) {
        let at = self.now_ms() - T0;
        self.log.lock().unwrap().push(format!("{at:>9} {what}"));
    }

    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.lock().unwrap().spawn(task);
    }

    pub(crate) fn known(&self) -> MutexGuard<'_, Known> {
        // A step that found something wrong has panicked with it; the others go on.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens the store, and waits for it without letting anything else happen.
    pub(crate) fn open(&self) -> Arc<dyn Store> {
        self.wait(async { self.place.open() })
    }

    pub(crate) fn wait<T>(&self, future: impl Future<Output = T>) -> T {
        block_on(self.place.runtime().as_ref(), future)
    }

    fn script(&self) -> MutexGuard<'_, Progress> {
        self.script.lock().unwrap()
    }

    /// What the script says of the next request.
    pub(crate) fn next_fate(&self) -> Option<Fate> {
        let mut progress = self.script();
        progress.fates += 1;
        self.scenario.script.fates.get(progress.fates - 1).copied()
    }

    /// What the script says of the next batch that is accepted.
    pub(crate) fn next_delay(&self) -> Option<u64> {
        let mut progress = self.script();
        progress.delays += 1;
        self.scenario.script.delays.get(progress.delays - 1).copied()
    }

    /// Whether the answer about a batch that is listed says the contrary.
    pub(crate) fn contradicts(&self, batch: &str) -> bool {
        let script = &self.scenario.script;
        if !script.first_contradicts && !script.busy {
            return self.chance(self.scenario.faults.contradiction);
        }
        let mut progress = self.script();
        progress.contradicts.get_or_insert_with(|| batch.to_owned()) == batch
    }

    /// What the script says of whoever passes a point: whether it dies, and for how many minutes it sleeps.
    pub(crate) fn passes(&self, point: &'static str) -> (bool, Option<u64>) {
        let script = &self.scenario.script;
        if script.naps.is_empty() && script.deaths.is_empty() {
            return (false, None);
        }
        let mut progress = self.script();
        let pass = progress.points.entry(point).or_default();
        *pass += 1;
        let nap = script.naps.iter().find(|nap| (nap.0, nap.1) == (point, *pass));
        (script.deaths.contains(&(point, *pass)), nap.map(|nap| nap.2))
    }

    /// How the results of a batch come back.
    pub(crate) fn delivery_of(&self, batch_no: &str) -> Option<Delivery> {
        let known = self.known();
        let job = known.batch(batch_no).map(|batch| batch.job)?;
        let command = known.jobs.get(&job)?.command;
        self.scenario.commands.get(command).map(|command| command.delivery)
    }

    /// Whether the store has it in writing that a reply left a doubt about a batch.
    pub(crate) fn is_known_to_be_doubted(&self, batch_no: &str) -> bool {
        let is_recorded = self.known().doubted.contains(batch_no);
        is_recorded && self.books().doubted.contains(batch_no)
    }

    /// Something should have been true. Written down once: what follows from it may be much.
    pub(crate) fn fail(&self, what: String) {
        let mut broken = self.broken.lock().unwrap();
        if !broken.contains(&what) && broken.len() < 20 {
            self.log(format!("BROKEN: {what}"));
            broken.push(what);
        }
    }

    /// Hands a push over; whether it was answered with 200.
    pub(crate) async fn deliver(&self, batch: &str, body: &[u8]) -> bool {
        let line = self.receiver.lock().unwrap().clone();
        let Some(line) = line else { return false };
        let (answer, answered) = oneshot::channel();
        if line.send((batch.to_owned(), body.to_vec(), answer)).is_err() {
            return false;
        }
        // A receiver that sleeps is one that does not answer.
        matches!(tokio::time::timeout(Duration::from_millis(30 * SECOND), answered).await, Ok(Ok(true)))
    }
}

/// Lets milliseconds of virtual time go by.
pub(crate) async fn pause(ms: u64) {
    // why-sleep: the clock of these runtimes is paused, and moves when everything waits.
    tokio::time::sleep(Duration::from_millis(ms)).await;
}
