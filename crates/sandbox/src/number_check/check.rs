//! The result of checking a phone number.
//!
//! A pure function of the phone number and the level: computed whenever a result is due, always the same. The basic part is real
//! metadata; the rest follows magic numbers, else a fixed rule.

use numcheck_protocol::number_check::{
    Answer, CallbackCode, DialResponse, KnownCheckLevel, KnownDialResponse, NumberType,
};
use numcheck_protocol::{CallingCode, Currency, PhoneNumber, Price};

use crate::magic::{self, Magic, Shape};
use crate::metadata::{self, Facts, Format};
use crate::{prices, rule};

/// What a check came to.
pub(crate) struct SimulatedCheck {
    pub(crate) code: CallbackCode,
    /// What there is to tell; `None` when the check failed.
    pub(crate) result: Option<SimulatedResult>,
    /// What it would cost, or did.
    pub(crate) list_price: (Price, Currency),
    /// An unusual form that the push shall have.
    pub(crate) shape: Option<Shape>,
}

impl SimulatedCheck {
    /// What it costs: nothing when it failed.
    pub(crate) fn price(&self) -> Price {
        if self.result.is_some() { self.list_price.0 } else { Price::ZERO }
    }
}

/// The result of a check that worked.
pub(crate) struct SimulatedResult {
    pub(crate) facts: Facts,
    pub(crate) number_type: NumberType,
    pub(crate) carrier: &'static str,
    pub(crate) network: Network,
}

/// What the levels above basic add.
pub(crate) enum Network {
    Nothing,
    /// v1 tells validity, reachable and roaming, v2 validity (as active) and ported.
    Live {
        validity: Answer,
        reachable: Answer,
        roaming: Answer,
        ported: Answer,
    },
    Dial {
        early: Answer,
        answered: Answer,
        response: DialResponse,
    },
}

/// Why a dialect that can refuse single numbers does not take this one; `None` where it does.
pub(crate) fn not_taken(phone: &str) -> Option<&'static str> {
    const WHY: &str = "The number is not valid";
    let magic = magic::of(phone);
    if PhoneNumber::new(phone).is_err() || magic == Some(Magic::NotTaken) {
        return Some(WHY);
    }
    let asks_for_a_code = matches!(magic, Some(Magic::Code(_)));
    (!asks_for_a_code && matches!(metadata::look_up(phone), Format::Wrong)).then_some(WHY)
}

/// Checks a number as submitted.
pub(crate) fn check(phone: &str, level: KnownCheckLevel) -> SimulatedCheck {
    let list_price = prices::price(CallingCode::prefix_of(phone), level);
    match result(phone, level) {
        Ok((result, shape)) => {
            SimulatedCheck { code: CallbackCode::SUCCESS, result: Some(result), list_price, shape }
        }
        Err(code) => SimulatedCheck { code, result: None, list_price, shape: None },
    }
}

fn result(phone: &str, level: KnownCheckLevel) -> Result<(SimulatedResult, Option<Shape>), CallbackCode> {
    if PhoneNumber::new(phone).is_err() {
        return Err(CallbackCode::BAD_NUMBER);
    }
    let magic = magic::of(phone);
    if let Some(Magic::Code(code)) = magic {
        return Err(code);
    }
    let Format::Possible(facts) = metadata::look_up(phone) else { return Err(CallbackCode::BAD_NUMBER) };
    let number_type = match magic {
        Some(Magic::Type(number_type)) => number_type,
        _ => facts.number_type.into(),
    };
    let network = match level {
        KnownCheckLevel::Hlr => live(phone, magic.as_ref(), number_type)?,
        KnownCheckLevel::Call => dial(phone, magic.as_ref(), number_type)?,
        _ => Network::Nothing,
    };
    let carrier = if facts.valid { metadata::carrier(phone).unwrap_or_default() } else { "" };
    let shape = match magic {
        Some(Magic::Shape(shape)) => Some(shape),
        _ => None,
    };
    Ok((SimulatedResult { facts, number_type, carrier, network }, shape))
}

/// 85 of 100 numbers are in use, 10 are not, 5 unknown. Of those in use 75 are on line, 20 not, 5 unknown; and 4 roam, 91 do not,
/// 5 unknown; and 12 are ported, 83 not, 5 unknown.
fn live(phone: &str, magic: Option<&Magic>, number_type: NumberType) -> Result<Network, CallbackCode> {
    if let Some(Magic::Live(validity, reachable, roaming)) = magic {
        let (validity, reachable, roaming) = (validity.clone(), reachable.clone(), roaming.clone());
        return Ok(Network::Live { validity, reachable, ported: roaming.clone(), roaming });
    }
    if number_type != NumberType::MOBILE {
        return Err(CallbackCode::NOT_MOBILE);
    }
    let validity = answer(phone, "validity", [85, 10, 5]);
    let (reachable, roaming) = if validity == Answer::YES {
        (answer(phone, "reachable", [75, 20, 5]), answer(phone, "roaming", [4, 91, 5]))
    } else if validity == Answer::NO {
        (Answer::NO, Answer::UNKNOWN)
    } else {
        (Answer::UNKNOWN, Answer::UNKNOWN)
    };
    let ported = if validity == Answer::YES { answer(phone, "ported", [12, 83, 5]) } else { Answer::UNKNOWN };
    Ok(Network::Live { validity, reachable, roaming, ported })
}

