//! What a world is like: how large, and how bad. Smaller figures are milder, so that a failure shrinks to what it needs.

use numcheck_bulk::Delivery;
use proptest::prelude::*;

#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    pub(crate) seed: u64,
    /// What people ask for, each about a file of its own, on one store.
    pub(crate) commands: Vec<Command>,
    /// Processes for each command, at the same time.
    pub(crate) runners: usize,
    pub(crate) traits: Traits,
    /// By how much batches may differ in the time until a query shows them, in minutes: what the rules assume.
    pub(crate) spread: u64,
    /// Whether it can be told that the owner of a claim is dead; else leases decide.
    pub(crate) owners: bool,
    pub(crate) clocks: Clocks,
    pub(crate) faults: Faults,
    pub(crate) script: Script,
    /// Whether the platform takes requests whose signature has expired.
    pub(crate) lying: bool,
}

/// A command that runs a file of numbers.
#[derive(Clone, Debug)]
pub(crate) struct Command {
    /// The first of its numbers; those of others may overlap.
    pub(crate) first: u64,
    /// Numbers in each batch.
    pub(crate) sizes: Vec<u64>,
    /// Rows that repeat a number.
    pub(crate) duplicates: u64,
    /// When it is given, in minutes.
    pub(crate) start: u64,
    pub(crate) takes: Takes,
    pub(crate) delivery: Delivery,
}

/// Which results of the book a command takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Takes {
    All,
    /// Those that are younger, in minutes.
    Younger(u64),
    /// All but failures that pass.
    NoFailures,
    /// None: check again.
    None,
}

/// What no document says of the platform, or not surely.
#[derive(Clone, Debug)]
pub(crate) struct Traits {
    /// Its day, in quarters of an hour from UTC: -12 to +14 hours.
    pub(crate) zone: i64,
    /// A row is dated when its check is finished, and shown from then on; else when its batch was accepted.
    pub(crate) by_finish: bool,
    /// `date` is ignored.
    pub(crate) any_day: bool,
    /// Minutes until a query shows a batch.
    pub(crate) delay: u64,
    /// By how many minutes at most batches differ in that.
    pub(crate) differ: u64,
    /// Over how many minutes the rows of a batch come into sight, the first number's always last.
    pub(crate) trickle: u64,
    pub(crate) query: Query,
    /// A batch that was answered with a doubt is charged and never listed; else it is listed like any other.
    pub(crate) hides: bool,
    pub(crate) failures: Failures,
}

/// Whether a query lists failed checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failures {
    /// It does, and a person has said so.
    Granted,
    /// It does, and nobody knows before it has shown one.
    Listed,
    Hidden,
}

/// How far the account may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Query {
    Works,
    /// It is always refused.
    Never,
    /// It is always told that there is nothing.
    Empty,
}

/// What wall clocks do, apart from the world's time.
#[derive(Clone, Debug)]
pub(crate) struct Clocks {
    /// Percent of the processes that begin with a wrong one.
    pub(crate) wrong: u64,
    /// How often one steps, in thousandths of the points at which a process may die.
    pub(crate) steps: u64,
    /// By whole days too.
    pub(crate) far: bool,
}

