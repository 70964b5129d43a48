//! The limits together.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use metrics::Counter;
use parking_lot::RwLock;
use tavern_domain::{Classify, ErrorCode};

use crate::bucket::Buckets;
use crate::rule::Name;
use crate::{Config, Rate};

/// Which limit refused.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum By {
    /// That of the address.
    Address,
    /// That of the account.
    Account,
    /// That of the session.
    Session,
    /// That of the call, message or function.
    Rule,
}

/// One caller has asked too often.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, thiserror::Error)]
#[error("too many requests, try again in {} ms", retry_after.as_millis().max(1))]
pub struct Limited {
    /// Which limit refused.
    pub by: By,
    /// When to try again.
    pub retry_after: Duration,
}

impl Classify for Limited {
    fn code(&self) -> ErrorCode {
        ErrorCode::ResourceExhausted
    }

    fn retry_after(&self) -> Option<Duration> {
        Some(self.retry_after)
    }
}

/// Where refusals are counted.
#[derive(Clone)]
pub struct Meters {
    /// Refused by the limit of an address.
    pub address: Counter,
    /// Refused by the limit of an account.
    pub account: Counter,
    /// Refused by the limit of a session.
    pub session: Counter,
    /// Refused by a rule.
    pub rule: Counter,
    /// Callers that had to be forgotten before their bucket was full, so that they got a full one.
    pub forgotten: Counter,
}

impl Default for Meters {
    /// Cells that nobody reads.
    fn default() -> Self {
        let [address, account, session, rule, forgotten] = std::array::from_fn(|_| Counter::noop());
        Self { address, account, session, rule, forgotten }
    }
}

/// Something that a caller asks for. Parts that are not known are not limited.
#[derive(Clone, Copy, Default, Debug)]
pub struct Request<'a> {
    /// From which address, after trusted proxies were looked through.
    pub address: Option<IpAddr>,
    /// On which account.
    pub account: Option<u128>,
    /// In which session.
    pub session: Option<u128>,
    /// Which call of the client API.
    pub call: Option<&'a str>,
    /// Which message of the realtime API.
    pub message: Option<&'a str>,
    /// Which function of server code.
    pub function: Option<&'a str>,
    /// Which route of server code, by its pattern.
    pub route: Option<&'a str>,
}

/// Token buckets by address, account, session and name.
///
/// Each limit remembers at most [`Config::capacity`] callers; beyond that those who have not asked
/// for longest are forgotten. New limits begin with full buckets.
pub struct Limits {
    set: RwLock<Arc<Set>>,
    meters: Meters,
}

struct Set {
    config: Config,
    address: Buckets,
    account: Buckets,
    session: Buckets,
    calls: HashMap<String, Buckets>,
    messages: HashMap<String, Buckets>,
    functions: HashMap<String, Buckets>,
    routes: HashMap<String, Buckets>,
}

impl Set {
    fn new(config: Config, forgotten: &Counter) -> Self {
        let buckets = |rate: Rate| Buckets::new(rate, config.capacity, forgotten);
        let (mut calls, mut messages) = (HashMap::new(), HashMap::new());
        let mut functions = HashMap::new();
        let mut routes = HashMap::new();
        for rule in config.rules.iter().take(Config::MAX_RULES) {
            let (names, name) = match &rule.name {
                Name::Call(name) => (&mut calls, name),
                Name::Message(name) => (&mut messages, name),
                Name::Function(name) => (&mut functions, name),
                Name::Route(pattern) => (&mut routes, pattern),
            };
            names.insert(name.clone(), buckets(rule.rate()));
        }
        Self {
            address: buckets(config.address),
            account: buckets(config.account),
            session: buckets(config.session),
            calls,
            messages,
            functions,
            routes,
            config,
        }
    }

    fn all(&self) -> impl Iterator<Item = &Buckets> {
        let rules = [&self.calls, &self.messages, &self.functions, &self.routes];
        [&self.address, &self.account, &self.session]
            .into_iter()
            .chain(rules.into_iter().flat_map(HashMap::values))
    }
}

impl Limits {
    /// Limits under which nobody has asked yet.
    #[must_use]
    pub fn new(config: Config, meters: Meters) -> Self {
        let set = RwLock::new(Arc::new(Set::new(config, &meters.forgotten)));
        Self { set, meters }
    }

