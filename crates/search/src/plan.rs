//! A query made ready for one index: names and texts replaced by numbers.

use crate::dictionary::TermId;
use crate::query::NumberRange;

/// A query prepared by [`Index::prepare`](crate::Index::prepare).
///
/// It belongs to the index that made it and stays valid however documents come and go. Give it
/// back with [`Index::release`](crate::Index::release): until then the index keeps what it names.
#[derive(Debug)]
pub struct Plan {
    pub(crate) root: PlanGroup,
    pub(crate) ranked: bool,
}

impl Plan {
    /// Whether scores differ between documents that match: whether it says what is preferred
    /// among them.
    #[must_use]
    pub const fn is_ranked(&self) -> bool {
        self.ranked
    }
}

/// The number of a column.
pub(crate) type ColumnId = u32;
/// The number of a pattern.
pub(crate) type PatternId = u32;

#[derive(Debug, Default)]
pub(crate) struct PlanGroup {
    pub(crate) must: Box<[(Op, f64)]>,
    pub(crate) should: Box<[(Op, f64)]>,
    pub(crate) must_not: Box<[Op]>,
}

#[derive(Debug)]
pub(crate) enum Op {
    All,
    Nothing,
    Group(Box<PlanGroup>),
    Term { column: ColumnId, term: TermId },
    Number { column: ColumnId, term: TermId, value: f64 },
    Range { column: ColumnId, range: NumberRange },
    Pattern { column: ColumnId, pattern: PatternId },
    Exists { column: ColumnId },
}

impl Op {
    /// What to try first: what is cheap and excludes much.
    pub(crate) const fn cost(&self) -> u8 {
        match self {
            Self::Nothing => 0,
            Self::Term { .. } => 1,
            Self::Range { .. } => 2,
            Self::Number { .. } => 3,
            Self::Exists { .. } => 4,
            Self::Pattern { .. } => 5,
            Self::Group(_) => 6,
            Self::All => 7,
        }
    }

    /// Calls `see` for every test within.
    pub(crate) fn each_leaf(&self, see: &mut dyn FnMut(&Self)) {
        match self {
            Self::Group(group) => group.each_leaf(see),
            Self::All
            | Self::Nothing
            | Self::Term { .. }
            | Self::Number { .. }
            | Self::Range { .. }
            | Self::Pattern { .. }
            | Self::Exists { .. } => see(self),
        }
    }
}

impl PlanGroup {
    pub(crate) fn each_leaf(&self, see: &mut dyn FnMut(&Op)) {
        self.must.iter().for_each(|(op, _)| op.each_leaf(see));
        self.should.iter().for_each(|(op, _)| op.each_leaf(see));
        self.must_not.iter().for_each(|op| op.each_leaf(see));
    }

    /// Whether two documents that match can have different scores.
    pub(crate) fn is_ranked(&self) -> bool {
        let varied = self.must.iter().any(|(op, _)| matches!(op, Op::Group(g) if g.is_ranked()));
        // One clause that should match, alone, has to.
        let must_alone = self.must.is_empty() && self.should.len() == 1;
        let wanted = match &self.should[..] {
            [(Op::Group(inner), _)] if must_alone => inner.is_ranked(),
            [_] if must_alone => false,
            shoulds => !shoulds.is_empty(),
        };
        varied || wanted
    }
}
