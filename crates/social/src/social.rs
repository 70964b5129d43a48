//! The parts, joined.

use std::sync::Arc;

use tavern_domain::{Clock, Entropy};
use tavern_storage::Storage;

use crate::live::Sockets;
use crate::times::Times;
use crate::{Chat, Friends, Groups, Live, Notifications, chat};

/// Friends, groups, notifications and chat over one store. Of several nodes each has its own.
#[derive(Debug)]
pub struct Social {
    /// Friends, invitations and blocks.
    pub friends: Friends,
    /// Groups and their members.
    pub groups: Groups,
    /// What players are told.
    pub notifications: Arc<Notifications>,
    /// What players say.
    pub chat: Chat,
}

impl Social {
    /// Joins them. Starts nothing.
    #[must_use]
    pub fn new(
        storage: &Storage,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        live: Arc<dyn Live>,
    ) -> Self {
        let (times, sockets) = (Arc::new(Times::new(clock)), Arc::new(Sockets::new(live)));
        let notifications = Arc::new(Notifications::new(
            Arc::clone(&storage.notifications),
            Arc::clone(&times),
            Arc::clone(&entropy),
            Arc::clone(&sockets),
        ));
        Self {
            friends: Friends::new(
                Arc::clone(&storage.friends),
                Arc::clone(&times),
                Arc::clone(&notifications),
                Arc::clone(&sockets),
            ),
            groups: Groups::new(
                Arc::clone(&storage.groups),
                Arc::clone(&times),
                Arc::clone(&entropy),
                Arc::clone(&notifications),
                Arc::clone(&sockets),
            ),
            chat: Chat::new(chat::Parts {
                messages: Arc::clone(&storage.messages),
                friends: Arc::clone(&storage.friends),
                groups: Arc::clone(&storage.groups),
                times,
                entropy,
                notifications: Arc::clone(&notifications),
                sockets,
            }),
            notifications,
        }
    }
}
