//! A file that gets its name once it is whole.
//!
//! It never replaces a file that has the name already.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::connection::beside;

/// A file under a temporary name, readable by its owner only; removed unless it is placed.
pub(super) struct Unfinished(PathBuf);

impl Unfinished {
    /// An empty file in the folder of `path`.
    pub(super) fn beside(path: &Path) -> io::Result<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        loop {
            let at = NEXT.fetch_add(1, Ordering::Relaxed);
            let name = beside(path, &format!(".{}-{at}.unfinished", std::process::id()));
            match options.open(&name) {
                Ok(_) => return Ok(Self(name)),
                // Left by a process that was killed, and had the same id.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// Gives it its name, durably, unless a file has that name already; says whether it did. Nobody may have it open.
    pub(super) fn place(&self, path: &Path) -> io::Result<bool> {
        std::fs::OpenOptions::new().write(true).open(&self.0)?.sync_all()?;
        match std::fs::hard_link(&self.0, path) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(false),
            // A file system without links. The name is taken first, so that nobody's file is replaced.
            Err(_) => match std::fs::OpenOptions::new().write(true).create_new(true).open(path) {
                Ok(_) => std::fs::rename(&self.0, path)?,
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(false),
                Err(error) => return Err(error),
            },
        }
        sync_folder(path)?;
        Ok(true)
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        for suffix in ["", "-journal", "-wal", "-shm"] {
            // Most of them are not there, and a leftover does no harm.
            let _ = std::fs::remove_file(beside(&self.0, suffix));
        }
    }
}

#[cfg(unix)]
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    std::fs::File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}
