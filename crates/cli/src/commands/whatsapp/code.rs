//! `numcheck whatsapp get-code` and `check-code`: a verification code is sent, and checked.
//!
//! A code comes from standard input or a file and is never shown. A getCode sends a message and a check uses up a guess, so neither is made
//! twice.

use std::path::{Path, PathBuf};

use clap::builder::BoolishValueParser;
use clap::{Args, ValueEnum};
use numcheck_nxcloud::CodeCheck;
use numcheck_protocol::whatsapp::{self, CodeMethod};
use numcheck_protocol::{Endpoint, VerificationCode};
use serde_json::json;

use super::{Told, fail, succeed};
use crate::call::{self, Network};
use crate::commands::arguments::read_private;
use crate::commands::number::Number;
use crate::consent::{self, Cost, LeftOut, Question, Yes};
use crate::drift;
use crate::exit::{Exit, Failure};
use crate::print;
use crate::stop::Stop;
use crate::terminal::Terminal;

/// Have WhatsApp send a verification code to a phone number. Sends a message, which may cost money.
///
/// Asks first, unless the platform is on this machine. Sent once: an answer that was lost leaves it in doubt whether a message is on its way. A second message may make the first one's
/// code useless.
#[derive(Debug, Args)]
pub(crate) struct GetCode {
    #[command(flatten)]
    number: Number,
    /// How the code is sent.
    #[arg(long, env = "NUMCHECK_METHOD", hide_env_values = true, value_enum, default_value_t = Method::Sms)]
    method: Method,
    #[command(flatten)]
    yes: Yes,
    /// Print one JSON object.
    #[arg(long, env = "NUMCHECK_JSON", hide_env_values = true, value_parser = BoolishValueParser::new())]
    json: bool,
    #[command(flatten)]
    network: Network,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Method {
    /// A text message.
    Sms,
    /// A call.
    Voice,
}

impl GetCode {
    pub(super) async fn run(self) -> Result<Exit, Failure> {
        let phone = self.number.read().await?;
        let stop = Stop::on_signal(call::STOPPING);
        let client = call::nxcloud(&self.network)?;
        let question = Question {
            what: "sending a verification code to",
            numbers: 1,
            level: None,
            left_out: LeftOut::default(),
            cost: Cost::Undocumented,
            is_loopback: client.is_loopback(),
            stdin_is_taken: self.number.takes_stdin(),
        };
        consent::ask(&question, &self.yes).await?;
        let (method, how) = match self.method {
            Method::Sms => (CodeMethod::SMS, "text message"),
            Method::Voice => (CodeMethod::VOICE, "call"),
        };
        let call = client.whatsapp().get_code(phone, method);
        match call::once(&stop, &whatsapp::GetCode::INFO, call).await {
            Ok(sent) => {
                drift::tell(&sent.drift);
                let line = format!(
                    "a code is sent to {} by {how}; give it to `numcheck whatsapp check-code`",
                    phone.masked()
                );
                succeed(self.json, "sent", json!({}), &line)
            }
            Err(error) => fail(&error, self.json, "see whether a message arrives before asking for another"),
        }
    }
}

/// Ask whether a verification code is right. Uses up a guess.
///
/// No document says that it costs money, so it does not ask first. The code is read from standard input, or from a file; it is no argument, because arguments can be seen in the list of processes.
#[derive(Debug, Args)]
pub(crate) struct CheckCode {
    #[command(flatten)]
    number: Number,
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
    pub(super) async fn run(self) -> Result<Exit, Failure> {
        let code_on_stdin = self.code_file == Path::new("-");
        if code_on_stdin && self.number.takes_stdin() {
            return Err(Failure::usage(
                "standard input holds one thing: give the number or the code in a file; nothing was sent",
            ));
        }
        let phone = self.number.read().await?;
        let client = call::nxcloud(&self.network)?;
        let text = match Terminal::find(false).filter(|_| code_on_stdin) {
            Some(terminal) => terminal.answer("numcheck: type the code and press Enter").await?.into_bytes(),
            None => read_private(&self.code_file, "--code-file").await?,
        };
        let code = std::str::from_utf8(&text).ok().and_then(|text| VerificationCode::new(text.trim()).ok());
        let Some(code) = code else {
            return Err(Failure::usage(
                "the code must be 1 to 16 letters, digits or hyphens, on one line; nothing was sent",
            ));
        };
        let stop = Stop::on_signal(call::STOPPING);
        let call = client.whatsapp().check_code(phone, code);
        match call::once(&stop, &whatsapp::CheckCode::INFO, call).await {
            Ok(answered) => {
                drift::tell(&answered.drift);
                match answered.data {
                    CodeCheck::Verified => succeed(self.json, "verified", json!({}), "the code is right"),
                    CodeCheck::Wrong => {
                        if self.json {
                            let more = json!({ "message": answered.text });
                            print::json(&Told { outcome: "wrong", code: -1, more })?;
                        } else {
                            print::data("the code is wrong")?;
                        }
                        // The platform has the same word for a code that it has taken before, and for some of its own faults.
                        print::say(
                            "numcheck: a guess is used up; where the code was right, `numcheck whatsapp phone-list` says VERIFIED",
                        );
                        Ok(Exit::Unsettled)
                    }
                }
            }
            Err(error) => {
                let doubt = "a guess may be used up, and `numcheck whatsapp phone-list` says VERIFIED where the code was right";
                fail(&error, self.json, doubt)
            }
        }
    }
}
