//! A file of rows: opened, looked through once, and ready to be read any number of times.

use std::fmt;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};

use csv::ByteRecord;
use numcheck_protocol::PhoneNumber;
use serde::{Deserialize, Serialize};

use crate::column;
use crate::encoding::{self, Detected, TextEncoding};
use crate::error::{ReadError, ReadErrorKind};
use crate::lines::LineCounter;
use crate::numbering::{Numbering, normalise};
use crate::quotes::{self, Unpaired};
use crate::reject::Reject;
use crate::rows::TableRows;
use crate::sniff::{self, Delimiter, Layout};
use crate::source::Source;
use crate::titles;
#[cfg(feature = "workbooks")]
use crate::workbook::{self, OpenWorkbook};

/// How to read a file. The default finds everything out by itself.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ReadOptions {
    /// The phone column by its name, or by its number counted from 1; by itself when left out.
    pub column: Option<String>,
    /// How its phone numbers are read.
    pub numbering: Numbering,
    /// The encoding of a text file.
    pub encoding: Option<TextEncoding>,
    /// The sheet of a workbook by its name, or by its number counted from 1.
    pub sheet: Option<String>,
    /// What divides the cells of a text file: one character of ASCII.
    pub delimiter: Option<char>,
    /// How many lines (of a workbook, rows) stand before the header.
    pub skip_rows: Option<u64>,
    /// The first row is data already.
    pub has_no_header: bool,
}

/// What has to be known, beside its UTF-8 copy, to read a table again as it was read first: see [`TableFile::copy`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TableForm {
    /// The encoding of the file.
    pub encoding: TextEncoding,
    /// What divides cells in the copy.
    separator: Option<char>,
    /// How many lines stand before the header.
    skipped: u64,
    has_header: bool,
    /// The place of the phone column, from 0.
    phone_column: usize,
    /// The sheet that the copy is of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sheet: Option<String>,
    /// Whether the file is a workbook, and the copy one of its sheets as CSV.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_workbook: bool,
}

/// A file of rows with a phone column. Opening reads it once, so that what is wrong with the file as a whole is known at once; one row is in
/// memory at a time. Everything here blocks on files.
pub struct TableFile {
    name: String,
    path: Option<PathBuf>,
    source: Source,
    layout: Layout,
    form: TableForm,
    columns: ByteRecord,
    numbering: Numbering,
    is_broken_utf8: bool,
    row_count: u64,
    longest: Longest,
}

/// The length of the longest cell, and where its row begins.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Longest {
    pub(crate) utf16_len: usize,
    pub(crate) start: u64,
}

impl Longest {
    fn measure(&mut self, record: &ByteRecord, start: u64) {
        // A character has at least as many bytes as units.
        for cell in record.iter().filter(|cell| !cell.is_empty()) {
            if cell.len() > self.utf16_len {
                let utf16_len = String::from_utf8_lossy(cell).encode_utf16().count();
                if utf16_len > self.utf16_len {
                    *self = Self { utf16_len, start };
                }
            }
        }
    }
}

impl TableFile {
    /// Opens a file. What cannot be read twice (a pipe) is copied to a temporary file without a name.
    ///
    /// # Errors
    /// When the file cannot be read, is no text and no workbook, is empty, or its phone column is not certain.
    pub fn open(path: &Path, options: &ReadOptions) -> Result<Self, ReadError> {
        let name = path.display().to_string();
        let source = Source::open(path).map_err(|source| ReadError::io(&name, "open", source))?;
        let mut table = Self::new(source, name, options)?;
        table.path = path.canonicalize().ok();
        Ok(table)
    }

    /// The same from anything that can be read once; `name` is for messages.
    ///
    /// # Errors
    /// As [`TableFile::open`].
    pub fn from_reader(from: impl Read, name: &str, options: &ReadOptions) -> Result<Self, ReadError> {
        let source =
            Source::spool(from).map_err(|source| ReadError::io(name, "keep a temporary copy of", source))?;
        Self::new(source, name.to_owned(), options)
    }

