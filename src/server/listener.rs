use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use socket2::{Domain, Protocol, Socket, Type};

use super::connection::Protocols;
use super::crowd::Crowd;
use super::inherited::Inherited;
use crate::proxy::{Patience, Trust};
use crate::tls;

/// Connections that may wait to be accepted. The kernel caps it at `net.core.somaxconn`.
const BACKLOG: i32 = 4096;

/// What a listener is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// Its name.
    pub name: String,
    /// The address as configured; port 0 stands for any free one.
    pub address: SocketAddr,
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
        self.address == other.address && (self.address.port() != 0 || self.name == other.name)
    }
}

/// A listener with a socket for each worker.
#[derive(Debug)]
pub struct Bound {
    /// The listener.
    pub listener: Listener,
    /// The address it really has.
    pub local: SocketAddr,
    /// The same sockets once more, for the process after this one. They stay open for as long as somebody has these.
    pub spare: Arc<[TcpListener]>,
    pub(super) sockets: Vec<TcpListener>,
    pub(super) crowd: Arc<Crowd>,
}

/// An address that cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {error}{}", hint(.error))]
pub struct BindError {
    /// The address.
    pub address: SocketAddr,
    /// Why.
    pub error: io::Error,
}

fn hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => " (another program, or another listener of this one, has it)",
        io::ErrorKind::PermissionDenied => " (ports below 1024 need CAP_NET_BIND_SERVICE)",
        io::ErrorKind::AddrNotAvailable => " (this machine does not have the address)",
        _ => "",
    }
}

impl Bound {
    /// Goes on with the sockets of the process before this one; without any, binds one for each of `workers`.
    ///
    /// # Errors
    /// [`BindError`] where the address cannot be had for this process alone.
    pub fn inherit(listener: Listener, workers: usize, inherited: &mut Inherited) -> Result<Self, BindError> {
        let mut sockets = inherited.sockets_of(&listener);
        let Some(local) = sockets.first().and_then(|first| first.local_addr().ok()) else {
            return Self::bind(listener, workers);
        };
        // One that has no worker of its own here is accepted on all the same: connections wait in its queue.
        let missing = sockets.len()..workers;
        let new = missing.map(|_| socket(local, true)).collect::<io::Result<Vec<_>>>();
        let address = listener.address;
        let bound = new.and_then(|new| {
            sockets.extend(new);
            Self::of(listener, local, sockets)
        });
        bound.map_err(|error| BindError { address, error })
    }

    /// Binds a socket for each of `workers`.
    ///
    /// # Errors
    /// [`BindError`] where the address cannot be had for this process alone.
    pub fn bind(listener: Listener, workers: usize) -> Result<Self, BindError> {
        // Sockets that share a port share it with any process of the same user. Asking once without sharing finds out
        // whether somebody else has it.
        let address = listener.address;
        let probe = socket(address, false).and_then(|probe| probe.local_addr());
        let bound = probe.and_then(|local| Self::share(listener, local, workers));
        bound.map_err(|error| BindError { address, error })
    }

    /// Binds a socket for each of `workers` where sockets of this process have the port, which are about to go.
    ///
    /// # Errors
    /// [`BindError`] where the address cannot be had.
    pub fn take_over(listener: Listener, workers: usize) -> Result<Self, BindError> {
        let address = listener.address;
        Self::share(listener, address, workers).map_err(|error| BindError { address, error })
    }

    fn share(listener: Listener, local: SocketAddr, workers: usize) -> io::Result<Self> {
        let sockets = (0..workers.max(1)).map(|_| socket(local, true)).collect::<io::Result<_>>()?;
        Self::of(listener, local, sockets)
    }

    fn of(listener: Listener, local: SocketAddr, sockets: Vec<TcpListener>) -> io::Result<Self> {
        let spare = sockets.iter().map(TcpListener::try_clone).collect::<io::Result<Vec<_>>>()?;
        Ok(Self { listener, local, sockets, spare: spare.into(), crowd: Arc::default() })
    }
}

fn socket(address: SocketAddr, shared: bool) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(shared)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

#[cfg(test)]
mod tests {
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
            address,
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
        assert!(bound.sockets.iter().all(|socket| socket.local_addr().unwrap() == bound.local));
    }

    #[test]
    fn an_address_shared_by_somebody_else_is_refused() {
        let other = Bound::bind(listener(([127, 0, 0, 1], 0).into()), 1).unwrap();
        let refused = Bound::bind(listener(other.local), 1).unwrap_err();
        assert_eq!(refused.error.kind(), io::ErrorKind::AddrInUse);
    }
}
