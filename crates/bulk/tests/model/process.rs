//! Processes: runners, a receiver, and a person, each of which may die or sleep at any point and comes back to the same store.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use numcheck_bulk::store::Duplicate;
use numcheck_bulk::{
    BatchState, Clock, Drive, Folding, Inbox, Job, JobState, Pace, Reconcile, Store, StoreError, Times,
};
use numcheck_protocol::Rate;
use tokio::sync::{Notify, mpsc};

use crate::made::{T0, batches, name, spec};
use crate::platform::Account;
use crate::stepped::Stepped;
use crate::world::pause;
use crate::world::{Delivered, MINUTE, SECOND, Virtual, World};

/// Of larger batches fewer may be sent.
pub(crate) const SMALL: u32 = 3;

/// What a process is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Plans, submits and asks.
    Runner,
    /// Takes pushes in.
    Receiver,
    /// Exports, grows impatient, and wants things forgotten.
    Person,
}

/// A process: it lives until its fuse has burnt down.
pub(crate) struct Process {
    pub(crate) world: Arc<World>,
    pub(crate) role: Role,
    name: String,
    fuse: AtomicU64,
    dead: AtomicBool,
    died: Notify,
    asleep_until_ms: AtomicU64,
}

impl fmt::Debug for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Process({})", self.name)
    }
}

impl Process {
    /// A point at which the process may die or fall asleep.
    pub(crate) async fn point(&self, what: &str) {
        if self.dead.load(Ordering::SeqCst) || self.fuse.fetch_sub(1, Ordering::SeqCst) == 0 {
            self.world.log(format!("{} dies at {what}", self.name));
            self.dead.store(true, Ordering::SeqCst);
            self.died.notify_one();
            std::future::pending::<()>().await;
        }
        if self.world.chance_of(self.world.scenario.faults.pause, 1000) {
            let until = self.world.now_ms() + self.world.random(MINUTE, 40 * MINUTE);
            self.world.log(format!("{} sleeps at {what} until {}", self.name, until - T0));
            self.asleep_until_ms.fetch_max(until, Ordering::SeqCst);
        }
        // All of the process sleeps.
        loop {
            let left = self.asleep_until_ms.load(Ordering::SeqCst).saturating_sub(self.world.now_ms());
            if left == 0 {
                return;
            }
            pause(left).await;
        }
    }
}

/// Starts a process, and starts it again when it has died; until it says that it is done.
pub(crate) async fn keep_alive(world: Arc<World>, role: Role) {
    for incarnation in 1.. {
        // Faults end at some time, or nothing would ever be done.
        let mortal = world.chance(world.scenario.faults.crash * 6) && incarnation < 40;
        let fuse = if mortal { world.random(0, 60) } else { u64::MAX };
        let process = Arc::new(Process {
            world: Arc::clone(&world),
            role,
            name: format!("{role:?} {incarnation}"),
            fuse: AtomicU64::new(fuse),
            dead: AtomicBool::new(false),
            died: Notify::new(),
            asleep_until_ms: AtomicU64::new(0),
        });
        let store = Arc::new(Stepped { store: world.open(), process: Arc::clone(&process) });
        let life = async {
            match role {
                Role::Receiver => receive(&world, store).await,
                Role::Runner => work(&world, store, &process).await,
                Role::Person => decide(&world, &store).await,
            }
        };
        tokio::select! {
            biased;
            () = process.died.notified() => {}
            () = life => return,
        }
        if role == Role::Receiver {
            *world.receiver.lock().unwrap() = None;
        }
        let long = world.chance(10);
        world.pass(0, if long { 90 * MINUTE } else { 3 * MINUTE }).await;
    }
}

