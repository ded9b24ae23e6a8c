//! `numcheck plan FILE`: what checking a file would mean.
//!
//! It sends nothing and writes nothing; from the store, if there is one, it takes the prices that earlier results have shown.

use std::path::PathBuf;

use clap::Args;
use clap::builder::BoolishValueParser;
use numcheck_bulk::PriceTable;
use numcheck_protocol::Endpoint;
use numcheck_protocol::number_check::Submit;
use serde_json::{Value, json};

use crate::call;
use crate::commands::arguments::{Level, Prices, Together};
use crate::durable::{Prepared, Shape, StoreAt};
use crate::exit::{Exit, Failure};
use crate::input::{Input, Options};
use crate::print;

/// Say what checking a file would mean. Sends nothing.
///
/// Counts rows, invalid ones, duplicates and batches, and says how long submitting takes at least and what it costs where a price is known.
#[derive(Debug, Args)]
pub(crate) struct Plan {
    /// The numbers.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The column that holds the numbers, by name or by its place from 1.
    #[arg(long, env = "NUMCHECK_COLUMN", hide_env_values = true, value_name = "NAME")]
    column: Option<String>,
    /// What would be checked.
    #[arg(long, env = "NUMCHECK_LEVEL", hide_env_values = true, value_enum, default_value_t = Level::Basic)]
    level: Level,
    #[command(flatten)]
    together: Together,
    #[command(flatten)]
    prices: Prices,
    #[command(flatten)]
    store: StoreAt,
    /// Print one JSON object.
    #[arg(long, env = "NUMCHECK_JSON", hide_env_values = true, value_parser = BoolishValueParser::new())]
    json: bool,
}

impl Plan {
    pub(crate) async fn run(self) -> Result<Exit, Failure> {
        let input = Input::open(&self.file, &Options { column: self.column.clone() })?;
        let store = self.store.open_existing().await?;
        let mut prices = match &store {
            Some(store) => store.prices().await.map_err(Failure::of)?,
            None => PriceTable::default(),
        };
        // Without an account nothing is known about its dialect.
        let shape = match (&store, call::account()) {
            (Some(store), Ok(account)) => Shape::of(&self.together, &**store, &account).await?,
            _ => Shape::of_unknown(&self.together),
        };
        prices.prefer(&self.prices.table()?);
        let Prepared { plan, rows, duplicates, invalid } = Prepared::read(&input, shape)?;
        let level = self.level.check_level().get();
        let estimate = plan.estimate(&prices, level);
        let shortest = std::time::Duration::from_millis(plan.shortest_ms(Submit::INFO.rates));
        if self.json {
            let groups: Vec<Value> =
                plan.groups().map(|(group, numbers)| json!({"group": group, "numbers": numbers})).collect();
            let known: serde_json::Map<String, Value> = estimate
                .known
                .iter()
                .map(|(currency, sum)| (currency.to_string(), sum.to_string().into()))
                .collect();
            print::json(&json!({
                "rows": rows, "numbers": plan.numbers(), "duplicates": duplicates, "invalid": invalid, "level": self.level.as_str(),
                "batches": plan.batches(), "batch_size": plan.batch_size(), "groups": groups, "shortest_seconds": shortest.as_secs_f64(),
                "cost": known, "numbers_without_price": estimate.unknown,
            }))?;
            return Ok(Exit::Settled);
        }
        print::data(&format!("{rows} rows: {} numbers to check, {duplicates} duplicates", plan.numbers()))?;
        for (reason, count) in &invalid {
            print::data(&format!("  {count} invalid: {}", reason.replace('_', " ")))?;
        }
        let (batches, size) = (plan.batches(), plan.batch_size());
        print::data(&format!(
            "{batches} batches of at most {size} numbers at level {}:",
            self.level.as_str()
        ))?;
        for (group, numbers) in plan.groups() {
            print::data(&format!("  {group}\t{numbers} numbers"))?;
        }
        print::data(&format!("submitting takes at least {:.1} s", shortest.as_secs_f64()))?;
        print::data(&format!("cost: {estimate}"))?;
        Ok(Exit::Settled)
    }
}
