//! The steps, as the build script found them.

/// One step.
pub(crate) struct Step {
    /// Its name, which begins with its number.
    pub(crate) id: &'static str,
    /// An extension without which it is left out.
    pub(crate) needs: Option<&'static str>,
    pub(crate) up: &'static str,
    pub(crate) down: &'static str,
}

impl Step {
    /// Whether a database is complete without it.
    pub(crate) fn is_optional(&self) -> bool {
        self.needs.is_some()
    }

    /// Whether it makes the tables that Nakama knows, too.
    pub(crate) fn makes_public_tables(&self) -> bool {
        self.id == STEPS[0].id
    }
}

include!(concat!(env!("OUT_DIR"), "/steps.rs"));
