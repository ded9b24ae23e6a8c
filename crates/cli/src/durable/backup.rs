//! Backups of a store, and what a restored one is kept from.

use std::path::Path;

use numcheck_bulk::{Sqlite, Store, SystemWallClock, WallClock as _};

use super::open::{Place, StoreAt, existing, make_folder, reading};
use crate::exit::Failure;
use crate::print;

impl StoreAt {
    /// Copies the store to a new file.
    pub(crate) async fn back_up(&self, to: &Path) -> Result<(), Failure> {
        let Place::File(path) = self.place()? else {
            return Err(Failure::usage(
                "a store on PostgreSQL is copied by `pg_dump -n numcheck`: backup copies one in a file",
            ));
        };
        let is_there = || Failure::usage(format!("{} is there already: name another file", to.display()));
        if to.symlink_metadata().is_ok() {
            return Err(is_there());
        }
        let (store, made_ms) = (existing(&path)?, SystemWallClock.now_ms());
        let made = store.back_up(to, made_ms).await.map_err(|error| {
            Failure::new(format!("{} cannot be written; there is no backup", to.display())).because(error)
        })?;
        if !made {
            return Err(is_there());
        }
        print::say(&format!(
            "numcheck: {} is a backup of {}, of {}",
            to.display(),
            path.display(),
            print::rfc3339(made_ms)
        ));
        Ok(())
    }

    /// Makes the store of a backup.
    pub(crate) async fn restore(&self, backup: &Path) -> Result<(), Failure> {
        let Place::File(path) = self.place()? else {
            return Err(Failure::usage(
                "a store on PostgreSQL is restored by psql, and marked as docs/operate says: restore makes one in a file",
            ));
        };
        let is_there = || {
            Failure::usage(format!(
                "there is a store at {}: end what uses it, and move it away with its side files (-wal, -shm); nothing was changed",
                path.display()
            ))
        };
        if path.symlink_metadata().is_ok() {
            return Err(is_there());
        }
        make_folder(&path)?;
        let made = Sqlite::restore(backup, &path, &reading()).map_err(|error| {
            let text =
                format!("{} cannot be restored to {}; nothing was changed", backup.display(), path.display());
            Failure::usage(text).because(error)
        })?;
        if !made {
            return Err(is_there());
        }
        let store = existing(&path)?;
        let made_ms = store.copied_ms().await.map_err(Failure::of)?.unwrap_or_default();
        print::say(&format!(
            "numcheck: {} is the store of {}: it takes results in, reconciles and exports, and sends nothing before `numcheck restore --accept-gap`, because \
             what was submitted since would be paid for twice",
            path.display(),
            print::rfc3339(made_ms)
        ));
        Ok(())
    }

    /// Lets a restored store be paid from.
    pub(crate) async fn accept_gap(&self) -> Result<(), Failure> {
        let store = self.open_existing_or_fail().await?;
        let Some(made_ms) = store.copied_ms().await.map_err(Failure::of)? else {
            print::say(
                "numcheck: this store is no restored one, or its gap was accepted before: nothing was changed",
            );
            return Ok(());
        };
        store.adopt().await.map_err(Failure::of)?;
        print::say(&format!(
            "numcheck: from now on this store is paid from; what was submitted after {} is not in its book",
            print::rfc3339(made_ms)
        ));
        Ok(())
    }
}

/// Refuses a restored store, before anything is asked or planned.
pub(super) async fn check_may_pay(store: &dyn Store) -> Result<(), Failure> {
    let Some(made_ms) = store.copied_ms().await.map_err(Failure::of)? else { return Ok(()) };
    Err(Failure::usage(format!(
        "this store was restored from a backup of {}, and does not know what was submitted since: that would be paid for twice. `numcheck receive`, \
         `reconcile` and `export` work; `numcheck restore --accept-gap` lets it be paid from; nothing was sent",
        print::rfc3339(made_ms)
    )))
}
