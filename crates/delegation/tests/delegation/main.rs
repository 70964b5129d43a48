//! Delegated tokens from outside.

#[cfg(test)]
mod hostile;
#[cfg(test)]
mod support;
#[cfg(test)]
mod tokens;
