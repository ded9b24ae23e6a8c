//! Reading the files of phone numbers that people have: CSV with a header, or one number a line.
//!
//! What it accepts and what it makes of it:
//!
//! - **Separator** comma, semicolon or tab, whichever stands most often in the header line outside quotes; Excel's
//!   `sep=;` line is obeyed. In a file with one column nothing separates: `123;456` is one cell, which is then rejected.
//! - **Encoding** UTF-8 with or without a byte-order mark; UTF-16 with one. A cell in another encoding does not disturb
//!   the rest: cells are bytes and are passed on as they are.
//! - **Rows** are CSV records: quotes, quoted line breaks and CR LF are understood, records may have more or fewer cells
//!   than the header. **An empty line is no row**, anywhere; everything else is one, even `,,` or `""`.
//! - **Header**: the first record, unless its phone cell is itself a number, or (in a file with one column) has digits
//!   in it or nothing at all. Lines without content in front of a header are passed over.
//! - **Phone column**: `--column`, else the one column whose name says so. Two equally good ones are an error, because
//!   the wrong one costs money.
//!
//! One row is in memory at a time. Everything here blocks on files.

mod column;
mod error;
mod normalise;
mod quotes;
mod reject;
mod sniff;
mod source;

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};

use csv::ByteRecord;
use numcheck_protocol::PhoneNumber;

use crate::exit::Failure;
use crate::reading;

pub(crate) use error::{InputError, InputErrorKind};
pub(crate) use normalise::{Numbering, normalise};
use quotes::Unpaired;
pub(crate) use reject::Reject;
pub(crate) use sniff::Layout;
use source::{Source, SourceReader};

/// The largest row in bytes. A larger one is what an unclosed quote makes of a file.
pub(crate) const LARGEST_ROW: usize = 1024 * 1024;

/// How to read an input.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    /// The phone column by its name, or by its number counted from 1; by itself when left out.
    pub(crate) column: Option<String>,
    /// How its numbers are read.
    pub(crate) numbering: Numbering,
}

/// A file of numbers, opened, looked through once, and ready to be read any number of times.
pub(crate) struct Input {
    name: String,
    path: Option<PathBuf>,
    source: Source,
    layout: Layout,
    has_header: bool,
    columns: ByteRecord,
    phone_column: usize,
    numbering: Numbering,
    rows: u64,
}

impl Input {
    /// Opens a file, `-` being standard input, and reads it through once: it counts the rows and columns, so that
    /// everything that is wrong with the file as a whole is known before anything is sent.
    ///
    /// What cannot be read twice (standard input, a pipe) is copied to a temporary file without a name.
    ///
    /// # Errors
    /// When the file cannot be read, is no text, is empty, or its phone column is not certain. Nothing was sent.
    pub(crate) fn open(path: &Path, options: &Options) -> Result<Self, InputError> {
        if path == Path::new("-") {
            return Self::from_reader(reading::stdin().lock(), "standard input", options);
        }
        let name = path.display().to_string();
        let source = Source::open(path).map_err(|source| InputError::io(&name, "open", source))?;
        let mut input = Self::of(source, name, options)?;
        input.refuse_unpaired_quotes()?;
        input.path = path.canonicalize().ok();
        Ok(input)
    }

    /// The same for a command, which a stop on request ends at once: what is read may never end.
    ///
    /// # Errors
    /// As [`Input::open`], and when somebody asks to stop.
    pub(crate) async fn read(path: &Path, options: Options) -> Result<Self, Failure> {
        let path = path.to_owned();
        reading::unless_stopped(move || Self::open(&path, &options)).await?.map_err(Failure::from)
    }

    /// The same from anything that can be read once; `name` is for messages.
    ///
    /// # Errors
    /// As [`Input::open`].
    pub(crate) fn from_reader(from: impl Read, name: &str, options: &Options) -> Result<Self, InputError> {
        let source =
            Source::spool(from).map_err(|source| InputError::io(name, "keep a temporary copy of", source))?;
        let input = Self::of(source, name.to_owned(), options)?;
        input.refuse_unpaired_quotes()?;
        Ok(input)
    }

