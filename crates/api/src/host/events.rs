//! Events.

use async_trait::async_trait;
use tavern_domain::Timestamp;
use tavern_protocol::api;
use tavern_runtime_hooks::host::{Event, EventsHost};
use tavern_runtime_hooks::{EventKind, HookError};

use super::ServerHost;
use crate::events;
use crate::wire;

#[async_trait]
impl EventsHost for ServerHost {
    async fn event(&self, args: Event) -> Result<(), HookError> {
        let at = match args.timestamp {
            None | Some(-1) => self.0.clock.now(),
            Some(seconds) => Timestamp::from_seconds(seconds),
        };
        let event = api::Event {
            name: args.name,
            properties: args.properties.unwrap_or_default(),
            timestamp: wire::time(at),
            external: args.external.unwrap_or(false),
        };
        self.0.events.push(EventKind::Custom, events::by_server(&self.0), event);
        Ok(())
    }
}
