//! The subsystems, joined: what use cases work with.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tavern_auth::{AccountKey, Lockout, Passwords, Sessions};
use tavern_cluster::Bus;
use tavern_delegation::Delegations;
use tavern_domain::{
    Clock, CodedError, Entropy, ErrorCode, Fetch, Lifecycle, NodeName, Presence, Secret, SessionId,
    Stream, TokenId, UserId,
};
use tavern_economy::Economy;
use tavern_identity::Providers;
use tavern_leaderboards::Leaderboards;
use tavern_limits::Limits;
use tavern_matches::{Hosted, HostedMeters, HostedParts, Inboxes, Relayed};
use tavern_matchmaker::LocalMatchmaker;
use tavern_objects::Objects;
use tavern_parties::Parties;
use tavern_presence::{LocalPresence, OpenSessions, Presences, Tracked};
use tavern_protocol::Outgoing;
use tavern_purchases::{Shop, ShopParts};
use tavern_social::{Chat, Friends, Groups, NotificationCode, Notifications, Social};
use tavern_storage::Storage;
use tavern_storage_index::{IndexMeters, Indexes};
use tavern_streams::{CloseReason, Streams};
use tavern_telemetry::{Counter, CustomMetrics, Gauge, Metrics, prefixed, tavern};
use uuid::Uuid;

use crate::api::unauthenticated;
use crate::caller::Player;
use crate::error;
use crate::events::EventQueue;
use crate::localcache::LocalCache;
use crate::realtime::{LiveSockets, Logins, MatchMembers, OpenSockets, PartyVoice, PresenceEvents};
use crate::service::ClientAddress;

/// What the service itself is configured with.
#[derive(Clone, Debug)]
pub struct Config {
    /// What game clients prove that they are game clients with.
    pub server_key: Secret,
    /// What the studio's servers prove themselves with.
    pub http_key: Secret,
    /// One log-in per user: signing in ends all earlier ones.
    pub single_session: bool,
    /// One socket per user: a new one closes the older ones.
    pub single_socket: bool,
    /// Bounds of the streams.
    pub streams: tavern_streams::Config,
    /// Bounds of presences.
    pub presence: tavern_presence::Config,
    /// Bounds of matches.
    pub matches: tavern_matches::Config,
    /// Bounds of matches that the server runs.
    pub hosted: tavern_matches::HostedConfig,
    /// Events that wait for server code.
    pub event_queue_size: usize,
    /// How tickets are matched.
    pub matchmaker: tavern_matchmaker::Config,
    /// Bounds of parties.
    pub parties: tavern_parties::Config,
    /// One party per session: joining one leaves the others.
    pub single_party: bool,
    /// One match per session: joining one leaves the others.
    pub single_match: bool,
    /// How long a session whose socket broke waits for another one; zero: not at all.
    pub resume_grace: Duration,
    /// How other companies are asked who a player is.
    pub identity: tavern_identity::Config,
    /// Bounds of leaderboards.
    pub leaderboards: tavern_leaderboards::Config,
    /// How storage indexes answer.
    pub storage_index: tavern_storage_index::Config,
    /// What the stores are configured with.
    pub purchases: tavern_purchases::Config,
    /// The folder of modules, whose files server code may read.
    pub modules: PathBuf,
    /// The settings that server code may read: a JSON object.
    pub for_scripts: Secret,
}

/// What [`Services`] are made of: everything that a test may want to replace.
pub struct Parts {
    /// This node's name.
    pub node: NodeName,
    /// What is kept.
    pub storage: Storage,
    /// The way to the other nodes.
    pub bus: Arc<dyn Bus>,
    /// Tokens and their revocations.
    pub sessions: Sessions,
    /// Delegated tokens and their revocations.
    pub delegations: Delegations,
    /// Hashing.
    pub passwords: Passwords,
    /// Limits on failed log-ins.
    pub lockout: Lockout,
    /// Limits on how often anybody may ask.
    pub limits: Limits,
    /// Where it counts.
    pub metrics: Metrics,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub entropy: Arc<dyn Entropy>,
    /// Requests of server code to other servers.
    pub outgoing: Arc<dyn Fetch>,
    /// Requests of the server itself to identity providers and stores.
    pub providers: Arc<dyn Fetch>,
    /// What the tasks of matches belong to.
    pub life: Lifecycle,
    /// The rest.
    pub config: Config,
}

