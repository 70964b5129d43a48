//! As much of DER as certificates and keys need.

/// What a value is.
pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const OBJECT_ID: u8 = 0x06;
pub(crate) const BIT_STRING: u8 = 0x03;
/// `[3] EXPLICIT`: the extensions of a certificate.
const EXTENSIONS: u8 = 0xa3;

/// Reads values one after the other. Whatever the bytes are, it ends.
#[derive(Clone, Copy)]
pub(crate) struct Values<'a>(pub(crate) &'a [u8]);

impl<'a> Iterator for Values<'a> {
    /// A tag of one byte and the content; the end also of what is malformed.
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (&tag, rest) = self.0.split_first()?;
        let (&first, rest) = rest.split_first()?;
        let (length, rest) = match first {
            0..=0x7f => (usize::from(first), rest),
            // Lengths of up to four bytes are beyond anything that is read here.
            0x81..=0x84 => {
                let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
                let length =
                    bytes.iter().fold(0_usize, |length, byte| length << 8 | usize::from(*byte));
                (length, rest)
            }
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((tag, content))
    }
}

impl<'a> Values<'a> {
    /// The content of the next value, if it is of this kind.
    pub(crate) fn expect(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.next().filter(|(found, _)| *found == tag).map(|(_, content)| content)
    }
}

/// Whether a certificate has an extension of this object id (RFC 5280, section 4.1).
pub(crate) fn has_extension(certificate: &[u8], id: &[u8]) -> bool {
    let find = || {
        let certificate = Values(certificate).expect(SEQUENCE)?;
        let mut signed = Values(Values(certificate).expect(SEQUENCE)?);
        let (_, extensions) = signed.find(|(tag, _)| *tag == EXTENSIONS)?;
        let mut extensions = Values(Values(extensions).expect(SEQUENCE)?);
        extensions.find(|(tag, extension)| {
            *tag == SEQUENCE && Values(extension).expect(OBJECT_ID) == Some(id)
        })
    };
    find().is_some()
}

/// The key itself out of a `SubjectPublicKeyInfo` (RFC 5280, section 4.1), if it is one of this
/// algorithm.
pub(crate) fn public_key<'a>(info: &'a [u8], algorithm: &[u8]) -> Option<&'a [u8]> {
    let mut info = Values(Values(info).expect(SEQUENCE)?);
    let named = Values(info.expect(SEQUENCE)?).expect(OBJECT_ID)?;
    let (unused, key) = info.expect(BIT_STRING)?.split_first()?;
    (named == algorithm && *unused == 0).then_some(key)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rcgen::{CertificateParams, CustomExtension, KeyPair};

    use super::*;

    const OURS: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x63, 0x64, 0x06, 0x0b, 0x01];

    fn certificate(name: &str, extensions: Vec<CustomExtension>) -> Vec<u8> {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.custom_extensions = extensions;
        let key = KeyPair::generate().unwrap();
        params.self_signed(&key).unwrap().der().to_vec()
    }

    #[test]
    fn an_extension_is_found_and_nothing_like_it() {
        let extension = |oid: &[u64]| CustomExtension::from_oid_content(oid, vec![5, 0]);
        let ours = [1, 2, 840, 113_635, 100, 6, 11, 1];
        let with = certificate("a.example", vec![extension(&[1, 2, 3]), extension(&ours)]);
        assert!(has_extension(&with, OURS));
        let other = certificate("a.example", vec![extension(&[1, 2, 840, 113_635, 100, 6, 11])]);
        assert!(!has_extension(&other, OURS));
        // The id within another extension is not one.
        let hidden = CustomExtension::from_oid_content(&[1, 2, 3], with.clone());
        assert!(!has_extension(&certificate("a.example", vec![hidden]), OURS));
        for cut in 0..with.len() {
            assert!(!has_extension(&with[..cut], OURS), "cut at {cut}");
        }
    }

    #[test]
    fn a_key_is_found_in_its_wrapping() {
        let info = [0x30, 10, 0x30, 4, 0x06, 2, 0x2a, 3, 0x03, 2, 0, 9];
        assert_eq!(public_key(&info, &[0x2a, 3]), Some(&[9][..]));
        assert_eq!(public_key(&info, &[0x2a, 4]), None, "another algorithm");
        for cut in 0..info.len() {
            assert_eq!(public_key(&info[..cut], &[0x2a, 3]), None, "cut at {cut}");
        }
    }

    proptest! {
        #[test]
        fn reading_ends_whatever_the_bytes_are(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(Values(&bytes).count() <= bytes.len() / 2);
            has_extension(&bytes, OURS);
            public_key(&bytes, OURS);
        }
    }
}
