//! In which line of a text, or row of a sheet, a row of a table is.

use std::fmt;
use std::io::{self, BufRead as _, BufReader};

use crate::rows::TableRow;
use crate::source::SourceReader;

/// Counts lines up to rows, in the rows' order.
pub struct LineCounter {
    from: BufReader<SourceReader>,
    /// A sheet's row may have line ends within its cells, which are in quotes in its copy.
    counts_rows: bool,
    is_quoted: bool,
    at: u64,
    line: u64,
}

impl LineCounter {
    pub(crate) fn new(from: SourceReader, counts_rows: bool) -> Self {
        let from = BufReader::with_capacity(64 * 1024, from);
        Self { from, counts_rows, is_quoted: false, at: 0, line: 1 }
    }

    /// The line of the text, or the row of the sheet, in which a row begins, counted from 1. The row is not before the one that was asked for last.
    ///
    /// # Errors
    /// When the copy cannot be read.
    pub fn line_of(&mut self, row: &TableRow) -> io::Result<u64> {
        self.line_at(row.start())
    }

    pub(crate) fn line_at(&mut self, start: u64) -> io::Result<u64> {
        loop {
            let bytes = self.from.fill_buf()?;
            let mut used = 0;
            let mut has_arrived = bytes.is_empty();
            for byte in bytes {
                // Empty lines in front belong to no row.
                if self.at >= start && !matches!(byte, b'\n' | b'\r') {
                    has_arrived = true;
                    break;
                }
                self.is_quoted ^= *byte == b'"';
                self.line += u64::from(*byte == b'\n' && !(self.counts_rows && self.is_quoted));
                self.at += 1;
                used += 1;
            }
            self.from.consume(used);
            if has_arrived {
                return Ok(self.line);
            }
        }
    }
}

impl fmt::Debug for LineCounter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LineCounter").field("line", &self.line).finish_non_exhaustive()
    }
}
