//! Hosts: the pattern of a rule and the host of a request.

use std::io::{Cursor, Write};
use std::net::Ipv6Addr;

/// A name has at most 253 bytes in the DNS, and an IPv6 address 45.
const MAX_LEN: usize = 256;

/// A host in the one form in which hosts are compared: lower case, no port, no final dot, IPv6 in its shortest form. It
/// lives on the stack, so that looking it up allocates nothing.
#[derive(Debug)]
pub(super) struct HostName {
    text: Cursor<[u8; MAX_LEN]>,
}

impl HostName {
    /// `host` as in a `Host` field or a URI's authority. `None` if it is no host that a rule could name.
    pub(super) fn of(host: &str) -> Option<Self> {
        let mut text = Cursor::new([0; MAX_LEN]);
        if let Some(bracketed) = host.strip_prefix('[') {
            let (address, port) = bracketed.split_once(']')?;
            let address: Ipv6Addr = address.parse().ok()?;
            (port.is_empty() || is_port(port.strip_prefix(':')?)).then_some(())?;
            write!(text, "{address}").ok()?;
        } else {
            let name = without_port(host);
            let name = name.strip_suffix('.').unwrap_or(name);
            text.write_all(name.as_bytes()).ok()?;
            text.get_mut().make_ascii_lowercase();
        }
        Some(Self { text }).filter(|name| !name.bytes().is_empty())
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.text.get_ref().get(..self.text.position() as usize).unwrap_or_default()
    }

    /// What follows each dot, the longest first: `b.c` and `c` of `a.b.c`. A dot at the very beginning ends no label.
    pub(super) fn parents(&self) -> impl Iterator<Item = &[u8]> {
        let name = self.bytes();
        let dots = name.iter().enumerate().skip(1).filter(|&(_, &byte)| byte == b'.');
        dots.filter_map(|(at, _)| name.get(at + 1..))
    }
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if is_port(port) => name,
        _ => host,
    }
}

/// An empty port is one by RFC 3986, and means the default.
fn is_port(port: &str) -> bool {
    port.bytes().all(|byte| byte.is_ascii_digit())
}

/// A rule's host, ready to be looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum HostPattern {
    Any,
    /// This host.
    Exact(Box<[u8]>),
    /// Hosts with one or more labels before this.
    Under(Box<[u8]>),
}

impl HostPattern {
    /// Answers what is wrong, to be read after the host, and what would be right.
    pub(super) fn parse(host: &str) -> Result<Self, String> {
        match host.strip_prefix("*.") {
            Some(parent) => name(parent).map(Self::Under),
            None if host == "*" => Err("is no host; leave `host` out to match any".to_owned()),
            None if host.starts_with('[') => address(host).map(Self::Exact),
            None => name(host).map(Self::Exact),
        }
    }
}

fn address(host: &str) -> Result<Box<[u8]>, String> {
    if !host.ends_with(']') {
        return Err(PORT.to_owned());
    }
    HostName::of(host).map(|name| name.bytes().into()).ok_or_else(|| "is not an IPv6 address".to_owned())
}

const PORT: &str = "must have no port, because the port of a request is not compared";

fn name(host: &str) -> Result<Box<[u8]>, String> {
    if host.parse::<Ipv6Addr>().is_ok() {
        return Err(format!("is an IPv6 address and needs brackets: `[{host}]`"));
    }
    if host.contains('*') {
        return Err("may have `*` only as its whole first label, as in `*.example.com`".to_owned());
    }
    if without_port(host) != host {
        return Err(PORT.to_owned());
    }
    if !host.is_ascii() {
        return Err("is not ASCII; write it as clients send it, as `xn--…`".to_owned());
    }
    let name = HostName::of(host).filter(|name| name.bytes().split(|&byte| byte == b'.').all(is_label));
    name.map(|name| name.bytes().into()).ok_or_else(|| "is not a host name".to_owned())
}

fn is_label(label: &[u8]) -> bool {
    !label.is_empty() && label.iter().all(|&byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_has_one_form_however_it_is_written() {
        let cases = [
            ("Shop.Example", "shop.example"),
            ("shop.example:8080", "shop.example"),
            ("shop.example:", "shop.example"),
            ("shop.example.", "shop.example"),
            ("shop.example.:80", "shop.example"),
            ("192.0.2.1:80", "192.0.2.1"),
            ("[::1]", "::1"),
            ("[0:0:0:0:0:0:0:1]:8080", "::1"),
            ("[2001:DB8::1]:", "2001:db8::1"),
        ];
        for (host, expected) in cases {
            assert_eq!(HostName::of(host).unwrap().bytes(), expected.as_bytes(), "{host}");
        }
    }

    #[test]
    fn what_is_no_host_has_no_form() {
        let endless = "a".repeat(257);
        for host in ["", ".", ":80", "[::1", "[::1]x", "[::1]80", "[::1]:x", "[x]", "[]", &endless] {
            assert!(HostName::of(host).is_none(), "{host}");
        }
    }

    #[test]
    fn a_wrong_pattern_is_told_what_would_be_right() {
        let cases = [
            ("", "is not a host name"),
            ("*", "is no host; leave `host` out to match any"),
            ("*.", "is not a host name"),
            ("a.*.b", "may have `*` only as its whole first label, as in `*.example.com`"),
            ("*shop.example", "may have `*` only as its whole first label, as in `*.example.com`"),
            ("shop.example:80", PORT),
            ("*.shop.example:80", PORT),
            ("[::1]:80", PORT),
            ("[::x]", "is not an IPv6 address"),
            ("::1", "is an IPv6 address and needs brackets: `[::1]`"),
            ("grüße.example", "is not ASCII; write it as clients send it, as `xn--…`"),
            ("a..b", "is not a host name"),
            ("http://a", "is not a host name"),
            ("a b", "is not a host name"),
        ];
        for (host, why) in cases {
            assert_eq!(HostPattern::parse(host).unwrap_err(), why, "{host}");
        }
    }
}
