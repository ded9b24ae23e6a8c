//! A refusal in one line: what it says and what it must not say.

use numcheck_protocol::number_check::{CallbackCode, SubmitCode};
use numcheck_protocol::{Charged, Class, Lang, Refusal};
use proptest::prelude::*;

#[test]
fn a_refusal_says_the_code_its_name_the_platforms_text_the_charge_and_what_to_do() {
    let refusal = Refusal::new(211, SubmitCode::BALANCE_TOO_LOW.entry(), Some("客户余额不足"));
    assert_eq!(
        refusal.to_string(),
        "refused with 211 BALANCE_TOO_LOW: balance too low (\"客户余额不足\"); nothing was charged. \
         Top up the account, then submit again."
    );
    assert_eq!(
        (refusal.code(), refusal.name(), refusal.class()),
        (211, Some("BALANCE_TOO_LOW"), Class::Balance)
    );
    assert_eq!((refusal.charged(), refusal.meaning(Lang::Zh)), (Charged::No, "客户余额不足"));
}

#[test]
fn a_refusal_with_an_unknown_code_claims_nothing() {
    let refusal = Refusal::new(4711, CallbackCode::new(4711).entry(), None);
    assert_eq!(
        (refusal.name(), refusal.class(), refusal.charged()),
        (None, Class::Unknown, Charged::Unknown)
    );
    let shown = refusal.to_string();
    assert!(
        shown.starts_with("refused with 4711: ") && shown.contains("whether it was charged is not known"),
        "{shown}"
    );
}

#[test]
fn a_long_text_is_cut() {
    let refusal = Refusal::new(1, None, Some(&"号".repeat(100_000)));
    assert_eq!(refusal.text().map(|text| text.chars().count()), Some(200));
}

proptest! {
    #[test]
    fn a_refusal_is_one_line_without_a_full_number(
        code in any::<i64>(),
        before in any::<String>(),
        number in "[0-9]{8,15}",
        after in any::<String>(),
    ) {
        let text = format!("{before} {number}\n{after}");
        let refusal = Refusal::new(code, SubmitCode::new(code).entry(), Some(&text));
        for shown in [refusal.to_string(), format!("{refusal:?}"), refusal.text().unwrap_or_default().to_owned()] {
            prop_assert!(!shown.contains(&number) && !shown.contains(char::is_control), "{}", shown);
            prop_assert!(shown.chars().count() < 700, "{}", shown);
        }
        prop_assert!(refusal.text().is_none_or(|text| text.chars().count() <= 200));
    }

    #[test]
    fn a_refusal_does_not_show_a_number_that_came_as_its_code(number in "[1-9][0-9]{9,14}") {
        let refusal = Refusal::new(number.parse().expect("a figure"), None, None);
        let shown = format!("{refusal} {refusal:?}");
        prop_assert!(!shown.contains(&number[2..]), "{}", shown);
    }
}
