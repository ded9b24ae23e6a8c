//! Assumptions drawn at random, and their names.
//!
//! A client's promises have to hold whatever the platform does where its documents are silent, so tests draw all of it, and print the
//! draw. A draw depends on its seed alone.

use std::fmt::{self, Debug};
use std::time::Duration;

use numcheck_protocol::{Currency, UtcOffset};

use crate::assumptions::{
    Assumptions, GetBadNumber, GetInV1, PushPhone, QueryDate, QueryOddity, QueryPace, QueryRight, QueryShows,
    QxtFailure, RepeatedBatchNo, SubmitPace, ToldPrice, V2Revision,
};
use crate::prices;
use crate::register::{RegisterAssumptions, SecondClient, SecondCode};
use crate::rule::mix;

/// Zones reach from -12:00 to +14:00, in quarters of an hour.
const FIRST_ZONE_MINUTES: u64 = 12 * 60;
const ZONES: u64 = 26 * 4 + 1;

impl Assumptions {
    /// All that no document says, drawn from a seed: the same seed gives the same. `minute` is the longest spread of the time until a
    /// batch can be found, and half the longest such time. What is no assumption stays at its default: the revision of v2, and the
    /// conveniences.
    pub fn draw(seed: u64, minute: Duration) -> Self {
        let mut dice = Dice(mix(seed ^ 0x6173_7375_6d65));
        Self {
            refuse_mixed_countries: dice.coin(),
            repeated_batch_no: dice.one_of(&[
                RepeatedBatchNo::ChargeAgain,
                RepeatedBatchNo::Refuse,
                RepeatedBatchNo::Merge,
            ]),
            any_2xx_accepts_a_push: dice.coin(),
            query_pace: dice.one_of(&[QueryPace::Refuse, QueryPace::Off]),
            submit_pace: dice.one_of(&[SubmitPace::Refuse, SubmitPace::Off]),
            query_shows: dice.one_of(&[QueryShows::Finished, QueryShows::Accepted]),
            query_date: dice.one_of(&[QueryDate::Checked, QueryDate::Submitted, QueryDate::Ignored]),
            query_offset: dice.zone(),
            query_right: dice.rarely(&[QueryRight::Refused, QueryRight::Empty]),
            visibility_delay: dice.up_to(minute.saturating_mul(2)),
            visibility_spread: dice.up_to(minute),
            query_shows_failed: dice.coin(),
            query_oddity: dice.rarely(&ODDITIES.map(|(_, oddity)| Some(oddity))),
            query_oddity_percent: dice.one_of(&[10, 50, 100]),
            register: RegisterAssumptions {
                guesses: dice.one_of(&[1, 3, 10]),
                second_code: dice.one_of(&[SecondCode::Replaces, SecondCode::Adds]),
                client_needs_verified_number: dice.coin(),
                second_client: dice.one_of(&[SecondClient::Fails, SecondClient::Succeeds]),
                ..RegisterAssumptions::default()
            },
            refuse_over_5000: dice.coin(),
            charge_not_taken: dice.coin(),
            charge_failed: dice.coin(),
            charge_failed_in_v1: dice.coin(),
            mask_not_taken: dice.coin(),
            get_bad_number: dice.one_of(&[GetBadNumber::FailNumber, GetBadNumber::FailReason]),
            get_in_v1: dice.one_of(&[GetInV1::NotFound, GetInV1::BadParameter]),
            told_price: dice.rarely(&[ToldPrice::Absent]),
            told_currency: dice.rarely(&prices::currencies().map(Some).collect::<Vec<_>>()),
            small_currency: dice.coin(),
            push_phone: dice.one_of(&[PushPhone::AsSubmitted, PushPhone::Plus, PushPhone::DoubleZero]),
            numbers_as_strings: dice.coin(),
            repeats_accepted_pushes: dice.coin(),
            refuse_at_limit: dice.coin(),
            auth_status: dice.one_of(&[200, 400, 401, 403]),
            qxt_failure: dice.one_of(&[
                QxtFailure::Absent,
                QxtFailure::Null,
                QxtFailure::Empty,
                QxtFailure::CodeInQuotes,
            ]),
            charge_nothing_found: dice.coin(),
            ..Self::default()
        }
    }
}

/// Names every assumption once. Both structs are taken apart in full, so that none is forgotten.
macro_rules! facts {
    ($($name:ident),* ; $($register:ident),*) => {
        impl Assumptions {
            /// Every assumption by name, with its value for people.
            pub fn facts(&self) -> Vec<(&'static str, String)> {
                let Self { register, $($name),* } = self;
                let RegisterAssumptions { $($register),* } = register;
                vec![
                    $((stringify!($name), $name.show()),)*
                    $((concat!("register.", stringify!($register)), $register.show()),)*
                ]
            }

            /// Sets one by its name, to a value written as [`facts`](Self::facts) shows it.
            ///
            /// # Errors
            /// When there is no such name, or the value is none that it can have. Nothing is set then.
            pub fn set(&mut self, name: &str, value: &str) -> Result<(), FactError> {
                match name {
                    $(stringify!($name) => put(&mut self.$name, value),)*
                    $(concat!("register.", stringify!($register)) => put(&mut self.register.$register, value),)*
                    _ => Err(FactError::UnknownName),
                }
            }
        }
    };
}

