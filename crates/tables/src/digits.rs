//! Takes the digits of one phone number out of a cell, or says why it cannot.

use numcheck_protocol::PhoneNumber;

use crate::reject::Reject;

/// Whether a cell says by `+` or `00` in front that its phone number begins with a country code.
#[cfg(feature = "region")]
pub(crate) fn names_country(cell: &[u8]) -> bool {
    Digits::read(cell).is_ok_and(|digits| digits.names_country())
}

/// The digits of a cell with one phone number.
pub(crate) struct Digits {
    pub(crate) digits: String,
    pub(crate) has_plus: bool,
}

impl Digits {
    pub(crate) fn read(cell: &[u8]) -> Result<Self, Reject> {
        let text = std::str::from_utf8(cell).map_err(|_| Reject::NotUtf8)?;
        let text = unwrap(text);
        let text = without_extension(text).unwrap_or(text);
        let plain: String = text.chars().filter_map(plain).collect();
        // Separators at either end divide nothing: `4412345678;` is one phone number.
        let plain = plain.trim_matches([' ', ',', ';', '/']);
        let plain = without_zero_fraction(plain);

        let is_digit = |c: char| c.is_ascii_digit();
        let has_digit = plain.contains(is_digit);
        let has_letter = plain.contains(|c: char| c.is_ascii_alphabetic());
        if !has_digit && !has_letter && !plain.contains(['*', '?']) {
            return Err(Reject::Blank);
        }
        if is_scientific(plain) {
            return Err(Reject::ScientificNotation);
        }
        if is_decimal(plain) {
            return Err(Reject::Decimal);
        }
        if !plain.is_empty() && plain.bytes().all(|byte| byte == b'*') {
            return Err(Reject::Forgotten);
        }
        if has_digit && is_masked(plain) {
            return Err(Reject::Masked);
        }
        if has_letter {
            return Err(Reject::Letters);
        }
        if plain.contains(['?', '*', '#']) {
            return Err(Reject::UnexpectedCharacter);
        }
        if has_bracketed_zero(plain) {
            return Err(Reject::TrunkZero);
        }
        let first_digit = plain.find(is_digit).unwrap_or(0);
        let several = |c: char| matches!(c, ',' | ';' | '/');
        if plain.contains(several) || plain.get(first_digit..).is_some_and(|rest| rest.contains('+')) {
            return Err(Reject::SeveralNumbers);
        }
        Ok(Self {
            digits: plain.chars().filter(char::is_ascii_digit).collect(),
            has_plus: plain.contains('+'),
        })
    }

    pub(crate) fn names_country(&self) -> bool {
        self.has_plus || self.digits.starts_with("00")
    }

    /// The phone number that these digits are, where they begin with a country code.
    pub(crate) fn whole(&self) -> Result<PhoneNumber, Reject> {
        whole(&self.digits)
    }
}

/// The phone number of digits that begin with a country code, with or without `00` before it.
pub(crate) fn whole(digits: &str) -> Result<PhoneNumber, Reject> {
    let digits = digits.strip_prefix("00").unwrap_or(digits);
    match digits.len() {
        count if count < PhoneNumber::MIN_DIGITS => Err(Reject::TooShort { digits: count }),
        count => PhoneNumber::new(digits).map_err(|_| Reject::TooLong { digits: count }),
    }
}

/// Takes off what a program has put around the text: spaces, `="…"`, quotes, an apostrophe, `tel:`.
fn unwrap(text: &str) -> &str {
    const APOSTROPHES: [char; 4] = ['\'', '\u{2018}', '\u{2019}', '\u{FF07}'];
    const SCHEMES: [&str; 6] = ["tel", "sms", "smsto", "whatsapp", "callto", "phone"];
    const LINKS: [&str; 3] = ["https://wa.me/", "http://wa.me/", "wa.me/"];
    let mut text = trim(text);
    if let Some(inner) = text.strip_prefix("=\"").and_then(|rest| rest.strip_suffix('"')) {
        text = trim(inner);
    }
    if let Some(inner) = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        text = trim(inner);
    }
    if let Some(inner) = text.strip_prefix(APOSTROPHES) {
        text = trim(inner.strip_suffix(APOSTROPHES).unwrap_or(inner));
    }
    if let Some((scheme, rest)) = text.split_once([':', '\u{FF1A}'])
        && SCHEMES.contains(&scheme.trim_end().to_ascii_lowercase().as_str())
    {
        text = trim(rest);
    }
    let after = |link: &str| {
        let (head, rest) = text.split_at_checked(link.len())?;
        head.eq_ignore_ascii_case(link).then_some(rest)
    };
    LINKS.iter().find_map(|link| after(link)).unwrap_or(text)
}

