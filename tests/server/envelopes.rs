//! Every realtime message that a client may send is sent to the server by a test, in JSON and in
//! protobuf, and carried out.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use futures_util::{SinkExt as _, StreamExt as _};
use prost::Message as _;
use serde_json::json;
use tavern_protocol::RtId;
use tavern_protocol::realtime::envelope::Message;
use tavern_protocol::realtime::{Envelope, PartyCreate, PartyUpdate};
use tavern_runtime_hooks::{Host, Module, ModuleError, Registrar};
use tokio_tungstenite::tungstenite::Message as Frame;

use crate::harness::PATIENCE;
use crate::http::{As, ask};
use crate::socket::Socket;

const FORMATS: [&str; 2] = ["json", "protobuf"];

/// Server code that remembers what was carried out, in which format: the user names of the tests
/// say which, as in `ada-protobuf-7`.
#[derive(Default)]
pub(crate) struct Envelopes(Arc<Mutex<BTreeSet<(RtId, &'static str)>>>);

#[async_trait]
impl Module for Envelopes {
    fn name(&self) -> &str {
        "envelopes"
    }

    async fn init(&self, registrar: &mut Registrar, _: Arc<dyn Host>) -> Result<(), ModuleError> {
        for message in RtId::ALL {
            let sent = Arc::clone(&self.0);
            registrar.rt_after(message, move |context, _, _| {
                let name = context.username.as_deref().unwrap_or_default();
                let format = FORMATS.into_iter().find(|f| name.contains(&format!("-{f}-")));
                sent.lock().unwrap().extend(format.map(|format| (message, format)));
                std::future::ready(Ok(()))
            });
        }
        Ok(())
    }
}

impl Envelopes {
    /// What nobody has sent yet.
    pub(crate) fn missing(&self) -> Vec<String> {
        let sent = self.0.lock().unwrap();
        let all = RtId::ALL.into_iter().flat_map(|id| FORMATS.map(|format| (id, format)));
        all.filter(|one| !sent.contains(one))
            .map(|(id, format)| format!("{} in {format}", id.name()))
            .collect()
    }
}

/// The token of a player whose name says the format.
async fn token(at: SocketAddr, format: &str) -> String {
    let path = format!("/v2/account/authenticate/custom?create=true&username=lead-{format}-1");
    let body = json!({ "id": format!("a-leader-{format}") }).to_string();
    let session = ask(at, As::Client, "POST", &path, &body).await;
    session.body["token"].as_str().expect("a token").to_owned()
}

/// What the SDK has no call for: a leader changes a party.
pub(crate) async fn update_parties(at: SocketAddr) {
    let mut socket = Socket::open(at, &token(at, "json").await).await.expect("a socket");
    socket.send(r#"{"cid":"1","party_create":{"open":true,"max_size":2}}"#).await;
    let party = socket.next("party").await.expect("a party");
    let update = json!({ "cid": "2", "party_update":
        { "party_id": party["party_id"], "label": r#"{"mode":"duel"}"#, "open": false } });
    socket.send(&update.to_string()).await;
    let told = socket.next("party_update").await.expect("it is told");
    assert_eq!((&told["label"], told.get("open")), (&json!(r#"{"mode":"duel"}"#), None), "{told}");

    let url = format!("ws://{at}/ws?format=protobuf&token={}", token(at, "protobuf").await);
    let (mut socket, _) = tokio_tungstenite::connect_async(url).await.unwrap();
    let create = PartyCreate { open: true, max_size: 2, ..PartyCreate::default() };
    let create = Envelope { cid: "1".to_owned(), message: Some(create.into()) };
    socket.send(Frame::binary(create.encode_to_vec())).await.unwrap();
    let mut told = None;
    let talk = async {
        while let Some(Ok(frame)) = socket.next().await {
            let Frame::Binary(bytes) = frame else { continue };
            match Envelope::decode(bytes).unwrap() {
                Envelope { cid, message: Some(Message::Party(party)) } if cid == "1" => {
                    assert_eq!((party.open, party.hidden, party.max_size), (true, false, 2));
                    assert_eq!(party.leader.expect("a leader"), party.self_.expect("oneself"));
                    let label = r#"{"mode":"duel"}"#.to_owned();
                    let update =
                        PartyUpdate { party_id: party.party_id, label, ..Default::default() };
                    let update = Envelope { cid: "2".to_owned(), message: Some(update.into()) };
                    socket.send(Frame::binary(update.encode_to_vec())).await.unwrap();
                }
                Envelope { message: Some(Message::PartyUpdate(update)), .. } => told = Some(update),
                Envelope { cid, message: None } if cid == "2" => break,
                Envelope { message: Some(Message::Error(error)), .. } => panic!("{error:?}"),
                Envelope { .. } => {}
            }
        }
    };
    tokio::time::timeout(PATIENCE, talk).await.expect("an answer in time");
    assert_eq!(told.expect("it is told").label, r#"{"mode":"duel"}"#);
}
