use std::fmt;

use serde::Deserialize;

use super::instance::Hook;
use crate::exchange::Side;

/// The most bytes that a hook may peek at.
const MAX_PEEK: usize = 1 << 20;

/// How a hook wants the body of its message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BodyUse {
    /// How much of it.
    pub mode: BodyMode,
    /// In which coding.
    pub content: Content,
}

/// How much of a body a hook wants, and when.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BodyMode {
    /// Nothing: it streams past.
    #[default]
    None,
    /// The first bytes, up to this many, before the hook runs.
    Peek(usize),
    /// All of it before the hook runs.
    Buffer,
    /// Piece by piece after the hook has run.
    Stream,
}

/// In which coding a hook wants a body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Content {
    /// As it is on the wire.
    #[default]
    Raw,
    /// Without its content coding. What the guest makes of it goes on without one.
    Decoded,
    /// Without its content coding. What the guest makes of it gets the same one again.
    Recoded,
}

impl fmt::Display for BodyUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.mode {
            BodyMode::None => f.write_str("none")?,
            BodyMode::Peek(bytes) => write!(f, "peek {bytes}")?,
            BodyMode::Buffer => f.write_str("buffer")?,
            BodyMode::Stream => f.write_str("stream")?,
        }
        f.write_str(match self.content {
            Content::Raw => "",
            Content::Decoded => ", decoded",
            Content::Recoded => ", decoded and coded again",
        })
    }
}

/// `bodies` of the manifest: for each hook how it wants the body of its message.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Bodies {
    #[serde(default)]
    on_request: Declared,
    #[serde(default)]
    direct: Declared,
    #[serde(default)]
    modify_response: Declared,
    #[serde(default)]
    on_response: Declared,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Declared {
    #[serde(default)]
    mode: Mode,
    #[serde(default)]
    bytes: Option<usize>,
    #[serde(default)]
    content: Content,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Mode {
    #[default]
    None,
    Peek,
    Buffer,
    Stream,
}

impl Bodies {
    /// What `hook` asks for.
    pub(super) fn of(&self, hook: Hook) -> BodyUse {
        self.declared(hook).map(|declared| declared.body_use()).unwrap_or_default()
    }

    /// Whether any hook wants to stream.
    pub(super) fn stream(&self) -> bool {
        Hook::SERVING.into_iter().any(|hook| self.of(hook).mode == BodyMode::Stream)
    }

    /// What is wrong with what is declared.
    pub(super) fn check(&self) -> Result<(), String> {
        let wrong = Hook::SERVING.into_iter().find_map(|hook| {
            let declared = self.declared(hook)?;
            let fits = match (declared.mode, declared.bytes) {
                (Mode::Peek, Some(bytes)) => (1..=MAX_PEEK).contains(&bytes),
                (Mode::Peek, None) | (_, Some(_)) => false,
                (_, None) => true,
            };
            (!fits).then(|| format!("bodies.{hook}: `bytes` goes with `peek`, and is from 1 to {MAX_PEEK}"))
        });
        wrong.map_or(Ok(()), Err)
    }

    fn declared(&self, hook: Hook) -> Option<&Declared> {
        match hook {
            Hook::OnRequest => Some(&self.on_request),
            Hook::Direct => Some(&self.direct),
            Hook::ModifyResponse => Some(&self.modify_response),
            Hook::OnResponse => Some(&self.on_response),
            Hook::Init | Hook::OnBody | Hook::OnTick => None,
        }
    }
}

impl Declared {
    fn body_use(self) -> BodyUse {
        let mode = match self.mode {
            Mode::None => BodyMode::None,
            Mode::Peek => BodyMode::Peek(self.bytes.unwrap_or(0)),
            Mode::Buffer => BodyMode::Buffer,
            Mode::Stream => BodyMode::Stream,
        };
        BodyUse { mode, content: self.content }
    }
}

impl Hook {
    /// The message whose body this hook may ask for.
    pub(super) fn side(self) -> Side {
        if self.is_request_phase() { Side::Request } else { Side::Response }
    }
}
