//! What lies on this machine: the configuration file, the store, and who can read what.

use std::path::{Path, PathBuf};

use numcheck_bulk::{Sqlite, StoreError};
use numcheck_transport::env;

use super::check::{Check, with_causes};
use crate::config;
use crate::durable::{Location, StoreAt, open_existing_file};
use crate::print;

/// The configuration file, which was read and found good before this command began.
pub(super) fn config() -> Vec<Check> {
    let check = match config::profile() {
        Some(profile) => {
            Check::ok("config", format!("profile {} of {}", profile.name, profile.file.display()))
        }
        None => Check::skipped("config", "no profile is used"),
    };
    vec![check]
}

/// The store: whether it can be used, and has room.
pub(super) async fn store(at: &StoreAt) -> Vec<Check> {
    const NAME: &str = "store";
    match at.location() {
        Err(failure) => vec![Check::bad(NAME, with_causes(&failure), "correct --store")],
        Ok(Location::Server) => vec![match at.open_existing_or_fail().await {
            Ok(_) => Check::ok(NAME, "the one on the server can be used"),
            Err(failure) => Check::bad(
                NAME,
                with_causes(&failure),
                "check the address, the network, and that the user may make tables",
            ),
        }],
        Ok(Location::File(path)) => {
            let mut checks = vec![file(&path).await];
            checks.extend(room(&path));
            checks
        }
    }
}

async fn file(path: &Path) -> Check {
    const NAME: &str = "store";
    let shown = path.display();
    match Sqlite::version(path) {
        Err(StoreError::Missing { .. }) => return can_be_made(path),
        Err(error) => {
            return Check::bad(
                NAME,
                format!("{shown}: {}", with_causes(&error)),
                "docs/stores.md says what to do",
            );
        }
        Ok(version) if version < Sqlite::KNOWN_VERSION => {
            let known = Sqlite::KNOWN_VERSION;
            let found = format!(
                "{shown} is of an older release, version {version} of {known}; it was not looked into"
            );
            return Check::warn(
                NAME,
                found,
                "nothing: the next command brings it up to date, and keeps a backup beside it",
            );
        }
        Ok(_) => {}
    }
    // Opening it writes to it: so it can be written.
    let store = match open_existing_file(path) {
        Ok(store) => store,
        Err(failure) => {
            return Check::bad(
                NAME,
                with_causes(&failure),
                "let this user write the file and its folder, or name another file by --store",
            );
        }
    };
    match store.damage().await {
        Ok(damage) if damage.is_empty() => Check::ok(NAME, format!("{shown} can be written, and is sound")),
        Ok(damage) => Check::bad(
            NAME,
            format!("{shown} is damaged: {}", damage.join("; ")),
            "use no command that pays before it is replaced by a backup: it may have forgotten what was paid for",
        ),
        Err(error) => {
            Check::bad(NAME, format!("{shown}: {}", with_causes(&error)), "docs/stores.md says what to do")
        }
    }
}

/// There is none yet: whether there could be.
fn can_be_made(path: &Path) -> Check {
    const NAME: &str = "store";
    let folder = nearest_folder(path);
    match tempfile::tempfile_in(&folder) {
        Ok(_) => Check::ok(NAME, format!("there is none yet at {}: the first run makes it", path.display())),
        Err(error) => Check::bad(
            NAME,
            format!(
                "there is none yet at {}, and {} cannot be written: {error}",
                path.display(),
                folder.display()
            ),
            "let this user write there, or name another file by --store",
        ),
    }
}

/// The nearest folder above that is there.
fn nearest_folder(path: &Path) -> PathBuf {
    let above = path.ancestors().skip(1).find(|folder| folder.is_dir());
    above.filter(|folder| !folder.as_os_str().is_empty()).map_or_else(|| PathBuf::from("."), Path::to_owned)
}

