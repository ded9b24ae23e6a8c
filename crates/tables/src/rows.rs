//! The rows of a table, in order.

use std::fmt;
use std::io::{self, Read};
use std::ops::Range;

use csv::ByteRecord;
use numcheck_protocol::PhoneNumber;

use crate::error::{ReadError, ReadErrorKind};
use crate::numbering::Numbering;
use crate::reject::Reject;
use crate::source::SourceReader;

/// The largest row in bytes. A larger one is what an unclosed quote makes of a file.
const MAX_ROW_LEN: usize = 1024 * 1024;

/// A row of a table. `Debug` shows no cell.
#[non_exhaustive]
pub struct TableRow {
    /// Which row it is, counted from 1, the header and empty lines not counted.
    pub number: u64,
    /// The phone number, or why there is none that can be sent.
    pub phone: Result<PhoneNumber, Reject>,
    cells: ByteRecord,
    phone_column: usize,
    /// Where it begins in the copy, empty lines in front of it included.
    start: u64,
}

impl TableRow {
    /// Its cells in UTF-8, but for the quotes around them as in the file.
    pub fn cells(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        (0..self.cells.len()).map(|place| self.cells.get(place).unwrap_or_default())
    }

    pub(crate) fn start(&self) -> u64 {
        self.start
    }

    /// The cell with the phone number, as it stands there.
    pub fn phone_cell(&self) -> &[u8] {
        self.cells.get(self.phone_column).unwrap_or_default()
    }
}

impl fmt::Debug for TableRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TableRow")
            .field("number", &self.number)
            .field("cells", &self.cells.len())
            .field("phone", &self.phone)
            .finish()
    }
}

/// One reading of a table's rows, in order. After an error there is nothing more.
pub struct TableRows {
    reader: csv::Reader<Bounded>,
    record: ByteRecord,
    name: String,
    phone_column: usize,
    numbering: Numbering,
    skip_first: bool,
    number: u64,
    content: u64,
    ended: bool,
}

impl TableRows {
    pub(crate) fn new(
        from: SourceReader,
        name: &str,
        separator: u8,
        (phone_column, numbering): (usize, Numbering),
        skip_first: bool,
        content: u64,
    ) -> Self {
        let reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(separator)
            .buffer_capacity(64 * 1024)
            .from_reader(Bounded { from, since_row: 0 });
        Self {
            reader,
            record: ByteRecord::new(),
            name: name.to_owned(),
            phone_column,
            numbering,
            skip_first,
            number: 0,
            content,
            ended: false,
        }
    }

    /// Reads the next row into [`record`](Self::record); `false` at the end.
    pub(crate) fn advance(&mut self) -> Result<bool, ReadError> {
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

    pub(crate) fn record(&self) -> &ByteRecord {
        &self.record
    }

    /// Where the row that was read last begins in the copy, empty lines in front of it included.
    pub(crate) fn start(&self) -> u64 {
        self.content + self.record.position().map_or(0, csv::Position::byte)
    }

    pub(crate) fn next_record(mut self) -> Result<Option<ByteRecord>, ReadError> {
        Ok(self.advance()?.then_some(self.record))
    }

    /// The phone cell of the row that was read last, and where the row is in the copy.
    pub(crate) fn range(&self) -> (&[u8], Range<u64>) {
        let range = self.start()..self.content + self.reader.position().byte();
        (self.record.get(self.phone_column).unwrap_or_default(), range)
    }

    fn error(&self, error: csv::Error) -> ReadError {
        match error.into_kind() {
            csv::ErrorKind::Io(source) if is_too_long(&source) => ReadError::new(
                ReadErrorKind::RowTooLong,
                &self.name,
                format!(
                    "row {} is larger than 1 MiB: look in a text for a quotation mark that is opened and never closed there",
                    self.number + 1
                ),
            ),
            csv::ErrorKind::Io(source) => ReadError::io(&self.name, "read", source),
            // The other kinds do not occur with byte records of any length; none of their texts may repeat a cell.
            _ => ReadError::io(&self.name, "read", io::Error::other("the file is no CSV")),
        }
    }
}

impl Iterator for TableRows {
    type Item = Result<TableRow, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.advance() {
            Ok(true) => {
                // Not cloned: the reader's own record keeps the size of the largest row so far.
                let mut cells = ByteRecord::with_capacity(self.record.as_slice().len(), self.record.len());
                cells.extend(&self.record);
                let phone = self.numbering.read(cells.get(self.phone_column).unwrap_or_default());
                let (number, start, phone_column) = (self.number, self.start(), self.phone_column);
                Some(Ok(TableRow { number, phone, cells, phone_column, start }))
            }
            Ok(false) => None,
            Err(error) => Some(Err(error)),
        }
    }
}

impl fmt::Debug for TableRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TableRows").field("number", &self.number).finish_non_exhaustive()
    }
}

/// Lets one row take no more than [`MAX_ROW_LEN`] bytes, so that memory stays bounded whatever the quotes do.
struct Bounded {
    from: SourceReader,
    since_row: usize,
}

impl Read for Bounded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.since_row > MAX_ROW_LEN {
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