fn trim(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || is_invisible(c))
}

/// The one ASCII character that a character stands for here, or nothing when it cannot be seen.
///
/// Digits and letters `a`-`z` stand for themselves, `a` for every other letter; space, `+`, `-`, `.`, `(` and `)` are
/// what may stand in a number; `,`, `;` and `/` divide numbers; `*` and `#` are themselves; `?` is anything else.
fn plain(c: char) -> Option<char> {
    let plain = match c {
        '0'..='9' | 'a'..='z' | ' ' | '+' | '-' | '.' | '(' | ')' | ',' | ';' | '/' | '*' | '#' => c,
        'A'..='Z' => c.to_ascii_lowercase(),
        '\u{FF21}'..='\u{FF3A}' => char::from_u32(u32::from(c) - 0xFF21 + u32::from('a'))?,
        '\u{FF41}'..='\u{FF5A}' => char::from_u32(u32::from(c) - 0xFF41 + u32::from('a'))?,
        '\u{FF10}'..='\u{FF19}' => char::from_digit(u32::from(c) - 0xFF10, 10)?,
        '\u{FF0B}' | '\u{FE62}' | '\u{2795}' => '+',
        '[' | '{' | '\u{FF08}' | '\u{FF3B}' | '\u{3010}' | '\u{FE59}' => '(',
        ']' | '}' | '\u{FF09}' | '\u{FF3D}' | '\u{3011}' | '\u{FE5A}' => ')',
        '\u{FF0E}' | '\u{3002}' | '\u{00B7}' | '\u{30FB}' | '\u{2027}' | '\u{FE52}' => '.',
        '\u{FF0C}' | '\u{FE50}' | '\u{3001}' | '\u{060C}' => ',',
        '\u{FF1B}' | '\u{FE54}' | '\u{061B}' | '|' | '&' | '\u{FF5C}' => ';',
        '\t' | '\n' | '\r' | '\u{000B}' | '\u{000C}' | '\u{0085}' | '\u{2028}' | '\u{2029}' => ';',
        '\\' | '\u{FF0F}' | '\u{2044}' | '\u{2215}' | '\u{FF3C}' => '/',
        '\u{FF0A}' | '\u{2022}' | '\u{25CF}' | '\u{00D7}' => '*',
        '\u{FF03}' => '#',
        _ if is_invisible(c) => return None,
        _ if is_dash(c) => '-',
        _ if c.is_whitespace() => ' ',
        _ if c.is_alphabetic() => 'a',
        _ if c.is_numeric() => decimal_digit(c).unwrap_or('?'),
        _ => '?',
    };
    Some(plain)
}

/// The ASCII digit of a decimal digit of any script; nothing for `½`, `²`, `Ⅷ` and the like.
fn decimal_digit(c: char) -> Option<char> {
    // Unicode puts the ten digits of a script together.
    let place = ZEROS.partition_point(|zero| *zero <= u32::from(c));
    let zero = ZEROS.get(place.checked_sub(1)?)?;
    char::from_digit(u32::from(c).checked_sub(*zero)?, 10)
}

