//! The accounts: their variables, the way to their platforms, the clock, and their keys.

use numcheck_bulk::{SystemWallClock, WallClock as _};
use numcheck_nxcloud::CallError;
use numcheck_protocol::number_check::{Query, QueryCode, QueryRequest};
use numcheck_protocol::{ApiKey, BatchNo, Class, Date, Lang, UtcOffset};
use numcheck_transport::env::EnvErrorKind;

use super::check::{Check, with_causes};
use super::reach::{Names, reach};
use crate::call::{self, Network};
use crate::config;
use crate::needed::{self, Needed};

/// No submit has it: what numcheck makes up itself begins with `nc-`.
const NO_BATCH: &str = "numcheck-doctor";

const NXCLOUD: Names = Names { dns: "nxcloud-dns", connection: "nxcloud-connection", tls: "nxcloud-tls" };
const QXT: Names = Names { dns: "qxt-dns", connection: "qxt-connection", tls: "qxt-tls" };

/// How far an account is set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SetUp {
    Not,
    Partly,
    Wholly,
}

/// Everything about both accounts. One that is not set up is left alone where the other one is.
pub(super) async fn check(network: &Network) -> Vec<Check> {
    let (nxcloud, nxcloud_checks) = variables("nxcloud-variables", needed::NUMBER_CHECK);
    let (qxt, qxt_checks) = variables("qxt-variables", needed::QXT);
    let mut checks = Vec::new();
    let mut ahead_ms = None;
    if nxcloud != SetUp::Not || qxt == SetUp::Not {
        checks.extend(nxcloud_checks);
        let url = address("NXCLOUD_BASE_URL", numcheck_nxcloud::Client::BASE_URL);
        let reached = reach(NXCLOUD, &url, network).await;
        checks.extend(reached.checks);
        ahead_ms = ahead_ms.or(reached.ahead_ms);
        checks.push(match (nxcloud, reached.is_reached) {
            (SetUp::Wholly, true) => nxcloud_keys(network).await,
            (SetUp::Wholly, false) => Check::skipped("nxcloud-keys", "the platform cannot be reached"),
            _ => Check::skipped("nxcloud-keys", "variables are missing"),
        });
    } else {
        checks.push(Check::skipped("nxcloud-variables", "none is set: number checks are not set up"));
    }
    if qxt != SetUp::Not || nxcloud == SetUp::Not {
        checks.extend(qxt_checks);
        let reached = reach(QXT, &address("QXT_BASE_URL", numcheck_qxt::Client::BASE_URL), network).await;
        checks.extend(reached.checks);
        ahead_ms = ahead_ms.or(reached.ahead_ms);
        if qxt == SetUp::Wholly {
            checks.push(qxt_key());
        }
    } else {
        checks.push(Check::skipped("qxt-variables", "none is set: level privacy is not set up"));
    }
    checks.push(clock(ahead_ms));
    checks
}

fn address(variable: &'static str, default: &str) -> String {
    config::env().text(variable).ok().flatten().unwrap_or_else(|| default.to_owned())
}

/// Whether all variables of an account are there, with a line for each that is not.
fn variables(name: &'static str, needed: &[Needed]) -> (SetUp, Vec<Check>) {
    let mut checks = Vec::new();
    let mut missing = 0;
    for one in needed {
        let Err(error) = one.look_up() else { continue };
        if error.kind() != EnvErrorKind::Missing {
            checks.push(Check::bad(name, error.to_string(), format!("{}: {}", one.variable, one.what)));
            continue;
        }
        missing += 1;
        let file = if one.is_secret {
            format!(", or {}_FILE to the path of a file with it", one.variable)
        } else {
            String::new()
        };
        let key = one.variable.to_ascii_lowercase().replace('_', "-");
        let in_profile = if one.is_secret { format!("{key}-file") } else { key };
        checks.push(Check::bad(
            name,
            format!("{} is not set: {}", one.variable, one.what),
            format!("{}; set {}{file}, or write {in_profile} into a profile", one.from, one.variable),
        ));
    }
    if checks.is_empty() {
        return (SetUp::Wholly, vec![Check::ok(name, "all are set")]);
    }
    (if missing == needed.len() { SetUp::Not } else { SetUp::Partly }, checks)
}

