//! What a proxy does to header fields, before any guest sees them.
//!
//! Hop-by-hop fields go first: were they stripped after the director, a client could name a field in `Connection` and so
//! delete what the director had added.

use std::net::Ipv6Addr;

use http::header::{
    CONNECTION, CONTENT_LENGTH, EXPECT, HOST, HeaderName, HeaderValue, TE, TRANSFER_ENCODING,
};
use http::uri::{Authority, PathAndQuery};
use http::{HeaderMap, Version, request};
use hyper::ext::Protocol;
use smallvec::SmallVec;

use super::concerns::{self, Concerns};
use super::error::ProxyError;
use super::http2;
use super::objection::Objection;
use crate::exchange::{RequestHead, Scheme};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// The host that the client asks for: an absolute target's own, else the `Host` field.
pub(super) fn host(head: &request::Parts) -> Result<Option<&str>, ProxyError> {
    refuse(head)?;
    let host = match head.version {
        Version::HTTP_2 => http2::host(head)?,
        _ => {
            let field = host_field(head)?;
            head.uri.authority().map(Authority::as_str).or(field)
        }
    };
    match host.is_none_or(is_host) {
        true => Ok(host),
        false => Err(ProxyError::BadRequest("the host is not a name or an address, and perhaps a port")),
    }
}

/// What no route could make right.
fn refuse(head: &request::Parts) -> Result<(), Objection> {
    if let Some(refusal) = head.extensions.get::<Objection>() {
        return Err(*refusal);
    }
    match head.method.as_str() {
        "CONNECT" if head.extensions.get::<Protocol>().is_some() => return Err(Objection::Protocol),
        "CONNECT" => return Err(Objection::Connect),
        "TRACE" | "TRACK" => return Err(Objection::Method),
        _ => {}
    }
    // HTTP/1.0 has no expectations.
    let expected = head.headers.get(EXPECT).filter(|_| head.version != Version::HTTP_10);
    if expected.is_some_and(|value| !value.as_bytes().eq_ignore_ascii_case(b"100-continue")) {
        return Err(Objection::Expectation);
    }
    Ok(())
}

fn host_field(head: &request::Parts) -> Result<Option<&str>, ProxyError> {
    let mut hosts = head.headers.get_all(HOST).iter();
    let first = hosts.next().map(HeaderValue::to_str).transpose();
    match (first, hosts.next()) {
        (Ok(None), _) if head.version == Version::HTTP_11 => {
            Err(ProxyError::BadRequest("HTTP/1.1 without a Host field"))
        }
        (Ok(host), None) => Ok(host),
        (Err(_), _) => Err(ProxyError::BadRequest("the Host field is not readable")),
        (_, Some(_)) => Err(ProxyError::BadRequest("more than one Host field")),
    }
}

/// A name or an address, and perhaps a port (RFC 9110, 7.2). Of what RFC 3986 allows in a name, the comma is left out:
/// it looks like a list.
fn is_host(host: &str) -> bool {
    let (name, port) = match host.strip_prefix('[').map(|rest| rest.split_once(']')) {
        Some(Some((address, port))) if address.parse::<Ipv6Addr>().is_ok() => ("address", port),
        Some(_) => return false,
        None => host.find(':').map_or((host, ""), |colon| host.split_at(colon)),
    };
    let in_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+;=".contains(&byte);
    !name.is_empty() && name.bytes().all(in_name) && is_port(port)
}

/// Nothing, or a colon with digits behind it.
fn is_port(port: &str) -> bool {
    match port.as_bytes() {
        [] | [b':'] => true,
        [b':', digits @ ..] => {
            digits.iter().all(u8::is_ascii_digit) && port.trim_start_matches(':').parse::<u16>().is_ok()
        }
        _ => false,
    }
}

/// The outgoing copy of a request's head.
pub(super) fn outgoing(head: request::Parts) -> RequestHead {
    let request::Parts { method, uri, version, mut headers, .. } = head;
    let uri = uri.into_parts();
    if let Some(authority) = uri.authority
        && let Ok(host) = HeaderValue::from_str(authority.as_str())
    {
        headers.insert(HOST, host);
    }
    if version == Version::HTTP_2 {
        http2::join_cookies(&mut headers);
    }
    let target = uri.path_and_query.unwrap_or_else(|| PathAndQuery::from_static("/"));
    RequestHead { method, target, version, headers }
}

