use std::borrow::Cow;

use http::header::{COOKIE, HeaderName};

use super::Exchange;

/// Where a balancer that hashes finds its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HashKey {
    /// The client's address, without the port.
    ClientIp,
    /// The outgoing request's path, without the query.
    Path,
    /// A request header.
    Header(HeaderName),
    /// A cookie.
    Cookie(String),
    /// A parameter of the query, as it stands there.
    Query(String),
    /// An attribute.
    Attribute(String),
}

impl HashKey {
    /// The key of this exchange; `None` where it has none.
    #[must_use]
    pub fn of<'a>(&self, exchange: &'a Exchange) -> Option<Cow<'a, [u8]>> {
        let request = &exchange.request;
        match self {
            Self::ClientIp => Some(Cow::Owned(exchange.client.ip().to_string().into_bytes())),
            Self::Path => Some(Cow::Borrowed(request.path().as_bytes())),
            Self::Header(name) => Some(Cow::Borrowed(request.headers.get(name)?.as_bytes())),
            Self::Cookie(name) => {
                let cookies = request.headers.get_all(COOKIE);
                cookies.iter().find_map(|value| pair(value.as_bytes(), b';', name)).map(Cow::Borrowed)
            }
            Self::Query(name) => pair(request.target.query()?.as_bytes(), b'&', name).map(Cow::Borrowed),
            Self::Attribute(name) => Some(Cow::Borrowed(exchange.attributes.get(name)?)),
        }
    }
}

/// The value of `name` in `name=value` pairs.
fn pair<'a>(text: &'a [u8], separator: u8, name: &str) -> Option<&'a [u8]> {
    text.split(|byte| *byte == separator).find_map(|pair| {
        let value = pair.trim_ascii().strip_prefix(name.as_bytes())?;
        value.strip_prefix(b"=")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_found_by_their_whole_name() {
        assert_eq!(pair(b"user=1; us=2;u=3", b';', "us"), Some(&b"2"[..]));
        assert_eq!(pair(b"a=1&b=&c", b'&', "b"), Some(&b""[..]));
        assert_eq!(pair(b"a=1&b=&c", b'&', "c"), None);
    }
}
