//! Detects a file's byte-order mark, separator, line ends and first record from its first bytes.

/// How many bytes from the beginning are looked at.
pub(super) const LOOK_AT: u64 = 64 * 1024;

const BOM: &[u8] = b"\xEF\xBB\xBF";
/// Read with this separator a line is one cell, whatever stands in it: no text holds the unit separator.
const NO_SEPARATOR: u8 = 0x1F;

/// How a CSV file, or a list with one number a line, is laid out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    /// What stands before the first line and is written back as it was: a byte-order mark, Excel's `sep=;` line.
    pub(crate) preamble: Vec<u8>,
    /// What divides cells; `None` in a file with one column.
    pub(crate) separator: Option<u8>,
    /// Whether lines end with CR LF.
    pub(crate) crlf: bool,
    /// Where the first line begins.
    pub(super) start: u64,
    /// Where the first line with something in it begins.
    pub(super) content: u64,
}

impl Layout {
    /// The separator to read with.
    pub(super) fn read_separator(&self) -> u8 {
        self.separator.unwrap_or(NO_SEPARATOR)
    }

    /// The separator to write with, which there must be once columns are added.
    pub(crate) fn write_separator(&self) -> u8 {
        self.separator.unwrap_or(b',')
    }
}

/// The byte order of a UTF-16 file that says so by a byte-order mark: whether the little end comes first.
pub(super) fn utf16_little_endian(beginning: &[u8]) -> Option<bool> {
    match beginning {
        [0xFF, 0xFE, ..] => Some(true),
        [0xFE, 0xFF, ..] => Some(false),
        _ => None,
    }
}

/// What the file is when it is no text, and what to do about it.
pub(super) fn not_text(beginning: &[u8]) -> Option<&'static str> {
    match beginning {
        [b'P', b'K', 3, 4, ..] | [0xD0, 0xCF, 0x11, 0xE0, ..] => {
            Some("is a workbook or an archive: save the sheet as \"CSV UTF-8\" and give that file")
        }
        [0x1F, 0x8B, ..] => Some("is compressed: unpack it first, as in `zcat FILE | numcheck run -`"),
        _ if beginning.contains(&0) => Some(
            "is no text, or UTF-16 without a byte-order mark: save it as \"CSV UTF-8\" and give that file",
        ),
        _ => None,
    }
}

/// Finds the layout.
///
/// The separator is the one of tab, semicolon and comma that stands most often, outside quotes, in the first line
/// with something in it; of equals the first named. A `sep=` line settles it.
pub(super) fn sniff(beginning: &[u8]) -> Layout {
    let bom = if beginning.starts_with(BOM) { BOM.len() } else { 0 };
    let text = beginning.get(bom..).unwrap_or_default();
    let declared = separator_line(text);
    let start = bom + declared.map_or(0, |(_, length)| length);
    let text = beginning.get(start..).unwrap_or_default();
    let blank = blank_lines(text);
    let line = text.get(blank..).unwrap_or_default();
    let (counts, end) = count_separators(line);
    let most = counts.into_iter().rev().max_by_key(|&(_, count)| count).filter(|&(_, count)| count > 0);
    Layout {
        preamble: beginning.get(..start).unwrap_or_default().to_vec(),
        separator: declared.map(|(separator, _)| separator).or(most.map(|(separator, _)| separator)),
        crlf: line.get(end..).is_some_and(|rest| rest.starts_with(b"\r\n")),
        start: start as u64,
        content: (start + blank) as u64,
    }
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
    let first = text.iter().position(|byte| !byte.is_ascii_whitespace() && !matches!(byte, b',' | b';'));
    let before = text.get(..first.unwrap_or(0)).unwrap_or_default();
    before.iter().rposition(|byte| matches!(byte, b'\n' | b'\r')).map_or(0, |end| end + 1)
}

/// Counts each separator outside quotes up to the end of the line, which comes second.
fn count_separators(line: &[u8]) -> ([(u8, usize); 3], usize) {
    let mut counts = [(b'\t', 0), (b';', 0), (b',', 0)];
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
        ] {
            assert_eq!(sniff(text.as_bytes()).separator, separator, "{text:?}");
        }
    }

    #[test]
    fn what_stands_before_the_header_is_kept_and_blank_lines_are_passed() {
        let layout = sniff(b"\xEF\xBB\xBFsep=;\r\n \r\n;;\r\n  id;phone\r\n");
        assert_eq!(layout.preamble, b"\xEF\xBB\xBFsep=;\r\n");
        assert_eq!((layout.start, layout.content), (10, 17));
        assert!(layout.crlf);
    }

    #[test]
    fn binary_files_are_told_from_text() {
        for beginning in [&b"PK\x03\x04xl/"[..], b"\xD0\xCF\x11\xE0", b"\x1F\x8B\x08", b"p\0h\0o\0n\0e\0"] {
            assert!(not_text(beginning).is_some(), "{beginning:?}");
        }
        assert_eq!(not_text("手机号\n".as_bytes()), None);
        assert_eq!(not_text(b"Telefon\xFC\n"), None);
    }
}
