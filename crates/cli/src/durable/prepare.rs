//! A file becomes a job: named by its content and parameters, its plan and its input kept in the store.
//!
//! It sends nothing. The same file with the same parameters is the same job, whatever the file is called.

use std::collections::BTreeMap;
use std::io::{Cursor, Read};

use numcheck_bulk::failpoint::die_at;
use numcheck_bulk::{Added, Delivery, Job, JobName, JobSpec, JobState, Plan, Planner, Store};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::shape::{Shape, USUAL_SIZE};
use crate::call::fingerprint;
use crate::commands::arguments::Level;
use crate::exit::Failure;
use crate::input::{Input, Options};
use crate::regions::{Group, group_of};

/// How much of the input is kept in one piece.
const PIECE: usize = 1 << 20;
/// How many batches are written to the store at a time.
const BATCHES: usize = 16;

/// What makes a job what it is, beside the file.
#[derive(Clone, Debug)]
pub(crate) struct Parameters {
    pub(crate) column: Option<String>,
    pub(crate) level: Level,
    pub(crate) delivery: Delivery,
    /// As it was asked for.
    pub(crate) batch_size: Option<u16>,
    /// Whose money, and where it is spent; no secret.
    pub(crate) account: String,
    /// A further job of the same file: 0 is the first.
    pub(crate) again: u32,
}

/// What the command keeps with a job, to read its input as it was read first.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Notes {
    /// What the input was called, for people.
    pub(crate) file: String,
    pub(crate) column: Option<String>,
    pub(crate) level: String,
    /// A hash of whose money it spends, and where.
    #[serde(default)]
    pub(crate) account: String,
}

impl Notes {
    /// Whether this account may go on with the job. Another one would be told that its batches are not known, and pay for them again.
    pub(crate) fn check_account(&self, account: &str) -> Result<(), Failure> {
        if self.account == fingerprint(account) {
            return Ok(());
        }
        Err(Failure::usage(
            "this job was begun with another account, or at another platform: set NXCLOUD_ACCESS_KEY and NXCLOUD_BASE_URL as they were then",
        ))
    }
}

/// What a file holds.
pub(crate) struct Prepared {
    pub(crate) plan: Plan,
    pub(crate) rows: u64,
    pub(crate) duplicates: u64,
    /// Rows that are no number, by reason.
    pub(crate) invalid: BTreeMap<&'static str, u64>,
}

impl Prepared {
    /// Reads the input once. Nothing is written.
    pub(crate) fn read(input: &Input, shape: Shape) -> Result<Self, Failure> {
        let mut planner = Planner::<Group>::default();
        let (mut rows, mut duplicates, mut invalid) = (0, 0, BTreeMap::new());
        for row in input.rows() {
            match row?.phone {
                Ok(number) => {
                    let added = planner
                        .add(rows, number, group_of)
                        .map_err(|error| Failure::usage(error.to_string()))?;
                    duplicates += u64::from(added == Added::Duplicate);
                }
                Err(reject) => *invalid.entry(reject.reason()).or_default() += 1,
            }
            rows += 1;
        }
        Ok(Self { plan: shape.plan(planner), rows, duplicates, invalid })
    }
}

impl Parameters {
    /// The job's name: a hash over the input's bytes and these parameters.
    pub(crate) fn name(&self, input: &Input) -> Result<JobName, Failure> {
        let mut hash = Sha256::new();
        let Self { column, level, delivery, batch_size, account, again } = self;
        // Each part ends with a byte that is in none of them.
        let parameters = [
            column.as_deref().unwrap_or_default().to_owned(),
            level.as_str().to_owned(),
            format!("{delivery:?}"),
            // A size of its own is asked for; which one is fastest is no part of what is asked.
            batch_size.unwrap_or(USUAL_SIZE).to_string(),
            account.clone(),
            again.to_string(),
        ];
        for part in parameters {
            hash.update(part.as_bytes());
            hash.update([0xff]);
        }
        each_piece(input, |piece| {
            hash.update(piece);
            Ok(())
        })?;
        let mut first = [0; 8];
        first.iter_mut().zip(hash.finalize()).for_each(|(to, byte)| *to = byte);
        Ok(JobName::from_hash(first))
    }
}

/// Finds the job of this input and these parameters, or makes it. Says whether it was there.
pub(crate) async fn prepare(
    store: &dyn Store,
    input: &Input,
    parameters: &Parameters,
    prepared: &Prepared,
    now_ms: u64,
) -> Result<(Job, bool), Failure> {
    let name = parameters.name(input)?;
    let notes = Notes {
        file: input.name().to_owned(),
        column: parameters.column.clone(),
        level: parameters.level.as_str().to_owned(),
        account: fingerprint(&parameters.account),
    };
    let notes = serde_json::to_value(notes)
        .map_err(|error| Failure::new("the job cannot be described").because(error))?;
    let spec = JobSpec::new(parameters.level.check_level().get(), parameters.delivery, notes);
    let job = store.create_job(&name, &spec, now_ms).await.map_err(Failure::of)?;
    if job.state == JobState::Forgotten {
        return Err(Failure::usage(format!(
            "job {name} of this file was forgotten; it was paid for once: --again makes a new job and pays again"
        )));
    }
    if job.state == JobState::Open {
        return Ok((job, true));
    }
    die_at("plan.created");
    keep_input(store, &job, input).await?;
    let mut batches = prepared.plan.cut(&job.name).peekable();
    while batches.peek().is_some() {
        let some: Vec<_> = batches.by_ref().take(BATCHES).collect::<Result<_, _>>().map_err(Failure::of)?;
        die_at("plan.batches");
        store.add_batches(job.id, some).await.map_err(Failure::of)?;
    }
    let mut duplicates = prepared.plan.duplicates().peekable();
    while duplicates.peek().is_some() {
        let some = duplicates.by_ref().take(10_000).collect();
        store.add_duplicates(job.id, some).await.map_err(Failure::of)?;
    }
    die_at("plan.finish");
    let job = store.finish_plan(job.id, prepared.rows).await.map_err(Failure::of)?;
    die_at("plan.finished");
    Ok((job, false))
}

async fn keep_input(store: &dyn Store, job: &Job, input: &Input) -> Result<(), Failure> {
    let mut bytes = input.bytes();
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

fn each_piece(input: &Input, mut use_it: impl FnMut(&[u8]) -> Result<(), Failure>) -> Result<(), Failure> {
    let mut bytes = input.bytes();
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
    serde_json::from_value(job.spec.notes.clone())
        .map_err(|error| Failure::new(format!("job {} has no input any more", job.name)).because(error))
}

/// A job's input, as it was when the job was made.
pub(crate) async fn read_back(store: &dyn Store, job: &Job) -> Result<(Input, Notes), Failure> {
    let notes = notes_of(job)?;
    let mut file =
        tempfile::tempfile().map_err(|error| Failure::new("no temporary file can be made").because(error))?;
    for sequence in 0.. {
        let Some(piece) = store.input(job.id, sequence).await.map_err(Failure::of)? else { break };
        let cannot = |error| Failure::new("the input cannot be copied to a temporary file").because(error);
        std::io::copy(&mut Cursor::new(piece), &mut file).map_err(cannot)?;
    }
    let options = Options { column: notes.column.clone() };
    let input = Input::from_file(file, &notes.file, &options)?;
    Ok((input, notes))
}