/// Strips what belongs to the client's connection and says on whose behalf the request is sent. A trusted proxy has said
/// already what the client asked for.
pub(super) fn prepare(head: &mut RequestHead, client: &HeaderValue, scheme: Scheme, trusted: bool) {
    let headers = &mut head.headers;
    let concerns = Concerns::of(headers);
    let trailers = concerns.te() && has_token(headers, &TE, b"trailers");
    if concerns.hop_by_hop() {
        strip(headers);
    }
    // `Connection` may have named some of the others.
    let concerns = if concerns.hop_by_hop() { Concerns::of(headers) } else { concerns };
    if trailers {
        headers.insert(TE, HeaderValue::from_static("trailers"));
    }
    if concerns.expect() && head.version != Version::HTTP_11 {
        // Of others the server side takes care by itself.
        headers.remove(EXPECT);
    }
    match concerns.forwarded_for() {
        true => append_forwarded_for(headers, client),
        false => drop(headers.insert(X_FORWARDED_FOR, client.clone())),
    }
    if !trusted || !concerns.forwarded_proto() {
        headers.insert(X_FORWARDED_PROTO, HeaderValue::from_static(scheme.as_str()));
    }
    if trusted && concerns.forwarded_host() {
        return;
    }
    match headers.get(HOST).cloned() {
        Some(host) => drop(headers.insert(X_FORWARDED_HOST, host)),
        None if concerns.forwarded_host() => drop(headers.remove(X_FORWARDED_HOST)),
        None => {}
    }
}

/// Strips hop-by-hop fields and those that `Connection` names.
pub(super) fn strip_hop_by_hop(headers: &mut HeaderMap) {
    if Concerns::of(headers).hop_by_hop() {
        strip(headers);
    }
}

fn strip(headers: &mut HeaderMap) {
    let mut doomed: SmallVec<[HeaderName; 4]> = SmallVec::new();
    for (name, value) in headers.iter() {
        if !concerns::is_hop_by_hop(name) {
            continue;
        }
        if *name == CONNECTION {
            doomed.extend(tokens(value).filter_map(named));
        }
        // A transfer coding overrides a length (RFC 9112, 6.3): passed on alone, the length would cut the message.
        if *name == TRANSFER_ENCODING {
            doomed.push(CONTENT_LENGTH);
        }
        doomed.push(name.clone());
    }
    for name in doomed {
        headers.remove(name);
    }
}

/// A field that `Connection` names. Its own options, and what goes anyway, are none; nor is `Host`, by which the route was
/// found.
fn named(token: &[u8]) -> Option<HeaderName> {
    let is_option = token.eq_ignore_ascii_case(b"close") || token.eq_ignore_ascii_case(b"keep-alive");
    let name = HeaderName::from_bytes(token).ok().filter(|_| !is_option)?;
    (name != HOST).then_some(name)
}

/// The comma-separated items of a field's value.
fn tokens(value: &HeaderValue) -> impl Iterator<Item = &[u8]> {
    value.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii)
}

/// Whether one of the items of this field is `token`.
pub(super) fn has_token(headers: &HeaderMap, name: &HeaderName, token: &[u8]) -> bool {
    headers.get_all(name).iter().flat_map(tokens).any(|item| item.eq_ignore_ascii_case(token))
}

fn append_forwarded_for(headers: &mut HeaderMap, ip: &HeaderValue) {
    let mut all = Vec::new();
    for value in headers.get_all(X_FORWARDED_FOR) {
        all.extend_from_slice(value.as_bytes());
        all.extend_from_slice(b", ");
    }
    all.extend_from_slice(ip.as_bytes());
    if let Ok(all) = HeaderValue::from_bytes(&all) {
        headers.insert(X_FORWARDED_FOR, all);
    }
}

