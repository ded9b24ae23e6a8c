//! How a sandbox behaves: its delays, limits, and the choices that the documents leave open.
//!
//! Plain values; nothing here acts.

use std::time::Duration;

use numcheck_protocol::UtcOffset;
use numcheck_signing::{Algorithm, TOLERANCE_MS};

use crate::whatsapp::RegisterAssumptions;

/// Where the sandbox may push results.
///
/// A sandbox is started on a laptop or in CI with made-up data and real-looking URLs in it; what it is told to push to must not
/// be reached by accident.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum PushPolicy {
    /// To this machine only: `127.0.0.0/8`, `[::1]` and `localhost`. A submit with another `drUrl` is accepted, and its results
    /// are not pushed; the journal says why.
    #[default]
    Loopback,
    /// To any `http` URL.
    Anywhere,
}

/// What the sandbox does where no document says what the platforms do. Each default is the project's assumption.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Assumptions {
    /// In v1, numbers of two countries in one batch are answered with 203. A country is a country code here: all of +1 is one.
    /// Default: yes.
    pub refuse_mixed_countries: bool,
    /// What a submit with a batch number that the account already used comes to. Default: charged again.
    pub repeated_batch_no: RepeatedBatchNo,
    /// Any status from 200 to 299 accepts a push, not only 200. Default: no.
    pub any_2xx_accepts_a_push: bool,
    /// What a query less than 3 seconds after the account's last one comes to. Default: refused with 88.
    pub query_pace: QueryPace,
    /// What a submit beyond the account's limit comes to: more than 10 requests in a second, where one of more than 2000 numbers counts
    /// for all ten. Default: it is answered like any other.
    pub submit_pace: SubmitPace,
    /// Which checks a query finds. Default: those that are finished.
    pub query_shows: QueryShows,
    /// Which day a check belongs to, for a query. Default: that on which it was finished.
    pub query_date: QueryDate,
    /// Where that day is reckoned. Default: UTC+8.
    pub query_offset: UtcOffset,
    /// What the embedded register of WhatsApp numbers does.
    pub register: RegisterAssumptions,
    /// A mobile number whose area is in no public data gets an area made up from its digits, instead of -4. Default: no.
    pub make_up_unknown_areas: bool,
    /// Which revision of the second dialect accounts of v2 are answered in. Default: today's, which has no level call.
    pub v2_revision: V2Revision,
    /// In v2, a submit of more than 5000 numbers is answered with 201. Default: yes.
    pub refuse_over_5000: bool,
    /// In v2, numbers that are not taken are charged all the same. Default: no.
    pub charge_not_taken: bool,
    /// In v2, checks that failed are charged, since their pushes hold a cost; those with code 266 are not. Default: no.
    pub charge_failed: bool,
    /// In v2, `failNumber` shows a number as the vendor's sample does: `999***6789`. Default: no, as it was submitted.
    pub mask_not_taken: bool,
    /// How an instant check tells of a number that is not taken. Default: in `failNumber`.
    pub get_bad_number: GetBadNumber,
    /// What an instant check of an account of v1 comes to. Default: HTTP 404 without an envelope.
    pub get_in_v1: GetInV1,
}

impl Default for Assumptions {
    fn default() -> Self {
        Self {
            refuse_mixed_countries: true,
            repeated_batch_no: RepeatedBatchNo::ChargeAgain,
            any_2xx_accepts_a_push: false,
            query_pace: QueryPace::default(),
            submit_pace: SubmitPace::default(),
            query_shows: QueryShows::default(),
            query_date: QueryDate::default(),
            query_offset: UtcOffset::BEIJING,
            register: RegisterAssumptions::default(),
            make_up_unknown_areas: false,
            v2_revision: V2Revision::default(),
            refuse_over_5000: true,
            charge_not_taken: false,
            charge_failed: false,
            mask_not_taken: false,
            get_bad_number: GetBadNumber::default(),
            get_in_v1: GetInV1::default(),
        }
    }
}

/// What a repeated batch number means. Whether the real platform refuses, merges or charges is documented nowhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum RepeatedBatchNo {
    /// A new job, charged like any other.
    #[default]
    ChargeAgain,
    /// Refused with 201; nothing is charged.
    Refuse,
    /// Answered with the first job's message id; nothing is charged or pushed again.
    Merge,
}

/// What comes of a query that comes too early. The vendor names the limit (one request every 3 seconds) and not what enforces it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum QueryPace {
    /// It is refused with 88. What comes up to 100 ms early is let through, because the way here does not always take the same time.
    #[default]
    Refuse,
    /// It is answered like any other.
    Off,
}

/// What comes of a submit that comes too early. The vendor words the limits as recommendations (10 requests a second with at most 2000
/// numbers each, one above), and does not say what enforces them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SubmitPace {
    /// It is answered like any other.
    #[default]
    Off,
    /// It is refused with 288, and nothing is charged. What comes up to 100 ms early is let through, because the way here does not always
    /// take the same time; what was refused does not count.
    Refuse,
}

/// Which checks a query finds. No document says whether an accepted submit is known at once.
///
/// It decides what a client may conclude from finding nothing. With the default a submit that was accepted a moment ago is not
/// found: *that nothing is found proves that it was not accepted only once the checks' time has passed* (on the platform up to 5
/// minutes; in the sandbox the callback delay), and only on both days on which they may have been finished.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum QueryShows {
    /// Those that are finished.
    #[default]
    Finished,
    /// All that were accepted. Those that are not finished have rows with empty words and price 0.
    Accepted,
}

/// Which day a check belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum QueryDate {
    /// The one on which it was finished: a check submitted before midnight may be found under the next day.
    #[default]
    Checked,
    /// The one on which it was submitted.
    Submitted,
}

/// The second dialect as the vendor documented it over time. Source: its pages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum V2Revision {
    /// Levels basic and HLR; level call is answered with 207.
    #[default]
    Today,
    /// The end of 2023: as today, and level call.
    Year2023,
    /// The first eleven days, in September 2023: `yes` and `no` in small letters, `responseStatus` instead of `response`, and level call.
    FirstDays,
}

/// How an instant check tells of a number that is not taken. One page of the vendor shows the one, another the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum GetBadNumber {
    /// In `data.failNumber`, without a result.
    #[default]
    FailNumber,
    /// In `data.basic.failReason`.
    FailReason,
}

/// What an instant check of an account of v1 comes to. The documents of v1 do not know it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum GetInV1 {
    /// HTTP 404, and no envelope: the path does not exist for the account.
    #[default]
    NotFound,
    /// HTTP 200 and code 201.
    BadParameter,
}

/// Everything that a builder can set and no account, clock or fault is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    pub(crate) callback_delay: Duration,
    pub(crate) freshness: Duration,
    pub(crate) minute: Duration,
    pub(crate) push_policy: PushPolicy,
    pub(crate) push_timeout: Duration,
    pub(crate) push_connections: usize,
    pub(crate) body_limit: usize,
    pub(crate) journal_entries: usize,
    pub(crate) seed: u64,
    pub(crate) sign_pushes: Option<Algorithm>,
    pub(crate) assumptions: Assumptions,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            callback_delay: Duration::from_millis(200),
            freshness: Duration::from_millis(TOLERANCE_MS),
            minute: Duration::from_secs(60),
            push_policy: PushPolicy::Loopback,
            push_timeout: Duration::from_secs(10),
            push_connections: 64,
            body_limit: 16 * 1024 * 1024,
            journal_entries: 10_000,
            seed: 1,
            sign_pushes: None,
            assumptions: Assumptions::default(),
        }
    }
}
