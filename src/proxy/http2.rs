//! What a request that came over HTTP/2 needs to be one of HTTP/1. The server side has refused what has no place in
//! HTTP/2: fields of the connection, line breaks, a body of another length than announced.

use http::header::{COOKIE, HOST, HeaderValue};
use http::{HeaderMap, request};

use super::error::ProxyError;

/// The host that the client asks for. `:authority` and `Host` that differ would be one thing to the router and another
/// to the upstream.
pub(super) fn host(head: &request::Parts) -> Result<Option<&str>, ProxyError> {
    let field = single_host(&head.headers)?;
    let host = match (head.uri.authority(), field) {
        (None, None) => return Err(ProxyError::BadRequest("HTTP/2 without :authority or a Host field")),
        (None, Some(host)) => host,
        (Some(authority), field) => {
            if field.is_some_and(|host| !host.eq_ignore_ascii_case(authority.as_str())) {
                return Err(ProxyError::BadRequest(":authority and the Host field differ"));
            }
            authority.as_str()
        }
    };
    if host.contains('@') {
        return Err(ProxyError::BadRequest("user and password in the host"));
    }
    Ok(Some(host))
}

fn single_host(headers: &HeaderMap) -> Result<Option<&str>, ProxyError> {
    let mut hosts = headers.get_all(HOST).iter();
    let first = hosts.next().map(HeaderValue::to_str).transpose();
    match (first, hosts.next()) {
        (Ok(host), None) => Ok(host),
        (Err(_), _) => Err(ProxyError::BadRequest("the Host field is not readable")),
        (_, Some(_)) => Err(ProxyError::BadRequest("more than one Host field")),
    }
}

/// Puts a cookie that came in crumbs together again (RFC 9113, 8.2.3).
pub(super) fn join_cookies(headers: &mut HeaderMap) {
    let mut crumbs = headers.get_all(COOKIE).iter();
    if crumbs.next().is_none() || crumbs.next().is_none() {
        return;
    }
    let all: Vec<&[u8]> = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if let Ok(cookie) = HeaderValue::from_bytes(&all.join(&b"; "[..])) {
        headers.insert(COOKIE, cookie);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(uri: &str, hosts: &[&str]) -> request::Parts {
        let request = hosts.iter().fold(http::Request::get(uri), |request, host| request.header(HOST, *host));
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn authority_and_host_must_agree() {
        assert_eq!(host(&head("http://a.example/", &[])).unwrap(), Some("a.example"));
        assert_eq!(host(&head("http://a.example/", &["A.example"])).unwrap(), Some("a.example"));
        assert_eq!(host(&head("/", &["a.example"])).unwrap(), Some("a.example"));
        for refused in [
            head("http://a.example/", &["b.example"]),
            head("http://a.example/", &["a.example", "a.example"]),
            head("http://a.example/", &["a.example:80"]),
            head("http://user@a.example/", &[]),
            head("/", &[]),
            head("/", &["a.example", "a.example"]),
        ] {
            assert!(matches!(host(&refused), Err(ProxyError::BadRequest(_))), "{refused:?}");
        }
    }

    #[test]
    fn a_cookie_in_crumbs_becomes_one() {
        let mut headers = HeaderMap::new();
        for crumb in ["a=1", "b=2", "c=3"] {
            headers.append(COOKIE, HeaderValue::from_static(crumb));
        }
        join_cookies(&mut headers);
        let all: Vec<_> = headers.get_all(COOKIE).iter().collect();
        assert_eq!(all, ["a=1; b=2; c=3"]);
    }
}
