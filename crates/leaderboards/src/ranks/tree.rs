//! The order of one period's records: counted in runs, of which some are known record by record.
//!
//! A run that is not known ("cold") costs its first key and a count. Ranks are exact all the same:
//! what counts are behind is the records of other runs, and a run in which somebody's rank is asked
//! for is read from the store.
//!
//! Changes come in any order, since writes to the store end in any order. Counts only add up, so
//! the order does not matter; among known keys, a key that goes before it has come is remembered
//! and goes when it comes. What a run was read with a [`Snapshot`] that says which transactions
//! it has seen: a change that it has seen is not counted again, and one that it has not seen, but
//! that came while it was read, is not lost.

use std::sync::Arc;

use tavern_storage::{RankChange, RankKey, RankSkeleton, Snapshot};

/// Records that a run is made of.
pub(super) const RUN: u32 = 256;
/// Known records at which a run is cut in two.
const SPLIT: usize = 512;
/// Changes that are kept while a run is read. Beyond, reading it is given up.
const MOST_WAITING: usize = 65_536;

/// A change of one place.
#[derive(Clone, Copy)]
struct Delta {
    transaction: u64,
    key: RankKey,
    comes: bool,
}

enum Content {
    /// Only counted.
    Cold,
    /// Being read; what changes meanwhile.
    Reading { ticket: u64, waiting: Vec<Delta> },
    /// Known.
    Known(Keys),
}

/// The records of a run.
#[derive(Default)]
struct Keys {
    /// In order.
    keys: Vec<RankKey>,
    /// Keys that went before they came.
    owed: Vec<RankKey>,
    /// When it was last of use.
    used: u64,
}

impl Keys {
    fn apply(&mut self, key: RankKey, comes: bool) {
        let at = self.keys.partition_point(|k| *k < key);
        if comes {
            match self.owed.iter().position(|owed| *owed == key) {
                Some(owed) => drop(self.owed.swap_remove(owed)),
                None => self.keys.insert(at, key),
            }
        } else if self.keys.get(at) == Some(&key) {
            self.keys.remove(at);
        } else {
            self.owed.push(key);
        }
    }
}

struct Run {
    content: Content,
    /// What the count has seen.
    seen: Arc<Snapshot>,
}

/// A run that must be read before the question can be answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Wanted {
    pub(super) from: RankKey,
    pub(super) to: Option<RankKey>,
    /// Names this reading.
    pub(super) ticket: u64,
}

/// What is between the question and its answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Missing {
    /// The asker is to read this run.
    Read(Wanted),
    /// Somebody reads the run.
    Wait,
}

pub(super) struct Tree {
    /// The first key of each run; the first run begins before every record.
    bounds: Vec<RankKey>,
    counts: Vec<i32>,
    runs: Vec<Run>,
    total: i64,
    known: usize,
    next_ticket: u64,
}

/// Where a key stands: how many are before it, and whether it is there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Standing {
    pub(super) before: u64,
    pub(super) there: bool,
}

fn count(n: usize) -> i32 {
    i32::try_from(n).unwrap_or(i32::MAX)
}

impl Tree {
    /// An order out of the first part of its records.
    pub(super) fn new(first: RankSkeleton) -> Self {
        let mut tree = Self {
            bounds: Vec::new(),
            counts: Vec::new(),
            runs: Vec::new(),
            total: 0,
            known: 0,
            next_ticket: 0,
        };
        if first.bounds.is_empty() {
            let (bounds, counts) = (vec![RankKey::FIRST], vec![0]);
            tree.extend(RankSkeleton { bounds, counts, ..first });
        } else {
            tree.extend(first);
        }
        tree.bounds[0] = RankKey::FIRST;
        tree
    }

