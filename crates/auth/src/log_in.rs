//! Log-in ids that hold their time.
//!
//! A log-in is a UUID of version 7: milliseconds since the epoch in the first 48 bits, chance in
//! the rest. So log-ins and revocations are put in order by the millisecond, where the tokens' own
//! `iat` knows seconds only.

use tavern_domain::{Entropy, Timestamp, TokenId};
use uuid::{Uuid, Variant};

/// The largest time that fits, in milliseconds: the year 10889.
const MAX_MILLIS: i64 = (1 << 48) - 1;

/// A new log-in at this time, which is kept to the millisecond. Times before the epoch count as
/// the epoch.
#[must_use]
pub fn log_in_id(at: Timestamp, entropy: &dyn Entropy) -> TokenId {
    let mut bytes = [0; 16];
    entropy.fill(&mut bytes[6..]);
    bytes[..6].copy_from_slice(&at.millis().clamp(0, MAX_MILLIS).to_be_bytes()[2..]);
    bytes[6] = (bytes[6] & 0x0f) | 0x70;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    TokenId(Uuid::from_bytes(bytes))
}

/// When this log-in was, in whole milliseconds, if its id tells.
#[must_use]
pub fn log_in_time(id: TokenId) -> Option<Timestamp> {
    let id = id.0;
    if id.get_version_num() != 7 || id.get_variant() != Variant::RFC4122 {
        return None;
    }
    let [a, b, c, d, e, f, ..] = id.into_bytes();
    Some(Timestamp::from_millis(i64::from_be_bytes([0, 0, a, b, c, d, e, f])))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tavern_domain::SeededEntropy;

    use super::*;

    proptest! {
        #[test]
        fn the_time_of_a_log_in_is_kept_to_the_millisecond(
            nanos in 0..i64::MAX, seed: u64,
        ) {
            let at = Timestamp::from_nanos(nanos);
            let id = log_in_id(at, &SeededEntropy::new(seed));
            prop_assert_eq!(id.0.get_version_num(), 7);
            prop_assert_eq!(log_in_time(id), Some(Timestamp::from_millis(at.millis())));
        }

        #[test]
        fn any_id_at_all_is_read_without_a_panic(bytes: [u8; 16]) {
            let id = TokenId(Uuid::from_bytes(bytes));
            let version = id.0.get_version_num();
            prop_assert!(log_in_time(id).is_none() || version == 7);
        }
    }

    #[test]
    fn log_ins_of_one_instant_differ() {
        let entropy = SeededEntropy::new(1);
        let at = Timestamp::from_seconds(1_795_206_603);
        let (a, b) = (log_in_id(at, &entropy), log_in_id(at, &entropy));
        assert_ne!(a, b);
        assert_eq!(log_in_time(a), log_in_time(b));
    }

    #[test]
    fn other_ids_tell_no_time() {
        assert_eq!(log_in_time(TokenId(SeededEntropy::new(1).uuid_v4())), None);
        assert_eq!(log_in_time(TokenId::NIL), None);
        let early = log_in_id(Timestamp::from_seconds(-5), &SeededEntropy::new(1));
        assert_eq!(log_in_time(early), Some(Timestamp::EPOCH));
    }
}
