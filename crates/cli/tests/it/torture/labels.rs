//! Killed at every labelled step, once each. The command must have been built with the feature `failpoints`.

use std::os::unix::process::ExitStatusExt;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::judge::was_turned_away;
use super::scene::Scene;
use super::seat::SEATS;
use super::stores::Store;
use super::work::{LONG, Work};

/// Where a run dies, and at which passes of it: in the plan, in submitting, in receiving, in entering, in exporting; and before and
/// after a commit of whatever.
const LABELS: &[(&str, &[u64])] = &[
    ("plan.created", &[1]),
    ("plan.batches", &[1, 2]),
    ("plan.finish", &[1]),
    ("plan.finished", &[1]),
    ("submit.claim", &[1, 5]),
    ("submit.claimed", &[1, 5]),
    ("submit.confirm", &[1, 5]),
    ("submit.confirmed", &[1, 5]),
    ("submit.sent", &[1, 5]),
    ("submit.ended", &[1, 5]),
    ("receive.append", &[1, 30]),
    ("receive.appended", &[1, 30]),
    ("fold.entered", &[1, 3]),
    ("fold.folded", &[1, 3]),
    ("fold.idle", &[1]),
    ("store.commit", &[2, 12, 45]),
    ("store.committed", &[2, 12, 45]),
    ("export.page", &[1, 2]),
    ("export.sync", &[1]),
    ("export.rename", &[1]),
    ("export.renamed", &[1]),
];

/// What it passes only when something is to be settled by a query: the batch that was being sent when an earlier process died. The later
/// ones need a control.
const AFTER_A_DEATH: &[&str] = &[
    "reconcile.gave_up",
    "reconcile.ask",
    "reconcile.asked",
    "reconcile.prove",
    "reconcile.plan_again",
    "reconcile.planned_again",
];

#[test]
fn a_run_that_dies_at_any_labelled_step_pays_once_loses_nothing_and_exports_the_same_bytes() {
    let stores = Store::all();
    let deaths: Vec<(&Store, &str, u64, bool)> = stores
        .iter()
        .flat_map(|store| {
            let passes =
                LABELS.iter().flat_map(|(label, passes)| passes.iter().map(move |pass| (*label, *pass)));
            let first = passes.map(move |(label, pass)| (store, label, pass, false));
            first.chain(AFTER_A_DEATH.iter().map(move |label| (store, *label, 1, true)))
        })
        .collect();
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..SEATS {
            scope.spawn(|| {
                while let Some(death) = deaths.get(next.fetch_add(1, Ordering::SeqCst)) {
                    die(*death);
                }
            });
        }
    });
}

fn die((store, label, pass, after_a_death): (&Store, &str, u64, bool)) {
    // More than a page of rows where pages are read.
    let variant = if label.starts_with("export") { LONG } else { 0 };
    let scene = Scene::new(store, &Work::new(variant, "push"));
    let dies_at = |label: &str, pass: u64| {
        let ended = scene.run().env("NUMCHECK_DIE_AT", format!("{label}:{pass}")).run();
        if was_turned_away(&ended) {
            eprintln!("torture: {store:?} did not come to {label}, pass {pass}: the machine stood still");
            return false;
        }
        let signal = ended.status.signal();
        assert_eq!(signal, Some(6), "{store:?} never came to {label}, pass {pass}: {}", ended.stderr);
        true
    };
    // Confirmed and never sent: what can be proved.
    let mut has_died = !after_a_death || dies_at("submit.confirmed", 2);
    if after_a_death && !["reconcile.gave_up", "reconcile.ask", "reconcile.asked"].contains(&label) {
        scene.control(&scene.place);
    }
    has_died = has_died && dies_at(label, pass);
    let verdict = scene.check(scene.run().run());
    assert_eq!(verdict.decided, 0, "{store:?} {label}: a person had to decide");
    // What others of its eight requests were about to send when it died may have to be settled too.
    let is_unsent = after_a_death || label == "submit.confirmed";
    assert!(verdict.again > 0 || !(has_died && is_unsent), "{store:?} {label}");
}