/// What happens at one certain point, for scenarios that are not left to chance.
#[derive(Clone, Debug, Default)]
pub(crate) struct Script {
    /// What becomes of the first requests, in their order.
    pub(crate) fates: Vec<Fate>,
    /// Whoever passes a point as the so-maniest sleeps for so many minutes.
    pub(crate) naps: Vec<(&'static str, usize, u64)>,
    /// Whoever passes a point as the so-maniest dies.
    pub(crate) deaths: Vec<(&'static str, usize)>,
    /// Minutes for which the single batches differ, in the order of their acceptance.
    pub(crate) delays: Vec<u64>,
    /// By how many minutes the clocks of a command's processes are off.
    pub(crate) off: Vec<i64>,
    /// When a person has the doubtful numbers of the first command sent again, in minutes.
    pub(crate) resubmit: Option<u64>,
    /// Every question about the first batch that is asked about once it is listed is answered with an empty list that contradicts itself.
    pub(crate) first_contradicts: bool,
    /// The platform is busy: every question about the first batch that is asked about once it is listed is answered so, with an empty list,
    /// and so is one of the days of each question about another.
    pub(crate) busy: bool,
    /// Every check of the batch that is accepted first fails.
    pub(crate) first_fails: bool,
}

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Arrives,
    /// It never does.
    Lost,
    /// So many seconds later.
    Late(u64),
    /// It is accepted, and nobody hears of it.
    Unanswered,
    /// It is accepted, and answered with a code that does not say so.
    Doubted,
    Refused,
}

/// How often something goes wrong, in percent.
#[derive(Clone, Debug, Default)]
pub(crate) struct Faults {
    /// A process dies at a point where it waits.
    pub(crate) crash: u64,
    /// A process sleeps for minutes or hours at a point where it waits.
    pub(crate) pause: u64,
    /// A request does not leave.
    pub(crate) not_sent: u64,
    /// A request is lost on its way.
    pub(crate) lost_request: u64,
    /// A request is slow, perhaps too slow for its signature.
    pub(crate) slow_request: u64,
    /// An answer is lost.
    pub(crate) lost_answer: u64,
    /// The platform refuses.
    pub(crate) refused: u64,
    /// The platform turns the account away.
    pub(crate) turned_away: u64,
    /// The platform answers with a code that does not say whether it took the batch.
    pub(crate) doubted: u64,
    /// A check fails.
    pub(crate) failed: u64,
    /// A number's check gets lost in the platform.
    pub(crate) lost_check: u64,
    /// A result is never pushed.
    pub(crate) not_pushed: u64,
    /// A result is pushed again and again.
    pub(crate) repeats: u64,
    /// A result is pushed once more with other content.
    pub(crate) conflict: u64,
    /// A question is not answered.
    pub(crate) query: u64,
    /// A question is answered with an empty list that contradicts itself.
    pub(crate) contradiction: u64,
    /// A person sends what is in doubt once more.
    pub(crate) impatience: u64,
    /// A person has a job forgotten half-way.
    pub(crate) forget: u64,
}

/// A platform that keeps to what the rules of proof assume.
pub(crate) fn honest() -> impl Strategy<Value = Scenario> {
    world(false)
}

/// One that takes requests for ever.
pub(crate) fn lying() -> impl Strategy<Value = Scenario> {
    world(true)
}

/// Most worlds have a few faults, and many of them.
fn percent() -> impl Strategy<Value = u64> {
    prop_oneof![2 => Just(0_u64), 2 => 0..30_u64, 1 => 30..90_u64]
}

fn traits(spread: u64) -> impl Strategy<Value = Traits> {
    let query = prop_oneof![8 => Just(Query::Works), 1 => Just(Query::Never), 1 => Just(Query::Empty)];
    let zone = prop_oneof![Just(0_i64), Just(8 * 4), -48..57_i64];
    let any_day = prop_oneof![4 => Just(false), 1 => Just(true)];
    let trickle = prop_oneof![2 => Just(0_u64), 1 => 0..120_u64];
    // A check takes up to five minutes, by which batches differ as well.
    let differ = prop_oneof![Just(0), 0..spread - 6];
    let days = (zone, any::<bool>(), any_day);
    let failures =
        prop_oneof![2 => Just(Failures::Granted), 2 => Just(Failures::Listed), 1 => Just(Failures::Hidden)];
    (days, 0..30_u64, differ, trickle, query, (any::<bool>(), failures)).prop_map(
        |((zone, by_finish, any_day), delay, differ, trickle, query, (hides, failures))| Traits {
            zone,
            by_finish,
            any_day,
            delay,
            differ,
            trickle,
            query,
            hides,
            failures,
        },
    )
}

fn commands() -> impl Strategy<Value = Vec<Command>> {
    let sizes = proptest::collection::vec(1..4_u64, 1..4);
    let delivery = prop_oneof![Just(Delivery::Push), Just(Delivery::Both), Just(Delivery::Poll)];
    let takes = prop_oneof![
        3 => Just(Takes::All),
        1 => (1..600_u64).prop_map(Takes::Younger),
        1 => Just(Takes::NoFailures),
        1 => Just(Takes::None),
    ];
    let start = prop_oneof![Just(0_u64), 0..20_u64, 60..600_u64];
    let command = (0..5_u64, sizes, 0..3_u64, start, takes, delivery).prop_map(
        |(first, sizes, duplicates, start, takes, delivery)| Command {
            first,
            sizes,
            duplicates,
            start,
            takes,
            delivery,
        },
    );
    // A later one may be about the very same numbers, in other batches.
    (proptest::collection::vec((command, any::<bool>()), 1..4)).prop_map(|commands| {
        let mut all: Vec<Command> = Vec::new();
        for (mut command, is_same) in commands {
            if let Some(first) = all.first().filter(|_| is_same) {
                let count = first.sizes.iter().sum();
                (command.first, command.sizes) = (first.first, vec![count]);
            }
            all.push(command);
        }
        all
    })
}

fn world(lying: bool) -> impl Strategy<Value = Scenario> {
    let clocks = prop_oneof![
        2 => Just((0, 0, false)),
        2 => (0..80_u64, 0..40_u64, any::<bool>()),
    ];
    let clocks = clocks.prop_map(|(wrong, steps, far)| Clocks { wrong, steps, far });
    let faults = proptest::array::uniform18(percent()).prop_map(|of| {
        let [
            crash,
            pause,
            not_sent,
            lost_request,
            slow_request,
            lost_answer,
            refused,
            turned_away,
            doubted,
            failed,
            lost_check,
            not_pushed,
            repeats,
            conflict,
            query,
            contradiction,
            impatience,
            forget,
        ] = of;
        Faults {
            crash: crash / 6,
            pause: pause / 6,
            not_sent: not_sent / 2,
            lost_request,
            slow_request,
            lost_answer,
            refused: refused / 3,
            turned_away: turned_away / 3,
            doubted: doubted / 3,
            failed,
            lost_check: lost_check / 3,
            not_pushed,
            repeats,
            conflict,
            query,
            contradiction: contradiction / 2,
            impatience: impatience / 2,
            forget: forget / 8,
        }
    });
    let world =
        prop_oneof![Just(10_u64), Just(60_u64)].prop_flat_map(|spread| (Just(spread), traits(spread)));
    (proptest::num::u64::ANY, commands(), 1..3_usize, world, any::<bool>(), clocks, faults).prop_map(
        move |(seed, commands, runners, (spread, traits), owners, clocks, faults)| Scenario {
            seed,
            commands,
            runners,
            traits,
            spread,
            owners,
            clocks,
            faults,
            script: Script::default(),
            lying,
        },
    )
}

impl Scenario {
    /// A world in which nothing goes wrong but what its script says.
    pub(crate) fn scripted(commands: Vec<Command>, script: Script) -> Self {
        Self {
            seed: 7,
            commands,
            runners: 1,
            traits: Traits {
                zone: 8 * 4,
                by_finish: false,
                any_day: false,
                delay: 1,
                differ: 0,
                trickle: 0,
                query: Query::Works,
                hides: true,
                failures: Failures::Granted,
            },
            spread: 60,
            owners: false,
            clocks: Clocks { wrong: 0, steps: 0, far: false },
            faults: Faults::default(),
            script,
            lying: false,
        }
    }
}

impl Command {
    /// A file of so many numbers in one batch, run at some minute.
    pub(crate) fn at(start: u64, first: u64, count: u64) -> Self {
        Self { first, sizes: vec![count], duplicates: 0, start, takes: Takes::All, delivery: Delivery::Both }
    }

    pub(crate) fn count(&self) -> u64 {
        self.sizes.iter().sum()
    }

    /// What tells its set of numbers from others.
    pub(crate) fn set(&self) -> String {
        format!("{}+{}", self.first, self.count())
    }
}

impl Clocks {
    pub(crate) fn are_right(&self) -> bool {
        self.wrong == 0 && self.steps == 0
    }
}