    /// The same from a file without a name that is open already: what a job has kept. Earlier releases took files whose quotation marks do
    /// not pair, and their results are to be read.
    ///
    /// # Errors
    /// As [`Input::open`].
    pub(crate) fn from_file(file: File, name: &str, options: &Options) -> Result<Self, InputError> {
        let source = Source::of(file).map_err(|source| InputError::io(name, "open", source))?;
        Self::of(source, name.to_owned(), options)
    }

    /// Its bytes, in UTF-8, from the first; may be called again.
    pub(crate) fn bytes(&self) -> impl Read {
        self.source.reader(0)
    }

    /// Every row, from the first; may be called again, and several readings do not disturb one another.
    pub(crate) fn rows(&self) -> Rows {
        self.records(self.has_header)
    }

    /// The cell of a row that holds its phone number.
    pub(crate) fn phone_cell<'a>(&self, row: &'a Row) -> &'a [u8] {
        row.cells.get(self.phone_column).unwrap_or_default()
    }

    /// How its numbers are read.
    pub(crate) fn numbering(&self) -> Numbering {
        self.numbering
    }

    /// Where in [`bytes`](Self::bytes) the rows of a phone number are.
    ///
    /// # Errors
    /// As a reading of [`rows`](Self::rows).
    pub(crate) fn ranges_of(&self, number: &PhoneNumber) -> Result<Vec<Range<u64>>, InputError> {
        let mut rows = self.rows();
        let mut ranges = Vec::new();
        while rows.advance()? {
            let cell = rows.record.get(self.phone_column).unwrap_or_default();
            if self.numbering.read(cell).as_ref() == Ok(number) {
                let start = rows.record.position().map_or(0, csv::Position::byte);
                let content = self.layout.content;
                ranges.push(content + start..content + rows.reader.position().byte());
            }
        }
        Ok(ranges)
    }

    /// Hides what a row of these bytes says, and leaves it a row with as many cells.
    pub(crate) fn blot_out(&self, row: &mut [u8]) {
        let separator = self.layout.read_separator();
        for byte in row.iter_mut().filter(|byte| ![separator, b'"', b'\r', b'\n'].contains(byte)) {
            *byte = b'*';
        }
    }

    /// How many rows there are, the header not counted.
    #[cfg(test)]
    pub(crate) fn row_count(&self) -> u64 {
        self.rows
    }

    /// The names of all columns: those of the header, then `column_N` for cells that rows have beyond it. Without a
    /// header the phone column is called `phone` and the others `column_N`.
    pub(crate) fn columns(&self) -> &ByteRecord {
        &self.columns
    }

    /// The name of the phone column as a message may show it.
    #[cfg(test)]
    pub(crate) fn phone_column(&self) -> String {
        column::shown(&String::from_utf8_lossy(self.columns.get(self.phone_column).unwrap_or_default()))
    }

    /// Whether the first record names the columns.
    pub(crate) fn has_header(&self) -> bool {
        self.has_header
    }

    /// How the file is laid out, for writing one like it.
    pub(crate) fn layout(&self) -> &Layout {
        &self.layout
    }

    /// What to call the input in a message: its path as given, or `standard input`.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Where the file is, links resolved; `None` for standard input.
    pub(crate) fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    fn of(source: Source, name: String, options: &Options) -> Result<Self, InputError> {
        let fail = |kind, detail: &str| InputError::new(kind, &name, detail);
        let cannot_read = |source| InputError::io(&name, "read", source);

        let mut source = source;
        let mut beginning = source.beginning(sniff::LOOK_AT).map_err(cannot_read)?;
        if let Some(little_endian) = sniff::utf16_little_endian(&beginning) {
            source = source
                .decode_utf16(little_endian)
                .map_err(|source| InputError::io(&name, "keep a UTF-8 copy of", source))?;
            beginning = source.beginning(sniff::LOOK_AT).map_err(cannot_read)?;
        }
        if let Some(detail) = sniff::not_text(&beginning) {
            return Err(fail(InputErrorKind::NotText, detail));
        }

        let layout = sniff::sniff(&beginning);
        let mut input = Self {
            name: name.clone(),
            path: None,
            source,
            layout,
            has_header: true,
            columns: ByteRecord::new(),
            phone_column: 0,
            numbering: options.numbering,
            rows: 0,
        };
        let first = match input.records(false).next_record()? {
            Some(record) => record,
            None => return Err(fail(InputErrorKind::Empty, "is empty: there is no number to check")),
        };
        input.choose_column(&first, options).map_err(|undecided| fail(undecided.kind, &undecided.detail))?;
        if !input.has_header {
            input.layout.content = input.layout.start;
        }
        input.look_through(&first)?;
        Ok(input)
    }

    fn refuse_unpaired_quotes(&self) -> Result<(), InputError> {
        let content = self.source.reader(self.layout.start);
        let unpaired = quotes::find_unpaired(content, self.layout.read_separator());
        let line =
            |line: u64| line + self.layout.preamble.iter().filter(|byte| **byte == b'\n').count() as u64;
        let detail = match unpaired.map_err(|source| InputError::io(&self.name, "read", source))? {
            None => return Ok(()),
            Some(Unpaired::NeverClosed(at)) => {
                format!("a quotation mark is opened in line {} and never closed", line(at))
            }
            Some(Unpaired::TextBehind(at)) => format!(
                "text stands behind a closing quotation mark in line {}: look for one that is missing there or above",
                line(at)
            ),
        };
        Err(InputError::new(InputErrorKind::UnpairedQuote, &self.name, detail))
    }

    fn choose_column(&mut self, first: &ByteRecord, options: &Options) -> Result<(), column::Undecided> {
        let one_column = first.len() == 1;
        let (place, named) = match &options.column {
            Some(wanted) => column::find(first, wanted)?,
            None if one_column => (0, false),
            None => (column::guess(first)?, true),
        };
        let cell = first.get(place).unwrap_or_default();
        let is_data = match normalise(cell) {
            // A row stays one when its number was forgotten.
            Ok(_) | Err(Reject::Forgotten) => true,
            Err(Reject::Blank) => one_column,
            Err(_) => one_column && !column::is_known(cell) && cell.iter().any(u8::is_ascii_digit),
        };
        self.phone_column = place;
        self.has_header = named || !is_data;
        Ok(())
    }

    fn look_through(&mut self, first: &ByteRecord) -> Result<(), InputError> {
        let mut widest = first.len();
        let mut records = self.records(self.has_header);
        while records.advance()? {
            widest = widest.max(records.record.len());
            self.rows += 1;
        }
        let named = if self.has_header { first.len() } else { 0 };
        for place in 0..widest {
            match first.get(place) {
                Some(name) if place < named => self.columns.push_field(name),
                _ if place == self.phone_column => self.columns.push_field(b"phone"),
                _ => self.columns.push_field(format!("column_{}", place + 1).as_bytes()),
            }
        }
        Ok(())
    }

    /// Records from the first line with content, or from behind it.
    fn records(&self, skip_first: bool) -> Rows {
        let reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(self.layout.read_separator())
            .buffer_capacity(64 * 1024)
            .from_reader(Bounded { from: self.source.reader(self.layout.content), since_row: 0 });
        Rows {
            reader,
            record: ByteRecord::new(),
            name: self.name.clone(),
            phone_column: self.phone_column,
            numbering: self.numbering,
            skip_first,
            number: 0,
            ended: false,
        }
    }
}

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Input")
            .field("name", &self.name)
            .field("rows", &self.rows)
            .field("columns", &self.columns.len())
            .field("phone_column", &self.phone_column)
            .field("has_header", &self.has_header)
            .finish_non_exhaustive()
    }
}

