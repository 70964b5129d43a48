//! A service over in-memory storage, with a clock that stands still, and players to play with.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use prost::Message as _;
use tavern_api::{
    Api, CallMeta, Class, CloseReason, Config, Connection, Credential, Flow, Hello, Input, Parts,
    Service, Services, Sink,
};
use tavern_auth::{
    AuthMeters, Lockout, LockoutConfig, PasswordConfig, Passwords, SessionConfig, Sessions,
};
use tavern_cluster::Hub;
use tavern_delegation::{
    DelegationConfig, DelegationMeters, DelegationParts, Delegations, SigningKey,
};
use tavern_domain::{
    Clock, CodedError, Entropy, ErrorCode, Fetch, FetchError, FetchRequest, FetchResponse,
    Lifecycle, ManualClock, NodeName, Secret, SeededEntropy, Timestamp,
};
use tavern_limits::Limits;
use tavern_protocol::realtime::{Envelope, envelope};
use tavern_protocol::{Call, Outgoing, api, calls};
use tavern_runtime_hooks::Hooks;
use tavern_storage::Storage;
use tavern_telemetry::{Metrics, MetricsConfig};

pub(crate) const SERVER_KEY: &str = "server-key-of-the-tests";
pub(crate) const HTTP_KEY: &str = "http-key-of-the-tests";

/// Storage and clock, which outlive a process.
pub(crate) struct World {
    pub(crate) storage: Storage,
    pub(crate) clock: Arc<ManualClock>,
    /// What is asked about players, and by whom it is answered.
    pub(crate) identity: tavern_identity::Config,
    pub(crate) providers: Arc<dyn Fetch>,
    /// Limits of processes to come.
    pub(crate) limits: tavern_limits::Config,
    /// The keys of delegated tokens, of processes to come.
    pub(crate) delegation: DelegationConfig,
    /// Whether a user has one socket only, in processes to come.
    pub(crate) single_socket: bool,
    seed: u64,
}

/// A network without other servers.
struct Nobody;

#[async_trait]
impl Fetch for Nobody {
    async fn fetch(&self, request: FetchRequest) -> Result<FetchResponse, FetchError> {
        Err(FetchError::Failed(format!("there is no {}", request.url)))
    }
}

impl World {
    pub(crate) fn new() -> Self {
        let clock = Arc::new(ManualClock::at(Timestamp::from_seconds(1_800_000_000)));
        Self {
            storage: tavern_storage::memory::storage(),
            clock,
            identity: tavern_identity::Config::default(),
            providers: Arc::new(Nobody),
            limits: tavern_limits::Config::default(),
            delegation: DelegationConfig {
                signing_key: SigningKey::generate(&SeededEntropy::new(77)).secret(),
                ..DelegationConfig::default()
            },
            single_socket: false,
            seed: 1,
        }
    }

    /// The services of one process.
    pub(crate) fn services(&mut self) -> Arc<Services> {
        self.seed += 1;
        let clock: Arc<dyn Clock> = Arc::clone(&self.clock) as _;
        let entropy: Arc<dyn Entropy> = Arc::new(SeededEntropy::new(self.seed));
        let meters = AuthMeters::default();
        let session = SessionConfig {
            encryption_key: Secret::new("session-key-of-the-tests"),
            refresh_encryption_key: Secret::new("refresh-key-of-the-tests"),
            ..SessionConfig::default()
        };
        let password = PasswordConfig { bcrypt_cost: 4, ..PasswordConfig::default() };
        Services::new(Parts {
            node: NodeName::new("tests").unwrap(),
            storage: self.storage.clone(),
            sessions: Sessions::new(
                &session,
                Arc::clone(&self.storage.revocations),
                Arc::clone(&clock),
                Arc::clone(&entropy),
                &meters,
            )
            .unwrap(),
            passwords: Passwords::new(password, Arc::clone(&entropy), meters.clone()).unwrap(),
            lockout: Lockout::new(LockoutConfig::default(), Arc::clone(&clock), &*entropy, meters),
            delegations: Delegations::new(DelegationParts {
                config: self.delegation.clone(),
                store: Arc::clone(&self.storage.token_revocations),
                accounts: Arc::clone(&self.storage.accounts),
                clock: Arc::clone(&clock),
                entropy: Arc::clone(&entropy),
                meters: DelegationMeters::default(),
            })
            .unwrap(),
            limits: Limits::new(self.limits.clone(), tavern_limits::Meters::default()),
            bus: Arc::new(Hub::alone(NodeName::new("tests").unwrap())),
            metrics: Metrics::new(MetricsConfig::default()),
            clock,
            entropy,
            outgoing: Arc::new(Nobody),
            providers: Arc::clone(&self.providers),
            life: Lifecycle::new(),
            config: Config {
                server_key: Secret::new(SERVER_KEY),
                http_key: Secret::new(HTTP_KEY),
                single_session: false,
                single_socket: self.single_socket,
                streams: tavern_streams::Config::default(),
                presence: tavern_presence::Config::default(),
                matches: tavern_matches::Config::default(),
                hosted: tavern_matches::HostedConfig::default(),
                event_queue_size: 16,
                matchmaker: tavern_matchmaker::Config::default(),
                parties: tavern_parties::Config::default(),
                single_party: false,
                single_match: false,
                resume_grace: Duration::ZERO,
                identity: self.identity.clone(),
                leaderboards: tavern_leaderboards::Config::default(),
                storage_index: tavern_storage_index::Config::default(),
                purchases: tavern_purchases::Config::default(),
                modules: std::path::PathBuf::new(),
                for_scripts: tavern_domain::Secret::new("{}"),
            },
        })
    }