/// The zeros of Unicode 14 (general category Nd).
#[rustfmt::skip]
const ZEROS: [u32; 66] = [
    0x30, 0x660, 0x6F0, 0x7C0, 0x966, 0x9E6, 0xA66, 0xAE6, 0xB66, 0xBE6, 0xC66, 0xCE6, 0xD66, 0xDE6, 0xE50, 0xED0, 0xF20, 0x1040,
    0x1090, 0x17E0, 0x1810, 0x1946, 0x19D0, 0x1A80, 0x1A90, 0x1B50, 0x1BB0, 0x1C40, 0x1C50, 0xA620, 0xA8D0, 0xA900, 0xA9D0, 0xA9F0,
    0xAA50, 0xABF0, 0xFF10, 0x104A0, 0x10D30, 0x11066, 0x110F0, 0x11136, 0x111D0, 0x112F0, 0x11450, 0x114D0, 0x11650, 0x116C0,
    0x11730, 0x118E0, 0x11950, 0x11C50, 0x11D50, 0x11DA0, 0x16A60, 0x16AC0, 0x16B50, 0x1D7CE, 0x1D7D8, 0x1D7E2, 0x1D7EC, 0x1D7F6,
    0x1E140, 0x1E2F0, 0x1E950, 0x1FBF0,
];

/// Characters that are there without being seen: zero-width, text direction, soft hyphen, byte-order mark.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{00AD}' | '\u{034F}' | '\u{061C}' | '\u{180E}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}'
        | '\u{2060}'..='\u{2064}' | '\u{2066}'..='\u{206F}' | '\u{20E3}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}')
}

/// Unicode's dashes (general category Pd) and the minus signs that stand for them. Wave dashes are left out: they
/// may mean "from … to".
fn is_dash(c: char) -> bool {
    matches!(
        c,
        '\u{058A}' | '\u{05BE}' | '\u{1400}' | '\u{1806}' | '\u{2010}'
            ..='\u{2015}'
                | '\u{2E17}'
                | '\u{2E1A}'
                | '\u{2E3A}'
                | '\u{2E3B}'
                | '\u{2E40}'
                | '\u{2E5D}'
                | '\u{30A0}'
                | '\u{FE31}'
                | '\u{FE32}'
                | '\u{FE58}'
                | '\u{FE63}'
                | '\u{FF0D}'
                | '\u{10EAD}'
                | '\u{02D7}'
                | '\u{2043}'
                | '\u{207B}'
                | '\u{208B}'
                | '\u{2212}'
                | '\u{2796}'
                | '\u{30FC}'
                | '\u{FF70}'
    )
}

/// `4.47400E+11`, `4,474 e11`, `5E+10`.
fn is_scientific(plain: &str) -> bool {
    let Some((mantissa, exponent)) = plain.split_once('e') else { return false };
    let mantissa = mantissa.trim().trim_start_matches(['+', '-']);
    let exponent = exponent.trim().trim_start_matches(['+', '-']);
    let whole = mantissa.split(['.', ',']).collect::<Vec<_>>();
    whole.len() <= 2
        && whole.first().is_some_and(|part| !part.is_empty())
        && whole.iter().all(|part| part.bytes().all(|b| b.is_ascii_digit()))
        && !exponent.is_empty()
        && exponent.bytes().all(|b| b.is_ascii_digit())
}

/// `37477123456.5`, `37477123456.25`, `37 477 123 456.00`: too many digits in front of the only dot or comma, and too few behind it, to be groups
/// of a phone number.
fn is_decimal(plain: &str) -> bool {
    as_amount(plain).is_some_and(|(whole, fraction)| {
        fraction.len() <= 2 && (is_ungrouped(whole) || fraction.bytes().all(|byte| byte == b'0'))
    })
}

/// `37477123456.0` without its fraction: a program took the phone number for an amount, and nothing of it is lost. Behind groups it may be one more.
fn without_zero_fraction(plain: &str) -> &str {
    match as_amount(plain) {
        Some((whole, fraction)) if is_ungrouped(whole) && fraction.bytes().all(|byte| byte == b'0') => whole,
        _ => plain,
    }
}

