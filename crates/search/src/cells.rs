//! The values of one column by row: an array where most rows have one, a table where few do.

use hashbrown::HashMap;

/// Values by row. A name that one document in a million uses must not cost a million cells.
#[derive(Clone, Debug)]
pub(crate) struct Cells<T> {
    shape: Shape<T>,
    /// Further values of rows that have several.
    more: HashMap<u32, Vec<T>>,
    /// Rows that have a value.
    filled: usize,
}

#[derive(Clone, Debug)]
enum Shape<T> {
    Sparse(HashMap<u32, T>),
    /// Missing where the value is the blank, or behind the end.
    Dense(Vec<T>),
}

/// A value that can say that it is none.
pub(crate) trait Cell: Copy + PartialEq {
    const BLANK: Self;
    fn is_blank(self) -> bool;
}

impl Cell for u32 {
    const BLANK: Self = Self::MAX;
    #[inline]
    fn is_blank(self) -> bool {
        self == Self::MAX
    }
}

impl Cell for f64 {
    const BLANK: Self = Self::NAN;
    #[inline]
    fn is_blank(self) -> bool {
        self.is_nan()
    }
}

impl<T> Default for Cells<T> {
    fn default() -> Self {
        Self { shape: Shape::Sparse(HashMap::new()), more: HashMap::new(), filled: 0 }
    }
}

/// A column becomes an array when it has this many values ...
const DENSE_FROM: usize = 64;
/// ... and at least one row in so many has one.
const DENSE_SHARE: usize = 8;

impl<T: Cell> Cells<T> {
    pub(crate) fn is_empty(&self) -> bool {
        self.filled == 0
    }

    /// Whether any row has several values.
    pub(crate) fn has_several(&self) -> bool {
        !self.more.is_empty()
    }

    /// The row's first value, or the blank.
    #[inline]
    pub(crate) fn first(&self, row: u32) -> T {
        match &self.shape {
            Shape::Sparse(table) => table.get(&row).copied().unwrap_or(T::BLANK),
            Shape::Dense(array) => array.get(row as usize).copied().unwrap_or(T::BLANK),
        }
    }

    /// Whether any of the row's values passes.
    #[inline]
    pub(crate) fn any(&self, row: u32, mut pass: impl FnMut(T) -> bool) -> bool {
        let first = self.first(row);
        if first.is_blank() {
            return false;
        }
        pass(first)
            || (!self.more.is_empty()
                && self.more.get(&row).is_some_and(|more| more.iter().any(|value| pass(*value))))
    }

    pub(crate) fn add(&mut self, row: u32, value: T) {
        if !self.first(row).is_blank() {
            self.more.entry(row).or_default().push(value);
            return;
        }
        self.filled += 1;
        match &mut self.shape {
            Shape::Sparse(table) => {
                table.insert(row, value);
                if table.len() >= DENSE_FROM && table.len() * DENSE_SHARE > row as usize {
                    let rows = table.keys().max().map_or(0, |last| *last as usize + 1);
                    let mut array = vec![T::BLANK; rows];
                    for (row, value) in table.iter() {
                        array[*row as usize] = *value;
                    }
                    self.shape = Shape::Dense(array);
                }
            }
            Shape::Dense(array) => {
                if array.len() <= row as usize {
                    array.resize(row as usize + 1, T::BLANK);
                }
                array[row as usize] = value;
            }
        }
    }

    /// Takes all values of a row away and hands each to `taken`.
    pub(crate) fn take(&mut self, row: u32, mut taken: impl FnMut(T)) {
        let first = self.first(row);
        if first.is_blank() {
            return;
        }
        self.filled -= 1;
        match &mut self.shape {
            Shape::Sparse(table) => {
                table.remove(&row);
            }
            Shape::Dense(array) => array[row as usize] = T::BLANK,
        }
        taken(first);
        if !self.more.is_empty()
            && let Some(more) = self.more.remove(&row)
        {
            more.into_iter().for_each(taken);
        }
    }

    /// All values of the rows from one on, in no order.
    pub(crate) fn each_from(&self, from: u32, mut see: impl FnMut(u32, T)) {
        match &self.shape {
            Shape::Sparse(table) => {
                let rows = table.iter().filter(|(row, _)| **row >= from);
                rows.for_each(|(row, value)| see(*row, *value));
            }
            Shape::Dense(array) => {
                for (row, value) in (from..).zip(array.iter().skip(from as usize)) {
                    if !value.is_blank() {
                        see(row, *value);
                    }
                }
            }
        }
        for (row, more) in self.more.iter().filter(|(row, _)| **row >= from) {
            more.iter().for_each(|value| see(*row, *value));
        }
    }

    /// The same values under new rows: `old[new]` is the former number.
    pub(crate) fn renumber(&mut self, old: &[u32]) {
        let mut fresh = Self::default();
        for (row, former) in (0_u32..).zip(old) {
            self.take(*former, |value| fresh.add(row, value));
        }
        *self = fresh;
    }
}
