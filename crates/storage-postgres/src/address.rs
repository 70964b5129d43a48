//! Where a database is and how to sign in there, in the forms that people write.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use tavern_domain::Secret;

/// The database that is meant when an address names none.
const DATABASE: &str = "nakama";
const PORT: u16 = 5432;

/// How a connection is protected, in the words of PostgreSQL's own clients.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum SslMode {
    /// Not at all.
    Disable,
    /// Encrypted if the server can, without looking at who it is.
    #[default]
    Prefer,
    /// Encrypted, without looking at who the server is.
    Require,
    /// Encrypted, with a certificate that an accepted authority has signed.
    VerifyCa,
    /// The same, and the certificate is for the host that was asked for.
    VerifyFull,
}

impl FromStr for SslMode {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "disable" => Ok(Self::Disable),
            "allow" | "prefer" => Ok(Self::Prefer),
            "require" => Ok(Self::Require),
            "verify-ca" => Ok(Self::VerifyCa),
            "verify-full" => Ok(Self::VerifyFull),
            _ => {
                Err(InvalidAddress("sslmode is disable, prefer, require, verify-ca or verify-full"))
            }
        }
    }
}

/// The host of a database.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Host {
    /// A name or a number.
    Net(String),
    /// The folder of a unix socket.
    Socket(PathBuf),
}

/// Where a database is and how to sign in there.
///
/// Parsed from `user:password@host:port/database`, with or without `postgres://` before it, and
/// with `?name=value` behind it. What is special in a part (`@:/?%`) is written as `%XX` there. A
/// unix socket is a host like `%2Fvar%2Frun%2Fpostgresql`, or the parameter `host=/var/run/...`.
/// Parameters that mean nothing to the client are settings for the server's session.
///
/// `Display` and `Debug` leave the password out.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    pub(crate) user: String,
    pub(crate) password: Option<Secret>,
    pub(crate) host: Host,
    pub(crate) port: u16,
    pub(crate) database: String,
    pub(crate) sslmode: Option<SslMode>,
    pub(crate) root_certificate: Option<PathBuf>,
    pub(crate) application_name: Option<String>,
    /// In seconds.
    pub(crate) connect_timeout: Option<u32>,
    /// What the server is told at the start of a session.
    pub(crate) settings: BTreeMap<String, String>,
}

/// Why a text is no [`Address`]. Never shows the text: it holds a password.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub struct InvalidAddress(&'static str);

impl Address {
    /// The same server with another database.
    #[must_use]
    pub fn with_database(&self, database: &str) -> Self {
        Self { database: database.to_owned(), ..self.clone() }
    }

    fn set(&mut self, name: &str, value: String) -> Result<(), InvalidAddress> {
        match name {
            "host" if value.starts_with('/') => self.host = Host::Socket(value.into()),
            "host" => self.host = Host::Net(value),
            "port" => self.port = port(&value)?,
            "user" => self.user = value,
            "password" => self.password = Some(Secret::new(value)),
            "dbname" => self.database = value,
            "sslmode" => self.sslmode = Some(value.parse()?),
            "sslrootcert" => self.root_certificate = Some(value.into()),
            "application_name" => self.application_name = Some(value),
            "connect_timeout" => {
                let seconds = value.parse();
                self.connect_timeout =
                    Some(seconds.map_err(|_| InvalidAddress("connect_timeout is in seconds"))?);
            }
            // Of other clients; what they ask for is how it is done here anyway.
            "pool_max_conns" | "binary_parameters" | "default_query_exec_mode" => {}
            "sslcert" | "sslkey" => {
                return Err(InvalidAddress("client certificates are not supported"));
            }
            _ if is_setting(name) => {
                self.settings.insert(name.to_owned(), value);
            }
            _ => return Err(InvalidAddress("a parameter's name has a character it cannot have")),
        }
        Ok(())
    }
}

impl FromStr for Address {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let rest = match text.split_once("://") {
            Some(("postgres" | "postgresql", rest)) => rest,
            Some(_) => return Err(InvalidAddress("only postgres:// and postgresql:// are known")),
            None => text,
        };
        let (rest, parameters) = rest.split_once('?').unwrap_or((rest, ""));
        let (server, database) = rest.split_once('/').unwrap_or((rest, ""));
        let (credentials, host) = server.rsplit_once('@').unwrap_or(("", server));
        let (user, password) = match credentials.split_once(':') {
            Some((user, password)) => (user, Some(password)),
            None => (credentials, None),
        };
        let (host, number) = split_port(host)?;
        let host = decode(host)?;
        let mut address = Self {
            user: decode(user)?,
            password: password.map(decode).transpose()?.map(Secret::new),
            host: match host.starts_with('/') {
                true => Host::Socket(host.into()),
                false => Host::Net(host),
            },
            port: number.map_or(Ok(PORT), port)?,
            database: decode(database)?,
            sslmode: None,
            root_certificate: None,
            application_name: None,
            connect_timeout: None,
            settings: BTreeMap::new(),
        };
        for parameter in parameters.split('&').filter(|parameter| !parameter.is_empty()) {
            let (name, value) = parameter
                .split_once('=')
                .ok_or(InvalidAddress("a parameter has the form name=value"))?;
            address.set(name, decode(value)?)?;
        }
        if address.host == Host::Net(String::new()) {
            return Err(InvalidAddress("there is no host"));
        }
        if address.user.is_empty() {
            return Err(InvalidAddress("there is no user name"));
        }
        if address.database.is_empty() {
            address.database = DATABASE.to_owned();
        }
        Ok(address)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@", self.user)?;
        match &self.host {
            Host::Net(host) if host.contains(':') => write!(f, "[{host}]")?,
            Host::Net(host) => f.write_str(host)?,
            Host::Socket(dir) => write!(f, "{}", dir.display())?,
        }
        write!(f, ":{}/{}", self.port, self.database)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({self})")
    }
}

