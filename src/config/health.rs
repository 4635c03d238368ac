//! `health`: how an upstream's endpoints are asked how they are.

use std::ops::RangeInclusive;
use std::time::Duration;

use http::HeaderValue;
use http::uri::PathAndQuery;

use super::diagnostics::Problems;
use super::scalar::timeout;
use super::table::TableReader;
use super::upstream::read_host;
use super::value::{Value, boolean, integer, text};

const MOST_STREAK: u32 = 1000;
const PATH: &str = "a path such as \"/healthz\"";
const STATUS: &str = "a status such as \"200\" or a range such as \"200-399\"";

/// `health = { … }`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthConfig {
    /// What is asked.
    pub probe: Probe,
    /// From one question to the next.
    pub interval: Duration,
    /// How long the answer may take, the connection included.
    pub timeout: Duration,
    /// How many good answers in a row bring an endpoint back.
    pub rise: u32,
    /// How many bad ones take it out.
    pub fall: u32,
}

/// What an endpoint is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Probe {
    /// Whether it accepts a connection.
    Tcp,
    /// `GET path`.
    Http {
        /// The whole path; the endpoint's own base path does not go before it.
        path: PathAndQuery,
        /// The `Host`; none for the upstream's, or else the endpoint's own.
        host: Option<HeaderValue>,
        /// The good answers.
        status: RangeInclusive<u16>,
    },
}

impl HealthConfig {
    pub(super) fn read(value: &Value<'_>, problems: &mut Problems) -> Option<Self> {
        let mut table = TableReader::open(value, "a table such as { path = \"/healthz\" }", problems)?;
        let probe = read_probe(value, &mut table);
        let interval = table.or("interval", Duration::from_secs(2), timeout);
        let timeout = table.or("timeout", Duration::from_secs(1), timeout);
        let rise = table.or("rise", 2, integer(1, MOST_STREAK));
        let fall = table.or("fall", 3, integer(1, MOST_STREAK));
        table.finish();
        Some(Self { probe: probe?, interval, timeout, rise, fall })
    }
}

fn read_probe(value: &Value<'_>, table: &mut TableReader<'_, '_>) -> Option<Probe> {
    let path = table.optional("path", read_path);
    let tcp = table.or("tcp", false, boolean);
    let host = table.optional("host", read_host);
    let status = table.or("status", 200..=399, read_status);
    if tcp {
        let idle = ["path", "host", "status"].into_iter().find(|key| table.has(key));
        if let Some(key) = idle {
            value
                .mistake(table.problems, format!("`{key}` has no meaning beside `tcp`"))
                .help("a TCP check only connects; leave out `tcp` for a check by HTTP");
        }
        return Some(Probe::Tcp);
    }
    if !table.has("path") {
        value.mistake(table.problems, "nothing to ask").help("add path = \"/healthz\", or tcp = true");
    }
    Some(Probe::Http { path: path?, host, status })
}

fn read_path(value: &Value<'_>, problems: &mut Problems) -> Option<PathAndQuery> {
    let written = text(value, PATH, problems)?;
    let path = written.starts_with('/').then(|| PathAndQuery::try_from(written).ok()).flatten();
    let path = path.filter(|_| !written.contains('#'));
    if path.is_none() {
        value.mistake(problems, format!("invalid path {written:?}")).help("\"/healthz\", \"/status?full=1\"");
    }
    path
}

fn read_status(value: &Value<'_>, problems: &mut Problems) -> Option<RangeInclusive<u16>> {
    let written = text(value, STATUS, problems)?;
    let (from, to) = written.split_once('-').unwrap_or((written, written));
    let range = status(from).zip(status(to)).filter(|(from, to)| from <= to);
    if range.is_none() {
        value
            .mistake(problems, format!("invalid status {written:?}"))
            .help("from 100 to 599, the lower one first: \"200\", \"200-399\"");
    }
    range.map(|(from, to)| from..=to)
}

fn status(digits: &str) -> Option<u16> {
    let all = digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|status| all && (100..=599).contains(status))
}
