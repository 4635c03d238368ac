//! What a route answers by itself, without an upstream.

use http::header::{HOST, HeaderMap, HeaderValue, LOCATION};

use super::body::Body;
use super::error::ProxyError;
use super::respond;
use crate::exchange::{Answer, Exchange, ResponseHead};
use crate::snapshot::{Piece, RouteAnswer};

/// The route's answer, which is then in the exchange, and its body.
pub(super) fn reply(answer: &RouteAnswer, exchange: &mut Exchange) -> Result<Body, ProxyError> {
    exchange.answer = Some(match answer {
        RouteAnswer::Respond { head, body } => Answer {
            head: ResponseHead { status: head.status, headers: head.headers.clone() },
            body: body.clone(),
        },
        RouteAnswer::Redirect { status, to } => {
            let mut headers = HeaderMap::with_capacity(2);
            headers.insert(LOCATION, location(to, exchange)?);
            Answer { head: ResponseHead { status: *status, headers }, body: bytes::Bytes::new() }
        }
    });
    respond::answered(exchange)
}

fn location(to: &[Piece], exchange: &Exchange) -> Result<HeaderValue, ProxyError> {
    let mut location = String::new();
    for piece in to {
        match piece {
            Piece::Text(text) => location.push_str(text),
            Piece::Path => location.push_str(exchange.request.target.as_str()),
            Piece::Host => location.push_str(host(&exchange.request.headers)?),
        }
    }
    HeaderValue::try_from(location).map_err(|_| ProxyError::BadRequest("a target that cannot be redirected"))
}

/// The host without its port.
fn host(headers: &HeaderMap) -> Result<&str, ProxyError> {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let host = host.ok_or(ProxyError::BadRequest("no host to redirect to"))?;
    let name = host.rsplit_once(':').filter(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()));
    Ok(name.map_or(host, |(name, _)| name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_no_part_of_the_host() {
        for (field, name) in
            [("a.test", "a.test"), ("a.test:8080", "a.test"), ("[::1]:80", "[::1]"), ("[::1]", "[::1]")]
        {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, HeaderValue::from_static(field));
            assert_eq!(host(&headers).unwrap(), name, "{field}");
        }
    }
}
