//! Three nodes in one process: what happens on one is seen on all, with joins and leaves.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test that cannot go on fails"
)]

use std::sync::Arc;
use std::time::Duration;

use tavern_cluster::{Bus, Hub};
use tavern_domain::{Clock, NodeName, PresenceReason, Stream, Timestamp};
use tavern_presence::conformance::{RecordingSink, somebody};
use tavern_presence::replica::ReplicaConfig;
use tavern_presence::{Include, LocalPresence, PresenceSink, Presences, Replication};
use tokio::sync::oneshot;
use tokio::time::Instant;

/// The paused time of the test.
struct Paused(Instant);

impl Clock for Paused {
    fn now(&self) -> Timestamp {
        let passed = i64::try_from(self.0.elapsed().as_nanos()).expect("a short test");
        Timestamp::from_nanos(1_000_000_000 + passed)
    }
}

struct Node {
    presence: Arc<LocalPresence>,
    sink: Arc<RecordingSink>,
    stop: Option<oneshot::Sender<()>>,
    task: tokio::task::JoinHandle<()>,
}

fn node(hub: &Hub, name: &str, clock: &Arc<dyn Clock>) -> Node {
    let bus: Arc<dyn Bus> = Arc::new(hub.join(NodeName::new(name).unwrap()).unwrap());
    let replication = Replication::new(bus, Arc::clone(clock), ReplicaConfig::default());
    let sink = Arc::new(RecordingSink::default());
    let presence = LocalPresence::builder(Arc::clone(&sink) as Arc<dyn PresenceSink>)
        .change_log(Arc::clone(&replication) as _)
        .build();
    let presence = Arc::new(presence);
    let inbox = replication.listen().unwrap();
    let (stop, stopped) = oneshot::channel();
    let stopped = async { drop(stopped.await) };
    let task = tokio::spawn(replication.run(inbox, Arc::clone(&presence), stopped));
    Node { presence, sink, stop: Some(stop), task }
}

#[tokio::test(start_paused = true)]
async fn nodes_see_each_other() {
    let clock: Arc<dyn Clock> = Arc::new(Paused(Instant::now()));
    let hub = Hub::new();
    let mut ann = node(&hub, "ann", &clock);
    let bob = node(&hub, "bob", &clock);
    let hall = Stream::room("hall");
    let (one, two, unseen) =
        (somebody(1, false, None), somebody(2, false, None), somebody(3, true, None));
    ann.presence.track(&one, &hall).unwrap();
    ann.presence.track(&unseen, &hall).unwrap();
    bob.presence.track(&two, &hall).unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    for node in [&ann, &bob] {
        let count = node.presence.count(&hall);
        assert_eq!((count.visible, count.hidden), (2, 1));
        assert!(node.presence.is_on(one.session, &hall) && node.presence.is_on(two.session, &hall));
        assert_eq!(node.sink.shown(&hall).len(), 2, "and nobody is told of the hidden one");
    }

    // One who comes later is told everything.
    let cleo = node(&hub, "cleo", &clock);
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(cleo.presence.list(&hall, Include::ALL).len(), 3);

    // A change, and a leave with its reason.
    bob.sink.take();
    ann.presence.update(one.session, &hall, &somebody(4, false, None).meta).unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    ann.presence.untrack_all(one.session, PresenceReason::Disconnect);
    tokio::time::sleep(Duration::from_millis(50)).await;
    let reasons: Vec<_> = bob.sink.take().iter().map(|diff| diff.reason).collect();
    assert_eq!(reasons, [PresenceReason::Update, PresenceReason::Disconnect]);

    // A goodbye, and a death.
    ann.stop.take().unwrap().send(()).unwrap();
    ann.task.await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(cleo.presence.count(&hall).total(), 1, "only bob's is left");
    bob.task.abort();
    tokio::time::sleep(Duration::from_secs(9)).await;
    assert_eq!(cleo.presence.count(&hall).total(), 1, "bob may come back");
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(cleo.presence.count(&hall).total(), 0);
    assert_eq!(cleo.sink.shown(&hall), []);
    assert_eq!(cleo.presence.totals(), Default::default(), "nothing of them stays");
}
