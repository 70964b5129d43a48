//! Why a session ends, and what its client is told.

use tavern_api::CloseReason;
use tungstenite::protocol::CloseFrame;
use tungstenite::protocol::frame::coding::CloseCode;

/// Bytes of a close frame's reason: a control frame has room for 125, and the code takes two.
const LONGEST_REASON: usize = 123;

/// Why a session ends. `docs/realtime-close-codes.md` has the table for clients.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum End {
    /// The service asked for it.
    Asked(CloseReason),
    /// Handling a message came to this; the text says why.
    Refused(&'static str),
    /// The server stops.
    Retired,
    /// A message could not be decoded.
    Malformed,
    /// A text frame on a binary socket, or the other way round.
    WrongFrame,
    /// A message was too large.
    TooLarge,
    /// The client does not speak the WebSocket protocol.
    Violation,
    /// Text that is not UTF-8.
    NotText,
    /// No pong came.
    NoPong,
    /// The service did not open the session.
    NotOpened,
    /// Handling a message panicked.
    Panicked,
    /// The client closed.
    ByClient,
    /// The client is gone without a word.
    Gone,
    /// The client did not read for too long.
    Stuck,
    /// The process stops, and there is no time for words.
    Aborted,
}

impl End {
    /// The names in metric labels, at the index of [`index`](Self::index).
    pub(crate) const NAMES: [&'static str; 14 + CloseReason::ALL.len()] = {
        let mut names = [
            "malformed",
            "wrong_frame",
            "too_large",
            "violation",
            "not_text",
            "no_pong",
            "not_opened",
            "panicked",
            "by_client",
            "gone",
            "stuck",
            "aborted",
            "retired",
            "refused",
            "",
            "",
            "",
            "",
            "",
            "",
            "",
            "",
        ];
        let mut i = 0;
        while i < CloseReason::ALL.len() {
            names[14 + i] = CloseReason::ALL[i].name();
            i += 1;
        }
        names
    };

    /// The place in [`NAMES`](Self::NAMES).
    pub(crate) fn index(&self) -> usize {
        match self {
            Self::Malformed => 0,
            Self::WrongFrame => 1,
            Self::TooLarge => 2,
            Self::Violation => 3,
            Self::NotText => 4,
            Self::NoPong => 5,
            Self::NotOpened => 6,
            Self::Panicked => 7,
            Self::ByClient => 8,
            Self::Gone => 9,
            Self::Stuck => 10,
            Self::Aborted => 11,
            Self::Retired => 12,
            Self::Refused(_) => 13,
            Self::Asked(why) => {
                14 + CloseReason::ALL.iter().position(|reason| reason == why).unwrap_or(0)
            }
        }
    }

    /// The name in logs.
    pub(crate) fn name(&self) -> &'static str {
        Self::NAMES[self.index()]
    }

    /// What the client is told; `None` when there is nobody left to tell.
    pub(crate) fn frame(&self) -> Option<CloseFrame> {
        let (code, text) = match self {
            Self::Asked(why) => asked(*why),
            Self::Refused(text) => (CloseCode::Normal, fitting(text)),
            Self::Retired => asked(CloseReason::ShuttingDown),
            Self::Malformed => (CloseCode::Normal, "the message could not be read"),
            Self::WrongFrame => (CloseCode::Normal, "wrong kind of frame for the socket's format"),
            Self::TooLarge => (CloseCode::Size, "the message is too large"),
            Self::Violation => (CloseCode::Protocol, "not the websocket protocol"),
            Self::NotText => (CloseCode::Invalid, "text must be utf-8"),
            Self::NoPong => (CloseCode::Normal, "no pong came in time"),
            Self::NotOpened => (CloseCode::Normal, "the session could not be opened"),
            Self::Panicked => (CloseCode::Error, "internal error"),
            Self::ByClient | Self::Gone | Self::Stuck | Self::Aborted => return None,
        };
        Some(CloseFrame { code, reason: text.into() })
    }

    /// Whether a message that is being handled may finish first: its answer is still worth
    /// something to a client that comes back, while one who is thrown out must not be able to
    /// stay by way of a slow hook.
    pub(crate) const fn lets_finish(&self) -> bool {
        matches!(self, Self::Retired)
    }

    /// Whether the socket broke without a goodbye of either side: the client may well come back.
    pub(crate) const fn breaks(&self) -> bool {
        matches!(self, Self::Gone | Self::NoPong | Self::Stuck)
    }

    /// Whether what waits in the outbox is still sent, such as the notification that says why.
    pub(crate) const fn delivers(&self) -> bool {
        matches!(
            self,
            Self::Asked(_) | Self::Refused(_) | Self::Retired | Self::Malformed | Self::WrongFrame
        )
    }
}

/// As much of a text as fits into a control frame beside the code.
fn fitting(text: &'static str) -> &'static str {
    let mut end = text.len().min(LONGEST_REASON);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// 1000 is what clients of the public protocol see whenever the server closes. Two reasons differ:
/// a client that was well-behaved and should come back gets "going away", and one that does not
/// read fast enough can tell that it was its own doing. Others of the registered codes (1012,
/// 1013) would say it better, but common client libraries take them for protocol errors.
fn asked(why: CloseReason) -> (CloseCode, &'static str) {
    match why {
        CloseReason::ShuttingDown => (CloseCode::Away, "the server restarts, connect again"),
        CloseReason::LoggedOut => (CloseCode::Normal, "logged out"),
        CloseReason::Banned => (CloseCode::Normal, "banned"),
        CloseReason::AccountDeleted => (CloseCode::Normal, "the account was deleted"),
        CloseReason::Replaced => (CloseCode::Normal, "another socket took its place"),
        CloseReason::Kicked => (CloseCode::Normal, "closed by the server"),
        CloseReason::MatchFailed => (CloseCode::Normal, "the match failed"),
        CloseReason::Overflow => (CloseCode::Policy, "too slow, messages were lost"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_end_has_a_name_of_its_own() {
        let mut names = End::NAMES.to_vec();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), End::NAMES.len());
        assert!(!names.contains(&""));
        assert_eq!(End::Asked(CloseReason::Overflow).name(), "overflow");
        assert_eq!(End::Aborted.name(), "aborted");
    }

    #[test]
    fn reasons_fit_into_a_control_frame() {
        for why in CloseReason::ALL {
            let frame = End::Asked(why).frame().unwrap();
            assert!(frame.reason.len() <= LONGEST_REASON);
            let usual = frame.code == CloseCode::Normal;
            let differs = matches!(why, CloseReason::ShuttingDown | CloseReason::Overflow);
            assert_eq!(usual, !differs, "{why:?}");
        }
    }
}
