//! An error with all its causes, for the one place where it is logged.

use std::error::Error;
use std::fmt;

/// More causes than any honest chain has; a cycle would otherwise never end.
const DEEPEST: usize = 32;

/// Prints an error and its causes in one line: `outer: middle: inner`.
///
/// A cause whose text the one before already ends with is left out, since some crates repeat
/// their source in their own text.
pub struct Chain<'a>(
    /// The outermost error.
    pub &'a (dyn Error + 'a),
);

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut last = self.0.to_string();
        f.write_str(&last)?;
        let mut next = self.0.source();
        for _ in 0..DEEPEST {
            let Some(error) = next else { break };
            let text = error.to_string();
            if !last.ends_with(&text) {
                write!(f, ": {text}")?;
                last = text;
            }
            next = error.source();
        }
        Ok(())
    }
}

impl fmt::Debug for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{text}")]
    struct E {
        text: &'static str,
        source: Option<Box<E>>,
    }

    fn e(text: &'static str, source: Option<E>) -> E {
        E { text, source: source.map(Box::new) }
    }

    #[test]
    fn all_causes_are_named_once() {
        let error = e("load: no file", Some(e("no file", Some(e("gone", None)))));
        assert_eq!(Chain(&error).to_string(), "load: no file: gone");
    }
}