/// The subsystems, joined. Starts nothing.
pub struct Services {
    pub(crate) node: NodeName,
    /// This process: new at every start.
    pub(crate) boot: Uuid,
    pub(crate) storage: Storage,
    pub(crate) sessions: Sessions,
    pub(crate) delegations: Delegations,
    pub(crate) bus: Arc<dyn Bus>,
    pub(crate) passwords: Passwords,
    pub(crate) lockout: Lockout,
    pub(crate) limits: Limits,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) config: Config,
    pub(crate) streams: Arc<Streams<Outgoing>>,
    pub(crate) presence: Arc<LocalPresence>,
    pub(crate) matches: Relayed<Arc<MatchMembers>>,
    pub(crate) hosted: Hosted,
    pub(crate) events: EventQueue,
    pub(crate) matchmaker: Arc<LocalMatchmaker>,
    pub(crate) parties: Parties<PartyVoice>,
    pub(crate) friends: Friends,
    pub(crate) groups: Groups,
    pub(crate) notifications: Arc<Notifications>,
    pub(crate) chat: Chat,
    pub(crate) economy: Economy,
    pub(crate) objects: Objects,
    pub(crate) indexes: Arc<Indexes>,
    pub(crate) leaderboards: Arc<Leaderboards>,
    pub(crate) shop: Shop,
    pub(crate) logins: Logins,
    pub(crate) local_cache: Arc<LocalCache>,
    pub(crate) outgoing: Arc<dyn Fetch>,
    pub(crate) providers: Providers,
    pub(crate) custom_metrics: CustomMetrics,
    pub(crate) obligation_failures: Counter,
    pub(crate) obligations_pending: Gauge,
    pub(crate) occasion_failures: Counter,
    session_ids: uuid::timestamp::context::ContextV1,
    session_node: [u8; 6],
}

impl Services {
    /// Joins the parts.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "the cache is small")]
    pub fn new(parts: Parts) -> Arc<Self> {
        let Parts { node, storage, sessions, passwords, lockout, limits, metrics, .. } = parts;
        let (clock, entropy, config) = (parts.clock, parts.entropy, parts.config);
        let indexes = Arc::new(Indexes::new(
            Arc::clone(&storage.objects),
            Arc::clone(&parts.bus),
            config.storage_index,
            index_meters(&metrics),
        ));
        // From here on nobody has the storage that tells the indexes nothing.
        let storage = tavern_storage_index::watched(storage, &indexes);
        let local_cache = Arc::new(LocalCache::default());
        let cached = Arc::clone(&local_cache);
        metrics.observe_gauge(&[tavern::LOCAL_CACHE_BYTES], &[], move || cached.used() as f64);
        let streams =
            Arc::new(Streams::<Outgoing>::builder().config(config.streams.clone()).build());
        let open: Arc<dyn OpenSessions> = Arc::new(OpenSockets(Arc::clone(&streams)));
        let inboxes = Arc::new(Inboxes::default());
        let told = (Arc::clone(&streams), Arc::clone(&inboxes));
        let events = Arc::new(PresenceEvents { streams: told.0, matches: told.1 });
        let presence = LocalPresence::builder(events)
            .config(config.presence.clone())
            .open_sessions(open)
            .build();
        let presence = Arc::new(presence);
        let members =
            MatchMembers { streams: Arc::clone(&streams), presence: Arc::clone(&presence) };
        let members = Arc::new(members);
        let hosted = Hosted::new(HostedParts {
            node: node.clone(),
            stage: Arc::clone(&members) as _,
            inboxes,
            handlers: Arc::default(),
            life: parts.life,
            clock: Arc::clone(&clock),
            chance: Arc::clone(&entropy),
            meters: match_meters(&metrics),
            config: config.hosted.clone(),
        });
        let matches =
            Relayed::builder(members, Arc::clone(&entropy)).config(config.matches.clone()).build();
        let matchmaker = Arc::new(LocalMatchmaker::new(
            config.matchmaker.clone(),
            Arc::clone(&clock),
            Arc::clone(&entropy),
        ));
        let voice = PartyVoice {
            streams: Arc::clone(&streams),
            presence: Arc::clone(&presence),
            matchmaker: Arc::clone(&matchmaker),
        };
        let parties =
            Parties::builder(node.clone(), voice, Arc::clone(&clock), Arc::clone(&entropy))
                .config(config.parties.clone())
                .build();
        let live = LiveSockets { streams: Arc::clone(&streams), presence: Arc::clone(&presence) };
        let Social { friends, groups, notifications, chat } =
            Social::new(&storage, Arc::clone(&clock), Arc::clone(&entropy), Arc::new(live));
        let mut session_node = [0; 6];
        entropy.fill(&mut session_node);
        Arc::new(Self {
            boot: entropy.uuid_v4(),
            friends,
            groups,
            notifications,
            chat,
            economy: Economy::new(
                Arc::clone(&storage.wallets),
                Arc::clone(&clock),
                Arc::clone(&entropy),
            ),
            objects: Objects::new(Arc::clone(&storage.objects), Arc::clone(&clock)),
            indexes,
            leaderboards: Arc::new(Leaderboards::new(
                Arc::clone(&storage.boards),
                Arc::clone(&storage.board_records),
                Arc::clone(&storage.board_schedules),
                Arc::clone(&clock),
                config.leaderboards.clone(),
            )),
            shop: Shop::new(ShopParts {
                purchases: Arc::clone(&storage.purchases),
                subscriptions: Arc::clone(&storage.subscriptions),
                fetch: Arc::clone(&parts.providers),
                clock: Arc::clone(&clock),
                config: config.purchases.clone(),
            }),
            session_ids: uuid::timestamp::context::ContextV1::new(
                u16::try_from(entropy.next_u64() & 0x3fff).unwrap_or_default(),
            ),
            session_node,
            logins: Logins::default(),
            hosted,
            events: EventQueue::new(config.event_queue_size, &metrics),
            obligation_failures: metrics.counter(tavern::OBLIGATION_FAILURES_TOTAL, &[]),
            obligations_pending: metrics.gauge(tavern::OBLIGATIONS_PENDING, &[]),
            local_cache,
            outgoing: parts.outgoing,
            providers: Providers::new(config.identity.clone(), &parts.providers, &clock),
            custom_metrics: CustomMetrics::new(&metrics),
            occasion_failures: metrics.counter(tavern::LEADERBOARD_HOOK_FAILURES_TOTAL, &[]),
            node,
            storage,
            sessions,
            delegations: parts.delegations,
            bus: parts.bus,
            passwords,
            lockout,
            limits,
            clock,
            entropy,
            config,
            streams,
            presence,
            matches,
            matchmaker,
            parties,
        })
    }

