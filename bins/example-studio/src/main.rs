//! example-studio
fn main() {}
