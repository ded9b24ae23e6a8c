//! QXT: is a Chinese mobile number a privacy (virtual) number?
//!
//! Area and operator are real where public data knows them; the status follows the number's range. No cache and no state but the
//! balance. The journal never holds an API key.

use std::net::IpAddr;

use numcheck_protocol::qxt::{Operator, PrivacyReply, PrivacyResult, PrivacyStatus, QxtCode};
use numcheck_protocol::{Field, Lang, PhoneText, Text};

use crate::acceptances::Single;
use crate::assumptions::QxtFailure;
use crate::ledger::{InsufficientBalance, Item, Service};
use crate::magic::{QxtMagic, of_qxt};
use crate::privacy_ledger::PrivacyAnswer;
use crate::server::{Answer, HTML, Leaves};
use crate::state::Shared;
use crate::{metadata, prices, rule};

/// Ranges of the virtual operators (MVNO): their numbers are privacy numbers here.
const VIRTUAL_RANGES: [&str; 5] = ["162", "165", "167", "170", "171"];

/// A sample of the document that public data does not know: number, status, area, operator.
const SAMPLE: (&str, PrivacyStatus, &str, Operator) =
    ("18466849135", PrivacyStatus::PRIVACY, "上海-上海", Operator::CHINA_MOBILE);

/// Areas for magic numbers, and for unknown ones where the sandbox is told to make them up.
const MADE_UP_AREAS: [&str; 6] =
    ["广东-深圳", "北京-北京", "上海-上海", "浙江-杭州", "四川-成都", "湖北-武汉"];

/// Answers a query, from its parameters as they came in a form or a query string. A parameter that comes twice counts once, as the
/// first.
///
/// The order: 1 (a parameter missing, or an apikey that is not 32 letters and digits), -1, -9, -2, -3, what a test has set for the number
/// or its magic, -4, -5. Only an answer with code 0 costs.
pub(crate) fn privacy(shared: &Shared, peer: IpAddr, parameters: &[u8]) -> Answer {
    let parameter = |name: &str| {
        let mut all = form_urlencoded::parse(parameters);
        all.find(|(key, _)| key == name).map(|(_, value)| value).filter(|value| !value.is_empty())
    };
    let answer = match (parameter("apikey"), parameter("mobile")) {
        (Some(apikey), Some(mobile)) => {
            caller(shared, peer, &apikey, &mobile).and_then(|account| query(shared, account, &mobile))
        }
        _ => Err((QxtCode::BAD_PARAMETER, "apikey or mobile is missing or empty")),
    };
    let answer = answer.unwrap_or_else(|(code, why)| failed(shared, code, why));
    match answer.leaves {
        Leaves::At(by) => Answer { leaves: Leaves::At(by + shared.settings.qxt_delay), ..answer },
        _ => answer,
    }
}

/// A query without answer, in the form that is assumed.
fn failed(shared: &Shared, code: QxtCode, why: &str) -> Answer {
    let failure = shared.settings.assumptions.qxt_failure;
    let result = match failure {
        QxtFailure::Null => Field::Null,
        QxtFailure::Empty => Field::Empty,
        QxtFailure::Absent | QxtFailure::CodeInQuotes => Field::Absent,
    };
    let in_quotes = Field::Odd(serde_json::Value::String(code.get().to_string()).into());
    let told = if failure == QxtFailure::CodeInQuotes { in_quotes } else { Field::Known(code) };
    reply(code, told, why, result)
}

/// The envelope of a query without answer. What stands there beside the code is not documented; here, nothing.
pub(crate) fn refusal(code: QxtCode, why: &str) -> Answer {
    reply(code, Field::Known(code), why, Field::Absent)
}

fn reply(code: QxtCode, told: Field<QxtCode>, why: &str, result: Field<PrivacyResult<'_>>) -> Answer {
    let reason = if code == QxtCode::SUCCESS { "Succ" } else { code.meaning(Lang::Zh) };
    let reply = PrivacyReply::default()
        .with_code(told)
        .with_reason(Field::Known(Text::new(reason)))
        .with_result(result);
    Answer::envelope(&reply, code.get(), why.to_owned())
}

type Refusal = (QxtCode, &'static str);

/// Whose query it is, if it is one that can be looked up.
fn caller(shared: &Shared, peer: IpAddr, apikey: &str, mobile: &str) -> Result<usize, Refusal> {
    if apikey.len() != 32 || !apikey.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err((QxtCode::BAD_PARAMETER, "an apikey is 32 letters and digits"));
    }
    let owner =
        shared.accounts.iter().enumerate().find(|(_, account)| account.qxt_api_key.expose() == apikey);
    let (owner, account) = owner.ok_or((QxtCode::NO_SUCH_KEY, "no account has this apikey"))?;
    if account.qxt_allowed_ips.as_ref().is_some_and(|allowed| !allowed.contains(&peer.to_canonical())) {
        return Err((QxtCode::IP_NOT_AUTHORISED, "the account does not allow the caller's address"));
    }
    if mobile.chars().count() != 11 {
        return Err((QxtCode::BAD_LENGTH, "a mobile number has 11 digits, without country code"));
    }
    if !is_mobile(mobile) {
        return Err((QxtCode::NOT_MOBILE, "a mobile number is 1, then 3 to 9, then nine digits"));
    }
    Ok(owner)
}

