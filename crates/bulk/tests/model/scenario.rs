//! What a world is like: how large, and how bad. Smaller figures are milder, so that a failure shrinks to what it needs.

use numcheck_bulk::Delivery;
use proptest::prelude::*;

#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    pub(crate) seed: u64,
    /// Numbers in each batch.
    pub(crate) sizes: Vec<u64>,
    /// Rows that repeat a number.
    pub(crate) duplicates: u64,
    pub(crate) delivery: Delivery,
    /// Processes that plan, submit and ask, at the same time.
    pub(crate) runners: usize,
    pub(crate) faults: Faults,
    /// Whether what the platform said it does not know may be accepted later all the same.
    pub(crate) lying: bool,
}

/// How often something goes wrong, in percent.
#[derive(Clone, Debug)]
pub(crate) struct Faults {
    /// A process dies at a point where it waits.
    pub(crate) crash: u64,
    /// A process sleeps for minutes at a point where it waits.
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
    /// A person sends what is in doubt once more.
    pub(crate) impatience: u64,
    /// A person has the job forgotten half-way.
    pub(crate) forget: u64,
}

/// A platform that keeps to its document.
pub(crate) fn honest() -> impl Strategy<Value = Scenario> {
    any(false)
}

/// One that does not.
pub(crate) fn lying() -> impl Strategy<Value = Scenario> {
    any(true)
}

fn any(lying: bool) -> impl Strategy<Value = Scenario> {
    let sizes = proptest::collection::vec(1..6_u64, 1..6);
    let delivery = prop_oneof![Just(Delivery::Push), Just(Delivery::Both), Just(Delivery::Poll)];
    // Most worlds have a few faults, and many of them.
    let percent = || prop_oneof![2 => Just(0_u64), 2 => 0..30_u64, 1 => 30..90_u64];
    let faults = proptest::array::uniform15(percent()).prop_map(|of| {
        let [
            crash,
            pause,
            not_sent,
            lost_request,
            slow_request,
            lost_answer,
            refused,
            failed,
            lost_check,
            not_pushed,
            repeats,
            conflict,
            query,
            impatience,
            forget,
        ] = of;
        Faults {
            crash: crash / 6,
            pause: pause / 6,
            not_sent,
            lost_request,
            slow_request,
            lost_answer,
            refused: refused / 3,
            failed,
            lost_check,
            not_pushed,
            repeats,
            conflict,
            query,
            impatience: impatience / 2,
            forget: forget / 4,
        }
    });
    (proptest::num::u64::ANY, sizes, 0..4_u64, delivery, 1..3_usize, faults).prop_map(
        move |(seed, sizes, duplicates, delivery, runners, faults)| Scenario {
            seed,
            sizes,
            duplicates,
            delivery,
            runners,
            faults,
            lying,
        },
    )
}