/// Of 100 calls 42 hear it ring, 14 music, 8 busy, 10 no answer, 7 no such number, 3 not available, 3 suspended, 6 switched off,
/// 3 that or out of coverage, 3 voicemail, 1 anything else.
fn dial(phone: &str, magic: Option<&Magic>, number_type: NumberType) -> Result<Network, CallbackCode> {
    if let Some(Magic::Dial(early, answered, response)) = magic {
        let (early, answered, response) = (early.clone(), answered.clone(), response.clone());
        return Ok(Network::Dial { early, answered, response });
    }
    if number_type != NumberType::MOBILE {
        return Err(CallbackCode::NOT_MOBILE);
    }
    let place = rule::pick(phone, "response", &[42, 14, 8, 10, 7, 3, 3, 6, 3, 3, 1]);
    let response = KnownDialResponse::ALL.get(place).copied().unwrap_or(KnownDialResponse::Others);
    let (early, answered) = match response {
        KnownDialResponse::Bell | KnownDialResponse::Music => {
            (Answer::YES, answer(phone, "answered", [60, 40, 0]))
        }
        KnownDialResponse::NoResponse => (Answer::YES, Answer::NO),
        KnownDialResponse::Voicemail => (Answer::YES, Answer::YES),
        KnownDialResponse::Others => (Answer::UNKNOWN, Answer::UNKNOWN),
        _ => (Answer::NO, Answer::NO),
    };
    Ok(Network::Dial { early, answered, response: response.into() })
}

/// YES, NO or UNKNOWN, each for so many of a hundred numbers.
fn answer(phone: &str, what: &str, [yes, no, unknown]: [u32; 3]) -> Answer {
    match rule::pick(phone, what, &[yes, no, unknown]) {
        0 => Answer::YES,
        1 => Answer::NO,
        _ => Answer::UNKNOWN,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use numcheck_protocol::number_check::{Answer, CallbackCode, KnownCheckLevel, NumberType};

    use super::{Network, check};

    #[test]
    fn a_number_without_5_to_15_digits_or_of_a_wrong_length_is_114_and_free() {
        for phone in
            ["", "1861", "18617", "+8613800138000", "1861712345678901", "86 13800138000", "99912345678"]
        {
            let outcome = check(phone, KnownCheckLevel::Basic);
            assert_eq!(outcome.code, CallbackCode::BAD_NUMBER, "{phone}");
            assert_eq!(outcome.price().to_string(), "0.0000", "{phone}");
        }
    }

    #[test]
    fn basic_takes_every_kind_of_number_and_the_other_levels_mobile_ones_only() {
        assert_eq!(check("442012345678", KnownCheckLevel::Basic).code, CallbackCode::SUCCESS);
        assert_eq!(check("442012345678", KnownCheckLevel::Hlr).code, CallbackCode::NOT_MOBILE);
        assert_eq!(check("442012345678", KnownCheckLevel::Call).code, CallbackCode::NOT_MOBILE);
        assert_eq!(check("447911123456", KnownCheckLevel::Hlr).code, CallbackCode::SUCCESS);
    }

    #[test]
    fn a_magic_number_answers_whatever_its_kind_is() {
        let outcome = check("442012001123", KnownCheckLevel::Hlr);
        assert_eq!(outcome.code, CallbackCode::SUCCESS);
        let outcome = check("442012021100", KnownCheckLevel::Call);
        assert_eq!(outcome.code, CallbackCode::SUCCESS);
    }

    #[test]
    fn a_magic_number_type_counts_like_a_real_one() {
        let outcome = check("8613800003007", KnownCheckLevel::Basic);
        assert_eq!(outcome.result.unwrap().number_type, NumberType::VOICEMAIL);
        assert_eq!(check("8613800003007", KnownCheckLevel::Hlr).code, CallbackCode::NOT_MOBILE);
        assert_eq!(check("442012003002", KnownCheckLevel::Hlr).code, CallbackCode::SUCCESS);
    }

    #[test]
    fn the_rule_gives_every_answer_and_the_answers_fit_each_other() {
        let mut seen: BTreeMap<String, u32> = BTreeMap::new();
        for n in 0..3000_u32 {
            let phone = format!("86138{n:04}9999");
            for level in [KnownCheckLevel::Hlr, KnownCheckLevel::Call] {
                match check(&phone, level).result.unwrap().network {
                    Network::Live { validity, reachable, roaming, ported } => {
                        *seen.entry(format!("ported {ported}")).or_default() += 1;
                        assert!(validity == Answer::YES || reachable != Answer::YES, "{phone}");
                        *seen.entry(format!("validity {validity}")).or_default() += 1;
                        *seen.entry(format!("reachable {reachable}")).or_default() += 1;
                        *seen.entry(format!("roaming {roaming}")).or_default() += 1;
                    }
                    Network::Dial { early, answered, response } => {
                        assert!(early != Answer::NO || answered == Answer::NO, "{phone}");
                        *seen.entry(format!("early {early}")).or_default() += 1;
                        *seen.entry(format!("answered {answered}")).or_default() += 1;
                        *seen.entry(format!("response {response}")).or_default() += 1;
                    }
                    Network::Nothing => panic!("no answer"),
                }
            }
        }
        assert_eq!(seen.len(), 6 * 3 + 11, "{seen:?}");
    }
}
