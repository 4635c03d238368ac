use std::fmt;

use gatewright_abi::{Message, hook};

use super::Body;
use crate::error::done;
use crate::{Result, host};

/// Changes a body while it passes: what a hook with [`BodyMode::stream`](crate::BodyMode::stream) hands to
/// [`Request::stream`](crate::Request::stream) or [`Response::stream`](crate::Response::stream).
///
/// It lives as long as the body, so it may keep what straddles two pieces. Pieces are as they come from the network: no
/// border means anything. What is not written to `out` is gone.
///
/// ```
/// use gatewright_sdk::prelude::*;
///
/// /// Writes each line when it has come whole.
/// #[derive(Default)]
/// struct Lines {
///     begun: Vec<u8>,
/// }
///
/// impl BodyStream for Lines {
///     fn piece(&mut self, piece: &[u8], out: &mut Sink) -> Result<()> {
///         self.begun.extend_from_slice(piece);
///         if let Some(end) = self.begun.iter().rposition(|byte| *byte == b'\n') {
///             let rest = self.begun.split_off(end + 1);
///             out.write(&self.begun)?;
///             self.begun = rest;
///         }
///         Ok(())
///     }
///
///     fn end(&mut self, out: &mut Sink) -> Result<()> {
///         out.write(&self.begun)
///     }
/// }
/// ```
///
/// A function of a piece and a [`Sink`] is one, too.
pub trait BodyStream {
    /// The next piece; never empty.
    fn piece(&mut self, piece: &[u8], out: &mut Sink) -> Result<()>;

    /// The body has ended. Not called after [`Sink::pass_rest`].
    fn end(&mut self, _out: &mut Sink) -> Result<()> {
        Ok(())
    }
}

impl<F: FnMut(&[u8], &mut Sink) -> Result<()>> BodyStream for F {
    fn piece(&mut self, piece: &[u8], out: &mut Sink) -> Result<()> {
        self(piece, out)
    }
}

/// Where a [`BodyStream`] writes what goes on.
#[derive(Debug)]
pub struct Sink {
    passes_rest: bool,
}

impl Sink {
    /// Sends these bytes on. For one piece, up to the plugin's `limits.body`.
    pub fn write(&mut self, bytes: impl AsRef<[u8]>) -> Result<()> {
        match bytes.as_ref() {
            [] => Ok(()),
            bytes => done(host::body_write(bytes), "write to", "body"),
        }
    }

    /// There is nothing more to do: what comes after this piece goes on untouched. Of this piece only what is written.
    pub fn pass_rest(&mut self) {
        self.passes_rest = true;
    }
}

/// A body on its way through a [`BodyStream`].
pub(crate) struct Streaming {
    message: Message,
    transform: Box<dyn BodyStream>,
    piece: Vec<u8>,
    is_over: bool,
}

impl Streaming {
    pub(crate) fn new(message: Message, transform: impl BodyStream + 'static) -> Self {
        Self { message, transform: Box::new(transform), piece: Vec::new(), is_over: false }
    }

    /// Sends the piece at hand through, with the end of the body where this is it; what
    /// [`ON_BODY`](gatewright_abi::export::ON_BODY) returns.
    pub(crate) fn advance(&mut self) -> Result<i32> {
        let body = Body::of(self.message);
        body.read_into(&mut self.piece)?;
        self.is_over = body.is_whole()?;
        let mut out = Sink { passes_rest: false };
        if !self.piece.is_empty() {
            self.transform.piece(&self.piece, &mut out)?;
        }
        if out.passes_rest {
            self.is_over = true;
            return Ok(hook::DONE);
        }
        if self.is_over {
            self.transform.end(&mut out)?;
        }
        Ok(hook::CONTINUE)
    }

    /// Whether there is nothing left to do.
    pub(crate) fn is_over(&self) -> bool {
        self.is_over
    }

    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) fn message(&self) -> Message {
        self.message
    }
}

impl fmt::Debug for Streaming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Streaming").field("message", &self.message).finish_non_exhaustive()
    }
}
