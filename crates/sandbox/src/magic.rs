//! Magic phone numbers, which decide their own outcome, so that a test can provoke every code and every word.
//!
//! Only the last digits decide, so any country will do, and parallel tests can use different phone numbers for the same outcome.

use std::time::Duration;

use numcheck_protocol::number_check::{Answer, CallbackCode, DialResponse, KnownDialResponse, NumberType};
use numcheck_protocol::qxt::{KnownOperator, Operator, PrivacyStatus};

use crate::privacy_ledger::PrivacyAnswer;

/// A row of the table of magic values, for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MagicRow {
    /// Where it works: `number check`, `QXT`, or operations of the register such as `checkCode`.
    pub endpoint: &'static str,
    /// What to send: the last digits of a number (small letters stand for digits), or a batch number.
    pub pattern: &'static str,
    /// One that works.
    pub example: &'static str,
    /// What it does.
    pub effect: &'static str,
}

const fn row(
    endpoint: &'static str,
    pattern: &'static str,
    example: &'static str,
    effect: &'static str,
) -> MagicRow {
    MagicRow { endpoint, pattern, example, effect }
}

/// Every magic value, in an order for reading. A test holds it against what the sandbox does.
pub const MAGIC: &[MagicRow] = &[
    row(
        "number check",
        "…000ccc",
        "8613800000103",
        "callback code ccc (001-999 but for 123, known or not), without data and cost; v2: with data null and a cost",
    ),
    row(
        "number check",
        "…001vro",
        "8613800001123",
        "HLR: validity v, reachable r, roaming o; 1 YES, 2 NO, 3 UNKNOWN, 4 a word nobody knows (but 234 is none); v2: active v, ported o",
    ),
    row(
        "number check",
        "…02earr",
        "8613800021203",
        "call: early e and answered a as above; response rr: 00 bell, 01 music, 02 busy, 03 no_response, 04 invalid_number, 05 not_available, 06 number_paused, 07 power_off, 08 power_off_or_out_of_service, 09 voicemail, 10 others, 11 a word nobody knows",
    ),
    row(
        "number check",
        "…0030tt",
        "8613800003007",
        "number type tt: 00-08, or one nobody knows (09-99); HLR and call take type 2 only (else 120); v2: the word that goes with it",
    ),
    row("number check", "…003201", "8613800003201", "the push holds fields nobody knows, in every object"),
    row("number check", "…003202", "8613800003202", "the push's numbers come as strings"),
    row("number check", "…003203", "8613800003203", "code 0 with data and cost null"),
    row("number check", "…003204", "8613800003204", "code 0 without data and cost"),
    row("number check", "…003205", "8613800003205", "code 0 with data, without cost"),
    row("number check", "…003206", "8613800003206", "empty strings where words are documented"),
    row(
        "number check",
        "…003207",
        "8613800003207",
        "the text is called message instead of msg; v2: msg instead of message",
    ),
    row("number check", "…003208", "8613800003208", "data is a list instead of an object"),
    row("number check", "…003209", "8613800003209", "the pushed body is no JSON"),
    row("number check", "…003210", "8613800003210", "the push tells a price of -1000000"),
    row("number check", "…003211", "8613800003211", "the push tells a price of 999999999"),
    row(
        "number check",
        "…003212",
        "8613800003212",
        "the push tells its price in another currency: USD where it was charged in CNY, else CNY",
    ),
    row("number check", "…003213", "8613800003213", "the push writes its currency in small letters"),
    row("number check", "…003214", "8613800003214", "the push writes its number with 00 before it"),
    row("number check", "…003301", "8613800003301", "pushed twice"),
    row("number check", "…003302", "8613800003302", "checked and charged, never pushed; a query finds it"),
    row("number check", "…003303", "8613800003303", "pushed ten (virtual) minutes late"),
    row("number check", "…003304", "8613800003304", "pushed before the submit is answered"),
    row("number check", "…003305", "8613800003305", "pushed with a batch number that nobody submitted"),
    row("number check", "…003306", "8613800003306", "pushed with a message id that nobody was given"),
    row("number check", "…003307", "8613800003307", "pushed twice, the second time with callback code 122"),
    row(
        "number check",
        "…003308",
        "8613800003308",
        "accepted and charged, never pushed, and never found by a query",
    ),
    row(
        "number check",
        "…003401",
        "8613800003401",
        "v2: not taken; it stands in failNumber, is not pushed and not found by a query; v1: an ordinary number",
    ),
    row(
        "number check",
        "…000266",
        "8613800000266",
        "callback code 266: the balance was used up between submit and check",
    ),
    row(
        "number check",
        "batchNo sandbox-ccc",
        "sandbox-206",
        "the submit is answered with code ccc (1 to 5 digits, known or not); sandbox-ccc-anything too",
    ),
    row(
        "checkCode",
        "the phone's last four digits",
        "code 8000 for 8613800138000",
        "the right code (0) where no getCode was sent to the number; any other is wrong (-1)",
    ),
    row(
        "getCode, checkCode, createClient",
        "phone …9007",
        "8613800139007",
        "9007, as if the account were no integrator",
    ),
    row("getCode, checkCode, createClient", "phone …9001", "8613800139001", "9001"),
    row(
        "createApp",
        "app_name sandbox-ccc",
        "sandbox-9009",
        "code ccc (1 to 5 digits, known or not), and nothing is created; sandbox-ccc-anything too",
    ),
    row("QXT", "…00090n", "13800000904", "code -n (1-9, known or not)"),
    row("QXT", "…000911", "13800000911", "code 1"),
    row("QXT", "…000921", "13800000921", "charged, and answered about another number"),
    row("QXT", "…000922", "13800000922", "charged, and answered with a status that is no text"),
    row("QXT", "…000923", "13800000923", "charged, and never answered; the connection stays open"),
    row("QXT", "…000924", "13800000924", "charged, and never answered; the connection is closed"),
    row("QXT", "…000925", "13800000925", "charged, and answered 100 ms later"),
    row("QXT", "…000926", "13800000926", "charged, and answered with a page that is no JSON"),
    row("QXT", "…000928", "13800000928", "code -8 to the first query, then an answer"),
    row(
        "QXT",
        "…0004so",
        "13800000412",
        "status s: 1 隐私号, 2 非隐私号, 3 a word nobody knows; operator o: 1 中国移动, 2 中国联通, 3 中国电信, 4 其它运营商, 5 a word nobody knows",
    ),
    row("QXT", "18466849135", "18466849135", "the document's own sample: 隐私号, 上海-上海, 中国移动"),
];

