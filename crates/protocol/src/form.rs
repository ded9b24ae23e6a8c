//! Form bodies (`application/x-www-form-urlencoded`).

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write as _;

use serde::Serialize;
use serde_json::Value;

use crate::field::single;
use crate::message::Unwritable;

/// Writes the fields of an object as a form, in the order of their names. A null is left out.
pub(crate) fn encode(message: &impl Serialize) -> Result<Vec<u8>, Unwritable> {
    let Ok(Value::Object(fields)) = serde_json::to_value(message) else { return Err(Unwritable) };
    let mut form = String::new();
    for (name, value) in fields.iter().filter(|(_, value)| !value.is_null()) {
        let value = single(value).ok_or(Unwritable)?;
        if !form.is_empty() {
            form.push('&');
        }
        escape(&mut form, name);
        form.push('=');
        escape(&mut form, &value);
    }
    Ok(form.into_bytes())
}

fn escape(form: &mut String, text: &str) {
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'*' => {
                form.push(char::from(byte))
            }
            b' ' => form.push('+'),
            // Writing into a `String` cannot fail.
            byte => drop(write!(form, "%{byte:02X}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::{String, ToString};

    use serde_json::json;

    use super::encode;

    #[test]
    fn a_form_escapes_what_would_end_a_value_and_refuses_what_it_cannot_hold() {
        let form = encode(&json!({"b": "a&b=c d/号", "a": 7, "none": null})).map(String::from_utf8);
        assert_eq!(form, Ok(Ok("a=7&b=a%26b%3Dc+d%2F%E5%8F%B7".to_string())));
        assert!(encode(&json!({"a": ["b"]})).is_err());
        assert!(encode(&json!("a")).is_err());
    }
}
