//! The service as an edge sees it, over in-memory storage.

#[cfg(test)]
mod calls;
#[cfg(test)]
mod delegation;
#[cfg(test)]
mod friends;
#[cfg(test)]
mod groups;
#[cfg(test)]
mod leaderboards;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod notifications;
#[cfg(test)]
mod obligations;
#[cfg(test)]
mod schedules;
#[cfg(test)]
mod social;
#[cfg(test)]
mod sockets;
#[cfg(test)]
mod storage;
#[cfg(test)]
mod tournaments;
#[cfg(test)]
mod world;