/// What stands in front of the only dot or comma, and behind it, where that has digits only and the first enough for a phone number.
fn as_amount(plain: &str) -> Option<(&str, &str)> {
    let (whole, fraction) = plain.split_once(['.', ','])?;
    let digits = whole.bytes().filter(u8::is_ascii_digit).count();
    let is_fraction = !fraction.is_empty() && fraction.bytes().all(|b| b.is_ascii_digit());
    (is_fraction && digits >= PhoneNumber::MIN_DIGITS).then_some((whole, fraction))
}

fn is_ungrouped(whole: &str) -> bool {
    whole.trim_start_matches(['+', '-', ' ']).bytes().all(|byte| byte.is_ascii_digit())
}

/// `138****5678`, `234800001xxxxx`.
fn is_masked(plain: &str) -> bool {
    let only_x = !plain.contains(|c: char| c.is_ascii_alphabetic() && c != 'x');
    only_x && (plain.contains('*') || plain.contains("xx"))
}

/// Fewer digits in front of an extension are a part of a phone number.
const MIN_BEFORE_EXTENSION: usize = 9;

/// What stands before a word for "extension" and a few more digits to the end, where that can be a phone number.
fn without_extension(text: &str) -> Option<&str> {
    const WORDS: [&str; 19] = [
        "x",
        "ext",
        "extn",
        "extension",
        "ramal",
        "anexo",
        "poste",
        "interno",
        "int",
        "durchwahl",
        "dw",
        "доб",
        "внутр",
        "分机",
        "分機",
        "转",
        "轉",
        "内線",
        "#",
    ];
    let is_word = |c: char| c.is_alphabetic() || c == '#' || c == '\u{FF03}';
    let (number, rest) = text.split_at(text.find(is_word)?);
    let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
    let (word, extension) = rest.split_at(end);
    let count = |part: &str| part.chars().filter(|c| c.is_numeric()).count();
    let word = word.to_lowercase().replace('\u{FF03}', "#");
    // Within digits an x or # may hide one.
    let stands_apart = !matches!(word.as_str(), "x" | "#") || number.ends_with(char::is_whitespace);
    let is_extension = WORDS.contains(&word.as_str())
        && stands_apart
        && count(number) >= MIN_BEFORE_EXTENSION
        && (1..=6).contains(&count(extension))
        && !extension.contains(is_word);
    is_extension.then_some(number)
}

