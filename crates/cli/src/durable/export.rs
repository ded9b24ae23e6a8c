//! Writes a job's rows with their results, at any time, half-way too.
//!
//! One row out per row in, in the input's order.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use clap::Args;
use numcheck_bulk::failpoint::die_at;
use numcheck_bulk::store::RowFate;
use numcheck_bulk::{Job, Store};
use numcheck_protocol::Text;

use super::fate::{FateReader, is_left};
use super::prepare::{is_invented, notes_of};
use super::report::Totals;
use numcheck_tables::{TableFile, TableFormat, TableRow, TextEncoding, WriteOptions};

use crate::exit::Failure;
use crate::output::{CheckRow, CheckState, ColumnsArgs, Target, Writer};

/// How many rows are read from the store at a time.
const PAGE: u32 = 2000;

/// Where results are written, and how.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct OutputArgs {
    /// Where results are written: standard output otherwise. The end of the name decides the format: .csv, .tsv, .jsonl, .xlsx, and .gz behind one of the
    /// first three; without an end, and for a pipe or device, text as the input. An existing file is replaced at the end.
    #[arg(short, long, env = "NUMCHECK_OUTPUT", hide_env_values = true, value_name = "OUT")]
    output: Option<PathBuf>,
    /// The encoding of a text file of results, such as utf-8-bom, by which Excel recognises UTF-8; that of the input otherwise.
    #[arg(long, env = "NUMCHECK_OUTPUT_ENCODING", hide_env_values = true, value_name = "NAME")]
    output_encoding: Option<TextEncoding>,
    #[command(flatten)]
    columns: ColumnsArgs,
}

/// Where rows go, and in which form.
#[derive(Clone, Debug)]
pub(crate) struct Destination {
    args: OutputArgs,
    json: bool,
}

impl OutputArgs {
    /// The destination; with `json` what goes to standard output is JSON lines.
    pub(crate) fn destination(&self, json: bool) -> Destination {
        Destination { args: self.clone(), json }
    }
}

impl Destination {
    /// Opens it, before anything is sent.
    pub(crate) fn create(&self, input: &TableFile) -> Result<Writer, Failure> {
        let columns = self.args.columns.get()?;
        let folder = self.file().and_then(Path::parent).filter(|folder| !folder.as_os_str().is_empty());
        if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
            return Err(Failure::usage(format!(
                "--output: there is no folder {}: make it, or name another; nothing was sent",
                folder.display()
            )));
        }
        Ok(Writer::create(self.target(), self.options()?, input, &columns)?)
    }

    /// The file, when it is one.
    pub(crate) fn file(&self) -> Option<&Path> {
        self.args.output.as_deref().filter(|path| *path != Path::new("-"))
    }

    fn target(&self) -> Target<'_> {
        self.file().map_or(Target::Stdout, Target::File)
    }

    fn options(&self) -> Result<WriteOptions, Failure> {
        let mut options = WriteOptions::default();
        let is_special = |path: &Path| path.metadata().is_ok_and(|there| !there.is_file() && !there.is_dir());
        (options.format, options.gzip) = match self.file() {
            Some(path) if !is_special(path) => TableFormat::from_path(path)
                .map_err(|error| Failure::usage(format!("--output: {error}; nothing was sent")))?,
            None if self.json => (TableFormat::JsonLines, false),
            _ => (TableFormat::LikeInput, false),
        };
        options.encoding = self.args.output_encoding;
        let has_encoding = !matches!(options.format, TableFormat::JsonLines | TableFormat::Xlsx);
        if options.encoding.is_some() && !has_encoding {
            return Err(Failure::usage(
                "--output-encoding is for text files of results: JSON is UTF-8, and a workbook has none; nothing was sent",
            ));
        }
        Ok(options)
    }
}

/// Writes every row. What is not settled yet stands there as `pending`, `in_doubt` or `missing`.
pub(crate) async fn export(
    store: &dyn Store,
    job: &Job,
    input: &TableFile,
    not_sent: Option<&str>,
    writer: &mut Writer,
) -> Result<Totals, Failure> {
    let reading = FateReader::of(job, not_sent);
    let mut totals = Totals::new(store.drift(job.id).await.map_err(Failure::of)?, is_invented(job));
    let mut fates = Fates { store, job: job.id, page: VecDeque::new(), last: None, over: false };
    for (at, row) in (0..).zip(input.rows()) {
        let row = row?;
        let fate = fates.of(at).await?;
        let state = match (&row.phone, fate) {
            // Where the job has still the same rows, an earlier release has read this cell in another way: what was sent counts.
            (Ok(number), Some(fate)) if *number != fate.number && is_replaced(store, job).await? => {
                return Err(rows_replaced());
            }
            (_, Some(fate)) => {
                reading.check(&fate, |check| finish(&row, &fate, check, writer, &mut totals))?
            }
            (Err(reject), None) => {
                let check = CheckRow::invalid(*reject);
                totals.explain(&check);
                writer.write(&row, &check)?;
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
    if is_replaced(store, job).await? {
        return Err(rows_replaced());
    }
    Ok(totals)
}

/// Whether the job has the rows of another file by now.
async fn is_replaced(store: &dyn Store, job: &Job) -> Result<bool, Failure> {
    let now = store.job(&job.name).await.map_err(Failure::of)?;
    let (Some(Ok(now)), Ok(own)) = (now.as_ref().map(notes_of), notes_of(job)) else { return Ok(false) };
    Ok(!now.reads_as(&own))
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

/// What stands in the message of a result that a sandbox has invented: in the file itself, where it is not mistaken for a real one.
fn invented(check: &CheckRow<'_>) -> String {
    const INVENTED: &str = "invented by a sandbox";
    let said = check.message.as_deref().or(check.result.text.as_ref().map(Text::as_str)).unwrap_or_default();
    if said.is_empty() { INVENTED.to_owned() } else { format!("{INVENTED}: {said}") }
}

/// Counts a row and writes it.
fn finish(
    row: &TableRow,
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
    if totals.is_invented() && fate.result.is_some() {
        check.message = Some(invented(&check).into());
    }
    writer.write(row, &check)?;
    Ok(check.state)
}
