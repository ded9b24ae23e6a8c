//! Which store: the file or the database that the user named, or the usual file. The URL of a database holds a password and is never shown.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use clap::Args;
use numcheck_bulk::store::reading::SharedReader;
use numcheck_bulk::{Postgres, SharedPace, Sqlite, Store, StoreError, SystemWallClock, Upgrade};
use numcheck_job::Readers;
use numcheck_protocol::{Info, Rate};

use super::backup::check_may_pay;
use crate::account::AccountId;
use crate::exit::Failure;
use crate::{config, print, secrets};

/// Where jobs live.
#[derive(Clone, Args)]
pub(crate) struct StoreAt {
    /// The store: a file, or postgres://USER@HOST/DATABASE for several machines, where each command that pays or receives takes 6 connections, and
    /// a pooler in between pools by session. The usual one is numcheck/jobs.db in the user's data
    /// folder. An address with a password belongs into NUMCHECK_STORE, or the file that NUMCHECK_STORE_FILE names.
    #[arg(long = "store", env = "NUMCHECK_STORE", hide_env_values = true, value_name = "FILE|URL")]
    place: Option<String>,
}

impl std::fmt::Debug for StoreAt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StoreAt(***)")
    }
}

/// Where a store is, without its address.
pub(crate) enum Location {
    /// A file.
    File(PathBuf),
    /// A server.
    Server,
}

pub(super) enum Place {
    File(PathBuf),
    Server(String),
}

impl StoreAt {
    /// Opens it when it is there; makes no file.
    pub(crate) async fn open_existing(&self) -> Result<Option<Arc<dyn Store>>, Failure> {
        match self.place()? {
            Place::File(path) if path.symlink_metadata().is_ok() => Ok(Some(existing(&path)?)),
            Place::File(_) => Ok(None),
            Place::Server(address) => server(&address).await.map(Some),
        }
    }

    /// Opens it; fails where there is none. For verbs that only read, or go on.
    pub(crate) async fn open_existing_or_fail(&self) -> Result<Arc<dyn Store>, Failure> {
        match self.place()? {
            Place::File(path) => Ok(existing(&path)?),
            Place::Server(address) => server(&address).await,
        }
    }

    /// The same for a verb that pays: what it may need of a server is there.
    pub(crate) async fn open_existing_to_pay(&self) -> Result<Arc<dyn Store>, Failure> {
        let store: Arc<dyn Store> = match self.place()? {
            Place::File(path) => existing(&path)? as Arc<dyn Store>,
            Place::Server(address) => Arc::new(reserved(&address).await?),
        };
        check_may_pay(&*store).await?;
        Ok(store)
    }

    /// The same for a verb that pays.
    pub(crate) async fn open_or_create_to_pay(&self) -> Result<Arc<dyn Store>, Failure> {
        let store = self.open_or_create().await?;
        check_may_pay(&*store).await?;
        Ok(store)
    }

    /// Opens it, or makes it, and says which one it is. What is paid for is remembered per store.
    pub(crate) async fn open_or_create(&self) -> Result<Arc<dyn Store>, Failure> {
        let path = match self.place()? {
            Place::Server(address) => {
                let store = reserved(&address).await?;
                let new = if store.is_new() { ", which is new" } else { "" };
                print::say(&format!("numcheck: using the store in {}{new}", store.location()));
                return Ok(Arc::new(store));
            }
            Place::File(path) => path,
        };
        make_folder(&path)?;
        let opened = Sqlite::open_or_create(&path, reading(), &mut say_upgrade);
        let (store, is_new) = opened.map_err(|error| cannot_be_used(&path, error))?;
        let new = if is_new { ", which is new" } else { "" };
        print::say(&format!("numcheck: using the store {}{new}", path.display()));
        if is_new
            && let Ok(usual) = usual()
            && usual != path
            && usual.exists()
        {
            print::say(&format!(
                "numcheck: note: there is a store at {} as well; what that one knows to be paid for, this one does not know",
                usual.display()
            ));
        }
        warn_exposed(&path);
        Ok(Arc::new(store))
    }

    /// The pace that a single call keeps together with the jobs in the store; `None` where there is no store. One that cannot be used is
    /// said and holds nothing up.
    pub(crate) async fn pace_beside_jobs(
        &self,
        info: &Info,
    ) -> Result<Option<SharedPace<dyn Store>>, Failure> {
        match self.open_existing().await {
            Ok(None) => Ok(None),
            Ok(Some(store)) => {
                Ok(Some(pace(&store, info, &AccountId::nxcloud()?.fingerprint, info.rates.to_vec())))
            }
            Err(error) => {
                print::say(
                    "numcheck: note: the platform's limits are kept without regard to other processes, because:",
                );
                print::complain(&error);
                Ok(None)
            }
        }
    }

    /// Waits for the turn of a single call that submits so many numbers.
    pub(crate) async fn take_turn(&self, info: &Info, numbers: u64) -> Result<(), Failure> {
        let Some(pace) = self.pace_beside_jobs(info).await? else { return Ok(()) };
        let turn = pace.turn(numbers).await;
        turn.map_err(|error| Failure::new("the store gives no turn; nothing was sent").because(error))
    }

