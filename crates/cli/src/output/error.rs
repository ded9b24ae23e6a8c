//! Why results cannot be written, and where the ones already written are. No error quotes a row.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::PathBuf;

use numcheck_tables::TableDoesNotFit;

/// Results cannot be written.
pub(crate) struct OutputError(Box<Inner>);

struct Inner {
    kind: OutputErrorKind,
    name: String,
    part: Option<PathBuf>,
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// What is wrong with an output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub(crate) enum OutputErrorKind {
    /// The target is the input. Found before anything is sent.
    SameFile,
    /// The results do not fit into the format. Found before anything is sent.
    DoesNotFit,
    /// The target cannot be created. Found before anything is sent.
    Create,
    /// A row cannot be written.
    Write,
    /// The last rows cannot be written, or the complete file cannot be given its name.
    Finish,
}

impl OutputError {
    pub(super) fn new(kind: OutputErrorKind, name: &str) -> Self {
        Self(Box::new(Inner { kind, name: name.to_owned(), part: None, source: None }))
    }

    pub(super) fn io(kind: OutputErrorKind, name: &str, part: Option<PathBuf>, source: io::Error) -> Self {
        Self(Box::new(Inner { kind, name: name.to_owned(), part, source: Some(Box::new(source)) }))
    }

    /// The rows of the input of this name do not fit.
    pub(super) fn unwritable(input: &str, source: TableDoesNotFit) -> Self {
        let way_on = match source {
            TableDoesNotFit::ColumnsTaken { .. } => {
                ", so it is a result: give the original file, or remove those columns"
            }
            _ => ": write a .csv",
        };
        Self::new(OutputErrorKind::DoesNotFit, &format!("{input} {source}{way_on}"))
    }

    /// What is wrong, for deciding on.
    pub(crate) fn kind(&self) -> OutputErrorKind {
        self.0.kind
    }

    /// Whether whoever reads the output has gone, as `head` does: no fault to tell a person of.
    pub(crate) fn is_reader_gone(&self) -> bool {
        self.0.source.as_ref().is_some_and(|source| {
            source.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
        })
    }

    /// The file that has the rows written so far.
    #[cfg(test)]
    pub(crate) fn part(&self) -> Option<&std::path::Path> {
        self.0.part.as_deref()
    }
}

impl fmt::Display for OutputError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { kind, name, part, .. } = &*self.0;
        match kind {
            OutputErrorKind::SameFile => {
                write!(f, "{name} is the input itself: give the results another name; nothing was sent")
            }
            OutputErrorKind::DoesNotFit => write!(f, "{name}; nothing was sent"),
            OutputErrorKind::Create => write!(f, "cannot create {name}; nothing was sent"),
            OutputErrorKind::Write | OutputErrorKind::Finish => {
                write!(f, "cannot write {name}")?;
                match part {
                    Some(part) => write!(f, "; the rows written so far are in {}", part.display()),
                    None => Ok(()),
                }
            }
        }
    }
}

impl fmt::Debug for OutputError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutputError")
            .field("kind", &self.0.kind)
            .field("source", &self.0.source)
            .finish_non_exhaustive()
    }
}

impl Error for OutputError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}
