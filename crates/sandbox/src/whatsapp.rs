//! The embedded register of WhatsApp numbers: login, createApp, phoneList, getCode, checkCode, createClient.
//!
//! Answers requests of authenticated accounts: 9000 for the form, then 9007, then magic values, then the operation's own rules, which the
//! register knows. Verification codes are never journalled.

use numcheck_protocol::whatsapp::{
    AppData, CheckCodeBody, CreateAppBody, CreateAppCode, CreateAppReply, CreateAppRequest, CreateClientBody,
    GetCodeBody, LoginData, LoginReply, Phone, PhoneListBody, PhoneListCode, PhoneListReply,
    PhoneListRequest, WhatsAppCode, WhatsAppReply,
};
use numcheck_protocol::{Count, Field, HiddenText, Json, Lang, PhoneText, Text, decode};
use serde_json::Value;

use crate::faults::Operation;
use crate::register::{Refused, Scene};
use crate::server::Answer;
use crate::state::Shared;

/// What a magic application name begins with; its code follows.
const MAGIC_APP: &str = "sandbox-";

/// The family's envelope with a code and without data.
pub(crate) fn refusal(operation: Operation, code: i64, why: impl Into<String>) -> Answer {
    let reply = WhatsAppReply::default()
        .with_code(Field::Known(WhatsAppCode::new(code)))
        .with_data(Field::Null)
        .with_message(Field::Known(Text::new(text(operation, code))));
    Answer::envelope(&reply, code, why.into())
}

pub(crate) fn login(shared: &Shared, account: usize, body: &[u8]) -> Answer {
    let refuse = |code: WhatsAppCode, why| refusal(Operation::Login, code.get(), why);
    if !body.is_empty() {
        return refuse(WhatsAppCode::BAD_PARAMETER, "login has an empty body; {} is not empty");
    }
    if !is_integrator(shared, account) {
        return refuse(WhatsAppCode::NOT_INTEGRATOR, NOT_INTEGRATOR);
    }
    let token = shared.register.token(account);
    let data = LoginData::default().with_token(Field::Known(HiddenText::new(token)));
    let reply = LoginReply::default()
        .with_code(Field::Known(WhatsAppCode::SUCCESS))
        .with_data(Field::Known(data))
        .with_message(success());
    Answer::envelope(&reply, 0, String::new())
}

pub(crate) fn create_app(shared: &Shared, account: usize, body: &[u8]) -> Answer {
    let refuse = |code: CreateAppCode, why: &str| refusal(Operation::CreateApp, code.get(), why);
    let bad = |why: String| refusal(Operation::CreateApp, WhatsAppCode::BAD_PARAMETER.get(), why);
    let request = match decode::<CreateAppBody<'_>>(body) {
        Ok(body) => match CreateAppRequest::try_from(body) {
            Ok(request) => request,
            Err(error) => return bad(error.to_string()),
        },
        Err(error) => return bad(format!("the body is {error}")),
    };
    if !is_integrator(shared, account) {
        return refuse(CreateAppCode::new(WhatsAppCode::NOT_INTEGRATOR.get()), NOT_INTEGRATOR);
    }
    let name = request.app_name.as_str();
    if let Some(code) = magic_code(name) {
        return refusal(Operation::CreateApp, code, "the name asks for this code");
    }
    let Some(app) = shared.register.create_app(account) else {
        return refuse(CreateAppCode::TOO_MANY_APPS, "1000 applications were created for the account");
    };
    let data = AppData::default()
        .with_app_id(Field::Known(Count::new(app.id)))
        .with_app_name(Field::Known(Text::new(name)))
        .with_app_key(Field::Known(HiddenText::new(app.key)));
    let reply = CreateAppReply::default()
        .with_code(Field::Known(CreateAppCode::new(0)))
        .with_data(Field::Known(data))
        .with_message(success());
    Answer::envelope(&reply, 0, String::new())
}

pub(crate) fn phone_list(shared: &Shared, account: usize, body: &[u8]) -> Answer {
    let refuse = |code: i64, why: &str| refusal(Operation::ListPhones, code, why);
    let bad = |why: &str| refuse(WhatsAppCode::BAD_PARAMETER.get(), why);
    let request = match decode::<PhoneListBody<'_>>(body) {
        Ok(body) => match PhoneListRequest::try_from(body) {
            Ok(request) => request,
            Err(error) => return bad(&error.to_string()),
        },
        Err(error) => return bad(&format!("the body is {error}")),
    };
    if !is_integrator(shared, account) {
        return refuse(WhatsAppCode::NOT_INTEGRATOR.get(), NOT_INTEGRATOR);
    }
    let appkey = request.appkey.expose();
    let built_in = shared.accounts.iter().position(|account| account.appkey.expose() == appkey);
    match built_in.or_else(|| shared.register.owner_of(appkey)) {
        Some(owner) if owner == account => {}
        Some(_) => {
            return refuse(PhoneListCode::APP_OF_ANOTHER.get(), "the appkey is that of another account");
        }
        None => return refuse(PhoneListCode::NO_SUCH_APP.get(), "no application has this appkey"),
    }
    let phones: Vec<Phone<'static>> = shared.register.phones(account);
    let numbers = phones.len();
    let reply = PhoneListReply::default()
        .with_code(Field::Known(PhoneListCode::new(0)))
        .with_data(Field::Known(phones.into_iter().collect()))
        .with_message(success());
    Answer { numbers, ..Answer::envelope(&reply, 0, String::new()) }
}

