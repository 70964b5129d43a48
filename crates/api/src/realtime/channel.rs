//! Chat channels.

use std::sync::Arc;

use tavern_domain::{Presence, PresenceMeta};
use tavern_presence::Presences as _;
use tavern_protocol::Outgoing;
use tavern_protocol::realtime::{
    self, ChannelJoin, ChannelLeave, ChannelMessageAck, ChannelMessageRemove, ChannelMessageSend,
    ChannelMessageUpdate, Envelope, envelope::Message,
};
use tavern_social::{Author, Channel, ChatMessage, parse_message_id};
use tavern_streams::Class;

use super::reply::{Reply, RtError, RtResult};
use super::session::Session;
use crate::error;
use crate::wire::{self, ChannelName};

/// Joins a channel and answers who is there. Joining again changes nothing.
pub(crate) async fn join(session: &Session, request: ChannelJoin) -> RtResult {
    let services = session.services();
    let chat = &services.chat;
    let evictions = chat.evictions();
    let joined = chat.join(session.user(), request.r#type, &request.target).await;
    let channel = joined.map_err(error::classified)?;
    let meta = PresenceMeta {
        username: Arc::clone(session.username()),
        hidden: request.hidden.unwrap_or(false),
        persistence: request.persistence.unwrap_or(true),
        status: None,
    };
    let who = Presence { user: session.user(), session: session.id(), meta: Arc::new(meta) };
    let tracked = services.enter(&who, channel.stream())?;
    if chat.evictions() != evictions {
        // Somebody was taken off some channel meanwhile, perhaps this one off this.
        if let Err(refused) = chat.admit(session.user(), &channel).await {
            services.leave(session.id(), channel.stream());
            return Err(error::classified(refused).into());
        }
    }
    if tracked.new {
        tell_partner(session, &channel, &tracked.before).await;
    }
    let name = ChannelName::of(channel.stream());
    Ok(Reply::message(Message::Channel(realtime::Channel {
        id: name.id,
        presences: wire::presences(&tracked.before),
        self_: Some(wire::presence(&who)),
        room_name: name.room_name,
        group_id: name.group_id,
        user_id_one: name.user_id_one,
        user_id_two: name.user_id_two,
    })))
}

/// Tells the other one of a direct chat that it was opened, unless they are in it.
async fn tell_partner(session: &Session, channel: &Channel, present: &[Presence]) {
    let Some(other) = channel.partner(session.user()) else { return };
    if other == session.user() || present.iter().any(|presence| presence.user == other) {
        return;
    }
    // The chat is open all the same.
    if let Err(error) = session.services().chat.tell_of_direct(&author(session), other).await {
        let error: &dyn std::error::Error = &error;
        tracing::warn!(error, "the other one of a direct chat was not told of it");
    }
}

/// Leaves a channel; to leave what one is not in is fine.
pub(crate) fn leave(session: &Session, request: &ChannelLeave) -> RtResult {
    let channel = parse(&request.channel_id)?;
    session.services().leave(session.id(), channel.stream());
    Ok(Reply::Ack)
}

/// Says something: everybody in the channel hears it, the sender too.
pub(crate) async fn send(session: &Session, request: ChannelMessageSend) -> RtResult {
    let (channel, persist) = joined(session, &request.channel_id)?;
    let chat = &session.services().chat;
    let said = chat.send(&channel, &author(session), request.content, persist).await;
    tell(session, said.map_err(error::classified)?)
}

/// Changes what one has said.
pub(crate) async fn update(session: &Session, request: ChannelMessageUpdate) -> RtResult {
    let (channel, persist) = joined(session, &request.channel_id)?;
    let id = parse_message_id(&request.message_id).map_err(error::classified)?;
    let chat = &session.services().chat;
    let said = chat.update(&channel, id, &author(session), request.content, persist).await;
    tell(session, said.map_err(error::classified)?)
}

/// Takes back what one has said.
pub(crate) async fn remove(session: &Session, request: ChannelMessageRemove) -> RtResult {
    let (channel, persist) = joined(session, &request.channel_id)?;
    let id = parse_message_id(&request.message_id).map_err(error::classified)?;
    let said = session.services().chat.remove(&channel, id, &author(session), persist).await;
    tell(session, said.map_err(error::classified)?)
}

fn parse(id: &str) -> Result<Channel, RtError> {
    Ok(Channel::parse(id).map_err(error::classified)?)
}

/// The channel, which the session must be in, and whether it wants its messages kept.
fn joined(session: &Session, id: &str) -> Result<(Channel, bool), RtError> {
    let channel = parse(id)?;
    let presence = session.services().presence.get(session.id(), channel.stream());
    let here = presence.ok_or_else(|| RtError::bad_input("join the channel first"))?;
    Ok((channel, here.meta.persistence))
}

fn author(session: &Session) -> Author {
    Author { user: session.user(), username: Arc::clone(session.username()) }
}

/// Sends a message to everybody in its channel and acknowledges it.
fn tell(session: &Session, said: ChatMessage) -> RtResult {
    let name = ChannelName::of(said.channel.stream());
    let ack = ChannelMessageAck {
        channel_id: name.id.clone(),
        message_id: said.id.to_string(),
        code: Some(i32::from(said.code.0)),
        username: said.author.username.to_string(),
        create_time: wire::time(said.create_time),
        update_time: wire::time(said.update_time),
        persistent: Some(said.persistent),
        room_name: name.room_name.clone(),
        group_id: name.group_id.clone(),
        user_id_one: name.user_id_one.clone(),
        user_id_two: name.user_id_two.clone(),
    };
    let stream = said.channel.stream().clone();
    let message = Message::ChannelMessage(wire::channel_message(said, name));
    let message = Arc::new(Outgoing::new(Envelope::push(message)));
    session.services().streams.send(&stream, message, Class::Reliable);
    Ok(Reply::message(Message::ChannelMessageAck(ack)))
}