    /// A table from its [copy](Self::copy). `None` for `form` reads a copy of which nothing else is known, as an earlier release has kept it: its
    /// encoding and quotation marks are taken as they are.
    ///
    /// # Errors
    /// As [`TableFile::open`].
    pub fn from_copy(
        copy: File,
        name: &str,
        options: &ReadOptions,
        form: Option<&TableForm>,
    ) -> Result<Self, ReadError> {
        let source = Source::of(copy).map_err(|source| ReadError::io(name, "open", source))?;
        let read = match form {
            Some(form) => AsText {
                encoding: form.encoding,
                delimiter: Delimiter::Known(form.separator.and_then(|char| u8::try_from(char).ok())),
                is_workbook: form.is_workbook,
                is_broken_utf8: false,
                skip: Some(form.skipped),
                has_header: Some(form.has_header),
                phone_column: Some(form.phone_column),
                sheet: form.sheet.clone(),
                is_of_earlier_release: false,
            },
            None => {
                let bom = source.beginning(3).map_err(|source| ReadError::io(name, "read", source))?;
                let has_bom = bom == [0xEF, 0xBB, 0xBF];
                let encoding = if has_bom { TextEncoding::UTF_8_BOM } else { TextEncoding::UTF_8 };
                AsText {
                    encoding,
                    skip: Some(0),
                    delimiter: Delimiter::FoundAsBefore,
                    is_of_earlier_release: true,
                    ..AsText::default()
                }
            }
        };
        Self::from_text(source, name.to_owned(), options, read)
    }

    /// Its rows as UTF-8 text, from the first byte; may be called again. With [`form`](Self::form) it can be [read again](Self::from_copy).
    pub fn copy(&self) -> impl Read {
        self.source.reader(0)
    }

    /// How the file is made.
    pub fn form(&self) -> &TableForm {
        &self.form
    }

    /// Every row, from the first; may be called again, and several readings do not disturb one another.
    pub fn rows(&self) -> TableRows {
        self.records(self.form.has_header)
    }

    /// Counts the lines of a text, or the rows of a sheet, up to rows.
    pub fn line_counter(&self) -> LineCounter {
        LineCounter::new(self.source.reader(0), self.form.is_workbook)
    }

    /// How many rows there are, the header not counted.
    pub fn row_count(&self) -> u64 {
        self.row_count
    }

    /// How its phone numbers are read.
    pub fn numbering(&self) -> Numbering {
        self.numbering
    }

    /// Where in [`copy`](Self::copy) rows are: those of which `is_wanted` says so, by their number from 1 and the phone number in them.
    ///
    /// # Errors
    /// As a reading of [`rows`](Self::rows).
    pub fn ranges_where(
        &self,
        mut is_wanted: impl FnMut(u64, &Result<PhoneNumber, Reject>) -> bool,
    ) -> Result<Vec<Range<u64>>, ReadError> {
        let mut rows = self.rows();
        let mut ranges = Vec::new();
        let mut number = 0;
        while rows.advance()? {
            number += 1;
            let (cell, range) = rows.range();
            if is_wanted(number, &self.numbering.read(cell)) {
                ranges.push(range);
            }
        }
        Ok(ranges)
    }

    /// Hides what a row of these bytes says, and leaves it a row with as many cells.
    pub fn blot_out(&self, row: &mut [u8]) {
        let separator = self.layout.read_separator();
        for byte in row.iter_mut().filter(|byte| ![separator, b'"', b'\r', b'\n'].contains(byte)) {
            *byte = b'*';
        }
    }

    /// The names of all columns: those of the header, then `column_N` for cells that rows have beyond it. Without a
    /// header the phone column is called `phone` and the others `column_N`.
    pub fn columns(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        (0..self.columns.len()).map(|place| self.columns.get(place).unwrap_or_default())
    }

    /// The name of the phone column as a message may show it.
    pub fn phone_column(&self) -> String {
        column::shown(&String::from_utf8_lossy(self.columns.get(self.form.phone_column).unwrap_or_default()))
    }

    /// Whether the first record names the columns.
    pub fn has_header(&self) -> bool {
        self.form.has_header
    }

    /// Whether it is UTF-8 but for some bytes, which are passed on as they are.
    pub fn is_broken_utf8(&self) -> bool {
        self.is_broken_utf8
    }

