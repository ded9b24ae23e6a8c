//! Processes: runners, a receiver, and a person, each of which may die or sleep at any point and comes back to the same store.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use numcheck_bulk::store::{Duplicate, NewBatch};
use numcheck_bulk::{
    Cancel, Drive, Folding, Inbox, Job, JobName, JobSpec, JobState, Ledger, Owners, ProofRules, Reconcile,
    Reuse, SharedPace, Store, StoreError, Times, WallClock,
};
use numcheck_protocol::{BatchNo, Rate};
use tokio::sync::{Notify, mpsc};
use tokio::time::Instant;

use crate::model::made::{T0, number, scope};
use crate::model::platform::Account;
use crate::model::scenario::{Failures, Query, Takes};
use crate::model::stepped::Stepped;
use crate::model::world::pause;
use crate::model::world::{Delivered, MINUTE, SECOND, Wall, World};

/// Of larger batches fewer may be sent.
pub(crate) const SMALL: u32 = 3;
/// A runner for which nothing has changed in so long gives up.
const QUIET_MS: u64 = 16 * 60 * MINUTE;
const DAY: u64 = 24 * 60 * MINUTE;

/// What a process is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Plans, submits and asks, for a command.
    Runner(usize),
    /// The same, for a job that there is.
    Resumer(i64),
    /// Takes pushes in.
    Receiver,
    /// Exports, grows impatient, and wants things forgotten.
    Person,
}

/// A process: it lives until its fuse has burnt down.
pub(crate) struct Process {
    pub(crate) world: Arc<World>,
    pub(crate) name: String,
    fuse: AtomicU64,
    dead: AtomicBool,
    died: Notify,
    asleep_until_ms: AtomicU64,
    /// How far its wall clock is from the world's time.
    off_ms: AtomicI64,
}

impl fmt::Debug for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Process({})", self.name)
    }
}

impl Process {
    /// What its wall clock shows.
    pub(crate) fn wall_ms(&self) -> u64 {
        self.world.now_ms().saturating_add_signed(self.off_ms.load(Ordering::SeqCst))
    }

    /// A point at which the process may die or fall asleep, and its clock may step.
    pub(crate) async fn point(&self, what: &'static str) {
        let script = self.world.passes(what);
        self.pass(what, script).await;
    }

    /// The same, once the call was made.
    pub(crate) async fn point_after(&self, what: &'static str) {
        let script = match what {
            "claim" => self.world.passes("claimed"),
            "confirm" => self.world.passes("confirmed"),
            _ => (false, None),
        };
        self.pass("after it", script).await;
    }

    async fn pass(&self, what: &str, (dies, nap): (bool, Option<u64>)) {
        let (world, faults, clocks) = (&self.world, &self.world.scenario.faults, &self.world.scenario.clocks);
        if dies || self.dead.load(Ordering::SeqCst) || self.fuse.fetch_sub(1, Ordering::SeqCst) == 0 {
            world.log(format!("{} dies at {what}", self.name));
            self.dead.store(true, Ordering::SeqCst);
            self.died.notify_one();
            std::future::pending::<()>().await;
        }
        if world.chance_of(clocks.steps, 1000) {
            self.step_clock();
        }
        let nap = nap.map(|minutes| minutes * MINUTE);
        let nap = nap.or_else(|| {
            world.chance_of(faults.pause, 1000).then(|| {
                let most = if world.chance(20) { 200 * MINUTE } else { 40 * MINUTE };
                world.random(MINUTE, most)
            })
        });
        if let Some(nap) = nap {
            let until = world.now_ms() + nap;
            world.log(format!("{} sleeps at {what} until {}", self.name, until - T0));
            self.asleep_until_ms.fetch_max(until, Ordering::SeqCst);
        }
        // All of the process sleeps.
        loop {
            let left = self.asleep_until_ms.load(Ordering::SeqCst).saturating_sub(world.now_ms());
            if left == 0 {
                return;
            }
            pause(left).await;
        }
    }

    /// Somebody sets the clock, right or wrong.
    fn step_clock(&self) {
        let world = &self.world;
        let far = world.scenario.clocks.far;
        let most = match world.random(0, if far { 4 } else { 3 }) {
            0 => 0,
            1 => 5 * MINUTE,
            2 => 90 * MINUTE,
            3 => 12 * 60 * MINUTE,
            _ => 20 * DAY,
        };
        let off = world.random(0, 2 * most) as i64 - most as i64;
        world.log(format!("the clock of {} is {} s off", self.name, off / 1000));
        self.off_ms.store(off, Ordering::SeqCst);
    }
}

/// Knows every process of the world.
#[derive(Clone)]
struct Everybody(Arc<World>);

impl fmt::Debug for Everybody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Everybody")
    }
}