/// The host without the brackets of a numeric IPv6 address, and the port behind it.
fn split_port(host: &str) -> Result<(&str, Option<&str>), InvalidAddress> {
    if let Some(rest) = host.strip_prefix('[') {
        let (host, rest) =
            rest.split_once(']').ok_or(InvalidAddress("a bracket of the host is missing"))?;
        return match rest.strip_prefix(':') {
            Some(port) => Ok((host, Some(port))),
            None if rest.is_empty() => Ok((host, None)),
            None => Err(InvalidAddress("there is something between host and port")),
        };
    }
    match host.split_once(':') {
        Some((_, port)) if port.contains(':') => {
            Err(InvalidAddress("a numeric IPv6 address needs brackets"))
        }
        Some((host, port)) => Ok((host, Some(port))),
        None => Ok((host, None)),
    }
}

fn port(text: &str) -> Result<u16, InvalidAddress> {
    text.parse().map_err(|_| InvalidAddress("the port is no number from 1 to 65535"))
}

fn is_setting(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'.')
}

/// Replaces each `%XX` by the byte it stands for.
fn decode(text: &str) -> Result<String, InvalidAddress> {
    let hex = |digit: u8| char::from(digit).to_digit(16);
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let digits = (bytes.next().and_then(hex), bytes.next().and_then(hex));
        let (Some(high), Some(low)) = digits else {
            return Err(InvalidAddress("behind a % there are two hexadecimal digits"));
        };
        out.push(u8::try_from(high * 16 + low).expect("two hexadecimal digits are a byte"));
    }
    String::from_utf8(out).map_err(|_| InvalidAddress("a part is not UTF-8"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> Address {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn the_plain_form_of_configuration_files_is_taken() {
        let address = parse("ada:s3cret@db.example.com:26257/game");
        assert_eq!(address.to_string(), "ada@db.example.com:26257/game");
        assert_eq!(address.password.unwrap().expose(), "s3cret");
        let address = parse("root@localhost");
        assert_eq!(address.to_string(), "root@localhost:5432/nakama");
        assert_eq!(address.password, None);
    }

    #[test]
    fn urls_and_parameters_are_taken() {
        let address = parse(
            "postgresql://ada:a%40b%3A%2F@[::1]:1/game?sslmode=verify-full&sslrootcert=%2Fca.pem\
             &application_name=x&connect_timeout=3&search_path=a%2Cb",
        );
        assert_eq!(address.to_string(), "ada@[::1]:1/game");
        assert_eq!(address.password.as_ref().unwrap().expose(), "a@b:/");
        assert_eq!(address.sslmode, Some(SslMode::VerifyFull));
        assert_eq!(address.root_certificate, Some("/ca.pem".into()));
        assert_eq!(address.connect_timeout, Some(3));
        assert_eq!(address.settings["search_path"], "a,b");
        // A password may hold an @: the last one ends it.
        assert_eq!(parse("a:p@ss@h/d").password.unwrap().expose(), "p@ss");
    }

    #[test]
    fn unix_sockets_are_taken() {
        for text in ["postgres://ada@%2Fvar%2Frun:6/game", "ada@/game?host=/var/run&port=6"] {
            let address = parse(text);
            assert_eq!(address.host, Host::Socket("/var/run".into()));
            assert_eq!((address.port, address.database.as_str()), (6, "game"));
        }
    }

    #[test]
    fn what_is_wrong_is_said_without_the_password() {
        for (text, why) in [
            ("", "no host"),
            ("host/db", "no user"),
            ("ada@", "no host"),
            ("mysql://ada@host/db", "only postgres://"),
            ("ada@host:x/db", "port"),
            ("ada@host:70000/db", "port"),
            ("ada@::1/db", "brackets"),
            ("ada@[::1/db", "bracket"),
            ("ada@[::1]x/db", "between"),
            ("ada:hush%zz@host/db", "hexadecimal"),
            ("ada:hush%ff@host/db", "UTF-8"),
            ("ada:hush@host/db?sslmode=maybe", "sslmode"),
            ("ada:hush@host/db?sslkey=x", "client certificates"),
            ("ada:hush@host/db?nonsense", "name=value"),
            ("ada:hush@host/db?a b=c", "character"),
        ] {
            let error = text.parse::<Address>().unwrap_err().to_string();
            assert!(error.contains(why) && !error.contains("hush"), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in ".{0,80}") {
            drop(text.parse::<Address>());
        }

        #[test]
        fn what_is_encoded_comes_back(user in "[^\\x00]{1,12}", password in "[^\\x00]{0,12}", database in "[^\\x00]{1,12}") {
            let encode = |text: &str| -> String {
                text.bytes().map(|byte| format!("%{byte:02x}")).collect()
            };
            let text = format!("{}:{}@host/{}", encode(&user), encode(&password), encode(&database));
            let address = parse(&text);
            prop_assert_eq!(address.user, user);
            prop_assert_eq!(address.password, Some(Secret::new(password)));
            prop_assert_eq!(address.database, database);
        }
    }

    #[test]
    fn nothing_shows_the_password() {
        let shown = format!("{:?} {0}", parse("ada:hush@host/db"));
        assert!(!shown.contains("hush"), "{shown}");
    }
}
