//! The PROXY protocol, versions 1 and 2, as it is said to endpoints: who the client is, before all else.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use crate::socket::proxy_protocol::{LOCAL, PROXY, SIGNATURE, TCP4, TCP6};

/// Which version is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyProtocol {
    /// A line of text.
    V1,
    /// Bytes.
    V2,
}

/// Where a client's connection comes from and goes to. A connection that has said so is this client's only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    client: SocketAddr,
    local: SocketAddr,
}

impl Origin {
    /// `local` is what the client connected to. `None` where there is no client: the gateway then speaks for itself.
    #[must_use]
    pub fn new(client: SocketAddr, local: SocketAddr) -> Option<Self> {
        let (from, to) = (client.ip().to_canonical(), local.ip().to_canonical());
        if from.is_unspecified() {
            return None;
        }
        // A trusted proxy may speak for a client of the other family. There is one family for both: IPv6 has room.
        let (from, to) = match (from, to) {
            (IpAddr::V6(_), IpAddr::V4(to)) if to.is_unspecified() => (from, Ipv6Addr::UNSPECIFIED.into()),
            (IpAddr::V6(_), IpAddr::V4(to)) => (from, to.to_ipv6_mapped().into()),
            (IpAddr::V4(from), IpAddr::V6(_)) => (from.to_ipv6_mapped().into(), to),
            same => same,
        };
        Some(Self { client: (from, client.port()).into(), local: (to, local.port()).into() })
    }
}

/// What a connection begins with. Without an origin the gateway speaks for itself.
pub(super) fn header(version: ProxyProtocol, origin: Option<&Origin>) -> Vec<u8> {
    match (version, origin) {
        (ProxyProtocol::V1, None) => b"PROXY UNKNOWN\r\n".to_vec(),
        (ProxyProtocol::V1, Some(Origin { client, local })) => {
            let family = if client.is_ipv4() { "TCP4" } else { "TCP6" };
            let (from, to) = (client.ip(), local.ip());
            format!("PROXY {family} {from} {to} {} {}\r\n", client.port(), local.port()).into_bytes()
        }
        (ProxyProtocol::V2, None) => [&SIGNATURE[..], &[LOCAL, 0, 0, 0]].concat(),
        (ProxyProtocol::V2, Some(origin)) => binary(origin),
    }
}

fn binary(Origin { client, local }: &Origin) -> Vec<u8> {
    let addresses = [client, local].map(|end| match end.ip() {
        IpAddr::V4(ip) => ip.octets().to_vec(),
        IpAddr::V6(ip) => ip.octets().to_vec(),
    });
    let ports = [client, local].map(|end| end.port().to_be_bytes()).concat();
    let (family, length) = if client.is_ipv4() { (TCP4, 12) } else { (TCP6, 36) };
    [&SIGNATURE[..], &[PROXY, family, 0, length], &addresses.concat(), &ports].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(client: &str, local: &str) -> Option<Origin> {
        Origin::new(client.parse().unwrap(), local.parse().unwrap())
    }

    #[test]
    fn version_1_is_a_line() {
        for (client, local, line) in [
            ("192.0.2.1:4711", "192.0.2.2:80", "PROXY TCP4 192.0.2.1 192.0.2.2 4711 80\r\n"),
            ("[2001:db8::1]:4711", "[2001:db8::2]:443", "PROXY TCP6 2001:db8::1 2001:db8::2 4711 443\r\n"),
            ("[::ffff:192.0.2.1]:1", "[::ffff:192.0.2.2]:2", "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n"),
            ("[2001:db8::1]:1", "192.0.2.2:2", "PROXY TCP6 2001:db8::1 ::ffff:192.0.2.2 1 2\r\n"),
            ("192.0.2.1:1", "[2001:db8::2]:2", "PROXY TCP6 ::ffff:192.0.2.1 2001:db8::2 1 2\r\n"),
            ("192.0.2.1:0", "0.0.0.0:0", "PROXY TCP4 192.0.2.1 0.0.0.0 0 0\r\n"),
            ("[2001:db8::1]:0", "0.0.0.0:0", "PROXY TCP6 2001:db8::1 :: 0 0\r\n"),
            ("0.0.0.0:0", "0.0.0.0:0", "PROXY UNKNOWN\r\n"),
            ("[::]:0", "[::1]:80", "PROXY UNKNOWN\r\n"),
        ] {
            let header = header(ProxyProtocol::V1, origin(client, local).as_ref());
            assert_eq!(String::from_utf8(header).unwrap(), line, "{client} {local}");
        }
    }

    #[test]
    fn version_2_is_bytes() {
        let begin = b"\r\n\r\n\0\r\nQUIT\n";
        let four = header(ProxyProtocol::V2, origin("192.0.2.1:258", "192.0.2.2:80").as_ref());
        let expected = [&begin[..], &[0x21, 0x11, 0, 12, 192, 0, 2, 1, 192, 0, 2, 2, 1, 2, 0, 80]].concat();
        assert_eq!(four, expected);
        let six = header(ProxyProtocol::V2, origin("[::2]:1", "[::3]:2").as_ref());
        let mut addresses = [0; 32];
        (addresses[15], addresses[31]) = (2, 3);
        assert_eq!(six, [&begin[..], &[0x21, 0x21, 0, 36], &addresses, &[0, 1, 0, 2]].concat());
        assert_eq!(header(ProxyProtocol::V2, None), [&begin[..], &[0x20, 0, 0, 0]].concat());
    }
}