/// Looks a number up, and answers as a test or its magic wants it.
fn query(shared: &Shared, account: usize, mobile: &str) -> Result<Answer, Refusal> {
    let (asked_before, set) = shared.privacy.ask(account, mobile);
    let magic = of_qxt(mobile);
    let wanted = set.or_else(|| match &magic {
        Some(QxtMagic::Does(answer)) => Some(answer.clone()),
        _ => None,
    });
    let found = match &wanted {
        Some(PrivacyAnswer::Code(code)) => Err((QxtCode::new(*code), "the number asks for this code")),
        Some(PrivacyAnswer::FailsOnce) if asked_before == 0 => {
            Err((QxtCode::SYSTEM_ERROR, "the number fails once"))
        }
        _ => look_up(shared, mobile, magic, wanted.is_some()),
    };
    let is_charged = match &found {
        Ok(_) => true,
        Err((code, _)) => *code == QxtCode::NOTHING_FOUND && shared.settings.assumptions.charge_nothing_found,
    };
    if is_charged {
        let code = found.as_ref().err().map_or(QxtCode::SUCCESS, |(code, _)| *code);
        charge(shared, account, code, mobile)?;
    }
    let (status, area, operator) = found?;
    let mut result = PrivacyResult::default()
        .with_mobile(Field::Known(PhoneText::new(mobile)))
        .with_status(Field::Known(status))
        .with_area(Field::Known(Text::new(area)))
        .with_now_isp(Field::Known(operator));
    match &wanted {
        Some(PrivacyAnswer::Status(status)) => result.status = Field::Known(PrivacyStatus::new(status)),
        Some(PrivacyAnswer::OddStatus) => result.status = Field::Odd(serde_json::json!({ "code": 1 }).into()),
        Some(PrivacyAnswer::AnotherMobile(another)) => result.mobile = Field::Known(PhoneText::new(another)),
        _ => {}
    }
    let code = Field::Known(QxtCode::SUCCESS);
    let answer = Answer { numbers: 1, ..reply(QxtCode::SUCCESS, code, "", Field::Known(result)) };
    Ok(match wanted {
        Some(PrivacyAnswer::NotJson) => {
            Answer { content_type: HTML, body: b"<html><body>502</body></html>".as_slice().into(), ..answer }
        }
        Some(PrivacyAnswer::Silence) => Answer { leaves: Leaves::Never, ..answer },
        Some(PrivacyAnswer::Close) => Answer { leaves: Leaves::Closed, ..answer },
        Some(PrivacyAnswer::After(by)) => Answer { leaves: Leaves::At(by), ..answer },
        _ => answer,
    })
}

fn is_mobile(mobile: &str) -> bool {
    matches!(mobile.as_bytes(), [b'1', b'3'..=b'9', rest @ ..] if rest.iter().all(u8::is_ascii_digit))
}

/// What there is to know about a number. `is_chosen`: somebody wants an answer, also where no public data knows the range.
fn look_up(
    shared: &Shared,
    mobile: &str,
    magic: Option<QxtMagic>,
    is_chosen: bool,
) -> Result<(PrivacyStatus, &'static str, Operator), Refusal> {
    let (sample, status, area, operator_of_sample) = SAMPLE;
    if mobile == sample {
        return Ok((status, area, operator_of_sample));
    }
    let area = metadata::area(mobile);
    if let Some(QxtMagic::Answer(status, operator)) = magic {
        return Ok((status, area.unwrap_or_else(|| made_up_area(mobile)), operator));
    }
    let area = match area {
        Some(area) => area,
        None if is_chosen
            || shared.settings.assumptions.make_up_unknown_areas
            || cfg!(not(feature = "metadata")) =>
        {
            made_up_area(mobile)
        }
        None => return Err((QxtCode::NOTHING_FOUND, "no public data knows the area of this range")),
    };
    let is_virtual = VIRTUAL_RANGES.iter().any(|range| mobile.starts_with(range));
    let status = if is_virtual { PrivacyStatus::PRIVACY } else { PrivacyStatus::NOT_PRIVACY };
    Ok((status, area, operator(mobile)))
}

/// The operator of the range; those that the document does not name are all "another operator".
fn operator(mobile: &str) -> Operator {
    let name = metadata::carrier_zh(&format!("86{mobile}")).unwrap_or_default();
    let operator = Operator::new(name);
    if operator.known().is_some() { operator } else { Operator::OTHER }
}

fn made_up_area(mobile: &str) -> &'static str {
    let place = rule::pick(mobile, "area", &[1; MADE_UP_AREAS.len()]);
    MADE_UP_AREAS.get(place).copied().unwrap_or_default()
}

fn charge(shared: &Shared, account: usize, code: QxtCode, mobile: &str) -> Result<(), Refusal> {
    let (price, currency) = prices::qxt_price();
    let item = Item { code: code.get(), count: 1, price, currency };
    let charged = shared.books.charge(account, Service::Privacy, &[item]);
    charged.map_err(|InsufficientBalance| (QxtCode::BALANCE_TOO_LOW, "the balance is used up"))?;
    shared.acceptances.keep_single(Single {
        account,
        service: Service::Privacy,
        phone: mobile.into(),
        batch_no: None,
        accepted: true,
    });
    shared.privacy.charge(account, mobile);
    Ok(())
}
