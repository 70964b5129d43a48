//! One open socket.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tavern_domain::{
    CodedError, ErrorCode, PresenceReason, RealtimeCode, SessionId, Stream, UserId,
};
use tavern_presence::Presences as _;
use tavern_protocol::realtime::{Envelope, Pong, envelope::Message};
use tavern_protocol::{Outgoing, RtId};
use tavern_runtime_hooks::{EventKind, HookContext, RpcContext};
use tavern_social::NotificationCode;
use tavern_streams::Class;
use tavern_telemetry::When;
use tokio::time::Instant;

use super::reply::{self, Reply, RtError, RtResult};
use super::{channel, matches, matchmaker, parties, resume, status};
use crate::api::{Api, unauthenticated};
use crate::caller::Player;
use crate::cases::rpc;
use crate::delegation::{self, sockets};
use crate::error;
use crate::service::{Admission, Connection, Flow, Hello, Outbox, Resumption};
use crate::services::Services;
use crate::wire;

/// One open socket of a player.
pub(crate) struct Session {
    api: Arc<Api>,
    admission: Admission,
    outbox: Arc<Outbox>,
    closed: AtomicBool,
}

/// Decides whether a socket may open: the same check as for every call.
pub(crate) fn admit(services: &Services, hello: Hello) -> Result<Admission, CodedError> {
    services.limit_address(hello.client)?;
    let caller = services.verify_bearer(&hello.token)?;
    let player = Arc::clone(caller.player()?);
    services.limit_socket(&player)?;
    let delegation = sockets::admit(services, caller, hello.status)?;
    let waits = !services.config.resume_grace.is_zero();
    Ok(Admission {
        resumption: waits.then(|| Resumption::new(&player, delegation.as_deref())),
        player,
        delegation,
        session: services.new_session_id(),
        status: hello.status,
        lang: Arc::from(if hello.lang.is_empty() { "en" } else { hello.lang.as_str() }),
        client: hello.client,
    })
}

/// Opens the session: from here on it hears what is sent to it.
pub(crate) fn open(
    api: Arc<Api>,
    admission: Admission,
    outbox: Arc<Outbox>,
) -> Result<Arc<Session>, CodedError> {
    let services = Arc::clone(&api.services);
    let (user, id) = (admission.user(), admission.session);
    // Whoever acts for a player is not the player somewhere else.
    if services.config.single_socket && admission.delegation.is_none() {
        services.notifications.show(user, NotificationCode::SINGLE_SOCKET, "single_socket");
        services.close_replaced(user);
    }
    services.streams.open(id, user, Arc::clone(&outbox)).map_err(error::classified)?;
    services.logins.opened(id, &admission.player, admission.delegation.as_ref());
    let appear = admission.status;
    let opened = Arc::new(Session::new(api, admission, outbox));
    match opened.settle(appear) {
        Ok(()) => {
            opened.tell(EventKind::SessionStart, "session_start");
            Ok(opened)
        }
        Err(error) => {
            opened.closed();
            Err(error)
        }
    }
}

/// Whether the token of an admission is still good.
pub(super) fn check(services: &Services, admission: &Admission) -> Result<(), CodedError> {
    match &admission.delegation {
        Some(token) => services.delegations.check(token).map_err(delegation::refused),
        None if services.sessions.goes_on(&admission.player) => Ok(()),
        None => Err(unauthenticated("session token invalid")),
    }
}

impl Session {
    const fn new(api: Arc<Api>, admission: Admission, outbox: Arc<Outbox>) -> Self {
        Self { api, admission, outbox, closed: AtomicBool::new(false) }
    }

    /// The session in the hands of another socket. This one is not told of its end any more.
    pub(super) fn succeeded_by(&self, admission: Admission) -> Self {
        self.closed.store(true, Ordering::SeqCst);
        let admission = Admission { session: self.id(), ..admission };
        Self::new(Arc::clone(&self.api), admission, Arc::clone(&self.outbox))
    }

    /// What every session begins with. A token revoked since it was admitted ends it here: a
    /// revocation that comes later finds it among the open sessions and closes it.
    fn settle(&self, appear: bool) -> Result<(), CodedError> {
        let services = self.services();
        let user = self.user();
        check(services, &self.admission)?;
        let subscribe = |stream| services.streams.subscribe(self.id(), &stream);
        let (notified, following) = match &self.admission.delegation {
            Some(token) => sockets::hears(services, token, user),
            // A session always follows its own user.
            None => (true, true),
        };
        if notified {
            subscribe(Stream::notifications(user)).map_err(error::classified)?;
        }
        if following {
            subscribe(Stream::status(user)).map_err(error::classified)?;
        }
        if appear { status::appear(self, "") } else { Ok(()) }
    }
}

impl Session {
    pub(crate) fn services(&self) -> &Services {
        &self.api.services
    }

    pub(crate) fn id(&self) -> SessionId {
        self.admission.session
    }

    pub(crate) fn user(&self) -> UserId {
        self.admission.user()
    }

