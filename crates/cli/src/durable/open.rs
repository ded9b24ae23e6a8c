//! Which store: the file or the database that the user named, or the usual file.
//!
//! It must not show a database's URL: it holds a password.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use numcheck_bulk::{Job, JobName, Pace, Postgres, Sqlite, Store, StoreError, SystemClock};
use numcheck_protocol::{Info, Rate};
use numcheck_transport::env;

use crate::account::AccountId;
use crate::exit::Failure;
use crate::print;

/// Where jobs live.
#[derive(Clone, Args)]
pub(crate) struct StoreAt {
    /// The store: a file, or postgres://USER@HOST/DATABASE for several machines. The usual one is numcheck/jobs.db in the user's data
    /// folder. An address with a password belongs into NUMCHECK_STORE, or the file that NUMCHECK_STORE_FILE names.
    #[arg(long = "store", env = "NUMCHECK_STORE", hide_env_values = true, value_name = "FILE|URL")]
    place: Option<String>,
}

impl std::fmt::Debug for StoreAt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StoreAt(***)")
    }
}

enum Place {
    File(PathBuf),
    Server(String),
}

impl StoreAt {
    /// Opens it when it is there; makes no file.
    pub(crate) async fn open_existing(&self) -> Result<Option<Arc<dyn Store>>, Failure> {
        match self.place()? {
            Place::File(path) if path.exists() => file(&path).map(Some),
            Place::File(_) => Ok(None),
            Place::Server(address) => server(&address).await.map(Some),
        }
    }

    /// Opens it, or makes it.
    pub(crate) async fn open(&self) -> Result<Arc<dyn Store>, Failure> {
        let path = match self.place()? {
            Place::Server(address) => return server(&address).await,
            Place::File(path) => path,
        };
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder).map_err(|error| {
                Failure::new(format!("the folder {} cannot be made", folder.display())).because(error)
            })?;
        }
        file(&path)
    }

    /// The pace that a single call keeps together with the jobs in the store; `None` where there is no store. One that cannot be used is
    /// said and holds nothing up.
    pub(crate) async fn pace_beside_jobs(&self, info: &Info) -> Result<Option<Pace<dyn Store>>, Failure> {
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

    fn place(&self) -> Result<Place, Failure> {
        let place = match &self.place {
            Some(place) => Some(place.clone()),
            None => env::secret("NUMCHECK_STORE").map_err(Failure::setting)?,
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
    let opened = Postgres::open(address).await;
    Ok(Arc::new(
        opened.map_err(|error| Failure::new("the store on the server cannot be used").because(error))?,
    ))
}

/// The store in a file.
pub(crate) fn file(path: &Path) -> Result<Arc<dyn Store>, Failure> {
    let cannot = |error: StoreError| {
        Failure::new(format!("the store {} cannot be used", path.display())).because(error)
    };
    Ok(Arc::new(Sqlite::open(path).map_err(cannot)?))
}

fn usual() -> Result<PathBuf, Failure> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let data = absolute("XDG_DATA_HOME").or_else(|| absolute("HOME").map(|home| home.join(".local/share")));
    data.map(|data| data.join("numcheck/jobs.db"))
        .ok_or_else(|| Failure::usage("there is no home folder to keep jobs in: name a file by --store"))
}

/// The pace of an endpoint, which all who use the store for the same account keep together.
pub(super) fn pace(store: &Arc<dyn Store>, info: &Info, account: &str, rates: Vec<Rate>) -> Pace<dyn Store> {
    Pace::new(Arc::clone(store), Arc::new(SystemClock), format!("{} {account}", info.id), rates)
}

/// The job of that name.
pub(crate) async fn job_of(store: &dyn Store, name: &JobName) -> Result<Job, Failure> {
    let found = store.job(name).await.map_err(Failure::of)?;
    found.ok_or_else(|| {
        Failure::usage(format!("there is no job {name} in this store: `numcheck jobs` lists them"))
    })
}
