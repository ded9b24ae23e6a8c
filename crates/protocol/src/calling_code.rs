//! Country calling codes (ITU-T E.164). More than twenty countries share +1.

use core::fmt;

use crate::error::ValueError;

/// A country code such as 852. No code is the beginning of another, so a number has at most one. Source: ITU-T, list of E.164
/// assigned country codes.
///
/// ```
/// use numcheck_protocol::CallingCode;
///
/// let code = CallingCode::prefix_of("85251234567").expect("assigned");
/// assert_eq!(code.get(), 852);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallingCode(u16);

impl CallingCode {
    /// The country code at the beginning of `digits`; `None` where ITU-T has assigned none.
    pub fn prefix_of(digits: &str) -> Option<Self> {
        let first: u16 = digits.get(..1)?.parse().ok()?;
        if matches!(first, 1 | 7) {
            return Some(Self(first));
        }
        let two: u16 = digits.get(..2)?.parse().ok()?;
        if TWO_DIGITS.contains(&two) {
            return Some(Self(two));
        }
        let three: u16 = digits.get(..3)?.parse().ok()?;
        THREE_DIGITS.binary_search(&three).ok().map(|_| Self(three))
    }

    /// The code as a figure.
    pub fn get(self) -> u16 {
        self.0
    }
}

impl fmt::Display for CallingCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "+{}", self.0)
    }
}

impl fmt::Debug for CallingCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CallingCode({})", self.0)
    }
}

impl From<CallingCode> for u16 {
    fn from(code: CallingCode) -> Self {
        code.0
    }
}

impl TryFrom<u16> for CallingCode {
    type Error = ValueError;

    fn try_from(code: u16) -> Result<Self, ValueError> {
        match code {
            1 | 7 => Ok(Self(code)),
            _ if TWO_DIGITS.contains(&code) || THREE_DIGITS.binary_search(&code).is_ok() => Ok(Self(code)),
            _ => Err(NOT_ASSIGNED),
        }
    }
}

/// As a number.
impl serde::Serialize for CallingCode {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u16(self.0)
    }
}

/// Strict: the number of an assigned country code.
impl<'de> serde::Deserialize<'de> for CallingCode {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // The format's own message would quote what stood there.
        let code = u16::deserialize(deserializer).map_err(|_| NOT_ASSIGNED).and_then(Self::try_from);
        code.map_err(serde::de::Error::custom)
    }
}

const NOT_ASSIGNED: ValueError =
    ValueError::new("callingCode", "must be a country code that ITU-T has assigned");
/// Source: ITU-T, list of E.164 assigned country codes.
const TWO_DIGITS: [u16; 44] = [
    20, 27, 30, 31, 32, 33, 34, 36, 39, 40, 41, 43, 44, 45, 46, 47, 48, 49, 51, 52, 53, 54, 55, 56, 57, 58,
    60, 61, 62, 63, 64, 65, 66, 81, 82, 84, 86, 90, 91, 92, 93, 94, 95, 98,
];

/// Source: ITU-T, list of E.164 assigned country codes. Sorted.
const THREE_DIGITS: &[u16] = &[
    211, 212, 213, 216, 218, 220, 221, 222, 223, 224, 225, 226, 227, 228, 229, 230, 231, 232, 233, 234, 235,
    236, 237, 238, 239, 240, 241, 242, 243, 244, 245, 246, 247, 248, 249, 250, 251, 252, 253, 254, 255, 256,
    257, 258, 260, 261, 262, 263, 264, 265, 266, 267, 268, 269, 290, 291, 297, 298, 299, 350, 351, 352, 353,
    354, 355, 356, 357, 358, 359, 370, 371, 372, 373, 374, 375, 376, 377, 378, 379, 380, 381, 382, 383, 385,
    386, 387, 389, 420, 421, 423, 500, 501, 502, 503, 504, 505, 506, 507, 508, 509, 590, 591, 592, 593, 594,
    595, 596, 597, 598, 599, 670, 672, 673, 674, 675, 676, 677, 678, 679, 680, 681, 682, 683, 685, 686, 687,
    688, 689, 690, 691, 692, 800, 808, 850, 852, 853, 855, 856, 870, 878, 880, 881, 882, 883, 886, 888, 960,
    961, 962, 963, 964, 965, 966, 967, 968, 970, 971, 972, 973, 974, 975, 976, 977, 979, 992, 993, 994, 995,
    996, 998,
];

#[cfg(test)]
mod tests {
    use super::{CallingCode, THREE_DIGITS, TWO_DIGITS};

    #[test]
    fn no_code_is_the_beginning_of_another() {
        assert!(THREE_DIGITS.is_sorted());
        for code in THREE_DIGITS {
            assert!(!matches!(code / 100, 1 | 7), "{code}");
            assert!(!TWO_DIGITS.contains(&(code / 10)), "{code}");
        }
    }

    #[test]
    fn numbers_show_their_country_code() {
        let code = |digits| CallingCode::prefix_of(digits).map(CallingCode::get);
        assert_eq!(code("14155550100"), Some(1));
        assert_eq!(code("79161234567"), Some(7));
        assert_eq!(code("8613800138000"), Some(86));
        assert_eq!(code("85251234567"), Some(852));
        assert_eq!(code("99912345678"), None);
        assert_eq!(code("01234567"), None);
        assert_eq!(code(""), None);
    }
}
