//! `[upstream.NAME]` with `files`: a folder in the place of endpoints.

use std::path::{Path, PathBuf};

use super::gateway::path;
use super::source::Spanned;
use super::table::TableReader;
use super::value::{boolean, spanned};

/// What says how endpoints are picked and asked, and says nothing of files.
const OF_ENDPOINTS: [&str; 28] = [
    "endpoints",
    "name_servers",
    "balance",
    "hash_key",
    "host",
    "max_fails",
    "fail_timeout",
    "max_fail_timeout",
    "slow_start",
    "max_in_flight",
    "endpoint_max_in_flight",
    "max_pending",
    "pending_timeout",
    "health",
    "panic",
    "connect_timeout",
    "response_timeout",
    "per_try_timeout",
    "body_timeout",
    "retries",
    "retry_budget",
    "idle_timeout",
    "max_idle",
    "max_response_head",
    "max_response_headers",
    "proxy_protocol",
    "protocol",
    "tls",
];

/// An upstream that answers from a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilesConfig {
    /// The name, and where the section is.
    pub name: Spanned<String>,
    /// Where the files are.
    pub folder: Spanned<PathBuf>,
    /// Whether symbolic links may lead out of the folder.
    pub follow_symlinks: bool,
}

impl FilesConfig {
    pub(super) fn read(name: Spanned<String>, mut table: TableReader<'_, '_>, base: &Path) -> Option<Self> {
        let line = table.take("files").map(|value| table.problems.line_of(value.span));
        for key in OF_ENDPOINTS {
            if let (Some(value), Some(line)) = (table.take(key), line) {
                value
                    .mistake(
                        table.problems,
                        format!("`{key}` is for endpoints, and `files` on line {line} has none"),
                    )
                    .help("an upstream has endpoints or files: make two of it, or leave one out");
            }
        }
        let folder = table.optional("files", spanned(|value, problems| path(value, base, problems)));
        let follow_symlinks = table.or("follow_symlinks", false, boolean);
        table.finish();
        Some(Self { name, folder: folder?, follow_symlinks })
    }
}
