//! The history of channels.

use tavern_domain::CodedError;
use tavern_protocol::api;
use tavern_social::{Channel, HistoryQuery};

use crate::api::user;
use crate::context::Context;
use crate::error;
use crate::services::Services;
use crate::wire::{self, ChannelName};

/// A page of a channel's history.
pub(crate) async fn list_messages(
    services: &Services,
    cx: &mut Context,
    request: &api::ListChannelMessagesRequest,
) -> Result<api::ChannelMessageList, CodedError> {
    let user = user(cx)?;
    let channel = Channel::parse(&request.channel_id).map_err(error::classified)?;
    let query = HistoryQuery {
        limit: request.limit,
        forward: request.forward,
        cursor: Some(&request.cursor),
    };
    let page =
        services.chat.history(Some(user), &channel, query).await.map_err(error::classified)?;
    let name = ChannelName::of(channel.stream());
    Ok(api::ChannelMessageList {
        messages: page
            .messages
            .into_iter()
            .map(|message| wire::channel_message(message, name.clone()))
            .collect(),
        next_cursor: page.next_cursor.unwrap_or_default(),
        prev_cursor: page.prev_cursor.unwrap_or_default(),
        cacheable_cursor: page.cacheable_cursor.unwrap_or_default(),
    })
}
