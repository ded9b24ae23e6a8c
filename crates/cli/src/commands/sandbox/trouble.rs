//! Faults to inject: lost or late requests and answers, and a sandbox clock that is wrong.

use std::str::FromStr;
use std::time::Duration;

use clap::Args;
use numcheck_sandbox::{Clock, Fault, Faults, Operation, When};
use tokio::task::JoinSet;

/// What goes wrong on purpose. Submits count from 1.
#[derive(Debug, Args)]
pub(super) struct Trouble {
    /// Accept these submits and lose the answers.
    #[arg(
        long,
        env = "NUMCHECK_SANDBOX_LOSE_ANSWER",
        hide_env_values = true,
        value_delimiter = ',',
        value_name = "N"
    )]
    lose_answer: Vec<u32>,
    /// Lose these submits before anything of them is done.
    #[arg(
        long,
        env = "NUMCHECK_SANDBOX_LOSE_REQUEST",
        hide_env_values = true,
        value_delimiter = ',',
        value_name = "N"
    )]
    lose_request: Vec<u32>,
    /// Hold these submits back for so long before anything of them is looked at, such as 3=90s: they arrive late, even when their
    /// sender has hung up.
    #[arg(
        long,
        env = "NUMCHECK_SANDBOX_HOLD_REQUEST",
        hide_env_values = true,
        value_delimiter = ',',
        value_parser = pair::<u32, humantime::Duration>,
        value_name = "N=DURATION"
    )]
    hold_request: Vec<(u32, humantime::Duration)>,
    /// Accept these submits and answer with a code that says otherwise, such as 2=299.
    #[arg(
        long,
        env = "NUMCHECK_SANDBOX_CODE_AFTER",
        hide_env_values = true,
        value_delimiter = ',',
        value_parser = pair::<u32, i64>,
        value_name = "N=CODE"
    )]
    code_after: Vec<(u32, i64)>,
    /// How far the platform's clock is from this machine's, such as 1h or -90s. Its Date header follows.
    #[arg(
        long,
        env = "NUMCHECK_SANDBOX_CLOCK_OFFSET",
        hide_env_values = true,
        default_value = "0s",
        allow_hyphen_values = true,
        value_parser = signed_ms,
        value_name = "DURATION"
    )]
    clock_offset: i64,
    /// Set the platform's clock by so much once so much time has passed, such as 10s=-1h. Delays do not change by it.
    #[arg(
        long,
        env = "NUMCHECK_SANDBOX_STEP_CLOCK",
        hide_env_values = true,
        value_delimiter = ',',
        value_parser = step,
        value_name = "AFTER=DURATION"
    )]
    step_clock: Vec<(Duration, i64)>,
}

impl Trouble {
    pub(super) fn faults(&self) -> Faults {
        let lost_answers = self.lose_answer.iter().map(|nth| (*nth, Fault::AcceptThenClose));
        let lost_requests = self.lose_request.iter().map(|nth| (*nth, Fault::Close));
        let held = self.hold_request.iter().map(|(nth, by)| (*nth, Fault::Hold((*by).into())));
        let other_codes = self.code_after.iter().map(|(nth, code)| (*nth, Fault::AcceptThenCode(*code)));
        let all = lost_answers.chain(lost_requests).chain(held).chain(other_codes);
        all.fold(Faults::none(), |faults, (nth, fault)| {
            faults.request(Operation::Submit, When::Nth(nth), fault)
        })
    }

    pub(super) fn clock(&self) -> Clock {
        Clock::system_off_by(self.clock_offset)
    }

    /// Steps a clock when it is time, until the tasks are dropped.
    pub(super) fn step(&self, clock: &Clock) -> JoinSet<()> {
        let mut steps = JoinSet::new();
        for (after, ms) in self.step_clock.iter().copied() {
            let clock = clock.clone();
            steps.spawn(async move {
                tokio::time::sleep(after).await;
                clock.step(ms);
            });
        }
        steps
    }
}

/// Two values with `=` between them.
fn pair<A: FromStr, B: FromStr>(text: &str) -> Result<(A, B), String> {
    let read = |(first, second): (&str, &str)| Some((first.parse().ok()?, second.parse().ok()?));
    text.split_once('=').and_then(read).ok_or_else(|| "write two values with = between them".to_owned())
}

fn step(text: &str) -> Result<(Duration, i64), String> {
    let (after, by) =
        text.split_once('=').ok_or("write two durations with = between them, such as 10s=-1h")?;
    let after = humantime::parse_duration(after).map_err(|error| error.to_string())?;
    Ok((after, signed_ms(by)?))
}

/// A duration either way, in milliseconds.
fn signed_ms(text: &str) -> Result<i64, String> {
    let (sign, duration) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let duration = duration.strip_prefix('+').unwrap_or(duration);
    let duration = humantime::parse_duration(duration).map_err(|error| error.to_string())?;
    let ms = i64::try_from(duration.as_millis()).map_err(|_| "it is too long".to_owned())?;
    Ok(sign * ms)
}

#[cfg(test)]
mod tests {
    use super::{pair, signed_ms, step};

    #[test]
    fn durations_are_read_either_way() {
        for (text, ms) in [("-1h", -3_600_000), ("+90s", 90_000), ("0s", 0), ("1m 1s", 61_000)] {
            assert_eq!(signed_ms(text), Ok(ms), "{text}");
        }
        for text in ["", "-", "--1s", "1", "h"] {
            assert!(signed_ms(text).is_err(), "{text}");
        }
    }

    #[test]
    fn pairs_have_two_sides() {
        assert_eq!(pair::<u32, i64>("3=299"), Ok((3, 299)));
        assert!(pair::<u32, i64>("3").is_err() && pair::<u32, i64>("x=1").is_err());
        assert_eq!(step("10s=-1h").unwrap().1, -3_600_000);
        assert!(step("10s").is_err() && step("-10s=1h").is_err());
    }
}
