use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use http::header::{FORWARDED, HeaderMap, HeaderName, HeaderValue};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Addresses that begin with the same bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    /// One of them.
    pub address: IpAddr,
    /// How many bits are the same.
    pub prefix: u8,
}

/// The proxies whose word on who the client is counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trust(Arc<[Network]>);

impl Network {
    fn has(&self, address: IpAddr) -> bool {
        let bits = |address: IpAddr| match address {
            IpAddr::V4(address) => u128::from(address.to_bits()) << 96,
            IpAddr::V6(address) => address.to_bits(),
        };
        let differ = bits(self.address) ^ bits(address);
        self.address.is_ipv4() == address.is_ipv4() && differ.leading_zeros() >= u32::from(self.prefix)
    }
}

impl Trust {
    /// Trust in these.
    #[must_use]
    pub fn new(networks: Vec<Network>) -> Self {
        Self(networks.into())
    }

    /// Whether this is the address of a trusted proxy.
    #[must_use]
    pub fn has(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.has(address))
    }

    /// The client behind trusted proxies: the last address, read from the end, that is not one of theirs. Each proxy
    /// appends the address that it saw; what stands before the first untrusted one may be invented.
    pub(super) fn client(&self, peer: SocketAddr, headers: &HeaderMap) -> SocketAddr {
        let mut client = peer;
        let hops = match headers.contains_key(X_FORWARDED_FOR) {
            true => hops(headers, &X_FORWARDED_FOR, address),
            false => hops(headers, &FORWARDED, forwarded),
        };
        for hop in hops.into_iter().rev() {
            // Whoever stands before an unreadable one is not known to be anybody.
            let Some(hop) = hop else { return client };
            client = hop;
            if !self.has(hop.ip()) {
                return client;
            }
        }
        client
    }
}

/// The hops of all fields of this name, as the last one appended them.
fn hops(
    headers: &HeaderMap,
    name: &HeaderName,
    read: fn(&str) -> Option<SocketAddr>,
) -> Vec<Option<SocketAddr>> {
    let values = headers.get_all(name).iter().map(HeaderValue::to_str);
    values.flat_map(|value| value.unwrap_or("?").split(',')).map(|hop| read(hop.trim())).collect()
}

/// `1.2.3.4`, `1.2.3.4:5`, `::1`, `[::1]`, `[::1]:5`; the port is 0 where there is none.
fn address(text: &str) -> Option<SocketAddr> {
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Some(address);
    }
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let address = match bare {
        Some(bare) => IpAddr::V6(bare.parse::<Ipv6Addr>().ok()?),
        None => text.parse().ok()?,
    };
    Some(SocketAddr::new(address, 0))
}

/// The address of an element such as `proto=https;for="[::1]:5"` (RFC 7239).
fn forwarded(element: &str) -> Option<SocketAddr> {
    let mut pairs = element.split(';').filter_map(|pair| pair.split_once('='));
    let (_, node) = pairs.find(|(name, _)| name.trim().eq_ignore_ascii_case("for"))?;
    address(node.trim().trim_matches('"'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trust() -> Trust {
        let network = |address: &str, prefix| Network { address: address.parse().unwrap(), prefix };
        Trust::new(vec![network("10.0.0.0", 8), network("127.0.0.1", 32), network("fd00::", 8)])
    }

    fn client(fields: &[(&'static str, &str)]) -> String {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, HeaderValue::from_str(value).unwrap());
        }
        trust().client("127.0.0.1:1000".parse().unwrap(), &headers).ip().to_string()
    }

    #[test]
    fn a_network_has_the_addresses_that_begin_like_it() {
        for (address, trusted) in [
            ("10.255.0.1", true),
            ("11.0.0.1", false),
            ("127.0.0.1", true),
            ("127.0.0.2", false),
            ("::ffff:10.1.1.1", true),
            ("fd12::1", true),
            ("fe00::1", false),
        ] {
            assert_eq!(trust().has(address.parse().unwrap()), trusted, "{address}");
        }
        assert!(Network { address: "::".parse().unwrap(), prefix: 0 }.has("fe80::1".parse().unwrap()));
    }

    #[test]
    fn the_client_is_the_last_that_is_no_trusted_proxy() {
        for (value, expected) in [
            ("1.1.1.1", "1.1.1.1"),
            ("6.6.6.6, 1.1.1.1, 10.0.0.2", "1.1.1.1"),
            ("1.1.1.1:4711, 10.0.0.2:80", "1.1.1.1"),
            ("[2001:db8::1]:5, fd00::2", "2001:db8::1"),
            ("10.0.0.1, 10.0.0.2", "10.0.0.1"),
            ("1.1.1.1, unknown, 10.0.0.2", "10.0.0.2"),
            ("", "127.0.0.1"),
            ("1.1.1.1, ", "127.0.0.1"),
        ] {
            assert_eq!(client(&[("x-forwarded-for", value)]), expected, "{value:?}");
        }
        assert_eq!(
            client(&[("x-forwarded-for", "6.6.6.6"), ("x-forwarded-for", "1.1.1.1, 10.0.0.2")]),
            "1.1.1.1"
        );
        assert_eq!(client(&[]), "127.0.0.1");
    }

    #[test]
    fn forwarded_is_read_where_there_is_no_x_forwarded_for() {
        let forwarded = "for=6.6.6.6, for=\"[2001:db8::1]:5\";proto=https, For=10.0.0.2";
        assert_eq!(client(&[("forwarded", forwarded)]), "2001:db8::1");
        assert_eq!(client(&[("forwarded", forwarded), ("x-forwarded-for", "1.1.1.1")]), "1.1.1.1");
        assert_eq!(client(&[("forwarded", "for=_hidden, for=10.0.0.2")]), "10.0.0.2");
    }
}
