//! A URL for one batch that nobody can guess: its path carries the `batchNo` and a MAC over it, which is checked before anything is decoded.

use std::fmt;

use numcheck_protocol::{BatchNo, CallbackUrl, ValueError};
use subtle::ConstantTimeEq;

use crate::key::{MAC_LEN, ReceiverKey, hex_digits};

/// Where every capability path begins.
pub const PREFIX: &str = "/numcheck/push/";

/// Where the path of the fixed URL begins.
const FIXED_PREFIX: &str = "/numcheck/results/";

/// Keeps these MACs apart from any other use of the same key.
const DOMAIN: &[u8] = b"numcheck-webhook/capability/v1\0";
const FIXED_DOMAIN: &[u8] = b"numcheck-webhook/fixed/v1\0";

/// The right to push results into one batch, as a path: `/numcheck/push/` batch `/` MAC. Or, of the [fixed](ReceiverKey::fixed_capability) URL, into
/// any batch: `/numcheck/results/` MAC.
///
/// No document says that the platform signs its pushes, so this path may be the only proof of who pushes. It has no `Display`:
/// [`masked`](Self::masked) and `Debug` hide the MAC; [`Capability::path`] and [`Capability::url`] show it.
///
/// A batch number of letters, digits, `-` and `_` stands in the path as it is, so that an access log that cuts off the last segment
/// can still be read. Every other byte is written as `.` and two hex digits: unlike `%` these pass every proxy unchanged.
///
/// ```
/// use numcheck_protocol::BatchNo;
/// use numcheck_webhook::ReceiverKey;
///
/// let key = ReceiverKey::from_bytes(&[7; 32])?;
/// let capability = key.capability(&BatchNo::new("20220901")?);
/// let dr_url = capability.url("https://example.org/hooks")?; // for the submit
/// assert!(dr_url.as_str().starts_with("https://example.org/hooks/numcheck/push/20220901/"));
/// assert_eq!(capability.masked(), "/numcheck/push/20220901/***"); // for a log
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Capability(String);

impl Capability {
    /// The path, in full: a secret.
    pub fn path(&self) -> &str {
        &self.0
    }

    /// The path as a log may show it: with `***` for the MAC.
    pub fn masked(&self) -> String {
        let batch = self.0.rsplit_once('/').map_or("", |(batch, _)| batch);
        format!("{batch}/***")
    }

    /// The URL to give to the platform as `drUrl`, below the address at which the platform reaches this receiver, such as
    /// `https://example.org` or `https://example.org/hooks`.
    ///
    /// # Errors
    /// When `public_base` is not an `http` or `https` URL, or has a query. Nothing was sent.
    pub fn url(&self, public_base: &str) -> Result<CallbackUrl, UrlError> {
        if public_base.contains('?') {
            return Err(UrlError::Query);
        }
        let base = public_base.trim_end_matches('/');
        CallbackUrl::new(&format!("{base}{}", self.0)).map_err(UrlError::Base)
    }
}

impl fmt::Debug for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Capability({})", self.masked())
    }
}

/// Why a capability has no URL below the given base.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UrlError {
    /// The base has a query, and the path would become part of it.
    #[error("the public URL must not have a query; give it as https://host or https://host/path")]
    Query,
    /// Base and path together are no URL to push to.
    #[error(
        "the public URL is not one that a platform can push to; give it as https://host or https://host/path"
    )]
    Base(#[source] ValueError),
}

