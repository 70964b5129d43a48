//! Hashes, ciphers and signatures.

use aes::cipher::{BlockCipherEncrypt, InnerIvInit as _, KeyInit};
use aes::{Aes128, Aes256};
use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac as _};
use md5::Md5;
use ring::rand::SystemRandom;
use ring::rsa::KeyPair;
use ring::signature::RSA_PKCS1_SHA256;
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject as _;
use sha2::{Digest as _, Sha256};
use tavern_auth::{PasswordError, Verdict};
use tavern_domain::{Entropy, ErrorCode};
use tavern_runtime_hooks::host::{
    Aes128Decrypt, Aes128Encrypt, Aes256Decrypt, Aes256Encrypt, BcryptCompare, BcryptHash,
    CryptoHost, HmacSha256Hash, JwtGenerate, Md5Hash, RsaSha256Hash, SecureRandomBytes, Sha256Hash,
    TextOrBytes,
};
use tavern_runtime_hooks::{Blob, HookError};

use super::ServerHost;
use super::encoding::{bounded, from_base64, invalid, to_base64, to_hex};
use crate::error;

/// What a bcrypt of server code costs.
const BCRYPT_COST: u32 = 13;
/// Most random bytes at once.
const MOST_RANDOM: i64 = 65_536;
/// Bytes of the vector that an AES text begins with.
const IV: usize = 16;

fn block_cipher<C: KeyInit>(key: &[u8]) -> Result<C, HookError> {
    C::new_from_slice(key).map_err(|_| invalid("the key has not as many bytes as it needs"))
}

fn encrypted<C>(
    entropy: &dyn Entropy,
    input: &[u8],
    key: &[u8],
    base64: bool,
) -> Result<TextOrBytes, HookError>
where
    C: BlockCipherEncrypt + KeyInit,
{
    let mut out = vec![0; IV];
    entropy.fill(&mut out);
    let cipher = cfb_mode::Encryptor::inner_iv_slice_init(block_cipher::<C>(key)?, &out);
    let cipher = cipher.expect("the vector has its length");
    out.extend_from_slice(bounded(input)?);
    out.resize(out.len().next_multiple_of(4), b' ');
    cipher.encrypt(&mut out[IV..]);
    Ok(if base64 { TextOrBytes::Text(to_base64(&out)) } else { TextOrBytes::Bytes(out) })
}

fn decrypted<C>(input: &[u8], key: &[u8], base64: bool) -> Result<TextOrBytes, HookError>
where
    C: BlockCipherEncrypt + KeyInit,
{
    let mut bytes = if base64 { from_base64(input)? } else { bounded(input)?.to_vec() };
    if bytes.len() < IV {
        return Err(invalid("the input is shorter than what encryption makes"));
    }
    let mut text = bytes.split_off(IV);
    let cipher = cfb_mode::Decryptor::inner_iv_slice_init(block_cipher::<C>(key)?, &bytes);
    let cipher = cipher.expect("the vector has its length");
    cipher.decrypt(&mut text);
    Ok(if base64 {
        TextOrBytes::Text(String::from_utf8_lossy(&text).into_owned())
    } else {
        TextOrBytes::Bytes(text)
    })
}

fn hmac_sha256(input: &[u8], key: &[u8]) -> Vec<u8> {
    let mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key).expect("HMAC takes any key");
    mac.chain_update(input).finalize().into_bytes().to_vec()
}

fn rsa_sha256(input: &[u8], key: &str) -> Result<Vec<u8>, HookError> {
    let key = PrivateKeyDer::from_pem_slice(bounded(key.as_bytes())?)
        .map_err(|_| invalid("the key is no private key in PEM"))?;
    let pair = match &key {
        PrivateKeyDer::Pkcs1(der) => KeyPair::from_der(der.secret_pkcs1_der()),
        PrivateKeyDer::Pkcs8(der) => KeyPair::from_pkcs8(der.secret_pkcs8_der()),
        PrivateKeyDer::Sec1(_) | _ => return Err(invalid("the key is no RSA key")),
    };
    let pair = pair.map_err(|error| invalid(format!("the key cannot be used: {error}")))?;
    let mut signature = vec![0; pair.public().modulus_len()];
    pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), input, &mut signature)
        .map_err(|_| HookError::new(ErrorCode::Internal, "signing failed"))?;
    Ok(signature)
}

