use std::fmt;
use std::net::{AddrParseError, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// What the address of a Unix socket begins with.
const UNIX: &str = "unix:";

/// Where a listener is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// An IP address and a port.
    Ip(SocketAddr),
    /// The file of a Unix socket.
    Unix(PathBuf),
}

impl Address {
    /// The port, where there are ports.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        match self {
            Self::Ip(address) => Some(address.port()),
            Self::Unix(_) => None,
        }
    }

    /// The address that a socket has.
    ///
    /// # Errors
    /// Where it has none of these kinds.
    pub fn of(socket: &socket2::Socket) -> std::io::Result<Self> {
        let local = socket.local_addr()?;
        let ip = local.as_socket().map(Self::Ip);
        let found = ip.or_else(|| Some(Self::Unix(local.as_pathname()?.to_owned())));
        found.ok_or_else(|| std::io::ErrorKind::AddrNotAvailable.into())
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(address) => address.fmt(f),
            Self::Unix(file) => write!(f, "{UNIX}{}", file.display()),
        }
    }
}

impl FromStr for Address {
    type Err = AddrParseError;

    fn from_str(text: &str) -> Result<Self, AddrParseError> {
        match text.strip_prefix(UNIX) {
            Some(file) => Ok(Self::Unix(file.into())),
            None => text.parse().map(Self::Ip),
        }
    }
}

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
