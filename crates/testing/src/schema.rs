//! The messages once more, by hand, for a second opinion on what in a message is new.
//!
//! Asks the code under test for nothing but the lists of known words.

use numcheck_protocol::DriftKind::{self, NewField, NewValue, OddShape};
use numcheck_protocol::number_check::{
    CallbackCode, InstantCode, KnownAnswer, KnownCheckLevel, KnownDialResponse, KnownNumberType,
    KnownNumberTypeWord, QueryCode, SubmitCode,
};
use numcheck_protocol::qxt::{KnownOperator, KnownPrivacyStatus, QxtCode};
use numcheck_protocol::whatsapp::{
    CreateAppCode, KnownCodeMethod, KnownCodeVerification, KnownMessagingLimit, KnownNameStatus,
    KnownPhoneStatus, KnownQualityRating, KnownRegisterStatus, PhoneListCode, WhatsAppCode,
};
use numcheck_protocol::{AuthCode, CodeEntry, mask};
use serde_json::{Number, Value};

/// The fields of a message.
#[derive(Debug)]
pub struct Schema {
    name: &'static str,
    /// Name on the wire, name in Rust, kind.
    fields: &'static [(&'static str, &'static str, Kind)],
}

#[derive(Debug)]
enum Kind {
    Text,
    Any,
    Price,
    Currency,
    Word(fn() -> Vec<&'static str>),
    Figure(fn() -> Vec<i64>),
    /// A word or a figure.
    Either(fn() -> Vec<&'static str>, fn() -> Vec<i64>),
    Count,
    Object(&'static Schema),
    List(&'static Schema),
}

use Kind::{Any, Count, Currency, Either, Figure, List, Object, Price, Text, Word};

/// The schema of a type by its name.
pub fn of(name: &str) -> &'static Schema {
    let all = [
        SUBMIT_BODY,
        SUBMIT_REPLY,
        RESULT_PUSH,
        QUERY_BODY,
        QUERY_REPLY,
        QUERY_ROW,
        GET_BODY,
        GET_REPLY,
        LOGIN_REPLY,
        CREATE_APP_BODY,
        CREATE_APP_REPLY,
        PHONE_LIST_BODY,
        PHONE_LIST_REPLY,
        GET_CODE_BODY,
        CHECK_CODE_BODY,
        CREATE_CLIENT_BODY,
        WHATSAPP_REPLY,
        PRIVACY_BODY,
        PRIVACY_REPLY,
    ];
    all.into_iter().find(|schema| schema.name == name).expect("every type of the examples has a schema")
}

const SUBMIT_BODY: &Schema = &Schema {
    name: "SubmitBody",
    fields: &[
        ("phone", "phone", Text),
        ("batchNo", "batch_no", Text),
        (
            "checkLevel",
            "check_level",
            Figure(|| KnownCheckLevel::ALL.iter().map(|level| level.get()).collect()),
        ),
        ("drUrl", "dr_url", Text),
        ("appkey", "appkey", Text),
    ],
};

const SUBMIT_REPLY: &Schema = &Schema {
    name: "SubmitReply",
    fields: &[
        ("code", "code", Figure(|| codes(&[SubmitCode::ENTRIES, AuthCode::ENTRIES]))),
        ("msg", "msg", Text),
        ("message", "message", Text),
        (
            "data",
            "data",
            Object(&Schema {
                name: "SubmitData",
                fields: &[
                    ("messageId", "message_id", Text),
                    ("requestId", "request_id", Text),
                    ("batchNo", "batch_no", Text),
                    ("failNumber", "fail_number", List(FAIL_NUMBER)),
                ],
            }),
        ),
        ("traceId", "trace_id", Text),
    ],
};

const FAIL_NUMBER: &Schema =
    &Schema { name: "FailNumber", fields: &[("number", "number", Text), ("reason", "reason", Text)] };

const RESULT_PUSH: &Schema = &Schema {
    name: "ResultPush",
    fields: &[
        ("messageId", "message_id", Text),
        ("requestId", "request_id", Text),
        ("code", "code", Figure(|| codes(&[CallbackCode::ENTRIES]))),
        ("msg", "msg", Text),
        ("message", "message", Text),
        ("batchNo", "batch_no", Text),
        ("phone", "phone", Text),
        (
            "data",
            "data",
            Object(&Schema {
                name: "ResultData",
                fields: &[
                    ("basic", "basic", Object(BASIC)),
                    (
                        "live",
                        "live",
                        Object(&Schema {
                            name: "Live",
                            fields: &[
                                ("validity", "validity", Word(answers)),
                                ("reachable", "reachable", Word(answers)),
                                ("roaming", "roaming", Word(answers)),
                            ],
                        }),
                    ),
                    (
                        "dial",
                        "dial",
                        Object(&Schema {
                            name: "Dial",
                            fields: &[
                                ("early", "early", Word(answers)),
                                ("answered", "answered", Word(answers)),
                                ("response", "response", Word(responses)),
                            ],
                        }),
                    ),
                    ("numberType", "number_type", Word(kind_words)),
                    ("operator", "operator", Text),
                    ("country", "country", Text),
                    ("mcc", "mcc", Text),
                    ("mnc", "mnc", Text),
                    ("ported", "ported", Word(answers)),
                    ("active", "active", Word(answers)),
                    ("ring", "ring", Word(answers)),
                    ("answer", "answer", Word(answers)),
                    ("response", "response", Word(responses)),
                    ("responseStatus", "response_status", Word(responses)),
                ],
            }),
        ),
        ("cost", "cost", Object(COST)),
    ],
};

const COST: &Schema =
    &Schema { name: "Cost", fields: &[("price", "price", Price), ("currency", "currency", Currency)] };

const BASIC: &Schema = &Schema {
    name: "Basic",
    fields: &[
        ("preCheck", "pre_check", Word(answers)),
        ("regionCode", "region_code", Text),
        ("countryCode", "country_code", Text),
        ("nationalNumber", "national_number", Text),
        ("standNumber", "stand_number", Text),
        ("numberType", "number_type", Figure(kind_figures)),
        ("carrier", "carrier", Text),
    ],
};

const QUERY_BODY: &Schema = &Schema {
    name: "QueryBody",
    fields: &[
        ("page", "page", Count),
        ("pageSize", "page_size", Count),
        ("date", "date", Text),
        ("messageId", "message_id", Text),
        ("requestId", "request_id", Text),
        ("batchNo", "batch_no", Text),
        ("phone", "phone", Text),
        ("appkey", "appkey", Text),
    ],
};

const QUERY_REPLY: &Schema = &Schema {
    name: "QueryReply",
    fields: &[
        ("code", "code", Figure(|| codes(&[QueryCode::ENTRIES, AuthCode::ENTRIES]))),
        ("msg", "msg", Text),
        ("message", "message", Text),
        (
            "data",
            "data",
            Object(&Schema {
                name: "QueryData",
                fields: &[
                    ("page", "page", Count),
                    ("pageSize", "page_size", Count),
                    ("totalPage", "total_page", Count),
                    ("totalSize", "total_size", Count),
                    ("result", "result", List(QUERY_ROW)),
                ],
            }),
        ),
    ],
};

const QUERY_ROW: &Schema = &Schema {
    name: "QueryRow",
    fields: &[
        ("messageId", "message_id", Text),
        ("requestId", "request_id", Text),
        ("batchNo", "batch_no", Text),
        ("phone", "phone", Text),
        (
            "checkLevel",
            "check_level",
            Figure(|| KnownCheckLevel::ALL.iter().map(|level| level.get()).collect()),
        ),
        ("preCheck", "pre_check", Word(answers)),
        ("regionCode", "region_code", Text),
        ("country", "country", Text),
        ("countryCode", "country_code", Text),
        ("nationalNumber", "national_number", Text),
        ("standNumber", "stand_number", Text),
        ("numberType", "number_type", Either(kind_words, kind_figures)),
        ("carrier", "carrier", Text),
        ("operator", "operator", Text),
        ("validity", "validity", Word(answers)),
        ("reachable", "reachable", Word(answers)),
        ("roaming", "roaming", Word(answers)),
        ("early", "early", Word(answers)),
        ("answered", "answered", Word(answers)),
        ("response", "response", Word(responses)),
        ("mcc", "mcc", Text),
        ("mnc", "mnc", Text),
        ("ported", "ported", Word(answers)),
        ("active", "active", Word(answers)),
        ("ring", "ring", Word(answers)),
        ("answer", "answer", Word(answers)),
        ("price", "price", Price),
        ("currency", "currency", Currency),
    ],
};

const GET_BODY: &Schema = &Schema {
    name: "GetBody",
    fields: &[
        ("phone", "phone", Text),
        ("batchNo", "batch_no", Text),
        (
            "checkLevel",
            "check_level",
            Figure(|| KnownCheckLevel::ALL.iter().map(|level| level.get()).collect()),
        ),
        ("appkey", "appkey", Text),
    ],
};

const GET_REPLY: &Schema = &Schema {
    name: "GetReply",
    fields: &[
        ("code", "code", Figure(|| codes(&[InstantCode::ENTRIES, AuthCode::ENTRIES]))),
        ("msg", "msg", Text),
        ("message", "message", Text),
        (
            "data",
            "data",
            Object(&Schema {
                name: "GetData",
                fields: &[
                    ("requestId", "request_id", Text),
                    ("batchNo", "batch_no", Text),
                    (
                        "basic",
                        "basic",
                        Object(&Schema {
                            name: "GetBasic",
                            fields: &[
                                ("phone", "phone", Text),
                                ("country", "country", Text),
                                ("numberType", "number_type", Word(kind_words)),
                                ("operator", "operator", Text),
                                ("failReason", "fail_reason", Text),
                            ],
                        }),
                    ),
                    ("cost", "cost", Object(COST)),
                    ("failNumber", "fail_number", List(FAIL_NUMBER)),
                ],
            }),
        ),
        ("traceId", "trace_id", Text),
    ],
};

const CHECK_CODE_BODY: &Schema = &Schema {
    name: "CheckCodeBody",
    fields: &[("phone_number", "phone_number", Text), ("code", "code", Text)],
};

const CREATE_CLIENT_BODY: &Schema =
    &Schema { name: "CreateClientBody", fields: &[("phone_number", "phone_number", Text)] };

const GET_CODE_BODY: &Schema = &Schema {
    name: "GetCodeBody",
    fields: &[
        ("phone_number", "phone_number", Text),
        ("method", "method", Word(|| KnownCodeMethod::ALL.iter().map(|word| word.as_str()).collect())),
    ],
};

const CREATE_APP_BODY: &Schema = &Schema {
    name: "CreateAppBody",
    fields: &[("app_name", "app_name", Text), ("webhook", "webhook", Text)],
};

const PHONE_LIST_BODY: &Schema = &Schema { name: "PhoneListBody", fields: &[("appkey", "appkey", Text)] };

const LOGIN_REPLY: &Schema = &Schema {
    name: "LoginReply",
    fields: &[
        ("code", "code", Figure(|| codes(&[WhatsAppCode::ENTRIES, AuthCode::ENTRIES]))),
        ("data", "data", Object(&Schema { name: "LoginData", fields: &[("token", "token", Text)] })),
        ("message", "message", Text),
        ("msg", "msg", Text),
    ],
};

const CREATE_APP_REPLY: &Schema = &Schema {
    name: "CreateAppReply",
    fields: &[
        (
            "code",
            "code",
            Figure(|| codes(&[CreateAppCode::ENTRIES, WhatsAppCode::ENTRIES, AuthCode::ENTRIES])),
        ),
        (
            "data",
            "data",
            Object(&Schema {
                name: "AppData",
                fields: &[
                    ("app_id", "app_id", Count),
                    ("app_name", "app_name", Text),
                    ("app_key", "app_key", Text),
                ],
            }),
        ),
        ("message", "message", Text),
        ("msg", "msg", Text),
    ],
};

const PHONE_LIST_REPLY: &Schema = &Schema {
    name: "PhoneListReply",
    fields: &[
        (
            "code",
            "code",
            Figure(|| codes(&[PhoneListCode::ENTRIES, WhatsAppCode::ENTRIES, AuthCode::ENTRIES])),
        ),
        ("data", "data", List(PHONE)),
        ("message", "message", Text),
        ("msg", "msg", Text),
    ],
};

const PHONE: &Schema = &Schema {
    name: "Phone",
    fields: &[
        ("display_phone_number", "display_phone_number", Text),
        (
            "quality_rating",
            "quality_rating",
            Word(|| KnownQualityRating::ALL.iter().map(|word| word.as_str()).collect()),
        ),
        ("verified_name", "verified_name", Text),
        (
            "name_status",
            "name_status",
            Word(|| KnownNameStatus::ALL.iter().map(|word| word.as_str()).collect()),
        ),
        (
            "register_status",
            "register_status",
            Figure(|| KnownRegisterStatus::ALL.iter().map(|status| status.get()).collect()),
        ),
        ("status", "status", Word(|| KnownPhoneStatus::ALL.iter().map(|word| word.as_str()).collect())),
        (
            "current_limit",
            "current_limit",
            Word(|| KnownMessagingLimit::ALL.iter().map(|word| word.as_str()).collect()),
        ),
        (
            "code_verification_status",
            "code_verification_status",
            Word(|| KnownCodeVerification::ALL.iter().map(|word| word.as_str()).collect()),
        ),
        ("waba_id", "waba_id", Text),
        ("waba_name", "waba_name", Text),
    ],
};

const WHATSAPP_REPLY: &Schema = &Schema {
    name: "WhatsAppReply",
    fields: &[
        ("code", "code", Figure(|| codes(&[WhatsAppCode::ENTRIES, AuthCode::ENTRIES]))),
        ("data", "data", Any),
        ("message", "message", Text),
        ("msg", "msg", Text),
    ],
};

const PRIVACY_BODY: &Schema =
    &Schema { name: "PrivacyBody", fields: &[("apikey", "apikey", Text), ("mobile", "mobile", Text)] };

const PRIVACY_REPLY: &Schema = &Schema {
    name: "PrivacyReply",
    fields: &[
        ("code", "code", Figure(|| codes(&[QxtCode::ENTRIES]))),
        ("reason", "reason", Text),
        (
            "result",
            "result",
            Object(&Schema {
                name: "PrivacyResult",
                fields: &[
                    ("Mobile", "mobile", Text),
                    (
                        "Status",
                        "status",
                        Word(|| KnownPrivacyStatus::ALL.iter().map(|word| word.as_str()).collect()),
                    ),
                    ("Area", "area", Text),
                    (
                        "Now_isp",
                        "now_isp",
                        Word(|| KnownOperator::ALL.iter().map(|word| word.as_str()).collect()),
                    ),
                ],
            }),
        ),
    ],
};

fn answers() -> Vec<&'static str> {
    KnownAnswer::ALL.iter().map(|word| word.as_str()).collect()
}

fn responses() -> Vec<&'static str> {
    KnownDialResponse::ALL.iter().map(|word| word.as_str()).collect()
}

fn kind_words() -> Vec<&'static str> {
    KnownNumberTypeWord::ALL.iter().map(|word| word.as_str()).collect()
}

