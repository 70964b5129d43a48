//! What a listing of matches may ask for.

use crate::error::BadListing;

/// Which kinds of matches a listing is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Those whose players talk to each other.
    Relayed,
    /// Those that the server runs.
    Authoritative,
    /// Both.
    Any,
}

/// A listing as a client asks for it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Listing {
    /// How many at most, 1 to 100; 10 when not said.
    pub limit: Option<i64>,
    /// Only the matches that the server runs, or only those that it does not.
    pub authoritative: Option<bool>,
    /// Whether a label is given; only matches that the server runs have one.
    pub by_label: bool,
    /// Whether a query on labels is given.
    pub by_query: bool,
    /// The smallest size, inclusive.
    pub min_size: Option<i64>,
    /// The largest size, inclusive.
    pub max_size: Option<i64>,
}

/// A listing that makes sense.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Filter {
    /// How many at most.
    pub limit: usize,
    /// Which kinds.
    pub kind: Kind,
    /// The smallest size, inclusive.
    pub min_size: usize,
    /// The largest size, inclusive.
    pub max_size: usize,
}

impl Filter {
    /// Whether a match of this size is wanted.
    #[must_use]
    pub fn wants(&self, size: usize) -> bool {
        (self.min_size..=self.max_size).contains(&size)
    }
}

impl Listing {
    /// Checks the arguments.
    ///
    /// # Errors
    /// The first of [`BadListing`] that applies, in the order in which they are declared.
    pub fn check(&self) -> Result<Filter, BadListing> {
        let limit = self.limit.unwrap_or(10);
        let limit = usize::try_from(limit).ok().filter(|l| (1..=100).contains(l));
        let limit = limit.ok_or(BadListing::Limit)?;
        let kind = match self.authoritative {
            Some(false) if self.by_label => return Err(BadListing::LabelOfRelayed),
            Some(false) if self.by_query => return Err(BadListing::QueryOfRelayed),
            Some(false) => Kind::Relayed,
            Some(true) => Kind::Authoritative,
            None if self.by_label || self.by_query => Kind::Authoritative,
            None => Kind::Any,
        };
        let size = |value: i64| usize::try_from(value);
        let min_size = size(self.min_size.unwrap_or(0)).map_err(|_| BadListing::MinSize)?;
        let max_size = size(self.max_size.unwrap_or(i64::MAX)).map_err(|_| BadListing::MaxSize)?;
        if max_size < min_size {
            return Err(BadListing::SizeRange);
        }
        Ok(Filter { limit, kind, min_size, max_size })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nonsense_is_refused() {
        let ask = Listing::default();
        let relayed = Listing { authoritative: Some(false), ..ask };
        for (listing, problem) in [
            (Listing { limit: Some(0), ..ask }, BadListing::Limit),
            (Listing { limit: Some(101), ..ask }, BadListing::Limit),
            (Listing { limit: Some(-1), ..ask }, BadListing::Limit),
            (Listing { by_label: true, ..relayed }, BadListing::LabelOfRelayed),
            (Listing { by_query: true, ..relayed }, BadListing::QueryOfRelayed),
            (Listing { min_size: Some(-1), ..ask }, BadListing::MinSize),
            (Listing { max_size: Some(-1), ..ask }, BadListing::MaxSize),
            (Listing { min_size: Some(3), max_size: Some(2), ..ask }, BadListing::SizeRange),
        ] {
            assert_eq!(listing.check(), Err(problem), "{listing:?}");
        }
    }

    #[test]
    fn what_is_not_said_has_a_default() {
        let filter = Listing::default().check().unwrap();
        assert_eq!((filter.limit, filter.kind), (10, Kind::Any));
        assert!(filter.wants(0) && filter.wants(1_000_000));
        let labelled = Listing { by_label: true, ..Listing::default() };
        assert_eq!(labelled.check().unwrap().kind, Kind::Authoritative);
        let one = Listing { min_size: Some(1), max_size: Some(1), ..Listing::default() };
        let one = one.check().unwrap();
        assert!(one.wants(1) && !one.wants(0) && !one.wants(2));
    }
}
