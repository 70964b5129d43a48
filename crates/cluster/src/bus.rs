//! The bus as others see it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use tavern_domain::NodeName;
use tokio::sync::mpsc;

use crate::error::BusError;

/// The largest payload, in bytes: what common brokers take unless they are told otherwise.
pub const MAX_PAYLOAD: usize = 1 << 20;

/// What a message is about: who of the other node gets it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Topic(&'static str);

impl Topic {
    /// A topic: 1 to 64 lower-case letters, digits and dashes.
    ///
    /// # Panics
    /// When it is not; topics are constants, so this is found when the program is compiled.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        let bytes = name.as_bytes();
        assert!(!bytes.is_empty() && bytes.len() <= 64, "1 to 64 bytes");
        let mut at = 0;
        while at < bytes.len() {
            assert!(matches!(bytes[at], b'a'..=b'z' | b'0'..=b'9' | b'-'), "a-z, 0-9 and -");
            at += 1;
        }
        Self(name)
    }

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.0
    }
}

/// A message that arrived.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Letter {
    /// Who sent it.
    pub from: NodeName,
    /// What it says.
    pub payload: Bytes,
}

/// Answers questions of other nodes on one topic. Questions are answered side by side.
#[async_trait]
pub trait Answer: Send + Sync + 'static {
    /// Answers one; `Err` carries the refusal's words to the other node. Dropped when the asking
    /// side no longer waits.
    async fn answer(&self, question: Letter) -> Result<Bytes, String>;
}

/// Offered: the way to the other nodes. See the crate's header for what it promises.
#[async_trait]
pub trait Bus: Send + Sync + 'static {
    /// This node.
    fn node(&self) -> &NodeName;

    /// The other nodes that can be reached now, in no order.
    fn others(&self) -> Vec<NodeName>;

    /// Sends to every other node that has subscribed to the topic. Does not wait for them.
    ///
    /// # Errors
    /// [`BusError::TooLarge`].
    fn publish(&self, topic: Topic, payload: Bytes) -> Result<(), BusError>;

    /// Sends to one node, which may be this one. Does not wait for it.
    ///
    /// # Errors
    /// [`BusError::TooLarge`], [`BusError::Unreachable`].
    fn send(&self, to: &NodeName, topic: Topic, payload: Bytes) -> Result<(), BusError>;

    /// Asks one node, which may be this one, and waits for its answer for `limit` at the most.
    ///
    /// # Errors
    /// [`BusError::TooLarge`], [`BusError::Unreachable`], [`BusError::TimedOut`],
    /// [`BusError::Refused`]. Only after the first two it is known that nothing happened.
    async fn request(
        &self,
        to: &NodeName,
        topic: Topic,
        payload: Bytes,
        limit: Duration,
    ) -> Result<Bytes, BusError>;

    /// Takes what is sent to this node on a topic, from now on and for as long as the inbox lives.
    ///
    /// # Errors
    /// [`BusError::Taken`].
    fn subscribe(&self, topic: Topic) -> Result<Inbox, BusError>;

    /// Answers what is asked of this node on a topic.
    ///
    /// # Errors
    /// [`BusError::Taken`].
    fn serve(&self, topic: Topic, answer: Arc<dyn Answer>) -> Result<(), BusError>;
}

/// What waits for this node on one topic: bounded, the newest is lost when it is full.
#[derive(Debug)]
pub struct Inbox {
    letters: mpsc::Receiver<Letter>,
    lost: Arc<AtomicU64>,
}

/// The way into an [`Inbox`], for implementations of [`Bus`].
#[derive(Clone, Debug)]
pub(crate) struct Slot {
    letters: mpsc::Sender<Letter>,
    lost: Arc<AtomicU64>,
}

impl Inbox {
    /// An inbox for so many letters, and the way into it.
    pub(crate) fn new(most: usize) -> (Slot, Self) {
        let (sender, letters) = mpsc::channel(most);
        let lost = Arc::new(AtomicU64::new(0));
        (Slot { letters: sender, lost: Arc::clone(&lost) }, Self { letters, lost })
    }

    /// The next letter; `None` when the bus is gone. Nothing is lost if it is cancelled.
    pub async fn recv(&mut self) -> Option<Letter> {
        self.letters.recv().await
    }

    /// The next letter, if one waits.
    pub fn try_recv(&mut self) -> Option<Letter> {
        self.letters.try_recv().ok()
    }

    /// How many letters were lost because too many waited.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }
}

impl Slot {
    /// Puts a letter in; says whether somebody holds the inbox.
    pub(crate) fn put(&self, letter: Letter) -> bool {
        match self.letters.try_send(letter) {
            Ok(()) => true,
            Err(mpsc::error::TrySendError::Full(_)) => {
                self.lost.fetch_add(1, Ordering::Relaxed);
                true
            }
            Err(mpsc::error::TrySendError::Closed(_)) => false,
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        !self.letters.is_closed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_inbox_loses_the_newest_and_counts_it() {
        let (slot, mut inbox) = Inbox::new(2);
        let letter = |text: &'static str| Letter {
            from: NodeName::new("ann").unwrap(),
            payload: Bytes::from_static(text.as_bytes()),
        };
        assert!(slot.put(letter("1")) && slot.put(letter("2")) && slot.put(letter("3")));
        assert_eq!(inbox.lost(), 1);
        assert_eq!(inbox.try_recv(), Some(letter("1")));
        assert_eq!(inbox.try_recv(), Some(letter("2")));
        assert_eq!(inbox.try_recv(), None);
        drop(inbox);
        assert!(!slot.put(letter("4")));
    }
}
