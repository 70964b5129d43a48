//! The service as an edge sees it, over in-memory storage.

mod calls;
mod obligations;
mod sockets;
mod world;