/// A lone `0` in brackets with digits on both sides.
fn has_bracketed_zero(plain: &str) -> bool {
    let has_digit = |part: &str| part.contains(|c: char| c.is_ascii_digit());
    plain.match_indices('(').any(|(open, bracket)| {
        let (before, rest) = plain.split_at(open);
        let inside_and_after = rest.strip_prefix(bracket).and_then(|rest| rest.split_once(')'));
        inside_and_after
            .is_some_and(|(inside, after)| inside.trim() == "0" && has_digit(before) && has_digit(after))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::numbering::normalise;

    fn read(cell: &str) -> Result<String, Reject> {
        normalise(cell.as_bytes()).map(|number| number.digits().to_owned())
    }

    #[test]
    fn what_people_write_is_understood() {
        for (cell, digits) in [
            ("447400123456", "447400123456"),
            ("+447400123456", "447400123456"),
            ("00447400123456", "447400123456"),
            ("+00447400123456", "447400123456"),
            ("00 44 7400 123456", "447400123456"),
            ("+44 7400 123456", "447400123456"),
            ("  +44\u{A0}7400\u{2009}123\u{202F}456\u{3000}", "447400123456"),
            ("+44\u{200B}7400\u{2060}123456", "447400123456"),
            ("\u{202A}+447400123456\u{202C}", "447400123456"),
            ("\u{200E}+44 7400 123456\u{200F}", "447400123456"),
            ("+44-7400-123456", "447400123456"),
            ("+44‐7400‑123‒456", "447400123456"),
            ("+44–7400—123−456", "447400123456"),
            ("+44－7400ー123456", "447400123456"),
            ("852.1234.5678", "85212345678"),
            ("49.15112345678", "4915112345678"),
            ("37.477.123.456", "37477123456"),
            ("852·1234·5678", "85212345678"),
            ("(+44) 7400 123456", "447400123456"),
            ("[44] (7400) {123456}", "447400123456"),
            ("（+８６）１３１ ２３４５ ６７８９", "8613123456789"),
            ("＋８６１３１２３４５６７８９", "8613123456789"),
            ("٩٧١٥٠١٢٣٤٥٦٧", "971501234567"),
            ("+۹۸۹۱۲۳۴۵۶۷۸۹", "989123456789"),
            ("+९१८१२३४५६७८९", "918123456789"),
            ("+𝟒𝟒7400123456", "447400123456"),
            ("'447400123456", "447400123456"),
            ("’+447400123456", "447400123456"),
            ("'447400123456'", "447400123456"),
            ("\"447400123456\"", "447400123456"),
            ("=\"447400123456\"", "447400123456"),
            ("=\"+44 7400 123456\"", "447400123456"),
            ("tel:+44-7400-123456", "447400123456"),
            ("whatsapp:+447400123456", "447400123456"),
            ("WhatsApp: +44 7400 123456", "447400123456"),
            ("sms：447400123456", "447400123456"),
            ("https://wa.me/447400123456", "447400123456"),
            ("37477123456.0", "37477123456"),
            ("37477123456,0", "37477123456"),
            ("37477123456.00", "37477123456"),
            ("+37477123456.000", "37477123456"),
            ("+37 477 123.456", "37477123456"),
            ("+37 477 123 4.56", "37477123456"),
            ("+44 7400 123456 x12", "447400123456"),
            ("+44 7400 123456 Ext. 5", "447400123456"),
            ("tel:+447400123456;ext=5", "447400123456"),
            ("+44 7400 123456 #12", "447400123456"),
            ("010-12345678转123", "01012345678"),
            ("+7 495 123-45-67 доб. 12", "74951234567"),
            ("TEL: +44 7400 123456", "447400123456"),
            ("447400123456;", "447400123456"),
            (", 447400123456 ,", "447400123456"),
            ("447400123456\r\n", "447400123456"),
            ("18617", "18617"),
            ("123456789012345", "123456789012345"),
            ("00123456789012345", "123456789012345"),
            // No country code, no such number: still for the platform to say.
            ("07400123456", "07400123456"),
            ("(0)7400 123456", "07400123456"),
            ("0000000", "00000"),
        ] {
            assert_eq!(read(cell).as_deref(), Ok(digits), "{cell:?}");
        }
    }

    #[test]
    fn what_is_not_certain_is_rejected_with_its_reason() {
        for (cell, reason) in [
            ("", "blank"),
            ("   \u{A0}\u{200B}", "blank"),
            ("-", "blank"),
            ("+", "blank"),
            ("()", "blank"),
            ("''", "blank"),
            ("=\"\"", "blank"),
            ("4.47400E+11", "scientific_notation"),
            ("4.474e11", "scientific_notation"),
            ("4,47400E+11", "scientific_notation"),
            ("4E+11", "scientific_notation"),
            ("'4.47400E+11", "scientific_notation"),
            ("+4.474 E+11", "scientific_notation"),
            ("４．４７Ｅ＋１１", "scientific_notation"),
            ("37477123456.5", "decimal"),
            ("37477123456,25", "decimal"),
            ("37 477 123 456.00", "decimal"),
            ("37 477 123 456.0", "decimal"),
            ("+49 89 12345.0", "decimal"),
            ("+37 (477) 123-456,0", "decimal"),
            // An x or # within a phone number hides a digit.
            ("44740x123456", "letters"),
            ("138 0013 x 8000", "letters"),
            ("44740#123456", "unexpected_character"),
            ("+447400123456x12", "letters"),
            ("13800138 ext 1", "letters"),
            ("138****5678", "masked"),
            ("138••••5678", "masked"),
            ("234800001xxxxx", "masked"),
            ("8523XXX83", "masked"),
            ("+44 7400 CALLME", "letters"),
            ("n/a", "letters"),
            ("NULL", "letters"),
            ("未知", "letters"),
            ("+44 7400 123456 (home)", "letters"),
            ("+44 7400 123456 or 123457", "letters"),
            ("ext 5", "letters"),
            ("+44 (0)7400 123456", "trunk_zero"),
            ("0044(0)7400123456", "trunk_zero"),
            ("+44 ( 0 ) 7400 123456", "trunk_zero"),
            ("+44（０）7400123456", "trunk_zero"),
            ("123;456", "several_numbers"),
            ("123/456", "several_numbers"),
            ("123, 456", "several_numbers"),
            ("12642351234;355672123456", "several_numbers"),
            ("12642351234\n355672123456", "several_numbers"),
            ("12642351234\t355672123456", "several_numbers"),
            ("12642351234、355672123456", "several_numbers"),
            ("12642351234|355672123456", "several_numbers"),
            ("+12642351234 +355672123456", "several_numbers"),
            ("37,477,123,456", "several_numbers"),
            ("#447400123456", "unexpected_character"),
            ("=447400123456", "unexpected_character"),
            ("447400~123456", "unexpected_character"),
            ("447400123²456", "unexpected_character"),
            ("447400\u{0}123456", "unexpected_character"),
            ("%2B447400123456", "letters"),
            ("😀", "unexpected_character"),
            ("1234", "too_short"),
            ("001234", "too_short"),
            ("1234567890123456", "too_long"),
            ("1234567890123456789012", "too_long"),
        ] {
            assert_eq!(read(cell).map_err(Reject::reason), Err(reason), "{cell:?}");
        }
        assert_eq!(normalise(b"4474\xA000123456").map_err(Reject::reason), Err("not_utf8"));
    }

    #[test]
    fn every_dash_and_space_of_unicode_separates() {
        let separators =
            ('\u{A0}'..='\u{FFFF}').filter(|&c| c.is_whitespace() || is_dash(c) || is_invisible(c));
        for c in separators.filter(|c| !matches!(c, '\u{2028}' | '\u{2029}')) {
            assert_eq!(read(&format!("+44{c}7400{c}123456")).as_deref(), Ok("447400123456"), "{c:?}");
        }
    }

    #[test]
    fn the_two_counts_are_named() {
        assert_eq!(read("1234"), Err(Reject::TooShort { digits: 4 }));
        assert_eq!(read("1234567890123456"), Err(Reject::TooLong { digits: 16 }));
    }

    proptest! {
        #[test]
        fn any_text_gives_its_own_digits_in_order_or_a_reason(text in ".{0,40}") {
            if let Ok(found) = read(&text) {
                let all: String = text.chars().filter_map(plain).filter(char::is_ascii_digit).collect();
                let with_prefix = format!("00{found}");
                prop_assert!(all == found || all == with_prefix);
                prop_assert!((PhoneNumber::MIN_DIGITS..=PhoneNumber::MAX_DIGITS).contains(&found.len()));
            }
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = normalise(&bytes);
        }

        #[test]
        fn numbers_survive_decoration(
            digits in "[1-9][0-9]{4,14}",
            prefix in prop::sample::select(vec!["", "+", "00", "'", " +", "＋", "(+) ", "tel:", "\u{200E}"]),
            separator in prop::sample::select(vec!["", " ", "-", "\u{A0}", "–", "\u{200B}", ") ", " (", "  "]),
            every in 3_usize..6,
        ) {
            let groups: Vec<&str> =
                digits.as_bytes().chunks(every).map(|group| std::str::from_utf8(group).unwrap()).collect();
            let cell = format!("{prefix}{}", groups.join(separator));
            prop_assert_eq!(read(&cell), Ok(digits), "{}", cell);
        }

        #[test]
        fn a_reason_never_repeats_digits_of_the_cell(digits in "[0-9]{16,40}", tail in "[a-z;/,*x.]{0,3}") {
            if let Err(reject) = read(&format!("{digits}{tail}")) {
                let text = format!("{reject} {reject:?}");
                let longest = text.split(|c: char| !c.is_ascii_digit()).map(str::len).max().unwrap_or(0);
                prop_assert!(longest < PhoneNumber::MIN_DIGITS, "{}", text);
            }
        }
    }
}
