//! Failures by key within a sliding window, in bounded memory. Pure: time is an argument.

use hashbrown::HashMap;

/// The window slides in so many steps: a failure counts for seven to eight eighths of it.
const STEPS: usize = 8;

/// So many records are looked at to make room for a new one, or for what can be dropped.
const SAMPLE: usize = 8;

/// When failures lock, and for how long. Times in milliseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    pub(crate) attempts: u32,
    pub(crate) window: i64,
    pub(crate) lock: i64,
    pub(crate) max_lock: i64,
}

/// What a failure led to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Outcome {
    /// The key is locked from now on, for so many milliseconds.
    pub(crate) locked: Option<i64>,
    /// Another key was forgotten to make room.
    pub(crate) evicted: bool,
}

/// Failures by key.
pub(crate) struct Failures {
    records: Vec<Record>,
    /// Where in `records` a key is.
    index: HashMap<u128, usize>,
    /// Where the next look for what can be dropped begins.
    hand: usize,
    capacity: usize,
}

struct Record {
    key: u128,
    /// Failures by step, the newest first.
    counts: [u16; STEPS],
    /// The number of the newest step.
    step: i64,
    locked_until: i64,
    /// Locks in a row, which make the next one longer.
    locks: u32,
    /// The last failure.
    last: i64,
}

impl Failures {
    /// None yet, and never more than `capacity` keys (at least one).
    pub(crate) fn new(capacity: usize) -> Self {
        Self { records: Vec::new(), index: HashMap::new(), hand: 0, capacity: capacity.max(1) }
    }

    /// How many keys are remembered.
    pub(crate) fn len(&self) -> usize {
        self.records.len()
    }

    /// For how many milliseconds the key is still locked, if it is.
    pub(crate) fn locked_for(&self, key: u128, now: i64, rules: &Rules) -> Option<i64> {
        self.records[*self.index.get(&key)?].locked_for(now, rules)
    }

    /// Counts a failure.
    pub(crate) fn fail(&mut self, key: u128, now: i64, rules: &Rules) -> Outcome {
        self.drop_stale(now, rules);
        let mut evicted = false;
        let at = if let Some(at) = self.index.get(&key) {
            *at
        } else {
            if self.records.len() >= self.capacity {
                self.evict(now, rules);
                evicted = true;
            }
            self.index.insert(key, self.records.len());
            self.records.push(Record::new(key, now));
            self.records.len() - 1
        };
        Outcome { locked: self.records[at].fail(now, rules), evicted }
    }

    /// Forgets what is known of a key.
    pub(crate) fn forget(&mut self, key: u128) {
        if let Some(at) = self.index.get(&key) {
            self.remove(*at);
        }
    }

    fn remove(&mut self, at: usize) {
        let removed = self.records.swap_remove(at);
        self.index.remove(&removed.key);
        if let Some(moved) = self.records.get(at) {
            self.index.insert(moved.key, at);
        }
    }

    /// Drops what counts no more among the next few records. As every failure looks at more
    /// records than it adds, all of them have their turn.
    fn drop_stale(&mut self, now: i64, rules: &Rules) {
        for _ in 0..SAMPLE.min(self.records.len()) {
            if self.hand >= self.records.len() {
                self.hand = 0;
            }
            match self.records.get(self.hand) {
                Some(record) if record.is_stale(now, rules) => self.remove(self.hand),
                Some(_) => self.hand += 1,
                None => break,
            }
        }
    }

    /// Makes room: of the next few records goes the one that failed longest ago, a locked one only
    /// if all of them are.
    fn evict(&mut self, now: i64, rules: &Rules) {
        let count = self.records.len();
        let victim = (0..SAMPLE.min(count)).map(|i| (self.hand + i) % count).min_by_key(|at| {
            let record = &self.records[*at];
            (record.locked_for(now, rules).is_some(), record.last)
        });
        self.hand = (self.hand + SAMPLE) % count;
        if let Some(at) = victim {
            self.remove(at);
        }
    }
}

impl Record {
    const fn new(key: u128, now: i64) -> Self {
        Self {
            key,
            counts: [0; STEPS],
            step: i64::MIN,
            locked_until: i64::MIN,
            locks: 0,
            last: now,
        }
    }

    fn locked_for(&self, now: i64, rules: &Rules) -> Option<i64> {
        let left = self.locked_until.saturating_sub(now);
        // More than the longest lock is left only when the clock was set back: then it is over.
        (1..=rules.max_lock).contains(&left).then_some(left)
    }

    fn fail(&mut self, now: i64, rules: &Rules) -> Option<i64> {
        self.advance(now, rules);
        self.last = now;
        self.counts[0] = self.counts[0].saturating_add(1);
        let failures: u32 = self.counts.iter().map(|c| u32::from(*c)).sum();
        if failures < rules.attempts {
            return None;
        }
        if now.saturating_sub(self.locked_until) > rules.max_lock {
            self.locks = 0;
        }
        // Failures that were under way when the lock fell count towards the next, longer one: many
        // guesses at once gain nothing.
        let lock = rules.lock.saturating_mul(1 << self.locks.min(30)).min(rules.max_lock);
        self.locks = self.locks.saturating_add(1);
        self.locked_until = now.saturating_add(lock);
        self.counts = [0; STEPS];
        Some(lock)
    }

    /// Moves the window on to `now`.
    fn advance(&mut self, now: i64, rules: &Rules) {
        let step = Self::step_of(now, rules);
        match usize::try_from(step.saturating_sub(self.step)) {
            Ok(gone) if gone >= STEPS => self.counts = [0; STEPS],
            Ok(gone) => {
                self.counts.rotate_right(gone);
                self.counts[..gone].fill(0);
            }
            // The clock was set back, or the window made longer: what was counted stays.
            Err(_) => {}
        }
        self.step = step;
    }

