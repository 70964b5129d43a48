//! Addresses of live data and the fan-out to the sessions subscribed to them
