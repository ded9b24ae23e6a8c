//! Worlds on a server: the same ones, and fewer.

use numcheck_bulk::conformance::reader::reader;
use std::sync::Arc;

use numcheck_bulk::{Postgres, Store};
use proptest::prelude::*;
use proptest::test_runner::{TestCaseError, TestError, TestRunner};
use tokio::runtime::{Handle, Runtime};

use crate::model::scenario::{Scenario, honest, lying};
use crate::model::stepped::{Place, block_on};
use crate::model::{cases, world};
use numcheck_testing::postgres::Cluster;

struct Database {
    url: String,
    /// Connections live here; the worlds' own runtime has no time but its own.
    handle: Handle,
}

impl Place for Database {
    fn open(&self) -> Arc<dyn Store> {
        Arc::new(
            block_on(Some(&self.handle), Postgres::open(&self.url, reader())).unwrap().by_the_callers_clock(),
        )
    }

    fn runtime(&self) -> Option<Handle> {
        Some(self.handle.clone())
    }
}

fn run_all(database: &str, scenarios: impl Strategy<Value = Scenario>) {
    let Some(cluster) = Cluster::shared() else { return };
    let runtime = Runtime::new().unwrap();
    let url = runtime.block_on(cluster.database(database));
    let place: Arc<dyn Place> = Arc::new(Database { url, handle: runtime.handle().clone() });
    let run = |scenario: Scenario| {
        runtime.block_on(cluster.admin(database, "DROP SCHEMA IF EXISTS numcheck CASCADE"));
        let end = world::run(&scenario, Arc::clone(&place));
        if end.broken.is_empty() { Ok(()) } else { Err(TestCaseError::fail(end.to_string())) }
    };
    match TestRunner::new(cases(8)).run(&scenarios, run) {
        Ok(()) => {}
        Err(TestError::Fail(why, scenario)) => panic!("{why}\n{scenario:?}"),
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn nothing_is_paid_for_twice_nothing_is_lost_and_the_ledgers_agree_on_a_server() {
    run_all("honest", honest());
}

#[test]
fn nothing_is_lost_even_where_the_platform_s_proofs_are_wrong_on_a_server() {
    run_all("lying", lying());
}
