use std::net::IpAddr;

use gatewright_sdk::prelude::*;

/// A longer value counts as none: a client must not fill the store with a few of them.
const MAX_VALUE: usize = 256;

/// What tells clients apart.
#[derive(Debug)]
pub(crate) enum Key {
    ClientIp,
    Header(HeaderName),
    Attribute(String),
}

impl Key {
    /// `client_ip`, `header:NAME` or `attribute:NAME`.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        match text.split_once(':') {
            None if text == "client_ip" => Ok(Self::ClientIp),
            Some(("header", name)) => {
                HeaderName::parse(name).map(Self::Header).map_err(|error| error.context("key"))
            }
            Some(("attribute", name)) if !name.is_empty() => Ok(Self::Attribute(name.to_owned())),
            _ => Err(format!("key: `{text}` is not `client_ip`, `header:NAME` or `attribute:NAME`").into()),
        }
    }

    /// Whose request it is. Where the header or the attribute is missing, it is the address's: to leave a header away
    /// must not be a way around the limit.
    pub(crate) fn of(&self, request: &Request) -> Result<Vec<u8>> {
        let value = match self {
            Self::ClientIp => None,
            Self::Header(name) => request.headers().get(name)?,
            Self::Attribute(name) => request.attributes().get(name)?,
        };
        match value.filter(|value| !value.is_empty() && value.len() <= MAX_VALUE) {
            Some(value) => Ok([b"value:", value.as_slice()].concat()),
            None => Ok(format!("ip:{}", network(&request.client_ip()?)).into_bytes()),
        }
    }
}

/// The address as it counts. Of IPv6 a client has a whole /64 network, and could use another address each time.
fn network(address: &str) -> String {
    match address.parse() {
        Ok(IpAddr::V6(v6)) => match v6.to_ipv4_mapped() {
            Some(v4) => v4.to_string(),
            None => {
                let [a, b, c, d, ..] = v6.segments();
                format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
            }
        },
        _ => address.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv6_client_is_its_network() {
        assert_eq!(network("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
        assert_eq!(network("2001:db8:1:2::1"), network("2001:db8:1:2:ffff::"));
        assert_eq!(network("::ffff:10.0.0.1"), "10.0.0.1");
        assert_eq!(network("10.0.0.1"), "10.0.0.1");
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for text in ["", "ip", "header:", "header:x y", "attribute:", "cookie:a"] {
            assert!(Key::parse(text).is_err(), "{text}");
        }
    }
}
