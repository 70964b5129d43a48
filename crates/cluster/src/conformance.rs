//! What every bus must do.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use tavern_domain::NodeName;

use crate::bus::{Answer, Bus, Letter, MAX_PAYLOAD, Topic};
use crate::error::BusError;

const NEWS: Topic = Topic::new("news");
const SUMS: Topic = Topic::new("sums");
const SECOND: Duration = Duration::from_secs(5);

/// Three nodes of one bus that nobody else uses; `ann`, `bob` and `cleo`.
pub type Nodes = [Arc<dyn Bus>; 3];

/// Answers with the number of bytes; refuses nothing; sleeps on "sleep".
struct Count;

#[async_trait]
impl Answer for Count {
    async fn answer(&self, question: Letter) -> Result<Bytes, String> {
        match &question.payload[..] {
            b"refuse" => Err(format!("not for {}", question.from)),
            b"sleep" => std::future::pending().await,
            payload => Ok(payload.len().to_string().into()),
        }
    }
}

fn text(text: &'static str) -> Bytes {
    Bytes::from_static(text.as_bytes())
}

/// Runs the contract.
///
/// # Panics
/// When it is broken.
pub async fn run(nodes: Nodes) {
    let [ann, bob, cleo] = &nodes;
    let mut others = ann.others();
    others.sort_by(|a, b| a.as_str().cmp(b.as_str()));
    assert_eq!(others, [bob.node().clone(), cleo.node().clone()]);

    let mut at_ann = ann.subscribe(NEWS).expect("the topic is free");
    let mut at_bob = bob.subscribe(NEWS).expect("the topic is free");
    assert_eq!(bob.subscribe(NEWS).expect_err("taken"), BusError::Taken { topic: "news" });
    let stranger = NodeName::new("nobody").expect("a good name");
    let unreachable = |node: &NodeName| Err(BusError::Unreachable { node: node.clone() });
    assert_eq!(ann.send(&stranger, NEWS, text("?")), unreachable(&stranger));

    // To all others that listen, in order, and not to oneself.
    for n in 0..100 {
        ann.publish(NEWS, n.to_string().into()).expect("it is sent");
    }
    ann.send(bob.node(), NEWS, text("last")).expect("it is sent");
    for n in 0..100 {
        let letter = at_bob.recv().await.expect("the bus lives");
        assert_eq!((letter.from, letter.payload), (ann.node().clone(), n.to_string().into()));
    }
    assert_eq!(at_bob.recv().await.expect("the bus lives").payload, "last");
    ann.send(ann.node(), NEWS, text("to myself")).expect("it is sent");
    assert_eq!(
        at_ann.recv().await.expect("the bus lives").payload,
        "to myself",
        "and none of the hundred"
    );

    // An inbox that is dropped frees its topic.
    drop(at_bob);
    let mut at_bob = bob.subscribe(NEWS).expect("the topic is free");
    ann.send(bob.node(), NEWS, text("again")).expect("it is sent");
    assert_eq!(at_bob.recv().await.expect("the bus lives").payload, "again");

    // Questions.
    bob.serve(SUMS, Arc::new(Count)).expect("the topic is free");
    assert_eq!(bob.serve(SUMS, Arc::new(Count)), Err(BusError::Taken { topic: "sums" }));
    let ask = |to: &NodeName, payload| {
        let (ann, to) = (Arc::clone(ann), to.clone());
        async move { ann.request(&to, SUMS, payload, SECOND).await }
    };
    assert_eq!(ask(bob.node(), text("four")).await, Ok(text("4")));
    let refused = BusError::Refused { text: format!("not for {}", ann.node()) };
    assert_eq!(ask(bob.node(), text("refuse")).await, Err(refused));
    assert_eq!(ask(cleo.node(), text("four")).await, unreachable(cleo.node()).map(|()| text("")));
    let waited = ann.request(bob.node(), SUMS, text("sleep"), Duration::from_millis(20)).await;
    assert_eq!(waited, Err(BusError::TimedOut { node: bob.node().clone() }));

    // Bounds.
    let large = Bytes::from(vec![0; MAX_PAYLOAD + 1]);
    let refused = || BusError::TooLarge { size: MAX_PAYLOAD + 1 };
    assert_eq!(ann.publish(NEWS, large.clone()), Err(refused()));
    assert_eq!(ann.send(bob.node(), NEWS, large.clone()), Err(refused()));
    assert_eq!(ask(bob.node(), large).await, Err(refused()));
    ann.send(bob.node(), NEWS, Bytes::from(vec![7; MAX_PAYLOAD])).expect("it is sent");
    assert_eq!(at_bob.recv().await.expect("the bus lives").payload.len(), MAX_PAYLOAD);
}
