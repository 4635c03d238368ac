use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use super::super::probe::USER;
use super::super::site::Site;
use super::{CONCURRENCY, Latency, Load, number_before, output};

/// Requests in a second on one connection, where a rate is asked for. h2load looks at the time every 10 ms, and makes up
/// in one go for what is due: below 100 it is never more than one request. It is no divisor of anything, so that
/// connections do not fall into step.
const EACH: f64 = 97.3;
/// Milliseconds between the begins of two connections.
const APART: u32 = 3;

/// As many requests as go, over HTTP/2: 8 connections with 8 streams each.
pub(crate) fn streams(site: &Site, seconds: u32) -> Result<Load> {
    run(site, &["-t1", "-c8", &format!("-m{}", CONCURRENCY / 8), &format!("-D{seconds}")])
}

/// As many requests as go, over HTTP/1.1.
pub(super) fn connections(site: &Site, seconds: u32) -> Result<Load> {
    run(site, &["--h1", "-t1", &format!("-c{CONCURRENCY}"), &format!("-D{seconds}")])
}

/// This many requests, over HTTP/1.1.
pub(crate) fn requests(site: &Site, requests: u32) -> Result<Load> {
    run(site, &["--h1", "-t1", "-c8", &format!("-n{requests}")])
}

/// So many requests in a second, whether or not the proxy keeps up: connections that each send at their own time. What
/// is sent in the first second, or while connections are still being opened, is left out of the latency.
pub(super) fn at_rate(site: &Site, seconds: u32, rate: f64) -> Result<Load> {
    let connections = (rate / EACH).round().max(1.0);
    let warm_up = (connections * f64::from(APART) / 1000.0).max(1.0);
    let requests = (connections * EACH * (f64::from(seconds) + warm_up)).round();
    let log = site.folder.join("latency");
    // h2load would add to it.
    let _ = fs::remove_file(&log);
    let mut load = run(
        site,
        &[
            "--h1",
            "-t1",
            &format!("-c{connections}"),
            &format!("-n{requests}"),
            &format!("--rps={EACH}"),
            "-r1",
            &format!("--rate-period={APART}ms"),
            &format!("--log-file={}", log.display()),
        ],
    )?;
    load.latency = Some(latency(&log, warm_up, f64::from(seconds))?);
    Ok(load)
}

fn run(site: &Site, options: &[&str]) -> Result<Load> {
    let mut command = Command::new("h2load");
    command.args(options).args(["-H", USER]).arg(site.url(""));
    let said = output(&command)?;
    parse(&said).with_context(|| format!("h2load said something new: {said}"))
}

fn parse(said: &str) -> Option<Load> {
    let requests = number_before(said, " succeeded")?;
    Some(Load { requests, errors: number_before(said, " failed")?, latency: None })
}

/// Of the requests that began in the `seconds` after the warm-up.
fn latency(log: &Path, warm_up: f64, seconds: f64) -> Result<Latency> {
    latency_in(&fs::read_to_string(log)?, warm_up, seconds)
}

/// A line is: begin in µs, status, µs until the end.
fn latency_in(text: &str, warm_up: f64, seconds: f64) -> Result<Latency> {
    let requests = text.lines().filter_map(|line| {
        let mut columns = line.split('\t').map(str::parse::<f64>);
        Some((columns.next()?.ok()?, columns.nth(1)?.ok()?))
    });
    let requests: Vec<_> = requests.collect();
    let first = requests.iter().map(|(begin, _)| *begin).fold(f64::INFINITY, f64::min);
    let measured = (warm_up * 1e6)..((warm_up + seconds) * 1e6);
    let inside = requests.into_iter().filter(|(begin, _)| measured.contains(&(begin - first)));
    let mut took: Vec<_> = inside.map(|(_, took)| took).collect();
    ensure!(!took.is_empty(), "h2load measured no request");
    took.sort_by(f64::total_cmp);
    let share = |percent: usize| took.get(took.len() * percent / 100).map_or(0.0, |took| took / 1000.0);
    Ok(Latency { p50: share(50), p99: share(99) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_and_errors_are_read() {
        let said = "finished in 2.00s, 1600.00 req/s, 237.50KB/s\nrequests: 3200 total, 3216 started, 3200 done, \
                    3190 succeeded, 10 failed, 0 errored, 0 timeout\nstatus codes: 3200 2xx, 0 3xx, 0 4xx, 0 5xx\n";
        assert_eq!(parse(said), Some(Load { requests: 3190, errors: 10, latency: None }));
    }

    #[test]
    fn latency_is_of_what_began_between_warm_up_and_end() {
        let mut log = String::from("5000000\t200\t90000\n");
        for request in 0..200 {
            log.push_str(&format!("{}\t200\t{}\n", 6_000_000 + request * 10_000, request * 10));
        }
        log.push_str("9000000\t200\t90000\n");
        assert_eq!(latency_in(&log, 1.0, 2.0).unwrap(), Latency { p50: 1.0, p99: 1.98 });
        assert!(latency_in(&log, 10.0, 2.0).is_err());
    }
}
