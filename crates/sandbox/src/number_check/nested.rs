//! `data` of a push in v1: nested, a part for each level, built from the protocol's types in the documented key order.

use numcheck_protocol::number_check::{Answer, Basic, Dial, Live, ResultData};
use numcheck_protocol::{Field, PhoneText, Text};

use super::check::{Network, SimulatedResult};

/// What is told of a check that worked.
pub(super) fn data(result: &SimulatedResult) -> ResultData<'_> {
    let facts = &result.facts;
    let basic = Basic::default()
        .with_pre_check(Field::Known(if facts.valid { Answer::YES } else { Answer::NO }))
        .with_region_code(Field::Known(Text::new(facts.region.as_str())))
        .with_country_code(Field::Known(Text::new(facts.dial_code.as_str())))
        .with_national_number(Field::Known(PhoneText::new(facts.national.as_str())))
        .with_stand_number(Field::Known(PhoneText::new(facts.standard())))
        .with_number_type(Field::Known(result.number_type))
        .with_carrier(Field::Known(Text::new(result.carrier)));
    let (live, dial) = match &result.network {
        Network::Nothing => (None, None),
        Network::Live { validity, reachable, roaming, .. } => {
            let live = Live::default()
                .with_validity(Field::Known(validity.clone()))
                .with_reachable(Field::Known(reachable.clone()))
                .with_roaming(Field::Known(roaming.clone()));
            (Some(live), None)
        }
        Network::Dial { early, answered, response } => {
            let dial = Dial::default()
                .with_early(Field::Known(early.clone()))
                .with_answered(Field::Known(answered.clone()))
                .with_response(Field::Known(response.clone()));
            (None, Some(dial))
        }
    };
    ResultData::default().with_basic(Field::Known(basic)).with_live(live.into()).with_dial(dial.into())
}
