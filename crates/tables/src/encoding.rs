//! Which encoding a text file is in, its bytes as UTF-8, and UTF-8 in another encoding.

use std::fmt;
use std::io::{self, Read, Write};
use std::str::FromStr;

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{DecoderResult, EncoderResult, Encoding, GB18030, GBK, UTF_8, UTF_16BE, UTF_16LE};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

const BUFFER_LEN: usize = 64 * 1024;
const BOM: char = '\u{FEFF}';

/// The character encoding of a file.
///
/// Written and read by its name in the WHATWG Encoding Standard, such as `UTF-8`, `gb18030` or `windows-1252`; with `-bom` behind it the
/// file begins with a byte-order mark, by which a spreadsheet recognises UTF-8. UTF-16 always begins with one.
///
/// ```
/// use numcheck_tables::TextEncoding;
///
/// let encoding: TextEncoding = "gbk".parse()?;
/// assert_eq!(encoding.to_string(), "gb18030");
/// # Ok::<(), numcheck_tables::UnknownEncoding>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TextEncoding {
    encoding: &'static Encoding,
    has_bom: bool,
}

/// No encoding has this name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "not an encoding: write for example utf-8, utf-8-bom, utf-16, gb18030, gbk, big5, shift_jis, windows-1252"
)]
pub struct UnknownEncoding;

impl TextEncoding {
    /// UTF-8 without a byte-order mark.
    pub const UTF_8: Self = Self { encoding: UTF_8, has_bom: false };
    /// UTF-8 behind a byte-order mark.
    pub const UTF_8_BOM: Self = Self { encoding: UTF_8, has_bom: true };

    /// Every GBK file is one of GB18030, which holds all of Unicode.
    fn new(encoding: &'static Encoding, has_bom: bool) -> Self {
        let encoding = if encoding == GBK { GB18030 } else { encoding };
        Self { encoding, has_bom: has_bom || encoding == UTF_16LE || encoding == UTF_16BE }
    }

    /// Whether the file begins with a byte-order mark.
    pub fn has_bom(self) -> bool {
        self.has_bom
    }

    /// Whether it is UTF-8, with a byte-order mark or without.
    pub fn is_utf8(self) -> bool {
        self.encoding == UTF_8
    }

    /// The same behind a byte-order mark.
    pub(crate) fn with_bom(self) -> Self {
        Self { has_bom: true, ..self }
    }
}

impl Default for TextEncoding {
    fn default() -> Self {
        Self::UTF_8
    }
}

impl fmt::Display for TextEncoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.encoding.name())?;
        f.write_str(if self.has_bom && self.is_utf8() { "-bom" } else { "" })
    }
}

impl fmt::Debug for TextEncoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TextEncoding({self})")
    }
}

impl FromStr for TextEncoding {
    type Err = UnknownEncoding;

    fn from_str(name: &str) -> Result<Self, UnknownEncoding> {
        let lower = name.trim().to_ascii_lowercase();
        let (label, has_bom) = match lower.strip_suffix("-bom").or(lower.strip_suffix("-sig")) {
            Some(label) => (label, true),
            None => (lower.as_str(), false),
        };
        // Python's and Excel's names beside those of the standard.
        let label = match label {
            "utf8" => "utf-8",
            "cp936" | "936" => "gbk",
            "cp950" => "big5",
            "cp932" => "shift_jis",
            "cp949" => "euc-kr",
            label => label,
        };
        let encoding = Encoding::for_label(label.as_bytes()).ok_or(UnknownEncoding)?;
        // The standard's names for what is no encoding of a file, or none that can be written.
        match encoding.name() {
            "replacement" | "x-user-defined" | "ISO-2022-JP" => Err(UnknownEncoding),
            _ if has_bom && encoding != UTF_8 => Err(UnknownEncoding),
            _ => Ok(Self::new(encoding, has_bom)),
        }
    }
}

