//! Result codes: tables, each with its own meaning, and codes that nobody knows yet.

use numcheck_protocol::number_check::{CallbackCode, InstantCode, QueryCode, SubmitCode};
use numcheck_protocol::qxt::QxtCode;
use numcheck_protocol::whatsapp::{CreateAppCode, PhoneListCode, WhatsAppCode};
use numcheck_protocol::{
    AuthCode, Charged, Class, CodeEntry, DriftKind, Field, FromWire, Lang, Passes, ResultCode,
};
use proptest::prelude::*;
use serde::Serialize;

/// A table, seen from outside.
trait Table:
    Copy + PartialEq + std::fmt::Debug + std::fmt::Display + Serialize + for<'de> FromWire<'de> + 'static
{
    const NAME: &'static str;
    const ROWS: &'static [CodeEntry];
    fn of(code: i64) -> Self;
    fn facts(self) -> (Option<&'static CodeEntry>, Option<&'static str>, Class, Charged, bool);
    fn texts(self) -> [&'static str; 4];
}

macro_rules! table {
    ($($Code:ident),*) => { $(
        impl Table for $Code {
            const NAME: &'static str = stringify!($Code);
            const ROWS: &'static [CodeEntry] = $Code::ENTRIES;
            fn of(code: i64) -> Self {
                assert_eq!($Code::new(code).get(), code);
                $Code::new(code)
            }
            fn facts(self) -> (Option<&'static CodeEntry>, Option<&'static str>, Class, Charged, bool) {
                (self.entry(), self.name(), self.class(), self.charged(), self.is_success())
            }
            fn texts(self) -> [&'static str; 4] {
                [self.meaning(Lang::En), self.meaning(Lang::Zh), self.advice(Lang::En), self.advice(Lang::Zh)]
            }
        }
    )* };
}

table!(
    AuthCode,
    SubmitCode,
    InstantCode,
    QueryCode,
    CallbackCode,
    WhatsAppCode,
    CreateAppCode,
    PhoneListCode,
    QxtCode
);

fn is_chinese(text: &str) -> bool {
    text.chars().any(|char| ('\u{4e00}'..='\u{9fff}').contains(&char))
}

fn every_entry_is_told_in_both_languages<T: Table>(codes: &[i64]) {
    assert_eq!(T::ROWS.iter().map(|entry| entry.code).collect::<Vec<_>>(), codes, "{}", T::NAME);
    for row in T::ROWS {
        let of = format!("{} {}", T::NAME, row.code);
        let (entry, name, class, charged, success) = T::of(row.code).facts();
        assert_eq!(
            (entry, name, class, charged),
            (Some(row), Some(row.name), row.class, row.charged),
            "{of}"
        );
        assert!(class != Class::Unknown, "{of}");
        assert_eq!(success, class == Class::Success, "{of}");
        assert_eq!(success, row.code == 0, "{of}: 0 is success in every table");
        let is_explained = (1001..=1005).contains(&row.code);
        assert!(T::NAME != "AuthCode" || (charged == Charged::No) == is_explained, "{of}");

        let [meaning, meaning_zh, advice, advice_zh] = T::of(row.code).texts();
        for (english, chinese) in [(meaning, meaning_zh), (advice, advice_zh)] {
            assert!(!english.trim().is_empty() && english.is_ascii(), "{of}: {english}");
            assert!(is_chinese(chinese), "{of}: {chinese}");
        }
        assert!(
            row.name.starts_with(|char: char| char.is_ascii_uppercase())
                && row.name.bytes().all(|byte| matches!(byte, b'_' | b'0'..=b'9' | b'A'..=b'Z')),
            "{of}"
        );
        assert_eq!(T::of(row.code).to_string(), format!("{} {}", row.code, row.name));
        let same = |other: &&CodeEntry| other.name == row.name || other.code == row.code;
        assert_eq!(T::ROWS.iter().filter(same).count(), 1, "{of} is there twice");
    }
}

#[test]
fn every_code_of_the_documents_has_a_class_a_charge_and_advice_in_both_languages() {
    every_entry_is_told_in_both_languages::<AuthCode>(&[
        1001, 1002, 1003, 1004, 1005, 1000, 1006, 1007, 1008, 1009,
    ]);
    let submit = [0, 201, 202, 203, 204, 205, 206, 207, 210, 211, 212, 288, 299];
    every_entry_is_told_in_both_languages::<SubmitCode>(&submit);
    every_entry_is_told_in_both_languages::<InstantCode>(&submit);
    every_entry_is_told_in_both_languages::<QueryCode>(&[0, 88, 202, 210]);
    every_entry_is_told_in_both_languages::<CallbackCode>(&[0, 103, 108, 112, 114, 120, 121, 122, 266]);
    every_entry_is_told_in_both_languages::<WhatsAppCode>(&[
        0, -1, 9000, 9001, 9007, 1000, 1006, 1007, 1008, 1009,
    ]);
    every_entry_is_told_in_both_languages::<CreateAppCode>(&[9009]);
    every_entry_is_told_in_both_languages::<PhoneListCode>(&[9008, 9010]);
    every_entry_is_told_in_both_languages::<QxtCode>(&[0, 1, -1, -2, -3, -4, -5, -8, -9]);
}

fn is_ordinary<T: Table>(code: i64) -> Result<(), TestCaseError> {
    if T::of(code).facts().0.is_some() {
        return Ok(());
    }
    prop_assert_eq!(T::of(code).facts(), (None, None, Class::Unknown, Charged::Unknown, false));
    prop_assert!(T::of(code).texts().iter().all(|text| !text.is_empty()));
    prop_assert!(T::of(code).is_unknown());
    let json = serde_json::to_string(&T::of(code)).expect("written");
    prop_assert_eq!(&json, &code.to_string());
    prop_assert_eq!(serde_json::from_str::<Field<T>>(&json).expect("read"), Field::Known(T::of(code)));
    let shown = T::of(code).to_string();
    if code.unsigned_abs() <= 9_999_999 {
        prop_assert_eq!(shown, json);
    } else {
        prop_assert!(
            shown.contains("***") && shown.len() == json.len(),
            "it may be a phone number: {}",
            shown
        );
    }
    Ok(())
}

proptest! {
    #[test]
    fn a_code_that_no_table_lists_is_an_ordinary_value(code in prop_oneof![any::<i64>(), -100_i64..10_000, -20_000_000_i64..20_000_000]) {
        is_ordinary::<AuthCode>(code)?;
        is_ordinary::<SubmitCode>(code)?;
        is_ordinary::<CallbackCode>(code)?;
        is_ordinary::<WhatsAppCode>(code)?;
        is_ordinary::<CreateAppCode>(code)?;
        is_ordinary::<PhoneListCode>(code)?;
        is_ordinary::<QxtCode>(code)?;
    }

    #[test]
    fn the_signed_endpoints_know_the_authentication_codes_and_no_others(code in 900_i64..1100) {
        let auth = (1000..=1009).contains(&code).then(|| AuthCode::new(code));
        prop_assert_eq!(SubmitCode::new(code).auth(), auth);
        prop_assert_eq!(WhatsAppCode::new(code).auth(), auth);
        prop_assert_eq!((CreateAppCode::new(code).auth(), PhoneListCode::new(code).auth()), (auth, auth));
        if auth.is_some() {
            // Of those that no document explains, a paid submit may have been carried out; a check of a code was not.
            let is_explained = (1001..=1005).contains(&code);
            let paid = if is_explained { Charged::No } else { Charged::Unknown };
            let (submit, check) = (SubmitCode::new(code), WhatsAppCode::new(code));
            prop_assert_eq!(submit.entry(), AuthCode::new(code).entry());
            prop_assert_eq!((submit.class(), submit.charged()), (Class::Authentication, paid));
            prop_assert_eq!((check.class(), check.charged()), (Class::Authentication, Charged::No));
            prop_assert_eq!(check.name(), submit.name());
        }
        // Neither a push nor the other platform has them.
        prop_assert_eq!(CallbackCode::new(code).entry(), None);
        prop_assert_eq!(QxtCode::new(code).entry(), None);
    }
}

#[test]
fn a_code_means_something_only_with_its_table() {
    assert_eq!(
        (SubmitCode::new(0).name(), SubmitCode::new(0).charged()),
        (Some("ACCEPTED"), Charged::WhenChecked)
    );
    assert_eq!(
        (CallbackCode::new(0).name(), CallbackCode::new(0).charged()),
        (Some("SUCCESS"), Charged::Yes)
    );
    assert_eq!((SubmitCode::new(114).name(), CallbackCode::new(114).name()), (None, Some("BAD_NUMBER")));
    assert_eq!((CallbackCode::new(211).name(), SubmitCode::new(211).name()), (None, Some("BALANCE_TOO_LOW")));
    assert_eq!(
        (WhatsAppCode::new(-1).class(), QxtCode::new(-1).class()),
        (Class::NoResult, Class::Authentication)
    );
    assert_eq!(SubmitCode::new(208).name().or(SubmitCode::new(209).name()), None, "they do not exist");
}

#[test]
fn a_refused_privacy_query_is_about_the_account_or_about_its_number() {
    let codes = |is: fn(QxtCode) -> bool| {
        let of = QxtCode::ENTRIES.iter().map(|entry| entry.code);
        let mut of: Vec<i64> = of.filter(|code| is(QxtCode::new(*code))).collect();
        of.sort_unstable();
        of
    };
    assert_eq!(codes(|code| code.class().is_about_account()), [-9, -5, -1]);
    assert_eq!(codes(QxtCode::is_about_number), [-8, -4, -3, -2, 1]);
    let unknown = QxtCode::new(-7);
    assert!(!unknown.class().is_about_account() && !unknown.is_about_number());
}

#[test]
fn the_operations_of_a_family_share_its_codes_and_add_their_own() {
    for entry in WhatsAppCode::ENTRIES {
        let (create, list) = (CreateAppCode::new(entry.code), PhoneListCode::new(entry.code));
        assert_eq!((create.entry(), list.entry()), (Some(entry), Some(entry)));
        assert_eq!(create.common(), Some(WhatsAppCode::new(entry.code)));
        assert_eq!((create.is_success(), list.is_success()), (entry.code == 0, entry.code == 0));
    }
    for (code, create, list) in [
        (9008, None, Some("NO_SUCH_APP")),
        (9009, Some("TOO_MANY_APPS"), None),
        (9010, None, Some("APP_OF_ANOTHER")),
    ] {
        assert_eq!((CreateAppCode::new(code).name(), PhoneListCode::new(code).name()), (create, list));
        assert_eq!((WhatsAppCode::new(code).name(), CreateAppCode::new(code).common()), (None, None));
    }
    assert_eq!(CreateAppCode::new(1003).common(), None, "an authentication error is not the family's own");
}

#[test]
fn what_passes_with_time_is_what_the_platform_failed_at() {
    fn passing<T: ResultCode>(new: impl Fn(i64) -> T, passes: Passes) -> Vec<i64> {
        (-1000..10_000).filter(|code| new(*code).passes() == passes).collect()
    }
    assert_eq!(passing(CallbackCode::new, Passes::Yes), [103, 112, 121, 266]);
    assert_eq!(passing(CallbackCode::new, Passes::No), [108, 114, 120, 122]);
    assert_eq!(passing(QxtCode::new, Passes::Yes), [-8]);
    assert_eq!(passing(QxtCode::new, Passes::No), [-4, -3, -2, 1]);
    // Of a refused request nobody says it, and of what no table lists nobody knows.
    for passes in [Passes::Yes, Passes::No] {
        assert!(passing(SubmitCode::new, passes).is_empty() && passing(InstantCode::new, passes).is_empty());
        assert!(passing(QueryCode::new, passes).is_empty() && passing(WhatsAppCode::new, passes).is_empty());
    }
    for code in [CallbackCode::SUCCESS, CallbackCode::new(104), CallbackCode::new(i64::MIN)] {
        assert_eq!(code.passes(), Passes::Unknown, "{code:?}");
    }
}

#[test]
fn constants_can_be_matched_on() {
    let told = |code| match code {
        SubmitCode::ACCEPTED => "accepted",
        SubmitCode::BALANCE_TOO_LOW => "top up",
        _ => "other",
    };
    assert_eq!([0, 211, 4711].map(|code| told(SubmitCode::new(code))), ["accepted", "top up", "other"]);
}

#[test]
fn a_code_that_came_as_a_string_is_understood_kept_and_reported() {
    for (json, code) in [
        ("\"0\"", Some(0)),
        ("\"-1\"", Some(-1)),
        ("\"007\"", Some(7)),
        ("\"-0\"", Some(0)),
        ("\"+1\"", None),
        ("\" 1\"", None),
        ("\"1.0\"", None),
        ("\"99999999999999999999\"", None),
        ("\"٣\"", None),
    ] {
        let field: Field<QxtCode> = serde_json::from_str(json).expect("read");
        assert_eq!(field.get().map(|code| code.get()), code, "{json}");
        assert_eq!(field.odd().is_some(), code.is_none(), "{json}");
        assert_eq!(serde_json::to_string(&field).expect("written"), json);
    }
    let reply = numcheck_protocol::decode::<numcheck_protocol::qxt::PrivacyReply<'_>>(br#"{"code":"-7"}"#)
        .expect("read");
    let mut seen = Vec::new();
    numcheck_protocol::Message::drift(&reply, &mut |drift| seen.push((drift.place, drift.kind)));
    let place = "PrivacyReply.code".to_owned();
    assert_eq!(seen, [(place.clone(), DriftKind::OddShape), (place, DriftKind::NewValue)]);
}
