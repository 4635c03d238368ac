use std::error::Error as _;
use std::rc::Rc;

use bytes::Bytes;
use http::header::HOST;
use http::uri::{Authority, Scheme, Uri};
use http::{Request, Response, Version};
use http_body::Body;
use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;

use super::multiplexed::Place;
use super::pool::Connections;
use super::stream::Look;

/// A connection to an endpoint, or a place on one that other exchanges use too. Dropped in the middle, the connection is
/// closed, or the place's stream is reset: that is how a request is cancelled.
pub struct Connection<B> {
    pub(super) use_of: Use<B>,
    pub(super) home: Rc<Connections<B>>,
    pub(super) endpoint: usize,
}

/// How an exchange uses a connection.
pub(super) enum Use<B> {
    /// HTTP/1: alone.
    Alone(SendRequest<B>, Look),
    /// HTTP/2: with others.
    Shared(Place<B>),
}

/// A request that got no response.
#[derive(Debug)]
pub struct SendError<B> {
    /// Why.
    pub error: hyper::Error,
    /// The request, where no byte of it was sent.
    pub unsent: Option<Request<B>>,
    /// Whether the endpoint said that it has not looked at it.
    pub refused: bool,
}

impl<B> Connection<B>
where
    B: Body<Data = Bytes> + Unpin + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    /// Sends the request and waits for the head of the response.
    ///
    /// # Errors
    /// [`SendError`], with the request where it may safely be sent again.
    pub async fn send(&mut self, request: Request<B>) -> Result<Response<Incoming>, SendError<B>> {
        let sent = match &mut self.use_of {
            Use::Alone(sender, _) => sender.try_send_request(request).await,
            Use::Shared(place) => {
                let https = self.home.is_https(self.endpoint);
                place.sender.try_send_request(as_http2(request, https)).await
            }
        };
        sent.map_err(|mut failed| {
            let unsent = failed.take_message();
            let error = failed.into_error();
            let refused = is_refusal(&error);
            SendError { error, unsent, refused }
        })
    }

    /// The endpoint's place in its upstream.
    #[must_use]
    pub fn endpoint(&self) -> usize {
        self.endpoint
    }

    /// Gives the connection back once the response has been read to its end.
    pub fn release(self) {
        let Self { use_of, home, endpoint } = self;
        let Use::Alone(mut sender, look) = use_of else { return };
        if sender.is_closed() {
            return;
        }
        if sender.is_ready() {
            return home.keep(endpoint, sender, look);
        }
        // The response is complete but the request is not: an endpoint may answer early. Wait for the rest.
        tokio::task::spawn_local(async move {
            if sender.ready().await.is_ok() {
                home.keep(endpoint, sender, look);
            }
        });
    }
}

/// HTTP/2 has the host in the request's target.
fn as_http2<B>(mut request: Request<B>, https: bool) -> Request<B> {
    *request.version_mut() = Version::HTTP_2;
    let host = request.headers().get(HOST).and_then(|host| Authority::try_from(host.as_bytes()).ok());
    let mut parts = std::mem::take(request.uri_mut()).into_parts();
    parts.scheme = host.is_some().then_some(if https { Scheme::HTTPS } else { Scheme::HTTP });
    parts.authority = host;
    let with_host = parts.authority.is_some();
    if let Ok(uri) = Uri::from_parts(parts) {
        *request.uri_mut() = uri;
        if with_host {
            request.headers_mut().remove(HOST);
        }
    }
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