/// What the last six digits of a number ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Magic {
    /// This callback code.
    Code(CallbackCode),
    /// This answer of the network: validity, reachable, roaming.
    Live(Answer, Answer, Answer),
    /// This answer of a call: early, answered, response.
    Dial(Answer, Answer, DialResponse),
    /// This number type.
    Type(NumberType),
    /// A push of an unusual form.
    Shape(Shape),
    /// A push at an unusual time, or of unusual number.
    Delivery(Delivery),
    /// Not to be taken, where the dialect can say so.
    NotTaken,
}

/// Unusual forms of a push.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    UnknownFields,
    NumbersAsStrings,
    NullData,
    NoData,
    NoCost,
    EmptyWords,
    MessageInsteadOfMsg,
    DataAsList,
    NotJson,
    NegativePrice,
    AbsurdPrice,
    OtherCurrency,
    SmallCurrency,
    PhoneWithZeros,
}

/// Unusual deliveries of a push.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Delivery {
    Twice,
    Never,
    Late,
    BeforeReply,
    ForeignBatchNo,
    ForeignMessageId,
    TwiceDiffering,
    Lost,
}

/// How late a late push is, in virtual minutes.
pub(crate) const LATE_MINUTES: u32 = 10;

/// The word nobody knows, where YES, NO and UNKNOWN are documented.
pub const UNKNOWN_ANSWER: &str = "MAYBE";
/// The word nobody knows, where a dial response is documented.
pub const UNKNOWN_RESPONSE: &str = "call_diverted";
/// The word nobody knows, where a privacy status is documented.
pub const UNKNOWN_STATUS: &str = "疑似隐私号";
/// The word nobody knows, where an operator is documented.
pub const UNKNOWN_OPERATOR: &str = "新运营商";

