//! Where an endpoint is.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;

/// What the URL of a Unix socket begins with.
const UNIX: &str = "unix:";

/// What a URL begins with where DNS knows the endpoints.
const SRV: &str = "srv+";

/// `http://HOST[:PORT][/BASE]`, the same with `https://`, or `unix:FILE[:/BASE]`, taken apart;
/// or `srv+http://NAME[/BASE]`, the same with `srv+https://`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointUrl {
    /// The URL as the file has it.
    pub text: String,
    /// Where it leads.
    pub place: EndpointPlace,
    /// What goes before the path of every request: escaped, without a slash at its end, empty for none.
    pub base_path: String,
}

/// Where an endpoint's URL leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EndpointPlace {
    /// To a host.
    Host {
        /// Whether the URL begins with `https://`.
        https: bool,
        /// A DNS name in lower case or an IP address; an IPv6 address without its brackets.
        host: String,
        /// The port; when the URL has none 80, or 443 for `https`.
        port: u16,
    },
    /// To the file of a Unix socket.
    Unix(PathBuf),
    /// To the hosts that the SRV records of a name say.
    Srv {
        /// Whether the URL begins with `srv+https://`.
        https: bool,
        /// The name, in lower case.
        name: String,
    },
}

/// Bytes of a base path. With the longest `max_uri`, 63 KiB, it stays below the 65,534 bytes that the `http` crate takes:
/// what is joined at a request can always be joined.
const LONGEST_BASE: usize = 1000;

impl EndpointUrl {
    /// Takes a URL apart. The error says what is wrong and what would be right.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        if let Some(rest) = text.strip_prefix(UNIX) {
            return Self::parse_unix(text, rest);
        }
        let is_srv = text.get(..SRV.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(SRV));
        let (https, rest) = split_scheme(if is_srv { text.split_at(SRV.len()).1 } else { text })?;
        let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        let (host, port) = split_port(authority)?;
        if is_srv {
            return Self::parse_srv(text, https, host, port.is_some(), path);
        }
        let host = parse_host(host)?;
        let port = port.map_or(Ok(if https { 443 } else { 80 }), parse_port)?;
        let place = EndpointPlace::Host { https, host, port };
        Ok(Self { text: text.to_owned(), place, base_path: parse_base_path(path)? })
    }

    fn parse_srv(text: &str, https: bool, name: &str, has_port: bool, path: &str) -> Result<Self, UrlError> {
        if has_port {
            return Err(UrlError::SrvPort);
        }
        let name = name.to_ascii_lowercase();
        if !is_dns_name(&name) || looks_like_ipv4(&name) {
            return Err(UrlError::SrvName);
        }
        let place = EndpointPlace::Srv { https, name };
        Ok(Self { text: text.to_owned(), place, base_path: parse_base_path(path)? })
    }

    fn parse_unix(text: &str, rest: &str) -> Result<Self, UrlError> {
        let end = rest.find(":/").unwrap_or(rest.len());
        let (file, base) = rest.split_at(end);
        let place = EndpointPlace::Unix(file.into());
        let base_path = parse_base_path(base.strip_prefix(':').unwrap_or_default())?;
        Ok(Self { text: text.to_owned(), place, base_path })
    }

    /// Whether it begins with `https://`.
    pub fn is_https(&self) -> bool {
        matches!(self.place, EndpointPlace::Host { https: true, .. } | EndpointPlace::Srv { https: true, .. })
    }

    /// Whether DNS knows the endpoints.
    pub fn is_srv(&self) -> bool {
        matches!(self.place, EndpointPlace::Srv { .. })
    }

    /// Whether DNS is asked where it leads.
    pub fn has_name(&self) -> bool {
        match &self.place {
            EndpointPlace::Host { host, .. } => host.parse::<IpAddr>().is_err(),
            EndpointPlace::Srv { .. } => true,
            EndpointPlace::Unix(_) => false,
        }
    }

    /// Whether two URLs lead to the same place, however they are written.
    pub fn same_place(&self, other: &Self) -> bool {
        (&self.place, &self.base_path) == (&other.place, &other.base_path)
    }
}

