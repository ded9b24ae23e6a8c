//! Phone numbers, lists of them, country codes and Chinese mobile numbers: what they hold and what they show.

use numcheck_protocol::number_check::{Dialect, SubmitBody};
use numcheck_protocol::qxt::Mobile;
use numcheck_protocol::{CallingCode, HiddenText, PhoneList, PhoneNumber, ValueError};
use proptest::prelude::*;

fn number(digits: &str) -> PhoneNumber {
    PhoneNumber::new(digits).expect(digits)
}

fn digits() -> impl Strategy<Value = String> {
    prop_oneof!["[0-9]{5,15}", "0{1,9}[0-9]{4,6}"]
}

/// How many figures of `number` a mask still shows, after checking that it shows only the first ones and the last ones.
fn shown(masked: &str, number: &str) -> usize {
    assert_eq!(masked.len(), number.len(), "{masked}");
    let head = masked.find('*').expect("something is hidden");
    let tail = masked.len() - 1 - masked.rfind('*').expect("something is hidden");
    assert!(masked[head..masked.len() - tail].bytes().all(|byte| byte == b'*'), "{masked}");
    assert!(head <= 3 && tail <= 2 && number.starts_with(&masked[..head]), "{masked}");
    assert!(number.ends_with(&masked[masked.len() - tail..]), "{masked}");
    head + tail
}