/// Asks about a batch that does not exist, which costs nothing and changes nothing.
async fn nxcloud_keys(network: &Network) -> Check {
    const NAME: &str = "nxcloud-keys";
    let date = Date::from_unix_ms(SystemWallClock.now_ms(), UtcOffset::BEIJING);
    let (Some(date), Ok(batch)) = (date, BatchNo::new(NO_BATCH)) else {
        return Check::skipped(NAME, "this machine's clock is far off");
    };
    let client = match call::number_check(network) {
        Ok(client) => client,
        Err(failure) => return Check::bad(NAME, with_causes(&failure), "correct the variable"),
    };
    let answer = client.number_check().query(QueryRequest::for_batch(date, batch)).send().await;
    match answer {
        Ok(_) => Check::ok(NAME, GOOD),
        Err(error) => refused(NAME, &error),
    }
}

const GOOD: &str = "a query was answered: access key and secret are right. Whether the appkey is, only a submit tells, which costs money";

/// What it means that a query was not answered.
fn refused(name: &'static str, error: &CallError) -> Check {
    let text = with_causes(error);
    let Some(refusal) = error.refusal() else {
        return Check::bad(name, text, "check the address, and call again later");
    };
    // It stands behind what was found, too.
    let text = text.strip_suffix(refusal.advice(Lang::En)).unwrap_or(&text).trim_end();
    match error.code::<Query>() {
        // It was let in, and came too soon after that of another process, or was not understood.
        Some(QueryCode::QUERY_FAILED) => Check::ok(name, GOOD),
        Some(code) if code.class() == Class::Platform => Check::warn(name, text, refusal.advice(Lang::En)),
        _ => Check::bad(name, text, refusal.advice(Lang::En)),
    }
}

/// No documented call tests it without paying.
fn qxt_key() -> Check {
    const NAME: &str = "qxt-key";
    const USUAL_LEN: usize = 32;
    const UNTESTED: &str =
        "whether it is right, only a check tells, which costs money: no document has a call that tests it";
    let key = match needed::QXT.iter().map(Needed::look_up).next() {
        Some(Ok(key)) => key,
        _ => return Check::skipped(NAME, "the variable is missing"),
    };
    if let Err(error) = ApiKey::new(&key) {
        return Check::bad(
            NAME,
            format!("it cannot be a key: it {}", error.rule),
            "copy it again, whole and alone",
        );
    }
    if key.len() == USUAL_LEN && key.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Check::ok(NAME, format!("it has the form of one; {UNTESTED}"));
    }
    Check::warn(
        NAME,
        format!("it is not {USUAL_LEN} letters and digits, as those in the document are; {UNTESTED}"),
        "see whether it was copied whole, and alone",
    )
}

/// Whether the platforms take what this machine signs now.
fn clock(ahead_ms: Option<i64>) -> Check {
    const NAME: &str = "clock";
    const NOTABLE_MS: u64 = 5000;
    const MEND: &str = "have this machine set its clock by a time server (NTP)";
    let Some(ahead_ms) = ahead_ms else {
        return Check::skipped(NAME, "no answer told a platform's time");
    };
    let off_ms = ahead_ms.unsigned_abs();
    let seconds = off_ms as f64 / 1000.0;
    let way = if ahead_ms < 0 { "behind" } else { "ahead of" };
    let found = format!("{seconds:.1} s {way} the platform's; a signature lives 60 s");
    if off_ms > numcheck_signing::TOLERANCE_MS {
        return Check::bad(NAME, found, MEND);
    }
    if off_ms > NOTABLE_MS { Check::warn(NAME, found, MEND) } else { Check::ok(NAME, found) }
}

#[cfg(test)]
mod tests {
    use super::super::check::State;
    use super::*;

    #[test]
    fn a_clock_is_judged_by_the_60_seconds_that_a_signature_lives() {
        let state = |ahead_ms| clock(ahead_ms).state;
        for fine in [0, 5000, -5000] {
            assert_eq!(state(Some(fine)), State::Ok, "{fine}");
        }
        for odd in [5001, 60_000, -60_000] {
            assert_eq!(state(Some(odd)), State::Warn, "{odd}");
        }
        for bad in [60_001, -60_001, i64::MIN, i64::MAX] {
            assert_eq!(state(Some(bad)), State::Bad, "{bad}");
        }
        assert_eq!(state(None), State::Skipped);
    }
}
