//! Lines in the gateway's log, under the plugin's name.
//!
//! ```
//! use gatewright_sdk::prelude::*;
//! log::info!("{} keys", 3);
//! ```
//!
//! Where the level is off nothing is formatted.

use std::fmt;

pub use gatewright_abi::Level;

use crate::host;

/// Whether a line of this level would be written.
#[must_use]
pub fn enabled(level: Level) -> bool {
    host::log_enabled(level)
}

/// Writes a line, if lines of its level are written.
pub fn write(level: Level, line: fmt::Arguments<'_>) {
    match line.as_str() {
        // Nothing to format: the gateway finds out by itself whether it wants the line.
        Some(line) => host::log(level, line.as_bytes()),
        None if enabled(level) => host::log(level, line.to_string().as_bytes()),
        None => {}
    }
}

/// Logs that something failed; takes what `format!` takes.
#[macro_export]
#[doc(hidden)]
macro_rules! __error {
    ($($line:tt)+) => { $crate::log::write($crate::log::Level::Error, ::core::format_args!($($line)+)) };
}

/// Logs that something looks wrong; takes what `format!` takes.
#[macro_export]
#[doc(hidden)]
macro_rules! __warn {
    ($($line:tt)+) => { $crate::log::write($crate::log::Level::Warn, ::core::format_args!($($line)+)) };
}

/// Logs something worth knowing; takes what `format!` takes.
#[macro_export]
#[doc(hidden)]
macro_rules! __info {
    ($($line:tt)+) => { $crate::log::write($crate::log::Level::Info, ::core::format_args!($($line)+)) };
}

/// Logs something for whoever looks for a fault; takes what `format!` takes.
#[macro_export]
#[doc(hidden)]
macro_rules! __debug {
    ($($line:tt)+) => { $crate::log::write($crate::log::Level::Debug, ::core::format_args!($($line)+)) };
}

/// Logs a step; takes what `format!` takes.
#[macro_export]
#[doc(hidden)]
macro_rules! __trace {
    ($($line:tt)+) => { $crate::log::write($crate::log::Level::Trace, ::core::format_args!($($line)+)) };
}

#[doc(inline)]
pub use crate::{__debug as debug, __error as error, __info as info, __trace as trace, __warn as warn};
