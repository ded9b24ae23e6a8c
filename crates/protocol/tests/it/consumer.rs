//! A small service of one's own: its configuration, its table of jobs and its replies hold the value types.

use std::collections::BTreeMap;
use std::fmt::Display;

use numcheck_protocol::number_check::{
    Answer, CallbackCode, CheckLevel, Dialect, InstantCode, PageSize, SubmitCode,
};
use numcheck_protocol::qxt::{Mobile, PrivacyStatus, QxtCode};
use numcheck_protocol::whatsapp::{AppName, PhoneListCode, WhatsAppCode};
use numcheck_protocol::{
    ApiKey, AppKey, AuthCode, BatchNo, CallbackUrl, CallingCode, Charged, Class, Count, Currency, Date,
    Drift, DriftKind, Lang, MessageId, Passes, PhoneList, PhoneNumber, PhoneText, Price, Refusal, ResultCode,
    Text, UtcOffset, ValueError, VerificationCode,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::json;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Settings {
    appkey: AppKey,
    apikey: ApiKey,
    results: CallbackUrl,
    platform_time: UtcOffset,
    level: CheckLevel,
    app: AppName,
    dialect: Dialect,
    page: PageSize,
    lang: Lang,
    cap: BTreeMap<String, Price>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Order {
    customer: PhoneNumber,
    country: CallingCode,
    mobile: Option<Mobile>,
    batch: BatchNo,
    numbers: PhoneList,
    placed: Date,
    code: VerificationCode,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Outcome {
    id: MessageId,
    submit: SubmitCode,
    result: CallbackCode,
    answered: Answer,
    privacy: PrivacyStatus,
    price: Price,
    currency: Currency,
    rows: Count,
    carrier: Text<'static>,
    spelled: PhoneText<'static>,
    drift: Vec<Drift>,
    class: Class,
    charged: Charged,
    passes: Passes,
}

fn settings() -> serde_json::Value {
    json!({
        "appkey": "a1b2c3d4", "apikey": "0123456789abcdef", "results": "https://example.org/results/7f3a",
        "platform_time": "+08:00", "level": 3, "app": "Shop", "dialect": "v2", "page": 50, "lang": "zh", "cap": {"USD": 12.5, "EUR": 3},
    })
}

fn order() -> serde_json::Value {
    json!({
        "customer": "85251234567", "country": 852, "mobile": "13812345678", "batch": "20220901",
        "numbers": "85251234567,8613812345678", "placed": "2026-02-28", "code": "154-100",
    })
}

fn outcome() -> serde_json::Value {
    json!({
        "id": "301ef45b8de54d8aad95c5264c3756be-000017", "submit": 0, "result": 4711, "answered": "PERHAPS", "privacy": "2",
        "price": 0.1912, "currency": "USD", "rows": 17, "carrier": "", "spelled": "234800001xxxxx",
        "drift": [{"place": "Basic.number_type", "kind": "new_value", "value": "satellite"}],
        "class": "bad_input", "charged": "when_checked", "passes": "no",
    })
}

fn comes_back<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(value: serde_json::Value) -> T {
    let read: T = serde_json::from_value(value.clone()).expect("read");
    assert_eq!(serde_json::to_value(&read).expect("written"), value);
    let text = serde_json::to_string(&read).expect("written");
    assert_eq!(serde_json::from_str::<T>(&text).expect("read from text"), read);
    assert_eq!(serde_json::from_reader::<_, T>(text.as_bytes()).expect("read from a stream"), read);
    read
}

#[test]
fn what_a_service_keeps_comes_back_whole() {
    let settings: Settings = comes_back(settings());
    assert_eq!(settings.results.as_str(), "https://example.org/results/7f3a");
    let order: Order = comes_back(order());
    assert_eq!(order.customer.digits(), "85251234567");
    assert_eq!(
        order.numbers.iter().map(PhoneNumber::digits).collect::<Vec<_>>(),
        ["85251234567", "8613812345678"]
    );
    assert_eq!(order.numbers.into_iter().count(), 2);
    let outcome: Outcome = comes_back(outcome());
    assert_eq!(outcome.result.name(), None);
    assert_eq!(
        outcome.drift,
        [Drift::new("Basic.number_type", DriftKind::NewValue, Some("satellite".to_owned()))]
    );
}

/// What stands in a file may be anything; neither it nor a number in place of a string may reach a log through the error.
#[test]
fn a_bad_value_is_refused_by_its_rule_and_not_quoted() {
    fn error<T: DeserializeOwned>(
        mut whole: serde_json::Value,
        field: &str,
        bad: serde_json::Value,
    ) -> String {
        whole[field] = bad;
        match serde_json::from_str::<T>(&whole.to_string()) {
            Ok(_) => panic!("{field} takes it"),
            Err(error) => error.to_string(),
        }
    }
    for (field, bad) in [
        ("customer", json!("85251234567890123")),
        ("customer", json!(85251234567_u64)),
        ("customer", json!("85*******67")),
        ("customer", json!(["85251234567"])),
        ("mobile", json!(13812345678_u64)),
        ("mobile", json!("138******78")),
        ("country", json!(85251234567_u64)),
        ("country", json!(999)),
        ("numbers", json!("85251234567,85251234567")),
        ("numbers", json!([85251234567_u64])),
        ("batch", json!(85251234567_u64)),
        ("batch", json!("")),
        ("placed", json!("2026-02-30")),
        ("code", json!(154100)),
    ] {
        let error = error::<Order>(order(), field, bad.clone());
        assert!(error.contains("must") || error.contains("masked") || error.contains("twice"), "{error}");
        for part in ["85251234567", "13812345678", "154100"] {
            assert!(!error.contains(part), "{field}: {error}");
        }
    }
    for (field, bad) in [
        ("results", json!("https://example.org/***")),
        ("results", json!("example.org/secret-path")),
        ("appkey", json!(12345678)),
        ("apikey", json!("secret path")),
        ("platform_time", json!("+19:00")),
        ("level", json!("hlr")),
        ("app", json!(" Shop85251234567")),
        ("dialect", json!("85251234567")),
        ("page", json!(85251234567_u64)),
        ("page", json!(0)),
        ("lang", json!(85251234567_u64)),
        ("cap", json!({"USD": "85251234567,5"})),
    ] {
        let error = error::<Settings>(settings(), field, bad);
        for part in ["secret", "12345678", "85251234567"] {
            assert!(!error.contains(part), "{field}: {error}");
        }
    }
    for (field, bad) in [
        ("result", json!("85251234567x")),
        ("answered", json!(85251234567_u64)),
        ("answered", json!("")),
        ("price", json!({"amount": 85251234567_u64})),
        ("currency", json!("dollars")),
        ("rows", json!(-1)),
        ("carrier", json!(85251234567_u64)),
        ("id", json!(85251234567_u64)),
        ("class", json!("85251234567")),
        ("charged", json!(85251234567_u64)),
        ("passes", json!("Yes")),
    ] {
        let error = error::<Outcome>(outcome(), field, bad);
        assert!(!error.contains("85251234567"), "{field}: {error}");
    }
}

#[test]
fn values_are_made_from_text_and_become_text_in_full() {
    fn round<T>(text: &str)
    where
        T: std::str::FromStr<Err = ValueError>
            + for<'a> TryFrom<&'a str, Error = ValueError>
            + TryFrom<String, Error = ValueError>
            + Into<String>
            + PartialEq
            + std::fmt::Debug,
    {
        let value: T = text.parse().expect(text);
        assert_eq!(T::try_from(text), Ok(text.parse().expect(text)));
        assert_eq!(T::try_from(text.to_owned()).map(Into::into), Ok(text.to_owned()));
        assert_eq!(value.into(), text);
    }
    round::<PhoneNumber>("85251234567");
    round::<PhoneList>("85251234567,8613812345678");
    round::<Mobile>("13812345678");
    round::<BatchNo>("20220901");
    round::<MessageId>("301ef45b8de54d8aad95c5264c3756be");
    round::<CallbackUrl>("https://example.org/results/7f3a");
    round::<Currency>("USD");
    round::<Date>("2026-02-28");
    round::<UtcOffset>("-03:30");
    round::<Price>("0.1912");
    round::<AppName>("Shop");
    round::<Dialect>("v2");
    round::<Class>("no_result");
    round::<Charged>("when_checked");
    round::<Passes>("unknown");
    round::<Lang>("zh");
    assert_eq!(("50".parse(), PageSize::try_from(101).is_err()), (PageSize::new(50), true));
    assert_eq!(AppKey::try_from("a1b2c3d4").expect("a key").expose(), "a1b2c3d4");
    assert_eq!(String::from(Answer::from("YES")), "YES");
    assert_eq!((u16::from(CallingCode::try_from(852).expect("a code")), u64::from(Count::new(3))), (852, 3));
}

/// `to_string()` of a phone number once submitted a batch with a masked `drUrl` and exported masked phone numbers.
#[test]
fn what_is_masked_has_no_display() {
    macro_rules! assert_no_display {
        ($($Type:ty),*) => { $( {
            trait AmbiguousIfDisplay<A> {
                fn shown() {}
            }
            impl<T: ?Sized> AmbiguousIfDisplay<()> for T {}
            struct Shown;
            impl<T: ?Sized + Display> AmbiguousIfDisplay<Shown> for T {}
            // Two candidates, and no compilation, as soon as the type has a `Display`.
            <$Type as AmbiguousIfDisplay<_>>::shown();
        } )* };
    }
    assert_no_display!(PhoneNumber, PhoneList, Mobile, CallbackUrl, Count, PhoneText<'_>, Text<'_>);
    assert_no_display!(AppKey, ApiKey, VerificationCode);
}

#[test]
fn codes_compare_with_integers_and_come_from_the_tables_they_include() {
    let code = SubmitCode::from(AuthCode::BAD_SIGNATURE);
    assert!(code == 1003);
    assert!(1003 == code);
    assert!(code != 0);
    assert_eq!(code.auth(), Some(AuthCode::BAD_SIGNATURE));
    assert_eq!(i64::from(InstantCode::from(1003)), 1003);
    assert_eq!(WhatsAppCode::from(AuthCode::BAD_SIGNATURE), 1003);
    assert_eq!(PhoneListCode::from(WhatsAppCode::from(AuthCode::BAD_SIGNATURE)), 1003);
    assert_eq!(PhoneListCode::from(AuthCode::BAD_SIGNATURE), 1003);
    assert!(QxtCode::new(-2) == -2 && CheckLevel::HLR == 5);
}

#[test]
fn a_refusal_is_written_for_a_log_or_an_api() {
    let code = SubmitCode::from(211);
    let refusal: Refusal = code.refusal(Some("balance of 85251234567 too low"));
    let written = serde_json::to_value(&refusal).expect("written");
    assert_eq!(written["code"], 211);
    assert_eq!(written["name"], "BALANCE_TOO_LOW");
    assert_eq!((&written["class"], &written["charged"]), (&json!("balance"), &json!("no")));
    assert_eq!(written["text"], "balance of 85*******67 too low");
    assert_eq!(written["advice"], ResultCode::entry(code).expect("listed").advice(Lang::En));
}