impl Owners for Everybody {
    fn is_alive(&self, owner: &str) -> Option<bool> {
        self.0.scenario.owners.then(|| self.0.alive.lock().unwrap().contains(owner))
    }
}

/// Starts a process, and starts it again when it has died; until it says that it is done.
pub(crate) async fn keep_alive(world: Arc<World>, role: Role) {
    let mut off = 0;
    if let Role::Runner(command) = role {
        off = world.scenario.script.off.get(command).copied().unwrap_or_default();
        pause(world.scenario.commands[command].start * MINUTE).await;
    }
    for incarnation in 1.. {
        // Faults end at some time, or nothing would ever be done.
        let mortal = world.chance(world.scenario.faults.crash * 6) && incarnation < 40;
        let fuse = if mortal { world.random(0, 60) } else { u64::MAX };
        let process = Arc::new(Process {
            world: Arc::clone(&world),
            name: format!("{role:?} {incarnation} {:04x}", world.random(0, 0xffff)),
            fuse: AtomicU64::new(fuse),
            dead: AtomicBool::new(false),
            died: Notify::new(),
            asleep_until_ms: AtomicU64::new(0),
            off_ms: AtomicI64::new(off * MINUTE as i64),
        });
        if world.chance(world.scenario.clocks.wrong) {
            process.step_clock();
        }
        world.alive.lock().unwrap().insert(process.name.clone());
        let store = Arc::new(Stepped { store: world.open(), process: Arc::clone(&process) });
        let life = async {
            match role {
                Role::Receiver => receive(&process, store).await,
                Role::Runner(command) => {
                    let job = begin(&process, &store, command).await;
                    work(&process, store, job).await;
                }
                Role::Resumer(job) => {
                    let jobs = store.jobs().await.unwrap();
                    let job = jobs.into_iter().find(|other| other.id == job).unwrap();
                    work(&process, store, job).await;
                }
                Role::Person => decide(&process, &store).await,
            }
        };
        let is_done = tokio::select! {
            biased;
            () = process.died.notified() => false,
            () = life => true,
        };
        world.alive.lock().unwrap().remove(&process.name);
        if is_done {
            return;
        }
        if role == Role::Receiver {
            *world.receiver.lock().unwrap() = None;
        }
        let long = world.chance(10);
        world.pass(0, if long { 90 * MINUTE } else { 3 * MINUTE }).await;
    }
}

/// Finds or makes a command's job, and its plan.
async fn begin(process: &Process, store: &Stepped, command: usize) -> Job {
    loop {
        match plan(process, store, command).await {
            Ok(job) => return job,
            // Another one has begun the plan anew: let it.
            Err(StoreError::Superseded) => process.world.pass(0, 20 * SECOND).await,
            Err(error) => panic!("{error}"),
        }
    }
}

/// Submits and asks until nothing more can happen.
async fn work(process: &Arc<Process>, store: Arc<Stepped>, job: Job) {
    let world = &process.world;
    let clock: Arc<dyn WallClock> = Arc::new(Wall(Arc::clone(process)));
    let account = Arc::new(Account::new(world, process));
    let inbox = Inbox::new(Arc::clone(&store), Arc::clone(&clock));
    let rates = vec![
        Rate { up_to: Some(SMALL), requests: 10, per_ms: 1000 },
        Rate { up_to: None, requests: 1, per_ms: 1000 },
    ];
    let pace = SharedPace::new(Arc::clone(&store), Arc::clone(&clock), "submit".to_owned(), rates);
    let drive =
        Drive::new(Arc::clone(&store), Arc::clone(&account), Arc::clone(&clock), process.name.clone())
            .with_pace(pace);
    let rules = ProofRules::new()
        .with_visibility_spread(Duration::from_millis(world.scenario.spread * MINUTE))
        .with_failures_listed(world.scenario.traits.failures == Failures::Granted);
    let reconcile =
        Reconcile::new(Arc::clone(&store), account, inbox, Arc::clone(&clock), Times::default(), rules)
            .with_owners(Arc::new(Everybody(Arc::clone(world))));
    let (mut last, mut since) = (Ledger::default(), Instant::now());
    loop {
        drive.run(&job, &Cancel::new()).await.unwrap();
        let round = reconcile.round(&job, &Cancel::new()).await.unwrap();
        let state = store.job(&job.name).await.unwrap().map(|job| job.state);
        // Reading it checks its equation.
        let ledger = store.ledger(job.id).await.unwrap();
        if !matches!(state, Some(JobState::Open | JobState::Replaced)) || ledger.is_final() {
            return;
        }
        if ledger != last {
            (last, since) = (ledger, Instant::now());
        }
        let quiet_ms = since.elapsed().as_millis() as u64;
        // Who may never ask tries each minute, and learns nothing by it.
        let is_hopeless = world.scenario.traits.query == Query::Never && quiet_ms > QUIET_MS / 16;
        if quiet_ms > QUIET_MS || is_hopeless {
            world.log(format!("{} gives up", process.name));
            return;
        }
        let wait = round.next_ms.map_or(MINUTE, |next| next.saturating_sub(clock.now_ms()));
        pause(wait.clamp(10, (3 * MINUTE).max(quiet_ms / 5))).await;
    }
}

