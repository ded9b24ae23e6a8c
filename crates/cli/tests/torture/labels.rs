//! Killed at every labelled step, once each. The command must have been built with the feature `failpoints`.

use std::os::unix::process::ExitStatusExt;

use super::scene::{LONG, Scene, Work};

/// Where a run dies, and at which passes of it: in the plan, in submitting, in receiving, in entering, in exporting.
const LABELS: &[(&str, &[u64])] = &[
    ("plan.created", &[1]),
    ("plan.batches", &[1, 2]),
    ("plan.finish", &[1]),
    ("plan.finished", &[1]),
    ("submit.claim", &[1, 5]),
    ("submit.claimed", &[1, 5]),
    ("submit.sent", &[1, 5]),
    ("submit.ended", &[1, 5]),
    ("receive.append", &[1, 30]),
    ("receive.appended", &[1, 30]),
    ("fold.entered", &[1, 3]),
    ("fold.commit", &[1, 3]),
    ("fold.folded", &[1, 3]),
    ("fold.idle", &[1]),
    ("export.page", &[1, 2]),
    ("export.sync", &[1]),
    ("export.rename", &[1]),
    ("export.renamed", &[1]),
];

/// What it passes only when something is to be settled by a query: the batch that was being sent when an earlier process died.
const AFTER_A_DEATH: &[&str] = &[
    "reconcile.gave_up",
    "reconcile.ask",
    "reconcile.asked",
    "reconcile.plan_again",
    "reconcile.planned_again",
];

#[test]
fn a_run_that_dies_at_any_labelled_step_pays_once_loses_nothing_and_exports_the_same_bytes() {
    let deaths: Vec<(&str, u64, bool)> = LABELS
        .iter()
        .flat_map(|(label, passes)| passes.iter().map(|pass| (*label, *pass, false)))
        .chain(AFTER_A_DEATH.iter().map(|label| (*label, 1, true)))
        .collect();
    let next = std::sync::atomic::AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while let Some(death) = deaths.get(next.fetch_add(1, std::sync::atomic::Ordering::SeqCst)) {
                    die(*death);
                }
            });
        }
    });
}

fn die((label, pass, after_a_death): (&str, u64, bool)) {
    let scene = Scene::new(&Work::new(LONG, "push"));
    let dies_at = |label: &str, pass: u64| {
        let ended = scene.run().env("NUMCHECK_DIE_AT", format!("{label}:{pass}")).run();
        let signal = ended.status.signal();
        assert_eq!(signal, Some(6), "it never came to {label}, pass {pass}: {}", ended.stderr);
    };
    if after_a_death {
        // Never sent: what can be proved.
        dies_at("submit.claimed", 2);
    }
    dies_at(label, pass);
    scene.check(scene.run().run());
}
