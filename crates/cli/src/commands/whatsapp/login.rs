//! `numcheck whatsapp login`: fetches the integrator's token, and shows it only if asked.

use clap::Args;
use clap::builder::BoolishValueParser;
use serde_json::json;

use super::{fail, succeed};
use crate::call::{self, Network};
use crate::drift;
use crate::exit::{Exit, Failure};

/// Ask for a token of the integrator, which shows that the account is one. Costs nothing.
///
/// No other operation here takes the token.
#[derive(Debug, Args)]
pub(crate) struct Login {
    /// Show the token, which is a secret.
    #[arg(long, env = "NUMCHECK_SHOW", hide_env_values = true, value_parser = BoolishValueParser::new())]
    show: bool,
    /// Print one JSON object.
    #[arg(long, env = "NUMCHECK_JSON", hide_env_values = true, value_parser = BoolishValueParser::new())]
    json: bool,
    #[command(flatten)]
    network: Network,
}

impl Login {
    pub(super) async fn run(self) -> Result<Exit, Failure> {
        let client = call::nxcloud(&self.network)?;
        let login = match client.whatsapp().login().await {
            Ok(login) => login,
            Err(error) => return fail(&error, self.json, ""),
        };
        drift::tell(&login.drift);
        let token = login.data.token.text();
        match token.filter(|_| self.show) {
            Some(token) => succeed(self.json, "logged_in", json!({"token": token}), &token),
            None if login.data.token.get().is_some() => {
                let more = json!({"hidden": ["token"]});
                succeed(self.json, "logged_in", more, "logged in; --show prints the token")
            }
            None => succeed(self.json, "logged_in", json!({}), "logged in; the platform gave no token"),
        }
    }
}
