//! The bus within one process keeps the contract.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::sync::Arc;

use tavern_cluster::{Bus, BusError, Hub, conformance};
use tavern_domain::NodeName;

fn name(name: &str) -> NodeName {
    NodeName::new(name).unwrap()
}

#[tokio::test(start_paused = true)]
async fn the_hub_keeps_the_contract() {
    let hub = Hub::new();
    let node = |n: &str| Arc::new(hub.join(name(n)).unwrap()) as Arc<dyn Bus>;
    conformance::run([node("ann"), node("bob"), node("cleo")]).await;
}

#[test]
fn a_name_is_free_again_when_its_node_is_gone() {
    let hub = Hub::new();
    let ann = hub.join(name("ann")).unwrap();
    assert_eq!(hub.join(name("ann")).err(), Some(BusError::NameTaken { node: name("ann") }));
    drop(ann);
    assert!(hub.join(name("ann")).is_ok());
}

#[test]
fn one_alone_has_nobody_to_talk_to() {
    let bus = Hub::alone(name("ann"));
    assert_eq!(bus.others(), []);
}
