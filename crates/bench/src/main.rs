//! What this family costs beside its peers, as ratios of times from one run: `cargo xtask bench`.
//!
//! Each pair is measured in turns, in slices of a few milliseconds, and the best slice of each is taken: on a busy machine some slices are left alone.

// A terminal tool: its table is its output; and a bench may fail where it stands.
#![allow(clippy::print_stdout, clippy::unwrap_used)]

mod client;
mod messages;
mod signature;

use std::time::{Duration, Instant};

/// How many slices of each are measured.
const SLICES: usize = 151;

/// One line of the table: what a piece of work takes beside its peer.
struct Line {
    work: &'static str,
    peer: &'static str,
    ours: Duration,
    theirs: Duration,
    aim: Aim,
}

/// What is aimed at.
enum Aim {
    /// Time: at most so much of the peer's.
    AtMost(f64),
    /// Rate: at least so much of the peer's.
    AtLeast(f64),
}

impl Line {
    fn print(&self) {
        let time = self.ours.as_secs_f64() / self.theirs.as_secs_f64();
        let (ratio, aim, is_reached) = match self.aim {
            Aim::AtMost(most) => (time, format!("≤ {most:.2}"), time <= most),
            Aim::AtLeast(least) => (1.0 / time, format!("≥ {least:.2}"), 1.0 / time >= least),
        };
        let reached = if is_reached { "reached" } else { "missed" };
        let (ours, theirs) = (show(self.ours), show(self.theirs));
        println!("| {} | {} | {ours} | {theirs} | {ratio:.2} | {aim} | {reached} |", self.work, self.peer);
    }
}

fn show(time: Duration) -> String {
    match time.as_nanos() {
        nanos @ ..10_000 => format!("{nanos} ns"),
        nanos => format!("{:.1} µs", nanos as f64 / 1000.0),
    }
}

fn main() {
    println!("| work | beside | ours | theirs | ratio | aim | |");
    println!("|---|---|---|---|---|---|---|");
    for line in messages::lines().into_iter().chain(signature::lines()).chain(client::lines()) {
        line.print();
    }
}

/// The best time of each, taken in turns.
fn in_turns(rounds: u32, mut ours: impl FnMut(), mut theirs: impl FnMut()) -> (Duration, Duration) {
    let (mut best_ours, mut best_theirs) = (Duration::MAX, Duration::MAX);
    for _ in 0..SLICES {
        best_ours = best_ours.min(time(rounds, &mut ours));
        best_theirs = best_theirs.min(time(rounds, &mut theirs));
    }
    (best_ours, best_theirs)
}

fn time(rounds: u32, work: &mut impl FnMut()) -> Duration {
    let start = Instant::now();
    (0..rounds).for_each(|_| work());
    start.elapsed() / rounds
}
