//! `numcheck plan FILE`: what checking a file would mean.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use clap::builder::BoolishValueParser;
use numcheck_bulk::{PriceTable, Scope, SystemWallClock, WallClock};
use numcheck_protocol::Endpoint;
use numcheck_protocol::number_check::Submit;
use numcheck_tables::TableFile;
use serde::Serialize;
use serde_json::{Value, json};

use crate::batching::BatchingArgs;
use crate::commands::arguments::{CONCURRENCY, Prices, asking_takes};
use crate::commands::reuse::{Again, note_account, say_doubts};
use crate::commands::typed;
use crate::durable::{Counted, Prepared, Shape, StoreAt, Survey, estimate};
use crate::exit::{Exit, Failure};
use crate::input::InputArgs;
use crate::level::Level;
use crate::print;

/// Say what checking a file would mean. Sends nothing.
///
/// Counts rows, invalid ones, duplicates, numbers that were paid for already, and batches, and says how long submitting takes at least and what it
/// costs where a price is known.
#[derive(Debug, Args)]
pub(crate) struct Plan {
    /// The numbers.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    input: InputArgs,
    /// What would be checked.
    #[arg(long, env = "NUMCHECK_LEVEL", hide_env_values = true, value_enum, default_value_t = Level::Basic)]
    level: Level,
    #[command(flatten)]
    together: BatchingArgs,
    #[command(flatten)]
    prices: Prices,
    #[command(flatten)]
    again: Again,
    #[command(flatten)]
    store: StoreAt,
    /// List the cells that hold no number that can be sent: the line or row of the sheet, the cell as it stands there, and why.
    #[arg(long, env = "NUMCHECK_SHOW_INVALID", hide_env_values = true, value_parser = BoolishValueParser::new())]
    show_invalid: bool,
    /// Print one JSON object.
    #[arg(long, env = "NUMCHECK_JSON", hide_env_values = true, value_parser = BoolishValueParser::new())]
    json: bool,
}

/// A cell that holds no number that can be sent.
#[derive(Serialize)]
struct InvalidCell {
    row: u64,
    line: u64,
    cell: String,
    reason: &'static str,
    message: String,
}

/// The cells of a table that hold no number that can be sent.
fn invalid_cells(table: &TableFile) -> Result<Vec<InvalidCell>, Failure> {
    let mut lines = table.line_counter();
    let mut cells = Vec::new();
    for row in table.rows() {
        let row = row?;
        let Err(reject) = row.phone else { continue };
        let line = lines
            .line_of(&row)
            .map_err(|error| Failure::new(format!("{} cannot be read", table.name())).because(error))?;
        let cell = String::from_utf8_lossy(row.phone_cell()).into_owned();
        cells.push(InvalidCell {
            row: row.number,
            line,
            cell,
            reason: reject.reason(),
            message: reject.to_string(),
        });
    }
    Ok(cells)
}

