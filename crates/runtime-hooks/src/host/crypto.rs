//! Hashes, ciphers and signatures.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use super::declare::host_area;
use crate::value::{Blob, Json};

/// Bytes that are text in some languages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TextOrBytes {
    /// As text.
    Text(String),
    /// As bytes.
    Bytes(Vec<u8>),
}

impl Serialize for TextOrBytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            Self::Bytes(bytes) => serializer.serialize_bytes(bytes),
        }
    }
}

host_area! {
    /// Hashes, ciphers and signatures. An input has at most 16 MiB.
    CryptoHost

    /// AES with a key of 16 bytes in CFB mode: a random IV, and behind it the input, filled up
    /// with spaces to a multiple of four bytes. Bytes, or Base64 if asked for, which JavaScript
    /// does unless told otherwise. Nothing proves that it was not changed.
    fn aes128_encrypt as "aes128Encrypt" (Aes128Encrypt {
        input: Blob,
        key: Blob,
        base64: Option<bool>,
    }) -> TextOrBytes, js_default ["base64"];

    /// What was given to `aes128_encrypt`, with the spaces it was filled up with.
    fn aes128_decrypt as "aes128Decrypt" (Aes128Decrypt {
        input: Blob,
        key: Blob,
        base64: Option<bool>,
    }) -> TextOrBytes, js_default ["base64"];

    /// As `aes128_encrypt`, with a key of 32 bytes.
    fn aes256_encrypt as "aes256Encrypt" (Aes256Encrypt {
        input: Blob,
        key: Blob,
        base64: Option<bool>,
    }) -> TextOrBytes, js_default ["base64"];

    /// What was given to `aes256_encrypt`, with the spaces it was filled up with.
    fn aes256_decrypt as "aes256Decrypt" (Aes256Decrypt {
        input: Blob,
        key: Blob,
        base64: Option<bool>,
    }) -> TextOrBytes, js_default ["base64"];

    /// MD5, as hexadecimal digits. Not for secrets.
    fn md5_hash as "md5Hash" (Md5Hash { input: Blob }) -> String;

    /// SHA-256, as hexadecimal digits.
    fn sha256_hash as "sha256Hash" (Sha256Hash { input: Blob }) -> String;

    /// HMAC with SHA-256.
    fn hmac_sha256_hash as "hmacSha256Hash" (HmacSha256Hash { input: Blob, key: Blob }) -> Blob;

    /// A signature by RSA (PKCS #1 v1.5) over the SHA-256 of the input. The key is a PEM text of
    /// PKCS #1 or PKCS #8, of 2048 to 4096 bits. Bytes, or Base64 if asked for, which JavaScript
    /// does unless told otherwise.
    fn rsa_sha256_hash as "rsaSha256Hash" (RsaSha256Hash {
        input: Blob,
        key: String,
        base64: Option<bool>,
    }) -> TextOrBytes, js_default ["base64"];

    /// Bcrypt of a text of at most 72 bytes, at cost 13. Takes about half a second of computing.
    fn bcrypt_hash as "bcryptHash" (BcryptHash { input: String }) -> String;

    /// Whether a text is the one that a bcrypt value was made of.
    fn bcrypt_compare as "bcryptCompare" (BcryptCompare {
        hash: String,
        plaintext: String,
    }) -> bool;

    /// A signed JSON Web Token with these claims. The algorithm is HS256, with the key as it is, or
    /// RS256, with a key as `rsa_sha256_hash` takes it.
    fn jwt_generate as "jwtGenerate" (JwtGenerate {
        algorithm: String,
        signing_key: String,
        claims: BTreeMap<String, Json>,
    }) -> String;

    /// Random bytes fit for keys, at most 65536.
    fn secure_random_bytes as "secureRandomBytes" (SecureRandomBytes { count: i64 }) -> Blob;
}
