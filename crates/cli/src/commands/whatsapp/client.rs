//! `numcheck whatsapp create-client`: creates the client of a verified phone number.
//!
//! Never repeated on doubt: `phone-list` shows whether it was created.

use clap::Args;
use clap::builder::BoolishValueParser;
use numcheck_protocol::{Endpoint, whatsapp};
use serde_json::json;

use super::{fail, succeed};
use crate::call::{self, Network};
use crate::commands::number::Number;
use crate::drift;
use crate::exit::{Exit, Failure};
use crate::stop::Stop;

/// Register the client of a phone number whose code was verified.
///
/// Nothing is known to be charged, so it does not ask first. Sent once: an answer that was lost leaves it in doubt. `numcheck whatsapp phone-list` shows how far it has got.
#[derive(Debug, Args)]
pub(crate) struct CreateClient {
    #[command(flatten)]
    number: Number,
    /// Print one JSON object.
    #[arg(long, env = "NUMCHECK_JSON", hide_env_values = true, value_parser = BoolishValueParser::new())]
    json: bool,
    #[command(flatten)]
    network: Network,
}

impl CreateClient {
    pub(super) async fn run(self) -> Result<Exit, Failure> {
        let phone = self.number.read().await?;
        let stop = Stop::on_signal(call::STOPPING);
        let client = call::nxcloud(&self.network)?;
        let call = client.whatsapp().create_client(phone);
        match call::once(&stop, &whatsapp::CreateClient::INFO, call).await {
            Ok(created) => {
                drift::tell(&created.drift);
                let line = format!(
                    "created a client for {}; `numcheck whatsapp phone-list` shows how far it has got",
                    phone.masked()
                );
                succeed(self.json, "created", json!({}), &line)
            }
            Err(error) => {
                let doubt = "look at `numcheck whatsapp phone-list` before asking again; a number must be verified first";
                fail(&error, self.json, doubt)
            }
        }
    }
}
