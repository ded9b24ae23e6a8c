//! Worlds on a store in a file.

use numcheck_bulk::conformance::reader::reader;
use std::path::PathBuf;
use std::sync::Arc;

use numcheck_bulk::{Sqlite, Store};
use proptest::prelude::*;
use proptest::strategy::ValueTree;

use crate::model::cases;
use crate::model::scenario::{Scenario, honest, lying};
use crate::model::stepped::Place;
use crate::model::world::{self, End};

struct File(PathBuf);

impl Place for File {
    fn open(&self) -> Arc<dyn Store> {
        Arc::new(Sqlite::open(&self.0, reader()).unwrap())
    }
}

pub(crate) fn run(scenario: &Scenario) -> End {
    // In memory where that can be had: what is durable is proved elsewhere, and a world should take milliseconds.
    let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    world::run(scenario, Arc::new(File(folder.path().join("jobs.db"))))
}

proptest! {
    #![proptest_config(cases(40))]

    #[test]
    fn nothing_is_paid_for_twice_nothing_is_lost_and_the_ledgers_agree(scenario in honest()) {
        let end = run(&scenario);
        prop_assert!(end.broken.is_empty(), "{}", end);
    }

}

proptest! {
    #![proptest_config(cases(12))]

    /// A platform that accepts what it had proved not to know, and sends results of nothing. Money may be lost then; results are not.
    #[test]
    fn nothing_is_lost_even_where_the_platform_s_proofs_are_wrong(scenario in lying()) {
        let end = run(&scenario);
        prop_assert!(end.broken.is_empty(), "{}", end);
    }
}

#[test]
fn a_scenario_runs_the_same_way_every_time() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut lines = 0;
    for _ in 0..5 {
        let scenario = honest().new_tree(&mut runner).unwrap().current();
        let (one, other) = (run(&scenario), run(&scenario));
        assert_eq!(one.log, other.log);
        lines += one.log.len();
    }
    assert!(lines > 20, "{lines}");
}