fn jwt(args: &JwtGenerate) -> Result<String, HookError> {
    let mut claims = serde_json::Map::new();
    for (name, value) in &args.claims {
        let value = serde_json::from_str(&value.0).map_err(HookError::internal)?;
        claims.insert(name.clone(), value);
    }
    let claims = serde_json::to_vec(&claims).map_err(HookError::internal)?;
    let head = format!(r#"{{"alg":"{}","typ":"JWT"}}"#, args.algorithm);
    let signed =
        format!("{}.{}", URL_SAFE_NO_PAD.encode(head), URL_SAFE_NO_PAD.encode(bounded(&claims)?));
    let signature = match args.algorithm.as_str() {
        "HS256" => hmac_sha256(signed.as_bytes(), args.signing_key.as_bytes()),
        "RS256" => rsa_sha256(signed.as_bytes(), &args.signing_key)?,
        _ => return Err(invalid("the algorithm must be HS256 or RS256")),
    };
    Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
}

fn of_password(failure: PasswordError) -> HookError {
    error::classified(failure).into()
}

#[async_trait]
impl CryptoHost for ServerHost {
    async fn aes128_encrypt(&self, args: Aes128Encrypt) -> Result<TextOrBytes, HookError> {
        let base64 = args.base64.unwrap_or(false);
        encrypted::<Aes128>(&*self.0.entropy, &args.input.0, &args.key.0, base64)
    }

    async fn aes128_decrypt(&self, args: Aes128Decrypt) -> Result<TextOrBytes, HookError> {
        decrypted::<Aes128>(&args.input.0, &args.key.0, args.base64.unwrap_or(false))
    }

    async fn aes256_encrypt(&self, args: Aes256Encrypt) -> Result<TextOrBytes, HookError> {
        let base64 = args.base64.unwrap_or(false);
        encrypted::<Aes256>(&*self.0.entropy, &args.input.0, &args.key.0, base64)
    }

    async fn aes256_decrypt(&self, args: Aes256Decrypt) -> Result<TextOrBytes, HookError> {
        decrypted::<Aes256>(&args.input.0, &args.key.0, args.base64.unwrap_or(false))
    }

    async fn md5_hash(&self, args: Md5Hash) -> Result<String, HookError> {
        Ok(to_hex(&Md5::digest(bounded(&args.input.0)?)))
    }

    async fn sha256_hash(&self, args: Sha256Hash) -> Result<String, HookError> {
        Ok(to_hex(&Sha256::digest(bounded(&args.input.0)?)))
    }

    async fn hmac_sha256_hash(&self, args: HmacSha256Hash) -> Result<Blob, HookError> {
        Ok(Blob(hmac_sha256(bounded(&args.input.0)?, &args.key.0)))
    }

    async fn rsa_sha256_hash(&self, args: RsaSha256Hash) -> Result<TextOrBytes, HookError> {
        let signature = rsa_sha256(bounded(&args.input.0)?, &args.key)?;
        Ok(if args.base64.unwrap_or(false) {
            TextOrBytes::Text(to_base64(&signature))
        } else {
            TextOrBytes::Bytes(signature)
        })
    }

    async fn bcrypt_hash(&self, args: BcryptHash) -> Result<String, HookError> {
        self.0.passwords.bcrypt(&args.input, BCRYPT_COST).await.map_err(of_password)
    }

    async fn bcrypt_compare(&self, args: BcryptCompare) -> Result<bool, HookError> {
        let verdict = self.0.passwords.verify(&args.plaintext, Some(args.hash.as_bytes())).await;
        Ok(matches!(verdict.map_err(of_password)?, Verdict::Right { .. }))
    }

    async fn jwt_generate(&self, args: JwtGenerate) -> Result<String, HookError> {
        jwt(&args)
    }

    async fn secure_random_bytes(&self, args: SecureRandomBytes) -> Result<Blob, HookError> {
        if !(0..=MOST_RANDOM).contains(&args.count) {
            return Err(invalid("expects a count of 0 to 65536"));
        }
        let mut bytes = vec![0; usize::try_from(args.count).unwrap_or_default()];
        self.0.entropy.fill(&mut bytes);
        Ok(Blob(bytes))
    }
}

#[cfg(test)]
mod tests;
