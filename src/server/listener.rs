use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use socket2::{Domain, Protocol, SockFilter, Socket, Type};

use super::connection::Protocols;
use super::crowd::Crowd;
use super::inherited::Inherited;
use crate::proxy::{Patience, Trust};
use crate::socket::{Address, SocketFile};
use crate::tls;

/// Connections that may wait to be accepted. The kernel caps it at `net.core.somaxconn`.
const BACKLOG: i32 = 4096;

/// A filter that drops segments with the SYN flag and lets all others pass. A socket's filter sees the TCP header first.
const NO_SYN: [SockFilter; 4] = [
    SockFilter::new(LOAD_BYTE, 0, 0, 13),
    SockFilter::new(JUMP_IF_SET, 0, 1, 0x02),
    SockFilter::new(RETURN, 0, 0, 0),
    SockFilter::new(RETURN, 0, 0, u32::MAX),
];
const LOAD_BYTE: u16 = 0x30;
const JUMP_IF_SET: u16 = 0x45;
const RETURN: u16 = 0x06;

/// What a listener is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// Its name.
    pub name: String,
    /// The address as configured; port 0 stands for any free one.
    pub address: Address,
    /// Who may connect to a Unix socket, as `chmod` takes it; `None` for what the process's umask says.
    pub mode: Option<u32>,
    /// How long clients may take for what.
    pub patience: Patience,
    /// Whether a connection begins with a header of the PROXY protocol.
    pub proxy_protocol: bool,
    /// Whose word on who the client is counts.
    pub trust: Trust,
    /// Connections that may be open at a time, on all workers together,
    pub max_connections: Option<u32>,
    /// and those of one client's address.
    pub max_connections_per_client: Option<u32>,
    /// Bytes of a request's body.
    pub max_body: u64,
    /// What its connections are held to.
    pub protocols: Protocols,
    /// TLS, where it is spoken.
    pub tls: Option<Arc<tls::Server>>,
}

impl Listener {
    /// Whether `other` can go on with this one's sockets. Any two free ports are not the same one, so there the name
    /// decides.
    #[must_use]
    pub fn same_socket(&self, other: &Self) -> bool {
        self.address == other.address && (self.address.port() != Some(0) || self.name == other.name)
    }
}

/// A listener with a socket for each worker. A Unix socket is one, which all of them have.
#[derive(Debug)]
pub struct Bound {
    /// The listener.
    pub listener: Listener,
    /// The address it really has.
    pub local: Address,
    /// The same sockets once more, for the process after this one. They stay open for as long as somebody has these.
    pub spare: Arc<[Socket]>,
    /// The file of a Unix socket.
    pub file: Option<Arc<SocketFile>>,
    pub(super) sockets: Vec<Socket>,
    pub(super) crowd: Arc<Crowd>,
}

/// An address that cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {error}{}", hint(.address, .error))]
pub struct BindError {
    /// The address.
    pub address: Address,
    /// Why.
    pub error: io::Error,
}

fn hint(address: &Address, error: &io::Error) -> &'static str {
    match (address, error.kind()) {
        (Address::Ip(_), io::ErrorKind::AddrInUse) => {
            " (another program, or another listener of this one, has it)"
        }
        (Address::Ip(_), io::ErrorKind::PermissionDenied) => " (ports below 1024 need CAP_NET_BIND_SERVICE)",
        (Address::Ip(_), io::ErrorKind::AddrNotAvailable) => " (this machine does not have the address)",
        (Address::Unix(_), io::ErrorKind::AddrInUse) => {
            " (another program listens on it, or it is no socket)"
        }
        (Address::Unix(_), io::ErrorKind::NotFound) => " (there is no such folder)",
        (Address::Unix(_), io::ErrorKind::PermissionDenied) => " (nothing may be made in its folder)",
        _ => "",
    }
}

