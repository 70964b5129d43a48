//! What a reload would change, what it cannot change, and what stands in its way.
//!
//! The last of these is where reloads fail silently elsewhere: a value is edited in a file, the
//! server is told to reload, and nothing happens because a flag or a variable overrides the file.

use std::fmt;

use figment::value::Value;

use super::load::{Mode, Resolved, load, resolve, settings_of};
use super::place::{Place, Problems};
use super::settings::{Settings, kept};
use super::show::shown;
use super::sources::Sources;
use super::table::{OptionRow, Reload};

/// A value that differs from the running one. Secrets are stars.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Change {
    /// The option.
    pub key: &'static str,
    /// The running value.
    pub old: String,
    /// The new value.
    pub new: String,
    /// Where the new value stands.
    pub place: Place,
}

/// A value that was changed in a file without effect.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Overridden {
    /// The option.
    pub key: &'static str,
    /// What the file says now.
    pub in_file: String,
    /// Where the file says it; [`Place::Default`] when it no longer does.
    pub file: Place,
    /// What overrides it.
    pub by: Place,
}

/// What a reload did, value by value.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ReloadReport {
    /// In effect now.
    pub applied: Vec<Change>,
    /// In effect after the next start.
    pub needs_restart: Vec<Change>,
    /// Never in effect as long as a flag or variable says otherwise.
    pub overridden: Vec<Overridden>,
}

impl ReloadReport {
    /// Whether nothing is different.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.applied.is_empty() && self.needs_restart.is_empty() && self.overridden.is_empty()
    }

    /// Writes the report to the log, a line per value.
    pub fn log(&self) {
        if self.is_empty() {
            tracing::info!("configuration reloaded, nothing is different");
        }
        for change in &self.applied {
            let Change { key, old, new, place } = change;
            tracing::info!(option = key, %old, %new, %place, "configuration changed");
        }
        for change in &self.needs_restart {
            let Change { key, old, new, place } = change;
            tracing::warn!(option = key, running = %old, configured = %new, %place, "configuration change needs a restart");
        }
        for Overridden { key, in_file, file, by } in &self.overridden {
            tracing::warn!(option = key, %in_file, %file, %by, "configuration change is overridden");
        }
    }
}

impl fmt::Display for ReloadReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in &self.applied {
            writeln!(f, "changed: {}: {} -> {} ({})", c.key, c.old, c.new, c.place)?;
        }
        for c in &self.needs_restart {
            writeln!(f, "needs a restart: {}: {} -> {} ({})", c.key, c.old, c.new, c.place)?;
        }
        for o in &self.overridden {
            writeln!(f, "overridden by {}: {}: {} ({})", o.by, o.key, o.in_file, o.file)?;
        }
        Ok(())
    }
}

/// The outcome of a reload.
#[derive(Clone, PartialEq, Debug)]
pub struct Reloaded {
    /// What the server runs with from now on: the new values, but the running ones of what needs
    /// a restart, so that the next reload still tells about them.
    pub settings: Settings,
    /// What happened.
    pub report: ReloadReport,
}

/// Compares what the server runs with, and was loaded from `before`, with what the sources say
/// `now`. Changes nothing by itself.
///
/// # Errors
/// Everything that is wrong with the new configuration; then nothing of it may be applied.
pub fn reload(running: &Settings, before: &Sources, now: &Sources) -> Result<Reloaded, Problems> {
    let new = load(now, Mode::Serve)?;
    let (before, _) = resolve(before, Mode::Serve);
    let (old, mut merged) = (running.all_values(), new.settings.all_values());
    let mut report = ReloadReport::default();
    for row in kept() {
        let (was, is) = (old.get(row.key), merged.get(row.key).cloned());
        if was != is.as_ref() {
            let change = Change {
                key: row.key,
                old: seen(row, was),
                new: seen(row, is.as_ref()),
                place: new.resolved.place(row.key),
            };
            match row.reload {
                Reload::Live => report.applied.push(change),
                Reload::Restart => {
                    report.needs_restart.push(change);
                    match was {
                        Some(value) => merged.insert(row.key, value.clone()),
                        None => merged.remove(row.key),
                    };
                }
            }
        }
        report.overridden.extend(overridden(row, &before, &new.resolved));
    }
    // Each value is from one of two configurations that were valid, so settings can be made.
    let settings = settings_of(merged).unwrap_or_else(|| running.clone());
    Ok(Reloaded { settings, report })
}

fn seen(row: &OptionRow, value: Option<&Value>) -> String {
    value.map_or_else(|| "(not set)".to_owned(), |value| shown(row.kind, value))
}

/// A value that is another in the files than before, and that something above them hides.
fn overridden(row: &'static OptionRow, before: &Resolved, now: &Resolved) -> Option<Overridden> {
    let (was, is) = (before.in_files.get(row.key), now.in_files.get(row.key));
    let by = now.place(row.key);
    let above = match by {
        Place::Env { .. } | Place::EnvFile { .. } | Place::Flag { .. } | Place::Dev => true,
        Place::Default | Place::File { .. } => false,
    };
    let same = was.map(|entry| &entry.value) == is.map(|entry| &entry.value);
    (above && !same).then(|| Overridden {
        key: row.key,
        in_file: seen(row, is.map(|entry| &entry.value)),
        file: is.map_or(Place::Default, |entry| entry.place.clone()),
        by,
    })
}

#[cfg(test)]
#[path = "reload_tests.rs"]
mod tests;
