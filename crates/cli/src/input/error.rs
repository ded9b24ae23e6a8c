//! Why a file cannot be read at all. A single bad cell is a [`Reject`](super::Reject) instead.
//!
//! Errors quote nothing of the file but column names, with longer runs of digits masked.

use std::error::Error;
use std::fmt;
use std::io;

/// An input file cannot be read. Nothing was sent.
pub(crate) struct InputError(Box<Inner>);

struct Inner {
    kind: InputErrorKind,
    name: String,
    detail: String,
    source: Option<io::Error>,
}

/// What is wrong with an input file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub(crate) enum InputErrorKind {
    /// It cannot be opened or read; `source()` says why.
    Io,
    /// There is nothing in it.
    Empty,
    /// It is a workbook, an archive or another thing that is no text.
    NotText,
    /// No column has a name that people give to phone numbers.
    NoPhoneColumn,
    /// Several columns may hold the number.
    AmbiguousColumn,
    /// There is no such column as was asked for.
    ColumnNotFound,
    /// Its quotation marks do not pair.
    UnpairedQuote,
    /// One row is larger than any real one, which an unclosed quote makes.
    RowTooLong,
}

impl InputError {
    pub(super) fn new(kind: InputErrorKind, name: &str, detail: impl Into<String>) -> Self {
        Self(Box::new(Inner { kind, name: name.to_owned(), detail: detail.into(), source: None }))
    }

    pub(super) fn io(name: &str, doing: &str, source: io::Error) -> Self {
        let mut error = Self::new(InputErrorKind::Io, name, doing);
        error.0.source = Some(source);
        error
    }

    /// What is wrong, for deciding on.
    #[cfg(test)]
    pub(crate) fn kind(&self) -> InputErrorKind {
        self.0.kind
    }
}

impl fmt::Display for InputError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { kind, name, detail, .. } = &*self.0;
        match kind {
            InputErrorKind::Io => write!(f, "cannot {detail} {name}; nothing was sent"),
            _ => write!(f, "{name}: {detail}; nothing was sent"),
        }
    }
}

impl fmt::Debug for InputError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InputError")
            .field("kind", &self.0.kind)
            .field("source", &self.0.source)
            .finish_non_exhaustive()
    }
}

impl Error for InputError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source.as_ref().map(|source| source as _)
    }
}