/// `base`, which does not end with a slash, and `target` with exactly one slash between them; escapes and query stay as
/// they are. `None` where the target is that already.
#[must_use]
pub fn join(base: &str, target: &PathAndQuery) -> Option<PathAndQuery> {
    if base.is_empty() {
        return None;
    }
    let target = target.as_str();
    let slash = if target.starts_with('/') { "" } else { "/" };
    PathAndQuery::try_from(format!("{base}{slash}{target}")).ok()
}

#[cfg(test)]
mod laws;

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(fields: &[(&'static str, &'static str)]) -> HeaderMap {
        let field =
            |(n, v): &(&'static str, &'static str)| (HeaderName::from_static(n), HeaderValue::from_static(v));
        fields.iter().map(field).collect()
    }

    fn prepared(fields: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut head = crate::exchange::Exchange::vacant().request;
        head.headers = HeaderMap::new();
        for (name, value) in headers(fields).iter() {
            head.headers.append(name, value.clone());
        }
        prepare(&mut head, &HeaderValue::from_static("10.0.0.1"), Scheme::Http, false);
        head.headers
    }

    #[test]
    fn fields_named_in_connection_are_stripped_with_it() {
        let left = prepared(&[
            ("connection", "close, X-Secret ,te"),
            ("x-secret", "1"),
            ("x-kept", "2"),
            ("te", "gzip"),
        ]);
        assert!(
            !left.contains_key("x-secret") && !left.contains_key("te") && !left.contains_key("connection")
        );
        assert_eq!(left["x-kept"], "2");
    }

    #[test]
    fn a_client_cannot_strip_the_host_or_what_the_gateway_adds() {
        let left = prepared(&[
            ("connection", "host, x-forwarded-for"),
            ("host", "a"),
            ("x-forwarded-for", "6.6.6.6"),
        ]);
        assert_eq!(left["host"], "a");
        assert_eq!(left["x-forwarded-for"], "10.0.0.1");
    }

    #[test]
    fn a_host_is_a_name_or_an_address_and_perhaps_a_port() {
        for host in
            ["a", "A.test", "a_b.test:80", "a:", "127.0.0.1:65535", "[::1]", "[::ffff:1.2.3.4]:80", "%C3%A9"]
        {
            assert!(is_host(host), "{host}");
        }
        for host in [
            "", ":80", "a b", "a,b", "a@b", "a/b", "a:b", "a:+1", "a:65536", "a:1:2", "[::1", "[a]", "::1",
            "[::1]a",
        ] {
            assert!(!is_host(host), "{host}");
        }
    }

    #[test]
    fn te_keeps_only_trailers() {
        assert_eq!(prepared(&[("te", "gzip, Trailers")])["te"], "trailers");
    }

    #[test]
    fn the_client_is_appended_to_the_forwarded_for_it_sent() {
        assert_eq!(
            prepared(&[("x-forwarded-for", "1.1.1.1, 2.2.2.2")])["x-forwarded-for"],
            "1.1.1.1, 2.2.2.2, 10.0.0.1"
        );
    }

    #[test]
    fn forwarded_host_and_proto_are_ours_to_say() {
        let left = prepared(&[
            ("host", "shop.example"),
            ("x-forwarded-host", "evil"),
            ("x-forwarded-proto", "https"),
        ]);
        assert_eq!(
            (&left["x-forwarded-host"], &left["x-forwarded-proto"]),
            (&HeaderValue::from_static("shop.example"), &HeaderValue::from_static("http"))
        );
    }

    #[test]
    fn paths_join_with_exactly_one_slash() {
        assert_eq!(join("", &PathAndQuery::from_static("/a")), None);
        for (base, target, joined) in [
            ("/base", "/a", "/base/a"),
            ("/base", "/", "/base/"),
            ("/base", "/a%2Fb?q=%2F&&x", "/base/a%2Fb?q=%2F&&x"),
            ("/b%20c", "//a", "/b%20c//a"),
        ] {
            assert_eq!(join(base, &PathAndQuery::from_static(target)).unwrap(), joined);
        }
    }
}
