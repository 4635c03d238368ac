//! Requests of guests: the same way to an endpoint as any other, and the whole response at its end.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::FutureExt as _;
use http::header::HOST;
use http_body::Body as _;
use http_body_util::BodyExt;
use tokio::time::timeout;
use tracing::debug;

use super::body::Body;
use super::error::ProxyError;
use super::forward;
use super::record::Record;
use super::view::{UpstreamView, View};
use crate::exchange::{
    Exchange, Outbound, OutboundCall, OutboundError, OutboundResponse, RequestId, Sending,
};

/// How long a file may take where the guest sets no limit: as long as an endpoint, unless its upstream says otherwise.
const FILE_TIMEOUT: Duration = Duration::from_secs(30);

impl Outbound for View {
    fn send(self: Rc<Self>, call: OutboundCall) -> Sending {
        Box::pin(async move {
            match call.timeout {
                Some(limit) => within(limit, fetch(&self, call)).await,
                None => fetch(&self, call).await,
            }
        })
    }
}

async fn fetch(view: &View, call: OutboundCall) -> Result<OutboundResponse, OutboundError> {
    let OutboundCall { upstream, head, body, timeout, max_body, id, client, local } = call;
    let place = view.snapshot.upstream(&upstream);
    let mut exchange = Exchange::open(id, client, Arc::clone(&view.snapshot.no_route), head);
    exchange.local = local;
    exchange.direction.host_set = exchange.request.headers.contains_key(HOST);
    // What the guest allows is counted around all of it: a guest's impatience is not the endpoint's failure.
    exchange.direction.timeout = timeout.map(|limit| limit.max(response_timeout(view, place)));
    let mut record = Record::unwritten(&exchange);
    let mut body = Body::full(body);
    let sent = forward::forward(view, place, &mut exchange, &mut record, &mut body, None).await;
    sent.map_err(|error| reason(&error, id, &upstream))?;
    let head = exchange.response.take().ok_or(OutboundError::Unreachable)?;
    let body = match timeout {
        Some(_) => collect(body, max_body).await?,
        None => within(response_timeout(view, place), collect(body, max_body)).await?,
    };
    Ok(OutboundResponse { head, body })
}

/// Why there is no response, as the guest sees it. The log says it more exactly.
fn reason(error: &ProxyError, id: RequestId, upstream: &str) -> OutboundError {
    debug!(request_id = %id, upstream, "a plugin's request failed: {error}");
    match error {
        ProxyError::Late { .. } => OutboundError::Timeout,
        _ => OutboundError::Unreachable,
    }
}

/// How long the upstream may take for the head, and where the guest sets no limit, for the body.
fn response_timeout(view: &View, place: Option<usize>) -> Duration {
    match place.and_then(|place| view.upstreams.get(place)) {
        Some(UpstreamView::Endpoints { connections, .. }) => {
            connections.upstream().settings().response_timeout
        }
        Some(UpstreamView::Files { .. }) => FILE_TIMEOUT,
        None => Duration::ZERO,
    }
}

fn within<T>(
    limit: Duration,
    what: impl Future<Output = Result<T, OutboundError>>,
) -> impl Future<Output = Result<T, OutboundError>> {
    timeout(limit, what).map(|ended| ended.unwrap_or(Err(OutboundError::Timeout)))
}

/// All of a body, if it is no larger than it may be.
async fn collect(mut body: Body, max: usize) -> Result<Bytes, OutboundError> {
    if body.size_hint().lower() > max as u64 {
        return Err(OutboundError::TooLarge);
    }
    let mut whole = Bytes::new();
    let mut more = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| OutboundError::Unreachable)?.into_data() else { continue };
        if whole.len() + more.len() + data.len() > max {
            return Err(OutboundError::TooLarge);
        }
        // Most bodies come in one piece, which need not be copied.
        if whole.is_empty() && more.is_empty() {
            whole = data;
        } else {
            more.extend_from_slice(&std::mem::take(&mut whole));
            more.extend_from_slice(&data);
        }
    }
    Ok(if more.is_empty() { whole } else { more.freeze() })
}
