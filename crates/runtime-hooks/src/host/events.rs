//! Events.

use std::collections::BTreeMap;

use super::declare::host_area;

host_area! {
    /// Events.
    EventsHost

    /// Hands an event to the hook for events, some time later. When too many wait, it is dropped.
    fn event as "event" (Event {
        name: String,
        properties: Option<BTreeMap<String, String>>,
        timestamp: Option<i64>,
        external: Option<bool>,
    }) -> ();
}