/// The number that QXT answers about where it shall answer about another one: the document's first sample.
const ANOTHER_MOBILE: &str = "18819079212";

/// What the digits of a number ask for, if anything. For number check.
pub(crate) fn of(digits: &str) -> Option<Magic> {
    let last = last_digits::<6>(digits)?;
    // Many example numbers that people use for tests end like this; they must stay ordinary.
    if matches!(last, [0, 0, 0, 1, 2, 3] | [0, 0, 1, 2, 3, 4]) {
        return None;
    }
    let [a, b, c, d, e, f] = last;
    match (a, b, c) {
        (0, 0, 0) => {
            let code = i64::from(d) * 100 + i64::from(e) * 10 + i64::from(f);
            (code > 0).then(|| Magic::Code(CallbackCode::new(code)))
        }
        (0, 0, 1) => Some(Magic::Live(answer(d)?, answer(e)?, answer(f)?)),
        (0, 2, _) => Some(Magic::Dial(answer(c)?, answer(d)?, response(e * 10 + f)?)),
        (0, 0, 3) if d == 0 => Some(Magic::Type(NumberType::new(i64::from(e * 10 + f)))),
        (0, 0, 3) if d == 2 => shape(e * 10 + f).map(Magic::Shape),
        (0, 0, 3) if d == 3 => delivery(e * 10 + f).map(Magic::Delivery),
        (0, 0, 3) if (d, e, f) == (4, 0, 1) => Some(Magic::NotTaken),
        _ => None,
    }
}

/// The submit code that a batch number asks for, if any.
pub(crate) fn batch_code(batch_no: &str) -> Option<i64> {
    let rest = batch_no.strip_prefix("sandbox-")?;
    let code = rest.split_once('-').map_or(rest, |(code, _)| code);
    let fits = (1..=5).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_digit());
    code.parse().ok().filter(|code| fits && *code > 0)
}

/// What a number asks QXT for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum QxtMagic {
    /// What a test can ask for by name, too.
    Does(PrivacyAnswer),
    /// This answer.
    Answer(PrivacyStatus, Operator),
}

/// What the digits of a number ask QXT for, if anything.
pub(crate) fn of_qxt(digits: &str) -> Option<QxtMagic> {
    match last_digits::<6>(digits)? {
        [0, 0, 0, 9, 1, 1] => Some(QxtMagic::Does(PrivacyAnswer::Code(1))),
        [0, 0, 0, 9, 0, n] if n > 0 => Some(QxtMagic::Does(PrivacyAnswer::Code(-i64::from(n)))),
        [0, 0, 0, 9, 2, n] => Some(QxtMagic::Does(match n {
            1 => PrivacyAnswer::AnotherMobile(ANOTHER_MOBILE.to_owned()),
            2 => PrivacyAnswer::OddStatus,
            3 => PrivacyAnswer::Silence,
            4 => PrivacyAnswer::Close,
            5 => PrivacyAnswer::After(Duration::from_millis(100)),
            6 => PrivacyAnswer::NotJson,
            8 => PrivacyAnswer::FailsOnce,
            _ => return None,
        })),
        [0, 0, 0, 4, s, o] => {
            let status = match s {
                1 => PrivacyStatus::PRIVACY,
                2 => PrivacyStatus::NOT_PRIVACY,
                3 => PrivacyStatus::new(UNKNOWN_STATUS),
                _ => return None,
            };
            let operator = match o {
                1 => Operator::from(KnownOperator::ChinaMobile),
                2 => Operator::from(KnownOperator::ChinaUnicom),
                3 => Operator::from(KnownOperator::ChinaTelecom),
                4 => Operator::from(KnownOperator::Other),
                5 => Operator::new(UNKNOWN_OPERATOR),
                _ => return None,
            };
            Some(QxtMagic::Answer(status, operator))
        }
        _ => None,
    }
}