    /// Tokens and their revocations, for the workers that keep them tidy.
    #[must_use]
    pub fn sessions(&self) -> &Sessions {
        &self.sessions
    }

    /// Delegated tokens, for the workers that keep them tidy.
    #[must_use]
    pub fn delegations(&self) -> &Delegations {
        &self.delegations
    }

    /// Limits on failed log-ins, whose rules can change while the server runs.
    #[must_use]
    pub fn lockout(&self) -> &Lockout {
        &self.lockout
    }

    /// Leaderboards and tournaments, for the workers that count ranks and carry out resets.
    #[must_use]
    pub fn leaderboards(&self) -> &Arc<Leaderboards> {
        &self.leaderboards
    }

    /// Storage indexes, for the worker that keeps them right.
    #[must_use]
    pub fn indexes(&self) -> &Arc<Indexes> {
        &self.indexes
    }

    /// Matches that the server runs.
    #[must_use]
    pub fn hosted(&self) -> &Hosted {
        &self.hosted
    }

    /// Limits on how often anybody may ask, which can change while the server runs.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Sums over sockets and streams, for metrics.
    #[must_use]
    pub fn stream_totals(&self) -> tavern_streams::Totals {
        self.streams.totals()
    }

    /// Tickets that wait, and how many parties there are, for metrics.
    #[must_use]
    pub fn lobby_totals(&self) -> (tavern_matchmaker::Stats, usize) {
        (self.matchmaker.stats(), self.parties.len())
    }

    /// Sums over presences, for metrics.
    #[must_use]
    pub fn presence_totals(&self) -> tavern_presence::Totals {
        self.presence.totals()
    }

    pub(crate) fn is_server_key(&self, key: &str) -> bool {
        tavern_auth::same_secret(&self.config.server_key, key)
    }

    pub(crate) fn is_http_key(&self, key: &str) -> bool {
        tavern_auth::same_secret(&self.config.http_key, key)
    }

    /// The one place where a player's token is checked, for every transport.
    pub(crate) fn verify_session(&self, token: &str) -> Result<Arc<Player>, CodedError> {
        match self.sessions.authenticate(token) {
            Ok(claims) => Ok(Arc::new(claims)),
            Err(error) => Err(unauthenticated("session token invalid").caused_by(error)),
        }
    }

    /// A new socket's id: a UUID of version 1, as in the public protocol.
    pub(crate) fn new_session_id(&self) -> SessionId {
        let now = self.clock.now();
        let seconds = u64::try_from(now.seconds()).unwrap_or_default();
        let nanos = u32::try_from(now.subsec_nanos()).unwrap_or_default();
        let at = uuid::Timestamp::from_unix(&self.session_ids, seconds, nanos);
        SessionId(Uuid::new_v1(at, &self.session_node))
    }

    pub(crate) fn is_online(&self, user: UserId) -> bool {
        self.presence.is_online(user)
    }

