//! Small things that every page and every table needs: sentences, wrapping, names in another case.
//!
//! It must not know what a spec is.

/// Wraps text into lines of at most `width` columns. A word that is longer stands alone.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if columns(line) + 1 + columns(word) <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// How many columns a terminal, an editor and rustfmt give to a text: two for a Chinese character.
pub(crate) fn columns(text: &str) -> usize {
    text.chars().map(|char| if matches!(char, '\u{1100}'..='\u{115f}' | '\u{2e80}'..='\u{a4cf}' | '\u{ac00}'..='\u{d7a3}' | '\u{f900}'..='\u{faff}' | '\u{fe30}'..='\u{fe6f}' | '\u{ff00}'..='\u{ff60}' | '\u{ffe0}'..='\u{ffe6}') { 2 } else { 1 }).sum()
}

/// A capital letter in front and a full stop behind, unless it ends in one.
pub(crate) fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let mut out: String = chars.next().into_iter().flat_map(char::to_uppercase).collect();
    out.push_str(chars.as_str());
    if !out.ends_with(['.', '!', '?', '。', '！', '？']) {
        out.push('.');
    }
    out
}

/// How the usual renderers name a heading's anchor.
pub(crate) fn anchor(heading: &str) -> String {
    let keep = |char: &char| char.is_alphanumeric() || matches!(char, '-' | '_');
    heading.to_lowercase().chars().filter(keep).collect()
}

/// `PowerOffOrOutOfService` as `power_off_or_out_of_service`; `drUrl` as `dr_url`; `Now_isp` as `now_isp`.
pub(crate) fn snake(name: &str) -> String {
    let mut out = String::new();
    for char in name.chars() {
        if char.is_ascii_uppercase() && !out.is_empty() && !out.ends_with('_') {
            out.push('_');
        }
        out.push(char.to_ascii_lowercase());
    }
    out
}

/// `bad_input` as `BadInput`.
pub(crate) fn camel(name: &str) -> String {
    let part = |part: &str| {
        let mut chars = part.chars();
        chars.next().into_iter().flat_map(char::to_uppercase).chain(chars).collect::<String>()
    };
    name.split('_').map(part).collect()
}

/// Whether it is a name such as `power_off`.
pub(crate) fn is_snake(name: &str) -> bool {
    name.starts_with(|char: char| char.is_ascii_lowercase())
        && name.chars().all(|char| char.is_ascii_lowercase() || char.is_ascii_digit() || char == '_')
}

/// Whether it is a name such as `POWER_OFF`.
pub(crate) fn is_screaming(name: &str) -> bool {
    name.starts_with(|char: char| char.is_ascii_uppercase())
        && name.chars().all(|char| char.is_ascii_uppercase() || char.is_ascii_digit() || char == '_')
}

/// Whether it is a name such as `PowerOff`.
pub(crate) fn is_camel(name: &str) -> bool {
    name.starts_with(|char: char| char.is_ascii_uppercase())
        && name.chars().all(|char| char.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_keep_to_the_width_and_no_word_is_lost() {
        assert_eq!(wrap("one two three four", 9), ["one two", "three", "four"]);
        assert_eq!(wrap("a 号码类型 b", 8), ["a", "号码类型", "b"]);
        assert_eq!(wrap("extraordinarily so", 4), ["extraordinarily", "so"]);
    }

    #[test]
    fn a_sentence_ends_once() {
        assert_eq!(sentence("number format wrong"), "Number format wrong.");
        assert_eq!(sentence("Is it?"), "Is it?");
    }

    #[test]
    fn wire_names_become_rust_names() {
        assert_eq!(snake("messageId"), "message_id");
        assert_eq!(snake("Now_isp"), "now_isp");
        assert_eq!(snake("PowerOffOrOutOfService"), "power_off_or_out_of_service");
        assert_eq!(snake("Mobile"), "mobile");
    }
}
