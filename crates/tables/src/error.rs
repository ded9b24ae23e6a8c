//! Why a file cannot be read at all. A single bad cell is a [`Reject`](super::Reject) instead.
//!
//! Errors quote nothing of the file but column names, with longer runs of digits masked.

use std::error::Error;
use std::fmt;
use std::io;

/// A file cannot be read as a table. One word wide.
pub struct ReadError(Box<Inner>);

struct Inner {
    kind: ReadErrorKind,
    name: String,
    detail: String,
    source: Option<io::Error>,
}

/// What is wrong with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReadErrorKind {
    /// It cannot be opened or read; `source()` says why.
    Io,
    /// There is nothing in it.
    Empty,
    /// It is no text and no workbook that can be read.
    NotText,
    /// No column has a name that people give to phone numbers.
    NoPhoneColumn,
    /// Several columns may hold the phone number.
    AmbiguousColumn,
    /// There is no such column as was asked for.
    ColumnNotFound,
    /// There is no such sheet as was asked for.
    SheetNotFound,
    /// Several sheets may hold the rows.
    AmbiguousSheet,
    /// It is not whole in its encoding.
    Encoding,
    /// What was given can divide no cells.
    Delimiter,
    /// Its quotation marks do not pair.
    UnpairedQuote,
    /// One row is larger than any real one, which an unclosed quote makes.
    RowTooLong,
}

impl ReadError {
    pub(crate) fn new(kind: ReadErrorKind, name: &str, detail: impl Into<String>) -> Self {
        Self(Box::new(Inner { kind, name: name.to_owned(), detail: detail.into(), source: None }))
    }

    pub(crate) fn io(name: &str, doing: &str, source: io::Error) -> Self {
        let mut error = Self::new(ReadErrorKind::Io, name, doing);
        error.0.source = Some(source);
        error
    }

    /// What is wrong, for deciding on.
    pub fn kind(&self) -> ReadErrorKind {
        self.0.kind
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { kind, name, detail, .. } = &*self.0;
        match kind {
            ReadErrorKind::Io => write!(f, "cannot {detail} {name}"),
            _ => write!(f, "{name}: {detail}"),
        }
    }
}

impl fmt::Debug for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadError")
            .field("kind", &self.0.kind)
            .field("source", &self.0.source)
            .finish_non_exhaustive()
    }
}

impl Error for ReadError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source.as_ref().map(|source| source as _)
    }
}