    /// What to call the file in a message: its path as given, or what it was called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where the file is, links resolved; `None` where it was none.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    pub(crate) fn layout(&self) -> &Layout {
        &self.layout
    }

    pub(crate) fn longest(&self) -> Longest {
        self.longest
    }

    fn new(source: Source, name: String, options: &ReadOptions) -> Result<Self, ReadError> {
        let cannot_read = |source| ReadError::io(&name, "read", source);
        let mut source = source;
        let mut beginning = source.beginning(sniff::LOOK_AT).map_err(cannot_read)?;
        if beginning.starts_with(&[0x1F, 0x8B]) {
            source = source.unzipped().map_err(|source| ReadError::io(&name, "unpack", source))?;
            beginning = source.beginning(sniff::LOOK_AT).map_err(cannot_read)?;
        }
        #[cfg(feature = "workbooks")]
        if workbook::is_workbook(&beginning) {
            return workbook::guarded(|| Self::from_workbook(&source, &beginning, name.clone(), options))
                .unwrap_or_else(|damage| Err(ReadError::new(ReadErrorKind::NotText, &name, damage)));
        }
        if options.sheet.is_some() {
            let detail = "is a text and has no sheets: leave the sheet out";
            return Err(ReadError::new(ReadErrorKind::NotText, &name, detail));
        }
        if let Some(detail) = sniff::other_document(&beginning) {
            return Err(ReadError::new(ReadErrorKind::NotText, &name, detail));
        }
        let likely_gbk = options.numbering.is_chinese();
        let detected = match options.encoding {
            Some(encoding) => Detected::Is(encoding),
            None => encoding::detect(source.reader(0), &beginning, likely_gbk).map_err(cannot_read)?,
        };
        let mut read = AsText { skip: options.skip_rows, ..AsText::default() };
        match detected {
            Detected::NotText => {
                return Err(ReadError::new(
                    ReadErrorKind::NotText,
                    &name,
                    "is no text and no workbook: save it as .xlsx or as \"CSV UTF-8\"",
                ));
            }
            Detected::BrokenUtf8 => read.is_broken_utf8 = true,
            Detected::Is(encoding) if encoding.is_utf8() => {
                let has_bom = beginning.starts_with(&[0xEF, 0xBB, 0xBF]);
                read.encoding = if has_bom { encoding.with_bom() } else { encoding };
            }
            Detected::Is(encoding) => {
                read.encoding = encoding;
                source = decoded(&source, encoding, &name)?;
            }
        }
        if let Some(delimiter) = options.delimiter {
            let delimiter = u8::try_from(delimiter).ok().filter(|byte| is_delimiter(*byte));
            let detail = "the delimiter is to be one character such as , ; | or a tab, and no quotation mark, letter or digit";
            let delimiter =
                delimiter.ok_or_else(|| ReadError::new(ReadErrorKind::Delimiter, &name, detail))?;
            read.delimiter = Delimiter::Known(Some(delimiter));
        }
        let table = Self::from_text(source, name, options, read)?;
        table.refuse_unpaired_quotes()?;
        Ok(table)
    }

    #[cfg(feature = "workbooks")]
    fn from_workbook(
        source: &Source,
        beginning: &[u8],
        name: String,
        options: &ReadOptions,
    ) -> Result<Self, ReadError> {
        let fail = |kind, detail: &str| ReadError::new(kind, &name, detail);
        let mut workbook = OpenWorkbook::new(source.reader(0), beginning)
            .map_err(|detail| fail(ReadErrorKind::NotText, detail))?;
        let (all, sheets) = (workbook.sheets(true), workbook.sheets(false));
        let mut table_of = |sheet: &str| {
            let copy = source.rewritten(|_, out| workbook.write_sheet(sheet, out));
            let copy = copy.map_err(|source| ReadError::io(&name, "read the sheet of", source))?;
            let read = AsText {
                delimiter: Delimiter::Known(Some(b',')),
                skip: options.skip_rows,
                is_workbook: true,
                sheet: Some(sheet.to_owned()),
                ..AsText::default()
            };
            Self::from_text(copy, name.clone(), options, read)
        };
        if let Some(wanted) = &options.sheet {
            let by_name = all.iter().find(|sheet| sheet.trim() == wanted.trim());
            let by_place =
                || wanted.trim().parse::<usize>().ok().and_then(|place| all.get(place.checked_sub(1)?));
            return match by_name.or_else(by_place) {
                Some(sheet) => table_of(sheet),
                None => Err(fail(
                    ReadErrorKind::SheetNotFound,
                    &format!("has no sheet `{}`; its sheets are {}", column::shown(wanted), sheet_list(&all)),
                )),
            };
        }
        let (mut tables, mut undecided, mut without_column) = (Vec::new(), Vec::new(), Vec::new());
        let mut first_error = None;
        for sheet in &sheets {
            match table_of(sheet) {
                Ok(table) if table.row_count > 0 || sheets.len() == 1 => tables.push((sheet.clone(), table)),
                Ok(_) => {}
                Err(error) => {
                    match error.kind() {
                        ReadErrorKind::Empty => {}
                        ReadErrorKind::NoPhoneColumn => without_column.push(sheet.clone()),
                        _ => undecided.push(sheet.clone()),
                    }
                    first_error = first_error.or(Some(error));
                }
            }
        }
        // A sheet of notes is read as one column of no numbers.
        if tables.len() > 1 && tables.iter().any(|(_, table)| table.has_phone_number()) {
            tables.retain(|(_, table)| table.has_phone_number());
        }
        // Beside a column whose name says nothing, any sheet may be the right one.
        let is_named = |table: &Self| {
            table.has_header()
                && column::is_known(table.columns.get(table.form.phone_column).unwrap_or_default())
        };
        if !tables.iter().all(|(_, table)| is_named(table)) {
            undecided.append(&mut without_column);
        }
        match (tables.pop(), first_error) {
            (Some((_, table)), _) if tables.is_empty() && undecided.is_empty() => Ok(table),
            (Some((sheet, _)), _) => {
                let mut found: Vec<String> = tables.into_iter().map(|(sheet, _)| sheet).collect();
                found.push(sheet);
                found.append(&mut undecided);
                Err(fail(
                    ReadErrorKind::AmbiguousSheet,
                    &format!("has several sheets with rows: {}", sheet_list(&found)),
                ))
            }
            (None, Some(error)) => Err(error),
            (None, None) => Err(fail(ReadErrorKind::Empty, "is empty: there is no phone number in it")),
        }
    }

    /// Whether a row holds a phone number.
    #[cfg(feature = "workbooks")]
    fn has_phone_number(&self) -> bool {
        self.rows().any(|row| row.is_ok_and(|row| row.phone.is_ok()))
    }

    fn from_text(
        source: Source,
        name: String,
        options: &ReadOptions,
        read: AsText,
    ) -> Result<Self, ReadError> {
        let beginning =
            source.beginning(sniff::LOOK_AT).map_err(|source| ReadError::io(&name, "read", source))?;
        let skipped = read.skip.unwrap_or_else(|| match options.has_no_header {
            true => 0,
            false => titles::count(&beginning, read.delimiter, options.column.as_deref()),
        });
        let too_few = || {
            let detail =
                format!("has not {skipped} lines to skip in its first {} KiB", sniff::LOOK_AT / 1024);
            ReadError::new(ReadErrorKind::Empty, &name, detail)
        };
        let layout = sniff::sniff(&beginning, read.delimiter, skipped).ok_or_else(too_few)?;
        let mut table = Self {
            name: name.clone(),
            path: None,
            source,
            form: TableForm {
                encoding: read.encoding,
                separator: layout.separator.map(char::from),
                skipped,
                has_header: true,
                phone_column: 0,
                sheet: read.sheet.clone(),
                is_workbook: read.is_workbook,
            },
            layout,
            columns: ByteRecord::new(),
            numbering: options.numbering,
            is_broken_utf8: read.is_broken_utf8,
            row_count: 0,
            longest: Longest::default(),
        };
        let Some(first) = table.records(false).next_record()? else {
            let detail = "is empty: there is no phone number in it";
            return Err(ReadError::new(ReadErrorKind::Empty, &name, detail));
        };
        let has_header = read.has_header.or(options.has_no_header.then_some(false));
        match (read.phone_column, has_header) {
            (Some(place), Some(has_header)) => {
                table.form.phone_column = place;
                table.form.has_header = has_header;
            }
            _ => table
                .choose_column(&first, options, has_header, read.is_of_earlier_release)
                .map_err(|undecided| ReadError::new(undecided.kind, &name, undecided.detail))?,
        }
        if !table.form.has_header {
            table.layout.content = table.layout.start;
        }
        table.look_through(&first)?;
        Ok(table)
    }

    fn refuse_unpaired_quotes(&self) -> Result<(), ReadError> {
        let content = self.source.reader(self.layout.start);
        let unpaired = quotes::find_unpaired(content, self.layout.read_separator());
        let before = self.layout.preamble.iter().filter(|byte| **byte == b'\n').count() as u64;
        let detail = match unpaired.map_err(|source| ReadError::io(&self.name, "read", source))? {
            None => return Ok(()),
            Some(Unpaired::NeverClosed(at)) => {
                format!("a quotation mark is opened in line {} and never closed", before + at)
            }
            Some(Unpaired::TextBehind(at)) => format!(
                "text stands behind a closing quotation mark in line {}: look for one that is missing there or above",
                before + at
            ),
        };
        Err(ReadError::new(ReadErrorKind::UnpairedQuote, &self.name, detail))
    }

    fn choose_column(
        &mut self,
        first: &ByteRecord,
        options: &ReadOptions,
        has_header: Option<bool>,
        is_of_earlier_release: bool,
    ) -> Result<(), column::Undecided> {
        let one_column = first.len() == 1;
        let (place, named) = match (&options.column, has_header) {
            (Some(wanted), Some(false)) => (column::find_by_place(first, wanted)?, false),
            (Some(wanted), _) => column::find(first, wanted)?,
            (None, _) if one_column => (0, false),
            (None, Some(false)) => (column::guess_by_cells(first)?, false),
            (None, _) if is_of_earlier_release => (column::guess_as_before(first)?, true),
            (None, _) => (column::guess(first)?, true),
        };
        let cell = first.get(place).unwrap_or_default();
        let is_data = match normalise(cell) {
            // A row stays one when its phone number was forgotten.
            Ok(_) | Err(Reject::Forgotten) => true,
            Err(Reject::Blank) => one_column,
            Err(_) => one_column && !column::is_known(cell) && cell.iter().any(u8::is_ascii_digit),
        };
        self.form.phone_column = place;
        self.form.has_header = has_header.unwrap_or(named || !is_data);
        Ok(())
    }

    fn look_through(&mut self, first: &ByteRecord) -> Result<(), ReadError> {
        let mut widest = first.len();
        self.longest.measure(first, self.layout.content);
        let mut records = self.records(self.form.has_header);
        while records.advance()? {
            widest = widest.max(records.record().len());
            self.longest.measure(records.record(), records.start());
            self.row_count += 1;
        }
        let named = if self.form.has_header { first.len() } else { 0 };
        for place in 0..widest {
            match first.get(place) {
                Some(name) if place < named => self.columns.push_field(name),
                _ if place == self.form.phone_column => self.columns.push_field(b"phone"),
                _ => self.columns.push_field(format!("column_{}", place + 1).as_bytes()),
            }
        }
        Ok(())
    }

    /// Records from the first line with content, or from behind it.
    fn records(&self, skip_first: bool) -> TableRows {
        TableRows::new(
            self.source.reader(self.layout.content),
            &self.name,
            self.layout.read_separator(),
            (self.form.phone_column, self.numbering),
            skip_first,
            self.layout.content,
        )
    }
}