    /// Where it is.
    pub(crate) fn location(&self) -> Result<Location, Failure> {
        Ok(match self.place()? {
            Place::File(path) => Location::File(path),
            Place::Server(_) => Location::Server,
        })
    }

    pub(super) fn place(&self) -> Result<Place, Failure> {
        let place = match &self.place {
            Some(place) => Some(place.clone()),
            None => config::env().secret("NUMCHECK_STORE").map_err(Failure::setting)?,
        };
        match place {
            Some(place) if place.starts_with("postgres://") || place.starts_with("postgresql://") => {
                Ok(Place::Server(place))
            }
            Some(place) if place.contains("://") => {
                Err(Failure::usage("--store: name a file, or write postgres://USER@HOST/DATABASE"))
            }
            Some(place) => Ok(Place::File(PathBuf::from(place))),
            None => usual().map(Place::File),
        }
    }
}

async fn server(address: &str) -> Result<Arc<dyn Store>, Failure> {
    Ok(Arc::new(connect(address).await?))
}

async fn connect(address: &str) -> Result<Postgres, Failure> {
    Postgres::open(address, reading()).await.map_err(no_server)
}

/// With all connections that a command may need.
async fn reserved(address: &str) -> Result<Postgres, Failure> {
    let store = connect(address).await?;
    store.reserve().await.map_err(no_server)?;
    Ok(store)
}

fn no_server(error: StoreError) -> Failure {
    Failure::new("the store on the server cannot be used; nothing was sent").because(error)
}

/// A new store in a file of this command's own.
pub(crate) fn file(path: &Path) -> Result<Arc<dyn Store>, Failure> {
    Ok(Arc::new(Sqlite::open(path, reading()).map_err(|error| cannot_be_used(path, error))?))
}

/// Makes the folder of a store that is to be made.
pub(super) fn make_folder(path: &Path) -> Result<(), Failure> {
    let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) else { return Ok(()) };
    std::fs::create_dir_all(folder).map_err(|error| {
        Failure::new(format!("the folder {} cannot be made", folder.display())).because(error)
    })
}

pub(super) fn existing(path: &Path) -> Result<Arc<Sqlite>, Failure> {
    let store = existing_file(path)?;
    warn_exposed(path);
    Ok(Arc::new(store))
}

/// The store in a file that exists.
pub(crate) fn existing_file(path: &Path) -> Result<Sqlite, Failure> {
    Sqlite::open_existing(path, reading(), &mut say_upgrade).map_err(|error| cannot_be_used(path, error))
}

fn cannot_be_used(path: &Path, error: StoreError) -> Failure {
    let text = format!("the store {} cannot be used; nothing was sent", path.display());
    match error {
        StoreError::Missing { .. } => {
            Failure::usage(format!("there is no store at {}: `numcheck run` makes one", path.display()))
        }
        StoreError::Database { .. } => Failure::new(text).because(error),
        _ => Failure::usage(text).because(error),
    }
}

fn say_upgrade(upgrade: Upgrade) {
    match upgrade {
        Upgrade::Unproven => print::say(
            "numcheck: note: the store of an older release has no side file beside it; if it was copied while it was open, it lacks the latest results",
        ),
        Upgrade::BackingUp { done, total } => {
            // It comes for every 4 MiB.
            static TOLD: AtomicU64 = AtomicU64::new(0);
            let tenths = done.saturating_mul(10) / total.max(1);
            if TOLD.swap(tenths, Ordering::Relaxed) != tenths {
                print::say(&format!(
                    "numcheck: copying the store before it is brought up to date: {tenths}0 %"
                ));
            }
        }
        Upgrade::BackedUp(path) => {
            print::say(&format!(
                "numcheck: bringing the store up to date; a backup of it is {}",
                path.display()
            ));
        }
        Upgrade::Changing { version, last, .. } => {
            print::say(&format!("numcheck: bringing the store up to date: version {version} of {last}"));
        }
        Upgrade::Done => print::say("numcheck: the store is up to date"),
        _ => {}
    }
}

fn warn_exposed(path: &Path) {
    for exposed in Sqlite::exposed_files(path) {
        print::say(&format!(
            "numcheck: other users can read {}, which holds phone numbers: chmod 600 {}",
            exposed.display(),
            exposed.display()
        ));
    }
}

fn usual() -> Result<PathBuf, Failure> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let data = absolute("XDG_DATA_HOME").or_else(|| absolute("HOME").map(|home| home.join(".local/share")));
    data.map(|data| data.join("numcheck/jobs.db"))
        .ok_or_else(|| Failure::usage("there is no home folder to keep jobs in: name a file by --store"))
}

/// The pace of an endpoint, which all who use the store for the same account keep together.
pub(super) fn pace(
    store: &Arc<dyn Store>,
    info: &Info,
    account: &str,
    rates: Vec<Rate>,
) -> SharedPace<dyn Store> {
    SharedPace::new(Arc::clone(store), Arc::new(SystemWallClock), format!("{} {account}", info.id), rates)
}

/// How results are read: no secret is told.
pub(super) fn reading() -> SharedReader {
    Arc::new(Readers::hiding(secrets::known()))
}
