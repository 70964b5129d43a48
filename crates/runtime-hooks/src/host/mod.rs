//! What server code may ask of the server: the one table of host functions.
//!
//! # How to add a function
//! 1. Write its row in the file of its area here. The row gives its name in Lua and Rust, its name
//!    in JavaScript, its arguments in their order, and what it answers. That makes an argument
//!    struct, a method of the area's trait and an entry of [`host_functions`], from which every
//!    language has it, and documents and type definitions too.
//! 2. Implement the method in the file of the area in `crates/api/src/host`, on the use cases and
//!    subsystems that clients' calls use.
//!
//! A new area is a file here, its trait among the parents of [`Host`], and its table in
//! [`host_functions`].
//!
//! # Arguments and results
//! They are plain serde types. An `Option` may be left out in every language. Names of fields are
//! ours and follow each language's habit; [`Json`](crate::Json) is the studio's own value, and
//! [`Blob`](crate::Blob) is bytes. Times are whole Unix seconds.

mod accounts;
mod channels;
mod crypto;
mod declare;
mod encoding;
mod events;
mod friends;
mod function;
mod groups;
mod http;
mod identities;
mod leaderboards;
mod matches;
mod notifications;
mod process;
mod providers;
mod purchases;
mod sessions;
mod sql;
mod storage;
mod streams;
mod together;
mod tournaments;
mod types;
mod wallets;

use std::sync::Arc;

pub use accounts::*;
pub use channels::*;
pub use crypto::*;
pub use encoding::*;
pub use events::*;
pub use friends::*;
pub use function::{HostFunction, Language, Param};
pub use groups::*;
pub use http::*;
pub use identities::*;
pub use leaderboards::*;
pub use matches::*;
pub use notifications::*;
pub use process::*;
pub use providers::*;
pub use purchases::*;
pub use sessions::*;
pub use sql::*;
pub use storage::*;
pub use streams::*;
pub use together::*;
pub use tournaments::*;
pub use types::{MaybeUser, time};
pub use wallets::*;

/// The server as server code sees it. Each function runs the same use case as a client's call
/// would, with the rights of the server.
pub trait Host:
    AccountsHost
    + ChannelsHost
    + CryptoHost
    + EncodingHost
    + EventsHost
    + MatchesHost
    + FriendsHost
    + GroupsHost
    + HttpHost
    + IdentitiesHost
    + LeaderboardsHost
    + NotificationsHost
    + ProcessHost
    + ProvidersHost
    + PurchasesHost
    + SessionsHost
    + SqlHost
    + StorageHost
    + StreamsHost
    + TogetherHost
    + TournamentsHost
    + WalletsHost
{
}

impl<
    T: AccountsHost
        + ChannelsHost
        + CryptoHost
        + EncodingHost
        + EventsHost
        + MatchesHost
        + FriendsHost
        + GroupsHost
        + HttpHost
        + IdentitiesHost
        + LeaderboardsHost
        + NotificationsHost
        + ProcessHost
        + ProvidersHost
        + PurchasesHost
        + SessionsHost
        + SqlHost
        + StorageHost
        + StreamsHost
        + TogetherHost
        + TournamentsHost
        + WalletsHost,
> Host for T
{
}

/// The table: every host function, once.
pub fn host_functions() -> impl Iterator<Item = &'static HostFunction> {
    [
        accounts::TABLE,
        channels::TABLE,
        crypto::TABLE,
        encoding::TABLE,
        events::TABLE,
        matches::TABLE,
        friends::TABLE,
        groups::TABLE,
        http::TABLE,
        identities::TABLE,
        leaderboards::TABLE,
        notifications::TABLE,
        process::TABLE,
        providers::TABLE,
        purchases::TABLE,
        sessions::TABLE,
        sql::TABLE,
        storage::TABLE,
        streams::TABLE,
        together::TABLE,
        tournaments::TABLE,
        wallets::TABLE,
    ]
    .into_iter()
    .flatten()
}

/// A host as engines share it.
pub type SharedHost = Arc<dyn Host>;