    pub(crate) fn player(&self) -> &Arc<Player> {
        &self.admission.player
    }

    pub(crate) fn username(&self) -> &Arc<str> {
        &self.admission.player.username
    }

    /// Tells server code that the session begins or ends, if it wants to know.
    fn tell(&self, kind: EventKind, name: &str) {
        if self.api.hooks.has_event(kind) {
            let services = self.services();
            let event = tavern_protocol::api::Event {
                name: name.to_owned(),
                timestamp: wire::time(services.clock.now()),
                ..Default::default()
            };
            services.events.push(kind, self.context(), event);
        }
    }

    pub(super) fn push(&self, envelope: Envelope) {
        self.hand(Arc::new(Outgoing::new(envelope)));
    }

    /// The same for a message that was made before.
    pub(super) fn hand(&self, message: Arc<Outgoing>) {
        self.outbox.push(message, Class::Reliable);
    }

    pub(crate) fn context(&self) -> HookContext {
        let player = &self.admission.player;
        HookContext {
            node: self.services().node.clone(),
            user: Some(player.user),
            username: Some(Arc::clone(&player.username)),
            vars: player.vars.clone(),
            expires: Some(player.expires),
            session: Some(self.admission.session),
            client_ip: self.admission.client.ip,
            client_port: self.admission.client.port,
            lang: Arc::clone(&self.admission.lang),
            obligation: None,
        }
    }

    async fn process(&self, envelope: Envelope) -> Flow {
        let Some(id) = envelope.rt_id() else {
            return self.refuse(envelope);
        };
        let hooks = &self.api.hooks;
        let begun = Instant::now();
        if let Err(error) = self.limit(id, &envelope) {
            return self.too_many(id, begun, envelope.cid, &error);
        }
        if let Err(error) = self.let_message(id, &envelope).await {
            return self.not_allowed(id, begun, envelope.cid, error);
        }
        let envelope = if hooks.has_rt_before(id) {
            let cid = envelope.cid.clone();
            let answer = hooks.rt_before(id, || self.context(), envelope).await;
            self.api.metrics.message_hook(When::Before, id, answer.is_err(), begun);
            match answer {
                Ok(Some(envelope)) => envelope,
                Ok(None) => return Flow::Close("refused by the server"),
                Err(error) => {
                    let code = RealtimeCode::RuntimeFunctionException;
                    self.api.metrics.message(id, begun, Some(code));
                    self.answer(cid, Err(RtError::from_hook(&error)));
                    return Flow::Continue;
                }
            }
        } else {
            envelope
        };
        let kept = hooks.has_rt_after(id).then(|| envelope.clone());
        let Envelope { cid, message } = envelope;
        let Some(message) = message else {
            return Flow::Close("missing message");
        };
        let result = self.dispatch(message).await;
        let ok = result.is_ok();
        self.api.metrics.message(id, begun, result.as_ref().err().map(|error| error.code));
        let answer = reply::envelope(cid, result);
        let seen = kept.as_ref().and_then(|_| answer.clone());
        if let Some(answer) = answer {
            self.push(answer);
        }
        if let (true, Some(kept)) = (ok, kept) {
            let begun = Instant::now();
            let ran = hooks.rt_after(id, || self.context(), seen, kept).await;
            self.api.metrics.message_hook(When::After, id, ran.is_err(), begun);
            if let Err(error) = ran {
                let error: &dyn std::error::Error = &error;
                tracing::warn!(message = id.name(), error, "after-hook failed");
            }
        }
        Flow::Continue
    }

    /// Whether the socket's token, if it is a delegated one, still allows this message.
    async fn let_message(&self, id: RtId, envelope: &Envelope) -> Result<(), CodedError> {
        let Some(token) = &self.admission.delegation else { return Ok(()) };
        sockets::let_message(self.services(), self.player(), token, id, envelope).await
    }

    /// Answers a message that the token does not allow. A token that is not good any more ends the
    /// session.
    fn not_allowed(&self, id: RtId, begun: Instant, cid: String, error: CodedError) -> Flow {
        let ended = error.code() == ErrorCode::Unauthenticated;
        let refusal = RtError::from(error);
        self.api.metrics.message(id, begun, Some(refusal.code));
        self.answer(cid, Err(refusal));
        if ended { Flow::Close("session token invalid") } else { Flow::Continue }
    }

    fn limit(&self, id: RtId, envelope: &Envelope) -> Result<(), CodedError> {
        let function =
            if let Some(Message::Rpc(rpc)) = &envelope.message { Some(&*rpc.id) } else { None };
        self.services().limit_message(&self.admission, id.name(), function)
    }

    /// Answers a message that came too soon. Nobody waits for an answer without a `cid`, so that
    /// one may be lost: a client that sends too much shall not fill its own outbox.
    fn too_many(&self, id: RtId, begun: Instant, cid: String, error: &CodedError) -> Flow {
        let class = if cid.is_empty() { Class::Unreliable } else { Class::Reliable };
        let refusal = RtError::limited(error);
        self.api.metrics.message(id, begun, Some(refusal.code));
        if let Some(envelope) = reply::envelope(cid, Err(refusal)) {
            self.outbox.push(Arc::new(Outgoing::new(envelope)), class);
        }
        Flow::Continue
    }

