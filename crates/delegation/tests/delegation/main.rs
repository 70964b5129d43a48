//! Delegated tokens from outside.

mod hostile;
mod support;
mod tokens;
