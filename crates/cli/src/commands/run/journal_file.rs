//! Where pushed results are kept until the output is written.
//!
//! For an account it is a file beside the output that outlives this process, because what stands in it was paid for. It must never
//! write over one that an earlier run has left.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::exit::Failure;
use crate::job::Journal;

/// The journal's file.
#[derive(Debug)]
pub(super) struct JournalFile {
    file: File,
    /// `None` for a sandbox's results, which nobody paid for.
    path: Option<PathBuf>,
}

impl JournalFile {
    /// Creates the file: `OUT.journal`, or `numcheck.journal` in this folder when results go to standard output.
    pub(super) fn create(output: Option<&Path>, sandbox: bool) -> Result<Self, Failure> {
        if sandbox {
            let file = tempfile::tempfile()
                .map_err(|error| Failure::new("no temporary file can be made").because(error))?;
            return Ok(Self { file, path: None });
        }
        let path = match output {
            Some(output) => {
                let mut name = output.as_os_str().to_owned();
                name.push(".journal");
                PathBuf::from(name)
            }
            None => PathBuf::from("numcheck.journal"),
        };
        // Results are personal data: nobody else reads them.
        let opened = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path);
        match opened {
            Ok(file) => {
                // Its name must outlast a crash as well. Not every file system can say so.
                if let Some(folder) = path.parent() {
                    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
                    let _ = File::open(folder).and_then(|folder| folder.sync_all());
                }
                Ok(Self { file, path: Some(path) })
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(Failure::usage(format!(
                "{} is there already: an earlier run has left its paid results in it, one JSON object a line; move it away first; nothing was sent",
                path.display()
            ))),
            Err(error) => Err(Failure::usage(format!(
                "{} cannot be created, where results are kept until all are there; nothing was sent",
                path.display()
            ))
            .because(error)),
        }
    }

    /// The journal in it.
    pub(super) fn open(&self) -> Result<Journal, Failure> {
        let cannot = |error| Failure::new("the journal of results cannot be opened").because(error);
        self.file.try_clone().and_then(Journal::new).map_err(cannot)
    }

    /// Where it is; `None` for a sandbox's results.
    pub(super) fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Nothing was sent: removes the file, unless something stands in it all the same.
    pub(super) fn abandon(self) {
        let is_empty = self.file.metadata().is_ok_and(|file| file.len() == 0);
        if let Some(path) = self.path.filter(|_| is_empty) {
            // What stays is an empty file, which the next run speaks of.
            let _ = std::fs::remove_file(path);
        }
    }

    /// Removes the file when its results are in the output, and `keep` sees no other use in it; says where it is otherwise.
    pub(super) fn close(self, keep: bool) -> Result<Option<PathBuf>, Failure> {
        match self.path {
            None => Ok(None),
            Some(path) if keep => Ok(Some(path)),
            Some(path) => std::fs::remove_file(&path).map(|()| None).map_err(|error| {
                Failure::new(format!("{} cannot be removed", path.display())).because(error)
            }),
        }
    }
}
