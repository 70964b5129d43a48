//! Streams of the studio's own.

use std::sync::Arc;

use async_trait::async_trait;
use tavern_domain::{CodedError, Presence, PresenceMeta, SessionId, Stream, StreamMode, UserId};
use tavern_presence::{Include, Presences as _};
use tavern_protocol::realtime::{Envelope, StreamData, envelope::Message};
use tavern_protocol::{Outgoing, Unknown, Wire as _};
use tavern_runtime_hooks::HookError;
use tavern_runtime_hooks::host::{
    HostPresence, HostPresenceId, HostPresenceMeta, HostStream, StatusFollow, StatusUnfollow,
    StreamClose, StreamCount, StreamSend, StreamSendRaw, StreamUserGet, StreamUserJoin,
    StreamUserKick, StreamUserLeave, StreamUserList, StreamUserUpdate, StreamsHost,
};
use tavern_streams::Class;

use super::ServerHost;
use super::accounts::bounded;
use crate::error;
use crate::realtime::stream_address;

/// Most bytes of what is sent to a stream.
const DATA_BYTES: usize = 1 << 20;
/// Most bytes of a label.
const LABEL_BYTES: usize = 1_024;

#[async_trait]
impl StreamsHost for ServerHost {
    async fn stream_user_list(&self, args: StreamUserList) -> Result<Vec<HostPresence>, HookError> {
        let include = Include {
            visible: args.include_not_hidden.unwrap_or(true),
            hidden: args.include_hidden.unwrap_or(true),
        };
        let list = self.0.presence.list(&address(&args.stream)?, include);
        Ok(list.iter().map(|presence| self.shown(presence)).collect())
    }

    async fn stream_user_get(
        &self,
        args: StreamUserGet,
    ) -> Result<Option<HostPresenceMeta>, HookError> {
        let found = self.0.presence.get(args.session_id, &address(&args.stream)?);
        let found = found.filter(|presence| presence.user == args.user_id);
        Ok(found.map(|presence| HostPresenceMeta {
            hidden: presence.meta.hidden,
            persistence: presence.meta.persistence,
            username: presence.meta.username.to_string(),
            status: presence.meta.status.as_deref().unwrap_or_default().to_owned(),
        }))
    }

    async fn stream_user_join(&self, args: StreamUserJoin) -> Result<bool, HookError> {
        let stream = address(&args.stream)?;
        let meta = self.meta(
            args.user_id,
            args.session_id,
            args.hidden,
            args.persistence,
            args.status.as_deref(),
        )?;
        let who = Presence { user: args.user_id, session: args.session_id, meta: Arc::new(meta) };
        Ok(self.0.enter(&who, &stream)?.new)
    }

    async fn stream_user_update(&self, args: StreamUserUpdate) -> Result<(), HookError> {
        let stream = address(&args.stream)?;
        let meta = self.meta(
            args.user_id,
            args.session_id,
            args.hidden,
            args.persistence,
            args.status.as_deref(),
        )?;
        match self.0.presence.update(args.session_id, &stream, &Arc::new(meta)) {
            Some(_) => Ok(()),
            None => Err(CodedError::invalid("the session is not on the stream").into()),
        }
    }

    async fn stream_user_leave(&self, args: StreamUserLeave) -> Result<(), HookError> {
        self.0.leave(args.session_id, &address(&args.stream)?);
        Ok(())
    }

    async fn stream_user_kick(&self, args: StreamUserKick) -> Result<(), HookError> {
        self.0.leave(args.presence.session_id, &address(&args.stream)?);
        Ok(())
    }

    async fn stream_count(&self, args: StreamCount) -> Result<usize, HookError> {
        Ok(self.0.presence.count(&address(&args.stream)?).total())
    }

    async fn stream_close(&self, args: StreamClose) -> Result<(), HookError> {
        let stream = address(&args.stream)?;
        let all = self.0.presence.list(&stream, Include::ALL);
        // First none of them hears anything, then all of them leave.
        for presence in &all {
            self.0.streams.unsubscribe(presence.session, &stream);
        }
        for presence in &all {
            self.0.presence.untrack(presence.session, &stream);
        }
        Ok(())
    }

