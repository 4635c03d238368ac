//! What a proxy does to header fields, before any guest sees them.
//!
//! Hop-by-hop fields go first: were they stripped after the director, a client could name a field in `Connection` and so
//! delete what the director had added.

use http::header::{
    CONNECTION, CONTENT_LENGTH, EXPECT, HOST, HeaderName, HeaderValue, PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION, TE, TRANSFER_ENCODING, UPGRADE,
};
use http::uri::PathAndQuery;
use http::{HeaderMap, Method, Version, request};
use smallvec::SmallVec;

use super::error::ProxyError;
use super::http2;
use crate::exchange::{RequestHead, Scheme};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");

/// Fields that belong to one connection. `Trailer` is not among them: what it announces is passed on.
const HOP_BY_HOP: [HeaderName; 8] = [
    CONNECTION,
    PROXY_CONNECTION,
    KEEP_ALIVE,
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    TE,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// The host that the client asks for: an absolute target's own, else the `Host` field.
pub(super) fn host(head: &request::Parts) -> Result<Option<&str>, ProxyError> {
    if head.method == Method::CONNECT {
        return Err(ProxyError::Connect);
    }
    if head.version == Version::HTTP_2 {
        return http2::host(head);
    }
    if let Some(authority) = head.uri.authority() {
        return Ok(Some(authority.as_str()));
    }
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

/// Strips what belongs to the client's connection and says on whose behalf the request is sent.
pub(super) fn prepare(head: &mut RequestHead, client: &HeaderValue, scheme: Scheme) {
    let headers = &mut head.headers;
    let trailers = accepts_trailers(headers);
    strip_hop_by_hop(headers);
    if trailers {
        headers.insert(TE, HeaderValue::from_static("trailers"));
    }
    // The server side answers `Expect` by itself as soon as the body is asked for.
    headers.remove(EXPECT);
    append_forwarded_for(headers, client);
    headers.insert(X_FORWARDED_PROTO, HeaderValue::from_static(scheme.as_str()));
    match headers.get(HOST).cloned() {
        Some(host) => headers.insert(X_FORWARDED_HOST, host),
        None => headers.remove(X_FORWARDED_HOST),
    };
}

/// Strips hop-by-hop fields and those that `Connection` names.
pub(super) fn strip_hop_by_hop(headers: &mut HeaderMap) {
    // Most messages over kept connections have none: comparing names is cheaper than looking each one up.
    if !headers.keys().any(|name| HOP_BY_HOP.contains(name)) {
        return;
    }
    // A transfer coding overrides a length (RFC 9112, 6.3): passed on alone, the length would cut the message.
    if headers.contains_key(TRANSFER_ENCODING) {
        headers.remove(CONTENT_LENGTH);
    }
    if headers.contains_key(CONNECTION) {
        strip_named(headers);
    }
    for name in &HOP_BY_HOP {
        headers.remove(name);
    }
}

fn strip_named(headers: &mut HeaderMap) {
    let tokens = headers.get_all(CONNECTION).iter().flat_map(tokens);
    let named: SmallVec<[HeaderName; 4]> =
        tokens.filter_map(|token| HeaderName::from_bytes(token).ok()).collect();
    // `Host` is no field of the connection: the route was found by it.
    for name in named.into_iter().filter(|name| name != HOST) {
        headers.remove(name);
    }
}

/// The comma-separated items of a field's value.
fn tokens(value: &HeaderValue) -> impl Iterator<Item = &[u8]> {
    value.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii)
}

/// Whether one of the items of this field is `token`.
pub(super) fn has_token(headers: &HeaderMap, name: &HeaderName, token: &[u8]) -> bool {
    headers.get_all(name).iter().flat_map(tokens).any(|item| item.eq_ignore_ascii_case(token))
}

fn accepts_trailers(headers: &HeaderMap) -> bool {
    headers.contains_key(TE) && has_token(headers, &TE, b"trailers")
}

fn append_forwarded_for(headers: &mut HeaderMap, ip: &HeaderValue) {
    if !headers.contains_key(X_FORWARDED_FOR) {
        headers.insert(X_FORWARDED_FOR, ip.clone());
        return;
    }
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

/// `base` and `target` with exactly one slash between them; escapes and query stay as they are.
pub(super) fn join(base: &str, target: &PathAndQuery) -> Option<PathAndQuery> {
    if base.is_empty() {
        return Some(target.clone());
    }
    let target = target.as_str();
    let slash = if target.starts_with('/') { "" } else { "/" };
    PathAndQuery::try_from(format!("{base}{slash}{target}")).ok()
}

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
        prepare(&mut head, &HeaderValue::from_static("10.0.0.1"), Scheme::Http);
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
        for (base, target, joined) in [
            ("", "/a", "/a"),
            ("/base", "/a", "/base/a"),
            ("/base", "/", "/base/"),
            ("/base", "/a%2Fb?q=%2F&&x", "/base/a%2Fb?q=%2F&&x"),
            ("/b%20c", "//a", "/b%20c//a"),
        ] {
            assert_eq!(join(base, &PathAndQuery::from_static(target)).unwrap(), joined);
        }
    }
}
