//! A small realtime client.

use std::net::SocketAddr;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::harness::PATIENCE;

pub(crate) struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    /// Opens a socket; the status of the refusal when it may not.
    pub(crate) async fn open(at: SocketAddr, token: &str) -> Result<Self, u16> {
        let url = format!("ws://{at}/ws?token={token}&status=true");
        match connect_async(url).await {
            Ok((stream, _)) => Ok(Self(stream)),
            Err(tokio_tungstenite::tungstenite::Error::Http(answer)) => {
                Err(answer.status().as_u16())
            }
            Err(error) => panic!("{error}"),
        }
    }

    pub(crate) async fn send(&mut self, message: &str) {
        self.0.send(Message::text(message)).await.unwrap();
    }

    /// The next message that has this member; `None` when the socket closes first.
    pub(crate) async fn next(&mut self, member: &str) -> Option<Value> {
        self.first(&[member]).await.map(|(_, found)| found)
    }

    /// The next message that has one of these members, and which.
    pub(crate) async fn first<'a>(&mut self, members: &[&'a str]) -> Option<(&'a str, Value)> {
        let read = async {
            while let Some(Ok(message)) = self.0.next().await {
                let Message::Text(text) = message else { continue };
                let value: Value = serde_json::from_str(&text).unwrap();
                let found = members.iter().find_map(|name| Some((*name, value.get(name)?.clone())));
                if found.is_some() {
                    return found;
                }
            }
            None
        };
        tokio::time::timeout(PATIENCE, read).await.expect("a message in time")
    }

    /// Breaks without a goodbye: the client is not there any more.
    pub(crate) async fn breaks(&mut self) {
        use tokio::io::AsyncWriteExt as _;
        self.0.get_mut().shutdown().await.unwrap();
    }

    /// Says goodbye.
    pub(crate) async fn close(&mut self) {
        self.0.close(None).await.unwrap();
    }

    /// Waits for the end; the code of the close frame, if there was one.
    pub(crate) async fn ended(&mut self) -> Option<u16> {
        let read = async {
            let mut code = None;
            while let Some(Ok(message)) = self.0.next().await {
                if let Message::Close(Some(frame)) = message {
                    code = Some(frame.code.into());
                }
            }
            code
        };
        tokio::time::timeout(PATIENCE, read).await.expect("an end in time")
    }
}
