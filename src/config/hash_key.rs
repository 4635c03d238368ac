//! What consistent hashing hashes.

use http::HeaderName;

/// `hash_key`: which part of a request decides on its endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HashKey {
    /// The client's IP address.
    ClientIp,
    /// The request's path, without the query.
    Path,
    /// The value of a request header.
    Header(HeaderName),
    /// The value of a cookie.
    Cookie(String),
    /// The value of a query parameter.
    Query(String),
    /// An attribute that a plugin has set.
    Attribute(String),
}

impl HashKey {
    /// Reads `client_ip`, `path`, `header:NAME`, `cookie:NAME`, `query:NAME` or `attribute:NAME`.
    pub fn parse(text: &str) -> Option<Self> {
        match text.split_once(':') {
            None if text == "client_ip" => Some(Self::ClientIp),
            None if text == "path" => Some(Self::Path),
            Some((kind, name)) if !name.is_empty() => Self::named(kind, name),
            _ => None,
        }
    }

    fn named(kind: &str, name: &str) -> Option<Self> {
        match kind {
            "header" => name.parse().ok().map(Self::Header),
            "cookie" => Some(Self::Cookie(name.to_owned())),
            "query" => Some(Self::Query(name.to_owned())),
            "attribute" => Some(Self::Attribute(name.to_owned())),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_parses() {
        assert_eq!(HashKey::parse("client_ip"), Some(HashKey::ClientIp));
        assert_eq!(HashKey::parse("path"), Some(HashKey::Path));
        assert_eq!(HashKey::parse("header:X-User"), Some(HashKey::Header(HeaderName::from_static("x-user"))));
        assert_eq!(HashKey::parse("cookie:Sid"), Some(HashKey::Cookie("Sid".into())));
        assert_eq!(HashKey::parse("query:q"), Some(HashKey::Query("q".into())));
        assert_eq!(HashKey::parse("attribute:user:id"), Some(HashKey::Attribute("user:id".into())));
    }

    #[test]
    fn anything_else_does_not() {
        for text in ["", "ip", "header", "header:", "header:a b", "Path", "path:x", "cookies:a"] {
            assert_eq!(HashKey::parse(text), None, "{text}");
        }
    }
}
