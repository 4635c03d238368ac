use std::rc::Rc;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;

use super::pool::Connections;

/// A connection to an endpoint, held by one exchange. Dropped in the middle, it is closed: that is how a request is
/// cancelled.
pub struct Connection<B> {
    pub(super) sender: SendRequest<B>,
    pub(super) home: Rc<Connections<B>>,
    pub(super) endpoint: usize,
}

/// A request that got no response.
#[derive(Debug)]
pub struct SendError<B> {
    /// Why.
    pub error: hyper::Error,
    /// The request, where no byte of it was sent.
    pub unsent: Option<Request<B>>,
}

impl<B> Connection<B>
where
    B: Body<Data = Bytes> + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    /// Sends the request and waits for the head of the response.
    ///
    /// # Errors
    /// [`SendError`], with the request where it may safely be sent again.
    pub async fn send(&mut self, request: Request<B>) -> Result<Response<Incoming>, SendError<B>> {
        self.sender.try_send_request(request).await.map_err(|mut failed| {
            let unsent = failed.take_message();
            SendError { error: failed.into_error(), unsent }
        })
    }

    /// Gives the connection back once the response has been read to its end.
    pub fn release(self) {
        if self.sender.is_closed() {
            return;
        }
        if self.sender.is_ready() {
            return self.keep();
        }
        // The response is complete but the request is not: an endpoint may answer early. Wait for the rest.
        tokio::task::spawn_local(async move {
            let mut connection = self;
            if connection.sender.ready().await.is_ok() {
                connection.keep();
            }
        });
    }

    fn keep(self) {
        let Self { sender, home, endpoint, .. } = self;
        home.keep(endpoint, sender);
    }
}

impl<B> std::fmt::Debug for Connection<B> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}