fn answer(digit: u8) -> Option<Answer> {
    match digit {
        1 => Some(Answer::YES),
        2 => Some(Answer::NO),
        3 => Some(Answer::UNKNOWN),
        4 => Some(Answer::new(UNKNOWN_ANSWER)),
        _ => None,
    }
}

fn response(place: u8) -> Option<DialResponse> {
    let known = KnownDialResponse::ALL;
    match known.get(usize::from(place)) {
        Some(known) => Some(DialResponse::from(*known)),
        None if usize::from(place) == known.len() => Some(DialResponse::new(UNKNOWN_RESPONSE)),
        None => None,
    }
}

fn shape(place: u8) -> Option<Shape> {
    Some(match place {
        1 => Shape::UnknownFields,
        2 => Shape::NumbersAsStrings,
        3 => Shape::NullData,
        4 => Shape::NoData,
        5 => Shape::NoCost,
        6 => Shape::EmptyWords,
        7 => Shape::MessageInsteadOfMsg,
        8 => Shape::DataAsList,
        9 => Shape::NotJson,
        10 => Shape::NegativePrice,
        11 => Shape::AbsurdPrice,
        12 => Shape::OtherCurrency,
        13 => Shape::SmallCurrency,
        14 => Shape::PhoneWithZeros,
        _ => return None,
    })
}

fn delivery(place: u8) -> Option<Delivery> {
    Some(match place {
        1 => Delivery::Twice,
        2 => Delivery::Never,
        3 => Delivery::Late,
        4 => Delivery::BeforeReply,
        5 => Delivery::ForeignBatchNo,
        6 => Delivery::ForeignMessageId,
        7 => Delivery::TwiceDiffering,
        8 => Delivery::Lost,
        _ => return None,
    })
}

/// The values of the last `N` digits; `None` when there are fewer, or one of them is no digit.
fn last_digits<const N: usize>(digits: &str) -> Option<[u8; N]> {
    let last = digits.as_bytes().last_chunk::<N>()?;
    last.iter().all(u8::is_ascii_digit).then(|| last.map(|byte| byte - b'0'))
}

#[cfg(test)]
mod tests {
    use numcheck_protocol::number_check::{
        Answer, CallbackCode, DialResponse, KnownDialResponse, NumberType,
    };
    use numcheck_protocol::qxt::{Operator, PrivacyStatus};

    use crate::privacy_ledger::PrivacyAnswer;

    use super::{Delivery, MAGIC, Magic, QxtMagic, Shape, batch_code, of, of_qxt};

    #[test]
    fn every_example_of_the_table_is_magic() {
        for row in MAGIC {
            let is_magic = match row.endpoint {
                "number check" if row.pattern.starts_with("batchNo") => batch_code(row.example).is_some(),
                "number check" => of(row.example).is_some(),
                // The samples and checkCode are tested over the wire.
                "QXT" => of_qxt(row.example).is_some() || !row.pattern.starts_with('…'),
                _ => true,
            };
            assert!(is_magic, "{row:?}");
        }
    }

    #[test]
    fn the_readme_holds_the_whole_table() {
        let readme = include_str!("../README.md");
        for row in MAGIC {
            let line =
                format!("| {} | `{}` | `{}` | {} |", row.endpoint, row.pattern, row.example, row.effect);
            assert!(readme.contains(&line), "crates/sandbox/README.md lacks the line:\n{line}");
        }
    }

