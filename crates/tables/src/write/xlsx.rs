//! Rows as a workbook with one sheet. Rows go to a temporary file first, so that memory does not grow with them.

use std::borrow::Cow;
use std::io::{self, Read, Seek, SeekFrom, Write};

use rust_xlsxwriter::{Format, IgnoreError, Workbook, Worksheet, XlsxError};

use super::csv::lines_above;
use super::sink::Sink;
use super::{AddedColumns, CellValue, MAX_CELL_CHARACTERS, Written};
use crate::rows::TableRow;
use crate::table::TableFile;

pub(super) struct XlsxWriter<W: Write> {
    to: Sink<W>,
    workbook: Workbook,
    /// The rows above the first, the header last.
    above: Vec<Vec<String>>,
    width: usize,
    /// Cells stay texts when a person changes them.
    text: Format,
    /// The next row, from 0.
    row: u32,
    cut: u64,
}

impl<W: Write> XlsxWriter<W> {
    pub(super) fn new(to: Sink<W>, table: &TableFile, added: AddedColumns<'_>) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let mut above: Vec<Vec<String>> = Vec::new();
        for line in lines_above(table) {
            let separator = table.layout().write_separator();
            let mut reader =
                csv::ReaderBuilder::new().has_headers(false).delimiter(separator).from_reader(line);
            let record = reader.byte_records().next().and_then(Result::ok).unwrap_or_default();
            above.push(record.iter().map(text).collect());
        }
        let names = added.names.iter().map(|name| format!("{}{name}", added.prefix));
        above.push(table.columns().map(text).chain(names).collect());
        Self {
            to,
            workbook: Workbook::new(),
            text: Format::new().set_num_format("@"),
            above,
            width: table.columns().len(),
            row: 0,
            cut: 0,
        }
    }

    pub(super) fn write<'a>(
        &mut self,
        row: &TableRow,
        values: impl Iterator<Item = CellValue<'a>>,
    ) -> io::Result<()> {
        self.begin()?;
        let at = self.row;
        let sheet = self.workbook.worksheet_from_index(0).map_err(io_error)?;
        for (column, cell) in (0..).zip(row.cells()) {
            put_text(sheet, (at, column), &String::from_utf8_lossy(cell), &self.text, &mut self.cut)?;
        }
        let first = u16::try_from(self.width).unwrap_or(u16::MAX);
        for (column, value) in (first..).zip(values) {
            match value {
                CellValue::Empty => {}
                CellValue::Integer(number) => {
                    put_text(sheet, (at, column), &number.to_string(), &self.text, &mut self.cut)?
                }
                CellValue::Text(text) => put_text(sheet, (at, column), &text, &self.text, &mut self.cut)?,
                CellValue::Amount(text) => match text.parse::<f64>() {
                    Ok(amount) => drop(sheet.write_number(at, column, amount).map_err(io_error)?),
                    Err(_) => put_text(sheet, (at, column), &text, &self.text, &mut self.cut)?,
                },
            }
        }
        self.row += 1;
        Ok(())
    }

    pub(super) fn finish(mut self) -> io::Result<Written<W>> {
        self.begin()?;
        // The archive is written with steps back, which a pipe cannot take.
        let mut archive = tempfile::tempfile()?;
        self.workbook.save_to_writer(&mut archive).map_err(io_error)?;
        archive.seek(SeekFrom::Start(0))?;
        let mut archive = io::BufReader::with_capacity(64 * 1024, archive);
        let mut piece = vec![0; 64 * 1024];
        loop {
            match archive.read(&mut piece)? {
                0 => break,
                read => self.to.write_all(piece.get(..read).unwrap_or_default())?,
            }
        }
        self.to.flush()?;
        Ok(Written { to: self.to.finish()?, unmapped: 0, cut: self.cut })
    }

    /// Writes what stands above the first row.
    fn begin(&mut self) -> io::Result<()> {
        if self.above.is_empty() {
            return Ok(());
        }
        let sheet = self.workbook.add_worksheet_with_constant_memory().map_err(io_error)?;
        let bold = Format::new().set_bold();
        let above = std::mem::take(&mut self.above);
        let last = above.len() - 1;
        for (row, cells) in above.iter().enumerate() {
            for (column, cell) in (0..).zip(cells) {
                let at = u32::try_from(row).unwrap_or(u32::MAX);
                match row == last {
                    true => drop(sheet.write_string_with_format(at, column, cell, &bold).map_err(io_error)?),
                    false => put_text(sheet, (at, column), cell, &self.text, &mut self.cut)?,
                }
            }
        }
        self.row = u32::try_from(above.len()).unwrap_or(u32::MAX);
        sheet.set_freeze_panes(self.row, 0).map_err(io_error)?;
        // Digits that are text are no mistake here.
        let (last_row, last_column) = (1_048_575, 16_383);
        sheet
            .ignore_error_range(0, 0, last_row, last_column, IgnoreError::NumberStoredAsText)
            .map_err(io_error)?;
        Ok(())
    }
}

/// A cell of text: no spreadsheet takes digits in it for an amount, or carries a formula out.
fn put_text(
    sheet: &mut Worksheet,
    (row, column): (u32, u16),
    text: &str,
    format: &Format,
    cut: &mut u64,
) -> io::Result<()> {
    if text.is_empty() {
        return Ok(());
    }
    let fit = fitting(text);
    *cut += u64::from(fit.len() != text.len());
    sheet.write_string_with_format(row, column, fit.as_ref(), format).map_err(io_error)?;
    Ok(())
}

/// The text, cut to what a cell holds.
fn fitting(text: &str) -> Cow<'_, str> {
    // A character has at least as many bytes as units.
    if text.len() <= MAX_CELL_CHARACTERS || text.encode_utf16().count() <= MAX_CELL_CHARACTERS {
        return Cow::Borrowed(text);
    }
    let mut units = 1;
    let kept = text.chars().take_while(|char| {
        units += char.len_utf16();
        units <= MAX_CELL_CHARACTERS
    });
    Cow::Owned(kept.chain(['…']).collect())
}

fn io_error(error: XlsxError) -> io::Error {
    match error {
        XlsxError::IoError(error) => error,
        error => io::Error::other(error.to_string()),
    }
}
