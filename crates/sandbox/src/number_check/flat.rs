//! `data` of a push in v2: flat, with words where v1 has numbers.

use numcheck_protocol::number_check::{Answer, DialResponse, NumberType, NumberTypeWord, ResultData};
use numcheck_protocol::{Field, Text};

use super::check::{Network, SimulatedResult};
use crate::assumptions::V2Revision;
use crate::rule;

/// What is told of a check that worked.
pub(super) fn data<'a>(result: &'a SimulatedResult, phone: &str, revision: V2Revision) -> ResultData<'a> {
    let data = ResultData::default()
        .with_number_type(Field::Known(kind(result)))
        .with_operator(Field::Known(Text::new(result.carrier)))
        .with_country(Field::Known(Text::new(result.facts.region.as_str())));
    let word = |answer: &Answer| Field::Known(word(answer, revision));
    match &result.network {
        Network::Nothing => data,
        Network::Live { validity, ported, .. } => {
            let (mcc, mnc) = network_codes(&result.facts.region, phone);
            data.with_mcc(Field::Known(Text::new(mcc)))
                .with_mnc(Field::Known(Text::new(mnc)))
                .with_ported(word(ported))
                .with_active(word(validity))
        }
        Network::Dial { early, answered, response } => {
            let heard = |wanted: bool| wanted.then(|| response.clone()).into();
            let first_days = revision == V2Revision::FirstDays;
            let (response, response_status): (Field<DialResponse>, _) =
                (heard(!first_days), heard(first_days));
            data.with_ring(word(early))
                .with_answer(word(answered))
                .with_response(response)
                .with_response_status(response_status)
        }
    }
}

/// The kind of a number in the words of v2: mobile, any other that is valid, or not valid.
pub(super) fn kind(result: &SimulatedResult) -> NumberTypeWord {
    match result.number_type {
        NumberType::MOBILE => NumberTypeWord::MOBILE,
        NumberType::OTHER if !result.facts.valid => NumberTypeWord::INVALID,
        known if known.known().is_some() => NumberTypeWord::OTHERS,
        unknown => NumberTypeWord::new(&format!("type_{unknown}")),
    }
}

fn word(answer: &Answer, revision: V2Revision) -> Answer {
    match revision {
        V2Revision::FirstDays => Answer::new(&answer.to_string().to_lowercase()),
        _ => answer.clone(),
    }
}

/// Mobile country code and mobile network code, as strings because leading zeros count. The former is real where the table has the
/// region and 901, which is no country's, elsewhere; the latter is made up from the number's digits.
pub(super) fn network_codes(region: &str, phone: &str) -> (&'static str, &'static str) {
    const COUNTRIES: &[(&str, &str)] = &[
        ("AE", "424"),
        ("AU", "505"),
        ("BR", "724"),
        ("CA", "302"),
        ("CN", "460"),
        ("DE", "262"),
        ("ES", "214"),
        ("FR", "208"),
        ("GB", "234"),
        ("HK", "454"),
        ("ID", "510"),
        ("IN", "404"),
        ("IT", "222"),
        ("JP", "440"),
        ("KR", "450"),
        ("MX", "334"),
        ("MY", "502"),
        ("NG", "621"),
        ("NL", "204"),
        ("PH", "515"),
        ("RU", "250"),
        ("SG", "525"),
        ("TH", "520"),
        ("TW", "466"),
        ("US", "310"),
        ("VN", "452"),
        ("ZA", "655"),
    ];
    const NETWORKS: [&str; 4] = ["00", "01", "02", "10"];
    let mcc = COUNTRIES.iter().find(|(country, _)| *country == region).map_or("901", |(_, mcc)| mcc);
    let network = rule::pick(phone, "mnc", &[1; NETWORKS.len()]);
    (mcc, NETWORKS.get(network).copied().unwrap_or("00"))
}
