//! Shared by the verbs that make a single call: the account, the printed outcome, the exit code.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use clap::builder::BoolishValueParser;
use numcheck_protocol::number_check::{Query, Submit};
use numcheck_protocol::{Endpoint, Info, Lang, Rate};
use numcheck_transport::{
    self as transport, CallError, CallErrorKind, ClientBuilder, Limits, RateLimits, Sent, Trust,
};
use serde::Serialize;

use crate::config;
use crate::drift;
use crate::exit::{Exit, Failure};
use crate::needed;
use crate::print;
use crate::stop::Stop;

/// How to reach a platform.
#[derive(Clone, Debug, Args)]
pub(crate) struct Network {
    /// Trust the certificates of this PEM file too.
    #[arg(long, env = "NUMCHECK_CA_FILE", hide_env_values = true, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// Trust the certificates that this machine trusts, instead of the built-in list.
    #[arg(long, env = "NUMCHECK_PLATFORM_CA", hide_env_values = true, value_parser = BoolishValueParser::new())]
    platform_ca: bool,
    /// Send over plain http to another machine than this one, where everybody on the way can read and change what is sent.
    #[arg(
        long,
        env = "NUMCHECK_ALLOW_PLAIN_HTTP",
        hide_env_values = true,
        value_parser = BoolishValueParser::new()
    )]
    allow_plain_http: bool,
    /// How long one call may take, all its attempts included.
    #[arg(
        long,
        env = "NUMCHECK_TIMEOUT",
        hide_env_values = true,
        default_value = "60s",
        value_name = "DURATION"
    )]
    timeout: humantime::Duration,
}

impl Network {
    /// These settings as a change of the transport.
    pub(crate) fn settings(
        &self,
    ) -> Result<impl FnOnce(ClientBuilder) -> ClientBuilder + Send + use<>, Failure> {
        let mut trust =
            if self.platform_ca { Trust::platform().map_err(Failure::of)? } else { Trust::webpki() };
        if let Some(path) = &self.ca_file {
            let cannot = || format!("--ca-file: {} cannot be used", path.display());
            let pem = std::fs::read(path).map_err(|error| Failure::usage(cannot()).because(error))?;
            trust = trust.and_pem(&pem).map_err(|error| Failure::usage(cannot()).because(error))?;
        }
        let mut limits = Limits::default();
        limits.total = self.timeout.into();
        limits.connect = limits.connect.min(limits.total);
        limits.response = limits.response.min(limits.total);
        let allow_plain_http = self.allow_plain_http;
        Ok(move |transport: ClientBuilder| {
            let transport = transport.trust(trust).limits(limits);
            if allow_plain_http { transport.allow_plain_http() } else { transport }
        })
    }
}

/// The NXCLOUD account of the environment.
pub(crate) fn nxcloud(network: &Network) -> Result<numcheck_nxcloud::Client, Failure> {
    nxcloud_at(network, RateLimits::documented())
}

fn nxcloud_at(network: &Network, limits: RateLimits) -> Result<numcheck_nxcloud::Client, Failure> {
    needed::check(needed::NXCLOUD)?;
    let settings = network.settings()?;
    let builder = numcheck_nxcloud::ClientBuilder::from_lookup(config::value).map_err(Failure::setting)?;
    let builder = builder.transport(|transport| settings(transport).rate_limits(limits));
    builder.build().map_err(Failure::setting)
}

/// Whether the environment's platform is this machine itself: a sandbox or a test, where nothing is paid.
pub(crate) fn is_loopback() -> Result<bool, Failure> {
    let url = config::env().text("NXCLOUD_BASE_URL").map_err(Failure::setting)?;
    Ok(transport::is_loopback(url.as_deref().unwrap_or(numcheck_nxcloud::Client::BASE_URL)))
}

/// The account with its application, which pays for number checks.
pub(crate) fn number_check(network: &Network) -> Result<numcheck_nxcloud::Client, Failure> {
    number_check_at(network, RateLimits::documented())
}

const MINUTE: Duration = Duration::from_secs(60);

/// The same for a job on a platform whose minute is so long. Its submits wait for a turn that all processes on the store share, and not
/// for one of this client; its queries for both, because a query that was refused is repeated by the client.
pub(crate) fn number_check_of_job(
    network: &Network,
    minute: Duration,
) -> Result<numcheck_nxcloud::Client, Failure> {
    let limits =
        RateLimits::documented().without(Submit::INFO.id).with(Query::INFO.id, rates(&Query::INFO, minute));
    number_check_at(network, limits)
}

fn number_check_at(network: &Network, limits: RateLimits) -> Result<numcheck_nxcloud::Client, Failure> {
    needed::check(needed::NUMBER_CHECK)?;
    nxcloud_at(network, limits)
}

/// The limits of an endpoint where the platform's minute is so long: as many requests in a shorter time.
pub(crate) fn rates(info: &Info, minute: Duration) -> Vec<Rate> {
    let scaled = |rate: &Rate| {
        let per_ms = f64::from(rate.per_ms) * minute.as_secs_f64() / MINUTE.as_secs_f64();
        Rate { per_ms: per_ms as u32, ..*rate }
    };
    info.rates.iter().map(scaled).collect()
}