pub(crate) fn get_code(shared: &Shared, account: usize, body: &[u8]) -> Answer {
    let operation = Operation::GetCode;
    let bad = |why: String| refusal(operation, WhatsAppCode::BAD_PARAMETER.get(), why);
    let body: GetCodeBody<'_> = match decode(body) {
        Ok(body) => body,
        Err(error) => return bad(format!("the body is {error}")),
    };
    let (Some(phone), Some(method)) = (body.phone_number.get(), body.method.get()) else {
        return bad("phone_number and method must be strings that are not empty".to_owned());
    };
    // Case as documented: nobody says that another one is understood.
    if !numcheck_protocol::whatsapp::KnownCodeMethod::ALL
        .iter()
        .any(|known| known.as_str() == method.as_str())
    {
        return bad("method must be sms or voice".to_owned());
    }
    on_phone(shared, operation, account, phone, |scene, digits| {
        shared.register.send_code(scene, digits, method)?;
        // An empty object, as the documents have it.
        Ok(Field::Known(Json(Value::Object(serde_json::Map::new()))))
    })
}

pub(crate) fn check_code(shared: &Shared, account: usize, body: &[u8]) -> Answer {
    let operation = Operation::CheckCode;
    let bad = |why: &str| refusal(operation, WhatsAppCode::BAD_PARAMETER.get(), why);
    let body: CheckCodeBody<'_> = match decode(body) {
        Ok(body) => body,
        Err(error) => return bad(&format!("the body is {error}")),
    };
    let (Some(phone), Some(code)) = (body.phone_number.get(), body.code.get()) else {
        return bad("phone_number and code must be strings that are not empty");
    };
    on_phone(shared, operation, account, phone, |scene, digits| {
        shared.register.check_code(scene, digits, code.as_str()).map(|()| Field::Null)
    })
}

pub(crate) fn create_client(shared: &Shared, account: usize, body: &[u8]) -> Answer {
    let operation = Operation::CreateClient;
    let bad = |why: &str| refusal(operation, WhatsAppCode::BAD_PARAMETER.get(), why);
    let body: CreateClientBody<'_> = match decode(body) {
        Ok(body) => body,
        Err(error) => return bad(&format!("the body is {error}")),
    };
    let Some(phone) = body.phone_number.get() else {
        return bad("phone_number must be a string that is not empty");
    };
    on_phone(shared, operation, account, phone, |scene, digits| {
        shared.register.create_client(scene, digits).map(|()| Field::Null)
    })
}

/// What the three operations on a phone number have in common.
fn on_phone(
    shared: &Shared,
    operation: Operation,
    account: usize,
    phone: &PhoneText<'_>,
    act: impl FnOnce(&Scene<'_>, &str) -> Result<Field<Json>, Refused>,
) -> Answer {
    let refuse = |code: WhatsAppCode, why: &str| refusal(operation, code.get(), why);
    let digits: String = phone.as_str().chars().filter(char::is_ascii_digit).collect();
    let answer = if !is_integrator(shared, account) {
        refuse(WhatsAppCode::NOT_INTEGRATOR, NOT_INTEGRATOR)
    } else if digits.ends_with("9007") {
        refuse(WhatsAppCode::NOT_INTEGRATOR, "the phone number asks for this code")
    } else if digits.ends_with("9001") {
        refuse(WhatsAppCode::SYSTEM_ERROR, "the phone number asks for this code")
    } else {
        let assumptions = &shared.settings.assumptions.register;
        let scene = Scene { account, now_ms: shared.clock.now_ms(), assumptions };
        match act(&scene, &digits) {
            Ok(data) => {
                let reply = WhatsAppReply::default()
                    .with_code(Field::Known(WhatsAppCode::SUCCESS))
                    .with_data(data)
                    .with_message(success());
                Answer::envelope(&reply, 0, String::new())
            }
            Err(Refused(why)) => refuse(WhatsAppCode::FAILED, why),
        }
    };
    Answer { numbers: 1, ..answer }
}

const NOT_INTEGRATOR: &str = "the account is no integrator";

fn is_integrator(shared: &Shared, account: usize) -> bool {
    shared.accounts.get(account).is_some_and(|account| account.integrator)
}

/// The code that a name asks for: `sandbox-9009`, or `sandbox-9009-anything`.
fn magic_code(name: &str) -> Option<i64> {
    let rest = name.strip_prefix(MAGIC_APP)?;
    let digits = rest.split('-').next().unwrap_or_default();
    digits
        .parse()
        .ok()
        .filter(|_| (1..=5).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()))
}

fn success() -> Field<Text<'static>> {
    Field::Known(Text::new(text(Operation::Login, 0)))
}

/// The texts of the document's tables; where it prints none, the meaning.
fn text(operation: Operation, code: i64) -> &'static str {
    match WhatsAppCode::new(code) {
        WhatsAppCode::SUCCESS => "Request successful",
        WhatsAppCode::FAILED => "Request failed",
        WhatsAppCode::BAD_PARAMETER => "Parameter exception",
        WhatsAppCode::SYSTEM_ERROR => "System business error",
        WhatsAppCode::NOT_INTEGRATOR => "Non-integrator request",
        other => match operation {
            Operation::CreateApp => CreateAppCode::new(code).meaning(Lang::En),
            Operation::ListPhones => PhoneListCode::new(code).meaning(Lang::En),
            _ => other.meaning(Lang::En),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::magic_code;

    #[test]
    fn a_name_asks_for_a_code_only_in_the_documented_form() {
        for (name, code) in [
            ("sandbox-9009", Some(9009)),
            ("sandbox-9009-again", Some(9009)),
            ("sandbox-0", Some(0)),
            ("sandbox-", None),
            ("sandbox-123456", None),
            ("sandbox-x", None),
            ("sandbox-+1", None),
            ("Sandbox-1", None),
        ] {
            assert_eq!(magic_code(name), code, "{name}");
        }
    }
}
