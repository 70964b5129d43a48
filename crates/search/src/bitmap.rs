//! A set of small numbers, one bit each.

/// Bits beyond the last word are zero.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bitmap {
    words: Vec<u64>,
}

impl Bitmap {
    pub(crate) fn words(&self) -> &[u64] {
        &self.words
    }

    #[inline]
    pub(crate) fn get(&self, bit: u32) -> bool {
        self.words.get(bit as usize / 64).is_some_and(|word| word >> (bit % 64) & 1 == 1)
    }

    #[inline]
    pub(crate) fn set(&mut self, bit: u32) {
        let word = bit as usize / 64;
        if word >= self.words.len() {
            self.words.resize(word + 1, 0);
        }
        self.words[word] |= 1 << (bit % 64);
    }

    #[inline]
    pub(crate) fn clear(&mut self, bit: u32) {
        if let Some(word) = self.words.get_mut(bit as usize / 64) {
            *word &= !(1 << (bit % 64));
        }
    }

    /// Adds everything that is in the other.
    pub(crate) fn union(&mut self, other: &Self) {
        if self.words.len() < other.words.len() {
            self.words.resize(other.words.len(), 0);
        }
        for (own, more) in self.words.iter_mut().zip(&other.words) {
            *own |= more;
        }
    }

    /// All bits, ascending.
    pub(crate) fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.words.iter().enumerate().flat_map(|(at, word)| Bits { word: *word, base: base(at) })
    }

    pub(crate) fn bytes(&self) -> usize {
        self.words.capacity() * 8
    }
}

/// The bits of one word, ascending.
pub(crate) struct Bits {
    pub(crate) word: u64,
    /// The number of the word's first bit.
    pub(crate) base: u32,
}

impl Iterator for Bits {
    type Item = u32;

    #[inline]
    fn next(&mut self) -> Option<u32> {
        if self.word == 0 {
            return None;
        }
        let bit = self.word.trailing_zeros();
        self.word &= self.word - 1;
        Some(self.base + bit)
    }
}

/// The number of the first bit of a word.
#[inline]
pub(crate) fn base(word: usize) -> u32 {
    u32::try_from(word * 64).expect("rows are counted in 32 bits")
}

/// The rows that have one value: a sorted list while they are few, one bit each when they are many.
/// A thousand rare values then cost no more than the rows they are in.
#[derive(Clone, Debug)]
pub(crate) enum Postings {
    Few(Vec<u32>),
    Many { rows: Bitmap, count: u32 },
}

/// Longest list: 1 KiB, and cheap to insert into.
const FEW: usize = 256;

impl Default for Postings {
    fn default() -> Self {
        Self::Few(Vec::new())
    }
}

impl Postings {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Few(rows) => rows.len(),
            Self::Many { count, .. } => *count as usize,
        }
    }

    pub(crate) fn insert(&mut self, row: u32) {
        match self {
            Self::Few(rows) => {
                // Rows nearly always come in order.
                match rows.last() {
                    Some(last) if *last >= row => {
                        if let Err(at) = rows.binary_search(&row) {
                            rows.insert(at, row);
                        }
                    }
                    _ => rows.push(row),
                }
                if rows.len() > FEW {
                    let mut many = Bitmap::default();
                    rows.iter().for_each(|row| many.set(*row));
                    let count = u32::try_from(rows.len()).expect("one more than the longest list");
                    *self = Self::Many { rows: many, count };
                }
            }
            Self::Many { rows, count } => {
                *count += u32::from(!rows.get(row));
                rows.set(row);
            }
        }
    }

    pub(crate) fn remove(&mut self, row: u32) {
        match self {
            Self::Few(rows) => {
                if let Ok(at) = rows.binary_search(&row) {
                    rows.remove(at);
                }
            }
            Self::Many { rows, count } => {
                *count -= u32::from(rows.get(row));
                rows.clear(row);
                // Half of the limit, so that one row coming and going does not convert each time.
                if (*count as usize) < FEW / 2 {
                    *self = Self::Few(rows.iter().collect());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn postings_are_a_sorted_set(steps in prop::collection::vec((0_u32..700, 0_u8..4), 0..2000)) {
            let (mut own, mut set) = (Postings::default(), BTreeSet::new());
            for (row, what) in steps {
                if what == 0 {
                    own.remove(row);
                    set.remove(&row);
                } else {
                    own.insert(row);
                    set.insert(row);
                }
                prop_assert_eq!(own.len(), set.len());
            }
            let rows: Vec<u32> = match &own {
                Postings::Few(rows) => rows.clone(),
                Postings::Many { rows, .. } => rows.iter().collect(),
            };
            prop_assert_eq!(rows, set.into_iter().collect::<Vec<_>>());
        }

        #[test]
        fn a_union_has_both(a in prop::collection::btree_set(0_u32..300, 0..40),
                            b in prop::collection::btree_set(0_u32..300, 0..40)) {
            let make = |set: &BTreeSet<u32>| {
                let mut bits = Bitmap::default();
                set.iter().for_each(|bit| bits.set(*bit));
                bits
            };
            let mut both = make(&a);
            both.union(&make(&b));
            prop_assert_eq!(both.iter().collect::<Vec<_>>(), a.union(&b).copied().collect::<Vec<_>>());
            prop_assert!(both.bytes() >= both.words().len() * 8);
        }
    }
}