impl fmt::Display for EndpointUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Why a text is no URL of an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// No scheme, or another one.
    #[error("an endpoint's URL begins with http://, https://, srv+http://, srv+https:// or unix:")]
    Scheme,
    /// `user:password@`.
    #[error("user and password do not belong in an endpoint's URL")]
    UserInfo,
    /// Neither a name nor an address.
    #[error("invalid host")]
    Host,
    /// Not a port from 1 to 65535.
    #[error("invalid port")]
    Port,
    /// A port, where DNS says them.
    #[error("the ports are in the SRV records")]
    SrvPort,
    /// No name that could have SRV records.
    #[error("invalid name")]
    SrvName,
    /// A character that wants to be escaped.
    #[error("invalid path")]
    Path,
    /// One that leaves no room for a request's own.
    #[error("the path is longer than {LONGEST_BASE} bytes")]
    LongPath,
    /// `?query`.
    #[error("a query does not belong in an endpoint's URL")]
    Query,
    /// `#fragment`.
    #[error("a fragment does not belong in an endpoint's URL")]
    Fragment,
}

impl UrlError {
    /// What would be right.
    pub fn help(self) -> &'static str {
        match self {
            Self::Scheme => "write \"http://HOST:PORT\", or \"unix:/run/app.sock\"",
            Self::UserInfo => "leave out everything up to the @; a plugin can set an `authorization` header",
            Self::Host => "a DNS name, an IPv4 address or an IPv6 address in brackets: \"http://[::1]:9001\"",
            Self::Port => "a port is a number from 1 to 65535; without one it is 80, or 443 for https",
            Self::SrvPort => "leave the port out, or write \"http://\" for a host that is known",
            Self::SrvName => "the DNS name of the records: \"srv+http://_http._tcp.shop.example\"",
            Self::Path => "escape what is not allowed in a path, such as %20 for a space",
            Self::LongPath => {
                "a request's path and query come behind it, and together they must fit into a URL"
            }
            Self::Query | Self::Fragment => "the request's own query is sent; a director can change it",
        }
    }
}

/// Whether the scheme is `https`, and what follows it.
fn split_scheme(text: &str) -> Result<(bool, &str), UrlError> {
    let (scheme, rest) = text.split_once("://").ok_or(UrlError::Scheme)?;
    match scheme.to_ascii_lowercase().as_str() {
        "http" => Ok((false, rest)),
        "https" => Ok((true, rest)),
        _ => Err(UrlError::Scheme),
    }
}

/// Splits `host:port`; an IPv6 address has its colons in brackets.
fn split_port(authority: &str) -> Result<(&str, Option<&str>), UrlError> {
    if authority.contains('@') {
        return Err(UrlError::UserInfo);
    }
    let after_brackets = authority.rfind(']').unwrap_or(0);
    match authority.rfind(':').filter(|colon| *colon > after_brackets) {
        Some(colon) => {
            let (host, port) = authority.split_at(colon);
            Ok((host, port.strip_prefix(':')))
        }
        None => Ok((authority, None)),
    }
}

fn parse_port(text: &str) -> Result<u16, UrlError> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|port| digits && *port != 0).ok_or(UrlError::Port)
}

fn parse_host(text: &str) -> Result<String, UrlError> {
    if let Some(bracketed) = text.strip_prefix('[') {
        let address = bracketed.strip_suffix(']').ok_or(UrlError::Host)?;
        return address.parse::<Ipv6Addr>().map(|ip| ip.to_string()).map_err(|_| UrlError::Host);
    }
    let host = text.to_ascii_lowercase();
    let valid = if looks_like_ipv4(&host) { host.parse::<Ipv4Addr>().is_ok() } else { is_dns_name(&host) };
    valid.then_some(host).ok_or(UrlError::Host)
}

