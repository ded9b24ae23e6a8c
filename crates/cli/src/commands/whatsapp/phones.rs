//! `numcheck whatsapp phone-list`: the phone numbers of an application and their states, masked unless asked otherwise.

use clap::Args;
use clap::builder::BoolishValueParser;
use numcheck_protocol::whatsapp::Phone;
use numcheck_protocol::{AppKey, Field, Lang, PhoneText, mask};
use numcheck_transport::env;
use serde_json::{Map, Value};

use super::fail;
use crate::call::{self, Network};
use crate::config;
use crate::drift;
use crate::exit::{Exit, Failure};
use crate::needed;
use crate::print;

/// List the phone numbers of the application NXCLOUD_APPKEY, and how far each has got. Costs nothing.
///
/// Prints one line a number: number, registration, whether a code was verified, state, name, its state, quality, limit.
#[derive(Debug, Args)]
pub(crate) struct RegisteredPhones {
    /// Show numbers in full.
    #[arg(long, env = "NUMCHECK_SHOW", hide_env_values = true, value_parser = BoolishValueParser::new())]
    show: bool,
    /// Print one JSON object a number, with the platform's own names and values.
    #[arg(long, env = "NUMCHECK_JSON", hide_env_values = true, value_parser = BoolishValueParser::new())]
    json: bool,
    #[command(flatten)]
    network: Network,
}

impl RegisteredPhones {
    pub(super) async fn run(self) -> Result<Exit, Failure> {
        const VARIABLE: &str = "NXCLOUD_APPKEY";
        needed::check(needed::NUMBER_CHECK)?;
        let appkey = config::env().required_secret(VARIABLE).map_err(Failure::setting)?;
        let appkey = AppKey::new(&appkey)
            .map_err(|error| Failure::setting(env::EnvError::value(VARIABLE, error.rule)))?;
        let client = call::nxcloud(&self.network)?;
        let list = match client.whatsapp().phone_list(appkey).await {
            Ok(list) => list,
            Err(error) => return fail(&error, self.json, ""),
        };
        drift::tell(&list.drift);
        for phone in &list.data.phones {
            if self.json && self.show {
                print::json(phone)?;
            } else if self.json {
                print::json(&hidden(phone)?)?;
            } else {
                print::data(&self.line(phone))?;
            }
        }
        if list.data.odd > 0 {
            print::say(&format!("numcheck: {} entries are no phone numbers and are left out", list.data.odd));
        } else if list.data.phones.is_empty() {
            print::say("numcheck: the application has no phone numbers");
        }
        Ok(Exit::Settled)
    }

    fn line(&self, phone: &Phone<'_>) -> String {
        let number = match phone.display_phone_number.get() {
            Some(number) if self.show => number.as_str().to_owned(),
            Some(number) => masked_number(number.as_str()),
            None => "-".to_owned(),
        };
        let registration = phone.register_status.get().map(|status| match status.known() {
            Some(known) => known.meaning(Lang::En).to_owned(),
            None => status.to_string(),
        });
        let cells = [
            registration,
            shown(&phone.code_verification_status),
            shown(&phone.status),
            phone.verified_name.get().map(|name| name.as_str().to_owned()),
            shown(&phone.name_status),
            shown(&phone.quality_rating),
            shown(&phone.current_limit),
        ];
        // Words and names are masked too, as what stands there may be anything.
        let cells = cells.into_iter().map(|cell| {
            let cell = cell.unwrap_or_else(|| "-".to_owned());
            if self.show { cell } else { mask::digits(&cell).into_owned() }
        });
        let cells: Vec<String> =
            std::iter::once(number).chain(cells).map(|cell| cell.replace(char::is_control, " ")).collect();
        cells.join("\t")
    }
}

fn shown<T: ToString>(field: &Field<T>) -> Option<String> {
    field.get().map(ToString::to_string)
}

/// A phone as the platform tells it, masked.
fn hidden(phone: &Phone<'_>) -> Result<Value, Failure> {
    let row = serde_json::to_value(phone);
    row.map(masked).map_err(|error| Failure::new("the output cannot be written").because(error))
}

fn masked_number(number: &str) -> String {
    match number.strip_prefix('+') {
        Some(rest) => format!("+{:?}", PhoneText::new(rest)),
        None => format!("{:?}", PhoneText::new(number)),
    }
}

/// A phone with everything hidden that may be a number, but for the account's id, which has as many digits.
fn masked(row: Value) -> Value {
    let Value::Object(fields) = row else { return hide(row) };
    let fields = fields.into_iter().map(|(name, value)| match (name.as_str(), value) {
        ("display_phone_number", Value::String(number)) => (name, Value::String(masked_number(&number))),
        ("waba_id", Value::String(id)) => (name, Value::String(id)),
        (_, value) => (mask::digits(&name).into_owned(), hide(value)),
    });
    Value::Object(fields.collect::<Map<_, _>>())
}

fn hide(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(mask::digits(&text).into_owned()),
        Value::Number(number) => {
            let text = number.to_string();
            match mask::digits(&text) {
                // A figure of fewer digits than a phone number's.
                masked if masked == text.as_str() => Value::Number(number),
                masked => Value::String(masked.into_owned()),
            }
        }
        Value::Array(items) => items.into_iter().map(hide).collect(),
        Value::Object(fields) => {
            let fields =
                fields.into_iter().map(|(name, value)| (mask::digits(&name).into_owned(), hide(value)));
            Value::Object(fields.collect())
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::masked;

    #[test]
    fn a_number_is_hidden_wherever_it_stands_and_the_account_s_id_is_not() {
        let row = json!({
            "display_phone_number": "+86 139 1234 5678",
            "verified_name": "Shop 8613912345678",
            "register_status": 5,
            "waba_id": "102290129340398",
            "8613912345678": {"deep": ["8613912345678", 8_613_912_345_678_i64]},
        });
        let shown = masked(row).to_string();
        assert!(!shown.contains("12345678") && !shown.contains("1234 5678"), "{shown}");
        assert!(shown.contains("102290129340398") && shown.contains("\"register_status\":5"), "{shown}");
        assert!(shown.contains("Shop 861********78"), "{shown}");
        // In a shape that no document has, it may be a number.
        assert!(!masked(json!({"waba_id": 8_613_912_345_678_i64})).to_string().contains("12345678"));
        assert!(
            !masked(json!({"display_phone_number": 8_613_912_345_678_i64})).to_string().contains("12345678")
        );
    }
}
