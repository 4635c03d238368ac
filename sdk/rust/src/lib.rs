//! Write Gatewright plugins in Rust.
