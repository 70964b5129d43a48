//! Channels: what they are called and where their live data flows.

use std::sync::Arc;

use tavern_domain::{Stream, StreamMode, UserId};
use uuid::Uuid;

use crate::ChatError;

/// Most bytes of a room name; it has at least one.
pub const MAX_ROOM_NAME_BYTES: usize = 64;

/// Which channel it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ChannelKind<'a> {
    /// A room, open to everybody.
    Room {
        /// Its name.
        name: &'a str,
    },
    /// The chat of a group, for its members.
    Group {
        /// The group.
        group: Uuid,
    },
    /// The chat of two users, who may be one and the same.
    Direct {
        /// The one with the lower id.
        one: UserId,
        /// The one with the higher id.
        two: UserId,
    },
}

/// A chat channel. Cheap to clone.
///
/// Only well-formed addresses become channels, so that nobody can use chat to reach a stream that
/// is something else.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Channel {
    stream: Stream,
    id: Arc<str>,
}

impl Channel {
    /// The room of this name.
    ///
    /// # Errors
    /// [`ChatError::RoomName`] unless it has 1 to [`MAX_ROOM_NAME_BYTES`] bytes and no control
    /// characters.
    pub fn room(name: &str) -> Result<Self, ChatError> {
        // ASCII control characters only, as everywhere in the protocol: rooms by other names exist.
        let fine = (1..=MAX_ROOM_NAME_BYTES).contains(&name.len())
            && !name.bytes().any(|byte| byte.is_ascii_control());
        if fine { Ok(Self::at(Stream::room(name))) } else { Err(ChatError::RoomName) }
    }

    /// The chat of a group.
    #[must_use]
    pub fn group(group: Uuid) -> Self {
        Self::at(Stream::group(group))
    }

    /// The chat of two users: the same channel whoever asks.
    #[must_use]
    pub fn direct(a: UserId, b: UserId) -> Self {
        Self::at(Stream::direct(a, b))
    }

    /// The channel that `caller` means by a channel type of the protocol (0 and 1 room, 2 direct,
    /// 3 group) and a target (room name, user id, group id). Says nothing about who may join.
    ///
    /// # Errors
    /// [`ChatError`] for an empty or malformed target or an unknown type.
    pub fn target(caller: UserId, kind: i32, target: &str) -> Result<Self, ChatError> {
        if target.is_empty() {
            return Err(ChatError::MissingTarget);
        }
        match kind {
            0 | 1 => Self::room(target),
            2 => match target.parse::<UserId>() {
                Ok(other) if !other.is_nil() => Ok(Self::direct(caller, other)),
                Ok(_) | Err(_) => Err(ChatError::NoSuchUser),
            },
            3 => match target.parse::<UserId>() {
                Ok(group) if !group.is_nil() => Ok(Self::group(group.0)),
                Ok(_) | Err(_) => Err(ChatError::NoSuchGroup),
            },
            _ => Err(ChatError::ChannelType),
        }
    }

    /// Reads a channel id.
    ///
    /// # Errors
    /// [`ChatError::ChannelId`] unless it is the address of a channel, spelt the one way that
    /// [`Self::id`] spells it, but for the case of hexadecimal digits.
    pub fn parse(id: &str) -> Result<Self, ChatError> {
        // "02...room" is the same number, but no channel id; one digit is enough for all of them.
        if id.as_bytes().get(1) != Some(&b'.') {
            return Err(ChatError::ChannelId);
        }
        let stream: Stream = id.parse().map_err(|_| ChatError::ChannelId)?;
        Self::of_stream(stream).ok_or(ChatError::ChannelId)
    }

    /// The channel at this address, if it is that of one.
    #[must_use]
    pub fn of_stream(stream: Stream) -> Option<Self> {
        let (subject, subcontext) = (stream.subject, stream.subcontext);
        match stream.mode {
            StreamMode::CHANNEL if subject.is_nil() && subcontext.is_nil() => {
                Self::room(&stream.label).ok()
            }
            StreamMode::GROUP if !subject.is_nil() && subcontext.is_nil() => {
                stream.label.is_empty().then(|| Self::at(stream))
            }
            StreamMode::DIRECT if !subject.is_nil() && subject <= subcontext => {
                stream.label.is_empty().then(|| Self::at(stream))
            }
            _ => None,
        }
    }

    fn at(stream: Stream) -> Self {
        let id = stream.to_string().into();
        Self { stream, id }
    }

    /// Its id in the protocol.
    #[must_use]
    pub const fn id(&self) -> &Arc<str> {
        &self.id
    }

    /// Where its live data flows and its messages are kept.
    #[must_use]
    pub const fn stream(&self) -> &Stream {
        &self.stream
    }

    /// Whom a player talks to in a direct chat, who may be they themselves; `None` for those it is
    /// not the chat of, and for other channels.
    #[must_use]
    pub fn partner(&self, user: UserId) -> Option<UserId> {
        match self.kind() {
            ChannelKind::Direct { one, two } if one == user => Some(two),
            ChannelKind::Direct { one, two } if two == user => Some(one),
            ChannelKind::Direct { .. } | ChannelKind::Room { .. } | ChannelKind::Group { .. } => {
                None
            }
        }
    }

