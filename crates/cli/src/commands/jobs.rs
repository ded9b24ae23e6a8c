//! `numcheck jobs`: the jobs of the store.

use std::time::Duration;

use clap::Args;
use clap::builder::BoolishValueParser;
use numcheck_bulk::{Job, Ledger, Store, SystemWallClock, WallClock};
use serde_json::{Value, json};

use crate::commands::standing::{NextStep, Standing, open_numbers};
use crate::commands::typed;
use crate::durable::{Notes, StoreAt, amounts, by_currency};
use crate::exit::{Exit, Failure};
use crate::print;

/// List the jobs of the store, the newest first.
///
/// A job is `finished`: nothing of it is open; `open`: numbers are not sent yet, under way, in doubt or missing, and `resume` goes on with it; `closed`:
/// a later job about the same numbers replaced it, or a call of `privacy` ended before all were asked about; `planning`: its plan was never
/// finished, and nothing of it was sent; `forgotten`: only its sums are left. Behind it stands what to type next. Scripts read --json: the columns
/// are for people, and change.
#[derive(Debug, Args)]
pub(crate) struct Jobs {
    /// Print one JSON object per job.
    #[arg(long, env = "NUMCHECK_JSON", hide_env_values = true, value_parser = BoolishValueParser::new())]
    json: bool,
    #[command(flatten)]
    store: StoreAt,
}

impl Jobs {
    pub(crate) async fn run(self) -> Result<Exit, Failure> {
        list(&self.store, self.json).await
    }
}

/// Prints the jobs of a store.
pub(crate) async fn list(store: &StoreAt, json: bool) -> Result<Exit, Failure> {
    let jobs = match store.open_existing().await? {
        Some(store) => read(&*store).await?,
        None => Vec::new(),
    };
    let now_ms = SystemWallClock.now_ms();
    if json {
        jobs.iter().try_for_each(|job| print::json(&job.to_json(now_ms)))?;
    } else if jobs.is_empty() {
        print::say("numcheck: there is no job in this store: `numcheck run FILE` makes one");
    } else {
        let header = ["JOB", "AGE", "STATE", "LEVEL", "CHECKED", "OPEN", "COST", "FILE", "NEXT"];
        let rows = jobs.iter().map(|job| job.cells(now_ms));
        for line in aligned(std::iter::once(header.map(str::to_owned)).chain(rows).collect()) {
            print::data(&line)?;
        }
    }
    Ok(Exit::Settled)
}

struct Listed {
    job: Job,
    ledger: Ledger,
    notes: Notes,
    next: Option<String>,
}

async fn read(store: &dyn Store) -> Result<Vec<Listed>, Failure> {
    let mut listed = Vec::new();
    let jobs = store.jobs().await.map_err(Failure::of)?;
    let names: Vec<String> = jobs.iter().map(|job| job.name.to_string()).collect();
    for job in jobs {
        let notes = serde_json::from_value(job.spec.notes.clone()).unwrap_or_default();
        let ledger = store.ledger(job.id).await.map_err(Failure::of)?;
        let next = NextStep::of(&job, &ledger, shortest(job.name.as_str(), &names));
        let next = next.map(|next| format!("{}{}", next.command, typed::store()));
        listed.push(Listed { job, ledger, notes, next });
    }
    Ok(listed)
}

/// The shortest beginning of a name that no other one has, of four letters at least.
fn shortest<'a>(name: &'a str, names: &[String]) -> &'a str {
    const SHORTEST: usize = 4;
    let is_own = |short: &&str| names.iter().filter(|other| other.starts_with(short)).count() <= 1;
    (SHORTEST..name.len()).filter_map(|length| name.get(..length)).find(is_own).unwrap_or(name)
}

impl Listed {
    fn age(&self, now_ms: u64) -> Duration {
        Duration::from_secs(now_ms.saturating_sub(self.job.created_ms) / 1000)
    }

    fn cells(&self, now_ms: u64) -> [String; 9] {
        let Self { job, ledger, notes, next } = self;
        let done = ledger.settled + ledger.failed + ledger.reused.done + ledger.reused.failed;
        let cost = ledger.total().unwrap_or_default();
        let cost = match (cost.is_empty(), ledger.unpriced) {
            (true, 0) => "-".to_owned(),
            (true, _) => "unknown".to_owned(),
            (false, 0) => amounts(&cost),
            (false, _) => format!("{} and more", amounts(&cost)),
        };
        // A name on one line.
        let file = notes.file.replace(char::is_control, " ");
        [
            job.name.to_string(),
            print::roughly(self.age(now_ms)),
            Standing::of(job, ledger).as_str().to_owned(),
            notes.level.clone(),
            format!("{done} of {}", job.numbers),
            open_numbers(ledger).to_string(),
            cost,
            if file.is_empty() { "-".to_owned() } else { file },
            next.clone().unwrap_or_else(|| "-".to_owned()),
        ]
    }

    fn to_json(&self, now_ms: u64) -> Value {
        let Self { job, ledger, notes, next } = self;
        json!({
            "job": job.name, "state": Standing::of(job, ledger).as_str(), "created": print::rfc3339(job.created_ms),
            "age_seconds": self.age(now_ms).as_secs(), "file": notes.file, "level": notes.level,
            "rows": job.rows, "numbers": job.numbers, "settled": ledger.settled, "failed": ledger.failed,
            "reused": ledger.reused.total(), "open": open_numbers(ledger), "planned": ledger.planned, "pending": ledger.pending,
            "in_doubt": ledger.in_doubt, "missing": ledger.missing, "refused": ledger.refused,
            "cost": by_currency(&ledger.total().unwrap_or_default()), "unpriced": ledger.unpriced, "next": next,
        })
    }
}

/// Lines of which each column is as wide as its longest cell.
fn aligned<const N: usize>(rows: Vec<[String; N]>) -> Vec<String> {
    let mut widths = [0; N];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    let line = |row: &[String; N]| {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_name_is_no_other_jobs() {
        let names = ["abcd000000000000", "abcd100000000000", "ffff000000000000"].map(str::to_owned);
        let short = |name: &'static str| shortest(name, &names);
        assert_eq!(
            [short("abcd000000000000"), short("abcd100000000000"), short("ffff000000000000")],
            ["abcd0", "abcd1", "ffff"]
        );
    }

    #[test]
    fn columns_stand_below_their_names() {
        let rows = [["JOB", "FILE", "NEXT"], ["ab", "x.csv", "numcheck"], ["abcd", "名单.csv", ""]];
        let lines = aligned(rows.map(|row| row.map(str::to_owned)).to_vec());
        assert_eq!(lines, ["JOB   FILE    NEXT", "ab    x.csv   numcheck", "abcd  名单.csv"]);
    }
}
