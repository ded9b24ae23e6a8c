//! Runs a private PostgreSQL server from the installed programs, in a temporary folder, reached by a socket in it.
//!
//! Listens on no port unless a test asks for one, and touches no other server of the machine.

use std::ffi::OsStr;
use std::io::Write;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tempfile::TempDir;

/// Set where PostgreSQL must be there: then its absence is a failure.
pub const REQUIRE: &str = "NUMCHECK_REQUIRE_POSTGRES";
/// The server asks for it, and an address must encode it: `p@ss/w?rd#%`.
pub const PASSWORD: &str = "p@ss/w?rd#%";
/// [`PASSWORD`] as an address has it.
pub const ENCODED: &str = "p%40ss%2Fw%3Frd%23%25";
const USER: &str = "numcheck";

/// A server that runs until it is dropped.
#[derive(Debug)]
pub struct Cluster {
    dir: TempDir,
    programs: PathBuf,
    /// The user as whom the server runs, when this process may not run it itself.
    owner: Option<(u32, u32)>,
    settings: Vec<String>,
    port: Option<u16>,
}

impl Cluster {
    /// A new server with `settings`, each `name=value`. `None`, and loud, when PostgreSQL is not installed and is not required.
    pub fn start(settings: &[&str]) -> Option<Self> {
        Self::make(settings, None, |_| {})
    }

    /// A server that tests share: the first one starts it, the last one stops it.
    pub fn shared() -> Option<Arc<Self>> {
        static SHARED: Mutex<Weak<Cluster>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(cluster) = shared.upgrade() {
            return Some(cluster);
        }
        let cluster = Arc::new(Self::start(&[])?);
        *shared = Arc::downgrade(&cluster);
        Some(cluster)
    }

    /// The same, also on a port of loopback; `prepare` may put files into the folder of its data.
    pub fn start_on_a_port(settings: &[&str], prepare: impl FnOnce(&Path)) -> Option<Self> {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        Self::make(settings, Some(port), prepare)
    }

    fn make(settings: &[&str], port: Option<u16>, prepare: impl FnOnce(&Path)) -> Option<Self> {
        let Some(programs) = programs() else {
            let missing = "PostgreSQL is not installed: no `initdb` in PATH or in /usr/lib/postgresql/*/bin";
            assert!(
                std::env::var_os(REQUIRE).is_none_or(|value| value != "1"),
                "{missing}, and {REQUIRE} is 1"
            );
            // Not by the macro: what that prints is kept from whoever runs the tests.
            let loud = format!("SKIPPED, NOTHING WAS TESTED: {missing}; {REQUIRE}=1 makes this a failure\n");
            std::io::stderr().write_all(loud.as_bytes()).unwrap();
            return None;
        };
        let dir = tempfile::Builder::new().prefix("numcheck-pg-").tempdir().unwrap();
        let owner = unprivileged();
        if let Some((user, group)) = owner {
            chown(dir.path(), Some(user), Some(group)).unwrap();
        }
        let mut cluster = Self { dir, programs, owner, settings: Vec::new(), port };
        let password = cluster.dir.path().join("password");
        std::fs::write(&password, PASSWORD).unwrap();
        cluster.give(&password);
        let data = cluster.data();
        let args = [
            "--username",
            USER,
            "--auth",
            "scram-sha-256",
            "--encoding",
            "UTF8",
            "--locale",
            "C",
            "--no-sync",
        ];
        let mut initdb = cluster.command("initdb");
        cluster.succeed(initdb.args(args).arg("--pwfile").arg(&password).arg("--pgdata").arg(&data));
        prepare(&data);
        for file in std::fs::read_dir(&data).unwrap() {
            cluster.give(&file.unwrap().path());
        }
        let socket = cluster.dir.path().to_str().unwrap().to_owned();
        cluster.settings = vec![
            format!("unix_socket_directories={socket}"),
            format!("listen_addresses={}", if port.is_some() { "127.0.0.1" } else { "" }),
            format!("port={}", port.unwrap_or(5432)),
            "fsync=on".to_owned(),
            "log_min_messages=warning".to_owned(),
        ];
        cluster.settings.extend(settings.iter().map(|setting| (*setting).to_owned()));
        cluster.run();
        Some(cluster)
    }

