//! Finds the phone column by its name. Two candidates are an error: checking the wrong column costs money too.

use std::borrow::Cow;

use csv::ByteRecord;

use crate::error::ReadErrorKind;
use crate::numbering::normalise;

/// A name that stands for a phone number wherever it is a column's whole name; compared without regard to case,
/// spaces, underscores, dashes, dots and what stands in brackets.
const CLEAR: &[&str] = &[
    // English
    "phone",
    "phones",
    "phone number",
    "phone no",
    "phone num",
    "phone nr",
    "phone e164",
    "e164",
    "msisdn",
    "telephone",
    "telephone number",
    "telephone no",
    "tel",
    "tel number",
    "tel no",
    "tel nr",
    "mobile",
    "mobile number",
    "mobile no",
    "mobile phone",
    "mobile phone number",
    "cell",
    "cell number",
    "cellphone",
    "cell phone number",
    "cellular",
    "landline",
    "contact number",
    "contact no",
    "contact phone",
    "whatsapp",
    "whatsapp number", // 中文
    "手机",
    "手机号",
    "手机号码",
    "电话",
    "电话号码",
    "联系电话",
    "联系手机",
    "移动电话",
    "固定电话",
    "座机",
    "手機",
    "手機號",
    "手機號碼",
    "電話",
    "電話號碼",
    "聯絡電話",
    "行動電話", // 日本語, 한국어
    "電話番号",
    "携帯",
    "携帯番号",
    "携帯電話",
    "携帯電話番号",
    "전화",
    "전화번호",
    "휴대폰",
    "휴대폰번호",
    "휴대전화",
    "핸드폰",
    // Español, português, français, italiano
    "telefono",
    "teléfono",
    "telefonos",
    "teléfonos",
    "numero de telefono",
    "número de teléfono",
    "celular",
    "movil",
    "móvil",
    "telefone",
    "numero de telefone",
    "número de telefone",
    "telemovel",
    "telemóvel",
    "téléphone",
    "numero de telephone",
    "numéro de téléphone",
    "n° de téléphone",
    "portable",
    "tel portable",
    "tél",
    "tél portable",
    "numero di telefono",
    "cellulare", // Deutsch, Nederlands, nordiska språk
    "telefon",
    "telefonnummer",
    "telefonnr",
    "handy",
    "handynummer",
    "handynr",
    "mobil",
    "mobilnummer",
    "mobilnr",
    "mobiltelefon",
    "rufnummer",
    "telefoon",
    "telefoonnummer",
    "mobiel",
    "gsm",
    "gsm nummer",
    "puhelin",
    "puhelinnumero", // Polski, čeština, русский, українська, ελληνικά, Türkçe
    "numer telefonu",
    "telefonní číslo",
    "komórka",
    "телефон",
    "номер телефона",
    "мобильный",
    "мобильный телефон",
    "сотовый",
    "моб телефон",
    "номер телефону",
    "τηλέφωνο",
    "κινητό",
    "telefon numarası",
    "cep telefonu",
    // العربية, فارسی, हिन्दी, ไทย, Tiếng Việt, Bahasa
    "هاتف",
    "الهاتف",
    "رقم الهاتف",
    "جوال",
    "الجوال",
    "رقم الجوال",
    "موبايل",
    "رقم الموبايل",
    "تلفن",
    "شماره تلفن",
    "موبایل",
    "फोन",
    "फ़ोन",
    "फोन नंबर",
    "मोबाइल",
    "मोबाइल नंबर",
    "โทรศัพท์",
    "เบอร์โทร",
    "เบอร์โทรศัพท์",
    "số điện thoại",
    "điện thoại",
    "so dien thoai",
    "dien thoai",
    "sđt",
    "telepon",
    "nomor telepon",
    "no telepon",
    "no hp",
    "nomor hp",
    "ponsel",
    "telefon bimbit",
    "no tel",
];

/// Names that may stand for a phone number, taken when no column has a clearer one.
const VAGUE: &[&str] = &[
    "number",
    "numbers",
    "num",
    "numero",
    "número",
    "numéro",
    "nummer",
    "номер",
    "号码",
    "號碼",
    "番号",
    "번호",
    "رقم",
    "contact",
    "contacts",
    "联系方式",
    "called number",
    "destination number",
    "recipient",
    "subscriber",
    "hp",
];

/// Why no column was chosen, and the sentence for it.
#[derive(Debug)]
pub(crate) struct Undecided {
    pub(crate) kind: ReadErrorKind,
    pub(crate) detail: String,
}

