//! Writing the results: the input's columns untouched, then the `check_*` columns, one row out per row in.
//!
//! A **file** appears under its name only when it is complete: it is written beside as `NAME.numcheck-….part` and renamed.

mod check;
mod columns;
mod destination;
mod error;

use std::fmt;
use std::path::{Path, PathBuf};

use numcheck_tables::{Numbering, TableFile, TableFormat, TableRow, TableWriter, WriteOptions};

pub(crate) use check::{CheckRow, CheckState};
pub(crate) use columns::{Columns, ColumnsArgs, ResultColumn};
use destination::Destination;
pub(crate) use destination::is_stdout;
pub(crate) use error::{OutputError, OutputErrorKind};

use crate::print;

/// Where results go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target<'a> {
    /// Standard output.
    Stdout,
    /// A file, replaced when it is there already, unless it is the input.
    File(&'a Path),
}

/// Writes one result per row of an input, in the rows' order.
pub(crate) struct Writer {
    table: TableWriter<Destination>,
    columns: Vec<&'static str>,
    name: String,
    part: Option<PathBuf>,
    encoding: String,
}

impl Writer {
    /// Opens the target. Do it before anything is sent: whatever is wrong with the target is found here and costs
    /// nothing, and the file that is to be replaced stays as it is until [`Writer::finish`].
    ///
    /// # Errors
    /// When the target cannot be created or is the input itself, or the results do not fit into the format.
    pub(crate) fn create(
        target: Target<'_>,
        options: WriteOptions,
        input: &TableFile,
        columns: &Columns,
    ) -> Result<Self, OutputError> {
        let name = match target {
            Target::Stdout => "standard output".to_owned(),
            Target::File(path) => path.display().to_string(),
        };
        let is_json = options.format == TableFormat::JsonLines;
        // In JSON a member without a value is left out.
        let with_privacy = is_json || input.numbering() == Numbering::ChineseMobile;
        let columns = columns.names(with_privacy);
        let destination = match target {
            Target::Stdout => Destination::stdout(),
            Target::File(path) => Destination::file(path, &name, input.path())?,
        };
        let part = destination.part().map(Path::to_owned);
        let encoding = options.encoding.unwrap_or(input.form().encoding).to_string();
        let table = TableWriter::new(destination, input, columns::added(&columns), options)
            .map_err(|source| OutputError::unwritable(input.name(), source))?;
        // Until the end there is nothing in a workbook.
        let part = part.filter(|_| options.format != TableFormat::Xlsx);
        Ok(Self { table, columns, name, part, encoding })
    }

    /// Writes a row of the input with its result.
    ///
    /// # Errors
    /// When the target takes no more. What was written so far stays in the file that the error names.
    pub(crate) fn write(&mut self, row: &TableRow, check: &CheckRow<'_>) -> Result<(), OutputError> {
        self.table
            .write(row, check.values(&self.columns))
            .map_err(|source| OutputError::io(OutputErrorKind::Write, &self.name, self.part.clone(), source))
    }

    /// Writes what is still held back and, for a file, makes it durable and gives it its name. What could not be written as it is comes back as notes.
    ///
    /// Without this call a file never appears under its name; once rows were written they stay in the `.part` file.
    ///
    /// # Errors
    /// When that fails. What was written stays in the file that the error names.
    pub(crate) fn finish(self) -> Result<Vec<String>, OutputError> {
        let Self { table, name, part, encoding, .. } = self;
        let failed = |source| OutputError::io(OutputErrorKind::Finish, &name, part.clone(), source);
        let written = table.finish().map_err(failed)?;
        written.to.finish().map_err(failed)?;
        let mut notes = Vec::new();
        if written.unmapped > 0 {
            notes.push(format!(
                "note: {} {encoding} has not got {} written by number, as in &#20013;: export once more with --output-encoding utf-8-bom",
                print::count(written.unmapped, "character"),
                print::form(written.unmapped, "is", "are")
            ));
        }
        if written.cut > 0 {
            notes.push(format!(
                "note: {} longer than a cell of a workbook {} cut: export once more to a .csv",
                print::count(written.cut, "text"),
                print::form(written.cut, "was", "were")
            ));
        }
        Ok(notes)
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
