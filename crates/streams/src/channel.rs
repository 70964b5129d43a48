//! One stream and the sessions subscribed to it.
//!
//! Nearly every stream of a busy node has one subscriber: the notifications and the status of each
//! connected user. That case costs no table.

use std::sync::Arc;

use hashbrown::HashMap;
use parking_lot::RwLock;
use tavern_domain::{SessionId, Stream};

use crate::traits::Sink;

/// A stream that has, or until a moment ago had, subscribers.
pub(crate) struct Channel<M> {
    /// Its address.
    pub(crate) stream: Stream,
    /// Who listens. Once empty it stays empty: the channel is dead and gets replaced.
    pub(crate) members: RwLock<Members<M>>,
}

impl<M> Channel<M> {
    /// A channel with its first member.
    pub(crate) fn new(stream: &Stream, session: SessionId, sink: Arc<dyn Sink<M>>) -> Arc<Self> {
        let mut stream = stream.clone();
        if stream.label.is_empty() {
            // All empty labels share one allocation; the caller's would live as long as we do.
            stream.label = Arc::default();
        }
        Arc::new(Self { stream, members: RwLock::new(Members::One(session, sink)) })
    }
}

/// Sessions and their sinks.
pub(crate) enum Members<M> {
    /// Exactly one.
    One(SessionId, Arc<dyn Sink<M>>),
    /// Two or more, never fewer in a table; `None` is nobody.
    Many(Option<Box<Table<M>>>),
}

type Table<M> = HashMap<SessionId, Arc<dyn Sink<M>>>;

/// Tables below this capacity are not worth shrinking.
const SMALL: usize = 32;

impl<M> Members<M> {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::One(..) => 1,
            Self::Many(None) => 0,
            Self::Many(Some(table)) => table.len(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        matches!(self, Self::Many(None))
    }

    pub(crate) fn get(&self, session: SessionId) -> Option<&Arc<dyn Sink<M>>> {
        match self {
            Self::One(only, sink) => (*only == session).then_some(sink),
            Self::Many(None) => None,
            Self::Many(Some(table)) => table.get(&session),
        }
    }

    /// Adds a session that is not in.
    pub(crate) fn add(&mut self, session: SessionId, sink: Arc<dyn Sink<M>>) {
        *self = match std::mem::replace(self, Self::Many(None)) {
            Self::Many(None) => Self::One(session, sink),
            Self::One(first, its_sink) => {
                let mut table = Box::new(Table::with_capacity(2));
                table.insert(first, its_sink);
                table.insert(session, sink);
                Self::Many(Some(table))
            }
            Self::Many(Some(mut table)) => {
                table.insert(session, sink);
                Self::Many(Some(table))
            }
        };
    }

    /// Takes a session out; says whether it was in.
    pub(crate) fn remove(&mut self, session: SessionId) -> bool {
        match self {
            Self::One(only, _) => {
                let found = *only == session;
                if found {
                    *self = Self::Many(None);
                }
                found
            }
            Self::Many(None) => false,
            Self::Many(Some(table)) => {
                let found = table.remove(&session).is_some();
                if table.len() == 1 {
                    let last = table.drain().next();
                    if let Some((id, sink)) = last {
                        *self = Self::One(id, sink);
                    }
                } else if table.capacity() > SMALL && table.len() < table.capacity() / 8 {
                    table.shrink_to(table.len() * 2);
                }
                found
            }
        }
    }

    /// Calls `f` with each member.
    pub(crate) fn for_each(&self, mut f: impl FnMut(SessionId, &Arc<dyn Sink<M>>)) {
        match self {
            Self::One(id, sink) => f(*id, sink),
            Self::Many(None) => {}
            Self::Many(Some(table)) => table.iter().for_each(|(id, sink)| f(*id, sink)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::traits::{Class, CloseReason};
    use std::collections::BTreeSet;
    use uuid::Uuid;

    struct Nowhere;
    impl Sink<()> for Nowhere {
        fn push(&self, _: Arc<()>, _: Class) {}
        fn close(&self, _: CloseReason) {}
    }

    fn id(n: u128) -> SessionId {
        SessionId(Uuid::from_u128(n))
    }

    #[test]
    fn a_lone_member_costs_no_more_than_itself() {
        // Every connected session pays for this twice.
        assert_eq!(size_of::<Members<()>>(), size_of::<(SessionId, Arc<dyn Sink<()>>)>());
        assert!(size_of::<Channel<()>>() <= 96);
    }

    proptest::proptest! {
        #[test]
        fn members_are_a_set(steps in proptest::collection::vec((0u128..50, proptest::bool::ANY), 1..300)) {
            let sink: Arc<dyn Sink<()>> = Arc::new(Nowhere);
            let mut members = Members::One(id(0), Arc::clone(&sink));
            let mut model = BTreeSet::from([id(0)]);
            for (n, add) in steps {
                if add && members.get(id(n)).is_none() {
                    members.add(id(n), Arc::clone(&sink));
                    model.insert(id(n));
                } else if !add {
                    proptest::prop_assert_eq!(members.remove(id(n)), model.remove(&id(n)));
                }
                proptest::prop_assert_eq!(members.len(), model.len());
                proptest::prop_assert_eq!(members.is_empty(), model.is_empty());
                let mut seen = BTreeSet::new();
                members.for_each(|id, _| { seen.insert(id); });
                proptest::prop_assert_eq!(&seen, &model);
                for m in 0..50 {
                    proptest::prop_assert_eq!(members.get(id(m)).is_some(), model.contains(&id(m)));
                }
            }
            // One sink each and no more, in whatever shape they were kept.
            proptest::prop_assert_eq!(Arc::strong_count(&sink), model.len() + 1);
        }
    }
}