/// A row of an input. `Debug` shows no cell.
pub(crate) struct Row {
    /// Which row it is, counted from 1, the header and empty lines not counted.
    pub(crate) number: u64,
    /// Its cells, byte for byte as in the file but for the quotes around them.
    pub(crate) cells: ByteRecord,
    /// The phone number, or why there is none that can be sent.
    pub(crate) phone: Result<PhoneNumber, Reject>,
}

impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Row")
            .field("number", &self.number)
            .field("cells", &self.cells.len())
            .field("phone", &self.phone)
            .finish()
    }
}

/// One reading of an input's rows, in order. After an error there is nothing more.
pub(crate) struct Rows {
    reader: csv::Reader<Bounded>,
    record: ByteRecord,
    name: String,
    phone_column: usize,
    numbering: Numbering,
    skip_first: bool,
    number: u64,
    ended: bool,
}

impl Rows {
    /// Reads the next row into `self.record`; `false` at the end.
    fn advance(&mut self) -> Result<bool, InputError> {
        if self.ended {
            return Ok(false);
        }
        loop {
            self.reader.get_mut().since_row = 0;
            match self.reader.read_byte_record(&mut self.record) {
                Ok(true) if self.skip_first => self.skip_first = false,
                Ok(true) => {
                    self.number += 1;
                    return Ok(true);
                }
                Ok(false) => {
                    self.ended = true;
                    return Ok(false);
                }
                Err(error) => {
                    self.ended = true;
                    return Err(self.error(error));
                }
            }
        }
    }

