//! The sheets of a workbook as CSV: a comma between cells, a line for each row of the sheet, an empty one for an empty row.
//!
//! An `.xlsx` is read cell by cell; its texts that several cells share, and a whole sheet of the other formats, stand in memory.

use std::io::{BufReader, BufWriter, Write};

use calamine::{Data, DataRef, ExcelDateTime, Reader as _, SheetType, SheetVisible, Sheets, Xlsx};

use crate::source::SourceReader;

type Workbook = Sheets<BufReader<SourceReader>>;

/// A workbook that is open.
pub(crate) struct OpenWorkbook(Workbook);

/// Whether these bytes begin a workbook, or another archive.
pub(crate) fn is_workbook(beginning: &[u8]) -> bool {
    matches!(beginning, [b'P', b'K', 3, 4, ..] | [0xD0, 0xCF, 0x11, 0xE0, ..])
}

/// The name of the thread on which workbooks are read. A damaged one may make the reader of its format panic: that is an error of the file, and a
/// program's panic hook may keep silent about this thread.
pub const WORKBOOK_THREAD: &str = "numcheck-workbook";

/// Reads a workbook on a thread of its own.
///
/// # Errors
/// When reading it panics, or there is no thread: the sentence for a person.
pub(crate) fn guarded<T: Send>(read: impl FnOnce() -> T + Send) -> Result<T, &'static str> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name(WORKBOOK_THREAD.to_owned()).spawn_scoped(scope, read);
        thread.map_err(|_| "cannot be read now: no thread can be started")?.join().map_err(|_| DAMAGED)
    })
}

const DAMAGED: &str =
    "is an archive or a damaged workbook: open it in a spreadsheet and save it as .xlsx or as CSV";

impl OpenWorkbook {
    /// # Errors
    /// When it is no workbook, is damaged or asks for a password: the sentence for a person.
    pub(crate) fn new(reader: SourceReader, beginning: &[u8]) -> Result<Self, &'static str> {
        let reader = || BufReader::with_capacity(64 * 1024, reader.clone());
        let is_archive = beginning.starts_with(b"PK");
        // What Excel encrypts is an archive within a container of the old format.
        let is_protected = |bytes: &[u8]| {
            let name: Vec<u8> = "EncryptedPackage".encode_utf16().flat_map(u16::to_le_bytes).collect();
            bytes.windows(name.len()).any(|window| window == name)
        };
        if !is_archive && is_protected(beginning) {
            return Err("is protected by a password: save a copy without one");
        }
        let opened = match is_archive {
            true => Xlsx::new(reader())
                .map(Sheets::Xlsx)
                .or_else(|_| calamine::Ods::new(reader()).map(Sheets::Ods))
                .or_else(|_| calamine::Xlsb::new(reader()).map(Sheets::Xlsb))
                .ok(),
            false => calamine::Xls::new(reader()).map(Sheets::Xls).ok(),
        };
        opened.map(Self).ok_or(DAMAGED)
    }

    /// The names of its sheets with rows that a person sees, in their order; when `hidden`, of all.
    pub(crate) fn sheets(&self, hidden: bool) -> Vec<String> {
        let sheets = self.0.sheets_metadata().iter();
        let sheets = sheets.filter(|sheet| {
            sheet.typ == SheetType::WorkSheet && (hidden || sheet.visible == SheetVisible::Visible)
        });
        sheets.map(|sheet| sheet.name.clone()).collect()
    }

    /// Writes a sheet as CSV.
    ///
    /// # Errors
    /// When the sheet cannot be read, or `to` takes no more.
    pub(crate) fn write_sheet(&mut self, name: &str, to: impl Write) -> std::io::Result<()> {
        let mut out = SheetWriter::new(to);
        match &mut self.0 {
            Sheets::Xlsx(workbook) => {
                let mut cells = workbook.worksheet_cells_reader(name).map_err(damaged)?;
                while let Some(cell) = cells.next_cell().map_err(damaged)? {
                    let (row, column) = cell.get_position();
                    if let Some(text) = text_of_ref(cell.get_value()) {
                        out.put(row, column, text)?;
                    }
                }
            }
            other => {
                let range = other.worksheet_range(name).map_err(damaged)?;
                let (first_row, first_column) = range.start().unwrap_or_default();
                for (row, column, value) in range.used_cells() {
                    if let Some(text) = text_of(value) {
                        let (row, column) = (u32::try_from(row), u32::try_from(column));
                        let (Ok(row), Ok(column)) = (row, column) else { continue };
                        out.put(first_row + row, first_column + column, text)?;
                    }
                }
            }
        }
        out.finish()
    }
}