proptest! {
    #[test]
    fn a_number_is_5_to_15_ascii_digits_and_nothing_else(text in prop_oneof![any::<String>(), "[0-9]{0,20}", "[+ 0-9٣]{5,15}", "[0-9a-f]{5,15}"]) {
        let fits = (5..=15).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        match PhoneNumber::new(&text) {
            Ok(number) => prop_assert!(fits && number.digits() == text),
            Err(error) => prop_assert!(!fits && error.field == "phone"),
        }
        prop_assert_eq!(text.parse::<PhoneNumber>(), PhoneNumber::new(&text));
    }

    #[test]
    fn a_number_survives_packing_with_its_leading_zeros(digits in digits()) {
        let number = number(&digits);
        let unpacked = PhoneNumber::unpack(number.pack());
        prop_assert_eq!(unpacked, Some(number));
        prop_assert_eq!(unpacked.map(|number| number.digits().to_owned()), Some(digits));
    }

    #[test]
    fn only_what_was_packed_is_unpacked(
        figure in prop_oneof![any::<u64>(), 0_u64..2_000_000, 100_000_u64..2_000_000_000_000_000],
    ) {
        let packed = figure.to_string().strip_prefix('1').is_some_and(|rest| (5..=15).contains(&rest.len()));
        match PhoneNumber::unpack(figure) {
            Some(number) => prop_assert!(packed && number.pack() == figure),
            None => prop_assert!(!packed),
        }
    }

    #[test]
    fn neither_debug_nor_a_mask_shows_more_than_half_of_a_number(digits in digits()) {
        let number = number(&digits);
        let masked = number.masked();
        prop_assert_eq!(PhoneNumber::new(&masked).expect_err("masked").field, "phone");
        prop_assert!(shown(&masked, &digits) * 2 <= digits.len(), "{}", masked);
        prop_assert_eq!(format!("{number:?}"), format!("PhoneNumber({masked})"));
    }

    #[test]
    fn a_mobile_is_11_digits_that_begin_with_1(text in prop_oneof![any::<String>(), "[0-9]{10,12}", "1[0-9]{10}", "1[0-9٣]{10}"]) {
        let fits = text.len() == 11 && text.starts_with('1') && text.bytes().all(|byte| byte.is_ascii_digit());
        match Mobile::new(&text) {
            Ok(mobile) => {
                prop_assert!(fits && mobile.digits() == text);
                prop_assert_eq!(shown(&mobile.masked(), &text), 4);
                prop_assert_eq!(format!("{mobile:?}"), format!("Mobile({})", mobile.masked()));
                prop_assert!(Mobile::new(&mobile.masked()).is_err());
                prop_assert_eq!(serde_json::to_value(mobile).expect("written"), text);
            }
            Err(error) => prop_assert!(!fits && error.field == "mobile"),
        }
    }

    #[test]
    fn a_country_code_is_the_beginning_of_the_number(text in prop_oneof![any::<String>(), "[0-9]{0,15}", "[+0-9]{1,5}"]) {
        if let Some(code) = CallingCode::prefix_of(&text) {
            prop_assert!(text.starts_with(&code.get().to_string()));
            prop_assert_eq!(code.to_string(), format!("+{}", code.get()));
        }
    }

    #[test]
    fn a_list_is_sent_in_order_and_joined_by_commas(tails in prop::collection::hash_set("[0-9]{4,8}", 1..40)) {
        let digits: Vec<String> = tails.into_iter().map(|tail| format!("852{tail}")).collect();
        let list = PhoneList::from_one_country(digits.iter().map(|digits| number(digits))).expect("one country");
        prop_assert_eq!(list.len(), digits.len());
        prop_assert!(list.as_slice().iter().map(PhoneNumber::digits).eq(digits.iter().map(String::as_str)));
        prop_assert_eq!(serde_json::to_string(&list).expect("written"), format!("\"{}\"", digits.join(",")));
        prop_assert_eq!(format!("{list:?}"), format!("PhoneList({} numbers)", digits.len()));
    }

    #[test]
    fn a_list_is_read_as_its_numbers_one_by_one(
        joined in prop_oneof![
            "([0-9]{5,15},){0,6}[0-9]{5,15}",
            "([0-9]{3,17},){1,6}[0-9]{3,17}",
            "([0-9]{5,15},){1,3}[0-9٣号+* /:-]{0,20}(,[0-9]{5,15}){0,3}",
            any::<String>(),
        ],
    ) {
        let one_by_one: Result<Vec<_>, _> = joined.split(',').map(PhoneNumber::new).collect();
        let expected = one_by_one.and_then(PhoneList::from_many_countries);
        prop_assert_eq!(joined.parse::<PhoneList>(), expected.clone());
        if let Ok(list) = expected {
            prop_assert_eq!(String::from(list.clone()), joined.clone());
            let body: SubmitBody<'_> = SubmitBody::default()
.with_phone(HiddenText::new(joined.as_str()).into());
            let country = PhoneList::from_one_country(list);
            prop_assert_eq!(body.read(Dialect::V1).err().map(|error| error.field), Some(if country.is_ok() { "appkey" } else { "phone" }));
        }
    }

    #[test]
    fn a_repeated_number_is_refused_wherever_it_stands(
        tails in prop::collection::hash_set("[0-9]{4,8}", 1..20),
        from in any::<prop::sample::Index>(),
        to in any::<prop::sample::Index>(),
    ) {
        let mut digits: Vec<String> = tails.into_iter().map(|tail| format!("852{tail}")).collect();
        let again = digits[from.index(digits.len())].clone();
        digits.insert(to.index(digits.len() + 1), again);
        prop_assert!(rule(PhoneList::from_one_country(digits.iter().map(|digits| number(digits)))).contains("twice"));
    }
}

fn rule(list: Result<PhoneList, ValueError>) -> &'static str {
    let error = list.expect_err("refused");
    assert_eq!(error.field, "phone");
    error.rule
}

#[test]
fn numbers_that_differ_in_leading_zeros_are_different_numbers() {
    let list = PhoneList::from_one_region([number("012345"), number("0012345")], |_| None::<()>);
    assert_eq!(list.map(|list| list.len()), Ok(2));
    assert_ne!(number("12345"), number("123450"), "nor is the room behind a number part of it");
}

#[test]
fn a_list_holds_1_to_5000_numbers() {
    let many = |count: u64| (0..count).map(|at| number(&format!("852{at:08}")));
    assert!(rule(PhoneList::from_one_country([])).contains("at least one"));
    assert_eq!(PhoneList::from_one_country(many(5000)).map(|list| list.len()), Ok(5000));
    assert!(rule(PhoneList::from_one_country(many(5001))).contains("5000"));
    assert!(rule(PhoneList::from_one_country(many(u64::MAX))).contains("5000"), "however long the source is");
    for again in [0, 1, 2500, 4998] {
        let repeated = many(4999).chain([number(&format!("852{again:08}"))]);
        assert!(rule(PhoneList::from_many_countries(repeated)).contains("twice"), "{again}");
    }
}

