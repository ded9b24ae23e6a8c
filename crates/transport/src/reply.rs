//! A complete reply as it came: a refusal, a redirect and an error page are replies too.

use std::fmt;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use numcheck_protocol::is_compressed;

/// A complete reply, whatever its status. The body alone may be cut short: at [`Limits::body_bytes`](crate::Limits::body_bytes), or
/// where it broke off, and only where [`Reply::never_reached`] holds all the same.
///
/// A status of 500 and above may come from a gateway that knows nothing of the platform's work: for what costs money
/// such a reply leaves the outcome unknown. [`Reply::never_reached`] tells the statuses that do not.
///
/// ```
/// use numcheck_transport::Reply;
/// use numcheck_transport::http::StatusCode;
///
/// assert!(Reply::new(StatusCode::NOT_FOUND, "<html>").never_reached());
/// assert!(!Reply::new(StatusCode::BAD_GATEWAY, "<html>").never_reached());
/// assert!(!Reply::new(StatusCode::NOT_FOUND, r#"{"code":0}"#).never_reached());
/// ```
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reply {
    /// The HTTP status. Redirects are not followed: a 3xx is a reply like any other.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, as far as it came. With the feature `encodings` one that came compressed whole (but for gzip's trailer), by gzip or deflate, and is not longer than
    /// [`Limits::body_bytes`](crate::Limits::body_bytes) decoded, is decoded here, and has no `Content-Encoding` in the headers any more.
    pub body: Bytes,
    /// How many attempts it took.
    pub attempts: u32,
    /// The corrected time at which the request was authorised: Unix time in milliseconds.
    pub sent_at_ms: u64,
}

impl Reply {
    /// A reply to a first attempt, without headers: for tests of code that handles replies and errors.
    pub fn new(status: StatusCode, body: impl Into<Bytes>) -> Self {
        Self { status, headers: HeaderMap::new(), body: body.into(), attempts: 1, sent_at_ms: 0 }
    }

    /// The same reply with one more header.
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.append(name, value);
        self
    }

    /// Whether this reply proves that the request never reached the platform's operation, so that nothing was done and nothing was
    /// charged. Meant for replies that are no answer of the platform: its own JSON says what happened, whatever the status.
    ///
    /// | status | why nothing was done |
    /// |---|---|
    /// | 301, 302, 303, 307, 308 | a server sends the request elsewhere, and redirects are not followed. No document has the platform answer so; a 303 is how some other server might after a POST that it carried out |
    /// | 404, 405, 410 | no operation is at this path, or none that takes POST: a wrong path in the base URL, or an operation that this account lacks |
    /// | 407 | the proxy wants credentials before it passes anything on |
    /// | 411, 413, 414, 415, 431 | a server refuses the request's form or size before it hands it over |
    /// | 421 | the request came to a server of another host |
    /// | 401, 403, 429, without a JSON object | a gateway refuses the caller or its pace before it passes the request on. With a JSON object it may be the platform's own word |
    ///
    /// A gateway can be set up to answer so after the platform has worked; nothing here can see that. So a caller that spends money should not
    /// send it again by itself, but for a 429, and should end its work after a few such replies in a row: whatever answers them answers the
    /// next one as well.
    ///
    /// A body proves it only where it can be read: not where it is compressed, holds control characters, or, unless it is a page of HTML, escapes that may
    /// hide a result code.
    ///
    /// Any other status proves nothing: 200 with a page of HTML, 500, 502, 503 and 504 come from gateways after the platform has worked, too; 400, 406
    /// and 408 are also sent after the work has begun. Nor does a body that holds a result code, even one that cannot be read.
    pub fn never_reached(&self) -> bool {
        never_reached(self.status, &self.headers, &self.body)
    }
}