facts! {
    refuse_mixed_countries, repeated_batch_no, any_2xx_accepts_a_push, query_pace, submit_pace, query_shows,
    query_date, query_offset, query_right, visibility_delay, visibility_spread, query_shows_failed,
    query_oddity, query_oddity_percent, make_up_unknown_areas, v2_revision, refuse_over_5000,
    charge_not_taken, charge_failed, charge_failed_in_v1, mask_not_taken, get_bad_number, get_in_v1,
    told_price, told_currency, small_currency, push_phone, numbers_as_strings, repeats_accepted_pushes,
    refuse_at_limit, auth_status, qxt_failure, charge_nothing_found;
    guesses, code_lifetime, second_code, client_needs_verified_number, second_client, magic_code
}

/// Why an assumption cannot be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FactError {
    /// There is none of this name.
    UnknownName,
    /// It cannot have this value.
    BadValue,
}

impl fmt::Display for FactError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnknownName => "the sandbox has no assumption of this name",
            Self::BadValue => "the assumption cannot have this value",
        })
    }
}

impl std::error::Error for FactError {}

fn put<T: Fact>(field: &mut T, value: &str) -> Result<(), FactError> {
    *field = T::read(value).ok_or(FactError::BadValue)?;
    Ok(())
}

/// A value as a text, and back.
trait Fact: Sized {
    fn show(&self) -> String;
    fn read(text: &str) -> Option<Self>;
}

/// Types whose own text will do.
macro_rules! as_text {
    ($($type:ty),*) => {
        $(impl Fact for $type {
            fn show(&self) -> String {
                self.to_string()
            }

            fn read(text: &str) -> Option<Self> {
                text.parse().ok()
            }
        })*
    };
}

as_text!(bool, u8, u16, u32, UtcOffset);

/// Enums whose variants' names are their words.
macro_rules! as_word {
    ($($type:ident: $($variant:ident),*;)*) => {
        $(impl Fact for $type {
            fn show(&self) -> String {
                word(self)
            }

            fn read(text: &str) -> Option<Self> {
                [$(Self::$variant),*].into_iter().find(|variant| word(variant) == text)
            }
        })*
    };
}

as_word! {
    RepeatedBatchNo: ChargeAgain, Refuse, Merge;
    QueryPace: Refuse, Off;
    SubmitPace: Refuse, Off;
    QueryShows: Finished, Accepted;
    QueryDate: Checked, Submitted, Ignored;
    QueryRight: Granted, Refused, Empty;
    V2Revision: Today, Year2023, FirstDays;
    GetBadNumber: FailNumber, FailReason;
    GetInV1: NotFound, BadParameter;
    PushPhone: AsSubmitted, Plus, DoubleZero;
    QxtFailure: Absent, Null, Empty, CodeInQuotes;
    SecondCode: Replaces, Adds;
    SecondClient: Fails, Succeeds;
}

impl Fact for Duration {
    fn show(&self) -> String {
        format!("{}ms", crate::clock::millis(*self))
    }

    fn read(text: &str) -> Option<Self> {
        text.strip_suffix("ms")?.parse().ok().map(Self::from_millis)
    }
}

impl Fact for Option<QueryOddity> {
    fn show(&self) -> String {
        self.map_or_else(|| "none".to_owned(), |oddity| word(&oddity))
    }

    fn read(text: &str) -> Option<Self> {
        let mut all = ODDITIES.iter();
        if text == "none" {
            Some(None)
        } else {
            all.find(|(word, _)| *word == text).map(|(_, odd)| Some(*odd))
        }
    }
}

impl Fact for ToldPrice {
    fn show(&self) -> String {
        match self {
            Self::Fixed(price) => price.to_string(),
            other => word(other),
        }
    }

    fn read(text: &str) -> Option<Self> {
        match text {
            "listed" => Some(Self::Listed),
            "absent" => Some(Self::Absent),
            amount => amount.parse().ok().map(Self::Fixed),
        }
    }
}

impl Fact for Option<Currency> {
    fn show(&self) -> String {
        self.map_or_else(|| "listed".to_owned(), |currency| currency.to_string())
    }

    fn read(text: &str) -> Option<Self> {
        if text == "listed" { Some(None) } else { text.parse().ok().map(Some) }
    }
}

/// Every oddity and its word.
const ODDITIES: [(&str, QueryOddity); 6] = [
    ("pages-without-rows", QueryOddity::PagesWithoutRows),
    ("size-without-rows", QueryOddity::SizeWithoutRows),
    ("result-object", QueryOddity::ResultObject),
    ("other-list", QueryOddity::OtherList),
    ("other-batch", QueryOddity::OtherBatch),
    ("busy", QueryOddity::Busy),
];

