//! A second way to read a body that [`decode`](crate::decode) refuses. One odd value does not lose the rest of the message.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use serde_json::Value;

/// As deep as [`decode`](crate::decode) goes.
const MAX_DEPTH: usize = 127;

/// Rewrites a JSON body so that [`decode`](crate::decode) reads it, where what it refuses is one of:
///
/// - half a surrogate pair: `"b\ud800"` becomes the text `b\ud800`, its backslash escaped;
/// - a number beyond a double, or none (`1e999`, `NaN`, `-Infinity`, `01`): becomes a string of the same characters;
/// - a field that stands twice: nobody can say which one counts, so none does: all are kept, as `carrier#1`, `carrier#2`;
/// - with the feature `gbk`, text that is not UTF-8: it is read as GB18030, which includes GBK and GB2312. Where it is UTF-8 with a few
///   broken characters, or neither, what is broken becomes U+FFFD, and the rest can be read;
/// - UTF-16, in either order of bytes, with a byte-order mark or without.
///
/// The second and third show as drift wherever a message reports it; that a body was mended at all is for the caller to report. Everything
/// else stays as it came. `None` when the body is not UTF-8 and the feature is off, no JSON object even so, or too deep; `decode` has the
/// last word on the rest.
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
    let mut reader = Reader { rest: text.trim_matches(BLANK) };
    if !reader.rest.starts_with('{') {
        return None;
    }
    let mended = reader.value(0)?;
    reader.rest.is_empty().then(|| mended.into_bytes())
}

/// The body as text. Of what is not UTF-8, whole characters outside ASCII beside the broken places tell UTF-8 that was cut from text in GBK.
fn text(body: &[u8]) -> Option<Cow<'_, str>> {
    // JSON begins with a character of ASCII, which has a byte of zero beside it there.
    match body {
        [0xff, 0xfe, rest @ ..] => return Some(Cow::Owned(utf16(rest, u16::from_le_bytes))),
        [0xfe, 0xff, rest @ ..] => return Some(Cow::Owned(utf16(rest, u16::from_be_bytes))),
        [b'{', 0, ..] => return Some(Cow::Owned(utf16(body, u16::from_le_bytes))),
        [0, b'{', ..] => return Some(Cow::Owned(utf16(body, u16::from_be_bytes))),
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
            }
        }
        let mut names: Vec<&str> = fields.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        let mut twice: Vec<(&str, usize)> = names
            .windows(2)
            .filter_map(|pair| (pair.first()? == pair.get(1)?).then_some((*pair.first()?, 0)))
            .collect();
        twice.dedup();

        let mut out = String::from("{");
        for (name, value) in &fields {
            if out.len() > 1 {
                out.push(',');
            }
            let name = match twice.binary_search_by_key(&name.as_str(), |(name, _)| name) {
                Ok(at) => {
                    let (_, count) = twice.get_mut(at)?;
                    *count += 1;
                    quoted(&format!("{name}#{count}"))
                }
                Err(_) => quoted(name),
            };
            out.push_str(&name);
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
            let plain = self.rest.find(['"', '\\'])?;
            out.push_str(self.rest.get(..plain)?);
            self.rest = self.rest.get(plain..)?;
            if self.take('"').is_some() {
                out.push('"');
                return Some(out);
            }
            let (escape, is_whole) = match (unit(self.rest), self.rest.get(6..).and_then(unit)) {
                (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => (12, true),
                (Some(0xd800..=0xdfff), _) => (6, false),
                (Some(_), _) => (6, true),
                // The backslash and whatever comes after it.
                (None, _) => (1 + self.rest.chars().nth(1)?.len_utf8(), true),
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
        let is_none = ["NaN", "Infinity"].contains(&bare.trim_start_matches(['+', '-']));
        (is_figure || is_none).then(|| quoted(bare))
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

/// The UTF-16 unit that `\uXXXX` at the start stands for.
fn unit(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    digits.bytes().all(|byte| byte.is_ascii_hexdigit()).then(|| u16::from_str_radix(digits, 16).ok())?
}

fn quoted(text: &str) -> String {
    Value::String(text.into()).to_string()
}
