//! Rows as CSV, laid out like the file that was read, whose cells are written unchanged.

use std::borrow::Cow;
use std::io::{self, Write};

use csv::{ByteRecord, Terminator, Writer, WriterBuilder};

use super::sink::Sink;
use super::{AddedColumns, CellValue, TableFormat, WriteOptions, Written};
use crate::encoding::{EncodingWriter, TextEncoding};
use crate::rows::TableRow;
use crate::table::TableFile;

/// Writes the header with the first row, so that a job that fails before it leaves no file behind.
pub(super) struct CsvWriter<W: Write> {
    state: State<W>,
    builder: WriterBuilder,
    preamble: Vec<u8>,
    header: ByteRecord,
    width: usize,
}

enum State<W: Write> {
    Opened(Box<EncodingWriter<Sink<W>>>),
    Begun(Box<Writer<EncodingWriter<Sink<W>>>>),
    /// Beginning failed, and the failure was told.
    Broken,
}

/// The lines above the header, but for one that declares the separator.
pub(super) fn lines_above(table: &TableFile) -> impl Iterator<Item = &[u8]> {
    let layout = table.layout();
    layout.preamble.split_inclusive(|byte| *byte == b'\n').skip(usize::from(layout.declares_separator))
}

impl<W: Write> CsvWriter<W> {
    pub(super) fn new(
        to: Sink<W>,
        table: &TableFile,
        added: AddedColumns<'_>,
        options: WriteOptions,
    ) -> Self {
        let (layout, form) = (table.layout(), table.form());
        let separator = match (options.format, layout.write_separator()) {
            (TableFormat::Tsv, _) => b'\t',
            (TableFormat::Csv, b'\t') => b',',
            (_, separator) => separator,
        };
        let usual = match options.format {
            TableFormat::Csv if form.is_workbook => TextEncoding::UTF_8_BOM,
            _ => form.encoding,
        };
        let mut builder = WriterBuilder::new();
        builder.delimiter(separator).flexible(true).buffer_capacity(64 * 1024);
        if layout.crlf {
            builder.terminator(Terminator::CRLF);
        }
        let mut header: ByteRecord = table.columns().collect();
        for name in added.names {
            header.push_field(format!("{}{name}", added.prefix).as_bytes());
        }
        let keeps_declaration = separator == layout.write_separator();
        Self {
            state: State::Opened(Box::new(EncodingWriter::new(to, options.encoding.unwrap_or(usual)))),
            builder,
            preamble: match keeps_declaration {
                true => layout.preamble.clone(),
                false => lines_above(table).collect::<Vec<_>>().concat(),
            },
            header,
            width: table.columns().len(),
        }
    }

    pub(super) fn write<'a>(
        &mut self,
        row: &TableRow,
        values: impl Iterator<Item = CellValue<'a>>,
    ) -> io::Result<()> {
        let width = self.width;
        let writer = self.begun()?;
        let cells = row.cells();
        let missing = width.saturating_sub(cells.len());
        for cell in cells.chain(std::iter::repeat_n(&b""[..], missing)) {
            writer.write_field(cell).map_err(io_error)?;
        }
        for value in values {
            writer.write_field(text(value).as_bytes()).map_err(io_error)?;
        }
        writer.write_record(None::<&[u8]>).map_err(io_error)
    }

    pub(super) fn finish(mut self) -> io::Result<Written<W>> {
        self.begun()?;
        match self.state {
            State::Begun(writer) => {
                let encoded = writer.into_inner().map_err(|error| {
                    let error = error.into_error();
                    io::Error::new(error.kind(), error)
                })?;
                let (sink, unmapped) = encoded.finish()?;
                Ok(Written { to: sink.finish()?, unmapped, cut: 0 })
            }
            State::Opened(_) | State::Broken => Err(broken()),
        }
    }

    fn begun(&mut self) -> io::Result<&mut Writer<EncodingWriter<Sink<W>>>> {
        if let State::Opened(_) = self.state
            && let State::Opened(mut to) = std::mem::replace(&mut self.state, State::Broken)
        {
            to.write_all(&self.preamble)?;
            let mut writer = Box::new(self.builder.from_writer(*to));
            writer.write_byte_record(&self.header).map_err(io_error)?;
            self.state = State::Begun(writer);
        }
        match &mut self.state {
            State::Begun(writer) => Ok(writer),
            State::Opened(_) | State::Broken => Err(broken()),
        }
    }
}

fn text(value: CellValue<'_>) -> Cow<'_, str> {
    match value {
        CellValue::Empty => Cow::Borrowed(""),
        CellValue::Text(text) => harmless(text),
        CellValue::Integer(number) => Cow::Owned(number.to_string()),
        CellValue::Amount(text) => text,
    }
}

/// A text that a spreadsheet shows and does not carry out.
fn harmless(text: Cow<'_, str>) -> Cow<'_, str> {
    let mut chars = text.chars();
    let is_formula = match chars.next() {
        Some('=' | '@' | '\t' | '\r' | '\n' | '\u{FF1D}' | '\u{FF20}' | '\u{FF0B}' | '\u{FF0D}') => true,
        Some('+' | '-') => !chars.all(|c| c.is_ascii_digit() || c == '.'),
        _ => false,
    };
    if is_formula { Cow::Owned(format!("'{text}")) } else { text }
}

fn io_error(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        // The other kinds are about records of unequal length, which are allowed here.
        _ => io::Error::other("a row cannot be written as CSV"),
    }
}

fn broken() -> io::Error {
    io::Error::other("the output broke at its beginning")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_spreadsheet_would_carry_out_gets_an_apostrophe() {
        for (text, written) in [
            ("=HYPERLINK(\"http://x\")", "'=HYPERLINK(\"http://x\")"),
            ("@SUM(1)", "'@SUM(1)"),
            ("+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0"),
            ("-2+3", "'-2+3"),
            ("\t=1", "'\t=1"),
            ("\r=1", "'\r=1"),
            ("\n=1", "'\n=1"),
            ("＝1+1", "'＝1+1"),
            ("+85212345678", "+85212345678"),
            ("-0.1912", "-0.1912"),
            ("-1", "-1"),
            ("China Telecom", "China Telecom"),
            ("a=b", "a=b"),
            ("中国移动", "中国移动"),
            ("", ""),
        ] {
            assert_eq!(harmless(Cow::Borrowed(text)), written, "{text:?}");
        }
    }
}
