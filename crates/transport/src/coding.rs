//! Content codings: what a server on the way does to a reply although the request asks for none.

use std::io::Read;

use bytes::Bytes;
use flate2::bufread::{GzDecoder, MultiGzDecoder};
use flate2::{Crc, Decompress, FlushDecompress, Status};
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use numcheck_protocol::is_compressed;

use crate::exchange::Received;

/// Decodes a whole body of at most `limit` decoded bytes, and takes the headers away that described it compressed. What is no gzip or deflate, is
/// broken or longer stays as it came.
pub(crate) fn decode(mut received: Received, limit: usize) -> Received {
    let mut codings = received.headers.get_all(CONTENT_ENCODING).iter();
    let (coding, None) = (codings.next(), codings.next()) else { return received };
    let coding = coding.map(|coding| coding.as_bytes().trim_ascii().to_ascii_lowercase());
    let body = &*received.body;
    let deflated = |in_zlib| inflate(body, in_zlib, limit).map(|(text, _)| text);
    let decoded = match coding.as_deref() {
        // A server on the way has compressed it, or passed it on compressed, and says nothing of it.
        None if is_compressed(body) => gunzip(body, limit).or_else(|| deflated(true)),
        Some(b"identity" | b"") => Some(received.body.clone()),
        Some(b"gzip" | b"x-gzip") => gunzip(body, limit),
        // Servers disagree on whether it has the frame of zlib.
        Some(b"deflate") => deflated(true).or_else(|| deflated(false)),
        _ => None,
    };
    if let Some(decoded) = decoded {
        received.body = decoded;
        received.headers.remove(CONTENT_ENCODING);
        received.headers.remove(CONTENT_LENGTH);
    }
    received
}

/// All that is in gzip. Its trailer, which begins with a checksum, may be missing, and anything may follow it: there are servers that err so.
fn gunzip(body: &[u8], limit: usize) -> Option<Bytes> {
    let mut text = Vec::new();
    if MultiGzDecoder::new(body).take(one_more(limit)).read_to_end(&mut text).is_ok() {
        return (text.len() <= limit).then(|| text.into());
    }
    let (text, rest) = inflate(GzDecoder::new(body).into_inner(), false, limit)?;
    let mut crc = Crc::new();
    crc.update(&text);
    let is_right =
        rest.first_chunk().is_none_or(|sum| rest.len() < TRAILER || u32::from_le_bytes(*sum) == crc.sum());
    is_right.then_some(text)
}

/// Bytes of a trailer of gzip.
const TRAILER: usize = 8;

/// All that is in a deflate stream, which must come to its end, and what follows it. Memory grows with what is in it, and no
/// further than the limit.
fn inflate(body: &[u8], in_zlib: bool, limit: usize) -> Option<(Bytes, &[u8])> {
    let mut state = Decompress::new(in_zlib);
    let (mut rest, mut text) = (body, Vec::new());
    loop {
        text.reserve(8 << 10);
        let before = state.total_in();
        let status = state.decompress_vec(rest, &mut text, FlushDecompress::None).ok()?;
        rest = rest.get(usize::try_from(state.total_in() - before).ok()?..)?;
        match status {
            _ if text.len() > limit => return None,
            Status::StreamEnd => return Some((text.into(), rest)),
            // It had room, and wants to read more than there is.
            _ if text.len() < text.capacity() => return None,
            Status::Ok | Status::BufError => {}
        }
    }
}

fn one_more(limit: usize) -> u64 {
    u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1)
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
            ("gzip", [gzip(b"{"), gzip(&BODY[1..])].concat()),
            ("gzip", [gzip(BODY), b"\n".to_vec()].concat()),
            ("gzip", [gzip(BODY), vec![0; 16]].concat()),
            (" X-GZIP", gzip(BODY)),
            ("deflate", zlib.finish().unwrap()),
            ("Deflate", deflate.finish().unwrap()),
            ("identity", BODY.to_vec()),
        ] {
            assert_eq!(decoded(Some(coding), body, 10), (Bytes::from_static(BODY), true), "{coding}");
        }
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::default());
        zlib.write_all(BODY).unwrap();
        assert_eq!(decoded(None, zlib.finish().unwrap(), 10), (Bytes::from_static(BODY), true));
        assert_eq!(decoded(None, gzip(BODY), 10), (Bytes::from_static(BODY), true));
        assert_eq!(decoded(None, BODY.to_vec(), 1), (Bytes::from_static(BODY), true), "as it came");
    }

    #[test]
    fn gzip_is_read_without_its_trailer() {
        let whole = gzip(BODY);
        for missing in 1..=TRAILER {
            let cut = whole[..whole.len() - missing].to_vec();
            assert_eq!(decoded(Some("gzip"), cut, 10), (Bytes::from_static(BODY), true), "{missing} bytes");
        }
    }

    #[test]
    fn what_cannot_be_read_stays_as_it_came() {
        let whole = gzip(BODY);
        let mut corrupt = whole.clone();
        let at = corrupt.len() - 6;
        corrupt[at] ^= 1;
        let mut deflate = DeflateEncoder::new(Vec::new(), Compression::fast());
        deflate.write_all(BODY).unwrap();
        let mut deflate = deflate.finish().unwrap();
        deflate.pop();
        let bomb = gzip(&vec![0; 64 << 20]);
        assert!(bomb.len() < 1 << 20);
        let cut_bomb = bomb[..bomb.len() - 1].to_vec();
        for (coding, body) in [
            ("gzip", whole[..whole.len() - TRAILER - 1].to_vec()),
            ("gzip", whole[..3].to_vec()),
            ("deflate", deflate),
            ("gzip", cut_bomb),
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
