//! Results as CSV, laid out like the input, whose cells are written unchanged.

use std::borrow::Cow;
use std::io::{self, Write as _};

use csv::{ByteRecord, Terminator, Writer, WriterBuilder};

use super::check::CheckRow;
use super::destination::Destination;
use super::error::{OutputError, OutputErrorKind};
use crate::input::{Input, Numbering, Row};

/// Writes the header with the first row, so that a job that fails before it leaves no file behind.
pub(super) struct CsvWriter {
    state: State,
    builder: WriterBuilder,
    preamble: Vec<u8>,
    columns: ByteRecord,
    numbering: Numbering,
}

enum State {
    Opened(Destination),
    Begun(Box<Writer<Destination>>),
    /// Beginning failed, and the failure was told.
    Broken,
}

impl CsvWriter {
    pub(super) fn new(destination: Destination, input: &Input) -> Self {
        let layout = input.layout();
        let mut builder = WriterBuilder::new();
        builder.delimiter(layout.write_separator()).flexible(true).buffer_capacity(64 * 1024);
        if layout.crlf {
            builder.terminator(Terminator::CRLF);
        }
        Self {
            state: State::Opened(destination),
            builder,
            preamble: layout.preamble.clone(),
            columns: input.columns().clone(),
            numbering: input.numbering(),
        }
    }

    pub(super) fn write(&mut self, row: &Row, check: &CheckRow<'_>) -> io::Result<()> {
        let (width, numbering) = (self.columns.len(), self.numbering);
        let writer = self.begun()?;
        for cell in &row.cells {
            writer.write_field(cell).map_err(io_error)?;
        }
        for _ in row.cells.len()..width {
            writer.write_field("").map_err(io_error)?;
        }
        for (_, value) in check.columns(numbering) {
            writer.write_field(harmless(value.unwrap_or_default()).as_bytes()).map_err(io_error)?;
        }
        writer.write_record(None::<&[u8]>).map_err(io_error)
    }

    pub(super) fn finish(mut self) -> io::Result<Destination> {
        self.begun()?;
        match self.state {
            State::Begun(writer) => writer.into_inner().map_err(|error| {
                let error = error.into_error();
                io::Error::new(error.kind(), error)
            }),
            State::Opened(_) | State::Broken => Err(broken()),
        }
    }

    fn begun(&mut self) -> io::Result<&mut Writer<Destination>> {
        if let State::Opened(_) = self.state
            && let State::Opened(mut destination) = std::mem::replace(&mut self.state, State::Broken)
        {
            destination.write_all(&self.preamble)?;
            let mut writer = Box::new(self.builder.from_writer(destination));
            for name in &self.columns {
                writer.write_field(name).map_err(io_error)?;
            }
            for name in result_columns(self.numbering) {
                writer.write_field(name).map_err(io_error)?;
            }
            writer.write_record(None::<&[u8]>).map_err(io_error)?;
            self.state = State::Begun(writer);
        }
        match &mut self.state {
            State::Begun(writer) => Ok(writer),
            State::Opened(_) | State::Broken => Err(broken()),
        }
    }
}

/// Results beside results under the same names would leave nobody knowing which are which.
pub(super) fn refuse_result_columns(input: &Input) -> Result<(), OutputError> {
    let is_result = |name: &[u8]| {
        result_columns(input.numbering())
            .any(|result| name.trim_ascii().eq_ignore_ascii_case(result.as_bytes()))
    };
    if input.columns().iter().any(is_result) {
        return Err(OutputError::new(OutputErrorKind::ResultColumns, input.name()));
    }
    Ok(())
}

fn result_columns(numbering: Numbering) -> impl Iterator<Item = String> {
    CheckRow::names(numbering).map(|name| format!("check_{name}"))
}

/// A text that a spreadsheet shows and does not carry out: see [`CheckRow`].
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
    fn no_column_of_the_design_goes_or_moves() {
        let design = "check_phone, check_state, check_code, check_message, check_level, check_valid, check_region, \
            check_dial_code, check_national, check_standard, check_number_type, check_carrier, check_validity, \
            check_reachable, check_roaming, check_ported, check_mcc, check_mnc, check_ring, check_answered, \
            check_response, check_price, check_currency, check_message_id, check_batch_no, check_time";
        let mut columns = result_columns(Numbering::International);
        for column in design.split(", ") {
            assert!(columns.any(|known| known == column), "{column} is gone or stands elsewhere");
        }
    }

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
