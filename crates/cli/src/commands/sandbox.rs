//! `numcheck sandbox`: both platforms on this machine.
//!
//! It charges nobody and reaches nobody: results are pushed to loopback addresses only.

use std::net::SocketAddr;

use clap::Args;
use clap::builder::BoolishValueParser;
use serde::Serialize;

use crate::exit::{Exit, Failure};
use crate::print;
use crate::stop::Stop;

/// Run both platforms on this machine, without an account and without cost.
///
/// Runs until SIGTERM or Ctrl-C. The account is made up, and the same at every start.
#[derive(Debug, Args)]
pub(crate) struct Sandbox {
    /// Where NXCLOUD listens; port 0 lets the system choose.
    #[arg(
        long,
        env = "NUMCHECK_SANDBOX_NXCLOUD",
        hide_env_values = true,
        default_value = "127.0.0.1:0",
        value_name = "ADDR"
    )]
    nxcloud: SocketAddr,
    /// Where QXT listens; port 0 lets the system choose.
    #[arg(
        long,
        env = "NUMCHECK_SANDBOX_QXT",
        hide_env_values = true,
        default_value = "127.0.0.1:0",
        value_name = "ADDR"
    )]
    qxt: SocketAddr,
    /// How long a check takes. The platform's own takes 10 seconds to 5 minutes.
    #[arg(
        long,
        env = "NUMCHECK_CALLBACK_DELAY",
        hide_env_values = true,
        default_value = "1s",
        value_name = "DURATION"
    )]
    callback_delay: humantime::Duration,
    /// How long a minute is between two tries of a push that was not answered with 200.
    #[arg(
        long,
        env = "NUMCHECK_SANDBOX_MINUTE",
        hide_env_values = true,
        default_value = "60s",
        value_name = "DURATION"
    )]
    minute: humantime::Duration,
    /// Print one JSON object with addresses and account.
    #[arg(long, env = "NUMCHECK_JSON", hide_env_values = true, value_parser = BoolishValueParser::new())]
    json: bool,
    /// Print the magic numbers, and end.
    #[arg(long, env = "NUMCHECK_MAGIC", hide_env_values = true, value_parser = BoolishValueParser::new())]
    magic: bool,
}

/// One line for scripts; its keys are a fixed interface.
#[derive(Serialize)]
struct Listening<'a> {
    nxcloud: String,
    qxt: String,
    access_key: &'a str,
    access_secret: &'a str,
    appkey: &'a str,
    qxt_api_key: &'a str,
}

impl Sandbox {
    pub(crate) async fn run(self) -> Result<Exit, Failure> {
        if self.magic {
            return magic();
        }
        // Listening for signals comes first: who reads our line may send one at once.
        let stop = Stop::on_signal("")?;
        let sandbox = numcheck_sandbox::Sandbox::builder()
            .nxcloud_addr(self.nxcloud)
            .qxt_addr(self.qxt)
            .callback_delay(self.callback_delay.into())
            .minute(self.minute.into())
            .start()
            .await
            .map_err(|error| Failure::new("the sandbox cannot be started").because(error))?;
        let account = sandbox.account();
        let listening = Listening {
            nxcloud: sandbox.nxcloud_url(),
            qxt: sandbox.qxt_url(),
            access_key: &account.access_key,
            access_secret: account.access_secret.expose(),
            appkey: account.appkey.expose(),
            qxt_api_key: account.qxt_api_key.expose(),
        };
        if self.json {
            print::json(&listening)?;
        } else {
            let Listening { nxcloud, qxt, access_key, access_secret, appkey, qxt_api_key } = &listening;
            print::data(&format!(
                "export NXCLOUD_BASE_URL={nxcloud}\nexport NXCLOUD_ACCESS_KEY={access_key}\n\
                 export NXCLOUD_ACCESS_SECRET={access_secret}\nexport NXCLOUD_APPKEY={appkey}\n\
                 export QXT_BASE_URL={qxt}\nexport QXT_API_KEY={qxt_api_key}"
            ))?;
            print::say(
                "numcheck: the sandbox is listening; use the lines above in another terminal, end it with Ctrl-C",
            );
        }
        stop.wait().await;
        sandbox.shutdown().await;
        Ok(Exit::Settled)
    }
}

fn magic() -> Result<Exit, Failure> {
    for row in numcheck_sandbox::MAGIC {
        print::data(&format!("{}\t{}\t{}\t{}", row.endpoint, row.pattern, row.example, row.effect))?;
    }
    Ok(Exit::Settled)
}
