//! A sandbox in another process, a store, an input, and the commands that are run with them.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::judge::{Reference, reference};
use super::seat::Seat;
use super::silence::{Loss, Way};
use super::stores::Store;
use super::work::{MINUTE, Work};
use super::world::World;
use crate::support::{Call, Running, Sandbox, free_address, get, numcheck, rows};

/// What a resumed job is written to.
const RESUMED: &str = "resumed.csv";

/// A platform in another process, and a store and files of its own.
pub(crate) struct Scene {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) sandbox: Sandbox,
    pub(crate) work: Work,
    pub(crate) listen: String,
    /// What stands between the command and the sandbox, where something does.
    pub(crate) way: Option<Way>,
    /// Where jobs are kept: what `NUMCHECK_STORE` is.
    pub(crate) place: String,
    pub(crate) reference: Arc<Reference>,
    pub(crate) world: World,
    base_url: String,
    /// How many files of controls were made.
    pub(super) controls: AtomicU32,
    /// Keeps the server of the store alive.
    _store: Store,
    /// Given back when all of the above is gone.
    _seat: Option<Seat>,
}

impl Scene {
    /// The command speaks with the sandbox.
    pub(crate) fn new(store: &Store, work: &Work) -> Self {
        Self::at(Seat::take(), store, work, None, World::usual())
    }

    /// The same, and the platform's clock is right all the time.
    pub(crate) fn quiet(store: &Store, work: &Work) -> Self {
        Self::at(Seat::take(), store, work, None, World::quiet())
    }

    /// The command speaks with a sandbox that assumes what was drawn.
    pub(crate) fn drawn(store: &Store, work: &Work, world: World) -> Self {
        Self::at(Seat::take_to_wait(), store, work, None, world)
    }

    /// The command speaks with the sandbox through a proxy that loses messages.
    pub(crate) fn by_way(store: &Store, work: &Work, loss: Loss) -> Self {
        Self::at(Seat::take(), store, work, Some(loss), World::usual())
    }

    /// The same, and the platform's clock is right all the time.
    pub(crate) fn by_quiet_way(store: &Store, work: &Work, loss: Loss) -> Self {
        Self::at(Seat::take(), store, work, Some(loss), World::quiet())
    }

    /// The command speaks with the sandbox by a way on which things are lost, in a scene that is mostly waiting.
    pub(crate) fn waiting(store: &Store, work: &Work, loss: Loss) -> Self {
        Self::at(Seat::take_to_wait(), store, work, Some(loss), World::quiet())
    }

    fn at(seat: Seat, store: &Store, work: &Work, loss: Option<Loss>, world: World) -> Self {
        let reference = reference(work, &seat);
        let way = loss.map(|loss| Way::at(&seat.way, &seat.sandbox, loss));
        let base_url = if way.is_some() { &seat.way } else { &seat.sandbox };
        let mut scene = Self::set_up(work, store, &seat, base_url, world);
        (scene.reference, scene.way, scene._seat) = (reference, way, Some(seat));
        scene
    }

    /// With a store in a file and a clock that is right, for the run that the others are compared with.
    pub(crate) fn undisturbed(work: &Work, seat: &Seat) -> Self {
        Self::set_up(work, &Store::Sqlite, seat, &seat.sandbox, World::quiet())
    }