    /// Hears a stream and is then seen on it, so that it misses nothing that follows.
    pub(crate) fn enter(&self, who: &Presence, stream: &Stream) -> Result<Tracked, CodedError> {
        enter(&self.streams, &self.presence, who, stream)
    }

    /// Is no longer seen on a stream; hears nothing of its own leaving.
    pub(crate) fn leave(&self, session: SessionId, stream: &Stream) -> bool {
        self.streams.unsubscribe(session, stream);
        self.presence.untrack(session, stream)
    }

    /// Ends every log-in and delegated token of a user and closes the sockets.
    pub(crate) async fn end_all(&self, user: UserId, why: CloseReason) -> Result<(), CodedError> {
        self.sessions.revoke_all(user).await.map_err(error::classified)?;
        self.delegations.revoke_all(user).await.map_err(error::classified)?;
        self.tell_of_revocations();
        if why == CloseReason::Banned {
            self.notifications.show(user, NotificationCode::BANNED, "banned");
        }
        self.streams.close_user(user, why);
        Ok(())
    }

    /// Closes the sockets of a user whose log-in has been revoked: this one, or all. Those of
    /// delegated tokens are none of a log-in's.
    pub(crate) fn close_revoked(&self, user: UserId, login: Option<TokenId>) {
        for session in self.streams.sessions_of(user) {
            let concerned = login.is_none_or(|login| self.logins.get(session) == Some(login));
            if concerned && !self.logins.is_delegated(session) {
                self.streams.close(session, CloseReason::LoggedOut);
            }
        }
    }

    /// Closes the sockets of a user because of a newer one, but for those of delegated tokens.
    pub(crate) fn close_replaced(&self, user: UserId) {
        for session in self.streams.sessions_of(user) {
            if !self.logins.is_delegated(session) {
                self.streams.close(session, CloseReason::Replaced);
            }
        }
    }

    /// Whether log-ins from this address may go on.
    pub(crate) fn check_address(&self, client: ClientAddress) -> Result<(), CodedError> {
        self.lockout.check_address(address(client)).map_err(error::classified)
    }

    /// A log-in failed because the credentials were wrong.
    pub(crate) fn login_failed(&self, account: AccountKey, client: ClientAddress) {
        self.lockout.failed(account, address(client));
    }
}

/// The cells of the matches that the server runs, under their names.
fn match_meters(metrics: &Metrics) -> HostedMeters {
    let refused =
        |queue: &'static str| metrics.counter(tavern::QUEUE_OVERFLOW_TOTAL, &[("queue", queue)]);
    HostedMeters {
        running: metrics.authoritative_matches().clone(),
        lateness: metrics.histogram_ms(tavern::MATCH_TICK_LATENESS_MS, &[]),
        looped: metrics.histogram_ms(tavern::MATCH_TICK_MS, &[]),
        skipped: metrics.counter(tavern::MATCH_TICKS_SKIPPED_TOTAL, &[]),
        failed: metrics.counter(tavern::MATCH_FAILURES_TOTAL, &[]),
        input_dropped: refused("match_input"),
        attempts_refused: refused("match_join_attempts"),
        signals_refused: refused("match_signals"),
        deferred_refused: refused("match_deferred"),
    }
}

/// The cells of a storage index, under its name.
fn index_meters(metrics: &Metrics) -> tavern_storage_index::MakeMeters {
    let metrics = metrics.clone();
    Box::new(move |index| IndexMeters {
        entries: metrics.gauge_of(prefixed::STORAGE_INDEX_ENTRY_COUNT, "index_name", index),
        evictions: metrics.counter_of(tavern::STORAGE_INDEX_EVICTIONS_TOTAL, "index_name", index),
        left_out: metrics.counter_of(tavern::STORAGE_INDEX_LEFT_OUT_TOTAL, "index_name", index),
    })
}

/// The address that failures are counted for. Callers whose address is not known share one.
fn address(client: ClientAddress) -> tavern_auth::ClientAddress {
    tavern_auth::ClientAddress::direct(client.ip.unwrap_or(Ipv4Addr::UNSPECIFIED.into()))
}

/// See [`Services::enter`].
pub(crate) fn enter(
    streams: &Streams<Outgoing>,
    presence: &LocalPresence,
    who: &Presence,
    stream: &Stream,
) -> Result<Tracked, CodedError> {
    let subscribed = streams.subscribe(who.session, stream).map_err(error::classified)?;
    presence.track(who, stream).map_err(|error| {
        if subscribed {
            streams.unsubscribe(who.session, stream);
        }
        CodedError::from_classified(error)
    })
}

/// An account that is not there (any more).
pub(crate) fn no_account() -> CodedError {
    CodedError::new(ErrorCode::NotFound, "account not found")
}
