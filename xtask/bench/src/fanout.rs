//! The driver for scenarios in which one sender's message reaches several receivers.
//!
//! A message carries a stamp: the nanoseconds from the measurement's epoch to the moment it was
//! due. Whoever receives it knows from that how long it took.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use crate::http::PATIENCE;
use crate::outcome::{Outcome, Tally};
use crate::requests::{AT_ONCE, each, gather};
use crate::scenario::{Ctx, Load};
use crate::schedule::{Alarm, Schedule, Tickets};
use crate::socket::{Socket, error_text};
use crate::users::User;
use crate::wire::{Field, Incoming, Message, STAMP, kind, stamp};

/// Deliveries that have not come this long after the last one count as lost.
const SILENCE: Duration = Duration::from_secs(2);

/// How a message spreads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spread {
    Match,
    Party,
    Room { persistence: bool },
    Status,
}

const MATCH_ID: [Field; 1] = [("match_id", 1)];
const CHANNEL_ID: [Field; 1] = [("id", 1)];
const PARTY_ID: [Field; 1] = [("party_id", 1)];

impl Spread {
    /// Makes everybody ready to receive what the first socket sends; returns what to send to.
    async fn assemble(self, sockets: &[Socket], users: &[Rc<User>], name: &str) -> Result<String> {
        let (sender, members) = (&sockets[0], &sockets[1..]);
        match self {
            Self::Match => {
                let id = named(sender, Message::MatchCreate, &MATCH_ID).await?;
                for member in members {
                    member.call(Message::MatchJoin { id: &id }).await?;
                }
                Ok(id)
            }
            Self::Party => {
                let max_size = u32::try_from(sockets.len()).context("a party this large")?;
                let id = created_party(sender, max_size).await?;
                for member in members {
                    member.call(Message::PartyJoin { id: &id }).await?;
                }
                Ok(id)
            }
            Self::Room { persistence } => {
                let join = Message::ChannelJoin { room: name, persistence };
                let id = named(sender, join, &CHANNEL_ID).await?;
                for member in members {
                    member.call(join).await?;
                }
                Ok(id)
            }
            Self::Status => {
                for member in members {
                    member.call(Message::StatusFollow { user: &users[0].id }).await?;
                }
                sender.call(Message::StatusUpdate { status: "ready" }).await?;
                Ok(String::new())
            }
        }
    }

    /// What the server is given for a payload.
    fn content(self, payload: String) -> String {
        match self {
            Self::Room { .. } => format!("{{\"t\":\"{payload}\"}}"),
            Self::Match | Self::Party | Self::Status => payload,
        }
    }

    fn message<'a>(self, topic: &'a str, content: &'a str) -> Message<'a> {
        match self {
            Self::Match => Message::MatchData { id: topic, data: content.as_bytes() },
            Self::Party => Message::PartyData { id: topic, data: content.as_bytes() },
            Self::Room { .. } => Message::ChannelSend { channel: topic, content },
            Self::Status => Message::StatusUpdate { status: content },
        }
    }

    /// Whether the server answers the sender.
    fn acknowledged(self) -> bool {
        match self {
            Self::Match => false,
            Self::Party | Self::Room { .. } | Self::Status => true,
        }
    }

    /// The stamp of a delivery; `None` for any other envelope.
    fn arrived(self, incoming: &Incoming<'_>) -> Option<u64> {
        match self {
            Self::Match if incoming.is(kind::MATCH_DATA) => incoming.bytes_stamp(&[("data", 4)]),
            Self::Party if incoming.is(kind::PARTY_DATA) => incoming.bytes_stamp(&[("data", 4)]),
            Self::Room { .. } if incoming.is(kind::CHANNEL_MESSAGE) => {
                incoming.text_stamp(&[("content", 6)])
            }
            // Only the new status counts, which is the one that joins; the old one leaves.
            Self::Status if incoming.is(kind::STATUS_PRESENCE) => {
                incoming.text_stamp(&[("joins", 2), ("status", 5)])
            }
            Self::Match | Self::Party | Self::Room { .. } | Self::Status => None,
        }
    }
}

