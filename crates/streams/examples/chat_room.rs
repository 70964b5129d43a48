//! Three players, a room, and an outbox each that forgets the unimportant when it is full.

use std::collections::VecDeque;
use std::io::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use tavern_domain::{SessionId, Stream, UserId};
use tavern_streams::{Class, CloseReason, Sink, Streams};
use uuid::Uuid;

/// The bounded queue in front of a socket's writer.
#[derive(Default)]
struct Outbox {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<(Arc<String>, Class)>,
    closed: Option<CloseReason>,
}

const PLACES: usize = 4;

impl Sink<String> for Outbox {
    fn push(&self, message: Arc<String>, class: Class) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.closed.is_some() {
            return;
        }
        if state.waiting.len() == PLACES {
            // The oldest unimportant one makes room; without one, the reader is too slow for us.
            match state.waiting.iter().position(|(_, class)| *class == Class::Unreliable) {
                Some(oldest) => drop(state.waiting.remove(oldest)),
                None => {
                    state.closed = Some(CloseReason::Overflow);
                    return;
                }
            }
        }
        state.waiting.push_back((message, class));
    }

    fn close(&self, why: CloseReason) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.closed.get_or_insert(why);
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let streams: Streams<String> = Streams::default();
    let hall = Stream::room("hall");
    let mut outboxes = Vec::new();
    for n in 1..=3 {
        let (session, user) = (SessionId(Uuid::from_u128(n)), UserId(Uuid::from_u128(100 + n)));
        let outbox = Arc::new(Outbox::default());
        streams.open(session, user, Arc::clone(&outbox) as Arc<dyn Sink<String>>)?;
        streams.subscribe(session, &hall)?;
        outboxes.push((session, outbox));
    }

    streams.send(&hall, Arc::new("welcome".into()), Class::Reliable);
    for tick in 0..6 {
        // The first player moves; nobody needs to hear of a position that is already old.
        let moved = Arc::new(format!("player 1 is at {tick}"));
        streams.send_except(&hall, outboxes[0].0, moved, Class::Unreliable);
    }
    streams.close_session(outboxes[2].0);
    let reached = streams.send(&hall, Arc::new("player 3 left".into()), Class::Reliable);

    let mut out = std::io::stdout().lock();
    writeln!(out, "the last message reached {reached} of 3; {:?}", streams.totals())?;
    for (session, outbox) in &outboxes {
        let state = outbox.state.lock().unwrap_or_else(PoisonError::into_inner);
        let texts: Vec<_> = state.waiting.iter().map(|(m, _)| m.as_str()).collect();
        writeln!(out, "{session} closed={:?} waiting={texts:?}", state.closed)?;
    }
    Ok(())
}
