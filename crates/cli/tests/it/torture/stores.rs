//! The stores that everything is proved on: a file, and a real PostgreSQL.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use numcheck_testing::postgres::Cluster;

/// Where a scene keeps its jobs.
#[derive(Clone)]
pub(crate) enum Store {
    Sqlite,
    Postgres(Arc<Cluster>),
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl Store {
    /// Both; or the one that `NUMCHECK_TORTURE_STORE` names. Without PostgreSQL it is the file alone, and that is said loudly; with
    /// `NUMCHECK_REQUIRE_POSTGRES=1` it is a failure.
    pub(crate) fn all() -> Vec<Self> {
        let wanted = std::env::var("NUMCHECK_TORTURE_STORE").ok();
        let is_wanted = |name| wanted.as_deref().is_none_or(|wanted| wanted == name);
        let mut stores = Vec::new();
        if is_wanted("sqlite") {
            stores.push(Self::Sqlite);
        }
        if is_wanted("postgres") {
            stores.extend(Cluster::shared().map(Self::Postgres));
        }
        assert!(!stores.is_empty(), "NUMCHECK_TORTURE_STORE={}: no such store here", wanted.unwrap());
        stores
    }

    /// Does the same on all of them, at the same time.
    pub(crate) fn on_each(test: impl Fn(&Self) + Sync) {
        std::thread::scope(|scope| {
            let tests: Vec<_> =
                Self::all().into_iter().map(|store| scope.spawn(|| test(&{ store }))).collect();
            for test in tests {
                test.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            }
        });
    }

    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres(_) => "postgres",
        }
    }

    /// What `NUMCHECK_STORE` is to be: a new, empty one.
    pub(crate) fn place(&self, dir: &Path) -> String {
        static SCENES: AtomicU32 = AtomicU32::new(0);
        match self {
            Self::Sqlite => dir.join("jobs.db").into_os_string().into_string().unwrap(),
            Self::Postgres(cluster) => {
                let name = format!("scene_{}", SCENES.fetch_add(1, Ordering::SeqCst));
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                runtime.block_on(cluster.database(&name))
            }
        }
    }
}