#[test]
fn all_numbers_of_a_list_belong_to_one_country_where_countries_are_known() {
    let list = |all: &[&str]| PhoneList::from_one_country(all.iter().map(|digits| number(digits)));
    assert!(list(&["85251234567", "85251234568"]).is_ok());
    assert!(rule(list(&["85251234567", "8613812345678"])).contains("one country"));
    assert!(rule(list(&["85251234567", "85251234568", "8613812345678"])).contains("one country"));
    assert!(rule(list(&["99951234567", "85251234567", "8613812345678"])).contains("one country"));
    // No country code is assigned to these: they go with any.
    assert!(list(&["99951234567", "85251234567", "00051234567"]).is_ok());
    // +1 is shared by countries that the country code does not tell apart ...
    let shared = ["14155550100", "12425550100"];
    assert!(list(&shared).is_ok());
    // ... so whoever knows better says so.
    let region = |number: &PhoneNumber| Some(if number.digits().starts_with("1242") { "BS" } else { "US" });
    let better = PhoneList::from_one_region(shared.map(number), region);
    assert!(rule(better).contains("one country"));
}

#[test]
fn a_mobile_is_read_as_people_write_it_and_one_of_another_country_is_refused_with_the_reason() {
    let mobile = Mobile::new("18819079212").unwrap();
    for spelled in
        ["18819079212", "+8618819079212", "008618819079212", "8618819079212", " +86 188-1907-9212 "]
    {
        assert_eq!(Mobile::from_spelling(spelled), Ok(mobile), "{spelled}");
    }
    // Eleven digits that begin with 1 are a Chinese number only where no other country is named.
    for foreign in ["+18819079212", "0018819079212", "+852 5123 4567", "0085251234567"] {
        let error = Mobile::from_spelling(foreign).unwrap_err();
        assert!(error.rule.contains("of another country"), "{foreign}: {error}");
    }
    for wrong in
        ["", "86", "+86", "1881907921", "188190792122", "86188190792122", "28819079212", "188x9079212"]
    {
        let error = Mobile::from_spelling(wrong).unwrap_err();
        assert!(error.rule.contains("11 digits"), "{wrong}: {error}");
    }
    assert!(Mobile::from_spelling("188****9212").unwrap_err().rule.contains("masked"));
    let number = mobile.to_number().unwrap();
    assert_eq!((number.digits(), Mobile::from_number(&number)), ("8618819079212", Ok(mobile)));
    for foreign in ["18819079212", "85251234567"] {
        let error = Mobile::from_number(&PhoneNumber::new(foreign).unwrap()).unwrap_err();
        assert!(error.rule.contains("of another country"), "{error}");
    }
    assert!(Mobile::from_number(&PhoneNumber::new("861012345678").unwrap()).is_err());
}

#[test]
fn a_number_that_a_platform_spells_otherwise_is_the_same_number() {
    let number = PhoneNumber::new("8613800000118").unwrap();
    for spelled in [
        "８６１３８０００００１１８",
        "＋86 138 0000 0118",
        "\u{feff}8613800000118\u{200b}",
        "\u{202a}+8613800000118\u{202c}",
        "tel:+8613800000118",
        "TEL:8613800000118",
        "8613800000118,",
        ";8613800000118\r\n",
        "8613800000118.0",
        "8613800000118.00",
        "(0086)138.0000.0118",
    ] {
        assert_eq!(PhoneNumber::from_spelling(spelled), Ok(number), "{spelled:?}");
    }
    for other in [
        "8613800000118,8613800000119",
        "8613800000118.5",
        "tel:",
        "８６",
        "8613800000118x",
        "1+8613800000118",
    ] {
        assert_ne!(PhoneNumber::from_spelling(other), Ok(number), "{other:?}");
    }
    // A dot that groups digits divides nothing.
    assert_eq!(PhoneNumber::from_spelling("86.00").map_err(|_| ()), Err(()));
    assert_eq!(PhoneNumber::from_spelling("86.138.000.00"), PhoneNumber::new("8613800000"));
    assert_eq!(Mobile::from_spelling("+86 138 0000 0118\u{200e}"), Mobile::new("13800000118"));
}