fn kind_figures() -> Vec<i64> {
    KnownNumberType::ALL.iter().map(|kind| kind.get()).collect()
}

fn codes(tables: &[&[CodeEntry]]) -> Vec<i64> {
    tables.iter().copied().flatten().map(|entry| entry.code).collect()
}

/// What in `message` is new.
pub fn drift(schema: &Schema, message: &Value) -> Vec<(String, DriftKind)> {
    let mut seen = Vec::new();
    collect(schema, message, &mut seen);
    seen.sort_by(|one, other| format!("{one:?}").cmp(&format!("{other:?}")));
    seen
}

fn collect(schema: &Schema, message: &Value, seen: &mut Vec<(String, DriftKind)>) {
    for (name, value) in message.as_object().expect("a message is an object") {
        match schema.fields.iter().find(|(wire, _, _)| wire == name) {
            Some((_, rust, kind)) => {
                seen.extend(
                    judge(kind, value).into_iter().map(|kind| (format!("{}.{rust}", schema.name), kind)),
                );
                if let (Object(inner), Value::Object(_)) = (kind, value) {
                    collect(inner, value, seen);
                }
                if let (List(inner), Value::Array(items)) = (kind, value) {
                    for item in items {
                        let found = judge(&Object(inner), item);
                        seen.extend(found.into_iter().map(|kind| (format!("{}.{rust}", schema.name), kind)));
                        if item.is_object() {
                            collect(inner, item, seen);
                        }
                    }
                }
            }
            None => {
                let shown = mask::shown(name, 64);
                seen.push((format!("{}.{shown}", schema.name), NewField));
            }
        }
    }
}

