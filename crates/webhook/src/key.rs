//! The receiver's own key, from which every capability is made.

use std::fmt;
use std::str::FromStr;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// A secret of the receiver, 32 bytes or more, wiped from memory when dropped.
///
/// Who has it can make a URL for any batch and push results into it, so treat it like a password: from a file or the
/// environment, the same for every process that receives for the same batches, and long-lived, because results come up to an
/// hour after their batch was submitted. `openssl rand -hex 32` makes a good one.
///
/// ```
/// use numcheck_webhook::ReceiverKey;
///
/// let key: ReceiverKey = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f".parse()?;
/// assert_eq!(format!("{key:?}"), "ReceiverKey(***)");
/// # Ok::<(), numcheck_webhook::KeyError>(())
/// ```
#[derive(Clone)]
pub struct ReceiverKey(Zeroizing<[u8; BLOCK]>);

/// The block of SHA-256, to which HMAC fills up every key.
const BLOCK: usize = 64;
/// How many hex digits a MAC has.
pub(crate) const MAC_LEN: usize = 64;

impl ReceiverKey {
    /// The fewest bytes: as many as the hash has, below which a key is the weakest part.
    pub const MIN_LEN: usize = 32;

    /// A key of random bytes that the caller made.
    ///
    /// # Errors
    /// When there are fewer than 32.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, KeyError> {
        if bytes.len() < Self::MIN_LEN {
            return Err(KeyError::TooShort);
        }
        let mut block = Zeroizing::new([0; BLOCK]);
        let digest = Sha256::digest(bytes);
        // As HMAC defines it: a key longer than a block is replaced by its hash, then zeroes fill the block.
        let key = if bytes.len() > BLOCK { digest.as_slice() } else { bytes };
        block.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
        Ok(Self(block))
    }

    /// HMAC-SHA256 over `text`, in lower-case hex. `domain` keeps the uses of one key apart.
    pub(crate) fn mac(&self, domain: &[u8], text: &[u8]) -> [u8; MAC_LEN] {
        let mut mac = Hmac::<Sha256>::new((&*self.0).into());
        mac.update(domain);
        mac.update(text);
        let mut hex = [0; MAC_LEN];
        let digits = mac.finalize().into_bytes().into_iter().flat_map(hex_digits);
        hex.iter_mut().zip(digits).for_each(|(to, digit)| *to = digit);
        hex
    }
}

/// The two lower-case hex digits of a byte.
pub(crate) fn hex_digits(byte: u8) -> [u8; 2] {
    [byte >> 4, byte & 0xf].map(|half| if half < 10 { b'0' + half } else { b'a' + half - 10 })
}

/// From hex digits, two a byte, in either case; white space around them is ignored, as files end in a line break.
impl FromStr for ReceiverKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let bytes = Zeroizing::new(hex::decode(text.trim()).map_err(|_| KeyError::NotHex)?);
        Self::from_bytes(&bytes)
    }
}

impl fmt::Debug for ReceiverKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReceiverKey(***)")
    }
}

/// Why a text or some bytes are no [`ReceiverKey`]. It holds nothing of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// Fewer than 32 bytes.
    #[error("a receiver key needs at least 32 bytes (64 hex digits); `openssl rand -hex 32` makes one")]
    TooShort,
    /// Not hex digits, two a byte.
    #[error("a receiver key is written in hex digits, two a byte; `openssl rand -hex 32` makes one")]
    NotHex,
}

#[cfg(test)]
mod tests {
    use super::{KeyError, ReceiverKey};

    #[test]
    fn white_space_around_hex_digits_is_ignored() {
        let text = format!(" {}\n", "Ab".repeat(32));
        assert!(text.parse::<ReceiverKey>().is_ok());
    }

    #[test]
    fn a_short_key_is_refused_and_not_repeated() {
        let error = "abcd".parse::<ReceiverKey>().unwrap_err();
        assert_eq!(error, KeyError::TooShort);
        assert!(!error.to_string().contains("abcd"));
        assert_eq!(ReceiverKey::from_bytes(&[7; 31]).unwrap_err(), KeyError::TooShort);
        assert!(ReceiverKey::from_bytes(&[7; 32]).is_ok());
    }

    /// Made with Python's `hmac` and `hashlib`.
    #[test]
    fn keys_of_every_length_make_the_standard_hmac() {
        for (length, mac) in [
            (32, "c7f51c11e9d082daa63ee2c26f423bc286001c889e260120525f2e385709a533"),
            (63, "183f37f36f4d2ef0cc79148168e6b7606dd8a1fc98a7ef5f60d6fe7d3067a578"),
            (64, "74254e8609d6368bd8aaea68ba16497f7eb7cb782c28c8fe10513ca01163af42"),
            (65, "0284eb6b70f6cc7b666788f810fb80eefc36eb0812e35de2eabb3d27da92c686"),
            (200, "e0207976a697aff35f6717c2cd35c35e9b85794b2ea2a24ea58f7dc3897d492e"),
        ] {
            let key = ReceiverKey::from_bytes(&vec![7; length]).unwrap();
            assert_eq!(std::str::from_utf8(&key.mac(b"domain", b"text")), Ok(mac), "{length}");
        }
    }

    #[test]
    fn what_is_not_hex_is_refused() {
        for text in ["", "zz", "abc", &"g".repeat(64)] {
            assert!(text.parse::<ReceiverKey>().is_err(), "{text}");
        }
    }
}
