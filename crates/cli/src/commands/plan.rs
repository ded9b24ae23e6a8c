//! `numcheck plan FILE`: what checking a file would mean.
//!
//! Pure: it opens no store and no connection, and sends nothing.

use std::path::PathBuf;

use clap::Args;
use clap::builder::BoolishValueParser;
use numcheck_bulk::{PriceKey, PriceTable};
use numcheck_protocol::number_check::Submit;
use numcheck_protocol::{Currency, Endpoint, Price};
use serde_json::{Value, json};

use crate::commands::arguments::Level;
use crate::durable::Prepared;
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
    /// A price per number, such as `hlr:CN=0.05CNY`, or `hlr:*=0.01USD` for every other country. May be given several times.
    #[arg(
        long,
        env = "NUMCHECK_PRICE",
        hide_env_values = true,
        value_name = "LEVEL:COUNTRY=AMOUNT",
        value_delimiter = ','
    )]
    price: Vec<String>,
    /// Print one JSON object.
    #[arg(long, env = "NUMCHECK_JSON", hide_env_values = true, value_parser = BoolishValueParser::new())]
    json: bool,
}

impl Plan {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        let input = Input::open(&self.file, &Options { column: self.column.clone() })?;
        let prices = prices(&self.price)?;
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

fn prices(typed: &[String]) -> Result<PriceTable, Failure> {
    let mut prices = PriceTable::default();
    for text in typed {
        let (key, currency, price) = price(text).ok_or_else(|| {
            Failure::usage(
                "--price: write level, country and amount, such as hlr:CN=0.05CNY or basic:*=0.002USD",
            )
        })?;
        prices.set(key, currency, price);
    }
    Ok(prices)
}

fn price(text: &str) -> Option<(PriceKey, Currency, Price)> {
    let (level, rest) = text.split_once(':')?;
    let (group, amount) = rest.split_once('=')?;
    let level = <Level as clap::ValueEnum>::from_str(level, true).ok()?.check_level().get();
    let (price, currency) = numcheck_bulk::parse_amount(amount)?;
    Some((PriceKey { level, group: group.to_owned() }, currency, price))
}