    async fn stream_send(&self, args: StreamSend) -> Result<(), HookError> {
        let stream = address(&args.stream)?;
        if args.data.len() > DATA_BYTES {
            return Err(CodedError::invalid("too much data for a message").into());
        }
        let reliable = args.reliable.unwrap_or(true);
        let message = Message::StreamData(StreamData {
            stream: Some(stream_address(&stream)),
            sender: None,
            data: args.data,
            reliable,
        });
        self.send(&stream, Envelope::push(message), args.presences, reliable);
        Ok(())
    }

    async fn stream_send_raw(&self, args: StreamSendRaw) -> Result<(), HookError> {
        let stream = address(&args.stream)?;
        let json = args.envelope.to_json();
        if json.len() > DATA_BYTES {
            return Err(CodedError::invalid("too much data for a message").into());
        }
        let envelope = Envelope::read_json(json.as_bytes(), Unknown::Ignore)
            .map_err(|error| CodedError::invalid(format!("not an envelope: {error}")))?;
        self.send(&stream, envelope, args.presences, args.reliable.unwrap_or(true));
        Ok(())
    }

    async fn status_follow(&self, args: StatusFollow) -> Result<(), HookError> {
        self.own_user(args.session_id)?;
        let users = bounded(Some(args.user_ids))?;
        if users.is_empty() {
            return Ok(());
        }
        let found = self.0.storage.accounts.users(&users, &[], &[]).await;
        for user in found.map_err(error::storage)? {
            let stream = Stream::status(user.id);
            self.0.streams.subscribe(args.session_id, &stream).map_err(error::classified)?;
        }
        Ok(())
    }

    async fn status_unfollow(&self, args: StatusUnfollow) -> Result<(), HookError> {
        let own = self.own_user(args.session_id)?;
        for user in bounded(Some(args.user_ids))?.into_iter().filter(|user| *user != own) {
            self.0.streams.unsubscribe(args.session_id, &Stream::status(user));
        }
        Ok(())
    }
}

impl ServerHost {
    /// Whose an open session is.
    fn own_user(&self, session: SessionId) -> Result<UserId, CodedError> {
        let user = self.0.streams.user_of(session);
        user.ok_or_else(|| CodedError::invalid("there is no such session"))
    }

    /// What a socket is to show; it must be open, and the user's.
    fn meta(
        &self,
        user: UserId,
        session: SessionId,
        hidden: Option<bool>,
        persistence: Option<bool>,
        status: Option<&str>,
    ) -> Result<PresenceMeta, CodedError> {
        if self.0.streams.user_of(session) != Some(user) {
            return Err(CodedError::invalid("there is no such session of this user"));
        }
        let status = status.unwrap_or_default();
        tavern_social::check_status(status).map_err(error::classified)?;
        Ok(PresenceMeta {
            username: self.0.logins.username(session).unwrap_or_default(),
            hidden: hidden.unwrap_or(false),
            persistence: persistence.unwrap_or(true),
            status: Some(status.into()),
        })
    }

    fn shown(&self, presence: &Presence) -> HostPresence {
        let node = self.0.node.to_string();
        HostPresence {
            user_id: presence.user,
            session_id: presence.session,
            node_id: node.clone(),
            node,
            hidden: presence.meta.hidden,
            persistence: presence.meta.persistence,
            username: presence.meta.username.to_string(),
            status: presence.meta.status.as_deref().unwrap_or_default().to_owned(),
        }
    }

    fn send(
        &self,
        stream: &Stream,
        envelope: Envelope,
        to: Option<Vec<HostPresenceId>>,
        reliable: bool,
    ) {
        let message = Arc::new(Outgoing::new(envelope));
        let class = if reliable { Class::Reliable } else { Class::Unreliable };
        match to {
            None => self.0.streams.send(stream, message, class),
            Some(to) => {
                let to: Vec<SessionId> = to.into_iter().map(|id| id.session_id).collect();
                self.0.streams.send_to_members(stream, &to, message, class)
            }
        };
    }
}

fn address(stream: &HostStream) -> Result<Stream, CodedError> {
    let address =
        stream.address().ok_or_else(|| CodedError::invalid("a stream's subject must be a UUID"))?;
    if address.label.len() > LABEL_BYTES {
        return Err(CodedError::invalid("a stream's label is too long"));
    }
    if address.mode == StreamMode::NOTIFICATIONS {
        return Err(CodedError::invalid("notifications are sent by their own functions"));
    }
    Ok(address)
}
