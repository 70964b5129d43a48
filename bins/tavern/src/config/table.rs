//! The table of options.

use figment::value::Value;
use tavern_domain::Secret;

use super::{foreign, later, purchases, sections, settings, social};

/// What values an option takes.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Kind {
    /// `true` or `false`.
    Bool,
    /// A whole number within bounds.
    Int {
        /// The smallest allowed.
        min: i64,
        /// The largest allowed.
        max: i64,
    },
    /// A number within bounds.
    Float {
        /// The smallest allowed.
        min: f64,
        /// The largest allowed.
        max: f64,
    },
    /// Any text.
    Text,
    /// A text that is never shown.
    Secret,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// Several values.
    List(Item),
}

/// What the values of a list are.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Item {
    /// Any text.
    Text,
    /// A text that is never shown.
    Secret,
    /// `user:password@host:port/database`, shown without the password.
    DatabaseAddress,
    /// `name=value`, shown without the value.
    Pair,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// An IP address or network.
    Net,
    /// A limit of one call, message or function.
    Limit,
}

/// Whether a reload may change an option.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reload {
    /// Takes effect while the server runs.
    Live,
    /// Takes effect at the next start.
    Restart,
}

/// What becomes of an option's value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// It does what it says.
    Used,
    /// The part that it belongs to is not built yet: checked, kept, without effect.
    Later(&'static str),
    /// Accepted for the sake of existing files; the text says what to use instead.
    Deprecated(&'static str),
    /// Accepted for the sake of existing files and never used; the text says why.
    Ignored(&'static str),
}

/// One option.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct OptionRow {
    /// Sections and name with dots between: the YAML path, and the flag behind two dashes.
    pub key: &'static str,
    /// What values it takes.
    pub kind: Kind,
    about: &'static str,
    /// Whether a reload may change it.
    pub reload: Reload,
    /// What becomes of its value.
    pub standing: Standing,
}

impl OptionRow {
    pub(crate) const fn new(key: &'static str, kind: Kind, about: &'static str) -> Self {
        Self { key, kind, about, reload: Reload::Restart, standing: Standing::Used }
    }

    pub(crate) const fn live(self) -> Self {
        Self { reload: Reload::Live, ..self }
    }

    pub(crate) const fn range(self, min: i64, max: i64) -> Self {
        Self { kind: Kind::Int { min, max }, ..self }
    }

    pub(crate) const fn share(self) -> Self {
        Self { kind: Kind::Float { min: 0.0, max: 1.0 }, ..self }
    }

    pub(crate) const fn item(self, item: Item) -> Self {
        Self { kind: Kind::List(item), ..self }
    }

    pub(crate) const fn later(self, part: &'static str) -> Self {
        Self { standing: Standing::Later(part), ..self }
    }

    pub(crate) const fn deprecated(self, instead: &'static str) -> Self {
        Self { standing: Standing::Deprecated(instead), ..self }
    }

    pub(crate) const fn ignored(self, why: &'static str) -> Self {
        Self { standing: Standing::Ignored(why), ..self }
    }

    /// Whether the value is kept at all.
    pub(crate) const fn is_kept(&self) -> bool {
        !matches!(self.standing, Standing::Ignored(_))
    }

    /// What it means.
    #[must_use]
    pub fn about(&self) -> &'static str {
        self.about.trim()
    }

    /// The section: everything before the last dot.
    #[must_use]
    pub fn section(&self) -> &'static str {
        self.key.rsplit_once('.').map_or("", |(section, _)| section)
    }

    /// The environment variable that sets it.
    #[must_use]
    pub fn env_name(&self) -> String {
        format!("TAVERN_{}", self.key.to_ascii_uppercase().replace('.', "__"))
    }

    /// Whether it holds something that must not be shown.
    #[must_use]
    pub const fn is_secret(&self) -> bool {
        matches!(self.kind, Kind::Secret | Kind::List(Item::Secret))
    }
}

/// Every option, by sections.
pub fn options() -> impl Iterator<Item = &'static OptionRow> + Clone {
    let groups: &'static [&'static [OptionRow]] = &[
        settings::Settings::ROWS,
        foreign::SOCKET,
        foreign::SESSION,
        foreign::DELEGATION,
        foreign::AUTH,
        foreign::LIMITS,
        sections::Database::ROWS,
        sections::Logger::ROWS,
        sections::MetricsSection::ROWS,
        sections::Otlp::ROWS,
        sections::Runtime::ROWS,
        sections::Match::ROWS,
        foreign::RELAYED,
        foreign::PRESENCE,
        foreign::STREAMS,
        sections::Tracker::ROWS,
        sections::Storage::ROWS,
        sections::Party::ROWS,
        later::Console::ROWS,
        later::ConsoleMfa::ROWS,
        later::Mfa::ROWS,
        sections::Matchmaker::ROWS,
        sections::Leaderboard::ROWS,
        social::GoogleAuth::ROWS,
        social::SocialApple::ROWS,
        social::SocialFacebook::ROWS,
        social::SocialFacebookInstantGame::ROWS,
        social::SocialFacebookLimitedLogin::ROWS,
        social::SocialGoogle::ROWS,
        social::SocialSteam::ROWS,
        purchases::IapApple::ROWS,
        purchases::FacebookInstant::ROWS,
        purchases::IapGoogle::ROWS,
        purchases::IapHuawei::ROWS,
        purchases::IapSamsung::ROWS,
        foreign::IGNORED,
    ];
    groups.iter().copied().flatten()
}

/// The option of this name.
#[must_use]
pub fn find(key: &str) -> Option<&'static OptionRow> {
    options().find(|row| row.key == key)
}

/// Whether options begin with this path and a dot.
pub(crate) fn is_section(path: &str) -> bool {
    options().any(|row| row.key.strip_prefix(path).is_some_and(|rest| rest.starts_with('.')))
}

