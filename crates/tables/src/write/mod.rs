//! The same rows with more columns, written as a file.

mod csv;
mod format;
mod json;
mod sink;
#[cfg(feature = "workbooks")]
mod xlsx;

use std::borrow::Cow;
use std::fmt;
use std::io::{self, Write};

pub use format::{TableFormat, UnknownExtension};
use sink::Sink;

use crate::encoding::TextEncoding;
use crate::rows::TableRow;
use crate::table::TableFile;

/// The columns that are added to those of the file.
#[derive(Clone, Copy, Debug)]
pub struct AddedColumns<'a> {
    /// What stands before each name in a table.
    pub prefix: &'a str,
    /// The member of a JSON object that holds them, under their names without the prefix.
    pub member: &'a str,
    /// Their names.
    pub names: &'a [&'a str],
}

/// The value of an added column.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum CellValue<'a> {
    /// An empty cell; in JSON the member is left out.
    #[default]
    Empty,
    /// A text. In a text file one that a spreadsheet would take for a formula gets an apostrophe in front.
    Text(Cow<'a, str>),
    /// A number in JSON, digits anywhere else.
    Integer(i64),
    /// A decimal number: a number in a workbook, where it can be added up, and its text anywhere else.
    Amount(Cow<'a, str>),
}

/// How rows are written.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct WriteOptions {
    /// Into what.
    pub format: TableFormat,
    /// The encoding of a text file: as the file that was read where nothing is said. JSON is UTF-8.
    pub encoding: Option<TextEncoding>,
    /// Whether it is packed with gzip.
    pub gzip: bool,
}

/// Why rows cannot be written in a format. Found before the first one is written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TableDoesNotFit {
    /// The file has columns with the names of added ones.
    #[error("has {prefix} columns already")]
    ColumnsTaken {
        /// What their names begin with.
        prefix: String,
    },
    /// A sheet of a workbook has not so many rows.
    #[error("has {rows} rows with its header, and a sheet of a workbook holds {MAX_SHEET_ROWS}")]
    TooManyRows {
        /// The rows to write, the header and what stands above it included.
        rows: u64,
    },
    /// A sheet of a workbook has not so many columns.
    #[error("has {columns} columns with the added ones, and a sheet of a workbook holds {MAX_SHEET_COLUMNS}")]
    TooManyColumns {
        /// The columns to write.
        columns: usize,
    },
    /// A cell of a workbook holds no text so long.
    #[error(
        "has a cell of {characters} characters in line {line}, and a cell of a workbook holds {MAX_CELL_CHARACTERS}"
    )]
    CellTooLong {
        /// Its length in units of UTF-16.
        characters: usize,
        /// In which line or row of the file it is.
        line: u64,
    },
    /// This crate was built without the feature `workbooks`.
    #[error("cannot be written as a workbook by a build without the feature `workbooks`")]
    NoWorkbooks,
}

/// The rows of a sheet, of every spreadsheet that writes `.xlsx`.
pub const MAX_SHEET_ROWS: u64 = 1_048_576;
/// The columns of a sheet.
pub const MAX_SHEET_COLUMNS: usize = 16_384;
/// The characters of a cell, in units of UTF-16.
pub const MAX_CELL_CHARACTERS: usize = 32_767;

/// What became of a table that is written whole.
#[derive(Debug)]
#[non_exhaustive]
pub struct Written<W> {
    /// What it was written to.
    pub to: W,
    /// How many characters the encoding has not got: each is written as `&#20013;`.
    pub unmapped: u64,
    /// How many added texts were longer than a cell of a workbook, and were cut.
    pub cut: u64,
}

/// Writes rows of a table in their order, each with the values of the added columns.
///
/// A text file is laid out like the one that was read: its separator, line ends, byte-order mark, the lines above its header. Where it had no header there
/// is one (`phone`, `column_N`); rows with fewer cells than the widest are filled up, so that the added columns stand in their places. The file's own
/// cells are never changed. In a workbook every cell is a text but for amounts. JSON Lines has an object per row.
pub struct TableWriter<W: Write>(FormatWriter<W>);

