//! Vocabularies: known words and numbers, and those that nobody knew.

use std::collections::HashSet;

use numcheck_protocol::number_check::{
    Answer, CheckLevel, DialResponse, KnownAnswer, KnownCheckLevel, KnownDialResponse, KnownNumberType,
    NumberType,
};
use numcheck_protocol::qxt::{KnownOperator, KnownPrivacyStatus, Operator, PrivacyStatus};
use numcheck_protocol::{Field, FromWire, Lang};
use proptest::prelude::*;

macro_rules! words {
    ($($module:ident: $Word:ident, $Known:ident, $count:literal;)*) => { $( mod $module {
        use super::*;

        proptest! {
            #[test]
            fn a_known_word_is_known_in_any_case_and_keeps_its_own_spelling(
                known in prop::sample::select($Known::ALL.to_vec()),
                upper in prop::collection::vec(any::<bool>(), 40),
            ) {
                let wire = known.as_str();
                let spelled: String = wire.chars().zip(upper.iter().cycle()).map(|(char, upper)| {
                    if *upper { char.to_ascii_uppercase() } else { char.to_ascii_lowercase() }
                }).collect();
                let word = $Word::new(&spelled);
                prop_assert_eq!(word.known(), Some(known));
                prop_assert!(!word.is_unknown());
                prop_assert_eq!(word.as_str(), spelled.as_str());
                prop_assert_eq!(word.to_string(), spelled.clone());
                prop_assert_eq!(word == $Word::from(known), spelled == wire, "equal is: spelled alike");
                let json = serde_json::to_string(&word).expect("written");
                prop_assert_eq!(serde_json::from_str::<Field<$Word>>(&json).expect("read"), Field::Known(word));
            }

            #[test]
            fn an_unknown_word_is_kept_as_it_came(text in any::<String>()) {
                let word = $Word::new(&text);
                let is_it = |spelling: &&str| spelling.eq_ignore_ascii_case(&text);
                let known = $Known::ALL.iter().copied().find(|known| known.spellings().iter().any(is_it));
                prop_assert_eq!(word.known(), known);
                prop_assert_eq!(word.is_unknown(), known.is_none());
                prop_assert_eq!(word.as_str(), text.as_str());
                let read: Field<$Word> = serde_json::from_str(&serde_json::to_string(&word).expect("written")).expect("read");
                prop_assert_eq!(read, if text.is_empty() { Field::Empty } else { Field::Known(word) });
            }
        }

        #[test]
        fn the_known_words_differ_and_are_told_in_both_languages() {
            assert_eq!($Known::ALL.len(), $count);
            let mut seen = HashSet::new();
            for known in $Known::ALL {
                assert_eq!(known.spellings().first(), Some(&known.as_str()));
                for spelling in known.spellings() {
                    assert!(seen.insert(spelling.to_ascii_lowercase()), "{known:?}");
                    assert_eq!($Word::new(spelling).known(), Some(*known));
                    assert_eq!($Word::new(spelling).as_str(), *spelling);
                }
                assert!(!known.meaning(Lang::En).is_empty() && known.meaning(Lang::En).is_ascii(), "{known:?}");
                assert!(!known.meaning(Lang::Zh).is_empty(), "{known:?}");
            }
        }
    } )* };
}

words! {
    answers: Answer, KnownAnswer, 3;
    dial_responses: DialResponse, KnownDialResponse, 11;
    privacy_statuses: PrivacyStatus, KnownPrivacyStatus, 2;
    operators: Operator, KnownOperator, 4;
}

macro_rules! numbers {
    ($($module:ident: $Number:ident, $Known:ident, $values:expr;)*) => { $( mod $module {
        use super::*;

        proptest! {
            #[test]
            fn any_number_is_kept_and_only_the_documented_ones_are_known(number in prop_oneof![-3_i64..12, any::<i64>()]) {
                let value = $Number::new(number);
                prop_assert_eq!(value.get(), number);
                prop_assert_eq!(value.known().map($Known::get), $values.contains(&number).then_some(number));
                prop_assert_eq!(value.is_unknown(), value.known().is_none());
                let json = number.to_string();
                prop_assert_eq!(serde_json::to_string(&value).expect("written"), json.clone());
                prop_assert_eq!(serde_json::from_str::<Field<$Number>>(&json).expect("read"), Field::Known(value));
            }
        }

        #[test]
        fn the_known_numbers_are_told_in_both_languages() {
            let all: Vec<i64> = $Known::ALL.iter().map(|known| known.get()).collect();
            assert_eq!(all, $values);
            for known in $Known::ALL {
                assert_eq!($Number::from(*known).known(), Some(*known));
                assert!(!known.meaning(Lang::En).is_empty() && !known.meaning(Lang::Zh).is_empty(), "{known:?}");
            }
        }
    } )* };
}

numbers! {
    check_levels: CheckLevel, KnownCheckLevel, [1, 4, 5];
    number_types: NumberType, KnownNumberType, [0, 1, 2, 3, 4, 5, 6, 7, 8];
}

#[test]
fn a_word_of_another_case_is_the_same_answer_and_not_equal() {
    let (seen, documented) = (Answer::new("yes"), Answer::YES);
    assert_ne!(seen, documented);
    assert_eq!(seen.known(), documented.known());
    assert_eq!(Answer::new("YES"), documented);
    assert_eq!(HashSet::from([Answer::YES, Answer::new("YES"), Answer::from(KnownAnswer::Yes)]).len(), 1);
}

#[test]
fn no_debug_of_a_word_shows_a_number() {
    let shown = format!("{:?} {:?}", Operator::new("8613812345678"), NumberType::new(8_613_812_345_678));
    assert!(!shown.contains("138"), "{shown}");
    assert_eq!(format!("{:?} {:?}", Answer::YES, NumberType::MOBILE), "Answer(\"YES\") NumberType(2 Mobile)");
}

#[test]
fn every_word_of_the_qxt_document_is_known_and_kept_as_it_came() {
    for (words, known) in [
        (["隐私号", "虚拟号"], KnownPrivacyStatus::Privacy),
        (["非隐私号", "非虚拟号"], KnownPrivacyStatus::NotPrivacy),
    ] {
        for word in words {
            let status = PrivacyStatus::new(word);
            assert_eq!((status.known(), status.as_str(), status.is_unknown()), (Some(known), word, false));
        }
    }
    let virtual_operator = Operator::new("其它运营商（虚拟运营商）");
    assert_eq!(virtual_operator.known(), Some(KnownOperator::Other));
    assert_eq!(Operator::new("新运营商").known(), None);
}
