use tavern_domain::SeededEntropy;
use tavern_runtime_hooks::Json;

use super::*;

const KEY_16: &[u8] = b"goldenbridge_key";
const KEY_32: &[u8] = b"goldenbridge_key_goldenbridgekey";

fn text(answer: &TextOrBytes) -> &str {
    match answer {
        TextOrBytes::Text(text) => text,
        TextOrBytes::Bytes(_) => panic!("bytes"),
    }
}

fn bytes(answer: &TextOrBytes) -> &[u8] {
    match answer {
        TextOrBytes::Bytes(bytes) => bytes,
        TextOrBytes::Text(_) => panic!("a text"),
    }
}

#[test]
fn what_was_encrypted_is_decrypted_with_the_spaces_it_was_filled_up_with() {
    let entropy = SeededEntropy::new(1);
    for (given, back) in
        [("", ""), ("a", "a   "), ("four", "four"), ("mehr als vier", "mehr als vier   ")]
    {
        let made = encrypted::<Aes128>(&entropy, given.as_bytes(), KEY_16, false).unwrap();
        assert_eq!(bytes(&made).len(), IV + back.len());
        let read = decrypted::<Aes128>(bytes(&made), KEY_16, false).unwrap();
        assert_eq!(bytes(&read), back.as_bytes());

        let made = encrypted::<Aes256>(&entropy, given.as_bytes(), KEY_32, true).unwrap();
        let read = decrypted::<Aes256>(text(&made).as_bytes(), KEY_32, true).unwrap();
        assert_eq!(text(&read), back);
    }
}

/// NIST SP 800-38A, F.3.13: CFB128-AES128.
#[test]
fn the_cipher_is_that_of_the_standard() {
    let key = 0x2b7e_1516_28ae_d2a6_abf7_1588_09cf_4f3c_u128.to_be_bytes();
    let iv = 0x0001_0203_0405_0607_0809_0a0b_0c0d_0e0f_u128.to_be_bytes();
    let plain = 0x6bc1_bee2_2e40_9f96_e93d_7e11_7393_172a_u128.to_be_bytes();
    let cipher = 0x3b3f_d92e_b72d_ad20_3334_49f8_e83c_fb4a_u128.to_be_bytes();
    let read = decrypted::<Aes128>(&[iv, cipher].concat(), &key, false).unwrap();
    assert_eq!(bytes(&read), plain);
}

#[test]
fn keys_of_other_lengths_and_short_texts_are_refused() {
    let entropy = SeededEntropy::new(1);
    assert!(encrypted::<Aes128>(&entropy, b"a", KEY_32, false).is_err());
    assert!(encrypted::<Aes256>(&entropy, b"a", KEY_16, false).is_err());
    assert!(decrypted::<Aes128>(b"too short", KEY_16, false).is_err());
    assert!(decrypted::<Aes128>(b"not base64!", KEY_16, true).is_err());
}

/// RFC 4231, test case 2.
#[test]
fn hmac_is_that_of_the_standard() {
    assert_eq!(
        to_hex(&hmac_sha256(b"what do ya want for nothing?", b"Jefe")),
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    );
}

#[test]
fn a_token_has_its_three_parts() {
    let claims = [("sub", r#""someone""#), ("n", "7")];
    let claims = claims.map(|(name, value)| (name.to_owned(), Json(value.to_owned())));
    let args = JwtGenerate {
        algorithm: "HS256".into(),
        signing_key: "made-up".into(),
        claims: claims.into(),
    };
    let token = jwt(&args).unwrap();
    let parts: Vec<&str> = token.split('.').collect();
    let decode = |part: &str| String::from_utf8(URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
    assert_eq!(decode(parts[0]), r#"{"alg":"HS256","typ":"JWT"}"#);
    assert_eq!(decode(parts[1]), r#"{"n":7,"sub":"someone"}"#);
    let signed = format!("{}.{}", parts[0], parts[1]);
    assert_eq!(parts[2], URL_SAFE_NO_PAD.encode(hmac_sha256(signed.as_bytes(), b"made-up")));

    let other = JwtGenerate { algorithm: "none".into(), ..args };
    assert_eq!(jwt(&other).unwrap_err().code, ErrorCode::InvalidArgument);
}

#[test]
fn signatures_by_rsa_are_verified_with_the_public_key() {
    let key = include_str!("test-key.pem");
    let signature = rsa_sha256(b"hello", key).unwrap();
    let PrivateKeyDer::Pkcs1(der) = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap() else {
        panic!("PKCS #1")
    };
    let pair = KeyPair::from_der(der.secret_pkcs1_der()).unwrap();
    let public = ring::signature::UnparsedPublicKey::new(
        &ring::signature::RSA_PKCS1_2048_8192_SHA256,
        pair.public().as_ref(),
    );
    public.verify(b"hello", &signature).unwrap();
    assert!(public.verify(b"hallo", &signature).is_err());
    assert!(rsa_sha256(b"hello", "no key").is_err());
}