    /// Starts the server; it has been stopped.
    pub fn run(&self) {
        let settings: Vec<String> = self.settings.iter().map(|setting| format!("-c {setting}")).collect();
        let mut start = self.command("pg_ctl");
        start.args(["start", "--wait", "--silent", "--timeout", "60", "--pgdata"]).arg(self.data());
        start.arg("--log").arg(self.dir.path().join("log")).args(["--options", &settings.join(" ")]);
        self.succeed(&mut start);
    }

    /// Stops the server, as a power cut would: `immediate`; or as a person would: `fast`.
    pub fn stop(&self, mode: &str) {
        let mut stop = self.command("pg_ctl");
        self.succeed(stop.args(["stop", "--wait", "--silent", "--mode", mode, "--pgdata"]).arg(self.data()));
    }

    /// The address of one of its databases, by its socket.
    pub fn url(&self, database: &str) -> String {
        let (socket, port) = (self.dir.path().display(), self.port.unwrap_or(5432));
        format!("postgres://{USER}:{ENCODED}@/{database}?host={socket}&port={port}")
    }

    /// Where its socket is.
    pub fn socket(&self) -> PathBuf {
        self.dir.path().join(format!(".s.PGSQL.{}", self.port.unwrap_or(5432)))
    }

    /// Its port, when it has one.
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// A new, empty database.
    pub async fn database(&self, name: &str) -> String {
        self.admin("postgres", &format!("CREATE DATABASE {name}")).await;
        self.url(name)
    }

    /// Does something that no store does.
    pub async fn admin(&self, database: &str, sql: &str) -> Vec<Vec<Option<String>>> {
        let (client, connection) =
            tokio_postgres::connect(&self.url(database), tokio_postgres::NoTls).await.unwrap();
        let driver = tokio::spawn(connection);
        let messages = client.simple_query(sql).await.unwrap();
        drop(client);
        driver.await.unwrap().unwrap();
        let rows = messages.into_iter().filter_map(|message| match message {
            tokio_postgres::SimpleQueryMessage::Row(row) => {
                Some((0..row.len()).map(|at| row.get(at).map(str::to_owned)).collect())
            }
            _ => None,
        });
        rows.collect()
    }

    /// The folder of its data.
    pub fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    fn give(&self, path: &Path) {
        if let Some((user, group)) = self.owner {
            chown(path, Some(user), Some(group)).unwrap();
        }
    }

    fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(self.programs.join(program.as_ref()));
        // The server outlives the call and would hold on to the pipes of the test.
        command.current_dir(self.dir.path()).env_clear().env("PATH", "/usr/bin:/bin").stdin(Stdio::null());
        if let Some((user, group)) = self.owner {
            command.uid(user).gid(group);
        }
        command
    }

    fn succeed(&self, command: &mut Command) {
        let output = self.dir.path().join("output");
        let file = std::fs::File::create(&output).unwrap();
        let status = command.stdout(file.try_clone().unwrap()).stderr(file).status().unwrap();
        if !status.success() {
            let read = |name: &str| std::fs::read_to_string(self.dir.path().join(name)).unwrap_or_default();
            panic!("{command:?} failed: {status}\n{}\n{}", read("output"), read("log"));
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let mut stop = self.command("pg_ctl");
        stop.args(["stop", "--wait", "--silent", "--mode", "immediate", "--pgdata"]).arg(self.data());
        let _ = stop.stdout(Stdio::null()).stderr(Stdio::null()).status();
    }
}

/// Where `initdb` and its companions are: the newest that is installed, else whatever PATH has.
fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<(u32, PathBuf)> = versions
        .filter_map(|version| {
            let number = version.file_name().to_str()?.parse().ok()?;
            Some((number, version.path().join("bin")))
        })
        .filter(|(_, programs)| programs.join("initdb").exists())
        .collect();
    found.sort();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let of_path = || {
        std::env::split_paths(&path)
            .find(|folder| folder.join("initdb").exists() && folder.join("pg_ctl").exists())
    };
    found.pop().map(|(_, programs)| programs).or_else(of_path)
}

/// PostgreSQL does not run as root: then its own user runs it, or nobody.
fn unprivileged() -> Option<(u32, u32)> {
    if std::fs::metadata("/proc/self").unwrap().uid() != 0 {
        return None;
    }
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let user = |name: &str| {
        let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut fields = line.split(':').skip(2);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    };
    Some(user("postgres").or_else(|| user("nobody")).unwrap_or((65_534, 65_534)))
}

/// Makes a file as private as the server wants its key to be.
pub fn make_private(path: &Path) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}
