//! Who a player is, by the accounts of other companies.
//!
//! # Purpose
//! [`Providers`] checks what a game client has got from Apple, Facebook, Game Center, Google or
//! Steam, and answers whose it is: a [`Profile`]. Tokens are verified with the provider's published
//! keys, which are fetched, kept and renewed; signatures with the keys that belong to them; tickets
//! by asking the provider.
//!
//! # Invariants
//! - No profile without a signature that was verified, or an answer of the provider itself.
//! - A token's algorithm is that of the key which it names; there is no other choice.
//! - A provider is asked for its keys once at a time, and once a minute at most, whatever tokens
//!   come.
//! - What a profile holds fits the columns that it is kept in.
//!
//! # Must not know
//! Accounts, sessions, and the messages of the protocol.

mod apple;
mod config;
mod error;
mod facebook;
mod game_center;
mod google;
mod instant;
mod keys;
mod profile;
mod providers;
mod steam;
mod token;
mod web;

pub use config::{
    AppleConfig, Config, FacebookConfig, GameCenterConfig, GoogleConfig, InstantConfig, SteamConfig,
};
pub use error::IdentityError;
pub use game_center::GameCenterProof;
pub use google::{NoOauthClient, OauthClient};
pub use profile::Profile;
pub use providers::Providers;