    /// Takes in the part behind. Until the last one is there, nothing else may be asked of it.
    pub(super) fn extend(&mut self, part: RankSkeleton) {
        let seen = Arc::new(part.snapshot);
        self.total += part.counts.iter().map(|n| i64::from(*n)).sum::<i64>();
        self.counts.extend(part.counts.iter().map(|n| i32::try_from(*n).unwrap_or(i32::MAX)));
        let cold = || Run { content: Content::Cold, seen: Arc::clone(&seen) };
        self.runs.extend(part.bounds.iter().map(|_| cold()));
        self.bounds.extend(part.bounds);
    }

    /// How many records there are.
    pub(super) fn total(&self) -> u64 {
        u64::try_from(self.total).unwrap_or(0)
    }

    /// How many of them are known one by one.
    pub(super) fn known(&self) -> usize {
        self.known
    }

    fn run_of(&self, key: RankKey) -> usize {
        self.bounds.partition_point(|bound| *bound <= key).saturating_sub(1)
    }

    fn before_run(&self, at: usize) -> i64 {
        self.counts[..at].iter().map(|n| i64::from(*n)).sum()
    }

    /// Takes in what a write has done.
    pub(super) fn apply(&mut self, change: RankChange) {
        if change.from == change.to {
            return;
        }
        let sides = [(change.from, false), (change.to, true)];
        for (key, comes) in sides {
            if let Some(key) = key {
                self.take(Delta { transaction: change.transaction, key, comes });
            }
        }
    }

    fn take(&mut self, delta: Delta) {
        let at = self.run_of(delta.key);
        let run = &mut self.runs[at];
        if run.seen.sees(delta.transaction) {
            return;
        }
        let by = if delta.comes { 1 } else { -1 };
        self.counts[at] = self.counts[at].saturating_add(by);
        self.total += i64::from(by);
        match &mut run.content {
            Content::Cold => {}
            Content::Reading { waiting, .. } if waiting.len() < MOST_WAITING => {
                waiting.push(delta);
            }
            // Whoever reads it finds no ticket and begins anew.
            Content::Reading { .. } => run.content = Content::Cold,
            Content::Known(keys) => {
                let held = keys.keys.len();
                keys.apply(delta.key, delta.comes);
                self.known = self.known + keys.keys.len() - held;
                if keys.keys.len() >= SPLIT && keys.owed.is_empty() {
                    self.split(at);
                }
            }
        }
    }

    /// Cuts a known run in two.
    fn split(&mut self, at: usize) {
        let run = &mut self.runs[at];
        let Content::Known(keys) = &mut run.content else { return };
        let middle = keys.keys.len() / 2;
        let bound = keys.keys[middle];
        // Two records never stand at the same place; changes on their way may make it look so.
        if keys.keys[middle - 1] == bound || bound <= self.bounds[at] {
            return;
        }
        let rest = keys.keys.split_off(middle);
        let (low, high) = (count(keys.keys.len()), count(rest.len()));
        debug_assert_eq!(low + high, self.counts[at], "a known run is counted right");
        let upper = Run {
            content: Content::Known(Keys { keys: rest, owed: Vec::new(), used: keys.used }),
            seen: Arc::clone(&run.seen),
        };
        self.counts[at] = low;
        self.bounds.insert(at + 1, bound);
        self.counts.insert(at + 1, high);
        self.runs.insert(at + 1, upper);
    }

    /// The keys of a run, or who gets them.
    fn keys(&mut self, at: usize, now: u64) -> Result<&mut Keys, Missing> {
        if matches!(self.runs[at].content, Content::Cold) {
            self.next_ticket += 1;
            let ticket = self.next_ticket;
            self.runs[at].content = Content::Reading { ticket, waiting: Vec::new() };
            let to = self.bounds.get(at + 1).copied();
            return Err(Missing::Read(Wanted { from: self.bounds[at], to, ticket }));
        }
        match &mut self.runs[at].content {
            Content::Known(keys) => {
                keys.used = now;
                Ok(keys)
            }
            Content::Reading { .. } | Content::Cold => Err(Missing::Wait),
        }
    }

