//! Writes that fail, and a server that dies: no 200 for what is not stored, a clean end, and the next run goes on.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::resume::{paste, printed};
use super::scene::Scene;
use super::stores::Store;
use super::work::{MINUTE, Random, SMALL, Work};
use crate::support::{Ended, rows};
use numcheck_testing::postgres::Cluster;

/// A run that could not do all it should has said why in a line, and has ended by itself.
#[track_caller]
fn ends_cleanly(ended: &Ended) {
    let code = ended.status.code();
    assert!(matches!(code, Some(0 | 1 | 3)), "{:?}: {}", ended.status, ended.stderr);
    assert!(code != Some(1) || ended.stderr.contains("numcheck: "), "{}", ended.stderr);
}

/// Every push that was answered with 200 is in the store, as it is before any other process goes on.
fn what_was_acknowledged_is_stored(scene: &Scene) -> usize {
    let journal = scene.page("journal.json");
    let entries = journal["entries"].as_array().unwrap();
    let first = entries.last().map(|entry| entry["sequence"].clone());
    assert!(first.is_none_or(|sequence| sequence.as_u64() <= Some(1)), "the journal shows only its end");
    let pushes = entries.iter().filter(|entry| entry["kind"] == "push" && entry["answer"] == "Status(200)");
    let acknowledged: BTreeSet<&str> = pushes.map(|push| push["message_id"].as_str().unwrap()).collect();
    let jobs = scene.jobs(&scene.place);
    let stored: BTreeSet<String> = jobs.first().map_or_else(BTreeSet::new, |job| {
        let ended = scene.numcheck(&["export", job]).run();
        assert!(matches!(ended.status.code(), Some(0 | 3)), "{}", ended.stderr);
        rows(&ended.stdout).iter().map(|row| row["check_message_id"].clone()).collect()
    });
    let lost: Vec<_> = acknowledged.iter().filter(|id| !stored.contains(**id)).collect();
    assert!(lost.is_empty(), "answered with 200 and not stored: {lost:?}");
    acknowledged.len()
}

#[test]
fn whichever_write_fails_nothing_is_acknowledged_that_is_not_stored_and_the_next_run_goes_on() {
    // One after the other: a page of the journal is a little more than 8 blocks, so that every one of the first writes fails at some limit.
    let limits: Vec<u32> = (0..14).map(|at| 40 + at * at * 8).collect();
    let next = std::sync::atomic::AtomicUsize::new(0);
    let (failed, stored) = (std::sync::atomic::AtomicUsize::new(0), std::sync::atomic::AtomicUsize::new(0));
    let order = std::sync::atomic::Ordering::SeqCst;
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some(blocks) = limits.get(next.fetch_add(1, order)) {
                    let scene = Scene::new(&Store::Sqlite, &Work::new(SMALL, "push"));
                    let ended = scene.run().with_files_up_to(*blocks).run();
                    ends_cleanly(&ended);
                    failed.fetch_add(usize::from(ended.status.code() != Some(scene.reference.exit)), order);
                    stored.fetch_add(what_was_acknowledged_is_stored(&scene), order);
                    scene.check(scene.run().run());
                }
            });
        }
    });
    let (failed, stored) = (failed.into_inner(), stored.into_inner());
    eprintln!(
        "torture: {failed} of {} limits let a write fail; {stored} results were acknowledged",
        limits.len()
    );
    assert!(failed > 3 && failed < limits.len() && stored > 0, "{failed} failed, {stored} were acknowledged");
}

#[test]
fn a_server_that_dies_in_the_middle_of_a_run_loses_nothing_and_nothing_is_paid_twice() {
    let Some(cluster) = Cluster::start(&[]) else { return };
    let cluster = Arc::new(cluster);
    let store = Store::Postgres(Arc::clone(&cluster));
    let mut random = Random::new(super::kills::seed());
    for (variant, delivery) in [(0, "push"), (3, "both"), (SMALL, "push")] {
        let scene = Scene::new(&store, &Work::new(variant, delivery));
        let run = scene.run().start();
        for _ in 0..2 {
            // why-sleep: a moment at which it dies.
            std::thread::sleep(Duration::from_millis(50 + random.below(500)));
            // As by a power cut.
            cluster.stop("immediate");
            cluster.run();
        }
        let mut ended = run.end();
        ends_cleanly(&ended);
        if variant == SMALL {
            what_was_acknowledged_is_stored(&scene);
        }
        if ended.status.code() == Some(1) {
            ended = scene.run().run();
        }
        scene.check(ended);
    }
}

#[test]
fn a_run_whose_server_does_not_come_back_says_how_to_go_on_and_that_goes_on() {
    let Some(cluster) = Cluster::start(&[]) else { return };
    let cluster = Arc::new(cluster);
    // Nothing that only a push can bring: however slow the machine is, the platform may have given up pushing by then.
    let work = Work { delay: "2s", queried: true, ..Work::new(3, "push") };
    let scene = Scene::quiet(&Store::Postgres(Arc::clone(&cluster)), &work);
    let run = scene.run().dir(scene.dir.path()).start();
    scene.wait_until_all_are_accepted();
    cluster.stop("immediate");
    let ended = run.end().exits(1);
    ends_cleanly(&ended);
    assert!(!scene.path("out.csv").exists());
    cluster.run();
    let line = printed(&ended);
    let ended = paste(&scene, line).env("NUMCHECK_STORE", &scene.place).env("NUMCHECK_MINUTE", MINUTE).run();
    assert_eq!(scene.check(ended).again, 0, "{line}");
}
