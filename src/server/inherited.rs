//! Listening sockets that pass from one process to the next.

use std::io::{self, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::process::{Child, Command};

use socket2::{SockRef, Socket};

use super::listener::Listener;
use crate::socket::{Address, SocketFile};

/// Tells a gateway what it inherits: `PARENT READY [NAME=SOCKET…]`, a process id and file descriptors. A name stands there
/// once for each socket of that listener.
const VARIABLE: &str = "GATEWRIGHT_INHERIT";

/// The name of the admin listener's socket, which no listener of clients can have.
pub const ADMIN: &str = "@admin";

/// What the process before this one handed over.
#[derive(Debug, Default)]
pub struct Inherited {
    sockets: Vec<(String, Socket)>,
    ready: Option<UnixStream>,
}

impl Inherited {
    /// Takes what was handed over to this process; nothing where it was started by hand. To be called once.
    #[must_use]
    pub fn take() -> Self {
        let text = std::env::var(VARIABLE).unwrap_or_default();
        let Some((ready, sockets)) = parse(&text) else { return Self::default() };
        let ready = UnixStream::from(adopt(ready));
        let sockets = sockets.into_iter().map(|(name, socket)| (name, Socket::from(adopt(socket))));
        Self { sockets: sockets.collect(), ready: Some(ready) }
    }

    /// The sockets that `listener` can go on with.
    pub(super) fn sockets_of(&mut self, listener: &Listener) -> Vec<Socket> {
        self.extract(|name, local| match listener.address.port() {
            Some(0) => name == listener.name,
            _ => name != ADMIN && *local == listener.address,
        })
    }

    /// The admin listener's socket, where it is at this address.
    #[must_use]
    pub fn admin(&mut self, address: SocketAddr) -> Option<TcpListener> {
        let wanted = Address::Ip(address);
        let mut found =
            self.extract(|name, local| name == ADMIN && (address.port() == 0 || *local == wanted));
        found.pop().map(TcpListener::from)
    }

    fn extract(&mut self, wanted: impl Fn(&str, &Address) -> bool) -> Vec<Socket> {
        let is_wanted = |(name, socket): &mut (String, Socket)| {
            Address::of(socket).is_ok_and(|local| wanted(name, &local))
        };
        self.sockets.extract_if(.., is_wanted).map(|(_, socket)| socket).collect()
    }

    /// Tells the process before this one that it can go. Sockets that nobody wanted are closed, and their files removed.
    pub fn ready(self) {
        for (_, socket) in &self.sockets {
            if let Ok(Address::Unix(path)) = Address::of(socket) {
                drop(SocketFile::of(&path));
            }
        }
        if let Some(mut ready) = self.ready {
            // One that is gone already need not be told.
            let _ = ready.write_all(b"1");
        }
    }
}

/// `None` where the text is not meant for this process.
fn parse(text: &str) -> Option<(RawFd, Vec<(String, RawFd)>)> {
    let mut words = text.split(' ');
    let parent: u32 = words.next()?.parse().ok()?;
    if parent != std::os::unix::process::parent_id() {
        return None;
    }
    let ready = words.next()?.parse().ok()?;
    let socket = |word: &str| {
        let (name, number) = word.split_once('=')?;
        Some((name.to_owned(), number.parse().ok()?))
    };
    Some((ready, words.map(socket).collect::<Option<_>>()?))
}

#[expect(unsafe_code, reason = "a number is all that comes through an environment")]
fn adopt(number: RawFd) -> OwnedFd {
    // SAFETY: the parent, whose id was checked, left these open for this process and nothing else in it; they are taken
    // once, before anything else is opened.
    let owned = unsafe { OwnedFd::from_raw_fd(number) };
    // What this process starts is none of theirs.
    let _ = SockRef::from(&owned).set_cloexec(true);
    owned
}

/// Starts `command` with these sockets. The stream ends when the process does, or says a byte when it is ready.
///
/// # Errors
/// Where the process cannot be started.
pub fn start_with(mut command: Command, sockets: &[(String, Socket)]) -> io::Result<(Child, UnixStream)> {
    let (ours, theirs) = UnixStream::pair()?;
    let mut text = format!("{} {}", std::process::id(), theirs.as_raw_fd());
    for (name, socket) in sockets {
        text.push_str(&format!(" {name}={}", socket.as_raw_fd()));
    }
    let all = || sockets.iter().map(|(_, socket)| socket.as_fd()).chain([theirs.as_fd()]);
    let inherit = |inherit: bool| {
        let mut all = all();
        all.try_for_each(|socket| SockRef::from(&socket).set_cloexec(!inherit))
    };
    // Nothing else is started by this process, so nothing else inherits them meanwhile.
    let child = inherit(true).and_then(|()| command.env(VARIABLE, text).spawn());
    inherit(false)?;
    Ok((child?, ours))
}
