//! The body of a query, read as the platform would.
//!
//! It judges the form alone. An absent, null or empty optional field counts as left out.

use numcheck_protocol::number_check::{QueryBody, QueryCode};
use numcheck_protocol::{Count, Date, Field, decode};

/// A query whose form is right.
pub(crate) struct Question {
    /// From 1.
    pub(crate) page: u64,
    /// 1 to 100.
    pub(crate) page_size: u64,
    pub(crate) date: Date,
    pub(crate) message_id: Option<String>,
    pub(crate) batch_no: Option<String>,
    pub(crate) phone: Option<String>,
    pub(crate) appkey: Option<String>,
}

/// Why a query is refused.
#[derive(Debug)]
pub(crate) struct Unanswered {
    pub(crate) code: QueryCode,
    /// The platform's text.
    pub(crate) text: &'static str,
    /// For people. It never quotes a value of the request.
    pub(crate) why: String,
}

impl Unanswered {
    pub(crate) fn new(code: QueryCode, text: &'static str, why: impl Into<String>) -> Self {
        Self { code, text, why: why.into() }
    }
}

/// The sample's text for a date of another form; for the others the submit's words. [assumed]
const BAD_DATE: &str = "Incorrect date format [yyyy-MM-dd]";
const BAD_PARAMETER: &str = "Parameter error or empty";

/// Reads a query. Everything that is wrong is 88, the date with the sample's own text; it is looked at in the document's order: the
/// page, its size, the date, then that there is a message id or a batch number.
pub(crate) fn read(body: &[u8]) -> Result<Question, Unanswered> {
    let wrong = |why: &str| Unanswered::new(QueryCode::QUERY_FAILED, BAD_PARAMETER, why);
    let body: QueryBody<'_> = decode(body).map_err(|error| wrong(&format!("the body is {error}")))?;
    let count = |field: &Field<Count>| field.get().map(|count| count.get());
    let page = count(&body.page).filter(|page| *page > 0);
    let page_size = count(&body.page_size).filter(|rows| (1..=100).contains(rows));
    let date = text(&body.date, "date")?.and_then(|date| date.parse().ok());
    let question = Question {
        page: page.ok_or_else(|| wrong("page must be an integer from 1"))?,
        page_size: page_size.ok_or_else(|| wrong("pageSize must be an integer from 1 to 100"))?,
        date: date.ok_or_else(|| {
            Unanswered::new(QueryCode::QUERY_FAILED, BAD_DATE, "date must be a day, written yyyy-MM-dd")
        })?,
        message_id: text(&body.message_id, "messageId")?.or(text(&body.request_id, "requestId")?),
        batch_no: text(&body.batch_no, "batchNo")?,
        phone: text(&body.phone, "phone")?,
        appkey: text(&body.appkey, "appkey")?,
    };
    if question.message_id.is_none() && question.batch_no.is_none() {
        return Err(wrong("messageId and batchNo are both missing or empty"));
    }
    Ok(question)
}

fn text<T: AsRef<str>>(field: &Field<T>, name: &str) -> Result<Option<String>, Unanswered> {
    match field {
        Field::Odd(_) => {
            Err(Unanswered::new(QueryCode::QUERY_FAILED, BAD_PARAMETER, format!("{name} must be a string")))
        }
        field => Ok(field.get().map(|text| text.as_ref().to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn the_first_thing_that_is_wrong_is_named_and_nothing_of_the_request_is_quoted() {
        for (body, why) in [
            ("", "the body is not a JSON object in UTF-8, at line 1, column 0"),
            (r#"{"pageSize":1,"date":"2024-04-22","batchNo":"b"}"#, "page must be an integer from 1"),
            (
                r#"{"page":0,"pageSize":1,"date":"2024-04-22","batchNo":"b"}"#,
                "page must be an integer from 1",
            ),
            (
                r#"{"page":1,"pageSize":101,"date":"x","batchNo":"b"}"#,
                "pageSize must be an integer from 1 to 100",
            ),
            (
                r#"{"page":1,"pageSize":1,"date":"22.04.2024","batchNo":"b"}"#,
                "date must be a day, written yyyy-MM-dd",
            ),
            (r#"{"page":1,"pageSize":1,"batchNo":"b"}"#, "date must be a day, written yyyy-MM-dd"),
            (r#"{"page":1,"pageSize":1,"date":"2024-04-22","batchNo":7}"#, "batchNo must be a string"),
            (
                r#"{"page":1,"pageSize":1,"date":"2024-04-22","batchNo":"","messageId":null}"#,
                "messageId and batchNo are both missing or empty",
            ),
        ] {
            assert_eq!(
                read(body.as_bytes()).err().map(|refused| refused.why).as_deref(),
                Some(why),
                "{body}"
            );
        }
    }

    #[test]
    fn numbers_may_stand_in_quotes_and_the_id_under_either_name() {
        let body =
            r#"{"page":"2","pageSize":"50","date":"2024-04-22","requestId":"r","messageId":"","unheard":[]}"#;
        let question = read(body.as_bytes()).unwrap();
        assert_eq!((question.page, question.page_size), (2, 50));
        assert_eq!((question.message_id.as_deref(), question.batch_no), (Some("r"), None));
    }
}
