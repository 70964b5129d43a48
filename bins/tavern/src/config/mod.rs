//! The configuration: where values come from, what they may be, and what of it can change while
//! the server runs.
//!
//! # Order
//! Defaults, then YAML files in the order given, then the environment, then flags; development
//! mode fills in what is missing and forces the listeners onto loopback. Which source won is kept
//! for every value.
//!
//! # Invariants
//! - There is one table of options ([`options`]). Files, environment, flags, `--help` and the
//!   reload report all read it, so none of them can know an option that another does not.
//! - All problems are reported together, each with its place.
//! - Loading is a pure function of [`Sources`]; only [`Sources::gather`] and [`Sources::again`]
//!   read files.
//! - No secret is ever printed, neither in `--effective` nor in an error text nor by `Debug`.
//!
//! # How to add an option
//! One line in its section (`sections.rs`, or the `config.rs` of the crate that owns the section
//! and its row in `foreign.rs`). Mark it `live` only when something reads it again on a reload.

mod convert;
mod derived;
mod dev;
mod env;
mod flags;
mod for_scripts;
mod foreign;
mod later;
mod load;
mod place;
mod purchases;
mod reload;
mod secrets;
mod sections;
mod settings;
mod show;
mod social;
mod sources;
mod suggest;
mod table;
mod yaml;

pub use derived::HealthTarget;
pub use flags::{CommandFlag, Flags, parse_flags};
pub use later::{Console, ConsoleMfa, Mfa};
pub use load::{Loaded, Mode, Resolved, load, resolve};
pub use place::{Place, Problem, Problems};
pub use purchases::{FacebookInstant, Iap, IapApple, IapGoogle, IapHuawei, IapSamsung};
pub use reload::{Change, Overridden, ReloadReport, Reloaded, reload};
pub use secrets::keygen_file;
pub use sections::{
    Database, EmbeddedMode, Leaderboard, LogFormatOption, LogLevelOption, Logger, Match,
    Matchmaker, MetricsSection, Otlp, Party, Runtime, SslMode, Storage, Telemetry, Tracker,
};
pub use settings::Settings;
pub use show::{default_shown, effective};
pub use social::{
    GoogleAuth, Social, SocialApple, SocialFacebook, SocialFacebookInstantGame,
    SocialFacebookLimitedLogin, SocialGoogle, SocialSteam,
};
pub use sources::{ConfigFile, ReadFile, Sources, read_file};
pub use table::{Item, Kind, OptionRow, Reload, Standing, find, options};
