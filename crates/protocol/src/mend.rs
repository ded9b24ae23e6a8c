//! A second way to read a body that [`decode`](crate::decode) refuses. One odd value does not lose the rest of the message.

use alloc::borrow::Cow;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use serde_json::Value;

/// As deep as [`decode`](crate::decode) goes.
const MAX_DEPTH: usize = 127;

/// Rewrites a JSON body so that [`decode`](crate::decode) reads it, where what it refuses is one of:
///
/// - half a surrogate pair, or an escape that is none: `"b\ud800"` becomes the text `b\ud800`, its backslash escaped; a control character
///   in a text is escaped;
/// - a number beyond a double, or a word that is no value (`1e999`, `NaN`, `-Infinity`, `01`, `True`), and lists and objects that lie too deep:
///   become a string of the same characters;
/// - a field that stands twice: with one value, it stands there once; with several, nobody can say which one counts, so none does: all are
///   kept, as `carrier#1`, `carrier#2`;
/// - `None`, `undefined` and `nil` become `null`;
/// - a comma before the end of a list or an object; `;` and NUL behind the body; a list around the one object;
/// - with the feature `gbk`, text that is not UTF-8: it is read as GB18030, which includes GBK and GB2312. Where it is UTF-8 with a few
///   broken characters, or neither, what is broken becomes U+FFFD, and the rest can be read;
/// - UTF-16, in either order of bytes, with a byte-order mark or without.
///
/// The second and third show as drift wherever a message reports it; that a body was mended at all is for the caller to report. Everything
/// else stays as it came. `None` when the body is neither UTF-8 nor UTF-16 and the feature is off, or no JSON object even so; `decode`
/// has the last word on the rest.
///
/// ```
/// use numcheck_protocol::mend;
///
/// let mended = mend(br#"{"phone":"8498","carrier":"a","carrier":"b","price":1e999}"#).unwrap();
/// assert_eq!(mended, br##"{"phone":"8498","carrier#1":"a","carrier#2":"b","price":"1e999"}"##);
/// ```
pub fn mend(body: &[u8]) -> Option<Vec<u8>> {
    let body = body.strip_prefix("\u{feff}".as_bytes()).unwrap_or(body);
    let text = text(body)?;
    let mut reader = Reader { rest: text.trim_start_matches(BLANK) };
    let is_listed = reader.take('[').is_some();
    reader.blanks();
    if !reader.rest.starts_with('{') {
        return None;
    }
    let mended = reader.value(0)?;
    if is_listed && !reader.ends_with(']') {
        return None;
    }
    reader.rest.trim_matches([' ', '\t', '\n', '\r', ';', '\0']).is_empty().then(|| mended.into_bytes())
}

/// Whether a body begins as gzip does, or as deflate in the frame of zlib, and no text does: somebody has compressed it, whatever its headers say.
pub fn is_compressed(body: &[u8]) -> bool {
    matches!(body, [0x1f, 0x8b, ..] | [0x78, 0x01 | 0x5e | 0x9c | 0xda, ..])
        && core::str::from_utf8(body).is_err()
}

/// The body as text. Of what is not UTF-8, whole characters outside ASCII beside the broken places tell UTF-8 that was cut from text in GBK.
fn text(body: &[u8]) -> Option<Cow<'_, str>> {
    // JSON begins with a character of ASCII, which has a byte of zero beside it there.
    match body {
        [0xff, 0xfe, rest @ ..] => return Some(Cow::Owned(utf16(rest, u16::from_le_bytes))),
        [0xfe, 0xff, rest @ ..] => return Some(Cow::Owned(utf16(rest, u16::from_be_bytes))),
        [1..=0x7f, 0, ..] => return Some(Cow::Owned(utf16(body, u16::from_le_bytes))),
        [0, 1..=0x7f, ..] => return Some(Cow::Owned(utf16(body, u16::from_be_bytes))),
        _ => {}
    }
    #[cfg(feature = "gbk")]
    if core::str::from_utf8(body).is_err() {
        let (mut whole, mut broken) = (0, 0);
        for chunk in body.utf8_chunks() {
            whole += chunk.valid().chars().filter(|char| !char.is_ascii()).count();
            broken += usize::from(!chunk.invalid().is_empty());
        }
        let gbk = || encoding_rs::GB18030.decode_without_bom_handling_and_without_replacement(body);
        let gbk = if whole < broken { gbk() } else { None };
        return Some(gbk.unwrap_or_else(|| String::from_utf8_lossy(body)));
    }
    core::str::from_utf8(body).ok().map(Cow::Borrowed)
}

