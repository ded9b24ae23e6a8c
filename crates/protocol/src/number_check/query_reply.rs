//! The reply to a query: a page of rows, flat, in either dialect. What an absence proves is the caller's affair.

use serde_json::Value;

use crate::field::{Extra, Field};
use crate::number_check::{Dialect, QueryData, QueryReply, QueryRow};
use crate::text::Text;

impl QueryReply<'_> {
    /// Whether a list other than `result` holds items, wherever it stands: then an empty `result` does not say that nothing was found.
    pub fn has_other_items(&self) -> bool {
        let Self { code, msg, message, data, extra } = self;
        let in_data =
            |QueryData { page, page_size, total_page, total_size, result, extra }: &QueryData<'_>| {
                [page, page_size, total_page, total_size].into_iter().any(is_odd_with_items)
                    || is_odd_with_items(result)
                    || have_items(extra)
            };
        is_odd_with_items(code)
            || is_odd_with_items(msg)
            || is_odd_with_items(message)
            || is_odd_with_items(data)
            || data.get().is_some_and(in_data)
            || have_items(extra)
    }
}

impl QueryRow<'_> {
    /// The check's id, under whichever name it came.
    pub fn id(&self) -> Option<&str> {
        self.message_id.get().or(self.request_id.get()).map(Text::as_str)
    }

    /// Which dialect the row is in, as far as it shows: the fields of the two have different names.
    pub fn dialect(&self) -> Option<Dialect> {
        let ids = Dialect::from_marks(!self.message_id.is_absent(), !self.request_id.is_absent());
        let first = !self.region_code.is_absent() || !self.carrier.is_absent();
        let second = !self.country.is_absent() || !self.operator.is_absent();
        ids.or_else(|| Dialect::from_marks(first, second))
    }

    /// Whether the row says anything about its number. A row that does not is of a check that failed or is not finished: which of
    /// the two, no document says.
    pub fn has_result(&self) -> bool {
        self.has_findings()
    }
}

fn is_odd_with_items<T>(field: &Field<T>) -> bool {
    field.odd().is_some_and(has_items)
}

fn have_items(extra: &Extra) -> bool {
    extra.iter().any(|(_, value)| has_items(value))
}

/// A reader goes no deeper than 127 levels, so neither does this.
fn has_items(value: &Value) -> bool {
    match value {
        Value::Array(items) => !items.is_empty(),
        Value::Object(fields) => fields.values().any(has_items),
        _ => false,
    }
}
