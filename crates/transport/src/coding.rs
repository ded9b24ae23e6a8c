//! Content codings: what a server on the way does to a reply although the request asks for none.

use std::io::Read;

use bytes::Bytes;
use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};

use crate::exchange::Received;

/// Decodes a whole body of at most `limit` decoded bytes, and takes the headers away that described it compressed. What is no gzip or deflate, is
/// broken or longer stays as it came.
pub(crate) fn decode(mut received: Received, limit: usize) -> Received {
    let mut codings = received.headers.get_all(CONTENT_ENCODING).iter();
    let (Some(coding), None) = (codings.next(), codings.next()) else { return received };
    let (coding, body) = (coding.as_bytes().trim_ascii().to_ascii_lowercase(), &*received.body);
    let decoded = match coding.as_slice() {
        b"identity" | b"" => Some(received.body.clone()),
        b"gzip" | b"x-gzip" => read(MultiGzDecoder::new(body), limit),
        // Servers disagree on whether it has the frame of zlib.
        b"deflate" => read(ZlibDecoder::new(body), limit).or_else(|| read(DeflateDecoder::new(body), limit)),
        _ => None,
    };
    if let Some(decoded) = decoded {
        received.body = decoded;
        received.headers.remove(CONTENT_ENCODING);
        received.headers.remove(CONTENT_LENGTH);
    }
    received
}

/// All that a decoder has to say; memory grows with what it says, and no further than the limit.
fn read(decoder: impl Read, limit: usize) -> Option<Bytes> {
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    let mut decoded = Vec::new();
    decoder.take(most).read_to_end(&mut decoded).ok()?;
    (decoded.len() <= limit).then(|| decoded.into())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
    use http::{HeaderMap, HeaderValue, StatusCode};

    use super::*;

    const BODY: &[u8] = br#"{"code":0}"#;

    fn gzip(body: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(body).unwrap();
        encoder.finish().unwrap()
    }

    fn decoded(coding: Option<&str>, body: Vec<u8>, limit: usize) -> (Bytes, bool) {
        let mut headers = HeaderMap::new();
        headers.extend(coding.map(|coding| (CONTENT_ENCODING, HeaderValue::from_str(coding).unwrap())));
        let received = decode(Received { status: StatusCode::OK, headers, body: body.into() }, limit);
        (received.body, !received.headers.contains_key(CONTENT_ENCODING))
    }

    #[test]
    fn what_was_compressed_is_read() {
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
        zlib.write_all(BODY).unwrap();
        let mut deflate = DeflateEncoder::new(Vec::new(), Compression::fast());
        deflate.write_all(BODY).unwrap();
        for (coding, body) in [
            ("gzip", gzip(BODY)),
            (" X-GZIP", gzip(BODY)),
            ("deflate", zlib.finish().unwrap()),
            ("Deflate", deflate.finish().unwrap()),
            ("identity", BODY.to_vec()),
        ] {
            assert_eq!(decoded(Some(coding), body, 10), (Bytes::from_static(BODY), true), "{coding}");
        }
        assert_eq!(decoded(None, gzip(BODY), 99).0, gzip(BODY), "no header, no coding");
    }

    #[test]
    fn what_cannot_be_read_stays_as_it_came() {
        let whole = gzip(BODY);
        let mut corrupt = whole.clone();
        let at = corrupt.len() - 6;
        corrupt[at] ^= 1;
        let bomb = gzip(&vec![0; 64 << 20]);
        assert!(bomb.len() < 1 << 20);
        for (coding, body) in [
            ("gzip", whole[..whole.len() - 1].to_vec()),
            ("gzip", corrupt),
            ("gzip", BODY.to_vec()),
            ("gzip", bomb),
            ("deflate", whole.clone()),
            ("br", whole.clone()),
            ("gzip, gzip", whole),
        ] {
            assert_eq!(decoded(Some(coding), body.clone(), 1 << 20), (body.into(), false), "{coding}");
        }
    }
}