/// The place of the column that `wanted` names, or gives by its number counted from 1. A name wins over a number, and
/// the exact name over one that differs in case, spaces, underscores or dashes.
///
/// The second value tells whether a name was matched, so that the record is surely a header.
pub(crate) fn find(names: &ByteRecord, wanted: &str) -> Result<(usize, bool), Undecided> {
    let places = |matches: &dyn Fn(&str) -> bool| -> Vec<usize> {
        (0..).zip(names.iter()).filter(|(_, name)| matches(&text(name))).map(|(place, _)| place).collect()
    };
    let exact = places(&|name| name.trim() == wanted.trim());
    let alike = places(&|name| !canonical(wanted).is_empty() && canonical(name) == canonical(wanted));
    for found in [exact, alike] {
        match found.as_slice() {
            [] => {}
            &[place] => return Ok((place, true)),
            several => return Err(ambiguous(names, several)),
        }
    }
    match wanted.trim().parse::<usize>() {
        Ok(number) if (1..=names.len()).contains(&number) => Ok((number - 1, false)),
        _ => Err(Undecided {
            kind: ReadErrorKind::ColumnNotFound,
            detail: format!("has no column `{}`; its columns are {}", shown(wanted), list(names)),
        }),
    }
}

/// The place of the one column whose name says that it holds phone numbers.
///
/// A clear name (`phone`, `手机号`) wins over one that ends with such a name (`customer phone 1`, `客户手机号`), and that
/// over a vague one (`number`).
///
/// # Errors
/// When no name, or more than one of the same clearness, says so.
pub(crate) fn guess(names: &ByteRecord) -> Result<usize, Undecided> {
    guess_by(names, [&is_clear as &dyn Fn(&str) -> bool, &ends_clearly, &is_vague])
}

/// The same as an earlier release guessed it, to which the word `value` said something.
pub(crate) fn guess_as_before(names: &ByteRecord) -> Result<usize, Undecided> {
    let ends_clearly = |name: &str| ends_clearly(name) && !words(name).1;
    guess_by(names, [&is_clear as &dyn Fn(&str) -> bool, &ends_clearly, &is_vague])
}

fn guess_by(names: &ByteRecord, by: [impl Fn(&str) -> bool; 3]) -> Result<usize, Undecided> {
    for clearness in by {
        let found: Vec<usize> = (0..)
            .zip(names.iter())
            .filter(|(_, name)| clearness(&text(name)))
            .map(|(place, _)| place)
            .collect();
        match found.as_slice() {
            [] => {}
            &[place] => return Ok(place),
            several => return Err(ambiguous(names, several)),
        }
    }
    Err(Undecided {
        kind: ReadErrorKind::NoPhoneColumn,
        detail: format!(
            "has no column with a name like phone, mobile or 手机号; its columns are {}",
            list(names)
        ),
    })
}

/// The place of a column that `wanted` gives by its number counted from 1, in a file whose columns have no names.
pub(crate) fn find_by_place(cells: &ByteRecord, wanted: &str) -> Result<usize, Undecided> {
    match wanted.trim().parse::<usize>() {
        Ok(number) if (1..=cells.len()).contains(&number) => Ok(number - 1),
        _ => Err(Undecided {
            kind: ReadErrorKind::ColumnNotFound,
            detail: format!(
                "has no header, and {} columns: `{}` is none of their numbers from 1",
                cells.len(),
                shown(wanted)
            ),
        }),
    }
}

/// The place of the one cell of a first row that can be a phone number.
///
/// # Errors
/// When none, or more than one, can be.
pub(crate) fn guess_by_cells(cells: &ByteRecord) -> Result<usize, Undecided> {
    // Fewer digits are more often something else.
    const MIN_DIGITS: usize = 7;
    let is_number = |cell: &[u8]| normalise(cell).is_ok_and(|number| number.digits().len() >= MIN_DIGITS);
    let found: Vec<usize> =
        (0..).zip(cells.iter()).filter(|(_, cell)| is_number(cell)).map(|(place, _)| place).collect();
    match found.as_slice() {
        &[place] => Ok(place),
        several => Err(Undecided {
            kind: if several.is_empty() {
                ReadErrorKind::NoPhoneColumn
            } else {
                ReadErrorKind::AmbiguousColumn
            },
            detail: format!(
                "has no header, and {} of the {} cells in its first row can be a phone number",
                several.len(),
                cells.len()
            ),
        }),
    }
}

