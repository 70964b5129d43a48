//! What can go wrong.

use tavern_domain::{Classify, ErrorCode, NodeName};

/// Why a message was not sent, or not answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BusError {
    /// There is no such node, or it does not take messages on this topic.
    #[error("node {node} is not reachable")]
    Unreachable {
        /// The node.
        node: NodeName,
    },
    /// No answer came in time. Whether the question arrived is not known.
    #[error("node {node} did not answer in time")]
    TimedOut {
        /// The node.
        node: NodeName,
    },
    /// The other side refused, in its own words.
    #[error("refused by the other node: {text}")]
    Refused {
        /// Its words.
        text: String,
    },
    /// See [`MAX_PAYLOAD`](crate::MAX_PAYLOAD).
    #[error("a message of {size} bytes is too large")]
    TooLarge {
        /// Its size, in bytes.
        size: usize,
    },
    /// Somebody on this node has the topic.
    #[error("topic {topic} is taken")]
    Taken {
        /// The topic.
        topic: &'static str,
    },
    /// There is a node of this name.
    #[error("there is a node {node} already")]
    NameTaken {
        /// The name.
        node: NodeName,
    },
}

impl Classify for BusError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Unreachable { .. } => ErrorCode::Unavailable,
            Self::TimedOut { .. } => ErrorCode::DeadlineExceeded,
            Self::Refused { .. } => ErrorCode::Aborted,
            Self::TooLarge { .. } => ErrorCode::ResourceExhausted,
            Self::Taken { .. } | Self::NameTaken { .. } => ErrorCode::AlreadyExists,
        }
    }
}