/// A type that an option's value can have.
pub(crate) trait OptionType {
    const KIND: Kind;
    fn to_value(&self) -> Value;
}

macro_rules! whole_numbers {
    ($($ty:ty: $min:expr, $max:expr;)+) => {$(
        impl OptionType for $ty {
            const KIND: Kind = Kind::Int { min: $min, max: $max };
            fn to_value(&self) -> Value {
                // One type for all whole numbers, so that they compare.
                Value::from(i64::try_from(*self).unwrap_or(i64::MAX))
            }
        }
    )+};
}

whole_numbers! {
    u16: 0, u16::MAX as i64;
    u32: 0, u32::MAX as i64;
    u64: 0, i64::MAX;
    usize: 0, i64::MAX;
    i32: i32::MIN as i64, i32::MAX as i64;
    i64: i64::MIN, i64::MAX;
}

impl OptionType for bool {
    const KIND: Kind = Kind::Bool;
    fn to_value(&self) -> Value {
        Value::from(*self)
    }
}

impl OptionType for f64 {
    const KIND: Kind = Kind::Float { min: f64::MIN, max: f64::MAX };
    fn to_value(&self) -> Value {
        Value::from(*self)
    }
}

impl OptionType for String {
    const KIND: Kind = Kind::Text;
    fn to_value(&self) -> Value {
        Value::from(self.as_str())
    }
}

impl OptionType for std::path::PathBuf {
    const KIND: Kind = Kind::Text;
    fn to_value(&self) -> Value {
        Value::from(self.to_string_lossy().as_ref())
    }
}

impl OptionType for Secret {
    const KIND: Kind = Kind::Secret;
    fn to_value(&self) -> Value {
        Value::from(self.expose())
    }
}

impl OptionType for Vec<String> {
    const KIND: Kind = Kind::List(Item::Text);
    fn to_value(&self) -> Value {
        Value::from(self.clone())
    }
}

impl OptionType for Vec<Secret> {
    const KIND: Kind = Kind::List(Item::Secret);
    fn to_value(&self) -> Value {
        self.iter().map(Secret::expose).collect::<Vec<_>>().into()
    }
}

/// An enum of words, with its place in the table of options.
macro_rules! choice {
    (
        $(#[$meta:meta])*
        pub enum $name:ident { $( $(#[$vmeta:meta])* $variant:ident = $word:literal ),+ $(,)? }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Deserialize)]
        pub enum $name { $( $(#[$vmeta])* #[serde(rename = $word)] $variant ),+ }

        impl $name {
            /// As written in a configuration.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl crate::config::table::OptionType for $name {
            const KIND: crate::config::Kind = crate::config::Kind::Choice(&[$($word),+]);
            fn to_value(&self) -> figment::value::Value {
                figment::value::Value::from(self.word())
            }
        }
    };
}
pub(crate) use choice;

/// A section: the struct, its default, its rows in the table and its values, from one list.
///
/// Each line is `name: Type = default;`, with the marks of [`OptionRow`] (`live`, `range(..)`,
/// `later(..)`, ...) after a comma. What stands after `and` are sections of their own.
macro_rules! section {
    (
        $(#[doc = $about:literal])+
        pub struct $name:ident in $path:literal {
            $(
                $(#[doc = $doc:literal])+
                $field:ident: $ty:ty = $default:expr $(, $mark:ident $( ( $($arg:expr),* ) )? )* ;
            )*
        }
        $( and { $( $(#[doc = $sdoc:literal])+ $sub:ident: $sty:ty; )+ } )?
    ) => {
        $(#[doc = $about])+
        #[derive(Clone, PartialEq, Debug, serde::Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct $name {
            $( $(#[doc = $doc])+ pub $field: $ty, )*
            $( $( $(#[doc = $sdoc])+ pub $sub: $sty, )+ )?
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $( $field: $default, )* $( $( $sub: <$sty>::default(), )+ )? }
            }
        }

        impl $name {
            /// The rows of this section.
            pub(crate) const ROWS: &[crate::config::OptionRow] = &[$(
                crate::config::OptionRow::new(
                    concat!($path, stringify!($field)),
                    <$ty as crate::config::table::OptionType>::KIND,
                    concat!($($doc),+),
                )
                $(.$mark($($($arg),*)?))*
            ),*];

            /// The values of this section, without those of its sub-sections.
            pub(crate) fn values(&self, out: &mut crate::config::settings::Values) {
                $( out.insert(
                    concat!($path, stringify!($field)),
                    crate::config::table::OptionType::to_value(&self.$field),
                ); )*
            }
        }
    };
}
pub(crate) use section;

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    /// Every option of Nakama 3.40, one per line.
    const NAKAMA: &str = include_str!("nakama_options.txt");

    #[test]
    fn every_option_of_nakama_is_in_the_table() {
        let missing: Vec<_> = NAKAMA.lines().filter(|name| find(name).is_none()).collect();
        assert_eq!(missing, Vec::<&str>::new());
        assert_eq!(NAKAMA.lines().count(), 140);
    }

    #[test]
    fn no_option_is_there_twice_and_each_says_what_it_means() {
        let mut seen = HashSet::new();
        for row in options() {
            assert!(seen.insert(row.key), "{} is there twice", row.key);
            assert!(row.about.trim().len() > 10, "{} says nothing", row.key);
            assert!(!is_section(row.key), "{} is an option and a section", row.key);
        }
    }

    #[test]
    fn environment_names_are_one_to_one() {
        let names: HashSet<_> = options().map(OptionRow::env_name).collect();
        assert_eq!(names.len(), options().count());
        assert!(names.contains("TAVERN_SOCKET__SERVER_KEY"));
    }
}
