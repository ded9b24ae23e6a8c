//! Answers to queries that contradict themselves.
//!
//! It bends the bytes of a right answer, since the protocol's own types cannot say such things.

use serde_json::{Map, Value, json};

use crate::assumptions::QueryOddity;

/// The text of a platform that is too busy to look.
const BUSY: &str = "system busy, try later";

/// An answer that contradicts itself, from one that does not; `None` where that one is no success.
pub(crate) fn contradict(oddity: QueryOddity, body: &[u8]) -> Option<Vec<u8>> {
    let mut reply: Map<String, Value> = serde_json::from_slice(body).ok()?;
    if reply.get("code") != Some(&json!(0)) {
        return None;
    }
    if oddity == QueryOddity::Busy {
        reply.insert("code".to_owned(), json!("0"));
        reply.insert("msg".to_owned(), json!(BUSY));
    }
    let data = reply.get_mut("data")?.as_object_mut()?;
    let rows = data.insert("result".to_owned(), json!([]));
    let (mut size, mut pages) = (0, 0);
    match oddity {
        QueryOddity::PagesWithoutRows => pages = 5,
        QueryOddity::SizeWithoutRows => (size, pages) = (3, 1),
        QueryOddity::ResultObject => {
            data.insert("result".to_owned(), json!({}));
        }
        QueryOddity::OtherList => {
            let rows = rows.filter(|rows| rows.as_array().is_some_and(|rows| !rows.is_empty()));
            data.insert("list".to_owned(), rows.unwrap_or_else(|| json!([foreign_row()])));
        }
        QueryOddity::OtherBatch => {
            (size, pages) = (1, 1);
            data.insert("result".to_owned(), json!([foreign_row()]));
        }
        QueryOddity::Busy => {}
    }
    data.insert("totalSize".to_owned(), json!(size));
    data.insert("totalPage".to_owned(), json!(pages));
    serde_json::to_vec(&reply).ok()
}

/// A row of a batch that nobody submitted.
fn foreign_row() -> Value {
    json!({
        "messageId": format!("{:032x}", 0xfeed_u64),
        "batchNo": "sandbox-foreign-batch",
        "phone": "8613800138000",
        "checkLevel": 1,
        "preCheck": "YES",
        "regionCode": "CN",
        "countryCode": "86",
        "numberType": 2,
        "price": 0.012,
        "currency": "CNY",
    })
}
