//! The service as an edge sees it, over in-memory storage.

#[cfg(test)]
mod calls;
mod leaderboards;
#[cfg(test)]
mod obligations;
#[cfg(test)]
mod sockets;
#[cfg(test)]
mod storage;
mod tournaments;
#[cfg(test)]
mod world;
