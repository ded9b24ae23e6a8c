//! Options for the sandbox's assumptions about undocumented behaviour: chosen one by one, or drawn from a seed.

use std::time::Duration;

use clap::{Args, ValueEnum};
use numcheck_protocol::UtcOffset;
use numcheck_sandbox::{
    Assumptions, QueryDate, QueryOddity, QueryPace, QueryRight, QueryShows, SubmitPace, V2Revision,
};

use crate::exit::Failure;

/// Zones reach from here to there, in minutes.
const ZONES: std::ops::RangeInclusive<i16> = -720..=840;

/// What the platforms' documents do not say.
#[derive(Debug, Args)]
pub(super) struct Assumed {
    /// Draw all that the platforms' documents leave open from this seed, and say on standard error (and in --json) what was drawn; the
    /// options that follow overrule it. Times until a check can be found are drawn up to three of --minute.
    #[arg(long, env = "NUMCHECK_SANDBOX_ASSUME", hide_env_values = true, value_name = "SEED")]
    assume: Option<u64>,
    /// Set one thing that the documents leave open, by its name, such as auth_status=401; all of them and their values are shown at
    /// /_sandbox/health. May be repeated.
    #[arg(
        long,
        env = "NUMCHECK_SANDBOX_ASSUMPTION",
        hide_env_values = true,
        value_delimiter = ',',
        value_name = "NAME=VALUE"
    )]
    assumption: Vec<String>,
    /// What becomes of a query less than 3 seconds after the last one. Default: refuse.
    #[arg(long, env = "NUMCHECK_SANDBOX_QUERY_PACE", hide_env_values = true, value_enum)]
    query_pace: Option<Pace>,
    /// What becomes of a submit beyond 10 requests a second, of which one with more than 2000 numbers takes the whole second. Default:
    /// off.
    #[arg(long, env = "NUMCHECK_SANDBOX_SUBMIT_PACE", hide_env_values = true, value_enum)]
    submit_pace: Option<Pace>,
    /// The zone in which the platform reckons the day of a check, in minutes before UTC: from -720 to 840. Default: 480.
    #[arg(
        long,
        env = "NUMCHECK_SANDBOX_QUERY_OFFSET",
        hide_env_values = true,
        allow_negative_numbers = true,
        value_parser = read_zone,
        value_name = "MINUTES"
    )]
    query_offset: Option<UtcOffset>,
    /// What the date of a query means. Default: finish.
    #[arg(long, env = "NUMCHECK_SANDBOX_QUERY_DATE", hide_env_values = true, value_enum)]
    query_date: Option<Day>,
    /// Which checks a query finds. Default: finished.
    #[arg(long, env = "NUMCHECK_SANDBOX_QUERY_SHOWS", hide_env_values = true, value_enum)]
    query_shows: Option<Shows>,
    /// How long after its acceptance a query finds nothing of a batch, however fast its results are pushed. Default: 0s.
    #[arg(long, env = "NUMCHECK_SANDBOX_VISIBILITY_DELAY", hide_env_values = true, value_name = "DURATION")]
    visibility_delay: Option<humantime::Duration>,
    /// By how much longer than that a batch may take, each another time, by --seed. Default: 0s.
    #[arg(long, env = "NUMCHECK_SANDBOX_VISIBILITY_SPREAD", hide_env_values = true, value_name = "DURATION")]
    visibility_spread: Option<humantime::Duration>,
    /// The account may never query: each one is refused with 1005 or, with `empty`, answered as if nothing was ever submitted.
    #[arg(
        long,
        env = "NUMCHECK_SANDBOX_NEVER_QUERY",
        hide_env_values = true,
        value_enum,
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "refused"
    )]
    never_query: Option<Never>,
    /// In which way answers to queries contradict themselves: `pages-without-rows`, `size-without-rows`, `result-object`, `other-list`,
    /// `other-batch`, `busy`, or `none`, which is the default.
    #[arg(long, env = "NUMCHECK_SANDBOX_QUERY_ODDITY", hide_env_values = true, value_parser = read_oddity, value_name = "WORD")]
    query_oddity: Option<Oddity>,
    /// How many of a hundred answers to queries do. Default: 100.
    #[arg(
        long,
        env = "NUMCHECK_SANDBOX_QUERY_ODDITY_PERCENT",
        hide_env_values = true,
        value_parser = clap::value_parser!(u8).range(..=100),
        value_name = "N"
    )]
    query_oddity_percent: Option<u8>,
    /// The price that every result tells, such as -1000000; or `absent`; or `listed`, what it cost, which is the default.
    #[arg(
        long,
        env = "NUMCHECK_SANDBOX_PUSH_PRICE",
        hide_env_values = true,
        allow_hyphen_values = true,
        value_name = "AMOUNT"
    )]
    push_price: Option<String>,
    /// The currency that every result tells; or `listed`, that in which it was charged, which is the default.
    #[arg(long, env = "NUMCHECK_SANDBOX_PUSH_CURRENCY", hide_env_values = true, value_name = "CODE")]
    push_currency: Option<String>,
}

