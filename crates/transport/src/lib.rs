//! Listeners: REST, gRPC and WebSocket, their limits and session outboxes
