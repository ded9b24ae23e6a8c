//! A file becomes a job: its plan and its input are kept in the store.
//!
//! A job is about a set of phone numbers, by an account, at a level. Which file they stand in, in which order and spelling, decides only how
//! its results are written.

use std::collections::BTreeMap;
use std::io::{Cursor, Read};

use numcheck_bulk::failpoint::die_at;
use numcheck_bulk::{Added, Delivery, Job, JobSpec, JobState, Plan, Planner, Reuse, Scope, Store};
use numcheck_job::new_job_name;
use numcheck_tables::{CodelessCounts, Numbering, Region, TableFile, TableForm, region_of};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::shape::Shape;
use crate::exit::Failure;
use crate::input::read_options;
use crate::level::Level;
use crate::print;
use crate::regions::{Group, group_of};

/// How much of the input is kept in one piece.
const PIECE: usize = 1 << 20;

/// What is asked for, beside the phone numbers.
#[derive(Clone, Debug)]
pub(crate) struct Parameters {
    pub(crate) column: Option<String>,
    pub(crate) region: Option<Region>,
    pub(crate) level: Level,
    pub(crate) delivery: Delivery,
    /// A fingerprint of whose money it spends, and where.
    pub(crate) account: String,
    pub(crate) reuse: Reuse,
    /// Whether a sandbox invents the results.
    pub(crate) is_invented: bool,
}

/// What the command keeps with a job, to read its input as it was read first.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Notes {
    /// What the input was called, for people.
    pub(crate) file: String,
    pub(crate) column: Option<String>,
    pub(crate) level: String,
    /// A hash of the input's rows as they are kept: the same file is not taken in twice.
    #[serde(default)]
    pub(crate) content: String,
    /// The country in which its numbers are dialled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) region: Option<Region>,
    /// How the file was read; an earlier release has not kept it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) form: Option<TableForm>,
    /// Whether a sandbox invents the results.
    #[serde(default)]
    pub(crate) is_invented: bool,
}

impl Notes {
    /// Whether both have the same numbers in the same rows, and are written alike.
    pub(super) fn reads_as(&self, other: &Self) -> bool {
        let parts =
            |notes: &Self| (notes.content.clone(), notes.column.clone(), notes.region, notes.form.clone());
        parts(self) == parts(other)
    }
}

/// Fails unless the platform can be asked afterwards what became of the job's requests.
pub(crate) fn check_queryable(job: &Job) -> Result<(), Failure> {
    if job.spec.scope.service == Scope::NUMBER_CHECK {
        return Ok(());
    }
    Err(Failure::usage(format!(
        "job {} is a privacy check, and QXT cannot be asked afterwards: what is in doubt stays so until `numcheck resume {}` \
         with --resubmit-doubtful asks again, which may be paid twice",
        job.name, job.name
    )))
}

/// Fails unless this account may go on with the job. Another one would be told that its batches are not known.
pub(crate) fn check_account(job: &Job, account: &str) -> Result<(), Failure> {
    if job.spec.scope.account == account {
        return Ok(());
    }
    Err(Failure::usage(
        "this job was begun with another account, or at another platform: set its key and address as they were then, or run the file again, \
         which goes on with today's account and reuses nothing of the other's; nothing was sent",
    ))
}

/// What a file holds.
pub(crate) struct Prepared {
    pub(crate) plan: Plan,
    pub(crate) rows: u64,
    pub(crate) duplicates: u64,
    /// Rows that are no number, by reason.
    pub(crate) invalid: BTreeMap<&'static str, u64>,
    /// Signs that numbers lack their country code, for a person who is about to pay for them.
    pub(crate) warnings: Vec<String>,
}

/// What a file holds, before it is decided how its numbers travel together.
pub(crate) struct Counted {
    planner: Planner<Group>,
    rows: u64,
    duplicates: u64,
    invalid: BTreeMap<&'static str, u64>,
    codeless: CodelessCounts,
    /// Numbers that are dialled in the region, and whole ones of another country, too.
    ambiguous: u64,
    /// Numbers of other countries than the region.
    foreign: u64,
    column: String,
}

