//! One node's presences, split so that two who differ need to compare little.

use std::hash::Hasher;

use hashbrown::HashMap;
use tavern_domain::Presence;

use super::message::{Entry, Place};

/// Into how many buckets a node's presences are split. All nodes of a cluster must agree.
pub const BUCKETS: usize = 512;

/// A node's presences.
#[derive(Debug)]
pub(super) struct Buckets {
    entries: Box<[HashMap<Place, Entry>]>,
    digests: Box<[u64]>,
}

impl Default for Buckets {
    fn default() -> Self {
        Self {
            entries: (0..BUCKETS).map(|_| HashMap::new()).collect(),
            digests: vec![0; BUCKETS].into(),
        }
    }
}

impl Buckets {
    /// Puts an entry, and returns what was in its place.
    pub(super) fn put(&mut self, entry: Entry) -> Option<Presence> {
        let place = entry.place();
        let bucket = bucket_of(&place);
        self.digests[bucket] = self.digests[bucket].wrapping_add(digest(&entry));
        let old = self.entries[bucket].insert(place, entry)?;
        self.digests[bucket] = self.digests[bucket].wrapping_sub(digest(&old));
        Some(old.presence)
    }

    /// Takes an entry out.
    pub(super) fn remove(&mut self, place: &Place) -> Option<Presence> {
        let bucket = bucket_of(place);
        let old = self.entries[bucket].remove(place)?;
        self.digests[bucket] = self.digests[bucket].wrapping_sub(digest(&old));
        if self.entries[bucket].is_empty() {
            self.entries[bucket] = HashMap::new();
        }
        Some(old.presence)
    }

    pub(super) fn bucket(&self, bucket: usize) -> &HashMap<Place, Entry> {
        &self.entries[bucket]
    }

    pub(super) fn digests(&self) -> &[u64] {
        &self.digests
    }

    /// Of everything. An empty set has 0.
    pub(super) fn digest(&self) -> u64 {
        let number = |(at, digest): (usize, &u64)| digest.wrapping_mul(2 * at as u64 + 1);
        self.digests.iter().enumerate().map(number).fold(0, u64::wrapping_add)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().flat_map(HashMap::values)
    }
}

/// Which bucket a presence is in, on every node the same.
pub(super) fn bucket_of(place: &Place) -> usize {
    let mut hasher = Fnv::default();
    write_place(&mut hasher, place);
    // The high bits of this hash are the better mixed ones.
    usize::try_from(hasher.finish() >> 48).unwrap_or_default() % BUCKETS
}

fn digest(entry: &Entry) -> u64 {
    let mut hasher = Fnv::default();
    write_place(&mut hasher, &entry.place());
    hasher.write_u64(entry.version);
    let meta = &entry.presence.meta;
    hasher.write(entry.presence.user.0.as_bytes());
    write_text(&mut hasher, &meta.username);
    hasher.write(&[u8::from(meta.hidden), u8::from(meta.persistence)]);
    match &meta.status {
        None => hasher.write(&[0]),
        Some(status) => write_text(&mut hasher, status),
    }
    hasher.finish()
}

fn write_place(hasher: &mut Fnv, place: &Place) {
    hasher.write(place.session.0.as_bytes());
    hasher.write(&[place.stream.mode.0]);
    hasher.write(place.stream.subject.as_bytes());
    hasher.write(place.stream.subcontext.as_bytes());
    write_text(hasher, &place.stream.label);
}

fn write_text(hasher: &mut Fnv, text: &str) {
    hasher.write_u64(text.len() as u64);
    hasher.write(text.as_bytes());
}

/// FNV-1a, 64 bits: nodes of different builds must agree, which the standard library's hasher does
/// not promise. <https://datatracker.ietf.org/doc/html/draft-eastlake-fnv>
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Hasher for Fnv {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.write(&number.to_le_bytes());
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_the_published_one() {
        let hash = |text: &str| {
            let mut hasher = Fnv::default();
            hasher.write(text.as_bytes());
            hasher.finish()
        };
        assert_eq!(hash(""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(hash("a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(hash("foobar"), 0x8594_4171_f739_67e8);
    }
}
