//! `data` of a push in v1: nested, a part for each level, built from the protocol's types in the documented key order.

use numcheck_protocol::number_check::{Answer, Basic, Dial, Live, ResultData};
use numcheck_protocol::{Extra, Field, PhoneText, Text};

use super::check::{Network, SimulatedResult};

/// What is told of a check that worked.
pub(super) fn data(result: &SimulatedResult) -> ResultData<'_> {
    let facts = &result.facts;
    let basic = Basic {
        pre_check: Field::Known(if facts.valid { Answer::YES } else { Answer::NO }),
        region_code: Field::Known(Text::new(facts.region.as_str())),
        country_code: Field::Known(Text::new(facts.dial_code.as_str())),
        national_number: Field::Known(PhoneText::new(facts.national.as_str())),
        stand_number: Field::Known(PhoneText::new(facts.standard())),
        number_type: Field::Known(result.number_type),
        carrier: Field::Known(Text::new(result.carrier)),
        extra: Extra::default(),
    };
    let (live, dial) = match &result.network {
        Network::Nothing => (None, None),
        Network::Live { validity, reachable, roaming, .. } => {
            let live = Live {
                validity: Field::Known(validity.clone()),
                reachable: Field::Known(reachable.clone()),
                roaming: Field::Known(roaming.clone()),
                extra: Extra::default(),
            };
            (Some(live), None)
        }
        Network::Dial { early, answered, response } => {
            let dial = Dial {
                early: Field::Known(early.clone()),
                answered: Field::Known(answered.clone()),
                response: Field::Known(response.clone()),
                extra: Extra::default(),
            };
            (None, Some(dial))
        }
    };
    ResultData { basic: Field::Known(basic), live: live.into(), dial: dial.into(), ..ResultData::default() }
}
