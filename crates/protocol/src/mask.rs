//! Shows personal data where nobody asked for it, such as in logs: with digits hidden. What is masked is never compared or stored.

use alloc::borrow::Cow;
use alloc::string::String;

/// The shortest run of digits that [`digits`] takes for a phone number.
const SHORTEST: usize = 5;

/// The most characters between two digits of one number: `+86 (138)`, `415 - 555`.
const LONGEST_GAP: usize = 3;

/// `text` with every run of 5 or more digits, of whatever script, masked: for platform texts that may quote a number. Up to three
/// characters that are no letters do not end a run (`+86 (138) 1234-5678`), so that a list of figures or a date is masked as
/// well. Masking twice changes nothing. Borrows where there is nothing to mask.
///
/// ```
/// use numcheck_protocol::mask;
///
/// assert_eq!(mask::digits("8613812345678 not found, code 114"), "861********78 not found, code 114");
/// ```
pub fn digits(text: &str) -> Cow<'_, str> {
    masked(text, mask_into)
}

/// The same with nothing of a run left, for what is handed on to others.
///
/// ```
/// assert_eq!(numcheck_protocol::mask::without_digits("8613812345678 not found, code 114"), "*** not found, code 114");
/// ```
pub fn without_digits(text: &str) -> Cow<'_, str> {
    masked(text, |_, out| out.push_str("***"))
}

/// A name or a word of the platform's as it may stand in a log or a label: on one line, of at most `most` characters that can be seen, and
/// without its digits where they are many enough to be a phone number, whatever stands between them.
pub fn shown(text: &str, most: usize) -> String {
    // What cannot be seen goes first: it would part the digits of a number, and join them again when it is left out.
    let seen = |char: &char| char.is_alphanumeric() || char.is_ascii_punctuation() || *char == ' ';
    let line: String = text.chars().filter(seen).take(most).collect();
    if line.chars().filter(|char| char.is_numeric()).count() < SHORTEST {
        return line;
    }
    line.chars().map(|char| if char.is_numeric() { '*' } else { char }).collect()
}

/// A phone number with its middle hidden: at most the first three and the last two digits show, and never more than half of
/// them. What is no letter and no digit is hidden as well, so that a forged "number" cannot break a line of a log.
///
/// ```
/// assert_eq!(numcheck_protocol::mask::phone("8613812345678"), "861********78");
/// ```
pub fn phone(number: &str) -> String {
    let mut masked = String::with_capacity(number.len());
    mask_into(number, &mut masked);
    masked
}

/// `text` with what `mask` writes in the place of each run.
fn masked(text: &str, mask: impl Fn(&str, &mut String)) -> Cow<'_, str> {
    if !Runs::new(text).any(|run| run.masked) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for run in Runs::new(text) {
        if run.masked { mask(run.text, &mut out) } else { out.push_str(run.text) }
    }
    Cow::Owned(out)
}

fn mask_into(number: &str, out: &mut String) {
    let length = number.chars().count();
    let head = 3.min(length / 4);
    let tail = 2.min(length / 4);
    for (at, char) in number.chars().enumerate() {
        let shown = (at < head || at >= length - tail) && char.is_alphanumeric();
        out.push(if shown { char } else { '*' });
    }
}

struct Runs<'a> {
    rest: &'a str,
}

struct Run<'a> {
    text: &'a str,
    masked: bool,
}

impl<'a> Runs<'a> {
    fn new(text: &'a str) -> Self {
        Self { rest: text }
    }
}

impl<'a> Iterator for Runs<'a> {
    type Item = Run<'a>;

    fn next(&mut self) -> Option<Run<'a>> {
        let first = self.rest.chars().next()?;
        let (mut end, mut count) = (0, 0);
        if first.is_numeric() {
            // A run goes on over small gaps, and ends behind its last digit. What is masked has wider gaps, or too few digits.
            let mut gap = 0;
            for (at, char) in self.rest.char_indices() {
                if char.is_numeric() {
                    count += 1;
                    gap = 0;
                    end = at + char.len_utf8();
                } else if gap < LONGEST_GAP && !char.is_alphabetic() {
                    gap += 1;
                } else {
                    break;
                }
            }
        } else {
            end = self.rest.find(char::is_numeric).unwrap_or(self.rest.len());
        }
        let (text, rest) = self.rest.split_at(end);
        self.rest = rest;
        Some(Run { text, masked: count >= SHORTEST })
    }
}

#[cfg(test)]
mod tests {
    use super::{digits, without_digits};

    #[test]
    fn a_number_in_a_text_is_hidden_and_short_figures_stay() {
        assert_eq!(
            digits("number 8613812345678 not found, code 114"),
            "number 861********78 not found, code 114"
        );
        assert_eq!(digits("+86 138-1234 5678"), "+86************78");
        assert_eq!(digits("+1 (415) 555-0100"), "+1*************00");
        assert_eq!(digits("balance too low"), "balance too low");
        assert_eq!(digits("18617"), "1***7");
        assert_eq!(digits("٣٤٥٦٧٨"), "٣****٨");
    }

    #[test]
    fn nothing_is_left_of_a_number_where_a_text_is_handed_on() {
        assert_eq!(without_digits("+86 138-1234 5678, 13912345678 and 114"), "+*** and 114");
        assert_eq!(without_digits("China Mobile 10086"), "China Mobile ***");
        assert_eq!(without_digits("٣٤٥٦٧٨"), "***");
        assert_eq!(without_digits("China Mobile"), "China Mobile");
    }
}
