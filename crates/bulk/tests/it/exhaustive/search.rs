//! Looks at every state that a world can reach, breadth first, so that the first counter-example is a shortest one.

use std::fmt::Write as _;

use numcheck_bulk::BatchState;

use crate::exhaustive::steps::{Model, Step};
use crate::exhaustive::world::{State, World};

/// What was found.
pub(crate) struct Found {
    /// How many states were looked at.
    pub(crate) states: usize,
    /// How the phone number came to be accepted twice, if it did.
    pub(crate) twice: Option<String>,
    /// Whether a lost request was proved unknown, sent again, and accepted once.
    pub(crate) recovered: bool,
}

/// Looks at every state, until one is found in which the phone number was accepted twice.
pub(crate) fn search(world: World) -> Found {
    let model = Model::new(world);
    let mut reached = vec![(State::FIRST, Step::Begin, 0)];
    let mut seen = Seen::new();
    seen.insert(State::FIRST.key());
    let mut next = Vec::new();
    let mut recovered = false;
    let mut at = 0;
    while let Some((state, ..)) = reached.get(at).copied() {
        model.steps(&state, &mut next);
        for (step, state) in next.drain(..) {
            if seen.insert(state.key()) {
                reached.push((state, step, at));
                if state.twice {
                    let twice = Some(trace(&reached, reached.len() - 1));
                    return Found { states: reached.len(), twice, recovered };
                }
                recovered |= state.batch.state == BatchState::Accepted
                    && state.acceptance.is_some_and(|acceptance| acceptance.number > 0);
            }
        }
        at += 1;
    }
    Found { states: reached.len(), twice: None, recovered }
}

fn trace(reached: &[(State, Step, usize)], end: usize) -> String {
    let mut path = vec![end];
    while let Some((_, step, before)) = path.last().and_then(|at| reached.get(*at)) {
        if *step == Step::Begin {
            break;
        }
        path.push(*before);
    }
    let mut text = String::new();
    for (state, step, _) in path.iter().rev().filter_map(|at| reached.get(*at)) {
        let _ =
            writeln!(text, "{:>3}  {step:?}  {:?} {:?}", state.now, state.batch.state, state.batch.signed);
    }
    text
}

/// The keys of states. The usual set costs more, without optimisation, than all the rest.
struct Seen {
    keys: Vec<u128>,
    /// Places in `keys`, one more than that: 0 is free.
    slots: Vec<u32>,
}

impl Seen {
    fn new() -> Self {
        Self { keys: Vec::new(), slots: vec![0; 1 << 12] }
    }

    /// Whether it is new.
    fn insert(&mut self, key: u128) -> bool {
        if self.keys.len() * 2 > self.slots.len() {
            self.slots = vec![0; self.slots.len() * 4];
            for at in 0..self.keys.len() {
                let free = self.find(self.keys[at]);
                self.slots[free] = at as u32 + 1;
            }
        }
        let slot = self.find(key);
        if self.slots[slot] != 0 {
            return false;
        }
        self.keys.push(key);
        self.slots[slot] = self.keys.len() as u32;
        true
    }

    /// The slot that has the key, or the free one where it belongs.
    fn find(&self, key: u128) -> usize {
        const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
        let (low, high) = (key as u64, (key >> 64) as u64);
        let mixed = (low.wrapping_mul(ODD).rotate_left(32) ^ high).wrapping_mul(ODD);
        let mask = self.slots.len() - 1;
        let mut slot = (mixed >> 32) as usize & mask;
        while self.slots[slot] != 0 && self.keys[self.slots[slot] as usize - 1] != key {
            slot = (slot + 1) & mask;
        }
        slot
    }
}
