//! Detects a file's byte-order mark, separator, line ends and first record from its first bytes.

/// How many bytes from the beginning are looked at.
pub(crate) const LOOK_AT: u64 = 64 * 1024;

const BOM: &[u8] = b"\xEF\xBB\xBF";
/// Read with this separator a line is one cell, whatever stands in it: no text holds the unit separator.
const NO_SEPARATOR: u8 = 0x1F;

/// How a CSV file, or a list with one number a line, is laid out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    /// What stands before the header and is written back as it was, behind a byte-order mark: Excel's `sep=;` line, lines that are skipped.
    pub(crate) preamble: Vec<u8>,
    /// Whether the first line says by `sep=` what divides cells.
    pub(crate) declares_separator: bool,
    /// What divides cells; `None` in a file with one column.
    pub(crate) separator: Option<u8>,
    /// Whether lines end with CR LF.
    pub(crate) crlf: bool,
    /// Where the first line begins.
    pub(crate) start: u64,
    /// Where the first line with something in it begins.
    pub(crate) content: u64,
}

impl Layout {
    /// The separator to read with.
    pub(crate) fn read_separator(&self) -> u8 {
        self.separator.unwrap_or(NO_SEPARATOR)
    }

    /// The separator to write with, which there must be once columns are added.
    pub(crate) fn write_separator(&self) -> u8 {
        self.separator.unwrap_or(b',')
    }
}

/// What a text is that is no table, and what to do about it.
pub(crate) fn other_document(beginning: &[u8]) -> Option<&'static str> {
    let text = beginning.strip_prefix(BOM).unwrap_or(beginning).trim_ascii_start();
    match text {
        [b'%', b'P', b'D', b'F', ..] => {
            Some("is a PDF: copy its table into a spreadsheet and save that as .xlsx")
        }
        [b'<', b'!' | b'?' | b'a'..=b'z' | b'A'..=b'Z', ..] => Some(
            "is a page of HTML or XML, whatever its name says: open it in a spreadsheet and save it as .xlsx",
        ),
        _ => None,
    }
}

/// What divides cells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Delimiter {
    /// As the file shows it.
    #[default]
    Found,
    /// As an earlier release found it: without the vertical bar.
    FoundAsBefore,
    /// It is known, `None` in a file with one column.
    Known(Option<u8>),
}

/// Finds the layout behind a number of lines that are skipped. `None` when the lines end beyond `beginning`.
///
/// The separator is the one of tab, semicolon, comma and vertical bar that stands most often, outside quotes, in the first line
/// with something in it; of equals the first named. A `sep=` line settles it.
pub(crate) fn sniff(beginning: &[u8], delimiter: Delimiter, skip: u64) -> Option<Layout> {
    let bom = if beginning.starts_with(BOM) { BOM.len() } else { 0 };
    let text = beginning.get(bom..).unwrap_or_default();
    let declared = separator_line(text);
    let first = bom + declared.map_or(0, |(_, length)| length);
    let mut start = first;
    for _ in 0..skip {
        start += beginning.get(start..)?.iter().position(|byte| *byte == b'\n')? + 1;
    }
    let text = beginning.get(start..).unwrap_or_default();
    let blank = blank_lines(text);
    let line = text.get(blank..).unwrap_or_default();
    let (counts, end) = count_separators(line);
    let known = if delimiter == Delimiter::FoundAsBefore { 3 } else { counts.len() };
    let most = counts
        .get(..known)
        .unwrap_or_default()
        .iter()
        .copied()
        .rev()
        .max_by_key(|&(_, count)| count)
        .filter(|&(_, count)| count > 0);
    let separator = match (delimiter, declared) {
        (Delimiter::Known(separator), _) => separator,
        (_, Some((separator, _))) => Some(separator),
        (_, None) => most.map(|(separator, _)| separator),
    };
    Some(Layout {
        preamble: beginning.get(bom..start).unwrap_or_default().to_vec(),
        declares_separator: declared.is_some(),
        separator,
        crlf: line.get(end..).is_some_and(|rest| rest.starts_with(b"\r\n")),
        start: start as u64,
        content: (start + blank) as u64,
    })
}

/// Excel's `sep=;` line: the separator and the length of the line.
fn separator_line(text: &[u8]) -> Option<(u8, usize)> {
    let length = text.iter().position(|&byte| byte == b'\n')? + 1;
    let line = text.get(..length)?.trim_ascii_end();
    let line = line.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")).unwrap_or(line);
    // A tab is trimmed with the line's end.
    let separator = match line.get(..4)?.eq_ignore_ascii_case(b"sep=").then(|| line.get(4..))?? {
        [] => b'\t',
        &[byte] if byte.is_ascii_punctuation() && byte != b'"' => byte,
        _ => return None,
    };
    Some((separator, length))
}

/// How long the lines in front are that hold white space or separators only.
fn blank_lines(text: &[u8]) -> usize {
    let first =
        text.iter().position(|byte| !byte.is_ascii_whitespace() && !matches!(byte, b',' | b';' | b'|'));
    let before = text.get(..first.unwrap_or(0)).unwrap_or_default();
    before.iter().rposition(|byte| matches!(byte, b'\n' | b'\r')).map_or(0, |end| end + 1)
}

/// Counts each separator outside quotes up to the end of the line, which comes second.
fn count_separators(line: &[u8]) -> ([(u8, usize); 4], usize) {
    let mut counts = [(b'\t', 0), (b';', 0), (b',', 0), (b'|', 0)];
    let mut quoted = false;
    let mut end = line.len();
    for (at, &byte) in line.iter().enumerate() {
        match byte {
            b'"' => quoted = !quoted,
            b'\n' | b'\r' if !quoted => {
                end = at;
                break;
            }
            _ if quoted => {}
            _ => {
                for (separator, count) in &mut counts {
                    *count += usize::from(*separator == byte);
                }
            }
        }
    }
    (counts, end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_separator_is_the_commonest_outside_quotes_in_the_first_line() {
        for (text, separator) in [
            ("id,phone\n", Some(b',')),
            ("id;phone\n1,2,3,4", Some(b';')),
            ("id\tphone\r\n", Some(b'\t')),
            ("\"a,b,c\";phone", Some(b';')),
            ("name, first;phone;note", Some(b';')),
            ("\"a\nb,c\";phone\n", Some(b';')),
            ("a,b;c", Some(b';')),
            ("phone\n1;2", None),
            ("", None),
            ("sep=;\na,b,c\n", Some(b';')),
            ("\"sep=|\"\r\na,b,c\n", Some(b'|')),
            ("SEP=\t\r\na,b,c\n", Some(b'\t')),
            ("sep=phone\n", None),
            ("id|phone|note\n", Some(b'|')),
            ("id|phone,note\n", Some(b',')),
        ] {
            assert_eq!(sniff(text.as_bytes(), Delimiter::Found, 0).unwrap().separator, separator, "{text:?}");
        }
    }

    #[test]
    fn what_stands_before_the_header_is_kept_and_blank_lines_are_passed() {
        let text = b"\xEF\xBB\xBFsep=;\r\n \r\n;;\r\n  id;phone\r\n";
        let layout = sniff(text, Delimiter::Found, 0).unwrap();
        assert_eq!(layout.preamble, b"sep=;\r\n");
        assert_eq!((layout.start, layout.content), (10, 17));
        assert!(layout.crlf);
        let skipped = sniff(text, Delimiter::Found, 2).unwrap();
        assert_eq!((skipped.preamble, skipped.start), (b"sep=;\r\n \r\n;;\r\n".to_vec(), 17));
        assert_eq!(sniff(text, Delimiter::Found, 4), None);
    }
}
