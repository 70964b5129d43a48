//! What a match can do to its players.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use serde::Deserialize;
use tavern_domain::{ErrorCode, SessionId, UserId};

use super::types::Named;
use crate::error::HookError;
use crate::host::Language;
use crate::value::{Blob, Value, from_value};

/// A message of a match to its players.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Broadcast {
    /// What it is about: the game's own numbers.
    pub op_code: i64,
    /// What.
    pub data: Bytes,
    /// To whom: all players, or those of these sockets that are in the match.
    pub to: Option<Vec<SessionId>>,
    /// Whom it is shown to come from: user, socket and name. Nobody: from the match.
    pub sender: Option<(UserId, SessionId, Arc<str>)>,
    /// Whether it must arrive. One that need not is dropped when the player's connection is slow.
    pub reliable: bool,
}

/// Offered to handlers: acting on their match. Nothing waits, and nothing calls back.
pub trait MatchDispatcher: Send + Sync + 'static {
    /// Sends now.
    ///
    /// # Errors
    /// When the match has ended, or the data is too long.
    fn broadcast(&self, message: Broadcast) -> Result<(), HookError>;

    /// Sends when the present callback has returned.
    ///
    /// # Errors
    /// As [`broadcast`](Self::broadcast), and when too many messages wait.
    fn broadcast_deferred(&self, message: Broadcast) -> Result<(), HookError>;

    /// Takes players out of the match. The others, and the handler's `leave`, hear of it; they
    /// themselves do not. Those who are not in are passed over.
    ///
    /// # Errors
    /// When the match has ended.
    fn kick(&self, players: &[SessionId]) -> Result<(), HookError>;

    /// Changes the label.
    ///
    /// # Errors
    /// When the match has ended, or the label is longer than 2,048 bytes.
    fn update_label(&self, label: &str) -> Result<(), HookError>;
}

/// A shared [`MatchDispatcher`].
#[derive(Clone)]
pub struct Dispatcher(pub Arc<dyn MatchDispatcher>);

impl fmt::Debug for Dispatcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Dispatcher")
    }
}

impl std::ops::Deref for Dispatcher {
    type Target = dyn MatchDispatcher;

    fn deref(&self) -> &Self::Target {
        &*self.0
    }
}

/// The dispatcher of no match: everything fails. For tests of handlers.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoMatch;

impl NoMatch {
    fn error<T>() -> Result<T, HookError> {
        Err(HookError::new(ErrorCode::NotFound, "the match has ended"))
    }
}

impl MatchDispatcher for NoMatch {
    fn broadcast(&self, _: Broadcast) -> Result<(), HookError> {
        Self::error()
    }

    fn broadcast_deferred(&self, _: Broadcast) -> Result<(), HookError> {
        Self::error()
    }

    fn kick(&self, _: &[SessionId]) -> Result<(), HookError> {
        Self::error()
    }

    fn update_label(&self, _: &str) -> Result<(), HookError> {
        Self::error()
    }
}

/// Calls a function of a dispatcher with arguments one after the other.
type Call = fn(&dyn MatchDispatcher, Vec<Value>) -> Result<(), HookError>;

/// A function of dispatchers in script languages: engines translate its arguments and nothing else.
#[derive(Clone, Copy)]
pub struct DispatcherFunction {
    /// Its name in Lua.
    pub lua: &'static str,
    /// Its name in JavaScript.
    pub js: &'static str,
    /// The names of its arguments, in their order.
    pub params: &'static [&'static str],
    call: Call,
}

impl DispatcherFunction {
    const BROADCAST: &[&str] = &["op_code", "data", "presences", "sender", "reliable"];

    /// Every function.
    pub const ALL: [Self; 4] = [
        Self {
            lua: "broadcast_message",
            js: "broadcastMessage",
            params: Self::BROADCAST,
            call: |dispatcher, args| {
                let Some(message) = broadcast("broadcast_message", args)? else { return Ok(()) };
                dispatcher.broadcast(message)
            },
        },
        Self {
            lua: "broadcast_message_deferred",
            js: "broadcastMessageDeferred",
            params: Self::BROADCAST,
            call: |dispatcher, args| {
                let message = broadcast("broadcast_message_deferred", args)?;
                message.map_or(Ok(()), |message| dispatcher.broadcast_deferred(message))
            },
        },
        Self {
            lua: "match_kick",
            js: "matchKick",
            params: &["presences"],
            call: |dispatcher, args| {
                let mut args = Args::of("match_kick", args);
                let players: Option<Vec<Named>> = args.next("presences")?;
                dispatcher.kick(&sessions(players.unwrap_or_default()))
            },
        },
        Self {
            lua: "match_label_update",
            js: "matchLabelUpdate",
            params: &["label"],
            call: |dispatcher, args| {
                let label: String = Args::of("match_label_update", args).next("label")?;
                dispatcher.update_label(&label)
            },
        },
    ];

    /// Its name in a language.
    #[must_use]
    pub const fn name(&self, language: Language) -> &'static str {
        match language {
            Language::Lua => self.lua,
            Language::JavaScript => self.js,
        }
    }

    /// Calls it. What is beyond the last argument is ignored.
    ///
    /// # Errors
    /// What the function says; [`ErrorCode::InvalidArgument`] for arguments of wrong types.
    pub fn call(
        &self,
        dispatcher: &dyn MatchDispatcher,
        args: Vec<Value>,
    ) -> Result<(), HookError> {
        (self.call)(dispatcher, args)
    }
}

