//! What every store must do.

use numcheck_bulk::conformance::reader::reader;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use numcheck_bulk::Postgres;

use crate::postgres::conformance::Place;
use numcheck_testing::postgres::Cluster;

/// A database of its own, on the server that all tests share.
struct Database {
    url: String,
    _cluster: Arc<Cluster>,
}

impl Database {
    async fn new() -> Option<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let cluster = Cluster::shared()?;
        let url = cluster.database(&format!("suite_{}", NEXT.fetch_add(1, Ordering::Relaxed))).await;
        Some(Self { url, _cluster: cluster })
    }
}

impl Place for Database {
    type Store = Postgres;

    async fn open(&self) -> Arc<Postgres> {
        Arc::new(Postgres::open(&self.url, reader()).await.unwrap().by_the_callers_clock())
    }
}

crate::postgres::conformance!(match Database::new().await {
    Some(database) => database,
    None => return,
});
