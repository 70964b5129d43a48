//! Chat channels.

use async_trait::async_trait;
use tavern_domain::CodedError;
use tavern_runtime_hooks::HookError;
use tavern_runtime_hooks::host::{
    ChannelIdBuild, ChannelMessageRemove, ChannelMessageSend, ChannelMessageUpdate,
    ChannelMessagesList, ChannelsHost, HostHistory, HostMessage, HostMessageAck, MaybeUser,
};
use tavern_social::{Author, Channel, ChatError, ChatMessage, HistoryQuery, parse_message_id};

use super::ServerHost;
use super::friends::{or_empty, page};
use crate::error;
use crate::wire::ChannelName;

fn channel(id: &str) -> Result<Channel, CodedError> {
    Channel::parse(id).map_err(error::classified)
}

fn author(sender: MaybeUser, username: Option<&str>) -> Author {
    let username = username.unwrap_or_default().into();
    Author { user: sender.0.unwrap_or_default(), username }
}

#[async_trait]
impl ChannelsHost for ServerHost {
    async fn channel_id_build(&self, args: ChannelIdBuild) -> Result<String, HookError> {
        let sender = args.sender_id.0.filter(|sender| !sender.is_nil());
        let built = match sender {
            Some(sender) => self.0.chat.join(sender, args.channel_type, &args.target).await,
            // The server has no direct chats.
            None if args.channel_type == 2 => Err(ChatError::NoSuchUser),
            None => Channel::target(tavern_domain::UserId::NIL, args.channel_type, &args.target),
        };
        Ok(built.map_err(error::classified)?.id().to_string())
    }

    async fn channel_message_send(
        &self,
        args: ChannelMessageSend,
    ) -> Result<HostMessageAck, HookError> {
        let (channel, content) = (channel(&args.channel_id)?, or_empty(args.content));
        let author = author(args.sender_id, args.sender_username.as_deref());
        let persist = args.persist.unwrap_or(false);
        self.announced(self.0.chat.send(&channel, &author, content, persist).await)
    }

    async fn channel_message_update(
        &self,
        args: ChannelMessageUpdate,
    ) -> Result<HostMessageAck, HookError> {
        let (channel, content) = (channel(&args.channel_id)?, or_empty(args.content));
        let id = parse_message_id(&args.message_id).map_err(error::classified)?;
        let author = author(args.sender_id, args.sender_username.as_deref());
        let persist = args.persist.unwrap_or(false);
        self.announced(self.0.chat.update(&channel, id, &author, content, persist).await)
    }

    async fn channel_message_remove(
        &self,
        args: ChannelMessageRemove,
    ) -> Result<HostMessageAck, HookError> {
        let channel = channel(&args.channel_id)?;
        let id = parse_message_id(&args.message_id).map_err(error::classified)?;
        let author = author(args.sender_id, args.sender_username.as_deref());
        let persist = args.persist.unwrap_or(false);
        self.announced(self.0.chat.remove(&channel, id, &author, persist).await)
    }

    async fn channel_messages_list(
        &self,
        args: ChannelMessagesList,
    ) -> Result<HostHistory, HookError> {
        let channel = channel(&args.channel_id)?;
        let query = HistoryQuery {
            limit: page(args.limit),
            forward: args.forward,
            cursor: args.cursor.as_deref(),
        };
        let listed = self.0.chat.history(None, &channel, query).await;
        let listed = listed.map_err(error::classified)?;
        let name = ChannelName::of(channel.stream());
        let message = |message: ChatMessage| HostMessage {
            channel_id: name.id.clone(),
            message_id: message.id.to_string(),
            code: message.code.0.into(),
            sender_id: message.author.user.to_string(),
            username: message.author.username.to_string(),
            content: message.content,
            create_time: message.create_time,
            update_time: message.update_time,
            persistent: message.persistent,
            room_name: name.room_name.clone(),
            group_id: name.group_id.clone(),
            user_id_one: name.user_id_one.clone(),
            user_id_two: name.user_id_two.clone(),
        };
        Ok(HostHistory {
            messages: listed.messages.into_iter().map(message).collect(),
            next_cursor: listed.next_cursor,
            prev_cursor: listed.prev_cursor,
            cacheable_cursor: listed.cacheable_cursor,
        })
    }
}

impl ServerHost {
    /// Shows a message to everybody in its channel and acknowledges it.
    fn announced(&self, said: Result<ChatMessage, ChatError>) -> Result<HostMessageAck, HookError> {
        let said = said.map_err(error::classified)?;
        self.0.chat.announce(&said);
        Ok(HostMessageAck {
            channel_id: said.channel.id().to_string(),
            message_id: said.id.to_string(),
            code: said.code.0.into(),
            username: said.author.username.to_string(),
            create_time: said.create_time,
            update_time: said.update_time,
            persistent: said.persistent,
        })
    }
}
