//! The envelope of a submit, in the dialect of the account.

use std::borrow::Cow;

use numcheck_protocol::number_check::{Dialect, FailNumber, SubmitCode, SubmitData, SubmitReply};
use numcheck_protocol::{Field, List, PhoneText, Text};

use super::wording::submit_text;
use crate::server::Answer;
use crate::state::Shared;

/// A number that was not taken, and why. [assumed, but for the number]
pub(super) type NotTaken<'a> = (&'a str, &'static str);

/// The envelope of a submit that was taken. `not_taken` is told in v2 alone.
pub(super) fn accepted(
    shared: &Shared,
    dialect: Dialect,
    id: &str,
    batch_no: &str,
    not_taken: &[NotTaken<'_>],
) -> Answer {
    let (id, batch_no) = (Field::Known(Text::new(id)), Field::Known(Text::new(batch_no)));
    let data = match dialect {
        Dialect::V1 => SubmitData::default().with_message_id(id).with_batch_no(batch_no),
        Dialect::V2 => {
            let fail_number = Field::Known(fail_numbers(shared, not_taken));
            SubmitData::default().with_request_id(id).with_batch_no(batch_no).with_fail_number(fail_number)
        }
    };
    answer(shared, dialect, SubmitCode::ACCEPTED, String::new(), Field::Known(data))
}

/// The envelope of a submit that was not taken. Authentication errors come with `data` null [assumed], others with the empty
/// strings of the document's sample.
pub(crate) fn refusal(shared: &Shared, dialect: Dialect, code: SubmitCode, why: impl Into<String>) -> Answer {
    let empty = match dialect {
        Dialect::V1 => SubmitData::default().with_message_id(Field::Empty).with_batch_no(Field::Empty),
        Dialect::V2 => SubmitData::default().with_request_id(Field::Empty).with_batch_no(Field::Empty),
    };
    let data = if code.auth().is_some() { Field::Null } else { Field::Known(empty) };
    answer(shared, dialect, code, why.into(), data)
}

/// What `failNumber` holds.
pub(super) fn fail_numbers<'a>(shared: &Shared, not_taken: &[NotTaken<'a>]) -> List<FailNumber<'a>> {
    let shown = |phone| match shared.settings.assumptions.mask_not_taken {
        true => Cow::Owned(masked(phone)),
        false => Cow::Borrowed(phone),
    };
    let one = |(phone, why): &NotTaken<'a>| {
        FailNumber::default()
            .with_number(Field::Known(PhoneText::new(shown(phone))))
            .with_reason(Field::Known(Text::new(*why)))
    };
    not_taken.iter().map(one).collect()
}

/// As the vendor's sample shows a number: `999***6789`.
fn masked(phone: &str) -> String {
    let chars: Vec<char> = phone.chars().collect();
    let (first, last) = (chars.iter().take(3), chars.iter().skip(chars.len().saturating_sub(4).max(3)));
    first.chain(['*'; 3].iter()).chain(last).collect()
}

fn answer(
    shared: &Shared,
    dialect: Dialect,
    code: SubmitCode,
    why: String,
    data: Field<SubmitData<'_>>,
) -> Answer {
    let text = Field::Known(Text::new(submit_text(code)));
    let common = SubmitReply::default().with_code(Field::Known(code)).with_data(data);
    let reply = match dialect {
        Dialect::V1 => common.with_msg(text),
        Dialect::V2 => {
            let trace_id = Field::Known(Text::new(shared.ids.trace_id()));
            // The sample's spelling; the table's too.
            let text = if code == SubmitCode::ACCEPTED { Field::Known(Text::new("Success")) } else { text };
            common.with_message(text).with_trace_id(trace_id)
        }
    };
    Answer::envelope(&reply, code.get(), why)
}

#[cfg(test)]
mod tests {
    use super::masked;

    #[test]
    fn a_masked_number_keeps_its_first_three_and_last_four_digits() {
        assert_eq!(masked("9990006789"), "999***6789");
        assert_eq!(masked("12345"), "123***45");
        assert_eq!(masked("1"), "1***");
    }
}
