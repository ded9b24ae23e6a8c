//! One phone number in international form (E.164 digits). Whether it exists is what the platform is paid to say.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::error::ValueError;
use crate::mask;
use crate::value::text_value;

/// A phone number with its country code, as 5 to 15 digits without `+`. Source: the submit document, whose samples have no `+`,
/// and E.164 for the most digits.
///
/// It has no `Display`: [`masked`](Self::masked) and `Debug` are for logs, [`digits`](Self::digits) shows it in full. Serde reads and writes it
/// in full: what is written is personal data.
///
/// ```
/// use numcheck_protocol::PhoneNumber;
///
/// let number = PhoneNumber::new("85251234567")?;
/// assert_eq!(number.digits(), "85251234567");
/// assert_eq!(number.masked(), "85*******67");
/// assert!(PhoneNumber::new(&number.masked()).is_err());
/// # Ok::<(), numcheck_protocol::ValueError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PhoneNumber {
    digits: [u8; Self::MAX_DIGITS],
    length: u8,
}

impl PhoneNumber {
    /// The fewest digits that are sent. The vendors' own failure sample has five.
    pub const MIN_DIGITS: usize = 5;
    /// The most digits that E.164 allows.
    pub const MAX_DIGITS: usize = 15;

    /// A number from its digits alone: no `+`, no spaces.
    ///
    /// # Errors
    /// When it is not 5 to 15 ASCII digits, a masked number included. Nothing was sent.
    pub fn new(digits: &str) -> Result<Self, ValueError> {
        if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            if digits.contains('*') {
                return Err(ValueError::new("phone", "is masked: pass the full number, not what logs show"));
            }
            return Err(ValueError::new(
                "phone",
                "must be digits only, with the country code and without + or spaces",
            ));
        }
        if !(Self::MIN_DIGITS..=Self::MAX_DIGITS).contains(&digits.len()) {
            return Err(ValueError::new("phone", "must have 5 to 15 digits, country code included"));
        }
        let mut own = [b'0'; Self::MAX_DIGITS];
        for (to, from) in own.iter_mut().zip(digits.bytes()) {
            *to = from;
        }
        Ok(Self { digits: own, length: digits.len() as u8 })
    }

    /// A number as a platform may spell it: with `+`, `00` or `tel:` before it; with blanks, line ends, dashes, dots, brackets and invisible characters
    /// anywhere; in full-width digits; with a comma, a semicolon or `.0` behind it.
    ///
    /// ```
    /// use numcheck_protocol::PhoneNumber;
    ///
    /// let number = PhoneNumber::new("8613800138000")?;
    /// for spelled in ["008613800138000", "+86 138-0013-8000", "8613800138000\r\n", "８６１３８００１３８０００", "8613800138000.0"] {
    ///     assert_eq!(PhoneNumber::from_spelling(spelled)?, number);
    /// }
    /// # Ok::<(), numcheck_protocol::ValueError>(())
    /// ```
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn from_spelling(text: &str) -> Result<Self, ValueError> {
        if !text.starts_with("00")
            && let Ok(number) = Self::new(text)
        {
            return Ok(number);
        }
        let plain = plain(text);
        Self::new(plain.strip_prefix('+').or_else(|| plain.strip_prefix("00")).unwrap_or(&plain))
    }

    /// The number at the beginning of `text` and what follows the comma behind it, read 16 bytes at a time. `None` says nothing: where the text
    /// is shorter, or holds no such number, [`new`](Self::new) knows more.
    pub(crate) fn split_first(text: &str) -> Option<(Self, &str)> {
        const EACH: u128 = u128::from_le_bytes([1; 16]);
        let bytes = u128::from_le_bytes(*text.as_bytes().first_chunk()?);
        // The highest bit of each byte that is no digit: one with its own set, or one that 0x76 lifts there from 10 on.
        let value = bytes ^ (EACH * 0x30);
        let others = (((value & (EACH * 0x7f)) + EACH * 0x76) | value) & (EACH * 0x80);
        let length = (others.trailing_zeros() / 8) as usize;
        let rest = text.get(length..)?.strip_prefix(',')?;
        if !(Self::MIN_DIGITS..=Self::MAX_DIGITS).contains(&length) {
            return None;
        }
        let own = u128::MAX >> (128 - 8 * length);
        let [digits @ .., _] = ((bytes & own) | ((EACH * 0x30) & !own)).to_le_bytes();
        Some((Self { digits, length: length as u8 }, rest))
    }

    /// All of it in one integer, equal only for equal numbers.
    pub(crate) fn key(&self) -> u128 {
        let mut bytes = [self.length; Self::MAX_DIGITS + 1];
        if let Some(digits) = bytes.first_chunk_mut() {
            *digits = self.digits;
        }
        u128::from_le_bytes(bytes)
    }

    /// Whether it begins with a country code.
    pub(crate) fn starts_with(&self, code: &str) -> bool {
        self.digits.starts_with(code.as_bytes())
    }

    /// Appends the digits.
    pub(crate) fn write_to(&self, out: &mut Vec<u8>) {
        // A copy of a fixed length, cut, is faster than one of the right length.
        let end = out.len() + usize::from(self.length);
        out.extend_from_slice(&self.digits);
        out.truncate(end);
    }

    /// The number in full. Personal data: keep it out of logs, errors and URLs.
    pub fn digits(&self) -> &str {
        self.digits
            .get(..usize::from(self.length))
            .and_then(|digits| core::str::from_utf8(digits).ok())
            .unwrap_or_default()
    }

    /// The number as a log may show it: at most five of its digits.
    pub fn masked(&self) -> String {
        mask::phone(self.digits())
    }

    /// The country code that it begins with, as assigned by ITU-T E.164; `None` where none is.
    pub fn calling_code(&self) -> Option<crate::CallingCode> {
        crate::CallingCode::prefix_of(self.digits())
    }

    /// The number in 8 bytes, for tables of millions: its digits behind a leading 1, which keeps leading zeros.
    pub fn pack(&self) -> u64 {
        self.digits().bytes().fold(1, |packed, digit| packed * 10 + u64::from(digit - b'0'))
    }

    /// The number that [`pack`](Self::pack) packed; `None` for any other figure.
    pub fn unpack(packed: u64) -> Option<Self> {
        let mut rest = packed;
        let mut reversed = [b'0'; Self::MAX_DIGITS + 1];
        let mut length = 0;
        while rest > 1 {
            *reversed.get_mut(length)? = b'0' + (rest % 10) as u8;
            rest /= 10;
            length += 1;
        }
        if rest != 1 || !(Self::MIN_DIGITS..=Self::MAX_DIGITS).contains(&length) {
            return None;
        }
        let mut digits = [b'0'; Self::MAX_DIGITS];
        for (to, from) in digits.iter_mut().zip(reversed.get(..length)?.iter().rev()) {
            *to = *from;
        }
        Some(Self { digits, length: length as u8 })
    }
}

