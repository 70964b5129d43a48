//! When a session pings, and when it loses patience.

use tokio::time::Instant;

use crate::settings::SocketSettings;

/// The deadlines of a session. Pure: the time is an argument.
#[derive(Debug)]
pub(crate) struct Clock {
    next_ping: Instant,
    /// Without a pong until then, the client counts as gone.
    silent_until: Instant,
    /// Since a write is stuck: when to give up.
    stuck_until: Option<Instant>,
    /// Messages since the last ping.
    received: u32,
}

/// What is due.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Due {
    /// Nothing.
    Nothing,
    /// A ping.
    Ping,
    /// The client has sent no pong for too long.
    NoPong,
    /// The client has read nothing for too long.
    Stuck,
}

impl Clock {
    pub(crate) fn new(now: Instant, settings: &SocketSettings) -> Self {
        Self {
            next_ping: now + settings.ping_period,
            silent_until: now + settings.pong_wait,
            stuck_until: None,
            received: 0,
        }
    }

    /// A message came.
    pub(crate) fn message(&mut self) {
        self.received = self.received.saturating_add(1);
    }

    /// A pong came.
    pub(crate) fn pong(&mut self, now: Instant, settings: &SocketSettings) {
        self.silent_until = now + settings.pong_wait;
    }

    /// A write is stuck. Answers whether that is new.
    pub(crate) fn stuck(
        &mut self,
        now: impl FnOnce() -> Instant,
        settings: &SocketSettings,
    ) -> bool {
        if self.stuck_until.is_some() {
            return false;
        }
        self.stuck_until = Some(now() + settings.write_wait);
        true
    }

    /// A write went on.
    pub(crate) fn unstuck(&mut self) {
        self.stuck_until = None;
    }

    /// The next moment at which something may be due.
    pub(crate) fn next(&self) -> Instant {
        let next = self.next_ping.min(self.silent_until);
        self.stuck_until.map_or(next, |stuck| stuck.min(next))
    }

    /// What is due now. `reading` is false while the session does not look for a pong, because it
    /// handles a message or waits for a write: then silence is our own doing.
    pub(crate) fn due(&mut self, now: Instant, reading: bool, settings: &SocketSettings) -> Due {
        if self.stuck_until.is_some_and(|at| now >= at) {
            return Due::Stuck;
        }
        if now >= self.silent_until {
            if reading {
                return Due::NoPong;
            }
            self.silent_until = now + settings.pong_wait;
        }
        if now < self.next_ping {
            return Due::Nothing;
        }
        self.next_ping = now + settings.ping_period;
        let busy = settings.ping_backoff > 0 && self.received >= settings.ping_backoff;
        self.received = 0;
        if busy {
            // So many messages say as much as a pong.
            self.silent_until = now + settings.pong_wait;
            return Due::Nothing;
        }
        Due::Ping
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Settings;
    use std::time::Duration;

    fn settings() -> SocketSettings {
        Settings::new(&crate::Config::default()).unwrap().socket
    }

    fn seconds(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    #[tokio::test(start_paused = true)]
    async fn a_quiet_client_is_pinged_and_then_given_up() {
        let (now, settings) = (Instant::now(), settings());
        let mut clock = Clock::new(now, &settings);
        assert_eq!(clock.next(), now + seconds(15));
        assert_eq!(clock.due(now + seconds(14), true, &settings), Due::Nothing);
        assert_eq!(clock.due(now + seconds(15), true, &settings), Due::Ping);
        assert_eq!(clock.next(), now + seconds(25));
        assert_eq!(clock.due(now + seconds(25), true, &settings), Due::NoPong);
    }

    #[tokio::test(start_paused = true)]
    async fn a_pong_buys_time() {
        let (now, settings) = (Instant::now(), settings());
        let mut clock = Clock::new(now, &settings);
        assert_eq!(clock.due(now + seconds(15), true, &settings), Due::Ping);
        clock.pong(now + seconds(16), &settings);
        assert_eq!(clock.due(now + seconds(30), true, &settings), Due::Ping);
        assert_eq!(clock.due(now + seconds(40), true, &settings), Due::Nothing);
        assert_eq!(clock.due(now + seconds(41), true, &settings), Due::NoPong);
    }

    #[tokio::test(start_paused = true)]
    async fn many_messages_stand_in_for_a_pong() {
        let (mut now, settings) = (Instant::now(), settings());
        let mut clock = Clock::new(now, &settings);
        for _ in 0..10 {
            (0..20).for_each(|_| clock.message());
            now += settings.ping_period;
            assert_eq!(clock.due(now, true, &settings), Due::Nothing);
        }
        (0..19).for_each(|_| clock.message());
        now += settings.ping_period;
        assert_eq!(clock.due(now, true, &settings), Due::Ping);
    }

    #[tokio::test(start_paused = true)]
    async fn silence_does_not_count_while_nobody_listens() {
        let (now, settings) = (Instant::now(), settings());
        let mut clock = Clock::new(now, &settings);
        assert_eq!(clock.due(now + seconds(15), false, &settings), Due::Ping);
        assert_eq!(clock.due(now + seconds(26), false, &settings), Due::Nothing);
        assert_eq!(clock.due(now + seconds(50), true, &settings), Due::Ping);
        assert_eq!(clock.due(now + seconds(51), true, &settings), Due::NoPong);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stuck_write_is_given_up() {
        let (now, settings) = (Instant::now(), settings());
        let mut clock = Clock::new(now, &settings);
        assert!(clock.stuck(|| now, &settings));
        assert!(!clock.stuck(|| now + seconds(3), &settings), "counted from the first moment");
        assert_eq!(clock.next(), now + seconds(5));
        clock.unstuck();
        assert_eq!(clock.due(now + seconds(5), true, &settings), Due::Nothing);
        clock.stuck(|| now + seconds(5), &settings);
        assert_eq!(clock.due(now + seconds(10), true, &settings), Due::Stuck);
    }
}
