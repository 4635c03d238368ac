//! What the figures were measured on and with.

use std::fs;

use anyhow::{Context as _, Result};

use crate::step::said;

/// The day, in UTC.
pub(crate) fn date() -> Result<String> {
    said("date", &["-u", "+%Y-%m-%d"])
}

/// The commit that is checked out; `-dirty` behind it where something is changed.
pub(crate) fn commit() -> Result<String> {
    said("git", &["describe", "--always", "--dirty", "--exclude", "*", "--abbrev=12"])
}

/// The compiler's version.
pub(crate) fn rustc() -> Result<String> {
    let about = said("rustc", &["--version"])?;
    about.split_whitespace().nth(1).map(str::to_owned).context("rustc does not tell its version")
}

/// Processors and kernel.
pub(crate) fn describe() -> String {
    let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let models = || cpus.lines().filter_map(|line| line.strip_prefix("model name"));
    let model = models().next().unwrap_or_default().trim_start_matches([' ', '\t', ':']);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    // What follows the numbers is the builder's own.
    let kernel = kernel.trim().split('-').next().unwrap_or_default();
    format!("{} × {model}, {}, Linux {kernel}", models().count(), std::env::consts::ARCH)
}
