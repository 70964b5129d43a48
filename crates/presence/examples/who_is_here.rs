//! A room, a status, and everybody who comes and goes, told as it happens.

use std::io::Write as _;
use std::sync::Arc;

use tavern_domain::{Presence, PresenceMeta, PresenceReason, SessionId, Stream, UserId};
use tavern_presence::{LocalPresence, PresenceDiff, PresenceSink, Presences};
use uuid::Uuid;

/// Prints; a server would send the diff to those who listen to the stream.
struct Teller;

impl PresenceSink for Teller {
    fn on_diff(&self, diff: &PresenceDiff<'_>) {
        let names = |presences: &[Presence]| {
            let show = |p: &Presence| match &p.meta.status {
                Some(status) => format!("{} ({status})", p.meta.username),
                None => p.meta.username.to_string(),
            };
            presences.iter().map(show).collect::<Vec<_>>().join(", ")
        };
        let (joins, leaves) = (names(diff.joins), names(diff.leaves));
        let line =
            format!("{:<40} +[{joins}] -[{leaves}] {:?}\n", diff.stream.to_string(), diff.reason);
        // Nowhere to report it to: this is the only output there is.
        drop(std::io::stdout().write_all(line.as_bytes()));
    }
}

fn player(n: u128, name: &str, status: Option<&str>) -> Presence {
    let meta = PresenceMeta {
        username: name.into(),
        hidden: false,
        persistence: true,
        status: status.map(Arc::from),
    };
    Presence {
        user: UserId(Uuid::from_u128(n)),
        session: SessionId(Uuid::from_u128(100 + n)),
        meta: Arc::new(meta),
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let presences = LocalPresence::builder(Arc::new(Teller)).build();
    let hall = Stream::room("hall");
    let (ann, bob) = (player(1, "ann", None), player(2, "bob", None));

    presences.track(&ann, &hall)?;
    let tracked = presences.track(&bob, &hall)?;
    assert_eq!(tracked.before, std::slice::from_ref(&ann), "bob is told of ann, ann hears of bob");

    let status = Stream::status(ann.user);
    presences.track(&player(1, "ann", Some("in the hall")), &status)?;
    presences.update(ann.session, &status, &player(1, "ann", Some("leaving")).meta);
    assert!(presences.is_online(ann.user) && !presences.is_online(bob.user));

    // The socket is gone: one leave per stream.
    presences.untrack_all(ann.session, PresenceReason::Disconnect);
    writeln!(std::io::stdout(), "{} left in the hall", presences.count(&hall).visible)?;
    Ok(())
}
