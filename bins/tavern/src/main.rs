//! tavern
fn main() {}
