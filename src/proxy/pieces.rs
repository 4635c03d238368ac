use std::sync::Arc;

use bytes::Bytes;
use http_body::Frame;

use super::stall::Stall;

/// As much as a frame of HTTP/2 usually carries. hyper takes a piece before it knows whether the client will, and `h2` keeps
/// what the client does not: so this is what a client that reads nothing costs, and what it must take to be waited for.
const PIECE: usize = 16 << 10;

/// How a response's body goes into a stream of HTTP/2: piece by piece, and noting when a piece is not taken.
#[derive(Debug)]
pub(super) struct Pieces {
    stall: Arc<Stall>,
    /// What is to follow of what was too large for a piece.
    left: Bytes,
}

impl Pieces {
    pub(super) fn new(stall: Arc<Stall>) -> Self {
        Self { stall, left: Bytes::new() }
    }

    /// The client has taken the last piece. The next one, where there is one here.
    pub(super) fn next(&mut self) -> Option<Frame<Bytes>> {
        self.stall.note(false);
        (!self.left.is_empty()).then(|| self.piece())
    }

    /// The first piece of what comes next.
    pub(super) fn cut(&mut self, frame: Frame<Bytes>) -> Frame<Bytes> {
        match frame.into_data() {
            Ok(data) => {
                self.left = data;
                self.piece()
            }
            Err(trailers) => trailers,
        }
    }

    /// Whether nothing is left.
    pub(super) fn is_empty(&self) -> bool {
        self.left.is_empty()
    }

    fn piece(&mut self) -> Frame<Bytes> {
        self.stall.note(true);
        Frame::data(self.left.split_to(PIECE.min(self.left.len())))
    }
}