    fn is_stale(&self, now: i64, rules: &Rules) -> bool {
        let counted = Self::step_of(now, rules).saturating_sub(self.step) < STEPS as i64;
        let punished = now.saturating_sub(self.locked_until) <= rules.max_lock;
        !counted && !punished
    }

    fn step_of(now: i64, rules: &Rules) -> i64 {
        now.div_euclid((rules.window / STEPS as i64).max(1))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const RULES: Rules = Rules { attempts: 3, window: 8000, lock: 1000, max_lock: 5000 };

    /// Fails `times`, one millisecond apart; answers the last outcome's lock.
    fn fail(f: &mut Failures, key: u128, now: i64, times: i64) -> Option<i64> {
        (0..times).map(|i| f.fail(key, now + i, &RULES).locked).last().unwrap()
    }

    #[test]
    fn the_last_allowed_failure_locks_for_a_while() {
        let mut f = Failures::new(10);
        assert_eq!(fail(&mut f, 1, 0, 2), None);
        assert_eq!(f.locked_for(1, 2, &RULES), None);
        assert_eq!(fail(&mut f, 1, 2, 1), Some(1000));
        assert_eq!(f.locked_for(1, 2, &RULES), Some(1000));
        assert_eq!(f.locked_for(1, 1001, &RULES), Some(1));
        assert_eq!(f.locked_for(1, 1002, &RULES), None);
        assert_eq!(f.locked_for(2, 2, &RULES), None, "others are not concerned");
    }

    #[test]
    fn failures_leave_with_the_window() {
        let mut f = Failures::new(10);
        assert_eq!(fail(&mut f, 1, 0, 2), None);
        assert_eq!(fail(&mut f, 1, 8000, 2), None, "the first two are forgotten");
        assert_eq!(fail(&mut f, 1, 14_000, 1), Some(1000), "these two are not");
    }

    #[test]
    fn locks_in_a_row_get_longer_up_to_a_bound_and_start_anew_after_a_pause() {
        let mut f = Failures::new(10);
        let mut now = 0;
        for lock in [1000, 2000, 4000, 5000, 5000] {
            assert_eq!(fail(&mut f, 1, now, 3), Some(lock));
            now += lock + 10;
        }
        now += RULES.max_lock;
        assert_eq!(fail(&mut f, 1, now, 3), Some(1000));
    }

    #[test]
    fn guesses_that_were_under_way_make_the_lock_longer() {
        let mut f = Failures::new(10);
        assert_eq!(fail(&mut f, 1, 0, 3), Some(1000));
        assert_eq!(fail(&mut f, 1, 3, 6), Some(4000));
        assert_eq!(f.locked_for(1, 8, &RULES), Some(4000));
    }

    #[test]
    fn success_forgets() {
        let mut f = Failures::new(10);
        fail(&mut f, 1, 0, 2);
        fail(&mut f, 2, 0, 2);
        f.forget(1);
        f.forget(77);
        assert_eq!(fail(&mut f, 1, 5, 2), None);
        assert_eq!(fail(&mut f, 2, 5, 1), Some(1000));
    }

    #[test]
    fn memory_is_bounded_and_the_locked_stay_longest() {
        let mut f = Failures::new(SAMPLE);
        fail(&mut f, 1, 0, 3);
        let evicted = (2..1000).filter(|key| f.fail(*key, 10, &RULES).evicted).count();
        assert_eq!(f.len(), SAMPLE);
        assert_eq!(evicted, 998 - (SAMPLE - 1));
        assert!(f.locked_for(1, 10, &RULES).is_some());
    }

    #[test]
    fn what_counts_no_more_is_dropped_in_passing() {
        let mut f = Failures::new(1000);
        for key in 0..100 {
            f.fail(key, 0, &RULES);
        }
        let later = RULES.window + RULES.max_lock + 1;
        for i in 0..100 {
            f.fail(1000, later + i * RULES.window, &RULES);
        }
        assert_eq!(f.len(), 1);
    }

    #[test]
    fn a_clock_that_is_set_back_locks_nobody_for_long() {
        let mut f = Failures::new(10);
        fail(&mut f, 1, 1_000_000, 3);
        assert_eq!(f.locked_for(1, 0, &RULES), None);
        assert_eq!(fail(&mut f, 1, 0, 3), Some(2000));
        assert_eq!(f.locked_for(1, 100, &RULES), Some(1902));
    }

    proptest! {
        /// Whatever happens: no key is locked that did not fail as often as allowed, the index
        /// agrees with the records, and the cap holds.
        #[test]
        fn nobody_is_locked_without_failing(
            steps in prop::collection::vec((0..12u128, 0..3000i64, 0..5u8), 0..200),
        ) {
            let mut f = Failures::new(6);
            let (mut now, mut fails) = (0, [0; 12]);
            for (key, wait, what) in steps {
                now += wait;
                let of = usize::try_from(key).unwrap();
                if what == 0 {
                    f.forget(key);
                    fails[of] = 0;
                } else if f.fail(key, now, &RULES).locked.is_some() {
                    prop_assert!(fails[of] + 1 >= RULES.attempts);
                    fails[of] = 0;
                } else {
                    fails[of] += 1;
                }
                prop_assert!(f.len() <= 6);
                prop_assert_eq!(f.index.len(), f.records.len());
                for (at, record) in f.records.iter().enumerate() {
                    prop_assert_eq!(f.index.get(&record.key), Some(&at));
                }
            }
        }
    }
}
