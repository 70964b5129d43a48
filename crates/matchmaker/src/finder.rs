//! Finding a group for one ticket.
//!
//! The index yields the tickets that the anchor's query accepts, oldest first. Each that suits the
//! anchor joins the candidates, and at once a group of the anchor's maximum is looked for that holds
//! the newcomer and otherwise only earlier ones: so the search ends with the first candidate that
//! completes a group, and a large pool is not looked through. Only when nobody is left are smaller
//! groups tried.
//!
//! With mutual matching a group is a clique among the candidates whose counts add up. The search for
//! one is exact, oldest first, and cut where the sum cannot be reached. In the worst case it is
//! exponential, so it has a budget; the usual case is a handful of comparisons.

use std::ops::ControlFlow;

use tavern_search::Row;

use crate::pool::Pool;
use crate::ticket::Shape;

/// Candidates taken at a time where the query says whom it prefers: it gets the best of the oldest so
/// many, which costs a few microseconds, rather than of a whole pool.
const RANKED_BLOCK: usize = 256;
/// Most pairs that the largest group may need.
const MOST_BUDGET: u64 = 1_000_000;

/// What came of a search.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// These belong together, oldest first, the anchor among them.
    Group(Vec<Row>),
    /// There is no group.
    None,
    /// The budget ran out.
    Unfinished,
}

/// Memory that is used again by the next search.
#[derive(Debug, Default)]
pub(crate) struct Finder {
    candidates: Vec<(Row, Shape)>,
    /// For each candidate those it goes with, a bit each; for the first `linked` candidates.
    links: Vec<Vec<u64>>,
    linked: usize,
    /// Sums of players that the candidates for the largest size can make up.
    reach: Sums,
    work: u64,
    budget: u64,
    mutual: bool,
}

impl Finder {
    /// How much was done since the last call, in pairs compared.
    pub(crate) fn take_work(&mut self) -> u64 {
        std::mem::take(&mut self.work)
    }

    /// Looks for a group with this ticket in it.
    pub(crate) fn find(&mut self, pool: &Pool, anchor: Row, mutual: bool, budget: u64) -> Outcome {
        let Some(entry) = pool.entry(anchor) else { return Outcome::None };
        let shape = *pool.shape(anchor);
        if shape.count >= shape.max {
            return Outcome::None;
        }
        self.candidates.clear();
        self.links.clear();
        self.linked = 0;
        self.reach.reset(shape.max - shape.count);
        self.mutual = mutual;
        let all_pairs = u64::from(shape.max).saturating_mul(u64::from(shape.max));
        self.budget = self.work + budget.max(all_pairs).min(MOST_BUDGET);

        let mut outcome = Outcome::None;
        let mut offer = |finder: &mut Self, row: Row| {
            outcome = finder.offer(pool, anchor, &shape, row);
            match outcome {
                Outcome::None => ControlFlow::Continue(()),
                Outcome::Group(_) | Outcome::Unfinished => ControlFlow::Break(()),
            }
        };
        if entry.plan.is_ranked() {
            self.offer_best_first(pool, anchor, &shape, &mut offer);
        } else {
            pool.searcher.search(&pool.index, &entry.plan, &mut |row| {
                if self.suits(pool, anchor, &shape, row) {
                    offer(self, row)
                } else {
                    ControlFlow::Continue(())
                }
            });
        }
        match outcome {
            Outcome::None => self.find_smaller(pool, anchor, &shape),
            Outcome::Group(_) | Outcome::Unfinished => outcome,
        }
    }

