//! Bodies: what a hook sees of one, and what it makes of it.

use gatewright_abi::{Code, Message};

use super::{Checked, Exchange, Phase};
use crate::BodyMode;

/// A body as it comes: piece by piece.
pub(crate) type Pieces = Vec<Vec<u8>>;

/// The bodies of an exchange.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bodies {
    pub(crate) request: Pieces,
    pub(crate) response: Pieces,
    window: Option<Window>,
}

/// What the running hook sees of a body.
#[derive(Clone, Debug)]
pub(super) struct Window {
    message: Message,
    mode: BodyMode,
    pub(super) bytes: Vec<u8>,
    pub(super) whole: bool,
    written: Vec<u8>,
}

impl Bodies {
    pub(crate) fn of(&mut self, message: Message) -> &mut Pieces {
        match message {
            Message::Request => &mut self.request,
            Message::Response => &mut self.response,
        }
    }
}

impl Exchange {
    /// The hook of `phase` begins, and has asked for its message's body in this way.
    pub(crate) fn enter(&mut self, phase: Phase, mode: BodyMode) {
        self.phase = phase;
        let message = if phase.is_request() { Message::Request } else { Message::Response };
        self.bodies.window = mode.window().map(|size| {
            let mut bytes = self.bodies.of(message).concat();
            let whole = bytes.len() <= size;
            bytes.truncate(size);
            Window { message, mode, bytes, whole, written: Vec::new() }
        });
    }

    /// A piece of a streamed body is at hand; `None` is its end.
    pub(crate) fn hand_over(&mut self, message: Message, piece: Option<Vec<u8>>) {
        self.phase = Phase::OnBody(message);
        let whole = piece.is_none();
        let (bytes, written) = (piece.unwrap_or_default(), Vec::new());
        self.bodies.window = Some(Window { message, mode: BodyMode::stream(), bytes, whole, written });
    }

    /// What was written in the place of the piece at hand.
    pub(crate) fn take_written(&mut self) -> Vec<u8> {
        self.bodies.window.take().map(|window| window.written).unwrap_or_default()
    }

    pub(super) fn window(&self, message: Message) -> Checked<&Window> {
        self.bodies.window.as_ref().filter(|window| window.message == message).ok_or(Code::Forbidden)
    }

    pub(super) fn replace_body(&mut self, message: Message, bytes: &[u8]) -> Checked<()> {
        let window = self.bodies.window.as_mut();
        let window = window.filter(|window| window.message == message && window.mode.is_buffer());
        window.ok_or(Code::Forbidden)?.bytes = bytes.to_vec();
        *self.bodies.of(message) = vec![bytes.to_vec()];
        Ok(())
    }

    pub(super) fn write_body(&mut self, bytes: &[u8]) -> Checked<()> {
        let window = self.bodies.window.as_mut().filter(|window| window.mode.is_stream());
        window.ok_or(Code::Forbidden)?.written.extend_from_slice(bytes);
        Ok(())
    }
}
