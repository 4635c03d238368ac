use std::fmt;
use std::path::Path;
use std::sync::OnceLock;

use http::HeaderValue;

use super::active::{Active, Check, CheckError, Health};
use super::load::Load;
use super::passive::{Passive, now_ms};
use super::resolve::Names;

/// One address of an upstream.
#[derive(Debug)]
pub struct Endpoint {
    /// As the configuration writes it.
    pub url: Box<str>,
    /// Host name or IP literal (without brackets); `localhost` for a Unix socket.
    pub host: Box<str>,
    /// Whether it speaks TLS.
    pub https: bool,
    /// What stands before every request's path: escaped, without a slash at its end, empty where there is none.
    pub base_path: Box<str>,
    /// `host:port` as a `Host` field, for requests that bring none; `localhost` for a Unix socket.
    pub authority: HeaderValue,
    /// How it is reached.
    pub(super) way: Way,
    /// What its answers say of its health.
    pub(super) passive: Passive,
    /// What it answers when it is asked.
    pub(super) active: Active,
    /// Who asks it, once that has begun.
    pub(super) check: OnceLock<Check>,
    /// What it has to do.
    pub(super) load: Load,
}

/// How an endpoint is reached.
#[derive(Debug)]
pub(super) enum Way {
    /// By its host.
    Tcp {
        port: u16,
        /// What the host stands for, where that is a name.
        names: Names,
    },
    /// By the file of a Unix socket.
    Unix(Box<Path>),
}

impl Endpoint {
    pub(super) fn is_usable(&self) -> bool {
        self.active.get() != Health::Down && self.passive.is_usable(now_ms)
    }

    /// The checks of its upstream changed their mind about it.
    pub(super) fn checked(&self, upstream: &str, result: Result<(), CheckError>) {
        let was_down = self.active.get() == Health::Down;
        self.active.set(result.is_ok());
        match result {
            Ok(()) => {
                self.passive.forgive();
                if was_down {
                    self.load.warm_up(now_ms());
                }
                tracing::info!(upstream, endpoint = %self, "endpoint up");
            }
            Err(reason) => tracing::warn!(upstream, endpoint = %self, %reason, "endpoint down"),
        }
    }

    /// Whether it is its turn where it is usable.
    pub(super) fn is_free(&self) -> bool {
        !self.load.is_full() && self.load.takes_turn(now_ms)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.url)
    }
}
