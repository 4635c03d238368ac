use std::process::Command;

use anyhow::{Context as _, Result};

use super::super::probe::USER;
use super::super::site::Site;
use super::{CONCURRENCY, Load, number_after, number_before, output};

/// As many requests as go, one after the other on each connection.
pub(crate) fn run(site: &Site, path: &str, options: &[&str], seconds: u32) -> Result<Load> {
    let mut command = Command::new("wrk");
    command.args(["-t1", &format!("-c{CONCURRENCY}"), &format!("-d{seconds}s"), "-H", USER]).args(options);
    command.arg(site.url(path));
    let said = output(&command)?;
    parse(&said).with_context(|| format!("wrk said something new: {said}"))
}

fn parse(said: &str) -> Option<Load> {
    let failed = ["connect ", "read ", "write ", "timeout "];
    let socket_errors = said.split_once("Socket errors:").map_or("", |(_, errors)| errors);
    let errors: u64 = failed.iter().filter_map(|kind| number_after(socket_errors, kind)).sum();
    let refused = number_after(said, "Non-2xx or 3xx responses: ").unwrap_or(0);
    let answered = number_before(said, " requests in ")?;
    Some(Load { requests: answered.saturating_sub(refused), errors: errors + refused, latency: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_and_errors_are_read() {
        let said = "Running 1s test @ http://127.0.0.1:1/\n  1 threads and 8 connections\n  \
                    37001 requests in 1.00s, 5.36MB read\nRequests/sec:  36882.46\n";
        assert_eq!(parse(said), Some(Load { requests: 37001, errors: 0, latency: None }));
        let said = "  100 requests in 1.00s, 5.36MB read\n  Socket errors: connect 1, read 20, write 0, timeout 3\n  \
                    Non-2xx or 3xx responses: 40\n";
        assert_eq!(parse(said), Some(Load { requests: 60, errors: 64, latency: None }));
        assert_eq!(parse("unable to connect"), None);
    }
}