    /// Offers those whom the query prefers first, in blocks, oldest block first: all of them, but
    /// without sorting a whole pool. Returns whether it was stopped.
    fn offer_best_first(
        &mut self,
        pool: &Pool,
        anchor: Row,
        shape: &Shape,
        offer: &mut dyn FnMut(&mut Self, Row) -> ControlFlow<()>,
    ) -> bool {
        let Some(entry) = pool.entry(anchor) else { return true };
        let mut block: Vec<(f64, Row)> = Vec::new();
        let mut done = false;
        pool.searcher.search(&pool.index, &entry.plan, &mut |row| {
            if self.suits(pool, anchor, shape, row) {
                let score = pool.searcher.score(&pool.index, &entry.plan, row).unwrap_or(0.0);
                block.push((score, row));
            }
            if block.len() >= RANKED_BLOCK {
                done = drain_best(&mut block, |row| offer(self, row)).is_break();
            }
            if done { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        done || drain_best(&mut block, |row| offer(self, row)).is_break()
    }

    /// Whether a ticket that the anchor's query accepts could be in a group with it.
    fn suits(&mut self, pool: &Pool, anchor: Row, own: &Shape, row: Row) -> bool {
        let other = pool.shape(row);
        let together = own.count.saturating_add(other.count);
        let fits =
            together <= own.max.min(other.max) && other.min <= own.max && own.min <= other.max;
        if !fits || row == anchor {
            return false;
        }
        self.work += 1;
        pool.apart(anchor, row) && (!self.mutual || pool.accepts(row, anchor))
    }

    /// Takes a candidate in and looks for a group of the largest size with it.
    fn offer(&mut self, pool: &Pool, anchor: Row, own: &Shape, row: Row) -> Outcome {
        let other = *pool.shape(row);
        let newest = self.candidates.len();
        self.candidates.push((row, other));
        let size = own.max;
        if !other.fits(size) {
            return Outcome::None;
        }
        // Whether the earlier ones can make up the rest, before this one counts among them.
        let rest = size - own.count - other.count;
        let possible = self.reach.contains(rest);
        self.reach.add(other.count);
        if !possible {
            return Outcome::None;
        }
        if rest == 0 {
            return Outcome::Group(self.group(anchor, &[newest]));
        }
        self.link(pool, newest + 1);
        self.complete(anchor, own, size, Some(newest))
    }

    /// Sizes below the largest, in steps, the largest first.
    fn find_smaller(&mut self, pool: &Pool, anchor: Row, own: &Shape) -> Outcome {
        let mut size = own.max;
        while size > own.min && size - own.multiple > own.count && !self.candidates.is_empty() {
            size -= own.multiple;
            let fitting = |shape: &Shape| shape.fits(size);
            let anchor_wants = own.wants(size);
            let others_want = self.mutual
                && self.candidates.iter().any(|(_, shape)| fitting(shape) && shape.wants(size));
            if !anchor_wants && !others_want {
                continue;
            }
            self.reach.reset(size - own.count);
            for (_, shape) in self.candidates.iter().filter(|(_, shape)| fitting(shape)) {
                self.reach.add(shape.count);
            }
            if !self.reach.contains(size - own.count) {
                continue;
            }
            self.link(pool, self.candidates.len());
            let outcome = if anchor_wants {
                self.complete(anchor, own, size, None)
            } else {
                self.complete_for_others(anchor, own, size)
            };
            if outcome != Outcome::None {
                return outcome;
            }
        }
        Outcome::None
    }

    /// The anchor holds out, but may join a group of this size that a candidate wants.
    fn complete_for_others(&mut self, anchor: Row, own: &Shape, size: u32) -> Outcome {
        for wanting in 0..self.candidates.len() {
            let shape = self.candidates[wanting].1;
            if shape.fits(size) && shape.wants(size) && own.count + shape.count <= size {
                let outcome = self.complete(anchor, own, size, Some(wanting));
                if outcome != Outcome::None {
                    return outcome;
                }
            }
        }
        Outcome::None
    }

    /// Notes which of the first `upto` candidates go together.
    fn link(&mut self, pool: &Pool, upto: usize) {
        while self.linked < upto && self.work < self.budget {
            let new = self.linked;
            let mut own = vec![0; new / 64 + 1];
            for old in 0..new {
                let (a, b) = (self.candidates[new].0, self.candidates[old].0);
                let together = pool.apart(a, b)
                    && (!self.mutual || (pool.accepts(a, b) && pool.accepts(b, a)));
                if together {
                    own[old / 64] |= 1 << (old % 64);
                    let theirs = &mut self.links[old];
                    if theirs.len() <= new / 64 {
                        theirs.resize(new / 64 + 1, 0);
                    }
                    theirs[new / 64] |= 1 << (new % 64);
                }
            }
            self.work += new as u64 + 1;
            self.links.push(own);
            self.linked += 1;
        }
    }

    /// Looks for candidates that all go together and, with the anchor, are exactly `size` players;
    /// with `forced` among them, if given.
    fn complete(&mut self, anchor: Row, own: &Shape, size: u32, forced: Option<usize>) -> Outcome {
        if self.work >= self.budget || self.linked < self.candidates.len() {
            return Outcome::Unfinished;
        }
        let mut chosen = Vec::new();
        let mut need = size - own.count;
        let mut open = vec![0_u64; self.candidates.len().div_ceil(64)];
        for (at, (_, shape)) in self.candidates.iter().enumerate() {
            if shape.fits(size) {
                open[at / 64] |= 1 << (at % 64);
            }
        }
        if let Some(forced) = forced {
            need -= self.candidates[forced].1.count;
            chosen.push(forced);
            // Those who hold out fit, too, so nobody but the forced one itself has to be left out.
            intersect(&mut open, &self.links[forced], 0);
        }
        if need == 0 {
            return Outcome::Group(self.group(anchor, &chosen));
        }
        // Each level: who is still open, and how many players are missing. An explicit stack,
        // because groups may be large.
        let mut levels = vec![(open, need)];
        while let Some((open, need)) = levels.last_mut() {
            self.work += 1 + open.len() as u64 / 16;
            if self.work >= self.budget {
                return Outcome::Unfinished;
            }
            let next = if enough(&self.candidates, open, *need) { first(open) } else { None };
            let Some(next) = next else {
                levels.pop();
                chosen.pop();
                continue;
            };
            open[next / 64] &= !(1 << (next % 64));
            let count = self.candidates[next].1.count;
            if count > *need {
                continue;
            }
            let need = *need - count;
            let mut deeper = open.clone();
            chosen.push(next);
            if need == 0 {
                return Outcome::Group(self.group(anchor, &chosen));
            }
            intersect(&mut deeper, &self.links[next], next / 64);
            levels.push((deeper, need));
        }
        Outcome::None
    }

    fn group(&self, anchor: Row, chosen: &[usize]) -> Vec<Row> {
        let mut rows: Vec<Row> = chosen.iter().map(|at| self.candidates[*at].0).collect();
        rows.push(anchor);
        rows.sort_unstable();
        rows
    }
}

/// Hands out a block, the best first and among equals the oldest, and empties it.
fn drain_best(
    block: &mut Vec<(f64, Row)>,
    mut offer: impl FnMut(Row) -> ControlFlow<()>,
) -> ControlFlow<()> {
    block.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let result = block.iter().try_for_each(|(_, row)| offer(*row));
    block.clear();
    result
}

/// Keeps what is in both, from one word on (those before it are left alone).
fn intersect(own: &mut [u64], other: &[u64], from: usize) {
    for (at, word) in own.iter_mut().enumerate().skip(from) {
        *word &= other.get(at).copied().unwrap_or(0);
    }
}

/// The lowest bit.
fn first(bits: &[u64]) -> Option<usize> {
    let word = bits.iter().position(|word| *word != 0)?;
    Some(word * 64 + bits[word].trailing_zeros() as usize)
}

/// Whether the open candidates together have as many players as are missing.
fn enough(candidates: &[(Row, Shape)], open: &[u64], need: u32) -> bool {
    let mut players = 0_u32;
    for (at, word) in open.iter().enumerate() {
        let mut word = *word;
        while word != 0 {
            let candidate = at * 64 + word.trailing_zeros() as usize;
            players = players.saturating_add(candidates[candidate].1.count);
            if players >= need {
                return true;
            }
            word &= word - 1;
        }
    }
    false
}

/// The sums that some of the numbers added so far make up, from 0 to a limit.
#[derive(Debug, Default)]
struct Sums {
    bits: Vec<u64>,
    limit: u32,
    /// All ones so far: every sum up to this can be made up. The usual case, without any bits.
    ones: Option<u32>,
}

/// Above this limit only the total is looked at.
const EXACT_SUMS: u32 = 1 << 16;

impl Sums {
    fn reset(&mut self, limit: u32) {
        self.limit = limit;
        self.ones = Some(0);
        self.bits.clear();
    }

    fn add(&mut self, number: u32) {
        match self.ones {
            Some(total) if number == 1 || self.limit > EXACT_SUMS => {
                self.ones = Some(total.saturating_add(number));
            }
            Some(total) => {
                self.ones = None;
                self.bits.resize(self.limit as usize / 64 + 1, 0);
                for sum in 0..=total.min(self.limit) {
                    self.bits[sum as usize / 64] |= 1 << (sum % 64);
                }
                self.shift(number);
            }
            None => self.shift(number),
        }
    }

    fn shift(&mut self, number: u32) {
        let (words, bits) = (number as usize / 64, number % 64);
        for at in (words..self.bits.len()).rev() {
            let low = self.bits[at - words] << bits;
            let carry = match at.checked_sub(words + 1) {
                Some(before) if bits > 0 => self.bits[before] >> (64 - bits),
                Some(_) | None => 0,
            };
            self.bits[at] |= low | carry;
        }
    }

    fn contains(&self, sum: u32) -> bool {
        match self.ones {
            Some(total) => sum <= total,
            None => {
                self.bits.get(sum as usize / 64).is_some_and(|word| word >> (sum % 64) & 1 == 1)
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
        fn sums_are_those_of_subsets(numbers in prop::collection::vec(1_u32..90, 0..12), limit in 1_u32..300) {
            let mut own = Sums::default();
            own.reset(limit);
            let mut all = BTreeSet::from([0_u32]);
            for number in numbers {
                own.add(number);
                all.extend(all.clone().into_iter().map(|sum| sum + number));
            }
            for sum in 0..=limit {
                prop_assert_eq!(own.contains(sum), all.contains(&sum), "{}", sum);
            }
        }
    }
}