/// How much room the store's file system has, and whether it can hold a store at all.
#[cfg(unix)]
fn room(path: &Path) -> Vec<Check> {
    const SPACE: &str = "store-space";
    const MIB: u64 = 1 << 20;
    const TOO_LITTLE: u64 = 64 * MIB;
    const LITTLE: u64 = 1024 * MIB;
    let folder = nearest_folder(path);
    let mut checks = Vec::new();
    if let Ok(found) = rustix::fs::statvfs(&folder) {
        let free = found.f_bavail.saturating_mul(found.f_frsize);
        let text = format!("{} MiB are free; reckon with 1 GiB for a million numbers", free / MIB);
        checks.push(match free {
            ..TOO_LITTLE => Check::bad(
                SPACE,
                text,
                "make room: a result that cannot be stored is not acknowledged, and is lost after an hour",
            ),
            TOO_LITTLE..LITTLE => Check::warn(SPACE, text, "make room before a long list"),
            _ => Check::ok(SPACE, text),
        });
    }
    if let Some(name) = network_file_system(&folder) {
        checks.push(Check::bad(
            "store-file-system",
            format!(
                "{} is on a network file system ({name}), which does not keep locks as a store needs them",
                folder.display()
            ),
            "name a file on a local disk by --store; several machines share a store on PostgreSQL",
        ));
    }
    checks
}

#[cfg(not(unix))]
fn room(_: &Path) -> Vec<Check> {
    Vec::new()
}

/// The name of a file system that is another machine's, where that is known.
#[cfg(target_os = "linux")]
fn network_file_system(folder: &Path) -> Option<&'static str> {
    // From statfs(2) and Linux's `magic.h`.
    const MAGIC: [(u32, &str); 8] = [
        (0x6969, "NFS"),
        (0x517b, "SMB"),
        (0xff53_4d42, "CIFS"),
        (0xfe53_4d42, "SMB2"),
        (0x0102_1997, "9p"),
        (0x00c3_6400, "Ceph"),
        (0x5346_414f, "AFS"),
        (0x7375_7245, "Coda"),
    ];
    let found = rustix::fs::statfs(folder).ok()?.f_type;
    // The type is signed on some systems, and 32 bits are what it is compared by.
    MAGIC.iter().find(|(magic, _)| *magic == found as u32).map(|(_, name)| *name)
}

#[cfg(all(unix, not(target_os = "linux")))]
fn network_file_system(_: &Path) -> Option<&'static str> {
    None
}

/// Who else can read, or change, what only this user should.
pub(super) fn permissions(at: &StoreAt) -> Vec<Check> {
    const NAME: &str = "permissions";
    let mut exposed: Vec<PathBuf> = match at.location() {
        Ok(Location::File(path)) => Sqlite::exposed_files(&path),
        _ => Vec::new(),
    };
    for variable in
        ["NXCLOUD_ACCESS_SECRET_FILE", "NXCLOUD_APPKEY_FILE", "QXT_API_KEY_FILE", "NUMCHECK_STORE_FILE"]
    {
        exposed.extend(
            config::value(variable).map(PathBuf::from).filter(|path| env::is_readable_by_others(path)),
        );
    }
    if let Some(profile) = config::profile().filter(|profile| can_be_changed_by_others(&profile.file)) {
        exposed.push(profile.file.clone());
    }
    if exposed.is_empty() {
        return vec![Check::ok(
            NAME,
            "nobody else can read the store and the key files, nor change the configuration file",
        )];
    }
    let check = |path: &PathBuf| {
        let found = format!("other users can read or change {}", path.display());
        Check::warn(NAME, found, print::visible(&format!("chmod 600 {}", path.display())))
    };
    exposed.iter().map(check).collect()
}

#[cfg(unix)]
fn can_be_changed_by_others(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    const OTHERS_WRITE: u32 = 0o022;
    path.metadata().is_ok_and(|file| file.is_file() && file.permissions().mode() & OTHERS_WRITE != 0)
}

#[cfg(not(unix))]
fn can_be_changed_by_others(_: &Path) -> bool {
    false
}
