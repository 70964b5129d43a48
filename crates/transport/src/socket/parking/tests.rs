//! Sessions that lose their sockets, over pipes in memory and with the clock stopped.

use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::SinkExt;
use tavern_api::{Class, CloseReason, Sink};
use tavern_protocol::Format;
use tokio::time::{Instant, timeout};
use tungstenite::Message;

use super::{MOST, PROBE, Parked, VERDICT};
use crate::Config;
use crate::socket::tests::{Bench, LONG, Ws, admission, cid, next, quiet, rpc, seat};

const GRACE: u64 = 10;

async fn kept() -> (Bench, Ws) {
    let (bench, ws) = Bench::json().await;
    bench.fake.grace.store(GRACE, Ordering::SeqCst);
    (bench, ws)
}

async fn claim(bench: &Bench, format: Format) -> Option<Parked> {
    timeout(LONG, bench.parts.parking.claim(admission().resumption, format)).await.unwrap()
}

fn closed(bench: &Bench) -> usize {
    bench.fake.closed.load(Ordering::SeqCst)
}

/// Lets time pass.
async fn passes(time: Duration) {
    assert!(timeout(time, std::future::pending::<()>()).await.is_err());
}

/// Waits until the session has lost its socket.
async fn parked(bench: &Bench) {
    for _ in 0..1000 {
        if bench.metrics.render().lines().any(|line| line == "tavern_sessions_parked 1") {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("not parked");
}

#[tokio::test(start_paused = true)]
async fn what_is_sent_in_between_arrives_on_the_next_socket_in_order() {
    let (mut bench, ws) = kept().await;
    tokio::task::yield_now().await;
    drop(ws);
    parked(&bench).await;
    // More than a socket that does not read is granted.
    (0..200).for_each(|n| bench.push(n, Class::Reliable));
    let session = claim(&bench, Format::Json).await.expect("it waits for a socket");
    let mut ws = bench.goes_on(session).await;
    // These come on top of what waits.
    (200..300).for_each(|n| bench.push(n, Class::Reliable));
    for n in 0..300 {
        assert!(next(&mut ws).await.into_text().unwrap().contains(&format!("\"{n}\"")), "{n}");
    }
    ws.send(rpc("after", "")).await.unwrap();
    assert_eq!(cid(&mut ws).await, "after");
    assert_eq!(closed(&bench), 0, "nobody saw it leave");
    assert!(bench.metrics.render().contains("tavern_sessions_resumed_total 1"));
    ws.close(None).await.unwrap();
    bench.ended("by_client").await;
}

#[tokio::test(start_paused = true)]
async fn after_the_grace_it_is_over() {
    let (bench, ws) = kept().await;
    tokio::task::yield_now().await;
    drop(ws);
    parked(&bench).await;
    let begun = Instant::now();
    timeout(LONG, bench.life.finished()).await.unwrap();
    assert_eq!(begun.elapsed(), Duration::from_secs(GRACE));
    assert!(claim(&bench, Format::Json).await.is_none());
    bench.ended("gone").await;
}

#[tokio::test(start_paused = true)]
async fn a_goodbye_is_the_end() {
    let (bench, mut ws) = kept().await;
    ws.close(None).await.unwrap();
    let begun = Instant::now();
    timeout(LONG, bench.life.finished()).await.unwrap();
    assert_eq!(begun.elapsed(), Duration::ZERO);
    bench.ended("by_client").await;
}

#[tokio::test(start_paused = true)]
async fn a_client_that_fell_silent_may_come_back() {
    let (bench, client) = Bench::with_room(1 << 20, Format::Json, &Config::default());
    bench.fake.grace.store(GRACE, Ordering::SeqCst);
    passes(Duration::from_secs(25)).await;
    parked(&bench).await;
    drop(client);
    let session = claim(&bench, Format::Json).await.expect("it waits for a socket");
    drop(session);
    bench.ended("no_pong").await;
}

#[tokio::test(start_paused = true)]
async fn a_client_that_stopped_reading_may_come_back() {
    let (bench, client) = Bench::with_room(64, Format::Json, &Config::default());
    bench.fake.grace.store(GRACE, Ordering::SeqCst);
    tokio::task::yield_now().await;
    (0..10).for_each(|n| bench.push(n, Class::Reliable));
    passes(Duration::from_secs(5)).await;
    parked(&bench).await;
    drop(client);
    bench.ended("stuck").await;
}

#[tokio::test(start_paused = true)]
async fn only_a_socket_of_the_same_format_takes_it_over() {
    let (bench, ws) = kept().await;
    tokio::task::yield_now().await;
    drop(ws);
    parked(&bench).await;
    assert!(claim(&bench, Format::Binary).await.is_none());
    assert!(claim(&bench, Format::Json).await.is_some());
    bench.ended("gone").await;
}

#[tokio::test(start_paused = true)]
async fn a_message_that_is_being_handled_is_finished_first() {
    let (mut bench, mut ws) = kept().await;
    ws.send(rpc("slow", "wait")).await.unwrap();
    quiet(&mut ws).await;
    drop(ws);
    // A socket that handles a message does not read: the break shows when it is written to.
    bench.push(1, Class::Reliable);
    parked(&bench).await;
    bench.fake.gate.add_permits(1);
    let session = claim(&bench, Format::Json).await.expect("it waits for a socket");
    assert_eq!(*bench.fake.handled.lock(), ["slow"]);
    let mut ws = bench.goes_on(session).await;
    assert_eq!(cid(&mut ws).await, "slow");
    drop(ws);
    bench.ended_twice("gone").await;
}

#[tokio::test(start_paused = true)]
async fn who_is_thrown_out_does_not_wait_for_a_socket() {
    let (bench, ws) = kept().await;
    tokio::task::yield_now().await;
    drop(ws);
    parked(&bench).await;
    let begun = Instant::now();
    bench.outbox.close(CloseReason::Banned);
    timeout(LONG, bench.life.finished()).await.unwrap();
    assert_eq!((begun.elapsed(), closed(&bench)), (Duration::ZERO, 1));
    assert!(claim(&bench, Format::Json).await.is_none());
}

#[tokio::test(start_paused = true)]
async fn at_the_servers_end_nothing_waits_for_a_socket() {
    let (bench, ws) = kept().await;
    tokio::task::yield_now().await;
    drop(ws);
    parked(&bench).await;
    let begun = Instant::now();
    bench.outbox.retire();
    timeout(LONG, bench.life.finished()).await.unwrap();
    assert_eq!((begun.elapsed(), closed(&bench)), (Duration::ZERO, 1));
}

#[tokio::test(start_paused = true)]
async fn when_too_much_waits_it_is_over() {
    let (bench, ws) = kept().await;
    tokio::task::yield_now().await;
    drop(ws);
    parked(&bench).await;
    let most = Config::default().outgoing_queue_size * 16;
    (0..most).for_each(|n| bench.push(n, Class::Reliable));
    (0..10).for_each(|n| bench.push(n, Class::Unreliable));
    tokio::task::yield_now().await;
    assert_eq!(closed(&bench), 0, "what may be lost is lost");
    bench.push(most, Class::Reliable);
    timeout(LONG, bench.life.finished()).await.unwrap();
    assert_eq!(closed(&bench), 1);
    assert!(bench.metrics.render().contains("tavern_outbox_overflow_closes_total 1"));
}

#[tokio::test(start_paused = true)]
async fn an_asker_that_is_gone_gets_nothing_and_the_session_ends() {
    let (bench, mut ws) = kept().await;
    ws.send(rpc("slow", "wait")).await.unwrap();
    quiet(&mut ws).await;
    drop(ws);
    bench.push(1, Class::Reliable);
    parked(&bench).await;
    let begun = Instant::now();
    assert!(claim(&bench, Format::Json).await.is_none(), "it handles its message for too long");
    assert_eq!(begun.elapsed(), super::HANDOVER);
    bench.fake.gate.add_permits(1);
    bench.ended("gone").await;
}

#[tokio::test(start_paused = true)]
async fn a_client_that_answers_keeps_its_session() {
    let (bench, mut ws) = kept().await;
    tokio::task::yield_now().await;
    let begun = Instant::now();
    let claiming = claim(&bench, Format::Json);
    let answering = async {
        // Reading answers the ping.
        assert_eq!(next(&mut ws).await, Message::Ping(bytes::Bytes::new()));
        ws.flush().await.unwrap();
    };
    let (claimed, ()) = tokio::join!(claiming, answering);
    assert!(claimed.is_none());
    assert_eq!(begun.elapsed(), Duration::ZERO);
    assert_eq!(*bench.patience.lock(), [Some(PROBE), None]);
    drop(ws);
    bench.ended("gone").await;
}

#[tokio::test(start_paused = true)]
async fn a_client_that_is_merely_busy_keeps_its_session() {
    let (bench, ws) = kept().await;
    tokio::task::yield_now().await;
    let begun = Instant::now();
    assert!(claim(&bench, Format::Json).await.is_none());
    assert_eq!(begun.elapsed(), VERDICT);
    assert_eq!(*bench.patience.lock(), [Some(PROBE)]);
    drop(ws);
    bench.ended("gone").await;
}

#[tokio::test(start_paused = true)]
async fn a_socket_that_proves_broken_is_taken_over() {
    let (bench, ws) = kept().await;
    tokio::task::yield_now().await;
    let begun = Instant::now();
    let breaking = async {
        // As the kernel breaks it when nothing is acknowledged.
        passes(PROBE).await;
        drop(ws);
    };
    let (claimed, ()) = tokio::join!(claim(&bench, Format::Json), breaking);
    assert!(claimed.is_some());
    assert_eq!(begun.elapsed(), PROBE);
    drop(claimed);
    bench.ended("gone").await;
}

#[tokio::test(start_paused = true)]
async fn of_too_many_the_oldest_end() {
    let (bench, ws) = Bench::json().await;
    let waiting: Vec<_> = (0..=MOST)
        .map(|_| {
            let outbox =
                crate::socket::Outbox::new(Format::Json, std::sync::Arc::clone(&bench.parts));
            let seat = seat(&bench.parts, &outbox);
            let key = admission().resumption.unwrap();
            let claimed = bench.parts.parking.park(key, &outbox);
            (seat, claimed)
        })
        .collect();
    let mut ended = waiting.into_iter().map(|(_seat, mut claimed)| {
        matches!(claimed.try_recv(), Err(tokio::sync::oneshot::error::TryRecvError::Closed))
    });
    assert_eq!(ended.next(), Some(true));
    assert!(ended.all(|ended| !ended));
    drop(ws);
    bench.ended("gone").await;
}

#[tokio::test(start_paused = true)]
async fn when_there_is_no_place_a_session_ends_with_its_socket() {
    let (bench, ws) = kept().await;
    tokio::task::yield_now().await;
    let all = u32::try_from(super::MOST_IN_ALL).unwrap();
    let _taken = bench.parts.parking.places.try_acquire_many(all).unwrap();
    let begun = Instant::now();
    drop(ws);
    timeout(LONG, bench.life.finished()).await.unwrap();
    assert_eq!((begun.elapsed(), closed(&bench)), (Duration::ZERO, 1));
}

#[tokio::test(start_paused = true)]
async fn where_sessions_end_with_their_sockets_none_is_probed() {
    let (bench, ws) = kept().await;
    tokio::task::yield_now().await;
    let begun = Instant::now();
    assert!(bench.parts.parking.claim(None, Format::Json).await.is_none());
    assert_eq!((begun.elapsed(), bench.patience.lock().len()), (Duration::ZERO, 0));
    drop(ws);
    bench.ended("gone").await;
}
