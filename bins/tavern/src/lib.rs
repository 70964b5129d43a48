//! The composition root of the Tavern game server.
//!
//! # Purpose
//! Read the configuration ([`config`]) and the command line ([`cli`]), build every part once, in
//! order ([`boot`]), and run it ([`main_with`]). A studio's own server is a `main` that calls
//! [`main_with`] with its modules.
//!
//! # Must not know
//! Any rule of the game server.

pub mod boot;
pub mod cli;
pub mod config;
mod migrations;
mod revoking;
mod scripts;
mod server;

pub use server::main_with;