/// A name whose last label is a number is meant as an address (the URL standard's rule): `127.0.0.256` is no name.
fn looks_like_ipv4(host: &str) -> bool {
    let last = host.rsplit('.').next().unwrap_or_default();
    !last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_dns_name(host: &str) -> bool {
    let name = host.strip_suffix('.').unwrap_or(host);
    name.len() <= 253 && name.split('.').all(is_dns_label)
}

/// Underscores are no host names by the letter, but Docker and Kubernetes users have them.
fn is_dns_label(label: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    (1..=63).contains(&label.len())
        && label.bytes().all(fits)
        && !label.starts_with('-')
        && !label.ends_with('-')
}

fn parse_base_path(text: &str) -> Result<String, UrlError> {
    if text.contains('#') {
        return Err(UrlError::Fragment);
    }
    if text.contains('?') {
        return Err(UrlError::Query);
    }
    let escapes_are_whole = text.split('%').skip(1).all(begins_with_two_hex_digits);
    if !escapes_are_whole || !text.bytes().all(is_path_byte) {
        return Err(UrlError::Path);
    }
    let base = text.trim_end_matches('/');
    if base.len() > LONGEST_BASE { Err(UrlError::LongPath) } else { Ok(base.to_owned()) }
}

fn begins_with_two_hex_digits(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() >= 2 && bytes.iter().take(2).all(u8::is_ascii_hexdigit)
}

fn is_path_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/%".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> (String, u16, String) {
        let url = EndpointUrl::parse(text).unwrap();
        let EndpointPlace::Host { host, port, .. } = url.place else { panic!("{text}") };
        (host, port, url.base_path)
    }

    #[test]
    fn port_is_80_or_443_and_base_path_empty_when_not_said() {
        assert_eq!(parsed("https://a.example"), ("a.example".into(), 443, String::new()));
        assert_eq!(parsed("http://a.example"), ("a.example".into(), 80, String::new()));
        assert_eq!(parsed("HTTP://A.example/"), ("a.example".into(), 80, String::new()));
    }

    #[test]
    fn base_path_keeps_escapes_and_loses_the_last_slash() {
        assert_eq!(parsed("http://a:9/x%2Fy/z/"), ("a".into(), 9, "/x%2Fy/z".into()));
    }

    #[test]
    fn ipv6_host_loses_its_brackets() {
        assert_eq!(parsed("http://[::1]"), ("::1".into(), 80, String::new()));
        assert_eq!(parsed("http://[0::1]:9/"), ("::1".into(), 9, String::new()));
    }

    #[test]
    fn a_unix_socket_has_a_file_and_perhaps_a_base_path() {
        for (text, file, base) in [
            ("unix:/run/app.sock", "/run/app.sock", ""),
            ("unix:app.sock:/", "app.sock", ""),
            ("unix:/run/a:b.sock:/base/", "/run/a:b.sock", "/base"),
        ] {
            let url = EndpointUrl::parse(text).unwrap();
            assert_eq!(
                (url.place, url.base_path.as_str()),
                (EndpointPlace::Unix(file.into()), base),
                "{text}"
            );
        }
        assert_eq!(EndpointUrl::parse("unix:/a:/b?c"), Err(UrlError::Query));
    }

    #[test]
    fn what_is_wrong_is_said() {
        let cases = [
            ("ftp://a", UrlError::Scheme),
            ("127.0.0.1:9001", UrlError::Scheme),
            ("http://u:p@a", UrlError::UserInfo),
            ("http://", UrlError::Host),
            ("http://:80", UrlError::Host),
            ("http://a..b", UrlError::Host),
            ("http://-a", UrlError::Host),
            ("http://127.0.0.256", UrlError::Host),
            ("http://::1", UrlError::Host),
            ("http://[::1", UrlError::Host),
            ("http://[::1]x", UrlError::Host),
            ("http://a:", UrlError::Port),
            ("http://a:0", UrlError::Port),
            ("http://a:+1", UrlError::Port),
            ("http://a:65536", UrlError::Port),
            ("http://a/ü", UrlError::Path),
            ("http://a/%2", UrlError::Path),
            ("http://a/%zz", UrlError::Path),
            (&format!("http://a/{}", "b".repeat(1000)), UrlError::LongPath),
            ("http://a?x", UrlError::Query),
            ("http://a/#x", UrlError::Fragment),
        ];
        for (text, error) in cases {
            assert_eq!(EndpointUrl::parse(text), Err(error), "{text}");
        }
    }
}
