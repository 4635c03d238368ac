//! How HTTP/2 is spoken with clients.

use super::scalar::size;
use super::table::TableReader;
use super::value::{boolean, integer};

const MOST_STREAMS: u32 = 10_000;

/// The keys of `[listener.NAME]` that are about HTTP/2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Http2Config {
    /// How many streams a connection may have open at a time.
    pub max_streams: u32,
    /// How many bytes of one request's body may be on their way.
    pub stream_window: u32,
    /// How many bytes of the bodies of all requests of a connection may be on their way.
    pub connection_window: u32,
}

impl Http2Config {
    /// `None` where HTTP/2 is not spoken.
    pub(super) fn read(table: &mut TableReader<'_, '_>) -> Option<Self> {
        let wanted = table.or("http2", true, boolean);
        let max_streams = table.or("max_streams", 100, integer(1, MOST_STREAMS));
        let stream_window = window(table, "stream_window", 256 << 10);
        let connection_window = window(table, "connection_window", 1 << 20);
        wanted.then_some(Self { max_streams, stream_window, connection_window })
    }
}

/// Less than 64 KiB cannot be asked for: HTTP/2 begins with that.
fn window(table: &mut TableReader<'_, '_>, key: &'static str, default: u64) -> u32 {
    let bytes = table.or(key, default, size(64 << 10..=1 << 30, "from \"64KiB\" to \"1GiB\""));
    u32::try_from(bytes).unwrap_or(u32::MAX)
}
