//! What the sandbox does where the documents leave a choice.
//!
//! Plain values; nothing here acts.

use std::time::Duration;

use numcheck_protocol::{Currency, Price, UtcOffset};

use crate::register::RegisterAssumptions;

/// What the sandbox does where no document says what the platforms do. Each default is the project's assumption, which the protocol's spec
/// marks as `assumed`; [`draw`](Self::draw) draws others, [`facts`](Self::facts) names them all.
///
/// ```
/// use numcheck_sandbox::{Assumptions, RepeatedBatchNo};
///
/// let mut assumptions = Assumptions::default();
/// assumptions.repeated_batch_no = RepeatedBatchNo::Refuse;
/// ```
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
    /// Where that day is reckoned; zones reach from -12:00 to +14:00. Default: UTC+8.
    pub query_offset: UtcOffset,
    /// Whether accounts may query. Default: yes. Source: none; the vendor's page of the query names no right for it.
    pub query_right: QueryRight,
    /// How long after its acceptance a query cannot find anything of a batch, whatever [`query_shows`](Self::query_shows) says and
    /// however fast its results are pushed. Default: 0. Source: none.
    pub visibility_delay: Duration,
    /// By how much longer than that a batch may take, each another time, which follows from the seed and the batch number.
    /// Default: 0, all take as long. Source: none.
    pub visibility_spread: Duration,
    /// A check that failed has a row, with empty words and price 0. Default: yes; else it has none.
    pub query_shows_failed: bool,
    /// In which way answers to queries contradict themselves. Default: none does. Source: none; a reader must not take one for proof.
    pub query_oddity: Option<QueryOddity>,
    /// How many of a hundred answers do, where some do. Default: 100.
    pub query_oddity_percent: u8,
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
    /// In v1, checks that failed are charged, although their pushes hold no cost. Default: no.
    pub charge_failed_in_v1: bool,
    /// In v2, `failNumber` shows a number as the vendor's sample does: `999***6789`. Default: no, as it was submitted.
    pub mask_not_taken: bool,
    /// How an instant check tells of a number that is not taken. Default: in `failNumber`.
    pub get_bad_number: GetBadNumber,
    /// What an instant check of an account of v1 comes to. Default: HTTP 404 without an envelope.
    pub get_in_v1: GetInV1,
    /// What pushes, query rows and instant checks say a number cost. What is charged does not change. Default: what it cost.
    pub told_price: ToldPrice,
    /// In which currency they say so. Default: that of the price list. Source: none; an account in USD may be told CNY.
    pub told_currency: Option<Currency>,
    /// They write it in small letters. Default: no. Source: none; no standard is named, and the samples have capitals.
    pub small_currency: bool,
    /// How a push spells its number. Default: as it was submitted.
    pub push_phone: PushPhone,
    /// Pushes hold numbers as strings. Default: no.
    pub numbers_as_strings: bool,
    /// A push that was accepted comes again, once. Default: no.
    pub repeats_accepted_pushes: bool,
    /// A `ts` that is off by exactly the allowed 60 s is refused with 1004. Default: no, it is the last one that is accepted.
    pub refuse_at_limit: bool,
    /// The HTTP status of NXCLOUD's authentication errors. Default: 200.
    pub auth_status: u16,
    /// What a failed QXT query holds beside its code and reason. Default: nothing.
    pub qxt_failure: QxtFailure,
    /// QXT charges a query that found nothing (-4). Default: no.
    pub charge_nothing_found: bool,
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
            query_right: QueryRight::default(),
            visibility_delay: Duration::ZERO,
            visibility_spread: Duration::ZERO,
            query_shows_failed: true,
            query_oddity: None,
            query_oddity_percent: 100,
            register: RegisterAssumptions::default(),
            make_up_unknown_areas: false,
            v2_revision: V2Revision::default(),
            refuse_over_5000: true,
            charge_not_taken: false,
            charge_failed: false,
            charge_failed_in_v1: false,
            mask_not_taken: false,
            get_bad_number: GetBadNumber::default(),
            get_in_v1: GetInV1::default(),
            told_price: ToldPrice::default(),
            told_currency: None,
            small_currency: false,
            push_phone: PushPhone::default(),
            numbers_as_strings: false,
            repeats_accepted_pushes: false,
            refuse_at_limit: false,
            auth_status: 200,
            qxt_failure: QxtFailure::default(),
            charge_nothing_found: false,
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
    /// None: a check is found under any date.
    Ignored,
}

/// Whether an account may query.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum QueryRight {
    /// It may.
    #[default]
    Granted,
    /// Every query is refused with 1005.
    Refused,
    /// Every query whose form is right is answered with a clean empty list, as if nothing was ever submitted.
    Empty,
}

/// How an answer to a query contradicts itself. Code and HTTP status are those of success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum QueryOddity {
    /// `totalSize` 0, an empty `result`, and `totalPage` 5.
    PagesWithoutRows,
    /// `totalSize` 3, `totalPage` 1, and an empty `result`.
    SizeWithoutRows,
    /// `totalSize` 0, and `result` is `{}`.
    ResultObject,
    /// `totalSize` 0, an empty `result`, and the rows stand in another list.
    OtherList,
    /// The one row is of a batch that nobody asked about.
    OtherBatch,
    /// Clean and empty, with the text "system busy, try later", and the code as the string `"0"`.
    Busy,
}

/// What a number is said to have cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ToldPrice {
    /// What it cost.
    #[default]
    Listed,
    /// This, negative or absurd as it may be.
    Fixed(Price),
    /// Nothing is said: there is no cost.
    Absent,
}

/// How a push spells its number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum PushPhone {
    /// As it was submitted.
    #[default]
    AsSubmitted,
    /// With `+` before it.
    Plus,
    /// With `00` before it.
    DoubleZero,
}

/// What a failed QXT query holds beside its code and reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum QxtFailure {
    /// No `result`.
    #[default]
    Absent,
    /// `result` null.
    Null,
    /// `result` an empty string.
    Empty,
    /// No `result`, and the code as a string.
    CodeInQuotes,
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
