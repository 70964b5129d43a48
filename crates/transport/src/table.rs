//! Who is connected: counts, limits, and everybody to tell when the server stops.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use slab::Slab;
use tavern_telemetry::RefusedConnection;
use tokio::sync::Notify;

use crate::activity::Activity;
use crate::socket::Outbox;

/// Every connection and every session of the listeners.
#[derive(Debug, Default)]
pub(crate) struct Table {
    inner: Mutex<Inner>,
    max_total: AtomicUsize,
    max_per_address: AtomicUsize,
    emptied: Notify,
}

#[derive(Debug, Default)]
struct Inner {
    connections: Slab<Option<Arc<Activity>>>,
    sessions: Slab<Arc<Outbox>>,
    per_address: HashMap<IpAddr, usize>,
    draining: bool,
}

impl Table {
    /// Sets the limits for connections to come; 0 means none.
    pub(crate) fn set_limits(&self, total: usize, per_address: usize) {
        self.max_total.store(total, Ordering::Relaxed);
        self.max_per_address.store(per_address, Ordering::Relaxed);
    }

    /// Takes in a connection, or says why not. `counted` is false for peers that are exempt from
    /// the limit per address.
    pub(crate) fn enter(
        self: &Arc<Self>,
        ip: IpAddr,
        counted: bool,
    ) -> Result<Place, RefusedConnection> {
        let limit = |limit: &AtomicUsize| match limit.load(Ordering::Relaxed) {
            0 => usize::MAX,
            n => n,
        };
        let (max_total, max_per_address) = (limit(&self.max_total), limit(&self.max_per_address));
        let origin = counted.then(|| origin(ip));
        let mut inner = self.inner.lock();
        if inner.draining {
            return Err(RefusedConnection::Draining);
        }
        if inner.connections.len() >= max_total {
            return Err(RefusedConnection::TooMany);
        }
        if let Some(origin) = origin {
            let here = inner.per_address.entry(origin).or_default();
            if *here >= max_per_address {
                return Err(RefusedConnection::TooManyFromAddress);
            }
            *here += 1;
        }
        let key = inner.connections.insert(None);
        Ok(Place { table: Arc::clone(self), key, origin })
    }

    /// Takes in a session. Answers `false` when the server is draining: the session must not open.
    pub(crate) fn open_session(self: &Arc<Self>, outbox: &Arc<Outbox>) -> Option<SessionPlace> {
        let mut inner = self.inner.lock();
        if inner.draining {
            return None;
        }
        let key = inner.sessions.insert(Arc::clone(outbox));
        Some(SessionPlace { table: Arc::clone(self), key })
    }

    /// From now on nothing is taken in.
    pub(crate) fn begin_drain(&self) {
        self.inner.lock().draining = true;
    }

    /// Whether nothing is taken in any more.
    pub(crate) fn is_draining(&self) -> bool {
        self.inner.lock().draining
    }

    /// The connections that speak HTTP, or are about to.
    pub(crate) fn connections(&self) -> Vec<Arc<Activity>> {
        self.inner.lock().connections.iter().filter_map(|(_, a)| a.clone()).collect()
    }

    /// The open sessions.
    pub(crate) fn sessions(&self) -> Vec<Arc<Outbox>> {
        self.inner.lock().sessions.iter().map(|(_, outbox)| Arc::clone(outbox)).collect()
    }

    /// How many connections there are, sessions included.
    pub(crate) fn len(&self) -> usize {
        self.inner.lock().connections.len()
    }

    /// Waits until there is no connection.
    pub(crate) async fn empty(&self) {
        loop {
            let emptied = self.emptied.notified();
            if self.len() == 0 {
                return;
            }
            emptied.await;
        }
    }
}

/// What counts as one origin: an IPv4 address, or an IPv6 network of the size that one customer
/// gets, inside which addresses cost nothing.
fn origin(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V4(ip) => ip.into(),
        IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits() & (u128::MAX << 64)).into(),
    }
}

/// A connection's place; giving it up makes room.
#[derive(Debug)]
pub(crate) struct Place {
    table: Arc<Table>,
    key: usize,
    origin: Option<IpAddr>,
}

impl Place {
    /// Makes the connection known to whoever stops the server.
    pub(crate) fn speaks_http(&self, activity: &Arc<Activity>) {
        let mut inner = self.table.inner.lock();
        inner.connections[self.key] = Some(Arc::clone(activity));
        if inner.draining {
            drop(inner);
            activity.close_when_idle();
        }
    }

    /// The connection does not speak HTTP any more: it is a socket now.
    pub(crate) fn upgraded(&self) {
        self.table.inner.lock().connections[self.key] = None;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut inner = self.table.inner.lock();
        let _activity = inner.connections.remove(self.key);
        if let Some(origin) = self.origin
            && let Some(here) = inner.per_address.get_mut(&origin)
        {
            *here -= 1;
            if *here == 0 {
                inner.per_address.remove(&origin);
            }
        }
        if inner.connections.is_empty() {
            drop(inner);
            self.table.emptied.notify_waiters();
        }
    }
}

/// A session's place.
#[derive(Debug)]
pub(crate) struct SessionPlace {
    table: Arc<Table>,
    key: usize,
}

impl Drop for SessionPlace {
    fn drop(&mut self) {
        let _outbox = self.table.inner.lock().sessions.remove(self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn limits_hold_and_leaving_makes_room() {
        let table = Arc::new(Table::default());
        table.set_limits(3, 2);
        let first = table.enter(ip("203.0.113.1"), true).unwrap();
        let _second = table.enter(ip("::ffff:203.0.113.1"), true).unwrap();
        let refused = table.enter(ip("203.0.113.1"), true).unwrap_err();
        assert_eq!(refused, RefusedConnection::TooManyFromAddress);
        let _exempt = table.enter(ip("203.0.113.1"), false).unwrap();
        assert_eq!(table.enter(ip("203.0.113.2"), true).unwrap_err(), RefusedConnection::TooMany);
        drop(first);
        let _third = table.enter(ip("203.0.113.1"), true).unwrap();
        assert_eq!(table.len(), 3);
    }

    #[test]
    fn one_ipv6_network_is_one_origin() {
        let table = Arc::new(Table::default());
        table.set_limits(0, 1);
        let _one = table.enter(ip("2001:db8:1:2::1"), true).unwrap();
        let refused = table.enter(ip("2001:db8:1:2:ffff::9"), true).unwrap_err();
        assert_eq!(refused, RefusedConnection::TooManyFromAddress);
        let _other = table.enter(ip("2001:db8:1:3::1"), true).unwrap();
    }

    #[test]
    fn a_draining_server_takes_nobody_in() {
        let table = Arc::new(Table::default());
        table.begin_drain();
        let refused = table.enter(ip("203.0.113.1"), true).unwrap_err();
        assert_eq!(refused, RefusedConnection::Draining);
    }

    #[test]
    fn an_address_that_left_is_forgotten() {
        let table = Arc::new(Table::default());
        drop(table.enter(ip("203.0.113.1"), true).unwrap());
        assert!(table.inner.lock().per_address.is_empty());
    }
}