/// How QXT is asked.
#[derive(Clone, Debug, Args)]
pub(crate) struct QxtArgs {
    /// Of QXT: ask by GET. Then key and number stand in the URL, where proxies and servers log them; and a proxy may repeat a GET, which is charged again.
    #[arg(long, env = "NUMCHECK_GET", hide_env_values = true, value_parser = BoolishValueParser::new())]
    get: bool,
    /// Of QXT: the path below QXT_BASE_URL, where it is not /ssPhone_Privacy: the document's own examples spell it /ssphone_privacy.
    #[arg(long, env = "QXT_PATH", hide_env_values = true, value_name = "PATH")]
    qxt_path: Option<String>,
}

/// The QXT account of the environment.
pub(crate) fn qxt(network: &Network, args: &QxtArgs) -> Result<numcheck_qxt::Client, Failure> {
    let settings = network.settings()?;
    let mut builder = numcheck_qxt::ClientBuilder::from_lookup(config::value).map_err(Failure::setting)?;
    if let Some(path) = &args.qxt_path {
        builder = builder.path(path);
    }
    builder.get(args.get).transport(settings).build().map_err(Failure::setting)
}

/// What a verb of calls that must not be made twice says at the first signal.
pub(crate) const STOPPING: &str =
    "numcheck: stopping: nothing more is sent; what is on its way is waited for, 2 s at most";

/// What level privacy says at the first signal: nobody can be asked afterwards for what is paid.
pub(crate) const STOPPING_PRIVACY: &str = "numcheck: stopping: no further number is asked about, and the answers that are under way are waited for, \
    because they are paid for; once more ends at once, and leaves them in doubt";

/// How long a request that is on its way is waited for once somebody asked to stop.
const ON_ITS_WAY: Duration = Duration::from_secs(2);

/// Makes a call that must not be made twice: not at all once somebody asked to stop. One that is on its way then has 2 s for its answer, and
/// is in doubt after that.
pub(crate) async fn once<T>(
    stop: &Stop,
    info: &Info,
    call: impl Future<Output = Result<T, CallError>>,
) -> Result<T, CallError> {
    let stopped = |sent| Err(CallError::transport(info, transport::SendError::cancelled(info, sent)));
    if stop.asked() {
        return stopped(Sent::No);
    }
    stop.race_with_grace(ON_ITS_WAY, call).await.unwrap_or_else(|| stopped(Sent::Maybe))
}

/// A call that did not succeed, for a machine.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Unsuccessful {
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<&'static str>,
    sent: &'static str,
    may_have_been_charged: bool,
    error: String,
}

impl From<&CallError> for Unsuccessful {
    fn from(error: &CallError) -> Self {
        let refusal = error.refusal();
        Self {
            outcome: outcome(error),
            code: refusal.map(|refusal| refusal.code()),
            name: refusal.and_then(|refusal| refusal.name()),
            message: refusal.and_then(|refusal| refusal.text()).map(str::to_owned),
            advice: refusal.map(|refusal| refusal.advice(Lang::En)),
            sent: error.sent().as_str(),
            may_have_been_charged: error.may_have_happened(),
            error: error.to_string(),
        }
    }
}

/// `refused`, `not_sent`, `in_doubt`; or `failed`, for a call that only reads and got no answer.
pub(crate) fn outcome(error: &CallError) -> &'static str {
    match error.kind() {
        CallErrorKind::Refused => "refused",
        _ if error.may_have_happened() => "in_doubt",
        _ if error.sent() == Sent::No => "not_sent",
        _ => "failed",
    }
}

/// Shows a call that did not succeed, and says how the command ends.
pub(crate) fn unsuccessful(error: &CallError, json: bool) -> Result<Exit, Failure> {
    if json {
        print::json(&Unsuccessful::from(error))?;
    }
    print::complain(error);
    drift::tell(error.drift());
    Ok(exit_of(error))
}

/// How a command whose one call did not succeed ends.
pub(crate) fn exit_of(error: &CallError) -> Exit {
    match error.kind() {
        CallErrorKind::Value => Exit::Usage,
        _ if matches!(outcome(error), "not_sent" | "failed") => Exit::Failed,
        _ => Exit::Unsettled,
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use numcheck_protocol::number_check::Get;
    use tokio::time::sleep;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_stop_sends_nothing_more_and_leaves_in_doubt_what_does_not_answer() {
        let stop = Stop::for_test();
        let answer = |seconds| async move {
            sleep(Duration::from_secs(seconds)).await;
            Ok::<_, CallError>(seconds)
        };
        assert_eq!(once(&stop, &Get::INFO, answer(50)).await.unwrap(), 50);
        let asking = async {
            sleep(Duration::from_secs(10)).await;
            stop.ask();
        };
        let (in_time, too_late, ()) =
            tokio::join!(once(&stop, &Get::INFO, answer(11)), once(&stop, &Get::INFO, answer(13)), asking);
        assert_eq!(in_time.unwrap(), 11);
        let error = too_late.unwrap_err();
        assert_eq!((outcome(&error), exit_of(&error)), ("in_doubt", Exit::Unsettled), "{error}");

        let begun = Cell::new(false);
        let call = async {
            begun.set(true);
            Ok::<_, CallError>(())
        };
        let error = once(&stop, &Get::INFO, call).await.unwrap_err();
        assert_eq!((outcome(&error), exit_of(&error)), ("not_sent", Exit::Failed), "{error}");
        assert!(!begun.get());
    }
}
