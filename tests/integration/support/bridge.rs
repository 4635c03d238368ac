use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener};
use std::path::Path;
use std::thread;

use socket2::{Domain, SockAddr, Socket, Type};

/// Passes the connections to a Unix socket on to a backend. The file stays when the test is over.
pub(crate) fn unix_backend(file: &Path, backend: SocketAddr) {
    let listener = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
    listener.bind(&SockAddr::unix(file).unwrap()).unwrap();
    listener.listen(128).unwrap();
    bridge(listener, SockAddr::from(backend));
}

/// An address whose connections are passed on to a gateway's Unix socket.
pub(crate) fn unix_front(file: &Path) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    bridge(listener.into(), SockAddr::unix(file).unwrap());
    address
}

fn bridge(from: Socket, to: SockAddr) {
    thread::spawn(move || {
        while let Ok((near, _)) = from.accept() {
            let far = Socket::new(to.domain(), Type::STREAM, None).unwrap();
            // One that nobody takes is closed.
            if far.connect(&to).is_ok() {
                pass(near.try_clone().unwrap(), far.try_clone().unwrap());
                pass(far, near);
            }
        }
    });
}

fn pass(mut from: Socket, mut to: Socket) {
    thread::spawn(move || {
        let passed = io::copy(&mut from, &mut to);
        let _ = to.shutdown(if passed.is_ok() { Shutdown::Write } else { Shutdown::Both });
    });
}
