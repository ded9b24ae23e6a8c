//! Writing the results: the input's columns untouched, then the `check_*` columns, one row out per row in.
//!
//! - **CSV** is laid out like the input: its separator, line ends, byte-order mark and header. Where the input had no
//!   header there is one (`phone`, `column_N`); rows with fewer cells than the widest are filled up with empty ones, so
//!   that the results stand in their columns. Cells are quoted only where needed.
//! - **JSON Lines** has an object per row: the cells under their column names, the results under `check`.
//! - A **file** appears under its name only when it is complete: it is written beside as `NAME.numcheck-….part` and renamed.
//! - **Formulas**: in CSV, a text of the platform that a spreadsheet would take for a formula gets an apostrophe in
//!   front (see [`CheckRow`]). The input's own cells are never changed, and JSON never is.

mod check;
mod csv;
mod destination;
mod error;
mod json;

use std::fmt;
use std::path::{Path, PathBuf};

pub(crate) use check::{CheckRow, CheckState};
use destination::Destination;
pub(crate) use error::{OutputError, OutputErrorKind};

use crate::input::{Input, Row};

/// Where results go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target<'a> {
    /// Standard output.
    Stdout,
    /// A file, replaced when it is there already, unless it is the input.
    File(&'a Path),
}

/// How results are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// CSV, laid out like the input.
    Csv,
    /// One JSON object a line.
    JsonLines,
}

/// Writes one result per row of an input, in the rows' order.
pub(crate) struct Writer {
    format: FormatWriter,
    name: String,
    part: Option<PathBuf>,
}

enum FormatWriter {
    Csv(Box<csv::CsvWriter>),
    Json(json::JsonWriter),
}

impl Writer {
    /// Opens the target. Do it before anything is sent: whatever is wrong with the target is found here and costs
    /// nothing, and the file that is to be replaced stays as it is until [`Writer::finish`].
    ///
    /// # Errors
    /// When the target cannot be created or is the input itself, or (CSV) when the input has result columns already.
    pub(crate) fn create(target: Target<'_>, format: Format, input: &Input) -> Result<Self, OutputError> {
        let name = match target {
            Target::Stdout => "standard output".to_owned(),
            Target::File(path) => path.display().to_string(),
        };
        if format == Format::Csv && input.has_header() {
            csv::refuse_result_columns(input)?;
        }
        let destination = match target {
            Target::Stdout => Destination::stdout(),
            Target::File(path) => Destination::file(path, &name, input.path())?,
        };
        let part = destination.part().map(Path::to_owned);
        let format = match format {
            Format::Csv => FormatWriter::Csv(Box::new(csv::CsvWriter::new(destination, input))),
            Format::JsonLines => FormatWriter::Json(json::JsonWriter::new(destination, input)),
        };
        Ok(Self { format, name, part })
    }

    /// Writes a row of the input with its result.
    ///
    /// # Errors
    /// When the target takes no more. What was written so far stays in the file that the error names.
    pub(crate) fn write(&mut self, row: &Row, check: &CheckRow<'_>) -> Result<(), OutputError> {
        let written = match &mut self.format {
            FormatWriter::Csv(writer) => writer.write(row, check),
            FormatWriter::Json(writer) => writer.write(row, check),
        };
        written
            .map_err(|source| OutputError::io(OutputErrorKind::Write, &self.name, self.part.clone(), source))
    }

    /// Writes what is still held back and, for a file, makes it durable and gives it its name.
    ///
    /// Without this call a file never appears under its name; once rows were written they stay in the `.part` file.
    ///
    /// # Errors
    /// When that fails. What was written stays in the file that the error names.
    pub(crate) fn finish(self) -> Result<(), OutputError> {
        let finished = match self.format {
            FormatWriter::Csv(writer) => writer.finish(),
            FormatWriter::Json(writer) => writer.finish(),
        };
        finished
            .and_then(Destination::finish)
            .map_err(|source| OutputError::io(OutputErrorKind::Finish, &self.name, self.part, source))
    }

    /// Where the rows are until [`Writer::finish`] is through; `None` for what is no file.
    #[cfg(test)]
    pub(crate) fn part(&self) -> Option<&Path> {
        self.part.as_deref()
    }
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").field("name", &self.name).field("part", &self.part).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