    /// Which channel it is.
    #[must_use]
    pub fn kind(&self) -> ChannelKind<'_> {
        let Stream { mode, subject, subcontext, label } = &self.stream;
        match *mode {
            StreamMode::GROUP => ChannelKind::Group { group: *subject },
            StreamMode::DIRECT => {
                ChannelKind::Direct { one: UserId(*subject), two: UserId(*subcontext) }
            }
            // By construction there is no other.
            _ => ChannelKind::Room { name: label },
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tavern_domain::{Classify as _, ErrorCode};

    use super::*;

    const LOW: &str = "11111111-1111-4111-8111-111111111111";
    const HIGH: &str = "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa";

    fn user(id: &str) -> UserId {
        id.parse().unwrap()
    }

    #[test]
    fn targets_name_channels() {
        let caller = user(HIGH);
        for (kind, target, id) in [
            (0, "lobby", "2...lobby".to_owned()),
            (1, "lobby", "2...lobby".to_owned()),
            (1, "a.b é", "2...a.b é".to_owned()),
            (2, LOW, format!("4.{LOW}.{HIGH}.")),
            (2, HIGH, format!("4.{HIGH}.{HIGH}.")),
            (3, LOW, format!("3.{LOW}..")),
        ] {
            let channel = Channel::target(caller, kind, target).unwrap();
            assert_eq!(&**channel.id(), id, "{kind} {target}");
            assert_eq!(Channel::parse(&id).unwrap(), channel, "{id}");
        }
    }

    #[test]
    fn bad_targets_are_bad_input() {
        let nil = Uuid::nil().to_string();
        let long = "x".repeat(65);
        let caller = user(HIGH);
        for (kind, target, error) in [
            (0, "", ChatError::MissingTarget),
            (1, "", ChatError::MissingTarget),
            (3, "", ChatError::MissingTarget),
            (1, &long, ChatError::RoomName),
            (
                1,
                "é234567890123456789012345678901234567890123456789012345678901234",
                ChatError::RoomName,
            ),
            (1, "with\nnewline", ChatError::RoomName),
            (1, "\0", ChatError::RoomName),
            (1, "\x7f", ChatError::RoomName),
            (2, "not-a-uuid", ChatError::NoSuchUser),
            (2, &nil, ChatError::NoSuchUser),
            (3, "not-a-uuid", ChatError::NoSuchGroup),
            (3, &nil, ChatError::NoSuchGroup),
            (4, "x", ChatError::ChannelType),
            (9, "x", ChatError::ChannelType),
            (-1, "x", ChatError::ChannelType),
        ] {
            let refused = Channel::target(caller, kind, target).unwrap_err();
            assert_eq!(refused.to_string(), error.to_string(), "{kind} {target:?}");
            assert_eq!(refused.code(), ErrorCode::InvalidArgument, "{kind} {target:?}");
        }
        assert!(Channel::room(&long[..64]).is_ok(), "64 bytes are fine");
        assert!(Channel::room("\u{85}").is_ok(), "not a control character of ASCII");
    }

    #[test]
    fn ids_of_anything_else_are_refused() {
        for bad in [
            "",
            "garbage",
            "9.a.b.c",
            "2",
            "2...",
            "2..",
            "02...lobby",
            "+2...lobby",
            "2...with\nnewline",
            &format!("2...{}", "x".repeat(65)),
            &format!("2.{LOW}..lobby"),
            &format!("2..{LOW}.lobby"),
            "3...",
            &format!("3.{LOW}..label"),
            &format!("3.{LOW}.{HIGH}."),
            &format!("3..{LOW}."),
            "4...",
            &format!("4.{LOW}.."),
            &format!("4..{LOW}."),
            &format!("4.{HIGH}.{LOW}."),
            &format!("4.{LOW}.{HIGH}.label"),
            &format!("0.{LOW}.."),
            &format!("1.{LOW}.."),
            &format!("5.{LOW}.."),
            &format!("6.{LOW}..node"),
            "8...mine",
        ] {
            assert!(matches!(Channel::parse(bad), Err(ChatError::ChannelId)), "{bad:?}");
        }
    }

    #[test]
    fn a_channel_knows_what_it_is() {
        let (low, high) = (user(LOW), user(HIGH));
        assert_eq!(Channel::room("x").unwrap().kind(), ChannelKind::Room { name: "x" });
        assert_eq!(Channel::group(low.0).kind(), ChannelKind::Group { group: low.0 });
        let direct = ChannelKind::Direct { one: low, two: high };
        assert_eq!(Channel::direct(high, low).kind(), direct);
        assert_eq!(Channel::direct(high, low).partner(low), Some(high));
        assert_eq!(Channel::direct(high, low).partner(high), Some(low));
        assert_eq!(Channel::direct(low, low).partner(low), Some(low));
        assert_eq!(Channel::direct(low, low).partner(high), None);
        assert_eq!(Channel::group(low.0).partner(low), None);
        assert_eq!(
            Channel::parse(&format!("4.{LOW}.{}.", HIGH.to_uppercase())).unwrap().kind(),
            direct
        );
    }

    proptest! {
        #[test]
        fn parsing_never_panics_and_ids_round_trip(id in r"([0-9]{1,2}\.){0,1}[\PC\.]{0,80}") {
            if let Ok(channel) = Channel::parse(&id) {
                prop_assert_eq!(channel.id().to_ascii_lowercase(), id.to_ascii_lowercase());
            }
        }

        #[test]
        fn rooms_round_trip(name in r"[^\x00-\x1f\x7f]{1,16}") {
            let room = Channel::room(&name).unwrap();
            prop_assert_eq!(room.kind(), ChannelKind::Room { name: &name });
            prop_assert_eq!(Channel::parse(room.id()).unwrap(), room);
        }
    }
}
