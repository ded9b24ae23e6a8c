//! Bends a push into unusual forms.

use numcheck_protocol::number_check::ResultPush;
use numcheck_protocol::{Extra, Field, PhoneText, Price};
use serde_json::Value;

use super::cost::{in_small_letters, spelled};
use crate::magic::Shape;
use crate::prices;

/// Gives a push an unusual form.
pub(super) fn bend(push: &mut ResultPush<'_>, shape: Shape) {
    let string = |text: String| Value::String(text);
    match shape {
        Shape::UnknownFields => {
            let mark = |extra: &mut Extra| extra.insert("sandboxExtra", Value::Bool(true));
            mark(&mut push.extra);
            if let Field::Known(cost) = &mut push.cost {
                mark(&mut cost.extra);
            }
            if let Field::Known(data) = &mut push.data {
                mark(&mut data.extra);
                if let Field::Known(basic) = &mut data.basic {
                    mark(&mut basic.extra);
                }
                if let Field::Known(live) = &mut data.live {
                    mark(&mut live.extra);
                }
                if let Field::Known(dial) = &mut data.dial {
                    mark(&mut dial.extra);
                }
            }
        }
        Shape::NumbersAsStrings => {
            if let Some(code) = push.code.get() {
                push.code = Field::Odd(string(code.get().to_string()).into());
            }
            if let Field::Known(data) = &mut push.data
                && let Field::Known(basic) = &mut data.basic
                && let Some(number_type) = basic.number_type.get()
            {
                basic.number_type = Field::Odd(string(number_type.to_string()).into());
            }
            if let Field::Known(cost) = &mut push.cost
                && let Some(price) = cost.price.get()
            {
                cost.price = Field::Odd(string(price.to_string()).into());
            }
        }
        Shape::NullData => (push.data, push.cost) = (Field::Null, Field::Null),
        Shape::NoData => (push.data, push.cost) = (Field::Absent, Field::Absent),
        Shape::NoCost => push.cost = Field::Absent,
        Shape::EmptyWords => {
            if let Field::Known(data) = &mut push.data {
                if let Field::Known(basic) = &mut data.basic {
                    (basic.pre_check, basic.carrier) = (Field::Empty, Field::Empty);
                }
                if let Field::Known(live) = &mut data.live {
                    (live.validity, live.reachable, live.roaming) =
                        (Field::Empty, Field::Empty, Field::Empty);
                }
                if let Field::Known(dial) = &mut data.dial {
                    (dial.early, dial.answered, dial.response) = (Field::Empty, Field::Empty, Field::Empty);
                }
                empty(&mut data.number_type);
                empty(&mut data.operator);
                for word in [&mut data.ported, &mut data.active, &mut data.ring, &mut data.answer] {
                    empty(word);
                }
                empty(&mut data.response);
                empty(&mut data.response_status);
            }
        }
        Shape::MessageInsteadOfMsg => {
            std::mem::swap(&mut push.message, &mut push.msg);
        }
        Shape::DataAsList => push.data = Field::Odd(Value::Array(Vec::new()).into()),
        Shape::NegativePrice => set_price(push, -10_000_000_000),
        Shape::AbsurdPrice => set_price(push, 9_999_999_990_000),
        Shape::OtherCurrency | Shape::SmallCurrency => {
            if let Field::Known(cost) = &mut push.cost
                && let Some(currency) = cost.currency.get()
            {
                cost.currency = match shape {
                    Shape::SmallCurrency => in_small_letters(currency.as_str()),
                    _ => spelled(prices::another_currency(currency.as_str())),
                };
            }
        }
        Shape::PhoneWithZeros => {
            if let Some(phone) = push.phone.get() {
                push.phone = Field::Known(PhoneText::new(format!("00{}", phone.as_str())));
            }
        }
        // Not a form of this message at all: whoever writes the body sees to it.
        Shape::NotJson => {}
    }
}

/// Another price, in ten-thousandths, where the push tells one.
fn set_price(push: &mut ResultPush<'_>, ten_thousandths: i64) {
    if let Field::Known(cost) = &mut push.cost {
        cost.price = Field::Known(Price::from_ten_thousandths(ten_thousandths).unwrap_or_default());
    }
}

/// Empties a field of the second dialect, where the push has it.
fn empty<T>(field: &mut Field<T>) {
    if !field.is_absent() {
        *field = Field::Empty;
    }
}
