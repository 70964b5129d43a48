//! Bytes as text, and ids.

use super::declare::host_area;
use crate::value::Blob;

host_area! {
    /// Bytes as text, and ids. An input has at most 16 MiB.
    EncodingHost

    /// Base64 (RFC 4648, section 4), padded unless told otherwise.
    fn base64_encode as "base64Encode" (Base64Encode {
        input: Blob,
        padding: Option<bool>,
    }) -> String;

    /// The bytes of a Base64 text, padded or not.
    fn base64_decode as "base64Decode" (Base64Decode {
        input: String,
        padding: Option<bool>,
    }) -> Blob;

    /// Base64 for URLs (RFC 4648, section 5), padded unless told otherwise.
    fn base64url_encode as "base64UrlEncode" (Base64UrlEncode {
        input: Blob,
        padding: Option<bool>,
    }) -> String;

    /// The bytes of a Base64 text for URLs, padded or not.
    fn base64url_decode as "base64UrlDecode" (Base64UrlDecode {
        input: String,
        padding: Option<bool>,
    }) -> Blob;

    /// Hexadecimal digits, in lower case.
    fn base16_encode as "base16Encode" (Base16Encode { input: Blob }) -> String;

    /// The bytes of hexadecimal digits in any case.
    fn base16_decode as "base16Decode" (Base16Decode { input: String }) -> Blob;

    /// A random id, version 4.
    fn uuid_v4 as "uuidv4" (UuidV4 {}) -> String;

    /// An id of 16 bytes as text.
    fn uuid_bytes_to_string as "" (UuidBytesToString { uuid_bytes: Blob }) -> String;

    /// An id as 16 bytes.
    fn uuid_string_to_bytes as "" (UuidStringToBytes { uuid_string: String }) -> Blob;
}
