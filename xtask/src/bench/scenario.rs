//! What is asked of every proxy.

use anyhow::{Context as _, Result};

/// One kind of traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scenario {
    /// Bodies of 1 KiB over connections that stay.
    Plain,
    /// The same, with header fields read and set on the way.
    Logic,
    /// Bodies of 100 KiB.
    Big,
    /// Clients that speak HTTP/2 in clear.
    Http2,
    /// A new connection for each request.
    Close,
    /// A fixed rate that leaves everybody time to spare: how long requests take.
    Latency,
}

/// What a proxy is configured for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Task {
    /// Whether it does the header logic: `x-gw-user` from `x-user`, `x-gw: bench`, and `x-gw-resp: 1` on the response.
    pub(crate) logic: bool,
    /// Whether its clients speak HTTP/2.
    pub(crate) http2: bool,
}

impl Scenario {
    pub(crate) const ALL: [Self; 6] =
        [Self::Plain, Self::Logic, Self::Big, Self::Http2, Self::Close, Self::Latency];

    /// As the command line and the stored runs have it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Logic => "logic",
            Self::Big => "big",
            Self::Http2 => "h2",
            Self::Close => "close",
            Self::Latency => "latency",
        }
    }

    /// As the table and the picture have it.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Plain => "plain: 1 KiB, connections stay",
            Self::Logic => "header logic: 1 field read, 3 set",
            Self::Big => "big: 100 KiB",
            Self::Http2 => "h2: HTTP/2 clients",
            Self::Close => "close: a connection per request",
            Self::Latency => "latency",
        }
    }

    pub(crate) fn parse(name: &str) -> Result<Self> {
        let names = || Self::ALL.map(Self::name).join(", ");
        let found = Self::ALL.into_iter().find(|scenario| scenario.name() == name);
        found.with_context(|| format!("there is no scenario {name:?}; there are {}", names()))
    }

    pub(crate) fn task(self) -> Task {
        Task { logic: self == Self::Logic, http2: self == Self::Http2 }
    }
}