impl ReceiverKey {
    /// The capability of a batch: always the same for the same key and batch, so none needs to be kept.
    ///
    /// ```
    /// use numcheck_protocol::BatchNo;
    /// use numcheck_webhook::ReceiverKey;
    ///
    /// let key = ReceiverKey::from_bytes(&[7; 32])?;
    /// let batch = BatchNo::new("20220901")?;
    /// let capability = key.capability(&batch);
    /// assert_eq!(key.open(capability.path()), Some(batch));
    /// assert_eq!(capability.masked(), "/numcheck/push/20220901/***");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn capability(&self, batch: &BatchNo) -> Capability {
        let segment = escape(batch.as_str());
        let mac = self.mac(DOMAIN, segment.as_bytes());
        let mut path = String::with_capacity(PREFIX.len() + segment.len() + 1 + MAC_LEN);
        path.push_str(PREFIX);
        path.push_str(&segment);
        path.push('/');
        path.extend(mac.map(char::from));
        Capability(path)
    }

    /// The one capability for results of any batch: for a URL that is configured for an application on the platform, because a submit without
    /// `drUrl`, of this program or of another one, has its results pushed there. Always the same for the same key.
    ///
    /// What comes there names its batch itself, which proves less than a batch's own capability does: a [`Gate`](crate::Gate) lets it in only where
    /// it [takes a fixed URL](crate::Gate::with_fixed_url).
    pub fn fixed_capability(&self) -> Capability {
        let mac: String = self.mac(FIXED_DOMAIN, b"").map(char::from).iter().collect();
        Capability(format!("{FIXED_PREFIX}{mac}"))
    }

    /// Whether a path is the fixed capability, whatever a proxy has done to it. Compares in constant time.
    pub fn opens_fixed(&self, path: &str) -> bool {
        let mac = from_the_end(path).next().unwrap_or_default();
        bool::from(self.mac(FIXED_DOMAIN, b"").as_slice().ct_eq(mac.as_bytes()))
    }

    /// The batch that a path is the capability of; `None` for any other path. Compares in constant time.
    ///
    /// What a proxy does to a path does not matter: what it puts before or takes away there, doubled slashes, a slash or a blank at the end.
    pub fn open(&self, path: &str) -> Option<BatchNo> {
        let mut segments = from_the_end(path);
        let (mac, segment) = (segments.next()?, segments.next()?);
        let right = self.mac(DOMAIN, segment.as_bytes());
        if !bool::from(right.as_slice().ct_eq(mac.as_bytes())) {
            return None;
        }
        BatchNo::new(&unescape(segment)?).ok()
    }
}

/// The segments of a path, the last one first. Only they prove anything; what stands before them is for people and proxies.
fn from_the_end(path: &str) -> impl Iterator<Item = &str> {
    path.trim_end_matches("%20").rsplit('/').filter(|segment| !segment.is_empty())
}

/// Letters, digits, `-` and `_` as they are, every other byte as `.` and two hex digits.
fn escape(text: &str) -> String {
    let mut segment = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_') {
            segment.push(char::from(byte));
        } else {
            segment.push('.');
            segment.extend(hex_digits(byte).map(char::from));
        }
    }
    segment
}

