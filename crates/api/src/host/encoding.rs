//! Bytes as text, and ids.

use async_trait::async_trait;
use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use tavern_domain::ErrorCode;
use tavern_runtime_hooks::host::{
    Base16Decode, Base16Encode, Base64Decode, Base64Encode, Base64UrlDecode, Base64UrlEncode,
    EncodingHost, UuidBytesToString, UuidStringToBytes, UuidV4,
};
use tavern_runtime_hooks::{Blob, HookError};
use uuid::Uuid;

use super::ServerHost;

/// The longest input, in bytes.
const LONGEST: usize = 16 << 20;

const fn base64(alphabet: &alphabet::Alphabet, padded: bool) -> GeneralPurpose {
    let config = GeneralPurposeConfig::new()
        .with_encode_padding(padded)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent);
    GeneralPurpose::new(alphabet, config)
}

const PADDED: GeneralPurpose = base64(&alphabet::STANDARD, true);
const PLAIN: GeneralPurpose = base64(&alphabet::STANDARD, false);
const URL_PADDED: GeneralPurpose = base64(&alphabet::URL_SAFE, true);
const URL_PLAIN: GeneralPurpose = base64(&alphabet::URL_SAFE, false);

pub(super) fn invalid(text: impl Into<String>) -> HookError {
    HookError::new(ErrorCode::InvalidArgument, text.into())
}

/// Refuses what is too long.
pub(super) fn bounded(input: &[u8]) -> Result<&[u8], HookError> {
    if input.len() > LONGEST {
        return Err(invalid("the input has more than 16 MiB"));
    }
    Ok(input)
}

fn decoded(engine: &GeneralPurpose, text: &str) -> Result<Blob, HookError> {
    let bytes = engine.decode(bounded(text.as_bytes())?);
    bytes.map(Blob).map_err(|error| invalid(format!("not base64: {error}")))
}

/// Bytes as Base64 with padding.
pub(super) fn to_base64(bytes: &[u8]) -> String {
    PADDED.encode(bytes)
}

/// The bytes of a Base64 text.
pub(super) fn from_base64(text: &[u8]) -> Result<Vec<u8>, HookError> {
    PADDED.decode(bounded(text)?).map_err(|error| invalid(format!("not base64: {error}")))
}

/// Bytes as hexadecimal digits.
pub(super) fn to_hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |n: u8| char::from(DIGITS[usize::from(n & 15)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]).collect()
}

fn from_hex(text: &str) -> Result<Vec<u8>, HookError> {
    let digit = |c: u8| char::from(c).to_digit(16).and_then(|n| u8::try_from(n).ok());
    let (pairs, rest) = bounded(text.as_bytes())?.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(invalid("an odd number of hexadecimal digits"));
    }
    let bytes = pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?));
    bytes.collect::<Option<_>>().ok_or_else(|| invalid("not hexadecimal digits"))
}

#[async_trait]
impl EncodingHost for ServerHost {
    async fn base64_encode(&self, args: Base64Encode) -> Result<String, HookError> {
        let engine = if args.padding.unwrap_or(true) { PADDED } else { PLAIN };
        Ok(engine.encode(bounded(&args.input.0)?))
    }

    async fn base64_decode(&self, args: Base64Decode) -> Result<Blob, HookError> {
        decoded(&PADDED, &args.input)
    }

    async fn base64url_encode(&self, args: Base64UrlEncode) -> Result<String, HookError> {
        let engine = if args.padding.unwrap_or(true) { URL_PADDED } else { URL_PLAIN };
        Ok(engine.encode(bounded(&args.input.0)?))
    }

    async fn base64url_decode(&self, args: Base64UrlDecode) -> Result<Blob, HookError> {
        decoded(&URL_PADDED, &args.input)
    }

    async fn base16_encode(&self, args: Base16Encode) -> Result<String, HookError> {
        Ok(to_hex(bounded(&args.input.0)?))
    }

    async fn base16_decode(&self, args: Base16Decode) -> Result<Blob, HookError> {
        from_hex(&args.input).map(Blob)
    }

    async fn uuid_v4(&self, _: UuidV4) -> Result<String, HookError> {
        Ok(self.0.entropy.uuid_v4().to_string())
    }

    async fn uuid_bytes_to_string(&self, args: UuidBytesToString) -> Result<String, HookError> {
        let id = Uuid::from_slice(&args.uuid_bytes.0);
        id.map(|id| id.to_string()).map_err(|_| invalid("an id has 16 bytes"))
    }

    async fn uuid_string_to_bytes(&self, args: UuidStringToBytes) -> Result<Blob, HookError> {
        let id = Uuid::try_parse(&args.uuid_string);
        id.map(|id| Blob(id.as_bytes().to_vec())).map_err(|_| invalid("this is no id"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4648, section 10.
    #[test]
    fn texts_of_the_standard_go_both_ways() {
        for (bytes, text, hex) in [
            ("", "", ""),
            ("f", "Zg==", "66"),
            ("fo", "Zm8=", "666f"),
            ("foo", "Zm9v", "666f6f"),
            ("foobar", "Zm9vYmFy", "666f6f626172"),
        ] {
            assert_eq!(to_base64(bytes.as_bytes()), text);
            assert_eq!(from_base64(text.as_bytes()).unwrap(), bytes.as_bytes());
            assert_eq!(to_hex(bytes.as_bytes()), hex);
            assert_eq!(from_hex(&hex.to_uppercase()).unwrap(), bytes.as_bytes());
        }
    }

    #[test]
    fn padding_may_be_left_out() {
        for text in ["-_8", "-_8="] {
            assert_eq!(decoded(&URL_PADDED, text).unwrap().0, [0xfb, 0xff]);
        }
        assert_eq!(decoded(&PADDED, "+/8").unwrap().0, [0xfb, 0xff]);
        assert!(decoded(&PADDED, "-_8=").is_err());
    }

    #[test]
    fn what_is_no_text_of_bytes_is_refused() {
        for text in ["6", "6g", "日本", "0x"] {
            assert_eq!(from_hex(text).unwrap_err().code, ErrorCode::InvalidArgument, "{text}");
        }
        assert!(from_base64(&vec![b'A'; LONGEST + 4]).is_err());
    }
}