/// What becomes of a request that comes too early.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Pace {
    /// It is refused: a query with 88, a submit with 288.
    Refuse,
    /// It is answered like any other.
    Off,
}

/// What the date of a query means.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Day {
    /// The day on which a check was submitted.
    Submit,
    /// The day on which it was finished.
    Finish,
    /// Nothing: a check is found under any.
    Ignored,
}

/// Which checks a query finds.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Shows {
    /// Those that are finished.
    Finished,
    /// All that were accepted; those that are not finished have empty words.
    Accepted,
}

/// How an account that may never query is answered.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Never {
    /// With 1005.
    Refused,
    /// With a clean empty list.
    Empty,
}

/// In which way answers contradict themselves, if they do.
#[derive(Clone, Copy, Debug)]
struct Oddity(Option<QueryOddity>);

fn read_oddity(text: &str) -> Result<Oddity, String> {
    let known = QueryOddity::ALL.iter().find(|(word, _)| *word == text).map(|(_, oddity)| Some(*oddity));
    let none = (text == "none").then_some(None);
    known.or(none).map(Oddity).ok_or_else(|| "there is no such contradiction".to_owned())
}

fn read_zone(text: &str) -> Result<UtcOffset, String> {
    let minutes = text.parse().ok().filter(|minutes| ZONES.contains(minutes));
    let zone = minutes.and_then(|minutes| UtcOffset::from_minutes(minutes).ok());
    zone.ok_or_else(|| "write minutes from -720 to 840, such as 480 or -300".to_owned())
}

impl Assumed {
    /// What was drawn and chosen. `minute` is the sandbox's.
    pub(super) fn assumptions(&self, revision: V2Revision, minute: Duration) -> Result<Assumptions, Failure> {
        let drawn = self.assume.map(|seed| Assumptions::draw(seed, minute));
        let mut assumptions = drawn.unwrap_or_default();
        let all = &mut assumptions;
        all.v2_revision = revision;
        put(&mut all.query_pace, self.query_pace, |pace| match pace {
            Pace::Refuse => QueryPace::Refuse,
            Pace::Off => QueryPace::Off,
        });
        put(&mut all.submit_pace, self.submit_pace, |pace| match pace {
            Pace::Refuse => SubmitPace::Refuse,
            Pace::Off => SubmitPace::Off,
        });
        put(&mut all.query_offset, self.query_offset, |offset| offset);
        put(&mut all.query_date, self.query_date, |day| match day {
            Day::Submit => QueryDate::Submitted,
            Day::Finish => QueryDate::Checked,
            Day::Ignored => QueryDate::Ignored,
        });
        put(&mut all.query_shows, self.query_shows, |shows| match shows {
            Shows::Finished => QueryShows::Finished,
            Shows::Accepted => QueryShows::Accepted,
        });
        put(&mut all.visibility_delay, self.visibility_delay, Into::into);
        put(&mut all.visibility_spread, self.visibility_spread, Into::into);
        put(&mut all.query_right, self.never_query, |never| match never {
            Never::Refused => QueryRight::Refused,
            Never::Empty => QueryRight::Empty,
        });
        put(&mut all.query_oddity, self.query_oddity, |oddity| oddity.0);
        put(&mut all.query_oddity_percent, self.query_oddity_percent, |percent| percent);
        for (option, name, value) in [
            ("--push-price", "told_price", &self.push_price),
            ("--push-currency", "told_currency", &self.push_currency),
        ] {
            if let Some(value) = value {
                set(all, option, name, value)?;
            }
        }
        for chosen in &self.assumption {
            let (name, value) = chosen
                .split_once('=')
                .ok_or_else(|| Failure::usage(format!("--assumption {chosen}: write NAME=VALUE")))?;
            set(all, "--assumption", name, value)?;
        }
        Ok(assumptions)
    }

    /// What all was drawn from.
    pub(super) fn seed(&self) -> Option<u64> {
        self.assume
    }
}

fn put<T: Copy, U>(field: &mut U, chosen: Option<T>, convert: impl FnOnce(T) -> U) {
    if let Some(chosen) = chosen {
        *field = convert(chosen);
    }
}

fn set(all: &mut Assumptions, option: &str, name: &str, value: &str) -> Result<(), Failure> {
    all.set(name, value).map_err(|error| Failure::usage(format!("{option} {name}={value}: {error}")))
}