    /// Takes up other limits. Whoever has asked much gets full buckets; the same limits change
    /// nothing.
    pub fn set(&self, config: Config) {
        if self.set.read().config != config {
            let set = Arc::new(Set::new(config, &self.meters.forgotten));
            *self.set.write() = set;
        }
    }

    /// How many callers are remembered, over all limits.
    #[must_use]
    pub fn callers(&self) -> usize {
        let set = Arc::clone(&self.set.read());
        set.all().map(Buckets::len).sum()
    }

    /// Whether one more is welcome: by its address first, then by account and session, then by the
    /// rules for what is asked for. Of a request that is refused, the limits looked at before the
    /// one that refused have counted it.
    ///
    /// # Errors
    /// [`Limited`].
    pub fn check(&self, request: Request<'_>) -> Result<(), Limited> {
        let set = Arc::clone(&self.set.read());
        if !set.config.enabled {
            return Ok(());
        }
        let address = request.address.map(|ip| ip.to_canonical());
        let exempt = |ip: &IpAddr| set.config.exempt.iter().any(|net| net.contains(ip));
        if let Some(ip) = address.filter(|ip| !exempt(ip)) {
            self.take(By::Address, &set.address, origin(ip))?;
        }
        if let Some(account) = request.account {
            self.take(By::Account, &set.account, account)?;
        }
        if let Some(session) = request.session {
            self.take(By::Session, &set.session, session)?;
        }
        self.check_rules(&set, address, &request)
    }

    /// Whether one more is welcome by the rules alone: for callers whose address has been counted
    /// already.
    ///
    /// # Errors
    /// [`Limited`].
    pub fn check_name(&self, address: Option<IpAddr>, request: Request<'_>) -> Result<(), Limited> {
        let set = Arc::clone(&self.set.read());
        if !set.config.enabled {
            return Ok(());
        }
        self.check_rules(&set, address.map(|ip| ip.to_canonical()), &request)
    }

    fn check_rules(
        &self,
        set: &Set,
        address: Option<IpAddr>,
        request: &Request<'_>,
    ) -> Result<(), Limited> {
        let Some(caller) = request.account.or(address.map(origin)) else { return Ok(()) };
        let rule = |names: &HashMap<String, Buckets>, name: Option<&str>| {
            if names.is_empty() {
                return Ok(());
            }
            let found = name.and_then(|name| names.get(name));
            found.map_or(Ok(()), |buckets| self.take(By::Rule, buckets, caller))
        };
        rule(&set.calls, request.call)?;
        rule(&set.messages, request.message)?;
        if !set.functions.is_empty() {
            rule(&set.functions, request.function.map(str::to_lowercase).as_deref())?;
        }
        if !set.routes.is_empty() {
            rule(&set.routes, request.route)?;
        }
        Ok(())
    }

    fn take(&self, by: By, buckets: &Buckets, key: u128) -> Result<(), Limited> {
        buckets.take(key).map_err(|retry_after| {
            let meters = &self.meters;
            let counter = match by {
                By::Address => &meters.address,
                By::Account => &meters.account,
                By::Session => &meters.session,
                By::Rule => &meters.rule,
            };
            counter.increment(1);
            Limited { by, retry_after }
        })
    }
}

impl std::fmt::Debug for Limits {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Limits").field("config", &self.set.read().config).finish_non_exhaustive()
    }
}

