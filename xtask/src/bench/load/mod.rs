//! Traffic: wrk, and h2load where it is HTTP/2 or a fixed rate.

mod h2load;
mod wrk;

use std::process::Command;

use anyhow::{Context as _, Result, bail};

use super::scenario::Scenario;
use super::server::pinned;
use super::site::{LOAD_CPU, Site};

pub(crate) use h2load::{requests, streams};
pub(crate) use wrk::run as connections;

/// Requests that are open at once, where no rate is given.
const CONCURRENCY: u32 = 64;

/// What came of it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Load {
    /// Answered with success.
    pub(crate) requests: u64,
    /// Not answered, or otherwise.
    pub(crate) errors: u64,
    /// How long requests took, where that is what was asked.
    pub(crate) latency: Option<Latency>,
}

/// How long requests took, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Latency {
    pub(crate) p50: f64,
    pub(crate) p99: f64,
}

/// Sends the scenario's traffic for so many seconds; `rate` requests in each, where one is given.
pub(crate) fn run(site: &Site, scenario: Scenario, seconds: u32, rate: Option<f64>) -> Result<Load> {
    if let Some(rate) = rate {
        return h2load::at_rate(site, seconds, rate);
    }
    match scenario {
        Scenario::Plain | Scenario::Logic => wrk::run(site, "", &[], seconds),
        Scenario::Big => wrk::run(site, "big", &[], seconds),
        Scenario::Close => wrk::run(site, "", &["-H", "Connection: close"], seconds),
        Scenario::Http2 => h2load::streams(site, seconds),
        Scenario::Latency => h2load::connections(site, seconds),
    }
}

/// Requests in a second that the proxy answers at most, over HTTP/1.1.
pub(crate) fn peak(site: &Site, seconds: u32) -> Result<f64> {
    let load = h2load::connections(site, seconds)?;
    Ok(load.requests as f64 / f64::from(seconds))
}

/// That what makes it is here.
pub(crate) fn check_tools() -> Result<()> {
    for (tool, about) in
        [("wrk", "-v"), ("h2load", "--version"), ("taskset", "--version"), ("setpriv", "--version")]
    {
        let found = Command::new(tool).arg(about).output();
        found.with_context(|| format!("{tool} is not here (Debian: wrk, nghttp2-client, util-linux)"))?;
    }
    Ok(())
}

/// Runs a load generator beside the proxy, on the other processor.
fn output(command: &Command) -> Result<String> {
    let output = pinned(LOAD_CPU, command).output()?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        bail!("{:?} failed: {said}{}", command.get_program(), String::from_utf8_lossy(&output.stderr));
    }
    Ok(said)
}

/// The whole number that ends right before `behind`.
fn number_before(text: &str, behind: &str) -> Option<u64> {
    let (before, _) = text.split_once(behind)?;
    before.rsplit(|letter: char| !letter.is_ascii_digit()).next()?.parse().ok()
}

/// The whole number that begins right after `before`.
fn number_after(text: &str, before: &str) -> Option<u64> {
    let (_, behind) = text.split_once(before)?;
    behind.split(|letter: char| !letter.is_ascii_digit()).next()?.parse().ok()
}