/// Plans, submits and asks until nothing more can happen.
async fn work(world: &Arc<World>, store: Arc<Stepped>, process: &Arc<Process>) {
    let clock: Arc<dyn Clock> = Arc::new(Virtual(Arc::clone(world)));
    let job = loop {
        match plan(world, &store).await {
            Ok(job) => break job,
            // Another one has begun the plan anew: let it.
            Err(StoreError::Superseded) => world.pass(0, 20 * SECOND).await,
            Err(error) => panic!("{error}"),
        }
    };
    let account = Arc::new(Account { world: Arc::clone(world), process: Arc::clone(process) });
    let inbox = Inbox::new(Arc::clone(&store), Arc::clone(&clock));
    let rates = vec![
        Rate { up_to: Some(SMALL), requests: 10, per_ms: 1000 },
        Rate { up_to: None, requests: 1, per_ms: 1000 },
    ];
    let pace = Pace::new(Arc::clone(&store), Arc::clone(&clock), "submit".to_owned(), rates);
    let drive =
        Drive::new(Arc::clone(&store), Arc::clone(&account), Arc::clone(&clock), process.name.clone())
            .at(pace);
    let reconcile = Reconcile::new(Arc::clone(&store), account, inbox, Arc::clone(&clock), Times::default());
    loop {
        drive.run(&job, &|| false).await.unwrap();
        let round = reconcile.round(&job).await.unwrap();
        let forgotten = store.job(&job.name).await.unwrap().unwrap().state == JobState::Forgotten;
        // Reading it checks its equation.
        if forgotten || store.ledger(job.id).await.unwrap().is_final() {
            return;
        }
        let wait = round.next_ms.map_or(MINUTE, |next| next.saturating_sub(clock.now_ms()));
        pause(wait.clamp(10, MINUTE)).await;
    }
}

async fn plan(world: &World, store: &Stepped) -> Result<Job, StoreError> {
    let mut spec = spec();
    spec.delivery = world.scenario.delivery;
    let job = store.create_job(&name(1), &spec, world.now_ms()).await?;
    if job.state != JobState::Planning {
        return Ok(job);
    }
    for (sequence, batch) in batches(1, &world.scenario.sizes).into_iter().enumerate() {
        store.add_input(job.id, sequence as u32, b"piece".to_vec()).await?;
        store.add_batches(job.id, vec![batch]).await?;
    }
    let rows: u64 = world.scenario.sizes.iter().sum();
    let repeats = 0..world.scenario.duplicates;
    let repeats = repeats.map(|at| Duplicate { row: rows + at, first: (at * 7) % rows });
    store.add_duplicates(job.id, repeats.collect()).await?;
    store.finish_plan(job.id, rows + world.scenario.duplicates).await
}

/// Exports now and then, sends what is in doubt once more, and wants the job forgotten: whatever the scenario has a person do.
async fn decide(world: &Arc<World>, store: &Stepped) {
    let faults = &world.scenario.faults;
    let mut deeds: Vec<bool> = Vec::new();
    deeds.extend((0..5).filter(|_| world.chance(faults.impatience)).map(|_| false));
    deeds.extend((0..1).filter(|_| world.chance(faults.forget)).map(|_| true));
    for forget in deeds {
        world.pass(0, 60 * MINUTE).await;
        let Some(job) = store.job(&name(1)).await.unwrap().filter(|job| job.state == JobState::Open) else {
            continue;
        };
        world.export(store, &job).await;
        if forget {
            world.log("the person has it forgotten".to_owned());
            store.forget(job.id).await.unwrap();
            continue;
        }
        let open = store.open_batches(job.id).await.unwrap();
        for batch in open.iter().filter(|batch| batch.state == BatchState::InDoubt) {
            let planned = store.plan_again(batch.batch, &batch.batch_no).await.unwrap();
            world.log(format!("the person sends {} once more: {planned}", batch.batch_no));
        }
    }
}

/// Takes pushes in, for as long as it lives.
async fn receive(world: &Arc<World>, store: Arc<Stepped>) {
    let inbox = Inbox::new(store, Arc::new(Virtual(Arc::clone(world))));
    let (line, mut pushes) = mpsc::unbounded_channel::<Delivered>();
    *world.receiver.lock().unwrap() = Some(line);
    let take = async {
        while let Some((batch, body, answer)) = pushes.recv().await {
            let stored = inbox.store(&batch, &body).await.is_ok();
            let _ = answer.send(stored);
        }
    };
    let folding = Folding { look_every: Duration::from_millis(2 * MINUTE), pause: Duration::ZERO };
    tokio::join!(take, inbox.keep_folding(folding));
}