    /// One process without server code.
    pub(crate) fn api(&mut self) -> Arc<Api> {
        let services = self.services();
        with_hooks(services, Hooks::none())
    }
}

pub(crate) fn with_hooks(services: Arc<Services>, hooks: Hooks) -> Arc<Api> {
    let metrics = Metrics::new(MetricsConfig::default());
    Arc::new(Api::new(services, hooks, &metrics))
}

/// Makes a call as gRPC would.
pub(crate) async fn call<C: Call>(
    api: &Arc<Api>,
    credential: Credential,
    request: C::Request,
) -> Result<C::Response, CodedError> {
    let meta = CallMeta { credential, ..CallMeta::default() };
    let input = Input::Binary(Bytes::from(request.encode_to_vec()));
    let answer = Arc::clone(api).call(C::ID, meta, input).await?;
    Ok(C::Response::decode(answer.as_slice()).unwrap())
}

pub(crate) fn code<T: std::fmt::Debug>(result: Result<T, CodedError>) -> ErrorCode {
    result.unwrap_err().code()
}

pub(crate) fn server_key() -> Credential {
    Credential::Basic(SERVER_KEY.to_owned())
}

pub(crate) fn bearer(session: &api::Session) -> Credential {
    Credential::Bearer(session.token.clone())
}

pub(crate) async fn sign_in(api: &Arc<Api>, id: &str) -> Result<api::Session, CodedError> {
    let account = api::AccountCustom { id: id.to_owned(), ..Default::default() };
    let request = api::AuthenticateCustomRequest {
        account: Some(account),
        create: None,
        username: id.to_owned(),
    };
    call::<calls::AuthenticateCustom>(api, server_key(), request).await
}

/// Keeps what a session is told.
#[derive(Default)]
pub(crate) struct Told {
    messages: Mutex<Vec<Arc<Outgoing>>>,
    closed: Mutex<Option<CloseReason>>,
}

impl Sink<Outgoing> for Told {
    fn push(&self, message: Arc<Outgoing>, _class: Class) {
        self.messages.lock().unwrap().push(message);
    }

    fn close(&self, why: CloseReason) {
        self.closed.lock().unwrap().get_or_insert(why);
    }
}

/// A player with an open socket.
pub(crate) struct Socket {
    pub(crate) told: Arc<Told>,
    pub(crate) connection: Arc<dyn Connection>,
    pub(crate) session: api::Session,
}

impl Socket {
    pub(crate) async fn open(api: &Arc<Api>, id: &str) -> Self {
        let session = sign_in(api, id).await.unwrap();
        Self::with(api, session, false).await.unwrap()
    }

    pub(crate) async fn with(
        api: &Arc<Api>,
        session: api::Session,
        status: bool,
    ) -> Result<Self, CodedError> {
        let hello = Hello {
            token: session.token.clone(),
            status,
            lang: String::new(),
            client: tavern_api::ClientAddress::default(),
        };
        let admission = api.admit(hello)?;
        let told = Arc::new(Told::default());
        let outbox = Arc::clone(&told);
        let connection = Arc::clone(api).open(admission, outbox).await?;
        Ok(Self { told, connection, session })
    }

    pub(crate) async fn send(&self, message: impl Into<envelope::Message>) -> Flow {
        let envelope = Envelope { cid: "1".to_owned(), message: Some(message.into()) };
        Arc::clone(&self.connection).handle(envelope).await
    }

    /// Sends a message and takes its answer out of what was told.
    pub(crate) async fn ask(
        &self,
        message: impl Into<envelope::Message>,
    ) -> Option<envelope::Message> {
        assert_eq!(self.send(message).await, Flow::Continue);
        let mut told = self.told.messages.lock().unwrap();
        let at = told.iter().position(|m| m.envelope().cid == "1").expect("an answer");
        told.remove(at).envelope().message.clone()
    }

    /// What was told and not taken yet.
    pub(crate) fn take(&self) -> Vec<envelope::Message> {
        let told = std::mem::take(&mut *self.told.messages.lock().unwrap());
        told.iter().filter_map(|m| m.envelope().message.clone()).collect()
    }

    pub(crate) fn closed(&self) -> Option<CloseReason> {
        *self.told.closed.lock().unwrap()
    }
}

/// Whose session it is.
pub(crate) fn id_of(session: &api::Session) -> String {
    use base64::Engine as _;
    let claims = session.token.split('.').nth(1).expect("a token has three parts");
    let claims = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(claims).unwrap();
    let claims: serde_json::Value = serde_json::from_slice(&claims).unwrap();
    claims["uid"].as_str().unwrap().to_owned()
}

/// The notifications that a socket was shown; takes all that it was told.
pub(crate) fn notified(socket: &Socket) -> Vec<api::Notification> {
    let mut all = Vec::new();
    for message in socket.take() {
        if let envelope::Message::Notifications(shown) = message {
            all.extend(shown.notifications);
        }
    }
    all
}