fn damaged(error: impl std::error::Error) -> std::io::Error {
    damaged_sheet(&error.to_string())
}

fn damaged_sheet(what: &str) -> std::io::Error {
    std::io::Error::new(std::io::ErrorKind::InvalidData, what)
}

/// Puts cells, which come row by row, into lines.
struct SheetWriter<W: Write> {
    out: BufWriter<W>,
    row: u32,
    cells: Vec<String>,
}

impl<W: Write> SheetWriter<W> {
    fn new(to: W) -> Self {
        Self { out: BufWriter::with_capacity(64 * 1024, to), row: 0, cells: Vec::new() }
    }

    fn put(&mut self, row: u32, column: u32, text: String) -> std::io::Result<()> {
        /// The rows and columns of a sheet; a damaged file may claim any.
        const MAX_ROWS: u32 = 1_048_576;
        const MAX_COLUMNS: u32 = 16_384;
        if row >= MAX_ROWS || column >= MAX_COLUMNS {
            return Err(damaged_sheet("a cell lies beyond the last row or column of a sheet"));
        }
        while self.row < row {
            self.end_row()?;
        }
        if self.row > row {
            return Err(damaged_sheet("its cells are in disorder"));
        }
        let place = column as usize;
        if self.cells.len() <= place {
            self.cells.resize(place + 1, String::new());
        }
        if let Some(cell) = self.cells.get_mut(place) {
            *cell = text;
        }
        Ok(())
    }

    fn end_row(&mut self) -> std::io::Result<()> {
        for (place, cell) in self.cells.drain(..).enumerate() {
            let comma = if place > 0 { "," } else { "" };
            match cell.contains([',', '"', '\n', '\r']) {
                true => write!(self.out, "{comma}\"{}\"", cell.replace('"', "\"\""))?,
                false => write!(self.out, "{comma}{cell}")?,
            }
        }
        self.row += 1;
        self.out.write_all(b"\n")
    }

    fn finish(mut self) -> std::io::Result<()> {
        if !self.cells.is_empty() {
            self.end_row()?;
        }
        self.out.flush()
    }
}

fn text_of_ref(value: &DataRef<'_>) -> Option<String> {
    match value {
        DataRef::SharedString(text) => non_empty(text),
        other => text_of(&Data::from(other.clone())),
    }
}

/// The text of a cell as a person would type it; nothing for an empty one.
fn text_of(value: &Data) -> Option<String> {
    match value {
        Data::Empty => None,
        Data::String(text) | Data::DurationIso(text) => non_empty(text),
        Data::DateTimeIso(text) => non_empty(&text.replacen('T', " ", 1)),
        Data::Int(number) => Some(number.to_string()),
        Data::Float(number) => Some(number_text(*number)),
        Data::Bool(value) => Some(if *value { "TRUE" } else { "FALSE" }.to_owned()),
        Data::DateTime(time) => Some(time_text(time)),
        Data::Error(error) => Some(error.to_string()),
    }
}

fn non_empty(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

/// A spreadsheet keeps 15 digits, and shows a whole number without a fraction.
fn number_text(number: f64) -> String {
    // Without a minus before nothing.
    if number == 0.0 { "0".to_owned() } else { number.to_string() }
}

/// A date, a time or both, as ISO 8601 has them; a duration in hours.
fn time_text(time: &ExcelDateTime) -> String {
    if time.is_duration() {
        let seconds = (time.as_f64() * 86_400.0).round();
        let (hours, rest) = ((seconds / 3600.0).trunc(), (seconds % 3600.0).abs());
        return format!("{hours}:{:02}:{:02}", (rest / 60.0).trunc(), rest % 60.0);
    }
    let (year, month, day, hour, minute, second, _) = time.to_ymd_hms_milli();
    let day = format!("{year:04}-{month:02}-{day:02}");
    match (hour, minute, second) {
        (0, 0, 0) => day,
        _ => format!("{day} {hour:02}:{minute:02}:{second:02}"),
    }
}
