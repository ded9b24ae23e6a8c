//! The body of a submit, read as the platform would.
//!
//! It judges the request's form alone. [`read`] documents the order of its rules, because a request may break several.

use numcheck_protocol::number_check::{Dialect, KnownCheckLevel, SubmitBody, SubmitCode};
use numcheck_protocol::{BatchNo, CallbackUrl, Field, PhoneList, decode};

use super::batch::{MOST_NUMBERS, Phones};
use crate::assumptions::{Assumptions, V2Revision};

/// A submit whose form is right.
pub(crate) struct Order {
    pub(crate) phones: Phones,
    pub(crate) batch_no: Option<String>,
    pub(crate) level: KnownCheckLevel,
    pub(crate) dr_url: Option<CallbackUrl>,
    pub(crate) appkey: String,
}

/// Why a submit is refused.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) code: SubmitCode,
    /// For people. It never quotes a value of the request.
    pub(crate) why: String,
}

impl Refused {
    pub(crate) fn new(code: SubmitCode, why: impl Into<String>) -> Self {
        Self { code, why: why.into() }
    }
}

/// What an account's dialect allows.
#[derive(Clone, Copy)]
pub(crate) struct Allowed {
    /// The most numbers in one submit.
    numbers: usize,
    /// Whether there is a level call.
    call: bool,
}

impl Allowed {
    pub(crate) fn of(dialect: Dialect, assumptions: &Assumptions) -> Self {
        match dialect {
            Dialect::V1 => Self { numbers: MOST_NUMBERS, call: true },
            Dialect::V2 => Self {
                numbers: if assumptions.refuse_over_5000 { PhoneList::MAX_LEN } else { MOST_NUMBERS },
                call: assumptions.v2_revision != V2Revision::Today,
            },
        }
    }
}

/// The longest thing that may stand between two commas. Longer ones are no number that somebody mistyped.
const LONGEST_ITEM: usize = 64;

/// Reads a submit. First everything that is 201 (no JSON object; `phone` or `appkey` missing, empty or no string; `batchNo` or
/// `drUrl` no string; `checkLevel` neither an integer nor one in quotes; an empty place in the list; a `drUrl` that is no URL), then
/// 212, then 207.
///
/// An absent, null or empty optional field is one left out. A number of the wrong form is none of this: in v1 it is
/// accepted, and its result is 114; in v2 it is not taken, and the others are.
pub(crate) fn read(body: &[u8], allowed: Allowed) -> Result<Order, Refused> {
    let wrong = |why: &str| Refused::new(SubmitCode::BAD_PARAMETER, why);
    let body: SubmitBody<'_> = decode(body).map_err(|error| wrong(&format!("the body is {error}")))?;
    let phone = required(&body.phone, "phone")?;
    let appkey = required(&body.appkey, "appkey")?.to_owned();
    let batch_no = optional(&body.batch_no, "batchNo")?.map(str::to_owned);
    let dr_url = optional(&body.dr_url, "drUrl")?.map(CallbackUrl::new).transpose();
    let dr_url = dr_url.map_err(|error| wrong(&error.to_string()))?;
    if body.check_level.odd().is_some() {
        return Err(wrong("checkLevel must be an integer"));
    }
    let phones = Phones::new(phone).filter(|phones| phones.count() as usize <= allowed.numbers);
    let phones =
        phones.ok_or_else(|| wrong(&format!("phone holds more than {} numbers", allowed.numbers)))?;
    if phones.iter().any(|phone| phone.is_empty() || phone.len() > LONGEST_ITEM) {
        return Err(wrong("phone holds an empty place, or something too long to be a number"));
    }
    if batch_no.as_deref().is_some_and(|batch_no| batch_no.chars().count() > BatchNo::MAX_CHARS) {
        return Err(Refused::new(SubmitCode::BATCH_NO_TOO_LONG, "batchNo has more than 64 characters"));
    }
    let level = match body.check_level.get() {
        None => KnownCheckLevel::Basic,
        Some(level) => {
            let known = level.known().filter(|level| allowed.call || *level != KnownCheckLevel::Call);
            known.ok_or_else(|| {
                let levels =
                    if allowed.call { "1 (basic), 4 (call) or 5 (HLR)" } else { "1 (basic) or 5 (HLR)" };
                Refused::new(SubmitCode::BAD_LEVEL, format!("checkLevel must be {levels}"))
            })?
        }
    };
    Ok(Order { phones, batch_no, level, dr_url, appkey })
}

pub(super) fn required<'a, T: AsRef<str>>(field: &'a Field<T>, name: &str) -> Result<&'a str, Refused> {
    let missing = || Refused::new(SubmitCode::BAD_PARAMETER, format!("{name} is missing or empty"));
    optional(field, name)?.ok_or_else(missing)
}