    fn set_up(work: &Work, store: &Store, seat: &Seat, base_url: &str, world: World) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("in.csv"), work.input()).unwrap();
        let place = store.place(dir.path());
        let sandbox = ["--callback-delay", work.delay, "--minute", MINUTE];
        let at = ["--query-pace", "off", "--submit-pace", "off", "--nxcloud", &seat.sandbox];
        let drawn: Vec<&str> = world.arguments.iter().map(String::as_str).collect();
        Self {
            dir,
            sandbox: Sandbox::start_with(&[sandbox.as_slice(), &at, &drawn].concat()),
            work: work.clone(),
            listen: free_address(),
            way: None,
            place,
            reference: Arc::new(Reference { exit: 0, output: Vec::new() }),
            world,
            base_url: format!("http://{base_url}"),
            controls: AtomicU32::new(0),
            _store: store.clone(),
            _seat: None,
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// A command of this store and this account.
    pub(crate) fn numcheck(&self, arguments: &[&str]) -> Call {
        self.account(numcheck(arguments).env("NUMCHECK_STORE", &self.place).env("NUMCHECK_MINUTE", MINUTE))
    }

    /// With the account of the sandbox.
    pub(crate) fn account(&self, call: Call) -> Call {
        call.envs(self.sandbox.account()).env("NXCLOUD_BASE_URL", &self.base_url)
    }

    /// The run, as a person would start it and start it again.
    pub(crate) fn run(&self) -> Call {
        self.run_as("in.csv", "out.csv")
    }

    pub(crate) fn run_as(&self, input: &str, output: &str) -> Call {
        let url = format!("http://{}", self.listen);
        self.run_with(self.numcheck(&["run"]).arg(self.path(input)), output, &self.listen, &url)
    }

    /// The same, listening at one address while results are pushed to another.
    pub(crate) fn run_receiving_at(&self, listen: &str, public_url: &str) -> Call {
        self.run_with(self.numcheck(&["run"]).arg(self.path("in.csv")), "out.csv", listen, public_url)
    }

    /// A run as typed so far, with what else one needs here.
    pub(super) fn run_with(&self, run: Call, output: &str, listen: &str, public_url: &str) -> Call {
        let call = run.arg("-o").arg(self.path(output));
        let call = call.args(["--delivery", self.work.delivery, "--json", "--wait", self.work.wait]);
        let call = call.args(["--visibility-spread", self.world.visibility_spread]).args(self.world.granted);
        // `resume` has the batches of its job.
        let call = if output == RESUMED { call } else { call.args(["--batch-size", "4"]) };
        if self.work.delivery == "poll" {
            return call;
        }
        call.args(["--listen", listen, "--public-url", public_url])
    }

    /// Sends again what a job has in doubt or missing, as a person decides.
    pub(crate) fn resubmit(&self, job: &str) -> Call {
        let url = format!("http://{}", self.listen);
        let call = self.numcheck(&["resume", job, "--resubmit-doubtful", "--yes"]);
        self.run_with(call, RESUMED, &self.listen, &url)
    }

    pub(crate) fn output(&self) -> Vec<u8> {
        fs::read(self.path("out.csv")).unwrap()
    }

    /// A page of the sandbox.
    pub(crate) fn page(&self, name: &str) -> Value {
        let url = format!("{}/_sandbox/{name}", self.sandbox.text("nxcloud"));
        serde_json::from_str(&get(&url).unwrap()).unwrap()
    }

    /// What its clock shows.
    pub(crate) fn platform_ms(&self) -> u64 {
        self.page("health")["now_ms"].as_u64().unwrap()
    }

    /// How many numbers it has accepted.
    pub(crate) fn accepted(&self) -> u64 {
        self.page("tally.json")["accepted"].as_u64().unwrap()
    }

    /// How many different numbers there are to accept.
    pub(crate) fn numbers(&self) -> u64 {
        self.numbers_of("in.csv")
    }

    /// How many different numbers a file holds.
    pub(crate) fn numbers_of(&self, file: &str) -> u64 {
        let phones = rows(&fs::read(self.path(file)).unwrap());
        let digits = phones.iter().map(|row| row["phone"].trim_start_matches('+').to_owned());
        digits.filter(|phone| phone != "none").collect::<BTreeSet<_>>().len() as u64
    }

    /// Waits until it has accepted every number once.
    pub(crate) fn wait_until_all_are_accepted(&self) {
        self.wait_until_accepted(self.numbers());
    }

    /// Waits until it has accepted so many.
    pub(crate) fn wait_until_accepted(&self, wanted: u64) {
        let began = Instant::now();
        while self.accepted() < wanted {
            assert!(began.elapsed().as_secs() < 60, "{} of {wanted}", self.accepted());
            // why-sleep: another process is waited for, which tells only who asks it.
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Waits no longer than until a process has been alive for so long, then kills it with SIGKILL. Says whether it was still alive.
pub(crate) fn kill_after(mut running: Running, moment: Duration) -> bool {
    // why-sleep: a random moment is a time, and there is no other way to let it pass.
    std::thread::sleep(moment);
    running.kill()
}
