//! `numcheck doctor`: looks at everything that a run needs, and says what to mend.
//!
//! It makes no call that costs or changes anything: one query about a batch that does not exist, and pushes to a receiver of its own. No secret,
//! no phone number and no URL that may be one is in what it says.

mod accounts;
mod check;
mod place;
mod pushes;
mod reach;

use std::net::SocketAddr;

use clap::Args;
use clap::builder::BoolishValueParser;
use serde_json::json;

use crate::call::Network;
use crate::commands::arguments::{PublicUrl, listen_address};
use crate::config::{self, Given, Source};
use crate::durable::StoreAt;
use crate::exit::{Exit, Failure};
use crate::print;
use check::{Check, State};

/// Look at everything that a run needs, and say what to mend. Costs nothing, and checks no number.
///
/// Settings and where each comes from, the clock, the way to both platforms, the keys, the public URL, the store, and who else can read what
/// only you should. Ends with 0, or with 3 where something is to be mended.
#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// Where a run would listen for results, such as 0.0.0.0:8080.
    #[arg(long, env = "NUMCHECK_LISTEN", hide_env_values = true, value_name = "ADDR", value_parser = listen_address)]
    listen: Option<SocketAddr>,
    #[command(flatten)]
    public_url: PublicUrl,
    #[command(flatten)]
    store: StoreAt,
    #[command(flatten)]
    network: Network,
    /// Print one JSON object.
    #[arg(long, env = "NUMCHECK_JSON", hide_env_values = true, value_parser = BoolishValueParser::new())]
    json: bool,
}

impl Doctor {
    pub(crate) async fn run(self) -> Result<Exit, Failure> {
        let given = config::given();
        if !self.json {
            print::data("settings")?;
            if given.is_empty() {
                print::data("  none: everything is as it is by default")?;
            }
            for setting in &given {
                print::data(&setting_line(setting))?;
            }
            print::data("checks")?;
        }
        let mut checks = Vec::new();
        // Each is told as soon as it is known: some take their time.
        let mut tell = |new: Vec<Check>| -> Result<(), Failure> {
            for check in new {
                if !self.json {
                    print::data(&check.to_string())?;
                }
                checks.push(check);
            }
            Ok(())
        };
        tell(place::config())?;
        tell(accounts::check(&self.network).await)?;
        tell(vec![pushes::check(self.listen, &self.public_url, &self.network).await])?;
        tell(place::store(&self.store).await)?;
        tell(place::permissions(&self.store))?;

        let bad = checks.iter().filter(|check| check.state == State::Bad).count();
        if self.json {
            print::json(&json!({"ok": bad == 0, "settings": given, "checks": checks}))?;
        }
        Ok(if bad == 0 { Exit::Settled } else { Exit::Unsettled })
    }
}

/// A setting on a line: what it is called, its value, and where it comes from.
fn setting_line(setting: &Given) -> String {
    let name = setting.key.unwrap_or(setting.variable);
    let from = match (setting.from, setting.line, config::profile()) {
        (Source::Profile, Some(line), Some(profile)) => format!("profile {}, line {line}", profile.name),
        _ => setting.variable.to_owned(),
    };
    format!("  {name:<27} {} ({from})", setting.value)
}
