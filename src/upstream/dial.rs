use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpStream, UnixStream};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::endpoint::{Endpoint, Way};
use super::proxy_header::{Origin, ProxyProtocol, header};
use crate::socket::Stream;

/// How long one address of a name may take before the next is tried beside it (RFC 8305).
const STAGGER: Duration = Duration::from_millis(250);

/// A stream to an endpoint, which begins with whom it is for, where the endpoint wants to know.
pub(super) async fn dial(
    endpoint: &Endpoint,
    proxy_protocol: Option<ProxyProtocol>,
    origin: Option<&Origin>,
) -> io::Result<Stream> {
    let mut stream = reach(endpoint).await?;
    if let Some(version) = proxy_protocol {
        stream.write_all(&header(version, origin)).await?;
    }
    Ok(stream)
}

/// A stream to an endpoint: where its host is a name, to the first of its addresses that answers.
async fn reach(endpoint: &Endpoint) -> io::Result<Stream> {
    let (port, names) = match &endpoint.way {
        Way::Unix(file) => return UnixStream::connect(file).await.map(Stream::Unix),
        Way::Tcp { port, names } => (*port, names),
    };
    let stream = match endpoint.host.parse::<IpAddr>() {
        Ok(address) => TcpStream::connect((address, port)).await?,
        Err(_) => {
            let found = names.addresses(&endpoint.host).await?;
            race(interleaved(&found, port)).await?
        }
    };
    stream.set_nodelay(true)?;
    Ok(Stream::Tcp(stream))
}

/// IPv6 and IPv4 in turn, each in the order of the answer, so that one of them that does not work costs little.
fn interleaved(found: &[IpAddr], port: u16) -> Vec<SocketAddr> {
    let mut six = found.iter().filter(|address| address.is_ipv6());
    let mut four = found.iter().filter(|address| address.is_ipv4());
    let mut turns = Vec::with_capacity(found.len());
    while turns.len() < found.len() {
        turns
            .extend(six.next().into_iter().chain(four.next()).map(|address| SocketAddr::new(*address, port)));
    }
    turns
}

async fn race(addresses: Vec<SocketAddr>) -> io::Result<TcpStream> {
    let mut left = addresses.into_iter();
    let mut tries = JoinSet::new();
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    loop {
        // One more at the beginning, after each failure, and when the last one takes its time.
        if let Some(address) = left.next() {
            tries.spawn(TcpStream::connect(address));
        }
        tokio::select! {
            Some(tried) = tries.join_next() => match tried {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => last = error,
                Err(error) => last = io::Error::other(error),
            },
            () = sleep(STAGGER), if left.len() > 0 => {}
            else => return Err(last),
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[test]
    fn families_take_turns() {
        let found = ["10.0.0.1", "10.0.0.2", "10.0.0.3", "::1", "::2"].map(|text| text.parse().unwrap());
        let turns: Vec<_> = interleaved(&found, 80).iter().map(|address| address.ip().to_string()).collect();
        assert_eq!(turns, ["::1", "10.0.0.1", "::2", "10.0.0.2", "10.0.0.3"]);
        assert!(interleaved(&[], 80).is_empty());
    }

    #[tokio::test]
    async fn an_address_that_refuses_costs_nothing() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let alive = listener.local_addr().unwrap();
        let dead = {
            let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
            gone.local_addr().unwrap()
        };
        let stream = race(vec![dead, alive]).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), alive);
        let refused = race(vec![dead]).await.unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
        assert_eq!(race(Vec::new()).await.unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