/// What counts as one address: an IPv4 address, or a /64 of IPv6, inside which addresses cost
/// nothing.
fn origin(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(ip) => ip.to_ipv6_mapped().to_bits(),
        IpAddr::V6(ip) => ip.to_bits() >> 64 << 64,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    fn from(address: &str) -> Request<'static> {
        Request { address: Some(address.parse().unwrap()), ..Request::default() }
    }

    fn small() -> Config {
        Config {
            address: Rate { times: 3, per_sec: 3 },
            account: Rate { times: 5, per_sec: 10 },
            session: Rate { times: 4, per_sec: 4 },
            ..Config::default()
        }
    }

    fn limits(config: Config) -> Limits {
        Limits::new(config, Meters::default())
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_as_told_is_let_in() {
        let limits = limits(small());
        for _ in 0..3 {
            limits.check(from("203.0.113.1")).unwrap();
        }
        let refused = limits.check(from("203.0.113.1")).unwrap_err();
        assert_eq!((refused.by, refused.code()), (By::Address, ErrorCode::ResourceExhausted));
        assert!(refused.retry_after <= Duration::from_secs(1));
        limits.check(from("203.0.113.2")).unwrap();
        tokio::time::advance(refused.retry_after).await;
        limits.check(from("203.0.113.1")).unwrap();
        limits.check(from("203.0.113.1")).unwrap_err();
    }

    #[tokio::test(start_paused = true)]
    async fn a_network_of_one_household_is_one_address() {
        let limits = limits(small());
        for last in 1..=3 {
            limits.check(from(&format!("2001:db8:1:2::{last}"))).unwrap();
        }
        limits.check(from("2001:db8:1:2:ffff::9")).unwrap_err();
        limits.check(from("2001:db8:1:3::9")).unwrap();
        for _ in 0..3 {
            limits.check(from("::ffff:203.0.113.1")).unwrap();
        }
        limits.check(from("203.0.113.1")).unwrap_err();
    }

    #[tokio::test(start_paused = true)]
    async fn exempt_addresses_still_have_accounts_and_sessions() {
        let limits = limits(small());
        for _ in 0..100 {
            limits.check(from("127.0.0.1")).unwrap();
        }
        let of =
            |session| Request { account: Some(1), session: Some(session), ..from("127.0.0.1") };
        for _ in 0..4 {
            limits.check(of(1)).unwrap();
        }
        assert_eq!(limits.check(of(1)).unwrap_err().by, By::Session);
        // Five of the account have gone: the refused one is counted there as well.
        assert_eq!(limits.check(of(2)).unwrap_err().by, By::Account);
    }

    #[tokio::test(start_paused = true)]
    async fn rules_are_for_each_caller_and_name() {
        let rules = ["WriteStorageObjects=1/60", "message:status_update=1/60", "rpc:Reward=2/60"];
        let rules = rules.iter().map(|rule| rule.parse().unwrap()).collect();
        let limits = limits(Config { rules, ..Config::default() });
        let by = |account, call, message, function| {
            let account = Some(account);
            limits.check(Request { account, call, message, function, ..Request::default() })
        };
        by(1, Some("WriteStorageObjects"), None, None).unwrap();
        assert_eq!(by(1, Some("WriteStorageObjects"), None, None).unwrap_err().by, By::Rule);
        by(1, Some("ReadStorageObjects"), None, None).unwrap();
        by(2, Some("WriteStorageObjects"), None, None).unwrap();
        by(1, None, Some("status_update"), None).unwrap();
        by(1, None, Some("status_update"), None).unwrap_err();
        by(1, None, None, Some("reward")).unwrap();
        by(1, None, None, Some("REWARD")).unwrap();
        let refused = by(1, None, None, Some("Reward")).unwrap_err();
        assert!(refused.retry_after > Duration::from_secs(29), "one every thirty seconds");
    }

    #[tokio::test(start_paused = true)]
    async fn limits_change_while_the_server_runs() {
        let limits = limits(small());
        for _ in 0..3 {
            limits.check(from("203.0.113.1")).unwrap();
        }
        limits.set(small());
        limits.check(from("203.0.113.1")).unwrap_err();
        limits.set(Config { enabled: false, ..small() });
        limits.check(from("203.0.113.1")).unwrap();
        limits.set(small());
        limits.check(from("203.0.113.1")).unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn refusals_are_counted() {
        let cell = Arc::new(AtomicU64::new(0));
        let meters = Meters { address: Counter::from_arc(Arc::clone(&cell)), ..Meters::default() };
        let limits = Limits::new(small(), meters);
        for _ in 0..10 {
            _ = limits.check(from("203.0.113.1"));
        }
        assert_eq!(cell.load(Ordering::Relaxed), 7);
        assert_eq!(limits.callers(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn the_defaults_are_generous() {
        let limits = limits(Config::default());
        let everything = Request { account: Some(1), session: Some(1), ..from("203.0.113.1") };
        for _ in 0..10_000 {
            limits.check(everything).unwrap();
        }
        limits.check(everything).unwrap_err();
    }
}