/// Calls and returns the id in the answer.
async fn named(socket: &Socket, message: Message<'_>, path: &[Field]) -> Result<String> {
    let answer = socket.call(message).await?;
    let read = Incoming::read(socket.format(), &answer).context("not an envelope")?;
    let id = read.text(path).with_context(|| format!("no id in the answer to {message:?}"))?;
    Ok(id.to_owned())
}

/// Creates a party. Its envelope may be the answer, or come besides a bare acknowledgement.
async fn created_party(socket: &Socket, max_size: u32) -> Result<String> {
    let pushed: Rc<RefCell<Option<String>>> = Rc::default();
    let came = Rc::new(Notify::new());
    let (note, bell) = (Rc::clone(&pushed), Rc::clone(&came));
    socket.listen(Rc::new(move |incoming| {
        if incoming.is(kind::PARTY) {
            *note.borrow_mut() = incoming.text(&PARTY_ID).map(str::to_owned);
            bell.notify_one();
        }
    }));
    let answer = socket.call(Message::PartyCreate { max_size }).await?;
    let read = Incoming::read(socket.format(), &answer).context("not an envelope")?;
    if let Some(id) = read.text(&PARTY_ID) {
        return Ok(id.to_owned());
    }
    timeout(PATIENCE, came.notified()).await.context("no party came")?;
    pushed.take().context("a party without an id")
}

/// One sender, its receivers, and how far they are.
struct Group {
    spread: Spread,
    sender: Socket,
    members: Vec<Socket>,
    topic: String,
    progress: Rc<Progress>,
}

/// What a group has sent and received since it was assembled.
#[derive(Default)]
struct Progress {
    /// Deliveries to members that have to come, by what was sent.
    expected: Cell<u64>,
    /// Those that came; the sender's own copies are not waited for.
    arrived: Cell<u64>,
    complete: Notify,
}

/// What all groups of a round write their figures to.
struct Recorder {
    /// Where stamps count from.
    epoch: Instant,
    tally: RefCell<Tally>,
}

impl Recorder {
    /// Looks at what a socket received; `progress` is that of a member's group.
    fn note(&self, spread: Spread, incoming: &Incoming<'_>, progress: Option<&Progress>) {
        if let Some(text) = error_text(incoming) {
            self.tally.borrow_mut().fail(1, || text);
            return;
        }
        let Some(stamp) = spread.arrived(incoming) else { return };
        let took = self.epoch.elapsed().saturating_sub(Duration::from_nanos(stamp));
        let mut tally = self.tally.borrow_mut();
        tally.units += 1;
        tally.latency.record(took);
        if let Some(progress) = progress {
            progress.arrived.set(progress.arrived.get() + 1);
            if progress.missing() == 0 {
                progress.complete.notify_one();
            }
        }
    }
}

impl Progress {
    fn missing(&self) -> u64 {
        self.expected.get().saturating_sub(self.arrived.get())
    }
}

impl Group {
    async fn assemble(
        ctx: Rc<Ctx>,
        spread: Spread,
        users: Vec<Rc<User>>,
        recorder: Rc<Recorder>,
    ) -> Result<Self> {
        let mut sockets = {
            let (ctx, users) = (Rc::clone(&ctx), users.clone());
            gather(users.len(), AT_ONCE, move |index| {
                let (ctx, user) = (Rc::clone(&ctx), Rc::clone(&users[index]));
                async move { Socket::open(&ctx.target, &user, ctx.format, false).await }
            })
            .await
            .context("open the sockets")?
        };
        let topic = spread.assemble(&sockets, &users, &ctx.unique("room")).await?;
        let progress = Rc::new(Progress::default());
        for (index, socket) in sockets.iter().enumerate() {
            let member = (index > 0).then(|| Rc::clone(&progress));
            let recorder = Rc::clone(&recorder);
            socket.listen(Rc::new(move |incoming| {
                recorder.note(spread, incoming, member.as_deref());
            }));
        }
        let sender = sockets.remove(0);
        Ok(Self { spread, sender, members: sockets, topic, progress })
    }