impl Serialize for TextEncoding {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TextEncoding {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// What a file's bytes say of its encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Detected {
    /// It is this one, or most likely so.
    Is(TextEncoding),
    /// UTF-8, but for a few bytes that are nothing in it.
    BrokenUtf8,
    /// It holds zeros, as no text does.
    NotText,
}

/// Looks a text through. `likely_gbk` decides between encodings of East Asia that the bytes alone do not tell apart.
pub(crate) fn detect(mut from: impl Read, beginning: &[u8], likely_gbk: bool) -> io::Result<Detected> {
    match beginning {
        [0xFF, 0xFE, ..] => return Ok(Detected::Is(TextEncoding::new(UTF_16LE, true))),
        [0xFE, 0xFF, ..] => return Ok(Detected::Is(TextEncoding::new(UTF_16BE, true))),
        [0xEF, 0xBB, 0xBF, ..] => return Ok(Detected::Is(TextEncoding::UTF_8_BOM)),
        _ if beginning.contains(&0) => {
            return Ok(utf16_without_bom(beginning)
                .map_or(Detected::NotText, |encoding| Detected::Is(TextEncoding::new(encoding, true))));
        }
        _ => {}
    }
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    let mut utf8 = Utf8Count::default();
    let mut buffer = vec![0; BUFFER_LEN];
    loop {
        let read = from.read(&mut buffer)?;
        let bytes = buffer.get(..read).unwrap_or_default();
        utf8.add(bytes, read == 0);
        detector.feed(bytes, read == 0);
        if read == 0 {
            break;
        }
    }
    if utf8.invalid == 0 {
        return Ok(Detected::Is(TextEncoding::UTF_8));
    }
    // By chance two bytes of another encoding often are a character of UTF-8, and three hardly ever.
    if utf8.long > utf8.invalid || utf8.characters > 10 * utf8.invalid {
        return Ok(Detected::BrokenUtf8);
    }
    let guess = detector.guess(None, Utf8Detection::Deny);
    let is_east_asian = ["Big5", "EUC-JP", "EUC-KR", "Shift_JIS"].contains(&guess.name());
    let guess = if is_east_asian && likely_gbk { GBK } else { guess };
    Ok(Detected::Is(TextEncoding::new(guess, false)))
}

/// UTF-16 shows by the zeros of its digits and separators, which stand at every second place.
fn utf16_without_bom(beginning: &[u8]) -> Option<&'static Encoding> {
    let zeros = |offset: usize| beginning.iter().skip(offset).step_by(2).filter(|byte| **byte == 0).count();
    let (even, odd) = (zeros(0), zeros(1));
    let many = (beginning.len() / 5).max(2);
    match (even, odd) {
        (0, odd) if odd > many => Some(UTF_16LE),
        (even, 0) if even > many => Some(UTF_16BE),
        _ => None,
    }
}

/// Counts characters of UTF-8 with more than one byte, and places that are nothing in UTF-8.
#[derive(Default)]
struct Utf8Count {
    rest: Vec<u8>,
    characters: u64,
    /// Those of three bytes or four.
    long: u64,
    invalid: u64,
}

impl Utf8Count {
    fn add(&mut self, bytes: &[u8], is_last: bool) {
        if self.rest.is_empty() && bytes.is_ascii() {
            return;
        }
        self.rest.extend_from_slice(bytes);
        let mut cut = 0;
        for chunk in self.rest.utf8_chunks() {
            for len in chunk.valid().chars().map(char::len_utf8) {
                self.characters += u64::from(len > 1);
                self.long += u64::from(len > 2);
            }
            let invalid = chunk.invalid();
            // A character that the next bytes may complete.
            let may_go_on =
                !is_last && std::str::from_utf8(invalid).is_err_and(|error| error.error_len().is_none());
            if may_go_on && !invalid.is_empty() {
                cut = invalid.len();
            } else {
                self.invalid += u64::from(!invalid.is_empty());
            }
        }
        self.rest.drain(..self.rest.len() - cut);
    }
}

