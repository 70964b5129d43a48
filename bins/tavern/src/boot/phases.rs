//! From a configuration to a server that clients can connect to.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tavern_api::{Api, Config, Parts, ServerHost, Services};
use tavern_auth::{Lockout, Passwords, Sessions};
use tavern_cluster::Hub;
use tavern_delegation::{DelegationParts, Delegations};
use tavern_domain::{Clock, Entropy, Lifecycle, Secret};
use tavern_fetch::{Client, Egress};
use tavern_limits::Limits;
use tavern_runtime_hooks::{Hooks, Host, Module, load_with};
use tavern_telemetry::{Metrics, Tracer};
use tavern_transport::{Health, HealthServer, RenderMetrics, Reserved, ReservedPorts};

use super::Server;
use super::database::Database;
use super::reload;
use super::running::Running;
use super::workers;
use crate::cli::{Exit, Failure};
use crate::config::Settings;
use crate::scripts;

/// How long all modules together may take to initialise, each of them.
pub(super) const MODULE_LIMIT: Duration = Duration::from_secs(60);

/// A server on its way up.
pub struct Boot<P> {
    pub(super) core: Core,
    phase: P,
}

/// What every phase has.
pub(super) struct Core {
    pub(super) life: Lifecycle,
    pub(super) settings: Settings,
    pub(super) health: Health,
    pub(super) health_server: Option<HealthServer>,
    pub(super) metrics: Metrics,
    pub(super) tracer: Tracer,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

/// The ports are reserved and health answers: live, not ready.
pub struct Configured {
    ports: ReservedPorts,
    modules: Vec<Arc<dyn Module>>,
}

/// The database is there, with the schema that is expected.
pub struct Connected {
    ports: ReservedPorts,
    modules: Vec<Arc<dyn Module>>,
    database: Database,
}

/// Every part is built and wired; none has been started.
pub struct Assembled {
    ports: ReservedPorts,
    modules: Vec<Arc<dyn Module>>,
    database: Database,
    services: Arc<Services>,
}

/// Every module has loaded, and the table of hooks is frozen.
pub struct HooksReady {
    ports: ReservedPorts,
    database: Database,
    services: Arc<Services>,
    hooks: Hooks,
}

/// Caches are loaded, obligations carried out, workers run.
pub struct Warm {
    ports: ReservedPorts,
    database: Database,
    services: Arc<Services>,
    hooks: Hooks,
    api: Arc<Api>,
}

impl<P> Boot<P> {
    fn enter<Q>(core: Core, name: &'static str, phase: Q) -> Boot<Q> {
        core.health.phase(name);
        tracing::debug!(phase = name, "start-up");
        Boot { core, phase }
    }
}

impl Server {
    /// Reserves the ports and opens the health listener.
    ///
    /// # Errors
    /// [`Exit::PortTaken`] when one is taken.
    pub fn configure(self, life: &Lifecycle) -> Result<Boot<Configured>, Failure> {
        let Self { settings, modules, clock, entropy, metrics, tracer } = self;
        let port = |error: anyhow::Error| failure(Exit::PortTaken, error);
        let ports = ReservedPorts::bind(&settings.socket).map_err(|e| port(e.into()))?;
        let life = life.clone();
        let health = Health::new();
        let health_server = open_health(&settings, &health, &metrics, &life).map_err(port)?;
        let core = Core { life, settings, health, health_server, metrics, tracer, clock, entropy };
        Ok(Boot::<()>::enter(core, "configured", Configured { ports, modules }))
    }
}

fn failure(exit: Exit, error: impl Into<anyhow::Error>) -> Failure {
    Failure::new(exit, error.into())
}

/// The health listener, on the first of its addresses that works.
fn open_health(
    settings: &Settings,
    health: &Health,
    metrics: &Metrics,
    life: &Lifecycle,
) -> anyhow::Result<Option<HealthServer>> {
    let mut failed = None;
    for address in settings.metrics_addresses() {
        let rendered = metrics.clone();
        let render: RenderMetrics = Arc::new(move || rendered.render());
        let opened = Reserved::bind(address)
            .and_then(|reserved| HealthServer::start(reserved, health.clone(), render, life));
        match opened {
            Ok(server) => return Ok(Some(server)),
            Err(error) => failed = Some((address, error)),
        }
    }
    match failed {
        None => Ok(None),
        Some((address, error)) => {
            Err(error).with_context(|| format!("cannot open {address} for metrics and health"))
        }
    }
}

impl Boot<Configured> {
    /// Reaches the database, starting the embedded one if none is configured, and looks at its
    /// schema.
    ///
    /// # Errors
    /// [`Exit::Database`].
    pub async fn connect(self) -> Result<Boot<Connected>, Failure> {
        let Self { core, phase: Configured { ports, modules } } = self;
        let database =
            Database::open(&core.settings, Arc::clone(&core.entropy), &core.metrics, &core.life)
                .await
                .map_err(|error| failure(Exit::Database, error))?;
        Ok(Self::enter(core, "connected", Connected { ports, modules, database }))
    }
}

impl Boot<Connected> {
    /// Builds every part and wires them. Starts nothing.
    ///
    /// # Errors
    /// [`Exit::BadConfiguration`] for keys that cannot be used together.
    pub fn assemble(self) -> Result<Boot<Assembled>, Failure> {
        let Self { core, phase: Connected { ports, modules, database } } = self;
        let services =
            services(&core, &database).map_err(|error| failure(Exit::BadConfiguration, error))?;
        Ok(Self::enter(core, "assembled", Assembled { ports, modules, database, services }))
    }
}

fn services(core: &Core, database: &Database) -> anyhow::Result<Arc<Services>> {
    let settings = &core.settings;
    let (clock, entropy) = (&core.clock, &core.entropy);
    let meters = workers::auth_meters(&core.metrics);
    let storage = database.storage();
    let sessions = Sessions::new(
        &settings.session,
        Arc::clone(&storage.revocations),
        Arc::clone(clock),
        Arc::clone(entropy),
        &meters,
    )?;
    let delegations = Delegations::new(DelegationParts {
        config: settings.delegation.clone(),
        store: Arc::clone(&storage.token_revocations),
        accounts: Arc::clone(&storage.accounts),
        clock: Arc::clone(clock),
        entropy: Arc::clone(entropy),
        meters: workers::delegation_meters(&core.metrics),
    })?;
    Ok(Services::new(Parts {
        node: settings.node_name(),
        sessions,
        delegations,
        passwords: Passwords::new(settings.auth.password, Arc::clone(entropy), meters.clone())?,
        lockout: Lockout::new(settings.auth.lockout, Arc::clone(clock), &**entropy, meters),
        limits: Limits::new(settings.limits.clone(), workers::limit_meters(&core.metrics)),
        storage,
        bus: Arc::new(Hub::alone(settings.node_name())),
        metrics: core.metrics.clone(),
        clock: Arc::clone(clock),
        entropy: Arc::clone(entropy),
        outgoing: Arc::new(Client::new("server code", settings.egress(), &core.metrics)),
        providers: Arc::new(Client::new("providers", Egress::default(), &core.metrics)),
        life: core.life.clone(),
        config: Config {
            server_key: settings.socket.server_key.clone(),
            http_key: settings.runtime.http_key.clone(),
            single_session: settings.session.single_session,
            single_socket: settings.session.single_socket,
            streams: settings.streams.clone(),
            presence: settings.presence.clone(),
            matches: settings.r#match.relayed.clone(),
            hosted: settings.r#match.hosted(),
            event_queue_size: settings.runtime.event_queue_size,
            matchmaker: settings.matchmaker.rules(),
            parties: tavern_parties::Config::default(),
            single_party: settings.session.single_party,
            single_match: settings.session.single_match,
            resume_grace: Duration::from_millis(settings.session.resume_grace_ms.into()),
            identity: settings.social.providers(&settings.google_auth)?,
            leaderboards: settings.leaderboard.limits(),
            storage_index: settings.storage.indexes(),
            purchases: settings.iap.stores()?,
            modules: settings.modules_dir(),
            for_scripts: Secret::new(settings.for_scripts()),
        },
    }))
}

impl Boot<Assembled> {
    /// Loads every module. This is the only way past this phase.
    ///
    /// # Errors
    /// [`Exit::Modules`] names the module that failed, panicked or did not return.
    pub async fn load_hooks(self) -> Result<Boot<HooksReady>, Failure> {
        let Self { core, phase: Assembled { ports, mut modules, database, services } } = self;
        modules.extend(scripts::modules(&core.settings, &core.metrics));
        let host: Arc<dyn Host> = Arc::new(ServerHost::new(Arc::clone(&services)));
        let matches = Arc::clone(services.hosted().handlers());
        let hooks = load_with(modules, host, matches, MODULE_LIMIT)
            .await
            .map_err(|error| failure(Exit::Modules, error))?;
        Ok(Self::enter(core, "hooks ready", HooksReady { ports, database, services, hooks }))
    }
}

impl Boot<HooksReady> {
    /// Loads what must be in memory, carries out what earlier lives owe, and starts the workers.
    ///
    /// # Errors
    /// [`Exit::Database`].
    pub async fn warm(self) -> Result<Boot<Warm>, Failure> {
        let Self { core, phase: HooksReady { ports, database, services, hooks } } = self;
        let failed = |error| failure(Exit::Database, error);
        let revocations =
            services.sessions().load().await.context("cannot load revocations").map_err(failed)?;
        let delegated = services.look_at_revocations().await;
        delegated.context("cannot load revocations of delegated tokens").map_err(failed)?;
        let told = services.listen_for_revocations().context("cannot hear of revoked tokens");
        let told = told.map_err(failed)?;
        let api = Arc::new(Api::new(Arc::clone(&services), hooks.clone(), &core.metrics));
        let owed = api
            .carry_out_leftovers()
            .await
            .context("cannot carry out what is left of earlier log-ins")
            .map_err(failed)?;
        if owed.carried_out + owed.standing > 0 {
            tracing::info!(carried_out = owed.carried_out, standing = owed.standing, "obligations");
        }
        tracing::debug!(revocations, "revocations loaded");
        let changes = services.indexes().listen().context("cannot hear of changed objects");
        let changes = changes.map_err(failed)?;
        api.load_indexes().await.context("cannot load the storage indexes").map_err(failed)?;
        workers::start(&core, &services, &api, &database, changes, told);
        if core.settings.dev {
            reload::watch(&core, &services, &api, &hooks);
        }
        Ok(Self::enter(core, "warm", Warm { ports, database, services, hooks, api }))
    }
}

impl Boot<Warm> {
    /// Opens the ports: the first moment at which a client can connect. No other phase has this.
    ///
    /// # Errors
    /// [`Exit::PortTaken`] when another process has opened one meanwhile.
    pub fn serve(self) -> Result<Running, Failure> {
        let Self { core, phase: Warm { ports, database, services, hooks, api } } = self;
        let accepting = ports
            .accept(&core.life, api, &core.metrics, core.tracer.clone())
            .map_err(|error| failure(Exit::PortTaken, error))?;
        core.health.phase("running");
        Ok(Running::new(core, accepting, database, services, hooks))
    }
}
