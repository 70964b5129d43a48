//! A server of another company, as far as a test needs it: it answers JSON by path.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// The longest request that it reads, in bytes.
const MOST: usize = 64 * 1024;

/// Listens on loopback until it is dropped, and answers one request after the other.
pub(crate) struct StandIn {
    pub(crate) at: SocketAddr,
    answers: Arc<Mutex<BTreeMap<String, Value>>>,
    /// Ends with the stand-in.
    _listening: JoinSet<()>,
}

impl StandIn {
    pub(crate) async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (at, answers) = (listener.local_addr().unwrap(), Arc::default());
        let known = Arc::clone(&answers);
        let mut listening = JoinSet::new();
        listening.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                answer(stream, &known).await;
            }
        });
        Self { at, answers, _listening: listening }
    }

    /// What is answered to requests that contain this: in the first line or in a header. Others
    /// are refused with 403.
    pub(crate) fn answer(&self, part: &str, body: Value) {
        self.answers.lock().insert(part.to_owned(), body);
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.at)
    }
}

async fn answer(mut stream: TcpStream, answers: &Mutex<BTreeMap<String, Value>>) {
    let mut asked = Vec::new();
    while !asked.windows(4).any(|end| end == b"\r\n\r\n") && asked.len() < MOST {
        match stream.read_buf(&mut asked).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
    }
    let asked = String::from_utf8_lossy(&asked).into_owned();
    let found = {
        let answers = answers.lock();
        let fitting = answers.iter().filter(|(part, _)| asked.contains(part.as_str()));
        fitting.max_by_key(|(part, _)| part.len()).map(|(_, body)| body.to_string())
    };
    let (status, body) = found.map_or(("403 Forbidden", String::new()), |body| ("200 OK", body));
    let answer = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
         connection: close\r\n\r\n{body}",
        body.len()
    );
    // Whoever asked may be gone; the test sees that by itself.
    drop(stream.write_all(answer.as_bytes()).await);
}
