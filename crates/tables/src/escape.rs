//! Characters that a terminal, or whoever shows text, obeys instead of showing.

use std::io::{self, Write};

/// Whether a terminal, or whoever shows text, obeys a character instead of showing it: control characters, line separators, and format
/// characters, which turn the direction of text or are not seen at all. Tabs and line ends are a program's own.
pub fn is_obeyed(char: char) -> bool {
    match char {
        '\t' | '\n' => false,
        '\u{ad}'
        | '\u{61c}'
        | '\u{180e}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}'
        | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}' => true,
        _ => char.is_control(),
    }
}

/// Writes a value as compact JSON, in which what [is obeyed](is_obeyed) is escaped.
///
/// # Errors
/// When `out` takes no more, or the value cannot be serialised.
pub fn write_json(out: &mut impl Write, value: &impl serde::Serialize) -> serde_json::Result<()> {
    value.serialize(&mut serde_json::Serializer::with_formatter(out, Escaping))
}

/// Compact JSON with more escapes than JSON needs.
struct Escaping;

impl serde_json::ser::Formatter for Escaping {
    fn write_string_fragment<W: Write + ?Sized>(&mut self, out: &mut W, fragment: &str) -> io::Result<()> {
        for part in fragment.split_inclusive(is_obeyed) {
            match part.chars().next_back().filter(|char| is_obeyed(*char)) {
                Some(char) => {
                    out.write_all(part.strip_suffix(char).unwrap_or_default().as_bytes())?;
                    for unit in char.encode_utf16(&mut [0; 2]) {
                        write!(out, "\\u{unit:04x}")?;
                    }
                }
                None => out.write_all(part.as_bytes())?,
            }
        }
        Ok(())
    }
}
