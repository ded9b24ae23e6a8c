//! `numcheck whatsapp …`: verification codes, for integrators.
//!
//! A code is a secret: it comes from standard input or a file, and is never shown.

use std::path::PathBuf;

use clap::builder::BoolishValueParser;
use clap::{Args, Subcommand};
use numcheck_protocol::VerificationCode;

use crate::call::{self, Network};
use crate::commands::arguments::read;
use crate::exit::{Exit, Failure};
use crate::input::normalise;
use crate::print;

#[derive(Debug, Subcommand)]
pub(crate) enum WhatsApp {
    CheckCode(CheckCode),
}

impl WhatsApp {
    pub(crate) async fn run(self) -> Result<Exit, Failure> {
        match self {
            Self::CheckCode(command) => command.run().await,
        }
    }
}

/// Ask whether a verification code is right. Uses up a guess.
///
/// The code is read from standard input, or from a file; it is no argument, because arguments can be seen in the list of processes.
#[derive(Debug, Args)]
pub(crate) struct CheckCode {
    /// The phone number that the code was sent to.
    #[arg(long, env = "NUMCHECK_PHONE", hide_env_values = true, value_name = "P")]
    phone: String,
    /// Read the code from this file instead of standard input.
    #[arg(long, env = "NUMCHECK_CODE_FILE", hide_env_values = true, value_name = "F", default_value = "-")]
    code_file: PathBuf,
    /// Print one JSON object.
    #[arg(long, env = "NUMCHECK_JSON", hide_env_values = true, value_parser = BoolishValueParser::new())]
    json: bool,
    #[command(flatten)]
    network: Network,
}

impl CheckCode {
    async fn run(self) -> Result<Exit, Failure> {
        let phone = normalise(self.phone.as_bytes())
            .map_err(|reject| Failure::usage(format!("--phone: {reject}; nothing was sent")))?;
        let client = call::nxcloud(&self.network)?;
        let text = read(&self.code_file, "--code-file")?;
        let code = std::str::from_utf8(&text).ok().and_then(|text| VerificationCode::new(text.trim()).ok());
        let Some(code) = code else {
            return Err(Failure::usage(
                "the code must be 1 to 16 letters, digits or hyphens, on one line; nothing was sent",
            ));
        };
        match client.whatsapp().check_code(phone, code).await {
            Ok(verified) => {
                call::say_drift(&verified.drift);
                if self.json {
                    print::json(&serde_json::json!({"outcome": "verified", "code": 0}))?;
                } else {
                    print::data("the code is right")?;
                }
                Ok(Exit::Settled)
            }
            Err(error) => call::unsuccessful(&error, self.json),
        }
    }
}
