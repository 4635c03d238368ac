//! From an exchange's outcome to the response that the client gets.

use std::rc::Rc;

use bytes::Bytes;
use http::header::{ALLOW, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use http::{HeaderMap, Response, StatusCode, Version};
use tokio::time::sleep_until;
use tracing::{debug, error};

use super::body::Body;
use super::error::ProxyError;
use super::peer::Open;
use super::record::Record;
use super::view::View;
use crate::exchange::{Exchange, ResponseHead};

/// The response to an error. The client learns the status and how to ask about it, nothing else.
pub(super) fn to_error(error: &ProxyError, exchange: &mut Exchange) -> Body {
    let status = error.status();
    let (id, route) = (exchange.id, &*exchange.route);
    match error {
        ProxyError::Plugin(failed) if failed.quiet => {}
        ProxyError::Plugin(failed) => {
            error!(request_id = %id, route, status = status.as_u16(), kind = failed.failure.kind(), "{failed}");
        }
        error if error.is_ours() => error!(request_id = %id, route, status = status.as_u16(), "{error}"),
        error => debug!(request_id = %id, route, status = status.as_u16(), "{error}"),
    }
    let mut headers = HeaderMap::with_capacity(3);
    if error.ends_connection() {
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    if status == StatusCode::METHOD_NOT_ALLOWED {
        headers.insert(ALLOW, HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"));
    }
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    let text =
        format!("{} {}\nrequest {id}\n", status.as_u16(), status.canonical_reason().unwrap_or("Error"));
    reply(exchange, ResponseHead { status, headers }, Bytes::from(text))
}

/// The response that a plugin made.
pub(super) fn answered(exchange: &mut Exchange) -> Result<Body, ProxyError> {
    let Some(answer) = exchange.answer.take() else { return Err(ProxyError::NoRoute) };
    Ok(reply(exchange, answer.head, answer.body))
}

/// The response to an extended CONNECT, where only a tunnel may answer 2xx.
pub(super) fn to_connect(exchange: &mut Exchange, body: Body) -> Body {
    match exchange.response.as_ref().map(|response| response.status) {
        Some(status) if status.is_success() => to_error(&ProxyError::NotSwitched(status), exchange),
        _ => body,
    }
}

fn reply(exchange: &mut Exchange, head: ResponseHead, body: Bytes) -> Body {
    let bodiless = matches!(head.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    let mut head = head;
    if !bodiless {
        head.headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    }
    exchange.response = Some(head);
    if bodiless { Body::empty() } else { Body::full(body) }
}

/// The response as hyper sends it. From here on the body carries all that ends with it.
pub(super) fn finish(
    mut exchange: Box<Exchange>,
    mut body: Body,
    mut record: Record,
    view: Rc<View>,
    open: Open,
) -> Response<Body> {
    let head = exchange.response.take();
    let head = head.unwrap_or(ResponseHead { status: StatusCode::BAD_GATEWAY, headers: HeaderMap::new() });
    let over_http2 = exchange.request.version == Version::HTTP_2;
    record.head(head.status, exchange);
    // Over HTTP/1 hyper leaves it out by itself.
    if record.is_to_head() {
        body.leave_out();
    }
    let deadline = open.peer().patience.request.map(|limit| record.started() + limit);
    let tail = body.tail();
    tail.record = Some(record);
    tail.open = Some(open);
    tail.view = Some(view);
    tail.deadline = deadline.map(|deadline| Box::pin(sleep_until(deadline.into())));
    let mut response = Response::new(body);
    // HTTP/2 has no 101: it agrees with 200. For plugins, the log and metrics a tunnel is a tunnel.
    *response.status_mut() = match head.status {
        StatusCode::SWITCHING_PROTOCOLS if over_http2 => StatusCode::OK,
        status => status,
    };
    *response.headers_mut() = head.headers;
    response
}