fn judge(kind: &Kind, value: &Value) -> Vec<DriftKind> {
    if let Either(words, figures) = kind {
        let is_word = matches!(value, Value::String(text) if integer(text).is_none());
        return judge(&if is_word { Word(*words) } else { Figure(*figures) }, value);
    }
    match (kind, value) {
        (_, Value::Null) | (Any, _) | (Text, Value::String(_)) | (Object(_), Value::Object(_)) => vec![],
        (List(_), Value::Array(_)) => vec![],
        (Count, Value::Number(number)) if number.as_i64().is_some_and(|count| count >= 0) => vec![],
        (_, Value::String(text)) if text.is_empty() => vec![],
        (Word(known), Value::String(text)) if known().iter().any(|word| word.eq_ignore_ascii_case(text)) => {
            vec![]
        }
        (Word(_), Value::String(_)) => vec![NewValue],
        (Figure(known), Value::Number(number)) => match number.as_i64() {
            Some(figure) => judge_figure(&known(), figure),
            None => vec![OddShape],
        },
        (Figure(known), Value::String(text)) => match integer(text) {
            Some(figure) => [vec![OddShape], judge_figure(&known(), figure)].concat(),
            None => vec![OddShape],
        },
        (Price, Value::Number(number)) if is_price(number) => vec![],
        (Currency, Value::String(text))
            if text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase()) =>
        {
            vec![]
        }
        _ => vec![OddShape],
    }
}

fn judge_figure(known: &[i64], figure: i64) -> Vec<DriftKind> {
    if known.contains(&figure) { vec![] } else { vec![NewValue] }
}

fn integer(text: &str) -> Option<i64> {
    if text.starts_with('+') { None } else { text.parse().ok() }
}

/// Whether the number is one of at most 15 digits, at most eight of them decimals, in the range of an amount. By its text.
fn is_price(number: &Number) -> bool {
    let text = match number.as_i64() {
        Some(whole) => whole.to_string(),
        None => number.as_f64().expect("a number is a double").to_string(),
    };
    let text = text.trim_start_matches('-');
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let Ok(whole) = whole.parse::<u64>() else { return false };
    let in_range = whole < 92_233_720_368;
    let plain = number.is_i64() || number.is_u64();
    in_range && (plain || fraction.len() <= 4 || (fraction.len() <= 8 && whole < 10_000_000))
}