fn never_reached(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> bool {
    // What cannot be read may hold a result code.
    if headers.contains_key(http::header::CONTENT_ENCODING) {
        return false;
    }
    let text = start_of_text(body);
    let is_object = text.starts_with(b"{");
    // Also within a text or a call: `"{\"code\":0}"`, `callback({"code":0})`; and in XML.
    let is_quote = |byte: &u8| b"\"'\\".contains(byte);
    let is_code = |part: &[u8]| match part {
        [open, name @ .., close] => is_quote(open) && is_quote(close) && name.eq_ignore_ascii_case(b"code"),
        _ => false,
    };
    let is_xml_code = |part: &[u8]| match part {
        [b'<', name @ .., b'>', b'0'..=b'9' | b'-'] => name.eq_ignore_ascii_case(b"code"),
        _ => false,
    };
    let holds_code = text.windows(6).any(is_code) || text.windows(7).any(is_xml_code);
    match status.as_u16() {
        _ if holds_code || text.starts_with(b"[") || !is_readable(text) => false,
        301 | 302 | 303 | 307 | 308 | 404 | 405 | 407 | 410 | 411 | 413 | 414 | 415 | 421 | 431 => true,
        401 | 403 | 429 => !is_object,
        _ => false,
    }
}

/// Whether a result code would be seen in a text: it is one, and hides nothing.
fn is_readable(text: &[u8]) -> bool {
    let is_control = |byte: &u8| byte.is_ascii_control() && !byte.is_ascii_whitespace();
    let may_hide = !text.starts_with(b"<") && text.windows(2).any(|pair| pair == b"\\u");
    !is_compressed(text) && !text.iter().any(is_control) && !may_hide
}

/// [`Reply::never_reached`] of a reply of which only the beginning came: that must show that no JSON follows, which may hold a result code.
pub(crate) fn begins_unreached(status: StatusCode, headers: &HeaderMap, beginning: &[u8]) -> bool {
    let first = start_of_text(beginning).first();
    first.is_some_and(|byte| byte.is_ascii_graphic() && !b"{[\"".contains(byte))
        && never_reached(status, headers, beginning)
}

/// A body without the white space and the byte-order mark that may stand in front.
fn start_of_text(body: &[u8]) -> &[u8] {
    let text = body.trim_ascii_start();
    text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text).trim_ascii_start()
}

impl fmt::Debug for Reply {
    /// Shows neither headers nor body: they hold phone numbers, tokens and cookies.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply")
            .field("status", &self.status.as_u16())
            .field("body_bytes", &self.body.len())
            .field("attempts", &self.attempts)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::Reply;

    fn never_reached(status: u16, body: &'static str) -> bool {
        Reply::new(StatusCode::from_u16(status).unwrap(), body).never_reached()
    }

    #[test]
    fn only_listed_statuses_prove_that_a_request_never_reached_the_operation() {
        let listed =
            [301, 302, 303, 307, 308, 401, 403, 404, 405, 407, 410, 411, 413, 414, 415, 421, 429, 431];
        for status in 100..=999 {
            for body in ["", "<html>", "plain", "\u{feff}<?xml"] {
                assert_eq!(never_reached(status, body), listed.contains(&status), "{status} {body}");
            }
        }
    }

    /// Each holds a result that was paid for.
    #[test]
    fn what_cannot_be_read_proves_nothing() {
        let utf_16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
        for body in [
            b"\x1f\x8b\x08\0\0\0\0\0\0\xff".to_vec(),
            b"\x1f\x8bwithout a control character \xff".to_vec(),
            b"\x78\x9c\xab\xff\xfe".to_vec(),
            utf_16("{\"code\":0}"),
            utf_16(" \r\n{\"code\":0"),
            br#"{"\u0063ode":0}"#.to_vec(),
            br#"callback("{\u0022code\u0022:0}")"#.to_vec(),
            b"\x01{}".to_vec(),
        ] {
            for status in [302, 403, 404, 405, 413, 429] {
                let reply = Reply::new(StatusCode::from_u16(status).unwrap(), body.clone());
                assert!(!reply.never_reached(), "{status} {body:?}");
            }
        }
        assert!(never_reached(404, "<p>See <code>/api</code></p>"), "a page about a path");
        assert!(never_reached(404, "<html><script>\\u003c</script>\r\n\t\u{c}"));
    }

    #[test]
    fn a_json_object_may_be_the_platforms_own_word() {
        for body in [
            r#"{"code":"?"}"#,
            "\u{feff} {\"code\":",
            r#" {"data":{},"code":null}"#,
            r#"[{"code":0}]"#,
            r#""{\"code\":0}""#,
            r#"callback({"code":0})"#,
            "{'code':0}",
            r#"{"Code":0}"#,
            r#"<?xml version="1.0"?><response><code>0</code></response>"#,
            "<Response><Code>-1</Code></Response>",
        ] {
            for status in 100..=999 {
                assert!(!never_reached(status, body), "{status} {body}");
            }
        }
        let compressed = Reply::new(StatusCode::NOT_FOUND, "?")
            .with_header(http::header::CONTENT_ENCODING, http::HeaderValue::from_static("gzip"));
        assert!(!compressed.never_reached());
        // A framework's own page of an unknown path.
        let page = r#"{"timestamp":"2026-11-22","status":404,"error":"Not Found","path":"/api/number/get"}"#;
        assert!(never_reached(404, page) && never_reached(405, page) && never_reached(302, "{}"));
        for status in [401, 403, 429, 200, 400, 500] {
            assert!(!never_reached(status, page), "{status}");
        }
    }
}
