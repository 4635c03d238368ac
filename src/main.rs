//! Gatewright.
fn main() {}
