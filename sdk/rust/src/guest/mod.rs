//! What [`plugin!`](crate::plugin) expands to calls: the exports of a plugin, each as a function over its instance.
//!
//! Nothing here is for plugins to call by name.

mod manifest;
mod roles;

use std::cell::Cell;
use std::fmt;

use gatewright_abi::{Code, hook};

use crate::body::Streaming;
use crate::{BodyMode, Direction, Error, Flow, Guest, Plugin, Request, Response, Result, host, read, tick};

pub(crate) use manifest::manifest_json;
pub use roles::{Implements, NotImplemented, check_roles, check_tick};

/// Where the one plugin of an instance lives after `init`, and the body that it streams.
pub struct Slot<T: 'static> {
    plugin: Cell<Option<&'static T>>,
    stream: Cell<Option<Streaming>>,
}

impl<T> Slot<T> {
    /// A slot before `init`.
    #[must_use]
    pub const fn new() -> Self {
        Self { plugin: Cell::new(None), stream: Cell::new(None) }
    }

    /// Keeps what a hook handed its body to, for [`on_body`].
    fn keep(&self, stream: Option<Streaming>, mode: BodyMode) -> Result<i32> {
        match accepted(stream, mode)? {
            None => Ok(hook::CONTINUE),
            stream => {
                self.stream.set(stream);
                Ok(hook::STREAM)
            }
        }
    }
}

/// What a hook handed its body to, if it may.
pub(crate) fn accepted(stream: Option<Streaming>, mode: BodyMode) -> Result<Option<Streaming>> {
    if stream.is_some() && !mode.is_stream() {
        return Err("a body is streamed, but its hook does not ask for `BodyMode::stream()`".into());
    }
    Ok(stream)
}

impl<T> fmt::Debug for Slot<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slot").finish_non_exhaustive()
    }
}

impl<T> Default for Slot<T> {
    fn default() -> Self {
        Self::new()
    }
}

/// The manifest, as a packed range that stays where it is.
#[must_use]
pub fn manifest<G: Guest>() -> i64 {
    let json: &'static str = manifest_json::<G>().leak();
    host::packed(json.as_bytes())
}

/// Whether there is a hook that may stream.
const fn streams<G: Guest>() -> bool {
    G::ON_REQUEST_BODY.is_stream()
        || G::DIRECT_BODY.is_stream()
        || G::MODIFY_RESPONSE_BODY.is_stream()
        || G::ON_RESPONSE_BODY.is_stream()
}

/// Makes the plugin from its configuration.
pub fn init<G: Guest>(slot: &Slot<G>) -> i32 {
    host::report_panics();
    finish(load::<G>().and_then(|plugin| {
        // Known to the compiler: who does not tick does not import the timer either.
        if const { G::TICKS } {
            tick::every(plugin.period())?;
        }
        // Never dropped: an instance ends with its memory.
        slot.plugin.set(Some(Box::leak(Box::new(plugin))));
        Ok(hook::CONTINUE)
    }))
}

fn load<P: Plugin>() -> Result<P> {
    let json = read::read(host::config).map_err(|code: Code| Error::from(code).context("read config"))?;
    P::load(serde_json::from_slice(&json).map_err(|error| config_error(&error))?)
}

/// What is wrong with a configuration. The place in the JSON is left out: people wrote TOML, and have not seen it.
pub(crate) fn config_error(error: &serde_json::Error) -> Error {
    let message = error.to_string();
    let message = message.rsplit_once(" at line ").map_or(message.as_str(), |(message, _place)| message);
    Error::from(message).context("config")
}

/// The director's hook.
pub fn direct<G: Guest>(slot: &Slot<G>) -> i32 {
    run(slot, |guest| {
        let mut request = Request::of_exchange();
        guest.direct(&mut request, &mut Direction::of_exchange())?;
        slot.keep(request.into_stream(), G::DIRECT_BODY)
    })
}

/// The middleware's request phase.
pub fn on_request<G: Guest>(slot: &Slot<G>) -> i32 {
    run(slot, |guest| {
        let mut request = Request::of_exchange();
        match guest.on_request(&mut request)? {
            Flow::Continue if request.is_unused() => Ok(hook::UNUSED),
            Flow::Continue => slot.keep(request.into_stream(), G::ON_REQUEST_BODY),
            Flow::Answer(answer) => {
                answer.give()?;
                Ok(hook::ANSWERED)
            }
        }
    })
}

/// The middleware's response phase.
pub fn on_response<G: Guest>(slot: &Slot<G>) -> i32 {
    run(slot, |guest| {
        let mut response = Response::of_exchange();
        guest.on_response(&mut response)?;
        match response.is_unused() {
            true => Ok(hook::UNUSED),
            false => slot.keep(response.into_stream(), G::ON_RESPONSE_BODY),
        }
    })
}

/// The modify-response hook.
pub fn modify_response<G: Guest>(slot: &Slot<G>) -> i32 {
    run(slot, |guest| {
        let mut response = Response::of_exchange();
        guest.modify_response(&mut response)?;
        slot.keep(response.into_stream(), G::MODIFY_RESPONSE_BODY)
    })
}

/// A piece of the body that a hook streams.
pub fn on_body<G: Guest>(slot: &Slot<G>) -> i32 {
    // Known to the compiler: who does not stream does not import bodies either.
    if !const { streams::<G>() } {
        return hook::FAILED;
    }
    finish(match slot.stream.take() {
        Some(mut stream) => {
            let outcome = stream.advance();
            slot.stream.set(Some(stream).filter(|stream| !stream.is_over()));
            outcome
        }
        None => Err("called with a piece of a body that is not streamed".into()),
    })
}

/// A period has passed.
pub fn on_tick<G: Guest>(slot: &Slot<G>) -> i32 {
    run(slot, |guest| guest.on_tick().map(|()| hook::CONTINUE))
}

fn run<G: Guest>(slot: &Slot<G>, hook: impl FnOnce(&'static G) -> Result<i32>) -> i32 {
    finish(match slot.plugin.get() {
        Some(guest) => hook(guest),
        None => Err("called before init".into()),
    })
}

fn finish(result: Result<i32>) -> i32 {
    result.unwrap_or_else(|error| {
        host::fail(error.to_string().as_bytes());
        hook::FAILED
    })
}
