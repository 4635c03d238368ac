//! HTTP/1.1 as a client speaks it, one exchange at a time on a connection.
//!
//! Whoever waits for the response drives the connection: there is no task beside the exchange's, nothing to wake and
//! nothing to hand over. Only a request whose response came before its end goes on by itself.

mod chunked;
mod head;
mod incoming;
#[cfg(test)]
mod tests;
mod tunnel;
mod upload;

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};

use bytes::{Bytes, BytesMut};
use http::{Method, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use tokio::io::{AsyncRead as _, AsyncReadExt as _, ReadBuf};
use tokio::task::JoinHandle;

pub(super) use self::head::Bounds;
use self::head::Head;
use self::incoming::Incoming;
pub use self::tunnel::Tunnel;
use self::upload::{Upload, UploadError};
use super::connection::SendError;
use super::error::WireError;
use super::outgoing::{Interims, Outgoing};
use super::stream::Stream;

/// Bytes that are read at a time: most responses fit into one such piece,
const READ: usize = 8 << 10;

/// and large bodies come in pieces of this size at most.
const MAX_READ: usize = 128 << 10;

/// A connection that serves one exchange at a time.
pub(super) struct Http1 {
    /// Shared with what is left of a request when its response has begun.
    stream: Rc<RefCell<Stream>>,
    /// What has come in and has not been used.
    inbox: BytesMut,
    /// How much of that does not contain the end of a head.
    searched: usize,
    /// What is written to; kept for its memory.
    outbox: Vec<u8>,
    incoming: Incoming,
    bounds: Bounds,
    /// Whether another exchange may follow.
    persists: bool,
    rest: Option<Rest>,
}

/// A request that goes on after the head of its response: whether it gets there. Dropped, it is given up.
struct Rest(JoinHandle<bool>);

impl Future for Rest {
    type Output = bool;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<bool> {
        Pin::new(&mut self.0).poll(context).map(|ended| ended.unwrap_or(false))
    }
}

impl Drop for Rest {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Http1 {
    pub(super) fn new(stream: Stream, bounds: Bounds) -> Self {
        Self {
            stream: Rc::new(RefCell::new(stream)),
            inbox: BytesMut::new(),
            searched: 0,
            outbox: Vec::new(),
            incoming: Incoming::Ended,
            bounds,
            persists: true,
            rest: None,
        }
    }

    /// Whether the endpoint has neither closed the idle connection nor sent anything on it, as far as the runtime has
    /// heard. That costs no system call; `certainly` asks the kernel.
    pub(super) fn is_quiet(&self, certainly: bool) -> bool {
        let mut stream = self.stream.borrow_mut();
        if certainly && !stream.is_quiet() {
            return false;
        }
        let mut byte = [0];
        let mut byte = ReadBuf::new(&mut byte);
        // Through TLS, what has nothing to do with the exchanges is read here too.
        Pin::new(&mut *stream).poll_read(&mut Context::from_waker(Waker::noop()), &mut byte).is_pending()
    }

    /// Sends the request and waits for the head of the response. The body then comes from [`Http1::poll_frame`].
    pub(super) async fn send<B>(
        &mut self,
        head: &Outgoing<'_>,
        body: B,
        interims: &impl Interims,
    ) -> Result<Response<()>, SendError<B>>
    where
        B: Body<Data = Bytes> + Unpin + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        self.persists = false;
        let mut upload = Upload::new(head, body, std::mem::take(&mut self.outbox));
        let answered = poll_fn(|context| self.poll_answer(context, &mut upload, head.method, interims)).await;
        match answered {
            Ok(response) => {
                if upload.is_complete() {
                    self.outbox = upload.into_buffer();
                } else if upload.broke().is_some() {
                    // The endpoint has answered and takes no more: nothing is left to wait for.
                    self.persists = false;
                } else {
                    self.rest = Some(Rest::begin(Rc::clone(&self.stream), upload));
                }
                Ok(response)
            }
            Err(error) => Err(SendError { error, unsent: upload.into_unsent(), refused: false }),
        }
    }

    /// Writes and reads at the same time: an endpoint may answer before it has all of the request, and one that takes no
    /// more of it may have said why.
    fn poll_answer<B>(
        &mut self,
        context: &mut Context<'_>,
        upload: &mut Upload<B>,
        method: &Method,
        interims: &impl Interims,
    ) -> Poll<Result<Response<()>, WireError>>
    where
        B: Body<Data = Bytes> + Unpin,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let uploaded = upload.poll(&mut self.stream.borrow_mut(), context);
        match uploaded {
            Poll::Ready(Err(UploadError::Body(error))) => return Poll::Ready(Err(WireError::Request(error))),
            Poll::Ready(Err(UploadError::Stream(error))) if !upload.has_begun() => {
                return Poll::Ready(Err(WireError::Stream(error)));
            }
            _ => {}
        }
        let error = match ready!(self.poll_head(context, method, interims)) {
            Ok(response) => return Poll::Ready(Ok(response)),
            Err(error) => error,
        };
        // That the endpoint closed is the consequence, not the cause.
        match (error, upload.broke()) {
            (WireError::Closed, Some(cause)) => Poll::Ready(Err(WireError::Stream(cause))),
            (error, _) => Poll::Ready(Err(error)),
        }
    }

    fn poll_head(
        &mut self,
        context: &mut Context<'_>,
        method: &Method,
        interims: &impl Interims,
    ) -> Poll<Result<Response<()>, WireError>> {
        loop {
            match head::take(&mut self.inbox, &mut self.searched, self.bounds) {
                Err(error) => return Poll::Ready(Err(error)),
                Ok(Some(Head { response, .. })) if is_interim(response.status()) => {
                    interims.came(response.status(), response.headers());
                    // Whoever passes it on does so in this task.
                    context.waker().wake_by_ref();
                }
                Ok(Some(head)) => {
                    self.incoming = Incoming::of(&head, method);
                    self.persists = head.persists && self.incoming.is_delimited();
                    return Poll::Ready(Ok(head.response));
                }
                Ok(None) => match ready!(self.poll_fill(context, READ)) {
                    Ok(0) if self.inbox.is_empty() => return Poll::Ready(Err(WireError::Closed)),
                    Ok(0) => return Poll::Ready(Err(WireError::Incomplete)),
                    Ok(_) => {}
                    Err(error) => return Poll::Ready(Err(WireError::Stream(error))),
                },
            }
        }
    }

    /// Reads more: how many bytes came. Room for `wanted` is made only where there is hardly any left: pieces that come
    /// in small share their memory, so that a client who takes them slowly holds no more of it than they are.
    fn poll_fill(&mut self, context: &mut Context<'_>, wanted: usize) -> Poll<io::Result<usize>> {
        if self.inbox.capacity() - self.inbox.len() < READ {
            self.inbox.reserve(wanted);
        }
        let mut stream = self.stream.borrow_mut();
        pin!(stream.read_buf(&mut self.inbox)).poll(context)
    }

    /// The next piece of the response's body.
    pub(super) fn poll_frame(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, WireError>>> {
        loop {
            if let Incoming::Broken(error) = &mut self.incoming {
                return Poll::Ready(error.take().map(Err));
            }
            let broken = match self.incoming.take(&mut self.inbox, self.bounds) {
                Ok(Some(frame)) => return Poll::Ready(Some(Ok(frame))),
                Ok(None) if self.incoming.is_ended() => return Poll::Ready(None),
                Ok(None) => {
                    match ready!(self.poll_fill(context, self.incoming.wanted().clamp(READ, MAX_READ))) {
                        Ok(0) if self.incoming.end_with_stream() => continue,
                        Ok(0) => WireError::Incomplete,
                        Ok(_) => continue,
                        Err(error) => WireError::Stream(error),
                    }
                }
                Err(error) => error,
            };
            self.persists = false;
            self.incoming = Incoming::Broken(Some(broken));
            // What came before it goes on first: whoever writes it gets the chance to.
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
    }

    pub(super) fn is_end_stream(&self) -> bool {
        self.incoming.is_ended()
    }

    pub(super) fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }

    /// Whether another exchange can follow, once what is left of the request has got there.
    pub(super) fn is_reusable(&self) -> bool {
        self.persists && self.incoming.is_ended() && self.inbox.is_empty()
    }

    /// Whether the request is still going on.
    pub(super) fn is_sending(&self) -> bool {
        self.rest.is_some()
    }

    /// Waits for the rest of the request: whether it gets there.
    pub(super) async fn sent(&mut self) -> bool {
        match self.rest.take() {
            Some(rest) => rest.await,
            None => true,
        }
    }

    /// Gives back memory that an idle connection does not need.
    pub(super) fn shrink(&mut self) {
        self.inbox = BytesMut::new();
    }

    /// What the connection is after `101 Switching Protocols`.
    pub(super) fn into_tunnel(self) -> Option<Tunnel> {
        let stream = Rc::into_inner(self.stream)?.into_inner();
        Some(Tunnel { read: self.inbox.freeze(), stream })
    }
}

fn is_interim(status: StatusCode) -> bool {
    status.is_informational() && status != StatusCode::SWITCHING_PROTOCOLS
}

impl Rest {
    fn begin<B>(stream: Rc<RefCell<Stream>>, mut upload: Upload<B>) -> Self
    where
        B: Body<Data = Bytes> + Unpin + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        Self(tokio::task::spawn_local(async move {
            poll_fn(|context| upload.poll(&mut stream.borrow_mut(), context)).await.is_ok()
        }))
    }
}
