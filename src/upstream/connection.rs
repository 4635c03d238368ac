use std::error::Error as _;
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{HeaderMap, SEC_WEBSOCKET_KEY};
use http::uri::{Authority, Scheme, Uri};
use http::{Method, Request, Response, Version, response};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::ext::Protocol;
use tokio::time::timeout;

use super::error::WireError;
use super::http1::{Http1, Tunnel};
use super::multiplexed::Place;
use super::outgoing::{Interims, Outgoing};
use super::pool::Connections;
use super::proxy_header::Origin;
use super::upstream::Settings;

/// A connection to an endpoint, or a place on one that other exchanges use too. Dropped in the middle, the connection is
/// closed, or the place's stream is reset: that is how a request is cancelled.
pub struct Connection<B> {
    pub(super) use_of: Use<B>,
    pub(super) home: Rc<Connections<B>>,
    pub(super) endpoint: usize,
    /// Whom it was made for, where the endpoint has been told.
    pub(super) origin: Option<Rc<Origin>>,
}

/// What kind of connection an exchange can use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Whether it must speak HTTP/1, where otherwise it speaks what both sides agree on.
    pub http1: bool,
    /// Whom it must have been made for; `None` where connections are for everybody.
    pub origin: Option<Rc<Origin>>,
}

/// How an exchange uses a connection.
pub(super) enum Use<B> {
    /// HTTP/1: alone.
    Alone(Box<Http1>),
    /// HTTP/2: with others.
    Shared(Box<Share<B>>),
}

/// An exchange's part of a connection, and the body of its response, once there is one.
pub(super) struct Share<B>(pub(super) Place<B>, pub(super) Option<Incoming>);

/// A request that got no response.
#[derive(Debug)]
pub struct SendError<B> {
    /// Why.
    pub error: WireError,
    /// The request's body, where no byte of the request was sent.
    pub unsent: Option<B>,
    /// Whether the endpoint said that it has not looked at it.
    pub refused: bool,
}

impl<B> Connection<B>
where
    B: Body<Data = Bytes> + Unpin + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    /// Sends the request and waits for the head of the response. Its body then comes out of the connection. Over HTTP/2, an
    /// extended CONNECT that is agreed on leaves hyper's upgrade in the response.
    ///
    /// # Errors
    /// [`SendError`], with the request's body where it may safely be sent again.
    pub async fn send(
        &mut self,
        head: &Outgoing<'_>,
        body: B,
        interims: &impl Interims,
    ) -> Result<Response<()>, SendError<B>> {
        match &mut self.use_of {
            Use::Alone(connection) => connection.send(head, body, interims).await,
            Use::Shared(own) => {
                let Share(place, incoming) = &mut **own;
                let request = as_http2(head, body, self.home.is_https(self.endpoint));
                // In a box: exchanges over HTTP/1 should not be room for it.
                let (response, body) = Box::pin(share(place, request, interims)).await?.into_parts();
                if let Some(error) = flaw(&response, self.home.upstream().settings()) {
                    return Err(SendError { error, unsent: None, refused: false });
                }
                *incoming = Some(body);
                Ok(Response::from_parts(response, ()))
            }
        }
    }

    /// Whether a WebSocket may be asked for on it: over HTTP/2, only where the endpoint has announced extended CONNECT
    /// (RFC 8441). Waits for its settings, which are the first that it says, for as long as connecting may take.
    pub async fn takes_websockets(&self) -> bool {
        let Use::Shared(own) = &self.use_of else { return true };
        let limit = self.home.upstream().settings().connect_timeout;
        timeout(limit, own.0.takes_connect()).await.unwrap_or(false)
    }

    /// The endpoint's place in its upstream.
    #[must_use]
    pub fn endpoint(&self) -> usize {
        self.endpoint
    }

    /// The next piece of the response's body.
    pub fn poll_frame(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, WireError>>> {
        match &mut self.use_of {
            Use::Alone(connection) => connection.poll_frame(context),
            Use::Shared(own) => {
                let Some(incoming) = &mut own.1 else { return Poll::Ready(None) };
                let frame = Pin::new(incoming).poll_frame(context);
                frame.map(|frame| frame.map(|frame| frame.map_err(WireError::Http2)))
            }
        }
    }

    /// The connection after `101 Switching Protocols`; `None` for one that others use too, where the response has the tunnel.
    #[must_use]
    pub fn into_tunnel(self) -> Option<Tunnel> {
        match self.use_of {
            Use::Alone(connection) => connection.into_tunnel(),
            Use::Shared(_) => None,
        }
    }

    /// Gives the connection back once the response has been read to its end.
    pub fn release(self) {
        let Self { use_of: Use::Alone(mut connection), home, endpoint, origin } = self else { return };
        if !connection.is_reusable() {
            return;
        }
        if !connection.is_sending() {
            return home.keep(endpoint, connection, origin);
        }
        // The response is complete but the request is not: an endpoint may answer early. Wait for the rest.
        tokio::task::spawn_local(async move {
            if connection.sent().await {
                home.keep(endpoint, connection, origin);
            }
        });
    }
}