impl Counted {
    /// Reads the input once. Nothing is written.
    pub(crate) fn read(input: &TableFile) -> Result<Self, Failure> {
        let mut planner = Planner::<Group>::default();
        let (mut rows, mut duplicates, mut invalid) = (0, 0, BTreeMap::new());
        let (mut codeless, mut ambiguous, mut foreign) = (CodelessCounts::default(), 0, 0);
        for row in input.rows() {
            let row = row?;
            match row.phone {
                Ok(number) => {
                    match input.numbering() {
                        Numbering::International => codeless.add(&number, row.phone_cell()),
                        Numbering::National(region) => {
                            ambiguous += u64::from(input.numbering().is_ambiguous(row.phone_cell()));
                            foreign += u64::from(region_of(&number) != Some(region));
                        }
                        _ => {}
                    }
                    let added = planner.add(rows, number, group_of).map_err(Failure::setting)?;
                    duplicates += u64::from(added == Added::Duplicate);
                }
                Err(reject) => *invalid.entry(reject.reason()).or_default() += 1,
            }
            rows += 1;
        }
        Ok(Self {
            planner,
            rows,
            duplicates,
            invalid,
            codeless,
            ambiguous,
            foreign,
            column: input.phone_column(),
        })
    }

    /// Whether no row holds a number.
    pub(crate) fn is_empty(&self) -> bool {
        self.planner.is_empty()
    }

    /// The plan.
    pub(crate) fn plan(self, shape: Shape) -> Prepared {
        let mut warnings = warnings(&self.codeless, self.ambiguous, self.foreign);
        if self.planner.is_empty() && self.rows > 0 {
            warnings.push(format!("no row holds a number: is `{}` the right column?", self.column));
        }
        let Self { planner, rows, duplicates, invalid, .. } = self;
        Prepared { plan: shape.plan(planner), rows, duplicates, invalid, warnings }
    }
}

/// What tells a person that numbers lack their country code.
fn warnings(counts: &CodelessCounts, ambiguous: u64, foreign: u64) -> Vec<String> {
    let mut warnings = Vec::new();
    let (chinese, all) = (counts.chinese(), counts.numbers);
    if chinese > 0 {
        let look = print::form(chinese, "looks like a Chinese mobile", "look like Chinese mobiles");
        warnings
            .push(format!("{chinese} of {} {look} without 86: --region CN?", print::count(all, "number")));
    }
    let zero = counts.leading_zero;
    if zero > 0 {
        let begin = print::form(zero, "begins", "begin");
        warnings.push(format!(
            "{zero} of {} {begin} with 0, no country code does: --region?",
            print::count(all, "number")
        ));
    }
    // Every Chinese list has mobile numbers that are whole American ones; in a list of one country they are no sign.
    if ambiguous > 0 && foreign > 0 {
        let (can, are) =
            (print::form(ambiguous, "is dialled", "are dialled"), print::form(ambiguous, "is", "are"));
        warnings.push(format!(
            "{} {can} in the region and {are} whole in another country, too: check_phone will show which it was taken for; a + in front says so",
            print::count(ambiguous, "number")
        ));
    }
    let (invalid, sampled) = (counts.sample_invalid, counts.sampled());
    if chinese == 0 && invalid > 0 && (invalid + zero) * 2 > sampled {
        let are = print::form(invalid, "is", "are");
        warnings.push(format!(
            "{invalid} of the first {} {are} valid in no country as they stand: --region?",
            print::count(sampled, "number")
        ));
    }
    warnings
}

impl Parameters {
    /// What is paid for.
    pub(crate) fn scope(&self) -> Scope {
        Scope::new(&self.account, self.level.service(), self.level.figure())
    }

    /// The job as a store keeps it.
    pub(crate) fn spec(&self, input: &TableFile, plan: &Plan) -> Result<JobSpec, Failure> {
        let notes = Notes {
            file: input.name().to_owned(),
            column: self.column.clone(),
            level: self.level.as_str().to_owned(),
            content: content(input)?,
            region: self.region,
            form: Some(input.form().clone()),
            is_invented: self.is_invented,
        };
        let notes = serde_json::to_value(notes)
            .map_err(|error| Failure::new("the job cannot be described").because(error))?;
        Ok(JobSpec::new(self.scope(), plan.set(), self.delivery, notes).with_reuse(self.reuse))
    }
}

/// A hash of the input's rows.
fn content(input: &TableFile) -> Result<String, Failure> {
    let mut hash = Sha256::new();
    each_piece(input, |piece| {
        hash.update(piece);
        Ok(())
    })?;
    Ok(hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect())
}

/// Finds the unfinished job about these phone numbers, or makes one. Says whether it was there.
pub(crate) async fn prepare(
    store: &dyn Store,
    input: &TableFile,
    spec: &JobSpec,
    prepared: &Prepared,
    now_ms: u64,
) -> Result<(Job, bool), Failure> {
    let job =
        store.create_job(&new_job_name().map_err(Failure::of)?, spec, now_ms).await.map_err(Failure::of)?;
    if job.state != JobState::Planning {
        return Ok((follow_file(store, job, input, spec, prepared, now_ms).await?, true));
    }
    die_at("plan.created");
    keep_input(store, &job, input).await?;
    let job = prepared.plan.write(store, &job, prepared.rows).await.map_err(Failure::of)?;
    Ok((job, false))
}

