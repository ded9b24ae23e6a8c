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

use crate::commands::arguments::{Level, Prices};
use crate::durable::{Prepared, StoreAt};
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
    /// How many numbers would travel in one request.
    #[arg(long, env = "NUMCHECK_BATCH_SIZE", hide_env_values = true, default_value_t = 2000, value_name = "N",
          value_parser = clap::value_parser!(u16).range(1..=5000))]
    batch_size: u16,
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
        let mut prices = match self.store.open_existing().await? {
            Some(store) => store.prices().await.map_err(Failure::of)?,
            None => PriceTable::default(),
        };
        prices.prefer(&self.prices.table()?);
        let Prepared { plan, rows, duplicates, invalid } = Prepared::read(&input, self.batch_size)?;
        let level = self.level.check_level().get();
        let estimate = plan.estimate(&prices, level);
        let shortest = std::time::Duration::from_millis(plan.shortest_ms(Submit::INFO.rates));
        if self.json {
            let groups: Vec<Value> = plan
                .groups()
                .map(|(group, numbers, batches)| json!({"group": group, "numbers": numbers, "batches": batches}))
                .collect();
            let known: serde_json::Map<String, Value> = estimate
                .known
                .iter()
                .map(|(currency, sum)| (currency.to_string(), sum.to_string().into()))
                .collect();
            print::json(&json!({
                "rows": rows, "numbers": plan.numbers(), "duplicates": duplicates, "invalid": invalid, "level": self.level.as_str(),
                "batches": plan.batches(), "groups": groups, "shortest_seconds": shortest.as_secs_f64(),
                "cost": known, "numbers_without_price": estimate.unknown,
            }))?;
            return Ok(Exit::Settled);
        }
        print::data(&format!("{rows} rows: {} numbers to check, {duplicates} duplicates", plan.numbers()))?;
        for (reason, count) in &invalid {
            print::data(&format!("  {count} invalid: {}", reason.replace('_', " ")))?;
        }
        print::data(&format!("{} batches at level {}:", plan.batches(), self.level.as_str()))?;
        for (group, numbers, batches) in plan.groups() {
            print::data(&format!("  {group}\t{numbers} numbers\t{batches} batches"))?;
        }
        print::data(&format!("submitting takes at least {:.1} s", shortest.as_secs_f64()))?;
        print::data(&format!("cost: {estimate}"))?;
        Ok(Exit::Settled)
    }
}