/// Whether one name of a header says clearly that its column holds phone numbers.
pub(crate) fn is_named_clearly(names: &ByteRecord) -> bool {
    names.iter().any(|name| {
        let name = text(name);
        is_clear(&name) || ends_clearly(&name)
    })
}

/// Whether a column's name says, clearly or vaguely, that it holds phone numbers.
pub(crate) fn is_known(name: &[u8]) -> bool {
    let name = text(name);
    is_clear(&name) || ends_clearly(&name) || is_vague(&name)
}

fn is_clear(name: &str) -> bool {
    let name = canonical(name);
    CLEAR.iter().any(|known| canonical(known) == name)
}

fn is_vague(name: &str) -> bool {
    let name = canonical(name);
    VAGUE.iter().any(|known| canonical(known) == name)
}

fn ends_clearly(name: &str) -> bool {
    let (words, _) = words(name);
    let words = words.as_slice();
    // The last one to three words, as in `customer phone number`.
    let ending = (1..=words.len().min(3)).any(|count| {
        let ending = words.get(words.len() - count..).unwrap_or_default().concat();
        is_clear(&ending)
    });
    // Chinese, Japanese and Korean put no spaces between words.
    let unspaced = canonical(name);
    ending
        || CLEAR.iter().any(|known| {
            known.chars().all(|c| c > '\u{2E80}') && known.chars().count() >= 2 && unspaced.ends_with(known)
        })
}

