//! Texts as the report shows them: without phone numbers, secrets, and what a reader's machine would obey.

use std::ffi::OsStr;
use std::path::Path;

use numcheck_protocol::mask;

use crate::{print, secrets};

/// A text of the platform, or about it, of at most `most` characters.
pub(super) fn shown(text: &str, most: usize) -> String {
    let hidden = secrets::hidden(text);
    // Before anything is cut, which would leave a number too short to be taken for one.
    let masked = mask::without_digits(&hidden);
    let mut chars = masked.chars();
    let mut shown: String = chars.by_ref().take(most).collect();
    if chars.next().is_some() {
        shown.push('…');
    }
    print::visible(&shown).replace(['\n', '\t'], " ")
}

/// What a file is called, without its folders. Dates, which many names hold, stay: `list-2026-11-29.csv`.
pub(super) fn file_name(name: &str) -> String {
    let own = Path::new(name).file_name().and_then(OsStr::to_str).unwrap_or(name);
    let (mut shown_name, mut rest) = (String::new(), own);
    while let Some((before, date, behind)) = split_at_date(rest) {
        shown_name.push_str(&shown(before, 120));
        shown_name.push_str(date);
        rest = behind;
    }
    shown_name.push_str(&shown(rest, 120));
    shown_name
}

/// The first date in a text, `2026-11-29` or `2026-11`, and what stands on both sides of it.
fn split_at_date(text: &str) -> Option<(&str, &str, &str)> {
    let is_part = |char: char| char.is_numeric() || char == '-';
    for (at, _) in text.match_indices("20") {
        let (before, from) = text.split_at(at);
        let length = from.find(|char: char| !is_part(char)).unwrap_or(from.len());
        let (date, behind) = from.split_at(length);
        if is_date(date) && !before.trim_end_matches('-').ends_with(char::is_numeric) {
            return Some((before, date, behind));
        }
    }
    None
}

fn is_date(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let is_figure = |part: &str, length, most| {
        part.len() == length && part.parse::<u16>().is_ok_and(|figure| (1..=most).contains(&figure))
    };
    match parts[..] {
        [year, month] => is_figure(year, 4, 2099) && is_figure(month, 2, 12),
        [year, month, day] => is_figure(year, 4, 2099) && is_figure(month, 2, 12) && is_figure(day, 2, 31),
        _ => false,
    }
}

/// A word of a vocabulary as people write it: `fixed_line` is `fixed line`, `YES` is `yes`.
pub(super) fn word(value: &str) -> String {
    let word = value.replace('_', " ");
    let is_shouted = word.chars().all(|char| char.is_ascii_uppercase() || char == ' ');
    shown(&if is_shouted { word.to_ascii_lowercase() } else { word }, 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_is_handed_on_holds_no_long_run_of_digits_however_it_is_cut() {
        assert_eq!(shown("China Mobile 13912345678", 60), "China Mobile ***");
        assert_eq!(shown(&format!("{}13912345678", "x".repeat(56)), 60), format!("{}***", "x".repeat(56)));
        assert_eq!(shown(&"x".repeat(61), 60), format!("{}…", "x".repeat(60)));
        assert_eq!(shown("a\u{202e}b\nc", 60), r"a\u{202e}b c");
    }

    #[test]
    fn a_file_is_called_without_its_folders_and_without_a_number() {
        assert_eq!(file_name("/data/8613912345678/list.csv"), "list.csv");
        assert_eq!(file_name("+86 139 1234 5678.csv"), "+***.csv");
        assert_eq!(file_name("standard input"), "standard input");
        for dated in
            ["list-2026-11-29.csv", "2026-11 list.csv", "2026-11-29 2026-12.csv", "十一月 2026-11.csv"]
        {
            assert_eq!(file_name(dated), dated);
        }
        for (name, shown) in [
            ("2026-13-29.csv", "***.csv"),
            ("1392026-11-29.csv", "***.csv"),
            ("2026-11-2912345.csv", "***.csv"),
            ("list-20261129.csv", "list-***.csv"),
            ("13912345678 2026-11.csv", "*** 2026-11.csv"),
        ] {
            assert_eq!(file_name(name), shown);
        }
    }

    #[test]
    fn words_are_written_as_people_write_them() {
        assert_eq!(
            ["fixed_line", "YES", "VoIP", "隐私号"].map(word),
            ["fixed line", "yes", "VoIP", "隐私号"]
        );
    }
}