/// What is half a pair of surrogates becomes U+FFFD.
fn utf16(body: &[u8], unit: fn([u8; 2]) -> u16) -> String {
    let units = body.chunks_exact(2).filter_map(|pair| Some(unit(pair.try_into().ok()?)));
    char::decode_utf16(units).map(|char| char.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

const BLANK: [char; 4] = [' ', '\t', '\n', '\r'];

/// What is left to read. It checks no more than it needs: what it lets through is read once more, strictly.
struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn value(&mut self, depth: usize) -> Option<String> {
        self.blanks();
        match self.rest.chars().next()? {
            '{' if depth < MAX_DEPTH => self.object(depth + 1),
            '[' if depth < MAX_DEPTH => self.list(depth + 1),
            '{' | '[' => self.too_deep(),
            '"' => self.text(),
            _ => self.bare(),
        }
    }

    fn object(&mut self, depth: usize) -> Option<String> {
        self.take('{')?;
        let mut fields: Vec<(String, String)> = Vec::new();
        if !self.ends_with('}') {
            loop {
                self.blanks();
                // A name may be spelled with escapes.
                let name = serde_json::from_str(&self.text()?).ok()?;
                self.blanks();
                self.take(':')?;
                fields.push((name, self.value(depth)?));
                if self.ends_with('}') {
                    break;
                }
                self.take(',')?;
                if self.ends_with('}') {
                    break;
                }
            }
        }
        keep_equal_ones_once(&mut fields);
        let mut times: BTreeMap<&str, usize> = BTreeMap::new();
        for (name, _) in &fields {
            *times.entry(name).or_default() += 1;
        }
        let names: BTreeSet<&str> = times.keys().copied().collect();
        times.retain(|_, times| *times > 1);
        times.values_mut().for_each(|times| *times = 0);

        let mut out = String::from("{");
        for (name, value) in &fields {
            if out.len() > 1 {
                out.push(',');
            }
            let name = match times.get_mut(name.as_str()) {
                Some(count) => loop {
                    *count += 1;
                    let numbered = format!("{name}#{count}");
                    if !names.contains(numbered.as_str()) {
                        break numbered;
                    }
                },
                None => name.clone(),
            };
            out.push_str(&quoted(&name));
            out.push(':');
            out.push_str(value);
        }
        out.push('}');
        Some(out)
    }

    fn list(&mut self, depth: usize) -> Option<String> {
        self.take('[')?;
        let mut out = String::from("[");
        if !self.ends_with(']') {
            loop {
                out.push_str(&self.value(depth)?);
                if self.ends_with(']') {
                    break;
                }
                self.take(',')?;
                if self.ends_with(']') {
                    break;
                }
                out.push(',');
            }
        }
        out.push(']');
        Some(out)
    }

    /// A string, with its quotes.
    fn text(&mut self) -> Option<String> {
        self.take('"')?;
        let mut out = String::from("\"");
        loop {
            let plain = self.rest.find(|char| matches!(char, '"' | '\\' | '\0'..='\x1f'))?;
            out.push_str(self.rest.get(..plain)?);
            self.rest = self.rest.get(plain..)?;
            if self.take('"').is_some() {
                out.push('"');
                return Some(out);
            }
            if let Some(control) = self.rest.chars().next().filter(|char| *char < ' ') {
                out.push_str(&format!("\\u{:04x}", u32::from(control)));
                self.rest = self.rest.get(1..)?;
                continue;
            }
            let (escape, is_whole) = match (unit(self.rest), self.rest.get(6..).and_then(unit)) {
                (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => (12, true),
                (Some(0xd800..=0xdfff), _) => (6, false),
                (Some(_), _) => (6, true),
                (None, _) if self.rest.get(1..)?.starts_with(['"', '\\', '/', 'b', 'f', 'n', 'r', 't']) => {
                    (2, true)
                }
                (None, _) => (1, false),
            };
            if !is_whole {
                out.push('\\');
            }
            out.push_str(self.rest.get(..escape)?);
            self.rest = self.rest.get(escape..)?;
        }
    }

    /// A number, `true`, `false`, `null`, or what takes a number's place.
    fn bare(&mut self) -> Option<String> {
        let end = self.rest.find(|char: char| !(char.is_ascii_alphanumeric() || "+-.".contains(char)));
        let (bare, rest) = self.rest.split_at_checked(end.unwrap_or(self.rest.len()))?;
        self.rest = rest;
        if serde_json::from_str::<Value>(bare).is_ok() {
            return Some(bare.into());
        }
        let is_figure = bare.contains(|char: char| char.is_ascii_digit())
            && bare.chars().all(|char| char.is_ascii_digit() || "+-.eE".contains(char));
        // As other languages write `null`.
        if ["None", "undefined", "nil", "NULL", "Null"].contains(&bare) {
            return Some("null".into());
        }
        let word = bare.trim_start_matches(['+', '-']);
        let is_word = !word.is_empty() && word.chars().all(|char| char.is_ascii_alphabetic());
        (is_figure || is_word).then(|| quoted(bare))
    }

    /// What lies deeper than anybody reads, as a text.
    fn too_deep(&mut self) -> Option<String> {
        let (mut open, mut is_text, mut is_escaped) = (0_u32, false, false);
        for (at, char) in self.rest.char_indices() {
            match char {
                _ if is_escaped => is_escaped = false,
                '\\' if is_text => is_escaped = true,
                '"' => is_text = !is_text,
                _ if is_text => {}
                '{' | '[' => open += 1,
                '}' | ']' => open -= 1,
                _ => {}
            }
            if open == 0 {
                let (deep, rest) = self.rest.split_at_checked(at + 1)?;
                self.rest = rest;
                return Some(quoted(deep));
            }
        }
        None
    }

    fn blanks(&mut self) {
        self.rest = self.rest.trim_start_matches(BLANK);
    }

    fn take(&mut self, char: char) -> Option<()> {
        self.rest = self.rest.strip_prefix(char)?;
        Some(())
    }

    /// Whether an object or a list ends here; then its end is taken.
    fn ends_with(&mut self, end: char) -> bool {
        self.blanks();
        self.take(end).is_some()
    }
}

/// Of fields with one name and one value, the first.
fn keep_equal_ones_once(fields: &mut Vec<(String, String)>) {
    let mut seen = BTreeSet::new();
    let is_first: Vec<bool> = fields.iter().map(|field| seen.insert(field)).collect();
    let mut is_first = is_first.into_iter();
    fields.retain(|_| is_first.next().unwrap_or(true));
}

/// The UTF-16 unit that `\uXXXX` at the start stands for.
fn unit(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    digits.bytes().all(|byte| byte.is_ascii_hexdigit()).then(|| u16::from_str_radix(digits, 16).ok())?
}

fn quoted(text: &str) -> String {
    Value::String(text.into()).to_string()
}
