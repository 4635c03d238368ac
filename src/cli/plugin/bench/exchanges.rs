//! What the hooks are measured with: a browser's request to an API, and an application's response.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::uri::PathAndQuery;
use http::{Method, StatusCode, Version};

use crate::exchange::{Access, Exchange, RequestHead, RequestId, ResponseHead, Side, Window};
use crate::plugin::{BodyMode, BodyUse, Hook};

const REQUEST: [(&str, &str); 12] = [
    ("host", "shop.example"),
    ("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"),
    ("accept", "application/json, text/plain, */*"),
    ("accept-language", "en-GB,en;q=0.7,de;q=0.3"),
    ("accept-encoding", "gzip, deflate, br, zstd"),
    ("referer", "https://shop.example/cart"),
    ("cookie", "session=6f1c0d9a4be34a7f; theme=dark; consent=1"),
    ("authorization", "Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl"),
    ("x-user", "alice"),
    ("x-forwarded-for", "203.0.113.7"),
    ("x-forwarded-host", "shop.example"),
    ("x-forwarded-proto", "http"),
];

const RESPONSE: [(&str, &str); 12] = [
    ("server", "app"),
    ("date", "Thu, 01 Jan 2026 00:00:00 GMT"),
    ("content-type", "application/json; charset=utf-8"),
    ("content-length", "1024"),
    ("cache-control", "private, max-age=0, must-revalidate"),
    ("etag", "W/\"33a64df551425fcc55e4d42a148795d9f25f89d4\""),
    ("last-modified", "Wed, 31 Dec 2025 00:00:00 GMT"),
    ("vary", "accept-encoding, origin"),
    ("set-cookie", "session=6f1c0d9a4be34a7f; Path=/; HttpOnly; Secure"),
    ("x-powered-by", "app/1.2"),
    ("x-request-cost", "3"),
    ("strict-transport-security", "max-age=31536000"),
];

/// Copies of one exchange, each as it stands when it meets its first plugin.
pub(super) struct Exchanges {
    request: RequestHead,
    response: ResponseHead,
    body: Bytes,
    route: Arc<str>,
    upstream: Arc<str>,
}

/// Bytes of a body, and of a piece of one.
pub(super) const BODY: usize = 16 * 1024;

/// Fields that a head has room for besides those it has. A copy of a head has none, and the first field that is added
/// to it would make it grow: a cost of the copy, at a place where few of a gateway's heads meet it.
const ROOM: usize = 8;

/// What a guest may make of it.
const MAX_MADE: usize = 1 << 20;

impl Exchanges {
    pub(super) fn new() -> Self {
        Self {
            request: RequestHead {
                method: Method::GET,
                target: PathAndQuery::from_static("/api/v1/items/4711?page=2&sort=price"),
                version: Version::HTTP_11,
                headers: fields(&REQUEST),
            },
            response: ResponseHead { status: StatusCode::OK, headers: fields(&RESPONSE) },
            body:
                br#"{"item":4711,"name":"lamp","price":12.5},"#.iter().copied().cycle().take(BODY).collect(),
            route: Arc::from("bench"),
            upstream: Arc::from("bench"),
        }
    }

    pub(super) fn open(&self) -> Box<Exchange> {
        let client = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(203, 0, 113, 7)), 50_000);
        let route = Arc::clone(&self.route);
        let mut exchange = Exchange::open(RequestId::random(), client, route, self.request.clone());
        exchange.request.headers.reserve(ROOM);
        exchange.upstream = Some(Arc::clone(&self.upstream));
        Box::new(exchange)
    }

    /// The body that a hook has at hand: as much of it as the hook asks for.
    pub(super) fn window(&self, hook: Hook, used: BodyUse) -> Option<Window> {
        let side =
            if matches!(hook, Hook::OnRequest | Hook::Direct) { Side::Request } else { Side::Response };
        match used.mode {
            BodyMode::None | BodyMode::Stream => None,
            BodyMode::Peek(bytes) => {
                let seen = self.body.slice(..bytes.min(self.body.len()));
                Some(Window::new(side, seen, bytes >= self.body.len(), Access::Read))
            }
            BodyMode::Buffer => Some(Window::new(side, self.body.clone(), true, Access::Replace(MAX_MADE))),
        }
    }

    /// A piece of a body that streams.
    pub(super) fn piece(&self) -> Bytes {
        self.body.clone()
    }

    /// Gives the exchange its response, a plugin's answer before the upstream's.
    pub(super) fn respond(&self, exchange: &mut Exchange) {
        let answer = exchange.answer.take().map(|answer| answer.head);
        let mut response = answer.unwrap_or_else(|| self.response.clone());
        response.headers.reserve(ROOM);
        exchange.response = Some(response);
    }
}

fn fields(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
    let pair = |(name, value): &(&'static str, &'static str)| {
        (HeaderName::from_static(name), HeaderValue::from_static(value))
    };
    pairs.iter().map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_heads_that_hooks_meet_do_not_grow_by_a_few_fields() {
        let exchanges = Exchanges::new();
        let mut exchange = exchanges.open();
        exchanges.respond(&mut exchange);
        let response = &mut exchange.response.as_mut().unwrap().headers;
        for headers in [&mut exchange.request.headers, response] {
            let capacity = headers.capacity();
            for n in 0..ROOM {
                let name = HeaderName::try_from(format!("x-{n}")).unwrap();
                headers.insert(name, HeaderValue::from_static("1"));
            }
            assert_eq!(headers.capacity(), capacity);
        }
    }
}