/// Writes `from` as UTF-8, without a byte-order mark. The place, by its line, where the bytes are nothing in the encoding.
pub(crate) fn decode(
    mut from: impl Read,
    encoding: TextEncoding,
    to: &mut impl Write,
) -> io::Result<Result<(), u64>> {
    let mut decoder = encoding.encoding.new_decoder_with_bom_removal();
    let mut input = vec![0; BUFFER_LEN];
    let mut output = String::with_capacity(BUFFER_LEN);
    let mut line = 1;
    loop {
        let read = from.read(&mut input)?;
        let mut bytes = input.get(..read).unwrap_or_default();
        loop {
            output.clear();
            let (result, used) = decoder.decode_to_string_without_replacement(bytes, &mut output, read == 0);
            to.write_all(output.as_bytes())?;
            line += output.bytes().filter(|byte| *byte == b'\n').count() as u64;
            bytes = bytes.get(used..).unwrap_or_default();
            match result {
                DecoderResult::InputEmpty => break,
                DecoderResult::OutputFull => {}
                DecoderResult::Malformed(..) => return Ok(Err(line)),
            }
        }
        if read == 0 {
            return Ok(Ok(()));
        }
    }
}

/// Writes UTF-8 on in another encoding. What the encoding has no character for becomes a numeric reference as in HTML, `&#20013;`, and is counted.
#[derive(Debug)]
pub(crate) struct EncodingWriter<W> {
    to: W,
    encoding: TextEncoding,
    /// The beginning of a character whose end has not come yet.
    rest: Vec<u8>,
    has_begun: bool,
    unmapped: u64,
}

impl<W: Write> EncodingWriter<W> {
    pub(crate) fn new(to: W, encoding: TextEncoding) -> Self {
        Self { to, encoding, rest: Vec::new(), has_begun: false, unmapped: 0 }
    }

    /// What is behind it, and how many characters the encoding has not got.
    pub(crate) fn finish(mut self) -> io::Result<(W, u64)> {
        let rest = std::mem::take(&mut self.rest);
        self.encode(&String::from_utf8_lossy(&rest))?;
        Ok((self.to, self.unmapped))
    }

    fn encode(&mut self, text: &str) -> io::Result<()> {
        if !self.has_begun && self.encoding.has_bom {
            self.has_begun = true;
            self.encode(BOM.encode_utf8(&mut [0; 4]))?;
        }
        self.has_begun = true;
        let encoding = self.encoding.encoding;
        if encoding == UTF_8 {
            return self.to.write_all(text.as_bytes());
        }
        let mut out = Vec::with_capacity(text.len() * 2);
        if encoding == UTF_16LE {
            text.encode_utf16().for_each(|unit| out.extend(unit.to_le_bytes()));
        } else if encoding == UTF_16BE {
            text.encode_utf16().for_each(|unit| out.extend(unit.to_be_bytes()));
        } else {
            self.unmapped += encode_with(encoding, text, &mut out);
        }
        self.to.write_all(&out)
    }
}

fn encode_with(encoding: &'static Encoding, mut text: &str, out: &mut Vec<u8>) -> u64 {
    let mut encoder = encoding.new_encoder();
    let mut unmapped = 0;
    let mut piece = [0; 4096];
    loop {
        let (result, used, written) = encoder.encode_from_utf8_without_replacement(text, &mut piece, true);
        out.extend_from_slice(piece.get(..written).unwrap_or_default());
        text = text.get(used..).unwrap_or_default();
        match result {
            EncoderResult::InputEmpty => return unmapped,
            EncoderResult::OutputFull => {}
            EncoderResult::Unmappable(char) => {
                unmapped += 1;
                out.extend_from_slice(format!("&#{};", u32::from(char)).as_bytes());
            }
        }
    }
}

impl<W: Write> Write for EncodingWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.encoding.is_utf8() {
            self.encode("")?;
            // Cells that are no UTF-8 pass as they are.
            return self.to.write(bytes);
        }
        self.rest.extend_from_slice(bytes);
        let whole = match std::str::from_utf8(&self.rest) {
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            _ => self.rest.len(),
        };
        let ready: Vec<u8> = self.rest.drain(..whole).collect();
        self.encode(&String::from_utf8_lossy(&ready))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}