/// The job goes on with the rows of this file, where it was made of another one with the same phone numbers.
async fn follow_file(
    store: &dyn Store,
    job: Job,
    input: &TableFile,
    spec: &JobSpec,
    prepared: &Prepared,
    now_ms: u64,
) -> Result<Job, Failure> {
    let known = notes_of(&job).unwrap_or_default();
    let new: Notes = serde_json::from_value(spec.notes.clone()).unwrap_or_default();
    if known.reads_as(&new) {
        return Ok(job);
    }
    // A job in planning holds the new rows until they are whole.
    let rows_of =
        JobSpec::new(spec.scope.clone(), format!("rows of {}", job.name), spec.delivery, spec.notes.clone());
    let from = store
        .create_job(&new_job_name().map_err(Failure::of)?, &rows_of, now_ms)
        .await
        .map_err(Failure::of)?;
    keep_input(store, &from, input).await?;
    prepared.plan.write_duplicates(store, &from).await.map_err(Failure::of)?;
    let rows = prepared.plan.entries().map(|(number, row, _)| (number, row)).collect();
    let replaced =
        store.replace_rows(job.id, from.id, rows, prepared.rows, &spec.notes).await.map_err(Failure::of)?;
    if !replaced {
        return Err(Failure::new(format!("job {} holds other phone numbers than this file", job.name)));
    }
    print::say(&format!(
        "numcheck: job {} was made of another file with the same numbers: its rows are this file's from now on",
        job.name
    ));
    let found = store.job(&job.name).await.map_err(Failure::of)?;
    found.ok_or_else(|| Failure::new(format!("job {} is gone", job.name)))
}

async fn keep_input(store: &dyn Store, job: &Job, input: &TableFile) -> Result<(), Failure> {
    let mut bytes = input.copy();
    for sequence in 0.. {
        let mut piece = Vec::with_capacity(PIECE);
        bytes
            .by_ref()
            .take(PIECE as u64)
            .read_to_end(&mut piece)
            .map_err(|error| Failure::new(format!("{} cannot be read", input.name())).because(error))?;
        if piece.is_empty() {
            break;
        }
        store.add_input(job.id, sequence, piece).await.map_err(Failure::of)?;
    }
    Ok(())
}

fn each_piece(
    input: &TableFile,
    mut use_it: impl FnMut(&[u8]) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut bytes = input.copy();
    let mut piece = vec![0; 64 * 1024];
    loop {
        let length = bytes
            .read(&mut piece)
            .map_err(|error| Failure::new(format!("{} cannot be read", input.name())).because(error))?;
        match piece.get(..length) {
            None | Some([]) => return Ok(()),
            Some(some) => use_it(some)?,
        }
    }
}

/// What the command has kept with a job.
pub(crate) fn notes_of(job: &Job) -> Result<Notes, Failure> {
    if job.state == JobState::Forgotten {
        return Err(Failure::usage(format!("job {} was forgotten; only its sums are left", job.name)));
    }
    serde_json::from_value(job.spec.notes.clone()).map_err(|_| {
        Failure::usage(format!(
            "job {} was made by a program and holds no file: read its rows there",
            job.name
        ))
    })
}

/// Whether a sandbox invents the results of a job.
pub(super) fn is_invented(job: &Job) -> bool {
    notes_of(job).is_ok_and(|notes| notes.is_invented)
}

/// A job's input, as it was when the job was made.
pub(crate) async fn read_back(store: &dyn Store, job: &Job) -> Result<(TableFile, Notes), Failure> {
    let notes = notes_of(job)?;
    let mut file =
        tempfile::tempfile().map_err(|error| Failure::new("no temporary file can be made").because(error))?;
    for sequence in 0.. {
        let Some(piece) = store.input(job.id, sequence).await.map_err(Failure::of)? else { break };
        let cannot = |error| Failure::new("the input cannot be copied to a temporary file").because(error);
        std::io::copy(&mut Cursor::new(piece), &mut file).map_err(cannot)?;
    }
    let level = Level::from_word(&notes.level);
    let options = read_options(notes.column.clone(), level, notes.region);
    let input = TableFile::from_copy(file, &notes.file, &options, notes.form.as_ref())?;
    Ok((input, notes))
}
