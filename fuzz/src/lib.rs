//! What must hold whatever comes in, a module for each fuzz target. The gateway's own tests feed the corpus to the same
//! functions.

pub mod config;
pub mod guard;
pub mod memory;
pub mod route;
pub mod url;
