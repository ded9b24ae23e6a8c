//! The form of an answer to a query, for comparing an empty one with one that held rows. Nothing that depends on what was found is part
//! of it.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use http::StatusCode;
use numcheck_protocol::number_check::{QueryData, QueryReply};
use numcheck_protocol::{Extra, Field, Text, mask};
use numcheck_transport::quotable;
use sha2::{Digest, Sha256};

/// What answers of one kind have in common, whatever they found: status, texts, spelling of the code, names of the fields.
///
/// A text such as "busy, try later" may come beside an empty list that looks like any other. So an empty answer whose form differs from
/// that of an answer with rows is not known to be one of "nothing found". Counts and rows are no part of a form. `Debug` masks what may
/// be a phone number.
///
/// ```
/// use numcheck_nxcloud::QueryPage;
///
/// /// `shown` held rows; only an absence of the same form can be believed.
/// fn is_of_the_same_kind(absence: &QueryPage, shown: &QueryPage) -> bool {
///     absence.is_clean_absence() && absence.form() == shown.form()
/// }
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct AnswerForm {
    status: u16,
    code_is_text: bool,
    msg: Option<String>,
    message: Option<String>,
    fields: Names,
    data_fields: Names,
}

type Names = BTreeSet<Cow<'static, str>>;

impl AnswerForm {
    /// `secret` is what the platform was sent and must not be quoted.
    pub(crate) fn of(answer: &QueryReply<'_>, status: StatusCode, secret: &str) -> Self {
        let QueryReply { code, msg, message, data, extra, .. } = answer;
        let known = [
            ("code", code.is_absent()),
            ("msg", msg.is_absent()),
            ("message", message.is_absent()),
            ("data", data.is_absent()),
        ];
        let text =
            |field: &Field<Text<'_>>| field.get().map(|text| quotable(text.as_str(), &[secret]).into_owned());
        Self {
            status: status.as_u16(),
            code_is_text: matches!(code, Field::Respelled(both) if both.1.is_string()),
            msg: text(msg),
            message: text(message),
            fields: names(&known, extra),
            data_fields: data.get().map(data_names).unwrap_or_default(),
        }
    }

    /// A text that is the same for equal forms, and for no others: a SHA-256 of all of it in hexadecimal.
    ///
    /// Unlike `Debug` it tells texts apart that differ only in what is masked, and it shows nothing of them.
    pub fn key(&self) -> String {
        let Self { status, code_is_text, msg, message, fields, data_fields } = self;
        let mut hash = Sha256::new();
        hash.update(status.to_be_bytes());
        hash.update([u8::from(*code_is_text)]);
        // Each text after its length, and each list after its own: none can be read as part of the next.
        let text = |hash: &mut Sha256, text: &str| {
            hash.update((text.len() as u64).to_be_bytes());
            hash.update(text);
        };
        for message in [msg, message] {
            hash.update([u8::from(message.is_some())]);
            text(&mut hash, message.as_deref().unwrap_or_default());
        }
        for names in [fields, data_fields] {
            hash.update((names.len() as u64).to_be_bytes());
            names.iter().for_each(|name| text(&mut hash, name));
        }
        hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

fn data_names(data: &QueryData<'_>) -> Names {
    let QueryData { page, page_size, total_page, total_size, result, extra, .. } = data;
    let known = [
        ("page", page.is_absent()),
        ("pageSize", page_size.is_absent()),
        ("totalPage", total_page.is_absent()),
        ("totalSize", total_size.is_absent()),
        ("result", result.is_absent()),
    ];
    names(&known, extra)
}

fn names(known: &[(&'static str, bool)], extra: &Extra) -> Names {
    let known = known.iter().filter(|(_, is_absent)| !is_absent).map(|(name, _)| Cow::Borrowed(*name));
    known.chain(extra.iter().map(|(name, _)| Cow::Owned(name.to_owned()))).collect()
}

impl fmt::Debug for AnswerForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |names: &Names| names.iter().map(|name| mask::shown(name, 64)).collect::<Vec<_>>();
        f.debug_struct("AnswerForm")
            .field("status", &self.status)
            .field("code_is_text", &self.code_is_text)
            .field("msg", &self.msg.as_deref().map(mask::digits))
            .field("message", &self.message.as_deref().map(mask::digits))
            .field("fields", &shown(&self.fields))
            .field("data_fields", &shown(&self.data_fields))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use numcheck_protocol::decode;
    use numcheck_testing::schema;
    use serde_json::{Map, Value};

    use super::{AnswerForm, Cow, Names, QueryReply, StatusCode};

    fn wire_names(message: &str) -> Names {
        schema::of(message).fields.iter().map(|field| Cow::Owned(field.wire.clone())).collect()
    }

    /// The messages are non-exhaustive, so the compiler does not tell when one gets a field that the form lacks.
    #[test]
    fn every_documented_field_is_part_of_the_form() {
        let all = |message| -> Map<String, Value> {
            wire_names(message).into_iter().map(|name| (name.into_owned(), Value::from("x"))).collect()
        };
        let mut answer = all("QueryReply");
        answer.insert("data".to_owned(), all("QueryData").into());
        let body = serde_json::to_vec(&answer).unwrap();
        let form = AnswerForm::of(&decode::<QueryReply<'_>>(&body).unwrap(), StatusCode::OK, "");
        assert_eq!(form.fields, wire_names("QueryReply"));
        assert_eq!(form.data_fields, wire_names("QueryData"));
    }
}
