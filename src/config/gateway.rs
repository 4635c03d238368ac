//! `[gateway]` and `[admin]`: the process as a whole.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::diagnostics::Problems;
use super::scalar::{address, choice, duration};
use super::source::Spanned;
use super::table::TableReader;
use super::value::{Value, boolean, integer, spanned, text};

/// More threads than any machine has cores; a slip of the keyboard should not start a million.
const MOST_WORKERS: u32 = 1024;

/// `[gateway]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatewayConfig {
    /// How many worker threads; 0 is one for each core.
    pub workers: usize,
    /// Where to write the process id.
    pub pid_file: Option<PathBuf>,
    /// How long open exchanges may take at a stop.
    pub drain: Duration,
    /// What is logged, and how.
    pub log: LogConfig,
}

impl Default for GatewayConfig {
    fn default() -> Self {
        Self { workers: 0, pid_file: None, drain: Duration::from_secs(30), log: LogConfig::default() }
    }
}

impl GatewayConfig {
    pub(super) fn read(value: &Value<'_>, folder: &Path, problems: &mut Problems) -> Option<Self> {
        let default = Self::default();
        let mut table = TableReader::open(value, "a table, [gateway]", problems)?;
        let workers = table.or("workers", 0, integer(0, MOST_WORKERS));
        let config = Self {
            workers: usize::try_from(workers).unwrap_or(0),
            pid_file: table.optional("pid_file", |value, problems| path(value, folder, problems)),
            drain: table.or("drain", default.drain, duration),
            log: table.or("log", default.log, LogConfig::read),
        };
        table.finish();
        Some(config)
    }
}

/// `gateway.log`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogConfig {
    /// The least important level that is written.
    pub level: Level,
    /// Text for people or JSON for machines.
    pub format: LogFormat,
    /// Whether each exchange gets a line.
    pub access: bool,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self { level: Level::Info, format: LogFormat::Text, access: true }
    }
}

impl LogConfig {
    fn read(value: &Value<'_>, problems: &mut Problems) -> Option<Self> {
        let default = Self::default();
        let mut table = TableReader::open(value, "a table such as { level = \"info\" }", problems)?;
        let config = Self {
            level: table.or("level", default.level, choice(Level::WORDS)),
            format: table.or("format", default.format, choice(LogFormat::WORDS)),
            access: table.or("access", default.access, boolean),
        };
        table.finish();
        Some(config)
    }
}

/// How important a log line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Something failed.
    Error,
    /// Something is off but was dealt with.
    Warn,
    /// What an operator wants to know.
    Info,
    /// What a developer wants to know.
    Debug,
    /// Everything.
    Trace,
}

impl Level {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("error", Self::Error),
        ("warn", Self::Warn),
        ("info", Self::Info),
        ("debug", Self::Debug),
        ("trace", Self::Trace),
    ];

    /// The word the file uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

impl LogFormat {
    const WORDS: &'static [(&'static str, Self)] = &[("text", Self::Text), ("json", Self::Json)];
}

/// `[admin]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdminConfig {
    /// Where the admin listener listens.
    pub listen: Spanned<SocketAddr>,
}

impl AdminConfig {
    pub(super) fn read(value: &Value<'_>, problems: &mut Problems) -> Option<Self> {
        let mut table = TableReader::open(value, "a table, [admin]", problems)?;
        let listen = table.required("listen", "listen = \"127.0.0.1:9901\"", spanned(address));
        table.finish();
        Some(Self { listen: listen? })
    }
}

/// Reads a path; a relative one is relative to the folder of the file.
pub(super) fn path(value: &Value<'_>, folder: &Path, problems: &mut Problems) -> Option<PathBuf> {
    let wanted = "a path such as \"folder/file\"";
    let written = text(value, wanted, problems)?;
    if written.is_empty() || written.contains('\0') {
        value.expected(problems, wanted);
        return None;
    }
    Some(folder.join(written))
}
