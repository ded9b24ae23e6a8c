//! `numcheck sign`: the signature of a request.
//!
//! It prints the signature alone, never the secret, and sends nothing.

use clap::Args;
use clap::builder::BoolishValueParser;
use numcheck_signing::{sign, text_to_sign};

use crate::commands::arguments::Signed;
use crate::exit::{Exit, Failure};
use crate::print;

/// Print the signature of a request. Sends nothing.
///
/// The secret comes from NXCLOUD_ACCESS_SECRET, or from the file that NXCLOUD_ACCESS_SECRET_FILE names.
#[derive(Debug, Args)]
pub(crate) struct Sign {
    #[command(flatten)]
    request: Signed,
    /// Show the text that is signed on stderr, without the secret. It holds the body.
    #[arg(long, env = "NUMCHECK_SHOW_TEXT", hide_env_values = true, value_parser = BoolishValueParser::new())]
    show_text: bool,
}

impl Sign {
    pub(crate) async fn run(self) -> Result<Exit, Failure> {
        let signed = self.request.with(|input, secret| {
            (sign(input, secret, self.request.algorithm), self.show_text.then(|| text_to_sign(input)))
        });
        let (signature, text) = signed.await?;
        if let Some(text) = text {
            print::say(&text);
        }
        print::data(signature.as_str())?;
        Ok(Exit::Settled)
    }
}