    #[test]
    fn any_country_code_works_and_digits_before_the_last_six_do_not_matter() {
        for digits in ["8613800000112", "14155000112", "447911000112", "000112"] {
            assert_eq!(of(digits), Some(Magic::Code(CallbackCode::BACKEND_FAILED)), "{digits}");
        }
    }

    #[test]
    fn codes_that_no_document_lists_can_be_had_and_success_is_not_magic() {
        assert_eq!(of("14155000999"), Some(Magic::Code(CallbackCode::new(999))));
        assert_eq!(of("14155000000"), None);
    }

    #[test]
    #[cfg(feature = "metadata")]
    fn no_published_example_number_of_any_country_is_magic() {
        let examples = crate::metadata::examples();
        assert!(examples.len() > 1000, "{}", examples.len());
        for digits in examples {
            assert_eq!(of(&digits), None, "{digits}");
        }
    }

    #[test]
    fn live_and_dial_answers_follow_their_digits() {
        assert_eq!(of("14155001123"), Some(Magic::Live(Answer::YES, Answer::NO, Answer::UNKNOWN)));
        assert_eq!(
            of("14155001444"),
            Some(Magic::Live(Answer::new("MAYBE"), Answer::new("MAYBE"), Answer::new("MAYBE")))
        );
        assert_eq!(of("14155001105"), None);
        for (place, known) in KnownDialResponse::ALL.iter().enumerate() {
            let wanted = Magic::Dial(Answer::NO, Answer::YES, DialResponse::from(*known));
            assert_eq!(of(&format!("141550221{place:02}")), Some(wanted), "{place}");
        }
        assert!(matches!(of("1415022111"), Some(Magic::Dial(_, _, response)) if response.known().is_none()));
        assert_eq!(of("1415022112"), None);
    }

    #[test]
    fn types_shapes_and_deliveries_follow_their_digits() {
        assert_eq!(of("1415003007"), Some(Magic::Type(NumberType::VOICEMAIL)));
        assert_eq!(of("1415003042"), Some(Magic::Type(NumberType::new(42))));
        assert_eq!(of("1415003209"), Some(Magic::Shape(Shape::NotJson)));
        assert_eq!(of("1415003302"), Some(Magic::Delivery(Delivery::Never)));
        assert_eq!(of("1415003399"), None);
        assert_eq!(of("1415003100"), None);
    }

    #[test]
    fn what_is_no_number_is_not_magic() {
        for text in ["", "00112", "x00112", "８00112x"] {
            assert_eq!(of(text), None, "{text}");
        }
    }

    #[test]
    fn batch_numbers_ask_for_submit_codes() {
        assert_eq!(batch_code("sandbox-203"), Some(203));
        assert_eq!(batch_code("sandbox-203-run-7"), Some(203));
        assert_eq!(batch_code("sandbox-77777"), Some(77_777));
        for other in [
            "sandbox-",
            "sandbox-0",
            "sandbox-000",
            "sandbox-+20",
            "sandbox-123456",
            "203",
            "Sandbox-203",
            "sandbox-2x",
        ] {
            assert_eq!(batch_code(other), None, "{other}");
        }
    }

    #[test]
    fn qxt_numbers_ask_for_codes_and_answers() {
        assert_eq!(of_qxt("13800000904"), Some(QxtMagic::Does(PrivacyAnswer::Code(-4))));
        assert_eq!(of_qxt("13800000911"), Some(QxtMagic::Does(PrivacyAnswer::Code(1))));
        assert_eq!(
            of_qxt("13800000421"),
            Some(QxtMagic::Answer(PrivacyStatus::NOT_PRIVACY, Operator::CHINA_MOBILE))
        );
        assert_eq!(of_qxt("13800000923"), Some(QxtMagic::Does(PrivacyAnswer::Silence)));
        for other in
            ["13800000900", "13800000920", "13800000927", "13800000410", "13800000446", "13800138000"]
        {
            assert_eq!(of_qxt(other), None, "{other}");
        }
    }
}