    fn next_record(mut self) -> Result<Option<ByteRecord>, InputError> {
        Ok(self.advance()?.then_some(self.record))
    }

    fn error(&self, error: csv::Error) -> InputError {
        match error.into_kind() {
            csv::ErrorKind::Io(source) if is_too_long(&source) => InputError::new(
                InputErrorKind::RowTooLong,
                &self.name,
                format!(
                    "row {} is larger than 1 MiB: look for a quotation mark that is opened and never closed there",
                    self.number + 1
                ),
            ),
            csv::ErrorKind::Io(source) => InputError::io(&self.name, "read", source),
            other => InputError::io(&self.name, "read", io::Error::other(csv_problem(&other))),
        }
    }
}

impl Iterator for Rows {
    type Item = Result<Row, InputError>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.advance() {
            Ok(true) => {
                // Not cloned: the reader's own record keeps the size of the largest row so far.
                let mut cells = ByteRecord::with_capacity(self.record.as_slice().len(), self.record.len());
                cells.extend(&self.record);
                let phone = self.numbering.read(cells.get(self.phone_column).unwrap_or_default());
                Some(Ok(Row { number: self.number, cells, phone }))
            }
            Ok(false) => None,
            Err(error) => Some(Err(error)),
        }
    }
}

impl fmt::Debug for Rows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rows").field("number", &self.number).finish_non_exhaustive()
    }
}

/// The other kinds do not occur with byte records of any length; none of their texts may repeat a cell.
fn csv_problem(_: &csv::ErrorKind) -> &'static str {
    "the file is no CSV"
}

/// Lets one row take no more than [`LARGEST_ROW`] bytes, so that memory stays bounded whatever the quotes do.
struct Bounded {
    from: SourceReader,
    since_row: usize,
}

impl Read for Bounded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.since_row > LARGEST_ROW {
            return Err(io::Error::new(io::ErrorKind::InvalidData, TooLong));
        }
        let read = self.from.read(buffer)?;
        self.since_row += read;
        Ok(read)
    }
}

#[derive(Debug)]
struct TooLong;

impl fmt::Display for TooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a row is too long")
    }
}

impl std::error::Error for TooLong {}

fn is_too_long(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<TooLong>())
}

#[cfg(test)]
mod tests;