async fn plan(process: &Process, store: &Stepped, command: usize) -> Result<Job, StoreError> {
    let world = &process.world;
    let of = &world.scenario.commands[command];
    // Who knows the job by name goes on with it, as often as not.
    let known = world.jobs.lock().unwrap().get(&command).cloned();
    if let Some(known) = known
        && world.chance(50)
        && let Some(job) = store.job(&known).await?
        && job.state != JobState::Planning
    {
        return Ok(job);
    }
    let reuse = match of.takes {
        Takes::All => Reuse::ALL,
        Takes::Younger(minutes) => Reuse::since(process.wall_ms().saturating_sub(minutes * MINUTE)),
        Takes::NoFailures => Reuse::ALL.with_retry_failed(),
        Takes::None => Reuse::NONE,
    };
    let notes = serde_json::json!({ "command": command });
    let spec = JobSpec::new(scope(), of.set(), of.delivery, notes).with_reuse(reuse);
    let name = JobName::from_random(world.random(0, u64::MAX - 1).to_be_bytes());
    let job = store.create_job(&name, &spec, process.wall_ms()).await?;
    if job.state != JobState::Planning {
        return Ok(job);
    }
    let mut row = 0;
    for (at, size) in of.sizes.iter().enumerate() {
        store.add_input(job.id, at as u32, b"piece".to_vec()).await?;
        let batch_no = BatchNo::new(&format!("nc-{}-{}", job.name, at + 1)).unwrap();
        let numbers = (row..row + size).map(|row| (number(of.first + row), row)).collect();
        store.add_batches(job.id, vec![NewBatch { batch_no, group: "CN".into(), numbers }]).await?;
        row += size;
    }
    let duplicates = (0..of.duplicates).map(|at| Duplicate { row: row + at, first: at % row });
    store.add_duplicates(job.id, duplicates.collect()).await?;
    store.finish_plan(job.id, row + of.duplicates).await
}

/// Exports now and then, sends what is in doubt once more, and wants jobs forgotten: whatever the scenario has a person do.
async fn decide(process: &Process, store: &Stepped) {
    #[derive(Clone, Copy, PartialEq)]
    enum Deed {
        Resubmit,
        Forget,
    }
    let world = &process.world;
    let (faults, mut deeds) = (&world.scenario.faults, Vec::new());
    deeds.extend((0..4).filter(|_| world.chance(faults.impatience)).map(|_| Deed::Resubmit));
    deeds.extend((0..1).filter(|_| world.chance(faults.forget)).map(|_| Deed::Forget));
    if let Some(minutes) = world.scenario.script.resubmit {
        pause(minutes * MINUTE).await;
        deeds = vec![Deed::Resubmit];
    }
    for deed in deeds {
        if world.scenario.script.resubmit.is_none() {
            world.pass(0, 180 * MINUTE).await;
        }
        let jobs = store.jobs().await.unwrap();
        let open: Vec<&Job> = jobs.iter().filter(|job| job.state == JobState::Open).collect();
        if open.is_empty() {
            continue;
        }
        let job = open[world.random(0, open.len() as u64 - 1) as usize];
        world.export(store, job).await;
        if deed == Deed::Forget {
            world.log(format!("the person has {} forgotten", job.name));
            store.forget(job.id, true).await.unwrap();
            continue;
        }
        let count = store.resubmit_doubtful(job.id, u64::MAX).await.unwrap();
        world.log(format!("the person sends {count} of {} once more", job.name));
        if count > 0 {
            world.resumed.lock().unwrap().push(job.id);
        }
    }
}

/// Takes pushes in, for as long as it lives.
async fn receive(process: &Arc<Process>, store: Arc<Stepped>) {
    let inbox = Inbox::new(store, Arc::new(Wall(Arc::clone(process))));
    let (line, mut pushes) = mpsc::unbounded_channel::<Delivered>();
    *process.world.receiver.lock().unwrap() = Some(line);
    let take = async {
        while let Some((batch, body, answer)) = pushes.recv().await {
            let stored = inbox.store(&batch, &body).await.is_ok();
            let _ = answer.send(stored);
        }
    };
    let folding = Folding { look_every: Duration::from_millis(2 * MINUTE), pause: Duration::ZERO };
    tokio::join!(take, inbox.keep_folding(folding));
}
