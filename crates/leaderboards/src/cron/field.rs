//! A set of small numbers.

/// Numbers from 0 to 191, more than any field has.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Bits([u64; 3]);

impl Bits {
    /// The largest number.
    pub(super) const MOST: u8 = 191;

    pub(super) fn set(&mut self, number: u8) {
        if let Some(word) = self.0.get_mut(usize::from(number / 64)) {
            *word |= 1 << (number % 64);
        }
    }

    /// Numbers from `first` to `last`, `step` apart.
    pub(super) fn set_range(&mut self, first: u8, last: u8, step: u8) {
        (first..=last).step_by(usize::from(step.max(1))).for_each(|number| self.set(number));
    }

    pub(super) fn has(&self, number: u8) -> bool {
        self.0.get(usize::from(number / 64)).is_some_and(|word| word >> (number % 64) & 1 == 1)
    }

    /// The smallest member that is no smaller than this.
    pub(super) fn at_least(&self, number: u8) -> Option<u8> {
        let mut below = u64::MAX << (number % 64);
        for word in number / 64..3 {
            let rest = self.0[usize::from(word)] & below;
            if rest != 0 {
                return Some(word * 64 + place(rest.trailing_zeros()));
            }
            below = u64::MAX;
        }
        None
    }

    /// The largest member that is no larger than this.
    pub(super) fn at_most(&self, number: u8) -> Option<u8> {
        let number = number.min(Self::MOST);
        let mut above = u64::MAX >> (63 - number % 64);
        for word in (0..=number / 64).rev() {
            let rest = self.0[usize::from(word)] & above;
            if rest != 0 {
                return Some(word * 64 + 63 - place(rest.leading_zeros()));
            }
            above = u64::MAX;
        }
        None
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = u8> + '_ {
        let mut next = self.at_least(0);
        std::iter::from_fn(move || {
            let number = next?;
            next = number.checked_add(1).and_then(|number| self.at_least(number));
            Some(number)
        })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0 == [0; 3]
    }
}

/// A number of bits, at most 63.
fn place(bits: u32) -> u8 {
    u8::try_from(bits).unwrap_or(63)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn members_are_found(members in prop::collection::btree_set(0..=Bits::MOST, 0..9), at in any::<u8>()) {
            let mut bits = Bits::default();
            members.iter().for_each(|number| bits.set(*number));
            prop_assert_eq!(bits.at_least(at), members.range(at..).next().copied());
            prop_assert_eq!(bits.at_most(at), members.range(..=at).next_back().copied());
            prop_assert_eq!(bits.has(at), members.contains(&at));
            prop_assert_eq!(bits.is_empty(), members.is_empty());
            prop_assert_eq!(bits.iter().collect::<BTreeSet<_>>(), members);
        }
    }
}