/// Lower case, letters and digits only, nothing in brackets.
fn canonical(name: &str) -> String {
    outside_brackets(name).filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// The words of a name, at `customerPhone` too, without a number, or the word `value`, at its end; and whether that word was there.
fn words(name: &str) -> (Vec<String>, bool) {
    let mut words = vec![String::new()];
    let mut before = ' ';
    for c in outside_brackets(name) {
        if !c.is_alphanumeric() || (before.is_lowercase() && c.is_uppercase()) {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| c.is_alphanumeric()) {
            word.extend(c.to_lowercase());
        }
        before = c;
    }
    words.retain(|word| !word.is_empty());
    // As in Google's `Phone 1 - Value`.
    let has_value = words.len() > 1 && words.last().is_some_and(|word| word == "value");
    if has_value {
        words.pop();
    }
    if let Some(last) = words.pop() {
        let last = last.trim_end_matches(|c: char| c.is_ascii_digit());
        if !last.is_empty() {
            words.push(last.to_owned());
        }
    }
    (words, has_value)
}

fn outside_brackets(name: &str) -> impl Iterator<Item = char> {
    let mut depth = 0_u32;
    name.chars().filter(move |c| {
        match c {
            '(' | '[' | '（' | '【' => depth += 1,
            ')' | ']' | '）' | '】' => depth = depth.saturating_sub(1),
            _ => return depth == 0,
        }
        false
    })
}

fn ambiguous(names: &ByteRecord, places: &[usize]) -> Undecided {
    let found: Vec<String> = places
        .iter()
        .map(|&place| {
            format!("`{}` (number {})", shown(&text(names.get(place).unwrap_or_default())), place + 1)
        })
        .collect();
    Undecided {
        kind: ReadErrorKind::AmbiguousColumn,
        detail: format!("has several columns that may hold the phone number: {}", found.join(", ")),
    }
}

/// The columns for a message: at most a dozen, numbers hidden.
fn list(names: &ByteRecord) -> String {
    const MOST: usize = 12;
    let mut shown: Vec<String> =
        names.iter().take(MOST).map(|name| format!("`{}`", shown(&text(name)))).collect();
    if names.len() > MOST {
        shown.push(format!("and {} more", names.len() - MOST));
    }
    let mut list = shown.join(", ");
    if names.iter().any(|name| normalise(name).is_ok()) {
        list.push_str(" (which looks as if the file had no header line)");
    }
    if names.iter().any(|name| std::str::from_utf8(name).is_err()) {
        list.push_str(" (not UTF-8)");
    }
    list
}

/// A name as a message may show it: on one line, not too long, and without a phone number.
pub(crate) fn shown(name: &str) -> String {
    const MOST: usize = 40;
    let hide = name.chars().filter(|c| c.is_numeric()).count() >= 5;
    let mut shown: String = name
        .trim()
        .chars()
        .take(MOST)
        .map(|c| match c {
            _ if c.is_control() => ' ',
            _ if hide && c.is_numeric() => '*',
            _ => c,
        })
        .collect();
    if name.trim().chars().count() > MOST {
        shown.push('…');
    }
    shown
}

fn text(name: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> ByteRecord {
        ByteRecord::from(names.to_vec())
    }

    #[test]
    fn what_people_call_the_column_is_found() {
        for name in [
            "phone",
            "Phone",
            "PHONE_NUMBER",
            "phone-number",
            " Phone No. ",
            "telephone",
            "Tel",
            "Tel.",
            "tel #",
            "mobile",
            "Mobile Phone",
            "MSISDN",
            "E.164",
            "手机号",
            "手机号码",
            "手机",
            "电话",
            "手机号（必填）",
            "客户手机号",
            "收件人电话",
            "電話番号",
            "휴대폰 번호",
            "Teléfono",
            "telefono",
            "TELEFONE",
            "téléphone",
            "te\u{301}le\u{301}phone",
            "Numéro de téléphone",
            "Telefon",
            "Telefonnummer",
            "Handy",
            "Handy-Nr.",
            "Rufnummer",
            "Телефон",
            "НОМЕР ТЕЛЕФОНА",
            "رقم الهاتف",
            "फ़ोन",
            "số điện thoại",
            "customer_phone",
            "customerPhone",
            "Phone 1",
            "phone2",
            "Work Phone Number",
            "Phone (with country code)",
            "number",
            "Numbers",
            "号码",
            "numero",
            "Contact",
            "Phone 1 - Value",
        ] {
            let found = guess(&names(&["id", "name", name, "note"]));
            assert_eq!(found.map_err(|error| error.detail), Ok(2), "{name}");
        }
    }

    #[test]
    fn what_is_no_phone_number_is_not_taken_for_one() {
        for name in [
            "phone type",
            "phone_country",
            "手机型号",
            "telemetry",
            "tell",
            "microphone",
            "id",
            "",
            "CEP",
            "mobile app",
        ] {
            let found = guess(&names(&["a", name]));
            assert_eq!(found.unwrap_err().kind, ReadErrorKind::NoPhoneColumn, "{name}");
        }
    }

    #[test]
    fn a_clearer_name_wins() {
        for (columns, place) in [
            (&["number", "phone"][..], 1),
            (&["customer phone", "number", "Phone"], 2),
            (&["number", "customer phone"], 1),
        ] {
            assert_eq!(guess(&names(columns)).unwrap(), place, "{columns:?}");
        }
    }

    #[test]
    fn two_equally_clear_names_are_an_error_that_names_both() {
        let error = guess(&names(&["id", "phone", "mobile"])).unwrap_err();
        assert_eq!(error.kind, ReadErrorKind::AmbiguousColumn);
        assert_eq!(
            error.detail,
            "has several columns that may hold the phone number: `phone` (number 2), `mobile` (number 3)"
        );
    }

    #[test]
    fn without_a_phone_column_the_columns_are_listed() {
        let error = guess(&names(&["id", "full name"])).unwrap_err();
        assert!(error.detail.contains("its columns are `id`, `full name`"), "{}", error.detail);
    }

    #[test]
    fn a_number_among_the_listed_columns_is_hidden_and_explained() {
        let error = guess(&names(&["1", "Ann", "447400123456"])).unwrap_err();
        assert!(!error.detail.contains("447400123456"), "{}", error.detail);
        assert!(error.detail.contains("no header line"), "{}", error.detail);
    }

    #[test]
    fn a_column_is_found_by_name_or_number() {
        let columns = names(&["id", "Work Phone", "2", "Phone"]);
        for (wanted, place) in [
            ("Phone", (3, true)),
            ("work_phone", (1, true)),
            ("2", (2, true)),
            ("1", (0, false)),
            ("4", (3, false)),
        ] {
            assert_eq!(find(&columns, wanted).unwrap(), place, "{wanted}");
        }
        for wanted in ["0", "5", "fax", "", "-1"] {
            assert_eq!(find(&columns, wanted).unwrap_err().kind, ReadErrorKind::ColumnNotFound, "{wanted}");
        }
        let twice = names(&["phone", "Phone "]);
        assert_eq!(find(&twice, "phone").unwrap(), (0, true), "the exact name");
        assert_eq!(find(&twice, "PHONE").unwrap_err().kind, ReadErrorKind::AmbiguousColumn);
    }

    #[test]
    fn every_known_name_is_found_as_it_is_written_and_only_once() {
        let all: Vec<&str> = CLEAR.iter().chain(VAGUE).copied().collect();
        for name in &all {
            assert_eq!(guess(&names(&["x", name])).unwrap(), 1, "{name}");
            assert!(!canonical(name).is_empty(), "{name}");
        }
    }
}
