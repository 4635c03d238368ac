use serde::Serialize;

/// How a hook wants the body of its message.
///
/// A hook that says nothing does not see the body, which then streams past and costs nothing. The others say so with a
/// constant of their role:
///
/// ```
/// use gatewright_sdk::prelude::*;
///
/// #[config]
/// struct Shout;
///
/// impl ModifyResponse for Shout {
///     const BODY: BodyMode = BodyMode::buffer().decoded();
///
///     fn modify_response(&self, response: &mut Response) -> Result<()> {
///         let text = response.body().text()?;
///         response.body_mut().replace(text.to_uppercase())
///     }
/// }
///
/// plugin!(Shout: ModifyResponse);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyMode {
    amount: Amount,
    content: Content,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Amount {
    None,
    Peek(u32),
    Buffer,
    Stream,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Content {
    Raw,
    Decoded,
    Recoded,
}

/// What a manifest says of a hook.
#[derive(Serialize)]
pub(crate) struct Declared {
    mode: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'static str>,
}

impl BodyMode {
    /// The hook does not see the body. The default.
    pub const NONE: Self = Self::of(Amount::None);

    /// The hook runs when the first `bytes` are at hand, or all there are. It cannot change them.
    #[must_use]
    pub const fn peek(bytes: u32) -> Self {
        Self::of(Amount::Peek(bytes))
    }

    /// The hook runs when the whole body is at hand, up to the plugin's `limits.body`. It may replace it.
    #[must_use]
    pub const fn buffer() -> Self {
        Self::of(Amount::Buffer)
    }

    /// The hook runs on the head alone, and may hand the body to a [`BodyStream`](crate::BodyStream).
    #[must_use]
    pub const fn stream() -> Self {
        Self::of(Amount::Stream)
    }

    /// Without its content coding (`gzip` and the like); what the hook makes of it is sent on without one. Where nothing
    /// is said the bytes are as they are on the wire.
    #[must_use]
    pub const fn decoded(self) -> Self {
        Self { content: Content::Decoded, ..self }
    }

    /// Without its content coding; what the hook makes of it gets the same coding again.
    #[must_use]
    pub const fn recoded(self) -> Self {
        Self { content: Content::Recoded, ..self }
    }

    /// Whether this is [`BodyMode::stream`], whatever the content.
    #[must_use]
    pub const fn is_stream(self) -> bool {
        matches!(self.amount, Amount::Stream)
    }

    /// Whether the hook may replace the body.
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) const fn is_buffer(self) -> bool {
        matches!(self.amount, Amount::Buffer)
    }

    /// How many bytes the hook sees, where it sees any.
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) fn window(self) -> Option<usize> {
        match self.amount {
            Amount::None | Amount::Stream => None,
            Amount::Peek(bytes) => Some(usize::try_from(bytes).unwrap_or(usize::MAX)),
            Amount::Buffer => Some(usize::MAX),
        }
    }

    /// As a manifest says it; `None` where it says nothing.
    pub(crate) const fn declared(self) -> Option<Declared> {
        let (mode, bytes) = match self.amount {
            Amount::None => return None,
            Amount::Peek(bytes) => ("peek", Some(bytes)),
            Amount::Buffer => ("buffer", None),
            Amount::Stream => ("stream", None),
        };
        let content = match self.content {
            Content::Raw => None,
            Content::Decoded => Some("decoded"),
            Content::Recoded => Some("recoded"),
        };
        Some(Declared { mode, bytes, content })
    }

    const fn of(amount: Amount) -> Self {
        Self { amount, content: Content::Raw }
    }
}

impl Default for BodyMode {
    fn default() -> Self {
        Self::NONE
    }
}