fn unescape(segment: &str) -> Option<String> {
    let mut parts = segment.split('.');
    let mut bytes = parts.next()?.as_bytes().to_vec();
    for part in parts {
        let (digits, plain) = part.split_at_checked(2)?;
        let mut byte = [0];
        hex::decode_to_slice(digits, &mut byte).ok()?;
        bytes.extend(byte);
        bytes.extend(plain.as_bytes());
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key() -> ReceiverKey {
        ReceiverKey::from_bytes(&(0..32).collect::<Vec<u8>>()).unwrap()
    }

    fn capability(batch: &str) -> Capability {
        key().capability(&BatchNo::new(batch).unwrap())
    }

    /// Made with Python's `hmac` and `hashlib`, the key being the bytes 0 to 31.
    #[test]
    fn vectors_made_elsewhere() {
        assert_eq!(
            capability("20220901").path(),
            "/numcheck/push/20220901/5908973e1fbeb54dc15d6391548b3cbb49f6adac83ba6d3a9166c93de894ade6"
        );
        assert_eq!(
            capability("a/b.批 1").path(),
            "/numcheck/push/a.2fb.2e.e6.89.b9.201/ec07d7cf2b0cf9b45b2d1bebaa7e92dbd396d5cf9648071631e05864d4f7a4e7"
        );
    }

    #[test]
    fn the_mac_is_never_shown() {
        let capability = capability("20220901");
        assert_eq!(format!("{capability:?}"), "Capability(/numcheck/push/20220901/***)");
        let url = capability.url("https://example.org").unwrap();
        assert!(!format!("{url:?} {}", url.masked()).contains(&capability.path()[PREFIX.len()..]));
    }

    #[test]
    fn the_url_stands_below_the_public_base() {
        let capability = capability("1");
        for (base, start) in [
            ("https://example.org", "https://example.org/"),
            ("https://h:8443/hooks/", "https://h:8443/hooks/"),
        ] {
            let url = capability.url(base).unwrap();
            assert_eq!(url.as_str(), format!("{}{}", start.trim_end_matches('/'), capability.path()));
        }
    }

    #[test]
    fn a_base_that_would_swallow_the_path_is_refused() {
        assert_eq!(capability("1").url("https://example.org/?to="), Err(UrlError::Query));
        for base in
            ["", "example.org", "https://example.org/#top", "https://user@example.org", "ftp://example.org"]
        {
            assert!(matches!(capability("1").url(base), Err(UrlError::Base(_))), "{base}");
        }
    }

    #[test]
    fn another_key_opens_nothing() {
        let other = ReceiverKey::from_bytes(&[9; 32]).unwrap();
        assert_eq!(other.open(capability("20220901").path()), None);
    }

    #[test]
    fn what_has_not_the_form_opens_nothing() {
        let path = capability("1").path().to_owned();
        let upper = path.to_uppercase();
        for path in [
            "",
            "/",
            PREFIX,
            "/numcheck/push/1",
            "/numcheck/push/1/",
            &upper,
            &path.replace("/1/", "/1/x/"),
            &format!("{path}/x"),
            &format!("{path}%2F"),
        ] {
            assert_eq!(key().open(path), None, "{path}");
        }
    }

    #[test]
    fn what_a_proxy_does_to_a_path_does_not_matter() {
        let batch = BatchNo::new("1").unwrap();
        let path = key().capability(&batch).path().to_owned();
        for path in [
            format!("/hooks{path}"),
            format!("/a/b{path}"),
            path.replace('/', "//"),
            format!("{path}/"),
            format!("{path}//"),
            path[1..].to_owned(),
            path.replace("/numcheck/", "/"),
            path.replace("/numcheck/push/", "/"),
            path.replace("numcheck", "%6eumcheck"),
            format!("{path}%20"),
        ] {
            assert_eq!(key().open(&path), Some(batch.clone()), "{path}");
        }
    }

    #[test]
    fn the_fixed_path_is_one_for_all_batches_and_opens_nothing_else() {
        let fixed = key().fixed_capability();
        let path = fixed.path();
        assert_eq!(
            (key().fixed_capability().path(), fixed.masked().as_str()),
            (path, "/numcheck/results/***")
        );
        for spelled in [
            path.to_owned(),
            format!("/hooks{path}/"),
            path.replace('/', "//"),
            path[1..].to_owned(),
            path.replace("/numcheck/results", ""),
        ] {
            assert!(key().opens_fixed(&spelled), "{spelled}");
        }
        for other in ["", "/", "/numcheck/results/", &path[..path.len() - 1], &format!("{path}/x")] {
            assert!(!key().opens_fixed(other), "{other}");
        }
        assert_eq!(key().open(path), None);
        assert!(!key().opens_fixed(capability("results").path()));
        assert!(!ReceiverKey::from_bytes(&[9; 32]).unwrap().opens_fixed(path));
    }

    proptest! {
        #[test]
        fn any_batch_number_opens_again(batch in "\\PC{1,64}") {
            let batch = BatchNo::new(&batch).unwrap();
            let capability = key().capability(&batch);
            prop_assert!(capability.path().bytes().all(|b| b.is_ascii_alphanumeric() || b"-_./".contains(&b)));
            prop_assert_eq!(key().open(capability.path()), Some(batch));
        }

        #[test]
        fn any_changed_character_opens_nothing(batch in "\\PC{1,64}", at: prop::sample::Index, put in any::<char>()) {
            let path = key().capability(&BatchNo::new(&batch).unwrap()).path().to_owned();
            let mut characters: Vec<char> = path.chars().collect();
            // What stands before the batch proves nothing.
            let at = PREFIX.len() + at.index(characters.len() - PREFIX.len());
            prop_assume!(characters[at] != put);
            characters[at] = put;
            prop_assert_eq!(key().open(&characters.into_iter().collect::<String>()), None);
        }

        #[test]
        fn any_shortened_or_lengthened_path_opens_nothing(batch in "\\PC{1,64}", cut in 1usize..80, more in ".{1,8}") {
            let path = key().capability(&BatchNo::new(&batch).unwrap()).path().to_owned();
            let shorter: String = path.chars().take(path.len().saturating_sub(cut)).collect();
            prop_assert_eq!(key().open(&shorter), None);
            prop_assume!(!more.bytes().all(|byte| byte == b'/'));
            prop_assert_eq!(key().open(&format!("{path}{more}")), None);
        }

        #[test]
        fn any_text_is_no_capability(path in "(/numcheck/push/)?\\PC{0,200}") {
            prop_assert_eq!(key().open(&path), None);
        }
    }
}
