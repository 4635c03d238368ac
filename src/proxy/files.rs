//! Answering from a folder of files: what `forward` is where there are endpoints.

use std::sync::Arc;
use std::time::Instant;

use super::body::Body;
use super::error::ProxyError;
use super::record::Record;
use crate::exchange::{Exchange, ResponseHead};
use crate::files::{Folder, Tally};

/// The folder's response: its head is then in the exchange, its body is returned.
pub(super) async fn serve(
    folder: &Arc<Folder>,
    tally: &Tally,
    exchange: &mut Exchange,
    record: &mut Record,
) -> Result<Body, ProxyError> {
    let upstream = || folder.name().to_owned();
    if let Some(endpoint) = exchange.direction.endpoint.clone() {
        return Err(ProxyError::UnknownEndpoint { upstream: upstream(), endpoint });
    }
    record.look(folder);
    let (started, request) = (Instant::now(), &exchange.request);
    let response = folder.answer(&request.method, &request.target, &request.headers).await;
    record.upstream_time = Some(started.elapsed());
    let status = response.as_ref().map_or(500, |response| response.status().as_u16());
    tally.answered(status);
    let (head, file) =
        response.map_err(|error| ProxyError::Files { upstream: upstream(), error })?.into_parts();
    exchange.response = Some(ResponseHead { status: head.status, headers: head.headers });
    Ok(Body::from_file(file))
}
