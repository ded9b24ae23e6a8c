//! Writes a job's rows with their results, at any time, half-way too.
//!
//! One row out per row in, in the input's order.

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use numcheck_bulk::failpoint::die_at;
use numcheck_bulk::store::RowFate;
use numcheck_bulk::{Job, Store};

use super::fate::{FateReader, is_left};
use super::prepare::notes_of;
use super::report::Totals;
use crate::exit::Failure;
use crate::input::{Input, Row};
use crate::output::{CheckRow, CheckState, Format, Target, Writer};

/// How many rows are read from the store at a time.
const PAGE: u32 = 2000;

/// Ends of names that promise something else than rows of CSV.
const NOT_WRITTEN: [&str; 12] =
    ["xlsx", "xlsm", "xlsb", "xls", "ods", "numbers", "parquet", "json", "gz", "zip", "bz2", "zst"];

/// Where rows go, and in which form.
#[derive(Clone, Debug)]
pub(crate) struct Destination {
    pub(crate) output: Option<PathBuf>,
    pub(crate) json: bool,
}

impl Destination {
    /// Opens it, before anything is sent.
    pub(crate) fn create(&self, input: &Input) -> Result<Writer, Failure> {
        let end = self.file().and_then(Path::extension).map(|end| end.to_ascii_lowercase());
        if let Some(end) = end.as_deref().and_then(OsStr::to_str).filter(|end| NOT_WRITTEN.contains(end)) {
            return Err(Failure::usage(format!(
                "--output: .{end} is not written; name a .csv (as most spreadsheets read), or a .jsonl; nothing was sent"
            )));
        }
        Ok(Writer::create(self.target(), self.format(), input)?)
    }

    /// The file, when it is one.
    pub(crate) fn file(&self) -> Option<&Path> {
        self.output.as_deref().filter(|path| *path != Path::new("-"))
    }

    fn target(&self) -> Target<'_> {
        self.file().map_or(Target::Stdout, Target::File)
    }

    fn format(&self) -> Format {
        let json_lines = |path: &Path| path.extension().is_some_and(|end| end == "jsonl" || end == "ndjson");
        match self.file() {
            Some(path) if json_lines(path) => Format::JsonLines,
            None if self.json => Format::JsonLines,
            _ => Format::Csv,
        }
    }
}

/// Writes every row. What is not settled yet stands there as `pending`, `in_doubt` or `missing`.
pub(crate) async fn export(
    store: &dyn Store,
    job: &Job,
    input: &Input,
    not_sent: Option<&str>,
    writer: &mut Writer,
) -> Result<Totals, Failure> {
    let reading = FateReader::of(job, not_sent);
    let mut totals = Totals::new(store.drift(job.id).await.map_err(Failure::of)?);
    let mut fates = Fates { store, job: job.id, page: VecDeque::new(), last: None, over: false };
    for (at, row) in (0..).zip(input.rows()) {
        let row = row?;
        let fate = fates.of(at).await?;
        let state = match (&row.phone, fate) {
            (Ok(number), Some(fate)) if *number != fate.number => return Err(rows_replaced()),
            (_, Some(fate)) => {
                reading.check(&fate, |check| finish(&row, &fate, check, writer, &mut totals))?
            }
            (Err(reject), None) => {
                writer.write(&row, &CheckRow::invalid(*reject))?;
                CheckState::Invalid
            }
            // An earlier release has read this cell in another way: it was never part of the job.
            (Ok(_), None) => {
                let message = "not part of the job".into();
                writer.write(
                    &row,
                    &CheckRow { state: CheckState::Refused, message: Some(message), ..CheckRow::default() },
                )?;
                CheckState::Refused
            }
        };
        totals.count(state);
    }
    // Where both files have the same numbers in these rows, only the notes tell.
    let now = store.job(&job.name).await.map_err(Failure::of)?;
    if let Some(Ok(now)) = now.as_ref().map(notes_of)
        && let Ok(own) = notes_of(job)
        && (now.content != own.content || now.column != own.column)
    {
        return Err(rows_replaced());
    }
    Ok(totals)
}

/// A result must not be written beside another number.
fn rows_replaced() -> Failure {
    Failure::new("the job's rows were replaced by those of another file meanwhile: run the command again")
}

/// Reads fates page by page, along with the rows.
struct Fates<'a> {
    store: &'a dyn Store,
    job: i64,
    page: VecDeque<RowFate>,
    last: Option<u64>,
    over: bool,
}

impl Fates<'_> {
    async fn of(&mut self, row: u64) -> Result<Option<RowFate>, Failure> {
        if self.page.is_empty() && !self.over {
            die_at("export.page");
            self.page = self.store.rows(self.job, self.last, PAGE).await.map_err(Failure::of)?.into();
            self.over = self.page.is_empty();
            self.last = self.page.back().map(|fate| fate.row).or(self.last);
        }
        let is_next = self.page.front().is_some_and(|fate| fate.row == row);
        Ok(if is_next { self.page.pop_front() } else { None })
    }
}

/// Counts a row and writes it.
fn finish(
    row: &Row,
    fate: &RowFate,
    mut check: CheckRow<'_>,
    writer: &mut Writer,
    totals: &mut Totals,
) -> Result<CheckState, Failure> {
    if is_left(fate) {
        totals.leave(&fate.number);
    }
    if fate.duplicate {
        check.state = CheckState::Duplicate;
        check.result.price = None;
        check.result.currency = None;
    } else if fate.reused {
        // It was paid for by the job that has sent it.
        totals.save(&check);
        check.result.price = None;
        check.result.currency = None;
        totals.explain(&check);
    } else {
        totals.pay(&check);
        totals.explain(&check);
    }
    totals.read(&check);
    writer.write(row, &check)?;
    Ok(check.state)
}
