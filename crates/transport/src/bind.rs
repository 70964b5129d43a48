//! Ports: reserved early, opened late.

use std::io;
use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpSocket};

use crate::config::{Config, Family, ListenerName};

/// Connections the kernel keeps waiting for us.
const BACKLOG: u32 = 1024;

/// A port that is taken but not open: connecting to it is refused, and nobody else gets it.
#[derive(Debug)]
pub struct Reserved {
    socket: TcpSocket,
    address: SocketAddr,
}

impl Reserved {
    /// Takes a port. Port 0 takes any free one.
    ///
    /// # Errors
    /// When somebody listens there already, or the address is none of this machine. Two servers
    /// that reserve one port at the same moment both succeed; the second to listen fails.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        Self::bind_family(address, false)
    }

    fn bind_family(address: SocketAddr, only_v6: bool) -> io::Result<Self> {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        if address.is_ipv6() {
            // Said explicitly, because the machine's default differs from place to place.
            socket2::SockRef::from(&socket).set_only_v6(only_v6)?;
        }
        // Without it, a restart would have to wait for the last connections' TIME_WAIT.
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        let address = socket.local_addr()?;
        Ok(Self { socket, address })
    }

    /// The address, with the port that was taken.
    #[must_use]
    pub const fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Opens the port.
    pub(crate) fn listen(self) -> io::Result<TcpListener> {
        self.socket.listen(BACKLOG)
    }
}

/// Why a port could not be reserved or opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BindError {
    /// The configured address is none.
    #[error("socket.address: {text}")]
    Address {
        /// What is wrong with it.
        text: String,
    },
    /// The port cannot be taken.
    #[error("cannot take {address} for the {} listener", listener.name())]
    Reserve {
        /// Which listener.
        listener: ListenerName,
        /// Where.
        address: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The port was reserved, but cannot be opened: another process was quicker.
    #[error("cannot listen on {address} for the {} listener", listener.name())]
    Listen {
        /// Which listener.
        listener: ListenerName,
        /// Where.
        address: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A setting is wrong.
    #[error("{text}")]
    Settings {
        /// Which and why.
        text: String,
    },
    /// The certificate or its key cannot be used.
    #[error("cannot use the certificate of the listeners")]
    Tls(#[source] crate::tls::TlsError),
}

/// Where the listeners are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Addresses {
    /// REST, WebSocket and gRPC.
    pub http: SocketAddr,
    /// WebSocket and gRPC.
    pub realtime: SocketAddr,
    /// gRPC alone.
    pub grpc: SocketAddr,
}

/// The game ports, taken but not open. Nothing here can open them without a service to answer;
/// that is [`accept`](crate::ReservedPorts::accept).
#[derive(Debug)]
pub struct ReservedPorts {
    pub(crate) config: Config,
    pub(crate) http: Reserved,
    pub(crate) realtime: Reserved,
    pub(crate) grpc: Reserved,
}

impl ReservedPorts {
    /// Takes the three ports of a configuration.
    ///
    /// # Errors
    /// When one of them is taken; which one is said.
    pub fn bind(config: &Config) -> Result<Self, BindError> {
        let take = |listener| {
            let only_v6 = config.protocol == Family::Tcp6;
            let addresses =
                config.addresses_of(listener).map_err(|text| BindError::Address { text })?;
            let mut failed = None;
            for address in addresses {
                match Reserved::bind_family(address, only_v6) {
                    Ok(reserved) => return Ok(reserved),
                    Err(source) => {
                        let taken = source.kind() == io::ErrorKind::AddrInUse;
                        failed = Some(BindError::Reserve { listener, address, source });
                        if taken {
                            break;
                        }
                    }
                }
            }
            let none = || BindError::Address { text: "no address to listen on".to_owned() };
            Err(failed.unwrap_or_else(none))
        };
        Ok(Self {
            http: take(ListenerName::Http)?,
            realtime: take(ListenerName::Realtime)?,
            grpc: take(ListenerName::Grpc)?,
            config: config.clone(),
        })
    }

    /// Where the ports are.
    #[must_use]
    pub const fn addresses(&self) -> Addresses {
        Addresses {
            http: self.http.local_addr(),
            realtime: self.realtime.local_addr(),
            grpc: self.grpc.local_addr(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpStream;

    fn local() -> Config {
        Config { address: "127.0.0.1".into(), port: 0, ..Config::default() }
    }

    #[tokio::test]
    async fn a_reserved_port_refuses_and_cannot_be_taken_by_a_listener() {
        let reserved = Reserved::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = reserved.local_addr();
        let refused = TcpStream::connect(address).await.unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
        let listener = reserved.listen().unwrap();
        TcpStream::connect(address).await.unwrap();
        let taken = Reserved::bind(address).unwrap_err();
        assert_eq!(taken.kind(), io::ErrorKind::AddrInUse);
        drop(listener);
    }

    #[tokio::test]
    async fn the_second_of_two_that_reserved_together_fails_to_listen() {
        let first = Reserved::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let second = Reserved::bind(first.local_addr()).unwrap();
        let _open = first.listen().unwrap();
        assert_eq!(second.listen().unwrap_err().kind(), io::ErrorKind::AddrInUse);
    }

    #[tokio::test]
    async fn a_taken_port_is_named() {
        let open = ReservedPorts::bind(&local()).unwrap();
        let taken = open.addresses().http;
        let _open = open.http.listen().unwrap();
        let config = Config { grpc_port: Some(taken.port()), ..local() };
        let error = ReservedPorts::bind(&config).unwrap_err();
        assert!(error.to_string().contains("grpc"), "{error}");
        assert!(error.to_string().contains(&taken.to_string()), "{error}");
    }
}