impl fmt::Debug for DispatcherFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DispatcherFunction").field("lua", &self.lua).finish_non_exhaustive()
    }
}

/// Arguments, taken one after the other.
struct Args {
    function: &'static str,
    left: std::vec::IntoIter<Value>,
}

impl Args {
    fn of(function: &'static str, args: Vec<Value>) -> Self {
        Self { function, left: args.into_iter() }
    }

    fn next<T: for<'de> Deserialize<'de>>(&mut self, name: &str) -> Result<T, HookError> {
        from_value(self.left.next().unwrap_or_default()).map_err(|error| {
            let text = format!("{}: {name}: {error}", self.function);
            HookError::new(ErrorCode::InvalidArgument, text)
        })
    }
}

fn sessions(players: Vec<Named>) -> Vec<SessionId> {
    players.into_iter().map(|player| player.session_id).collect()
}

/// `None`: the list of recipients is empty.
fn broadcast(function: &'static str, args: Vec<Value>) -> Result<Option<Broadcast>, HookError> {
    let mut args = Args::of(function, args);
    let op_code = args.next("op_code")?;
    let data: Option<Blob> = args.next("data")?;
    let to: Option<Vec<Named>> = args.next("presences")?;
    let sender: Option<Named> = args.next("sender")?;
    let reliable: Option<bool> = args.next("reliable")?;
    let to = to.map(sessions);
    if to.as_ref().is_some_and(Vec::is_empty) {
        return Ok(None);
    }
    Ok(Some(Broadcast {
        op_code,
        data: data.unwrap_or_default().0.into(),
        to,
        sender: sender.map(|named| (named.user_id, named.session_id, named.username.into())),
        reliable: reliable.unwrap_or(true),
    }))
}

#[cfg(test)]
mod tests {
    use parking_lot::Mutex;

    use super::*;

    #[derive(Default)]
    struct Recorded(Mutex<Vec<Broadcast>>);

    impl MatchDispatcher for Recorded {
        fn broadcast(&self, message: Broadcast) -> Result<(), HookError> {
            self.0.lock().push(message);
            Ok(())
        }

        fn broadcast_deferred(&self, message: Broadcast) -> Result<(), HookError> {
            self.broadcast(message)
        }

        fn kick(&self, players: &[SessionId]) -> Result<(), HookError> {
            self.broadcast(Broadcast { to: Some(players.to_vec()), ..Broadcast::default() })
        }

        fn update_label(&self, label: &str) -> Result<(), HookError> {
            self.broadcast(Broadcast { data: label.to_owned().into(), ..Broadcast::default() })
        }
    }

    fn player(n: u128) -> Value {
        let id = |n| Value::Text(uuid::Uuid::from_u128(n).to_string());
        Value::Map(vec![
            ("userId".into(), id(n + 100)),
            ("session_id".into(), id(n)),
            ("username".into(), Value::Text(format!("player-{n}"))),
            ("node".into(), Value::Text("node".into())),
        ])
    }

    #[test]
    fn scripts_say_what_to_send_to_whom() {
        let seen = Recorded::default();
        let [broadcast, deferred, kick, label] = DispatcherFunction::ALL;
        let text = |text: &str| Value::Text(text.into());
        broadcast.call(&seen, vec![Value::Int(2), text("hi")]).unwrap();
        let to = Value::List(vec![player(1)]);
        let args =
            vec![Value::Float(3.0), Value::Null, to, player(2), Value::Bool(false), Value::Int(9)];
        deferred.call(&seen, args).unwrap();
        kick.call(&seen, vec![Value::List(vec![player(3)])]).unwrap();
        label.call(&seen, vec![text("open")]).unwrap();
        let nobody = vec![Value::Int(1), Value::Null, Value::List(Vec::new())];
        broadcast.call(&seen, nobody).unwrap();
        let session = |n| SessionId(uuid::Uuid::from_u128(n));
        let seen = seen.0.into_inner();
        assert_eq!(seen.len(), 4, "to nobody is not to all");
        let all =
            Broadcast { op_code: 2, data: "hi".into(), reliable: true, ..Broadcast::default() };
        assert_eq!(seen[0], all);
        assert_eq!((seen[1].op_code, seen[1].reliable), (3, false));
        assert_eq!(seen[1].to, Some(vec![session(1)]));
        let sender = seen[1].sender.as_ref().unwrap();
        assert_eq!((sender.1, &*sender.2), (session(2), "player-2"));
        assert_eq!(seen[2].to, Some(vec![session(3)]));
        assert_eq!(seen[3].data, "open");
    }

    #[test]
    fn wrong_arguments_are_told_by_name() {
        let [broadcast, _, kick, label] = DispatcherFunction::ALL;
        for (function, args, name) in [
            (broadcast, vec![], "op_code"),
            (broadcast, vec![Value::Int(1), Value::Null, Value::Bool(true)], "presences"),
            (kick, vec![Value::List(vec![Value::Int(1)])], "presences"),
            (label, vec![], "label"),
        ] {
            let error = function.call(&NoMatch, args).unwrap_err();
            assert_eq!(error.code, ErrorCode::InvalidArgument);
            assert!(error.message.contains(name), "{error}");
        }
    }
}