enum FormatWriter<W: Write> {
    Csv(Box<csv::CsvWriter<W>>),
    Json(Box<json::JsonWriter<W>>),
    #[cfg(feature = "workbooks")]
    Xlsx(Box<xlsx::XlsxWriter<W>>),
}

impl<W: Write> TableWriter<W> {
    /// Nothing is written before the first row, or [`finish`](Self::finish).
    ///
    /// # Errors
    /// When the rows do not fit into the format.
    pub fn new(
        to: W,
        table: &TableFile,
        added: AddedColumns<'_>,
        options: WriteOptions,
    ) -> Result<Self, TableDoesNotFit> {
        check(table, added, options.format)?;
        let sink = Sink::new(to, options.gzip);
        Ok(Self(match options.format {
            TableFormat::JsonLines => FormatWriter::Json(Box::new(json::JsonWriter::new(sink, table, added))),
            #[cfg(feature = "workbooks")]
            TableFormat::Xlsx => FormatWriter::Xlsx(Box::new(xlsx::XlsxWriter::new(sink, table, added))),
            #[cfg(not(feature = "workbooks"))]
            TableFormat::Xlsx => return Err(TableDoesNotFit::NoWorkbooks),
            TableFormat::LikeInput | TableFormat::Csv | TableFormat::Tsv => {
                FormatWriter::Csv(Box::new(csv::CsvWriter::new(sink, table, added, options)))
            }
        }))
    }

    /// Writes a row, and the values of the added columns in their order.
    ///
    /// # Errors
    /// When the target takes no more.
    pub fn write<'a>(
        &mut self,
        row: &TableRow,
        values: impl Iterator<Item = CellValue<'a>>,
    ) -> io::Result<()> {
        match &mut self.0 {
            FormatWriter::Csv(writer) => writer.write(row, values),
            FormatWriter::Json(writer) => writer.write(row, values),
            #[cfg(feature = "workbooks")]
            FormatWriter::Xlsx(writer) => writer.write(row, values),
        }
    }

    /// Writes what is still held back; of a workbook, everything.
    ///
    /// # Errors
    /// When the target takes no more.
    pub fn finish(self) -> io::Result<Written<W>> {
        match self.0 {
            FormatWriter::Csv(writer) => writer.finish(),
            FormatWriter::Json(writer) => writer.finish(),
            #[cfg(feature = "workbooks")]
            FormatWriter::Xlsx(writer) => writer.finish(),
        }
    }
}

impl<W: Write> fmt::Debug for TableWriter<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TableWriter").finish_non_exhaustive()
    }
}

/// Whether the rows fit. Results beside results under the same names would leave nobody knowing which are which.
fn check(table: &TableFile, added: AddedColumns<'_>, format: TableFormat) -> Result<(), TableDoesNotFit> {
    let is_added = |name: &[u8]| {
        added.names.iter().any(|added_name| {
            name.trim_ascii().eq_ignore_ascii_case(format!("{}{added_name}", added.prefix).as_bytes())
        })
    };
    if format != TableFormat::JsonLines && table.has_header() && table.columns().any(is_added) {
        return Err(TableDoesNotFit::ColumnsTaken { prefix: added.prefix.to_owned() });
    }
    if format != TableFormat::Xlsx {
        return Ok(());
    }
    let rows = table.row_count() + 1 + csv::lines_above(table).count() as u64;
    if rows > MAX_SHEET_ROWS {
        return Err(TableDoesNotFit::TooManyRows { rows });
    }
    let columns = table.columns().len() + added.names.len();
    if columns > MAX_SHEET_COLUMNS {
        return Err(TableDoesNotFit::TooManyColumns { columns });
    }
    let longest = table.longest();
    if longest.utf16_len > MAX_CELL_CHARACTERS {
        // Where the copy cannot be read, reading its rows says so.
        let line = table.line_counter().line_at(longest.start).unwrap_or(0);
        return Err(TableDoesNotFit::CellTooLong { characters: longest.utf16_len, line });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
