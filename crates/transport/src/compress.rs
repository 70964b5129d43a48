//! gzip and deflate, both ways.

use std::io::{self, Read, Write};

use bytes::Bytes;
use flate2::Compression;
use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use flate2::write::{GzEncoder, ZlibEncoder};
use http::header::{self, HeaderMap, HeaderValue};

use crate::body::{Body, BodyError};
use crate::reply::Reply;

/// Smaller answers are sent as they are: they fit into a packet anyway.
const WORTH_IT: usize = 1024;

/// What a client can read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Encoding {
    Gzip,
    Deflate,
}

/// The encoding for an answer by what the client accepts; gzip where it has the choice.
pub(crate) fn accepted(headers: &HeaderMap) -> Option<Encoding> {
    let (mut gzip, mut deflate, mut any) = (None, None, None);
    for value in headers.get_all(header::ACCEPT_ENCODING) {
        for part in value.to_str().unwrap_or("").split(',') {
            let (name, rest) = part.split_once(';').unwrap_or((part, ""));
            let refused = rest
                .trim()
                .strip_prefix("q=")
                .is_some_and(|q| q.trim().parse::<f32>().is_ok_and(|q| q <= 0.0));
            let name = name.trim();
            if name.eq_ignore_ascii_case("gzip") || name.eq_ignore_ascii_case("x-gzip") {
                gzip = Some(!refused);
            } else if name.eq_ignore_ascii_case("deflate") {
                deflate = Some(!refused);
            } else if name == "*" {
                any = Some(!refused);
            }
        }
    }
    if gzip.or(any) == Some(true) {
        Some(Encoding::Gzip)
    } else if deflate == Some(true) {
        Some(Encoding::Deflate)
    } else {
        None
    }
}

/// Compresses an answer that is worth it.
pub(crate) fn compress(reply: Reply, encoding: Option<Encoding>) -> Reply {
    let (mut parts, body) = reply.into_parts();
    let (Some(encoding), Body::Whole(Some(bytes))) = (encoding, &body) else {
        return Reply::from_parts(parts, body);
    };
    if bytes.len() < WORTH_IT || parts.headers.contains_key(header::CONTENT_ENCODING) {
        return Reply::from_parts(parts, body);
    }
    let Ok(small) = encode(bytes, encoding) else { return Reply::from_parts(parts, body) };
    let name = match encoding {
        Encoding::Gzip => "gzip",
        Encoding::Deflate => "deflate",
    };
    parts.headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(name));
    parts.headers.append(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    Reply::from_parts(parts, Body::from(Bytes::from(small)))
}

fn encode(bytes: &[u8], encoding: Encoding) -> io::Result<Vec<u8>> {
    // The fastest level: the processor is dearer than the line.
    let out = Vec::with_capacity(bytes.len() / 3);
    match encoding {
        Encoding::Gzip => {
            let mut encoder = GzEncoder::new(out, Compression::fast());
            encoder.write_all(bytes)?;
            encoder.finish()
        }
        Encoding::Deflate => {
            let mut encoder = ZlibEncoder::new(out, Compression::fast());
            encoder.write_all(bytes)?;
            encoder.finish()
        }
    }
}

/// Undoes the encoding of a request's body. What would unfold to more than `limit` bytes is
/// noticed after `limit` bytes.
pub(crate) fn decompress(
    headers: &HeaderMap,
    body: Bytes,
    limit: usize,
) -> Result<Bytes, BodyError> {
    let Some(encoding) = headers.get(header::CONTENT_ENCODING) else { return Ok(body) };
    if body.is_empty() {
        return Ok(body);
    }
    let encoding = encoding.to_str().unwrap_or("").trim();
    if encoding.eq_ignore_ascii_case("gzip") || encoding.eq_ignore_ascii_case("x-gzip") {
        unfold(MultiGzDecoder::new(&body[..]), limit)
    } else if encoding.eq_ignore_ascii_case("deflate") {
        // The standard means zlib by it, half of the world raw deflate.
        let zlib = body.len() >= 2
            && body[0] & 0x0f == 8
            && (u16::from(body[0]) << 8 | u16::from(body[1])).is_multiple_of(31);
        if zlib {
            unfold(ZlibDecoder::new(&body[..]), limit)
        } else {
            unfold(DeflateDecoder::new(&body[..]), limit)
        }
    } else {
        // Unknown encodings are left alone, as the public protocol does: the decoder behind says
        // what is wrong.
        Ok(body)
    }
}

fn unfold(decoder: impl Read, limit: usize) -> Result<Bytes, BodyError> {
    let mut out = Vec::new();
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    decoder.take(most).read_to_end(&mut out).map_err(|_| BodyError::Broken)?;
    if out.len() > limit { Err(BodyError::TooLarge) } else { Ok(out.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reply::success;
    use flate2::write::DeflateEncoder;

    fn headers(name: header::HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    #[test]
    fn the_best_accepted_encoding_is_taken() {
        let accepted = |value| accepted(&headers(header::ACCEPT_ENCODING, value));
        assert_eq!(accepted("deflate, gzip;q=0.5, br"), Some(Encoding::Gzip));
        assert_eq!(accepted("deflate, gzip;q=0"), Some(Encoding::Deflate));
        assert_eq!(accepted("*"), Some(Encoding::Gzip));
        assert_eq!(accepted("identity"), None);
        assert_eq!(accepted("br"), None);
        assert_eq!(super::accepted(&HeaderMap::new()), None);
    }

    #[test]
    fn what_is_compressed_comes_back() {
        let text = vec![b'x'; 5000];
        for (encoding, name) in [(Encoding::Gzip, "gzip"), (Encoding::Deflate, "deflate")] {
            let reply = compress(success(text.clone()), Some(encoding));
            assert_eq!(reply.headers()[header::CONTENT_ENCODING], name);
            let Body::Whole(Some(small)) = reply.into_body() else { panic!("no body") };
            assert!(small.len() < 100);
            let back = decompress(&headers(header::CONTENT_ENCODING, name), small, 5000).unwrap();
            assert_eq!(back, text);
        }
    }

    #[test]
    fn small_answers_are_left_alone() {
        let reply = compress(success(vec![b'x'; 1000]), Some(Encoding::Gzip));
        assert!(!reply.headers().contains_key(header::CONTENT_ENCODING));
    }

    #[test]
    fn a_bomb_stops_at_the_limit() {
        let bomb = encode(&vec![0; 10 << 20], Encoding::Gzip).unwrap();
        assert!(bomb.len() < 100_000);
        let gzip = headers(header::CONTENT_ENCODING, "gzip");
        assert_eq!(decompress(&gzip, bomb.into(), 1000), Err(BodyError::TooLarge));
    }

    #[test]
    fn raw_deflate_is_understood_and_rubbish_is_not() {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(b"raw").unwrap();
        let deflate = headers(header::CONTENT_ENCODING, "deflate");
        let back = decompress(&deflate, encoder.finish().unwrap().into(), 100).unwrap();
        assert_eq!(&back[..], b"raw");
        let gzip = headers(header::CONTENT_ENCODING, "gzip");
        assert_eq!(decompress(&gzip, Bytes::from_static(b"{}"), 100), Err(BodyError::Broken));
    }
}