impl QueryOddity {
    /// All of them, each with its word.
    pub const ALL: &'static [(&'static str, Self)] = &ODDITIES;
}

/// A variant's name in small letters with hyphens; a number or a bool as it is.
fn word(value: &impl Debug) -> String {
    let mut word = String::new();
    for letter in format!("{value:?}").chars() {
        if letter.is_ascii_uppercase() && !word.is_empty() {
            word.push('-');
        }
        word.push(letter.to_ascii_lowercase());
    }
    word
}

/// SplitMix64.
struct Dice(u64);

impl Dice {
    /// A number below `count`.
    fn roll(&mut self, count: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0) % count.max(1)
    }

    fn coin(&mut self) -> bool {
        self.roll(2) == 1
    }

    fn one_of<T: Copy + Default>(&mut self, all: &[T]) -> T {
        let place = usize::try_from(self.roll(all.len() as u64)).unwrap_or_default();
        all.get(place).copied().unwrap_or_default()
    }

    /// One of these in one draw of five, else the default.
    fn rarely<T: Copy + Default>(&mut self, all: &[T]) -> T {
        let (strikes, drawn) = (self.roll(5) == 0, self.one_of(all));
        if strikes { drawn } else { T::default() }
    }

    /// In whole milliseconds; nothing in one draw of three.
    fn up_to(&mut self, most: Duration) -> Duration {
        let (is_none, drawn) = (self.roll(3) == 0, self.roll(crate::clock::millis(most).saturating_add(1)));
        Duration::from_millis(if is_none { 0 } else { drawn })
    }

    fn zone(&mut self) -> UtcOffset {
        let minutes = i16::try_from(self.roll(ZONES) * 15).unwrap_or_default();
        let west = i16::try_from(FIRST_ZONE_MINUTES).unwrap_or_default();
        UtcOffset::from_minutes(minutes - west).unwrap_or(UtcOffset::UTC)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::time::Duration;

    use super::{FactError, ODDITIES, word};
    use crate::assumptions::Assumptions;

    const MINUTE: Duration = Duration::from_secs(60);
    /// What is no assumption, or follows from the rest.
    const FIXED: [&str; 4] =
        ["register.code_lifetime", "register.magic_code", "make_up_unknown_areas", "v2_revision"];

    #[test]
    fn every_value_of_every_fact_is_drawn_sooner_or_later() {
        let mut seen: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
        for seed in 0..2_000 {
            for (name, value) in Assumptions::draw(seed, MINUTE).facts() {
                seen.entry(name).or_default().insert(value);
            }
        }
        for (name, values) in &seen {
            assert_eq!(values.len() == 1, FIXED.contains(name), "{name}: {values:?}");
        }
        assert_eq!(seen["query_offset"].len(), 105);
        for zone in ["-12:00", "+05:45", "+14:00"] {
            assert!(seen["query_offset"].contains(zone), "{zone}");
        }
        assert_eq!(seen["query_oddity"].len(), ODDITIES.len() + 1);
        assert_eq!(seen["query_right"], ["empty", "granted", "refused"].map(str::to_owned).into());
        assert!(seen["visibility_delay"].contains("0ms"));
    }

    #[test]
    fn a_seed_draws_the_same_facts_again_and_each_has_a_name_of_its_own() {
        let facts = Assumptions::draw(7, MINUTE).facts();
        assert_eq!(facts, Assumptions::draw(7, MINUTE).facts());
        assert_ne!(facts, Assumptions::draw(8, MINUTE).facts());
        let names: BTreeSet<&str> = facts.iter().map(|(name, _)| *name).collect();
        assert_eq!(names.len(), facts.len());
    }

    #[test]
    fn no_batch_is_hidden_for_longer_than_is_allowed() {
        for seed in 0..500 {
            let drawn = Assumptions::draw(seed, MINUTE);
            assert!(drawn.visibility_delay <= MINUTE * 2 && drawn.visibility_spread <= MINUTE);
        }
    }

    #[test]
    fn what_is_shown_can_be_set_again() {
        for seed in 0..300 {
            let drawn = Assumptions::draw(seed, MINUTE);
            let mut copied = Assumptions::default();
            for (name, value) in drawn.facts() {
                copied.set(name, &value).unwrap_or_else(|error| panic!("{name} {value}: {error}"));
            }
            assert_eq!(copied, drawn);
        }
        let mut set = Assumptions::default();
        assert_eq!(set.set("told_price", "-1000000"), Ok(()));
        assert!(set.facts().contains(&("told_price", "-1000000.0000".to_owned())));
        assert_eq!(set.set("query_dates", "ignored"), Err(FactError::UnknownName));
        assert_eq!(set.set("query_date", "today"), Err(FactError::BadValue));
    }

    #[test]
    fn the_word_of_an_oddity_is_the_one_that_facts_show() {
        for (name, oddity) in ODDITIES {
            assert_eq!(word(&oddity), name);
        }
    }
}
