//! Batch numbers and message ids: names that the platform echoes.

use numcheck_protocol::{BatchNo, MessageId};
use proptest::prelude::*;

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        ".{0,70}",
        "\\PC{0,70}",
        "[0-9a-f]{32}(-[0-9]{1,6})?",
        "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}(-[0-9]{0,6})?",
        "[-0-9a-f牛]{30,40}",
    ]
}

fn fits(text: &str) -> bool {
    (1..=64).contains(&text.chars().count()) && !text.chars().any(char::is_control)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn a_batch_number_is_1_to_64_characters_without_control_characters(text in any_text()) {
        match BatchNo::new(&text) {
            Ok(batch_no) => {
                prop_assert!(fits(&text));
                prop_assert_eq!(batch_no.as_str(), &text);
                prop_assert_eq!(batch_no.to_string(), text.clone());
                prop_assert_eq!(serde_json::to_value(&batch_no).expect("written"), text);
            }
            Err(error) => prop_assert!(!fits(&text) && error.field == "batchNo"),
        }
    }

    #[test]
    fn a_message_id_is_a_character_or_more_and_falls_into_two_parts_that_make_it_again(text in any_text()) {
        match MessageId::new(&text) {
            Ok(id) => {
                prop_assert!(!text.is_empty() && !text.contains(char::is_control));
                prop_assert_eq!(id.is_overlong(), text.chars().count() > 64);
                prop_assert_eq!(id.as_str(), &text);
                let again = match id.suffix() {
                    Some(suffix) => format!("{}-{suffix}", id.batch_part()),
                    None => id.batch_part().to_owned(),
                };
                prop_assert_eq!(again, text);
                prop_assert!(id.suffix() != Some(""));
                let batch = MessageId::new(id.batch_part()).expect("a part is an id");
                prop_assert_eq!((batch.batch_part(), batch.suffix()), (id.batch_part(), None), "the part is its own part");
            }
            Err(error) => {
                prop_assert!(text.is_empty() || text.contains(char::is_control));
                prop_assert_eq!(error.field, "messageId");
            }
        }
    }

    #[test]
    fn the_checks_of_a_batch_share_the_id_of_its_submit(
        submit in prop_oneof!["[0-9a-f]{32}", "[0-9A-F]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"],
        suffix in "[0-9]{1,6}",
    ) {
        let reply = MessageId::new(&submit).expect("an id");
        prop_assert_eq!((reply.batch_part(), reply.suffix()), (submit.as_str(), None));
        let push = MessageId::new(&format!("{submit}-{suffix}")).expect("an id");
        prop_assert_eq!((push.batch_part(), push.suffix()), (submit.as_str(), Some(suffix.as_str())));
    }
}

#[test]
fn characters_are_counted_and_not_bytes() {
    assert!(BatchNo::new(&"批".repeat(64)).is_ok());
    assert!(BatchNo::new(&"批".repeat(65)).is_err());
    assert!(!MessageId::new(&"号".repeat(64)).expect("an id").is_overlong());
    assert!(MessageId::new(&"a".repeat(65)).expect("an id").is_overlong());
}

#[test]
fn what_is_no_uuid_is_not_taken_apart() {
    for id in [
        "301ef45b8de54d8aad95c5264c3756b_-000001",
        "301ef45b8de54d8aad95c5264c3756be000001",
        "83ac9512-3c47-495d-a3c4.6d77a9f1149c-000001",
        "83ac95123-c47-495d-a3c4-6d77a9f1149c-000001",
        "20220901-000001",
    ] {
        let whole = MessageId::new(id).expect("an id");
        assert_eq!((whole.batch_part(), whole.suffix()), (id, None));
    }
}
