//! Keys and verification codes: written to the wire, and shown nowhere.

use numcheck_protocol::number_check::{SubmitBody, SubmitRequest};
use numcheck_protocol::qxt::{Mobile, PrivacyBody, PrivacyRequest};
use numcheck_protocol::whatsapp::{CheckCodeBody, CheckCodeRequest};
use numcheck_protocol::{
    ApiKey, AppKey, CallbackUrl, PhoneList, PhoneNumber, VerificationCode, decode, encode,
};
use proptest::prelude::*;

macro_rules! hides {
    ($name:ident, $Type:ident, $field:literal, $fits:expr) => {
        proptest! {
            #[test]
            fn $name(text in prop_oneof![any::<String>(), "[ -~]{0,140}", "[a-zA-Z0-9-]{1,70}"]) {
                let fits: fn(&str) -> bool = $fits;
                match $Type::new(&text) {
                    Ok(secret) => {
                        prop_assert!(fits(&text));
                        prop_assert_eq!(secret.expose(), &text);
                        prop_assert_eq!(format!("{secret:?} {secret:#?}"), concat!(stringify!($Type), "(***) ", stringify!($Type), "(***)"));
                        prop_assert_eq!(serde_json::to_value(&secret).expect("written"), text.clone());
                        prop_assert_eq!(text.parse::<$Type>(), Ok(secret));
                    }
                    Err(error) => {
                        prop_assert!(!fits(&text) && error.field == $field);
                        // The same words whatever the text was.
                        prop_assert_eq!(Err(error), $Type::new(""));
                    }
                }
            }
        }
    };
}

hides!(an_appkey_is_1_to_128_visible_characters_and_hidden, AppKey, "appkey", |text| {
    (1..=128).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
});
hides!(an_apikey_is_1_to_64_letters_and_digits_and_hidden, ApiKey, "apikey", |text| {
    (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
});
hides!(
    a_verification_code_is_1_to_16_letters_digits_and_hyphens_and_hidden,
    VerificationCode,
    "code",
    |text| {
        (1..=16).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    }
);

#[test]
fn no_request_and_no_body_shows_a_secret_or_a_number() {
    let (number, mobile, key, code, path) =
        ("8613812345678", "13812345678", "Schluessel1", "154-100", "geheimer-pfad");
    let phone = PhoneNumber::new(number).expect("a number");
    let mut submit = SubmitRequest::new(
        AppKey::new(key).expect("a key"),
        PhoneList::from_one_country([phone]).expect("a list"),
    );
    submit.dr_url = Some(CallbackUrl::new(&format!("https://example.org/{path}")).expect("a URL"));
    let check = CheckCodeRequest::new(phone, VerificationCode::new(code).expect("a code"));
    let privacy =
        PrivacyRequest::new(ApiKey::new(key).expect("a key"), Mobile::new(mobile).expect("a number"));

    let submitted = encode(&submit).expect("written");
    let checked = encode(&check).expect("written");
    let asked = encode(&privacy).expect("written");
    let shown = format!(
        "{submit:?} {check:?} {privacy:?} {:?} {:?} {:?}",
        decode::<SubmitBody<'_>>(&submitted).expect("read"),
        decode::<CheckCodeBody<'_>>(&checked).expect("read"),
        decode::<PrivacyBody<'_>>(&asked).expect("read"),
    );
    for secret in [number, mobile, key, code, path, "12345"] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
    let written = format!(
        "{} {} {}",
        String::from_utf8_lossy(&submitted),
        String::from_utf8_lossy(&checked),
        String::from_utf8_lossy(&asked)
    );
    for sent in [number, mobile, key, code, path] {
        assert!(written.contains(sent), "{sent} is missing in {written}");
    }
}