/// A number without what may stand around it and between its digits.
pub(crate) fn plain(text: &str) -> String {
    let seen: String = text.chars().filter_map(seen).collect();
    let seen = seen.trim_matches([',', ';', '/']);
    let seen = match seen.split_at_checked(4) {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("tel:") => rest,
        _ => seen,
    };
    // As a program writes a number that it took for a figure.
    let whole = seen.split_once('.').filter(|(whole, fraction)| {
        whole.len() >= PhoneNumber::MIN_DIGITS
            && !fraction.is_empty()
            && fraction.bytes().all(|byte| byte == b'0')
    });
    whole.map_or(seen, |(whole, _)| whole).chars().filter(|char| *char != '.').collect()
}

/// The character that one stands for; `None` for what divides digits, and for what cannot be seen.
fn seen(char: char) -> Option<char> {
    match char {
        '\u{ff10}'..='\u{ff19}' => char::from_digit(u32::from(char) - 0xff10, 10),
        '\u{ff0b}' => Some('+'),
        '-' | '(' | ')' | '\u{2010}'..='\u{2015}' => None,
        // Zero-width, text direction, soft hyphen, byte-order mark.
        '\u{ad}'
        | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}' => None,
        _ => Some(char).filter(|char| !char.is_whitespace()),
    }
}

text_value!(PhoneNumber, "phone", digits);

impl fmt::Debug for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PhoneNumber({})", self.masked())
    }
}