impl Bound {
    /// Goes on with the sockets of the process before this one; without any, binds one for each of `workers`.
    ///
    /// # Errors
    /// [`BindError`] where the address cannot be had for this process alone.
    pub fn inherit(listener: Listener, workers: usize, inherited: &mut Inherited) -> Result<Self, BindError> {
        let sockets = inherited.sockets_of(&listener);
        if sockets.is_empty() {
            return Self::bind(listener, workers);
        }
        let address = listener.address.clone();
        Self::go_on(listener, sockets, workers).map_err(|error| BindError { address, error })
    }

    fn go_on(listener: Listener, mut sockets: Vec<Socket>, workers: usize) -> io::Result<Self> {
        let first = sockets.first().ok_or(io::ErrorKind::NotFound)?;
        let local = Address::of(first)?;
        // One that has no worker of its own here is accepted on all the same: connections wait in its queue.
        let missing = sockets.len()..workers;
        let new = missing.map(|_| match &local {
            Address::Ip(address) => socket(*address, true),
            Address::Unix(_) => first.try_clone(),
        });
        let new = new.collect::<io::Result<Vec<_>>>()?;
        sockets.extend(new);
        let file = match &local {
            Address::Ip(_) => None,
            Address::Unix(path) => Some(SocketFile::of(path)?),
        };
        file.iter().try_for_each(|file| file.set_mode(listener.mode))?;
        Self::of(listener, local, file, sockets)
    }

    /// Binds a socket for each of `workers`.
    ///
    /// # Errors
    /// [`BindError`] where the address cannot be had for this process alone.
    pub fn bind(listener: Listener, workers: usize) -> Result<Self, BindError> {
        let address = listener.address.clone();
        let bound = match &address {
            // Sockets that share a port share it with any process of the same user. Asking once without sharing finds
            // out whether somebody else has it. It does not listen: a client that got through to it would be reset.
            Address::Ip(ip) => socket(*ip, false)
                .and_then(|probe| Address::of(&probe))
                .and_then(|local| Self::share(listener, local, workers)),
            Address::Unix(path) => Self::on_file(listener, path, workers),
        };
        bound.map_err(|error| BindError { address, error })
    }

    /// One socket for all workers: whoever has time accepts.
    fn on_file(listener: Listener, path: &Path, workers: usize) -> io::Result<Self> {
        let (socket, file) = SocketFile::bind(path, listener.mode)?;
        socket.listen(BACKLOG)?;
        let local = listener.address.clone();
        let sockets = (0..workers.max(1)).map(|_| socket.try_clone()).collect::<io::Result<_>>()?;
        Self::of(listener, local, Some(file), sockets)
    }

    /// Binds a socket for each of `workers` where sockets of this process have the port, which are about to go.
    ///
    /// # Errors
    /// [`BindError`] where the address cannot be had.
    pub fn take_over(listener: Listener, workers: usize) -> Result<Self, BindError> {
        let address = listener.address.clone();
        Self::share(listener, address.clone(), workers).map_err(|error| BindError { address, error })
    }

    fn share(listener: Listener, local: Address, workers: usize) -> io::Result<Self> {
        let Address::Ip(address) = local else { return Err(io::ErrorKind::Unsupported.into()) };
        let listening = || socket(address, true).and_then(|socket| socket.listen(BACKLOG).map(|()| socket));
        let sockets = (0..workers.max(1)).map(|_| listening()).collect::<io::Result<_>>()?;
        Self::of(listener, local, None, sockets)
    }

    fn of(
        listener: Listener,
        local: Address,
        file: Option<SocketFile>,
        sockets: Vec<Socket>,
    ) -> io::Result<Self> {
        if let Address::Ip(_) = local {
            // Without it, the last piece of a response may wait for the client's acknowledgement. Connections have it from
            // the socket that they come in by, so that it is not one call for each.
            sockets.iter().try_for_each(|socket| socket.set_tcp_nodelay(true))?;
        }
        let spare = sockets.iter().map(Socket::try_clone).collect::<io::Result<Vec<_>>>()?;
        let file = file.map(Arc::new);
        Ok(Self { listener, local, sockets, spare: spare.into(), file, crowd: Arc::default() })
    }
}