    fn answer(&self, cid: String, result: RtResult) {
        if let Some(envelope) = reply::envelope(cid, result) {
            self.push(envelope);
        }
    }

    /// A message that no client may send ends the session, as in the public protocol.
    fn refuse(&self, envelope: Envelope) -> Flow {
        let (code, text) = if envelope.message.is_some() {
            (RealtimeCode::UnrecognizedPayload, "unrecognized message")
        } else {
            (RealtimeCode::MissingPayload, "missing message")
        };
        self.answer(envelope.cid, Err(RtError::new(code, text)));
        Flow::Close(text)
    }

    async fn dispatch(&self, message: Message) -> RtResult {
        match message {
            Message::Ping(_) => Ok(Reply::message(Message::Pong(Pong {}))),
            Message::Pong(_) => Ok(Reply::None),
            Message::ChannelJoin(m) => channel::join(self, m).await,
            Message::ChannelLeave(m) => channel::leave(self, &m),
            Message::ChannelMessageSend(m) => channel::send(self, m).await,
            Message::ChannelMessageUpdate(m) => channel::update(self, m).await,
            Message::ChannelMessageRemove(m) => channel::remove(self, m).await,
            Message::MatchCreate(m) => matches::create(self, &m),
            Message::MatchJoin(m) => matches::join(self, m).await,
            Message::MatchLeave(m) => matches::leave(self, &m),
            Message::MatchDataSend(m) => matches::data(self, m).await,
            Message::StatusFollow(m) => status::follow(self, &m).await,
            Message::StatusUnfollow(m) => status::unfollow(self, &m),
            Message::StatusUpdate(m) => status::update(self, m),
            Message::Rpc(m) => self.rpc(m).await,
            Message::MatchmakerAdd(m) => matchmaker::add(self, m),
            Message::MatchmakerRemove(m) => matchmaker::remove(self, &m),
            Message::PartyCreate(m) => parties::create(self, &m),
            Message::PartyUpdate(m) => parties::update(self, &m),
            Message::PartyJoin(m) => parties::join(self, &m),
            Message::PartyLeave(m) => parties::leave(self, &m),
            Message::PartyPromote(m) => parties::promote(self, m),
            Message::PartyAccept(m) => parties::accept(self, m),
            Message::PartyRemove(m) => parties::remove(self, m),
            Message::PartyClose(m) => parties::close(self, &m),
            Message::PartyJoinRequestList(m) => parties::requests(self, &m),
            Message::PartyMatchmakerAdd(m) => matchmaker::add_party(self, m),
            Message::PartyMatchmakerRemove(m) => matchmaker::remove_party(self, &m),
            Message::PartyDataSend(m) => parties::data(self, m),
            // `RtId::of` knows no id for these.
            from_servers!() => {
                Err(RtError::new(RealtimeCode::UnrecognizedPayload, "unrecognized message"))
            }
        }
    }

    async fn rpc(&self, request: tavern_protocol::api::Rpc) -> RtResult {
        if request.id.is_empty() {
            return Err(RtError::bad_input("the function's id is required"));
        }
        let context = RpcContext {
            call: self.context(),
            headers: std::collections::BTreeMap::new(),
            query: std::collections::BTreeMap::new(),
        };
        let ran = rpc::run(&self.api.hooks, &request.id, context, request.payload).await;
        let Ok(ran) = ran else {
            let code = RealtimeCode::RuntimeFunctionNotFound;
            return Err(RtError::new(code, "there is no such function"));
        };
        let payload = ran.map_err(|error| RtError::from_hook(&error))?.unwrap_or_default();
        Ok(Reply::message(Message::Rpc(tavern_protocol::api::Rpc {
            id: request.id,
            payload,
            http_key: String::new(),
        })))
    }
}

impl Connection for Session {
    fn handle(self: Arc<Self>, envelope: Envelope) -> BoxFuture<'static, Flow> {
        async move { self.process(envelope).await }.boxed()
    }

    fn broken(&self) -> Duration {
        self.services().logins.broken(self.id());
        self.services().config.resume_grace
    }

    fn resume(
        self: Arc<Self>,
        admission: Admission,
    ) -> BoxFuture<'static, Result<Arc<dyn Connection>, CodedError>> {
        async move { resume::resume(&self, admission).map(|s| s as Arc<dyn Connection>) }.boxed()
    }

    fn closed(&self) {
        if self.closed.swap(true, Ordering::SeqCst) {
            return;
        }
        let services = self.services();
        // In this order: see `OpenSessions`.
        services.streams.close_session(self.id());
        services.logins.closed(self.id());
        services.matchmaker.remove_session(self.id());
        services.parties.session_ended(self.id());
        services.presence.untrack_all(self.id(), PresenceReason::Disconnect);
        self.tell(EventKind::SessionEnd, "session_end");
    }
}
