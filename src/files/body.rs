use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tower_http::services::fs::ServeFileSystemResponseBody;

/// A file, or a range of one, on its way to the client: as many bytes as its response announced. It is read as it is
/// taken, up to 64 KiB ahead.
pub struct FileBody {
    content: Content,
    /// Bytes that are to come.
    left: u64,
}

enum Content {
    /// The little that an error says.
    Text(Bytes),
    /// On the disk.
    Disk(ServeFileSystemResponseBody),
}

impl FileBody {
    pub(super) fn text(text: impl Into<Bytes>) -> Self {
        let text = text.into();
        let left = text.len() as u64;
        Self { content: Content::Text(text), left }
    }

    pub(super) fn disk(body: ServeFileSystemResponseBody, length: u64) -> Self {
        Self { content: Content::Disk(body), left: length }
    }

    /// Sends nothing of it.
    pub(super) fn leave_out(self) -> Self {
        Self::text("")
    }
}

impl Body for FileBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let Self { content, left } = self.get_mut();
        if *left == 0 {
            return Poll::Ready(None);
        }
        let mut data = match content {
            Content::Text(text) => std::mem::take(text),
            Content::Disk(body) => match std::task::ready!(Pin::new(body).poll_frame(context)?) {
                Some(frame) => frame.into_data().unwrap_or_default(),
                None => Bytes::new(),
            },
        };
        if data.is_empty() {
            return Poll::Ready(Some(Err(io::ErrorKind::UnexpectedEof.into())));
        }
        // The file may have grown since its length was announced.
        data.truncate(usize::try_from(*left).unwrap_or(usize::MAX));
        *left -= data.len() as u64;
        Poll::Ready(Some(Ok(Frame::data(data))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

impl fmt::Debug for FileBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileBody").field("left", &self.left).finish_non_exhaustive()
    }
}