    /// Where a key stands.
    pub(super) fn standing(&mut self, key: RankKey, now: u64) -> Result<Standing, Missing> {
        let at = self.run_of(key);
        let keys = self.keys(at, now)?;
        let inside = keys.keys.partition_point(|k| *k < key);
        let there = keys.keys.get(inside) == Some(&key);
        let before = self.before_run(at) + i64::from(count(inside));
        Ok(Standing { before: u64::try_from(before).unwrap_or(0), there })
    }

    /// The key that this many are before; `None` when there are not so many.
    pub(super) fn key_at(&mut self, place: u64, now: u64) -> Result<Option<RankKey>, Missing> {
        let Ok(mut left) = i64::try_from(place) else { return Ok(None) };
        for at in 0..self.counts.len() {
            let here = i64::from(self.counts[at]);
            if left < here {
                let keys = self.keys(at, now)?;
                return Ok(usize::try_from(left).ok().and_then(|n| keys.keys.get(n)).copied());
            }
            left -= here;
        }
        Ok(None)
    }

    /// Takes in a run that was read.
    pub(super) fn read(&mut self, wanted: Wanted, keys: Vec<RankKey>, seen: Snapshot, now: u64) {
        let Some(at) = self.reading(wanted) else { return };
        let content = std::mem::replace(&mut self.runs[at].content, Content::Cold);
        let Content::Reading { waiting, .. } = content else { return };
        let mut known = Keys { keys, owed: Vec::new(), used: now };
        for delta in waiting {
            if !seen.sees(delta.transaction) {
                known.apply(delta.key, delta.comes);
            }
        }
        // What has gone before it came is counted as gone.
        let counted = count(known.keys.len()).saturating_sub(count(known.owed.len()));
        self.total += i64::from(counted) - i64::from(self.counts[at]);
        self.counts[at] = counted;
        self.known += known.keys.len();
        self.runs[at] = Run { content: Content::Known(known), seen: Arc::new(seen) };
        self.cut(at);
    }

    /// Cuts a run that has grown while it was cold.
    fn cut(&mut self, at: usize) {
        let mut upto = at + 1;
        let mut n = at;
        while n < upto {
            let long = match &self.runs[n].content {
                Content::Known(keys) => keys.keys.len() >= SPLIT && keys.owed.is_empty(),
                Content::Cold | Content::Reading { .. } => false,
            };
            let before = self.runs.len();
            if long {
                self.split(n);
            }
            if self.runs.len() > before { upto += 1 } else { n += 1 }
        }
    }

    /// Reading a run has failed: somebody else may.
    pub(super) fn give_up(&mut self, wanted: Wanted) {
        if let Some(at) = self.reading(wanted) {
            self.runs[at].content = Content::Cold;
        }
    }

    fn reading(&self, wanted: Wanted) -> Option<usize> {
        let at = self.run_of(wanted.from);
        match &self.runs[at].content {
            Content::Reading { ticket, .. } if *ticket == wanted.ticket => Some(at),
            Content::Reading { .. } | Content::Cold | Content::Known(_) => None,
        }
    }

    /// Forgets the keys of the runs that have been of no use for the longest time, until at most
    /// `most` are known.
    pub(super) fn cool(&mut self, most: usize) {
        if self.known <= most {
            return;
        }
        let mut idle: Vec<(u64, usize)> = self
            .runs
            .iter()
            .enumerate()
            .filter_map(|(at, run)| match &run.content {
                Content::Known(keys) => Some((keys.used, at)),
                Content::Cold | Content::Reading { .. } => None,
            })
            .collect();
        idle.sort_unstable();
        for (_, at) in idle {
            if self.known <= most {
                break;
            }
            if let Content::Known(keys) =
                std::mem::replace(&mut self.runs[at].content, Content::Cold)
            {
                self.known -= keys.keys.len();
            }
        }
    }

    /// Whether most runs have run empty, so that counting anew pays.
    pub(super) fn is_worn(&self) -> bool {
        let empty = self.counts.iter().filter(|n| **n <= 0).count();
        self.counts.len() > 64 && empty * 2 > self.counts.len()
    }
}

#[cfg(test)]
mod tests;