impl<B> Connection<B> {
    /// Whether the response's body has been read to its end.
    #[must_use]
    pub fn is_end_stream(&self) -> bool {
        match &self.use_of {
            Use::Alone(connection) => connection.is_end_stream(),
            Use::Shared(own) => own.1.as_ref().is_none_or(Body::is_end_stream),
        }
    }

    /// How much of the response's body is to come.
    #[must_use]
    pub fn size_hint(&self) -> SizeHint {
        match &self.use_of {
            Use::Alone(connection) => connection.size_hint(),
            Use::Shared(own) => own.1.as_ref().map_or(SizeHint::with_exact(0), Body::size_hint),
        }
    }
}

async fn share<B>(
    place: &mut Place<B>,
    mut request: Request<B>,
    interims: &impl Interims,
) -> Result<Response<Incoming>, SendError<B>>
where
    B: Body<Data = Bytes> + Unpin + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    // They come in on the connection's task, and whoever passes them on does so in this one.
    let waker = poll_fn(|context| Poll::Ready(context.waker().clone())).await;
    let interims = interims.clone();
    hyper::ext::on_informational(&mut request, move |response| {
        interims.came(response.status(), response.headers());
        waker.wake_by_ref();
    });
    place.sender.try_send_request(request).await.map_err(|mut failed| {
        let unsent = failed.take_message().map(Request::into_body);
        let error = failed.into_error();
        let refused = is_refusal(&error);
        let error = match is_malformed(&error) {
            true => WireError::Doubtful("the head is malformed, or much larger than `max_response_head`"),
            false => WireError::Http2(error),
        };
        SendError { error, unsent, refused }
    })
}

/// Why a response over HTTP/2 is refused.
fn flaw(response: &response::Parts, settings: &Settings) -> Option<WireError> {
    /// What a field counts for besides its bytes (RFC 9113, 6.5.2).
    const EACH: usize = 32;
    let headers = &response.headers;
    if response.status.as_u16() > 599 {
        return Some(WireError::Doubtful("a status above 599"));
    }
    let bytes = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + EACH).sum::<usize>();
    let is_large =
        headers.len() > settings.max_response_headers as usize || bytes > settings.max_response_head as usize;
    is_large.then_some(WireError::LargeHead)
}

/// Whether the library refuses this response: the connection's other streams are undisturbed.
fn is_malformed(error: &hyper::Error) -> bool {
    let cause = error.source().and_then(|cause| cause.downcast_ref::<h2::Error>());
    cause.is_some_and(|cause| {
        cause.is_library() && cause.is_reset() && cause.reason() == Some(h2::Reason::PROTOCOL_ERROR)
    })
}

/// HTTP/2 has the host in the request's target, and an upgrade in its method.
fn as_http2<B>(head: &Outgoing<'_>, body: B, https: bool) -> Request<B> {
    let mut request = Request::new(body);
    let mut headers = HeaderMap::with_capacity(head.headers.len());
    for (name, value) in head.headers.iter().filter(|(name, _)| head.passes(name)) {
        headers.append(name, value.clone());
    }
    *request.method_mut() = head.method.clone();
    // Of others there is no way to say them: the endpoint then answers as it would to anybody who wants nothing else.
    if head.upgrade.is_some_and(|change| change.is_websocket) {
        headers.remove(SEC_WEBSOCKET_KEY);
        *request.method_mut() = Method::CONNECT;
        request.extensions_mut().insert(Protocol::from_static("websocket"));
    }
    *request.headers_mut() = headers;
    *request.version_mut() = Version::HTTP_2;
    let authority = head.host.and_then(|host| Authority::try_from(host.as_bytes()).ok());
    let target = Uri::builder().path_and_query(head.target.clone());
    let target = match authority {
        Some(authority) => {
            target.scheme(if https { Scheme::HTTPS } else { Scheme::HTTP }).authority(authority)
        }
        None => target,
    };
    *request.uri_mut() = target.build().unwrap_or_else(|_| Uri::from(head.target.clone()));
    request
}

/// A stream that the endpoint refused, or did not get to before it said goodbye: it may be sent again (RFC 9113, 8.7).
fn is_refusal(error: &hyper::Error) -> bool {
    let cause = error.source().and_then(|cause| cause.downcast_ref::<h2::Error>());
    cause.is_some_and(|cause| {
        cause.is_remote()
            && (cause.reason() == Some(h2::Reason::REFUSED_STREAM)
                || cause.is_go_away() && cause.reason() == Some(h2::Reason::NO_ERROR))
    })
}

impl<B> std::fmt::Debug for Connection<B> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}
