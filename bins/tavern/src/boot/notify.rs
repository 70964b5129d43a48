//! Telling systemd how far the server is.

use sd_notify::NotifyState;
use tavern_domain::Lifecycle;

/// The server answers clients. Without systemd, nothing happens.
pub(super) fn ready() {
    send(&[NotifyState::Ready]);
}

/// The server stops.
pub(super) fn stopping() {
    send(&[NotifyState::Stopping]);
}

fn send(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!(%error, "systemd was not told");
    }
}

/// Tells systemd again and again that the server lives, if the unit asks for it. It is sent from
/// the same threads that serve clients, so a server whose threads hang is restarted.
pub(super) fn keep_watchdog_quiet(life: &Lifecycle) {
    let Some(limit) = sd_notify::watchdog_enabled() else { return };
    let stop = life.abort().clone();
    drop(life.spawn(async move {
        let mut ticks = tokio::time::interval(limit / 3);
        loop {
            tokio::select! {
                _ = ticks.tick() => send(&[NotifyState::Watchdog]),
                () = stop.cancelled() => return,
            }
        }
    }));
}
