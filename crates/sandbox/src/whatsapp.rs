//! WhatsApp `checkCode`: is a verification code right?
//!
//! The right code is the last four digits of the phone number. It counts no guesses and sends no message, and must never note a code.

use numcheck_protocol::whatsapp::{CheckCodeBody, WhatsAppCode, WhatsAppReply};
use numcheck_protocol::{Extra, Field, Lang, Text, decode};

use crate::server::Answer;
use crate::state::Shared;

/// Answers a checkCode of an authenticated account: 9000 for the form, then 9007, then 9001, then 0 or -1.
pub(crate) fn check_code(shared: &Shared, account: usize, body: &[u8]) -> Answer {
    let body: CheckCodeBody<'_> = match decode(body) {
        Ok(body) => body,
        Err(error) => return reply(WhatsAppCode::BAD_PARAMETER, format!("the body is {error}")),
    };
    let (Some(phone), Some(code)) = (body.phone_number.get(), body.code.get()) else {
        let why = "phone_number and code must be strings that are not empty";
        return reply(WhatsAppCode::BAD_PARAMETER, why);
    };
    let digits: String = phone.as_str().chars().filter(char::is_ascii_digit).collect();
    let is_integrator = shared.accounts.get(account).is_some_and(|account| account.integrator);
    let answer = if !is_integrator {
        reply(WhatsAppCode::NOT_INTEGRATOR, "the account is no integrator")
    } else if digits.ends_with("9007") {
        reply(WhatsAppCode::NOT_INTEGRATOR, "the phone number asks for this code")
    } else if digits.ends_with("9001") {
        reply(WhatsAppCode::SYSTEM_ERROR, "the phone number asks for this code")
    } else if is_right(&digits, code.as_str()) {
        reply(WhatsAppCode::SUCCESS, "")
    } else {
        reply(WhatsAppCode::FAILED, "wrong code: the right one is the last four digits of the phone number")
    };
    Answer { numbers: 1, ..answer }
}

/// The envelope of this family.
pub(crate) fn reply(code: WhatsAppCode, why: impl Into<String>) -> Answer {
    let reply = WhatsAppReply {
        code: Field::Known(code),
        data: Field::Null,
        message: Field::Known(Text::new(text(code))),
        msg: Field::Absent,
        extra: Extra::default(),
    };
    Answer::envelope(&reply, code.get(), why.into())
}

fn is_right(digits: &str, code: &str) -> bool {
    let right = digits.len().checked_sub(4).and_then(|start| digits.get(start..)).unwrap_or(digits);
    !right.is_empty() && right == code
}

/// The texts of the document's table.
fn text(code: WhatsAppCode) -> &'static str {
    match code {
        WhatsAppCode::SUCCESS => "Request successful",
        WhatsAppCode::FAILED => "Request failed",
        WhatsAppCode::BAD_PARAMETER => "Parameter exception",
        WhatsAppCode::SYSTEM_ERROR => "System business error",
        WhatsAppCode::NOT_INTEGRATOR => "Non-integrator request",
        other => other.meaning(Lang::En),
    }
}

#[cfg(test)]
mod tests {
    use super::is_right;

    #[test]
    fn the_right_code_is_the_last_four_digits() {
        assert!(is_right("8613800138000", "8000"));
        assert!(!is_right("8613800138000", "0000"));
        assert!(!is_right("8613800138000", "8613800138000"));
        assert!(is_right("123", "123"));
        assert!(!is_right("", ""));
    }
}