/// Lets nobody begin to connect to `sockets` any more; who has begun comes through. A client's kernel tries again within
/// a second or so, and then finds the socket that has the address next. Without this, one that connected just before the
/// old one was closed would be reset.
pub fn turn_away(sockets: &[Socket]) {
    // Where the system has no filters, that one is reset.
    sockets.iter().for_each(|socket| drop(socket.attach_filter(&NO_SYN)));
}

fn socket(address: SocketAddr, shared: bool) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(shared)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpStream;
    use std::thread;
    use std::time::Duration;

    use super::super::guard::HeadLimits;
    use super::*;

    fn listener(address: SocketAddr) -> Listener {
        let second = Duration::from_secs(1);
        let patience = Patience { header: second, idle: second, body: second, send: second, request: None };
        let head = HeadLimits { head: 8192, target: 8192, fields: 100 };
        let protocols = Protocols { head, max_requests: u32::MAX, http2: None };
        Listener {
            name: "web".into(),
            address: Address::Ip(address),
            mode: None,
            patience,
            proxy_protocol: false,
            trust: Trust::default(),
            max_connections: None,
            max_connections_per_client: None,
            max_body: u64::MAX,
            protocols,
            tls: None,
        }
    }

    #[test]
    fn all_workers_share_the_port_that_the_first_was_given() {
        let bound = Bound::bind(listener(([127, 0, 0, 1], 0).into()), 3).unwrap();
        assert_eq!(bound.sockets.len(), 3);
        assert!(bound.sockets.iter().all(|socket| Address::of(socket).unwrap() == bound.local));
    }

    #[test]
    fn connections_do_not_hold_back_what_is_sent() {
        let bound = Bound::bind(listener(([127, 0, 0, 1], 0).into()), 1).unwrap();
        let Address::Ip(address) = bound.local else { panic!("{}", bound.local) };
        let _client = TcpStream::connect(address).unwrap();
        let [socket] = &bound.sockets[..] else { panic!("{:?}", bound.sockets) };
        let (accepted, _) = socket.accept().unwrap();
        assert!(accepted.tcp_nodelay().unwrap());
    }

    #[test]
    fn an_address_shared_by_somebody_else_is_refused() {
        let other = Bound::bind(listener(([127, 0, 0, 1], 0).into()), 1).unwrap();
        let Address::Ip(taken) = other.local else { panic!("{}", other.local) };
        let refused = Bound::bind(listener(taken), 1).unwrap_err();
        assert_eq!(refused.error.kind(), io::ErrorKind::AddrInUse);
    }

    #[test]
    fn who_is_turned_away_finds_the_socket_that_comes_next() {
        let bound = Bound::bind(listener(([127, 0, 0, 1], 0).into()), 1).unwrap();
        let Address::Ip(address) = bound.local else { panic!("{}", bound.local) };
        let early = TcpStream::connect(address).unwrap();
        turn_away(&bound.spare);
        let late = thread::spawn(move || TcpStream::connect(address).unwrap());
        let [socket] = &bound.sockets[..] else { panic!("{:?}", bound.sockets) };
        let (accepted, _) = socket.accept().unwrap();
        assert_eq!(accepted.peer_addr().unwrap().as_socket(), early.local_addr().ok());
        (&early).write_all(b"hello").unwrap();
        accepted.set_nonblocking(false).unwrap();
        (&accepted).read_exact(&mut [0; 5]).unwrap();
        assert_eq!(socket.accept().unwrap_err().kind(), io::ErrorKind::WouldBlock);
        let next = Bound::take_over(listener(address), 1).unwrap();
        drop(bound);
        let late = late.join().unwrap();
        let (accepted, _) = next.sockets[0].accept().unwrap();
        assert_eq!(accepted.peer_addr().unwrap().as_socket(), late.local_addr().ok());
    }
}
