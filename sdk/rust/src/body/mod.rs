mod mode;
mod stream;

use gatewright_abi::Message;
use serde::de::DeserializeOwned;

use crate::error::{count, done};
use crate::read::text;
use crate::{Error, Result, host};

pub use mode::BodyMode;
pub(crate) use mode::Declared;
pub(crate) use stream::Streaming;
pub use stream::{BodyStream, Sink};

/// The body of a message, as much of it as the hook asked for with its [`BodyMode`].
///
/// Where the hook asked for none, or for [`stream`](BodyMode::stream), every call is refused with
/// [`Code::Forbidden`](crate::Code::Forbidden).
#[derive(Clone, Copy, Debug)]
pub struct Body {
    message: Message,
}

impl Body {
    pub(crate) const fn of(message: Message) -> Self {
        Self { message }
    }

    /// How many bytes are at hand: the first ones of a [`peek`](BodyMode::peek), all of a [`buffer`](BodyMode::buffer).
    pub fn size(&self) -> Result<usize> {
        count(host::body_size(self.message), "read size of the body of", self.message_name())
    }

    /// Whether the bytes at hand are all there are.
    pub fn is_whole(&self) -> Result<bool> {
        Ok(count(host::body_whole(self.message), "read end of the body of", self.message_name())? == 1)
    }

    /// The bytes at hand.
    pub fn read(&self) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.read_into(&mut bytes)?;
        Ok(bytes)
    }

    /// The bytes at hand as text; an error where they are not UTF-8.
    pub fn text(&self) -> Result<String> {
        text(self.read()?, self.reading(), self.message_name())
    }

    /// The bytes at hand, read as JSON; an error where they are none, or of another shape.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        let wrong = |error| Error::from(error).context(format_args!("body of the {}", self.message_name()));
        serde_json::from_slice(&self.read()?).map_err(wrong)
    }

    /// Puts the bytes at hand in the place of what `bytes` holds.
    pub(crate) fn read_into(&self, bytes: &mut Vec<u8>) -> Result<()> {
        bytes.clear();
        bytes.reserve(self.size()?);
        count(host::body_read(self.message, 0, bytes), self.reading(), self.message_name()).map(drop)
    }

    fn reading(&self) -> &'static str {
        "read body of"
    }

    fn message_name(&self) -> &'static str {
        match self.message {
            Message::Request => "request",
            Message::Response => "response",
        }
    }
}

/// The body of a message, to read and to replace.
#[derive(Debug)]
pub struct BodyMut(Body);

impl BodyMut {
    pub(crate) const fn of(message: Message) -> Self {
        Self(Body::of(message))
    }

    /// Replaces the whole body, where the hook asked for it with [`BodyMode::buffer`]. What is read from then on is the
    /// new one. More bytes than the plugin's `limits.body` are refused with [`Code::Limit`](crate::Code::Limit).
    pub fn replace(&mut self, bytes: impl AsRef<[u8]>) -> Result<()> {
        let answer = host::body_replace(self.0.message, bytes.as_ref());
        done(answer, "replace body of", self.0.message_name())
    }
}

impl std::ops::Deref for BodyMut {
    type Target = Body;

    fn deref(&self) -> &Body {
        &self.0
    }
}