impl Plan {
    pub(crate) async fn run(self) -> Result<Exit, Failure> {
        typed::check_level(self.level)?;
        let input = self.input.read(&self.file, self.level).await?;
        let store = self.store.open_existing().await?;
        let mut prices = match &store {
            Some(store) => store.prices().await.map_err(Failure::of)?,
            None => PriceTable::default(),
        };
        prices.merge(&self.prices.table()?);
        // Without an account nothing is known about its dialect, nor what it has paid for.
        let account = self.level.account().ok();
        let shape = match (&store, &account) {
            _ if self.level == Level::Privacy => Shape::one_by_one(),
            (Some(store), Some(account)) => {
                Shape::of(&self.together, false, &**store, &account.fingerprint).await?
            }
            _ => Shape::for_unknown(&self.together),
        };
        let Prepared { mut plan, rows, duplicates, invalid, warnings } = Counted::read(&input)?.plan(shape);
        let level = self.level.figure();
        let now_ms = SystemWallClock.now_ms();
        let freshness = self.again.freshness(self.level, now_ms);
        let survey = match (&store, &account) {
            (Some(store), Some(account)) => {
                let known = store.scopes().await.map_err(Failure::of)?;
                let scope = |account: &str| Scope::new(account, self.level.service(), level);
                // An earlier release's spelling of the address: the run makes it this one's.
                let spelled = account
                    .earlier
                    .iter()
                    .find(|earlier| known.iter().any(|known| known.account == **earlier));
                let is_known = known.iter().any(|known| known.account == account.fingerprint);
                let name = spelled.filter(|_| !is_known).unwrap_or(&account.fingerprint);
                Survey::of(&**store, &scope(name), &plan, freshness).await?
            }
            _ => Survey::unknown(&plan),
        };
        let what = self.again.what();
        let groups = survey.to_send(what);
        let to_send: u64 = groups.values().sum();
        plan.set_apart(|number| survey.leaves_out(number, what));
        let estimate = estimate(&groups, &prices, level);
        let shortest = match self.level {
            Level::Privacy => asking_takes(to_send, CONCURRENCY),
            _ => Duration::from_millis(plan.shortest_ms(Submit::INFO.rates)),
        };
        let invalid_cells = if self.show_invalid { invalid_cells(&input)? } else { Vec::new() };
        let encoding = (!input.form().is_workbook).then(|| input.form().encoding.to_string());
        if self.json {
            let groups: Vec<Value> =
                plan.groups().map(|(group, numbers)| json!({"group": group, "numbers": numbers})).collect();
            let known: serde_json::Map<String, Value> = estimate
                .known
                .iter()
                .map(|(currency, sum)| (currency.to_string(), sum.to_string().into()))
                .collect();
            let fresh = if self.again.again { 0 } else { survey.fresh.count };
            print::json(&json!({
                "to_send": to_send, "reused": fresh, "stale": survey.stale(), "under_way": survey.under_way, "in_doubt": survey.doubts(),
                "other_level": survey.other_level, "retryable": survey.passing,
                "rows": rows, "numbers": plan.numbers(), "duplicates": duplicates, "invalid": invalid, "level": self.level.as_str(),
                "batches": plan.batches(), "batch_size": plan.batch_size(), "groups": groups, "shortest_seconds": shortest.as_secs_f64(),
                "cost": known, "numbers_without_price": estimate.unknown, "warnings": warnings, "encoding": encoding,
                "sheet": input.form().sheet, "column": input.phone_column(),
                "invalid_cells": self.show_invalid.then_some(invalid_cells),
            }))?;
            return Ok(Exit::Settled);
        }
        print::data(&format!(
            "{}: {} to check, {}",
            print::count(rows, "row"),
            print::count(plan.numbers(), "number"),
            print::count(duplicates, "duplicate")
        ))?;
        self.show_known(&survey, to_send, now_ms)?;
        if let (Some(store), Some(account)) = (&store, &account)
            && let Some(note) = note_account(&**store, account, self.level.service()).await?
        {
            print::data(&format!("  {note}; `run` asks"))?;
        }
        if let Some(store) = &store {
            say_doubts(&**store, &survey, &prices, level).await?;
        }
        for (reason, count) in &invalid {
            print::data(&format!("  {count} invalid: {}", reason.replace('_', " ")))?;
        }
        for InvalidCell { line, cell, message, .. } in &invalid_cells {
            print::data(&format!("    line {line}: `{}`: {message}", cell.replace('\n', " ")))?;
        }
        let sheet = input.form().sheet.as_ref().map_or(String::new(), |sheet| format!(" of sheet `{sheet}`"));
        print::data(&format!("  read from column `{}`{sheet}", input.phone_column()))?;
        if let Some(encoding) = encoding.filter(|_| !input.form().encoding.is_utf8()) {
            print::data(&format!("  read as {encoding}: --encoding NAME where that is wrong"))?;
        }
        if input.is_broken_utf8() {
            print::data(
                "  some bytes are not UTF-8 and are passed on as they are: --encoding NAME where it is another encoding",
            )?;
        }
        for warning in &warnings {
            print::data(&format!("  warning: {warning}"))?;
        }
        print::data(&format!(
            "{} of at most {} at level {}:",
            print::count(plan.batches(), "batch"),
            print::count(plan.batch_size() as u64, "number"),
            self.level.as_str()
        ))?;
        for (group, numbers) in plan.groups() {
            print::data(&format!("  {group}\t{}", print::count(numbers, "number")))?;
        }
        print::data(&format!("submitting takes at least {:.1} s", shortest.as_secs_f64()))?;
        print::data(&format!("cost: {estimate}"))?;
        Ok(Exit::Settled)
    }

    fn show_known(&self, survey: &Survey, to_send: u64, now_ms: u64) -> Result<(), Failure> {
        let age =
            |at_ms: u64| humantime::format_duration(Duration::from_secs(now_ms.saturating_sub(at_ms) / 1000));
        let Survey { fresh, old, from_the_future, passing, under_way, other_level, .. } = survey;
        let have = |count| print::form(count, "has", "have");
        let are = |count| print::form(count, "is", "are");
        if fresh.count > 0 {
            print::data(&format!(
                "  {} {} a fresh result, {} to {} old{}",
                fresh.count,
                have(fresh.count),
                age(fresh.newest_ms),
                age(fresh.oldest_ms),
                match (self.again.again, fresh.count) {
                    (true, 1) => ", and is paid for again",
                    (true, _) => ", and are paid for again",
                    (false, 1) => ", and is reused",
                    (false, _) => ", and are reused",
                }
            ))?;
        }
        if old.count > 0 {
            print::data(&format!(
                "  {} {} an older result, {} to {} old: `run` asks, --max-age AGE or --again decides",
                old.count,
                have(old.count),
                age(old.newest_ms),
                age(old.oldest_ms)
            ))?;
        }
        let counts = [
            (*from_the_future, have(*from_the_future), "a result of unknown age"),
            (*passing, "failed", "for a reason that passes: --retry-failed checks again"),
            (*under_way, are(*under_way), "under way"),
            (survey.doubts(), are(survey.doubts()), "in doubt and may have been charged"),
            (*other_level, have(*other_level), "a result of another level only, which is not reused"),
        ];
        for (count, verb, what) in counts.into_iter().filter(|(count, ..)| *count > 0) {
            print::data(&format!("  {count} {verb} {what}"))?;
        }
        print::data(&format!("  {to_send} would be sent"))
    }
}
