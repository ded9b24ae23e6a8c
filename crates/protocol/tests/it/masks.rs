//! How numbers in texts are hidden.

use std::borrow::Cow;

use numcheck_protocol::mask::digits;
use proptest::prelude::*;

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[0-9 a]{0,40}",
        "[0-9*+() .-]{0,40}",
        "[0-9٠-٩０-９x,*]{0,40}",
        "([0-9]{1,9}[ ,;*]{0,5}){0,6}",
        "number \\+[0-9]{2}[ (-][0-9]{3}[) -]{1,2}[0-9]{4} not found",
    ]
}

/// The longest unbroken run of digits of any script.
fn longest_run(text: &str) -> usize {
    text.split(|char: char| !char.is_numeric()).map(|run| run.chars().count()).max().unwrap_or(0)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn no_run_of_five_digits_survives(text in any_text()) {
        prop_assert!(longest_run(&digits(&text)) < 5, "{}", digits(&text));
    }

    #[test]
    fn masking_twice_changes_nothing(text in any_text()) {
        let once = digits(&text);
        prop_assert_eq!(digits(&once), once.clone());
    }

    #[test]
    fn a_mask_covers_and_moves_nothing(text in any_text()) {
        let masked = digits(&text);
        prop_assert_eq!(masked.chars().count(), text.chars().count());
        for (was, is) in text.chars().zip(masked.chars()) {
            prop_assert!(was == is || (is == '*' && !was.is_alphabetic()), "{} {}", text, masked);
        }
    }

    #[test]
    fn a_text_without_five_digits_is_borrowed_as_it_is(text in "[a-z *,.号-]{0,20}([0-9]{1,2}[a-z ]{0,9}){0,2}") {
        prop_assert!(matches!(digits(&text), Cow::Borrowed(same) if same == text), "{}", text);
    }

    #[test]
    fn a_number_is_hidden_however_its_groups_are_set_apart(
        groups in prop::collection::vec("[0-9]{1,4}", 3..6),
        gap in "[ ()./+_:,*\u{a0}\u{2011}\u{3000}-]{0,3}",
        before in "[a-z: ]{0,9}",
    ) {
        let count: usize = groups.iter().map(String::len).sum();
        prop_assume!(count >= 5);
        let masked = digits(&format!("{before}{}", groups.join(&gap))).into_owned();
        let shown = masked.chars().filter(|char| char.is_numeric()).count();
        prop_assert!(shown <= 5 && shown < count, "{}", masked);
    }
}

#[test]
fn digits_of_every_script_are_digits() {
    for text in ["８６１３８１２３４５６７８", "٨٦١٣٨١٢٣٤٥٦٧٨", "८६१३८१२३४५६७८", "8٦1３8१2３4٥6７8"]
    {
        let masked = digits(text);
        assert_eq!(masked.chars().filter(|char| *char == '*').count(), 8, "{masked}");
    }
}

#[test]
fn letters_end_a_number_and_small_figures_stay() {
    assert_eq!(digits("code 114 of 8 in 60 minutes"), "code 114 of 8 in 60 minutes");
    assert_eq!(digits("234800001xxxxx"), "23*****01xxxxx");
    assert_eq!(digits("a8613812345678b8613812345679"), "a861********78b861********79");
}

#[test]
fn what_is_shown_of_a_name_or_a_word_holds_no_number_whatever_stands_between_its_digits() {
    use numcheck_protocol::mask::shown;
    assert_eq!(shown("failCode2", 64), "failCode2");
    assert_eq!(shown("新字段-2027", 64), "新字段-2027");
    for smuggled in [
        "8613812345678",
        "8613\u{1}\u{1}\u{1}\u{1}8123\u{1}\u{1}\u{1}\u{1}4567",
        "8613----8123----4567",
        "86\u{200b}13\u{200b}81\u{200b}23\u{200b}45\u{200b}67",
        "８６１３８１２３４５６７",
    ] {
        let shown = shown(smuggled, 64);
        assert!(!shown.chars().any(char::is_numeric), "{shown}");
    }
    assert_eq!(shown(&"x".repeat(100), 32).len(), 32);
    assert_eq!(shown("a\nb\u{7}c\u{202e}d", 64), "abcd");
}
