//! A bus within one process.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::RwLock;
use tavern_domain::NodeName;

use crate::bus::{Answer, Bus, Inbox, Letter, MAX_PAYLOAD, Slot, Topic};
use crate::error::BusError;

/// How many letters of one topic may wait for a node.
const WAITING: usize = 4096;

/// Joins nodes that live in one process. Cheap to clone.
#[derive(Clone, Default)]
pub struct Hub {
    nodes: Arc<RwLock<HashMap<NodeName, Arc<Node>>>>,
}

/// What a node takes.
#[derive(Default)]
struct Node {
    inboxes: RwLock<HashMap<Topic, Slot>>,
    answers: RwLock<HashMap<Topic, Arc<dyn Answer>>>,
}

impl Hub {
    /// A hub without nodes.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A node that is alone: what a server of one node has.
    #[must_use]
    pub fn alone(node: NodeName) -> LocalBus {
        let hub = Self::new();
        let me = Arc::new(Node::default());
        hub.nodes.write().insert(node.clone(), Arc::clone(&me));
        LocalBus { hub, node, me }
    }

    /// Adds a node, for as long as its bus lives.
    ///
    /// # Errors
    /// [`BusError::NameTaken`].
    pub fn join(&self, node: NodeName) -> Result<LocalBus, BusError> {
        let me = Arc::new(Node::default());
        let mut nodes = self.nodes.write();
        if nodes.contains_key(&node) {
            return Err(BusError::NameTaken { node });
        }
        nodes.insert(node.clone(), Arc::clone(&me));
        Ok(LocalBus { hub: self.clone(), node, me })
    }
}

/// One node's end of a [`Hub`].
pub struct LocalBus {
    hub: Hub,
    node: NodeName,
    me: Arc<Node>,
}

impl Drop for LocalBus {
    fn drop(&mut self) {
        self.hub.nodes.write().remove(&self.node);
    }
}

impl LocalBus {
    fn letter(&self, payload: Bytes) -> Result<Letter, BusError> {
        match payload.len() {
            0..=MAX_PAYLOAD => Ok(Letter { from: self.node.clone(), payload }),
            size => Err(BusError::TooLarge { size }),
        }
    }

    fn reach(&self, node: &NodeName) -> Result<Arc<Node>, BusError> {
        let found = self.hub.nodes.read().get(node).cloned();
        found.ok_or_else(|| BusError::Unreachable { node: node.clone() })
    }
}

#[async_trait]
impl Bus for LocalBus {
    fn node(&self) -> &NodeName {
        &self.node
    }

    fn others(&self) -> Vec<NodeName> {
        self.hub.nodes.read().keys().filter(|name| **name != self.node).cloned().collect()
    }

    fn publish(&self, topic: Topic, payload: Bytes) -> Result<(), BusError> {
        let letter = self.letter(payload)?;
        for (name, node) in &*self.hub.nodes.read() {
            if *name != self.node
                && let Some(slot) = node.inboxes.read().get(&topic)
            {
                slot.put(letter.clone());
            }
        }
        Ok(())
    }

    fn send(&self, to: &NodeName, topic: Topic, payload: Bytes) -> Result<(), BusError> {
        let letter = self.letter(payload)?;
        let node = self.reach(to)?;
        let taken = node.inboxes.read().get(&topic).is_some_and(|slot| slot.put(letter));
        if taken { Ok(()) } else { Err(BusError::Unreachable { node: to.clone() }) }
    }

    async fn request(
        &self,
        to: &NodeName,
        topic: Topic,
        payload: Bytes,
        limit: Duration,
    ) -> Result<Bytes, BusError> {
        let letter = self.letter(payload)?;
        let node = self.reach(to)?;
        let answer = node.answers.read().get(&topic).cloned();
        let answer = answer.ok_or_else(|| BusError::Unreachable { node: to.clone() })?;
        match tokio::time::timeout(limit, answer.answer(letter)).await {
            Ok(Ok(payload)) if payload.len() > MAX_PAYLOAD => {
                Err(BusError::TooLarge { size: payload.len() })
            }
            Ok(Ok(payload)) => Ok(payload),
            Ok(Err(text)) => Err(BusError::Refused { text }),
            Err(_) => Err(BusError::TimedOut { node: to.clone() }),
        }
    }

    fn subscribe(&self, topic: Topic) -> Result<Inbox, BusError> {
        let mut inboxes = self.me.inboxes.write();
        if inboxes.get(&topic).is_some_and(Slot::is_open) {
            return Err(BusError::Taken { topic: topic.name() });
        }
        let (slot, inbox) = Inbox::new(WAITING);
        inboxes.insert(topic, slot);
        Ok(inbox)
    }

    fn serve(&self, topic: Topic, answer: Arc<dyn Answer>) -> Result<(), BusError> {
        let mut answers = self.me.answers.write();
        if answers.contains_key(&topic) {
            return Err(BusError::Taken { topic: topic.name() });
        }
        answers.insert(topic, answer);
        Ok(())
    }
}