pub(super) fn optional<'a, T: AsRef<str>>(
    field: &'a Field<T>,
    name: &str,
) -> Result<Option<&'a str>, Refused> {
    match field {
        Field::Odd(_) => Err(Refused::new(SubmitCode::BAD_PARAMETER, format!("{name} must be a string"))),
        field => Ok(field.get().map(AsRef::as_ref)),
    }
}

#[cfg(test)]
mod tests {
    use numcheck_protocol::number_check::{KnownCheckLevel, SubmitCode};

    use super::{Allowed, MOST_NUMBERS, read};

    const ALL: Allowed = Allowed { numbers: MOST_NUMBERS, call: true };

    fn code(body: &str) -> i64 {
        read(body.as_bytes(), ALL).map_or_else(|refused| refused.code.get(), |_| 0)
    }

    #[test]
    fn the_documents_example_is_right() {
        let body = r#"{"phone":"234800001xxxxx","batchNo":"20220901","checkLevel":1,"drUrl":"http://my.callback.url/test","appkey":"a1b2c3d4"}"#;
        let order = read(body.as_bytes(), ALL).unwrap();
        assert_eq!((order.phones.count(), order.level), (1, KnownCheckLevel::Basic));
        assert_eq!(order.batch_no.as_deref(), Some("20220901"));
    }

    #[test]
    fn what_is_missing_empty_or_of_another_type_is_201() {
        for body in [
            "",
            "no json",
            "[]",
            "\"x\"",
            r#"{"phone":"1"}"#,
            r#"{"appkey":"a"}"#,
            r#"{"phone":"","appkey":"a"}"#,
            r#"{"phone":null,"appkey":"a"}"#,
            r#"{"phone":123456,"appkey":"a"}"#,
            r#"{"phone":["123456"],"appkey":"a"}"#,
            r#"{"phone":"123456","appkey":""}"#,
            r#"{"phone":"123456","appkey":7}"#,
            r#"{"phone":"123456","appkey":"a","batchNo":7}"#,
            r#"{"phone":"123456","appkey":"a","checkLevel":"x"}"#,
            r#"{"phone":"123456","appkey":"a","checkLevel":1.5}"#,
            r#"{"phone":"123456","appkey":"a","checkLevel":true}"#,
            r#"{"phone":"123456","appkey":"a","drUrl":"my.callback.url"}"#,
            r#"{"phone":"123456","appkey":"a","drUrl":5}"#,
            r#"{"phone":"123456,,123457","appkey":"a"}"#,
            r#"{"phone":"123456,","appkey":"a"}"#,
        ] {
            assert_eq!(code(body), 201, "{body}");
        }
    }

    #[test]
    fn optional_fields_may_be_absent_null_or_empty() {
        for body in [
            r#"{"phone":"123456","appkey":"a"}"#,
            r#"{"phone":"123456","appkey":"a","batchNo":null,"checkLevel":null,"drUrl":null}"#,
            r#"{"phone":"123456","appkey":"a","batchNo":"","checkLevel":"","drUrl":""}"#,
            r#"{"phone":"123456","appkey":"a","checkLevel":"5","unheard":{"of":1}}"#,
        ] {
            assert_eq!(code(body), 0, "{body}");
        }
    }

    #[test]
    fn batch_numbers_have_at_most_64_characters_and_levels_are_1_4_5() {
        let with = |rest: &str| code(&format!(r#"{{"phone":"123456","appkey":"a",{rest}}}"#));
        assert_eq!(with(&format!(r#""batchNo":"{}""#, "牛".repeat(64))), 0);
        assert_eq!(with(&format!(r#""batchNo":"{}""#, "b".repeat(65))), 212);
        for level in [1, 4, 5] {
            assert_eq!(with(&format!(r#""checkLevel":{level}"#)), 0);
        }
        for level in [-1, 0, 2, 3, 6, 1000] {
            assert_eq!(with(&format!(r#""checkLevel":{level}"#)), 207);
        }
    }

    #[test]
    fn a_request_that_breaks_several_rules_gets_201_before_212_before_207() {
        let long = "b".repeat(65);
        assert_eq!(code(&format!(r#"{{"appkey":"a","batchNo":"{long}","checkLevel":2}}"#)), 201);
        assert_eq!(
            code(&format!(r#"{{"phone":"123456","appkey":"a","batchNo":"{long}","checkLevel":2}}"#)),
            212
        );
    }

    #[test]
    fn no_reason_quotes_the_request() {
        for body in [
            r#"{"phone":"8613800138000,","appkey":"secret-key"}"#,
            r#"{"phone":"8613800138000","appkey":"secret-key","drUrl":"secret"}"#,
        ] {
            let refused = read(body.as_bytes(), ALL).err().unwrap();
            assert_eq!(refused.code, SubmitCode::BAD_PARAMETER);
            assert!(!refused.why.contains("138001") && !refused.why.contains("secret"), "{}", refused.why);
        }
    }
}