    /// What to send for a message that was due at `due`; counts it as sent.
    fn next(&self, recorder: &Recorder, due: Instant, size: usize) -> String {
        let nanos = due.saturating_duration_since(recorder.epoch).as_nanos();
        let mut payload = stamp(u64::try_from(nanos).unwrap_or(u64::MAX));
        payload.extend(std::iter::repeat_n('x', size.saturating_sub(STAMP)));
        let copies = self.members.len() as u64;
        self.progress.expected.set(self.progress.expected.get() + copies);
        recorder.tally.borrow_mut().operations += 1;
        self.spread.content(payload)
    }

    /// Waits until everything sent has reached every member, or nothing has come for a while.
    async fn settle(&self) {
        let mut before = self.progress.missing();
        while before > 0 {
            let quiet = timeout(SILENCE, self.progress.complete.notified()).await.is_err();
            let missing = self.progress.missing();
            if quiet && missing == before {
                return;
            }
            before = missing;
        }
    }

    /// Sends one message after the other until `end`, each when the last has been acknowledged
    /// and has arrived.
    async fn closed_loop(&self, ctx: &Ctx, recorder: &Recorder, end: Instant) -> Result<()> {
        while Instant::now() < end {
            let content = self.next(recorder, Instant::now(), ctx.payload);
            let message = self.spread.message(&self.topic, &content);
            if self.spread.acknowledged() {
                self.sender.call(message).await?;
            } else {
                self.sender.send(message)?;
            }
            self.settle().await;
            if self.progress.missing() > 0 {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Sends what is due, whatever has arrived.
    async fn open_loop(&self, ctx: &Ctx, recorder: &Recorder, tickets: &Tickets) -> Result<()> {
        while let Some(due) = tickets.take().await {
            let content = self.next(recorder, due, ctx.payload);
            let message = self.spread.message(&self.topic, &content);
            if self.spread.acknowledged() {
                self.sender.send_acknowledged(message)?;
            } else {
                self.sender.send(message)?;
            }
        }
        Ok(())
    }

    async fn close(self) -> Result<()> {
        for socket in self.members {
            socket.close().await.ok();
        }
        self.sender.close().await
    }
}

/// Assembles the groups, warms up, measures, and takes everybody leave.
pub(crate) async fn round(ctx: Rc<Ctx>, spread: Spread) -> Result<Outcome> {
    let size = ctx.members + 1;
    let users = ctx.target.users.first(&ctx.target, ctx.clients * size).await?;
    let recorder = Rc::new(Recorder { epoch: Instant::now(), tally: RefCell::new(Tally::new()) });
    let groups = {
        let (ctx, recorder) = (Rc::clone(&ctx), Rc::clone(&recorder));
        gather(ctx.clients, 4, move |number| {
            let users = users[number * size..(number + 1) * size].to_vec();
            Group::assemble(Rc::clone(&ctx), spread, users, Rc::clone(&recorder))
        })
        .await
        .context("assemble the groups")?
    };
    let groups: Vec<Rc<Group>> = groups.into_iter().map(Rc::new).collect();
    phase(&ctx, &groups, &recorder, ctx.warmup).await?;
    let meter = ctx.target.meter()?;
    let tally = phase(&ctx, &groups, &recorder, ctx.length).await?;
    let usage = ctx.target.read(&meter)?;
    let groups: Vec<Group> = groups.into_iter().filter_map(Rc::into_inner).collect();
    each(groups, Group::close).await;
    ensure!(tally.units > 0, "nothing was delivered: {:?}", tally.first_error);
    Ok(Outcome::new(tally, usage))
}

/// Runs the load for `length`, waits for what is under way, and returns the figures.
async fn phase(
    ctx: &Rc<Ctx>,
    groups: &[Rc<Group>],
    recorder: &Rc<Recorder>,
    length: Duration,
) -> Result<Tally> {
    *recorder.tally.borrow_mut() = Tally::new();
    for group in groups {
        group.progress.arrived.set(0);
        group.progress.expected.set(0);
    }
    let start = Instant::now();
    let tickets = match ctx.load {
        Load::Closed => None,
        Load::Rate(rate) => Some(Rc::new(Tickets::new(Schedule::new(start, rate, length)))),
    };
    let mut senders = JoinSet::new();
    for group in groups {
        let (ctx, recorder) = (Rc::clone(ctx), Rc::clone(recorder));
        let (group, tickets) = (Rc::clone(group), tickets.clone());
        senders.spawn_local(async move {
            match tickets {
                None => group.closed_loop(&ctx, &recorder, start + length).await?,
                Some(tickets) => group.open_loop(&ctx, &recorder, &tickets).await?,
            }
            group.settle().await;
            anyhow::Ok(())
        });
    }
    if let Some(tickets) = &tickets {
        tickets.release(Alarm::precise()?).await?;
    }
    while let Some(ended) = senders.join_next().await {
        if let Err(error) = ended.context("a sender panicked")? {
            recorder.tally.borrow_mut().fail(1, || format!("{error:#}"));
        }
    }
    let mut tally = recorder.tally.borrow().clone();
    let lost = groups.iter().map(|group| group.progress.missing()).sum();
    tally.fail(lost, || "messages did not arrive".into());
    if let Some(tickets) = tickets {
        tally.lateness = tickets.lateness();
        tally.fail(tickets.left(), || "no sender was left to send it".into());
    }
    Ok(tally)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Format;

    const MEMBERS: u64 = 2;

    fn note(recorder: &Recorder, spread: Spread, frame: &str, progress: Option<&Progress>) {
        let incoming = Incoming::read(Format::Json, frame.as_bytes()).unwrap();
        recorder.note(spread, &incoming, progress);
    }

    fn recorder() -> Recorder {
        Recorder { epoch: Instant::now(), tally: RefCell::new(Tally::new()) }
    }

    fn message(nanos: u64) -> String {
        format!(r#"{{"channel_message":{{"content":"{{\"t\":\"{}\"}}"}}}}"#, stamp(nanos))
    }

    #[tokio::test(start_paused = true)]
    async fn deliveries_count_from_the_moment_in_the_stamp() {
        let (recorder, progress) = (recorder(), Progress::default());
        progress.expected.set(MEMBERS);
        let room = Spread::Room { persistence: false };
        tokio::time::advance(Duration::from_millis(30)).await;
        let frame = message(10_000_000);
        note(&recorder, room, &frame, None);
        assert_eq!(progress.missing(), 2, "the sender's own copy is not waited for");
        note(&recorder, room, &frame, Some(&progress));
        note(&recorder, room, &frame, Some(&progress));
        assert_eq!(progress.missing(), 0);
        progress.complete.notified().await;
        let tally = recorder.tally.borrow();
        assert_eq!(tally.units, 3, "but it is a delivery");
        assert!((tally.latency.percentiles().p50 - 20_000.0).abs() < 50.0);
    }

    #[tokio::test]
    async fn only_a_new_status_is_a_delivery() {
        let (recorder, progress) = (recorder(), Progress::default());
        let (new, old) = (stamp(2), stamp(1));
        let event = |joins: &str| {
            format!(r#"{{"status_presence_event":{{{joins}"leaves":[{{"status":"{old}"}}]}}}}"#)
        };
        note(&recorder, Spread::Status, &event(""), Some(&progress));
        assert_eq!(recorder.tally.borrow().units, 0);
        let joins = format!(r#""joins":[{{"status":"{new}"}}],"#);
        note(&recorder, Spread::Status, &event(&joins), Some(&progress));
        assert_eq!((recorder.tally.borrow().units, progress.arrived.get()), (1, 1));
    }

    #[tokio::test]
    async fn error_envelopes_are_errors_and_others_are_nothing() {
        let recorder = recorder();
        let progress = Progress::default();
        for frame in [r#"{"cid":"4294967295"}"#, r#"{"channel_message_ack":{}}"#, &message(1)] {
            note(&recorder, Spread::Match, frame, Some(&progress));
        }
        assert_eq!((recorder.tally.borrow().units, recorder.tally.borrow().errors), (0, 0));
        note(&recorder, Spread::Match, r#"{"error":{"message":"no match"}}"#, None);
        let tally = recorder.tally.borrow();
        assert_eq!(tally.errors, 1);
        assert_eq!(tally.first_error.as_deref(), Some("error envelope: no match"));
    }
}