impl fmt::Debug for TableFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TableFile")
            .field("name", &self.name)
            .field("rows", &self.row_count)
            .field("columns", &self.columns.len())
            .field("form", &self.form)
            .finish_non_exhaustive()
    }
}

/// How text is read of which more is known than its bytes say.
#[derive(Clone, Debug, Default)]
struct AsText {
    encoding: TextEncoding,
    delimiter: Delimiter,
    is_workbook: bool,
    is_broken_utf8: bool,
    skip: Option<u64>,
    has_header: Option<bool>,
    phone_column: Option<usize>,
    sheet: Option<String>,
    /// Names of columns mean what they meant to an earlier release.
    is_of_earlier_release: bool,
}

/// The text as UTF-8.
fn decoded(source: &Source, encoding: TextEncoding, name: &str) -> Result<Source, ReadError> {
    let mut malformed = None;
    let copy = source.rewritten(|from, out| -> io::Result<()> {
        malformed = encoding::decode(BufReader::new(from), encoding, out)?.err();
        Ok(())
    });
    let copy = copy.map_err(|source| ReadError::io(name, "keep a UTF-8 copy of", source))?;
    match malformed {
        None => Ok(copy),
        Some(line) => Err(ReadError::new(
            ReadErrorKind::Encoding,
            name,
            format!("is not whole as {encoding}: line {line} holds bytes that are nothing in it"),
        )),
    }
}

fn is_delimiter(byte: u8) -> bool {
    byte == b'\t' || byte == b' ' || (byte.is_ascii_punctuation() && byte != b'"')
}

#[cfg(feature = "workbooks")]
fn sheet_list(sheets: &[String]) -> String {
    const MOST: usize = 12;
    let mut shown: Vec<String> =
        sheets.iter().take(MOST).map(|sheet| format!("`{}`", column::shown(sheet))).collect();
    if sheets.len() > MOST {
        shown.push(format!("and {} more", sheets.len() - MOST));
    }
    shown.join(", ")
}
