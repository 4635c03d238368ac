//! What [`plugin!`](crate::plugin) expands to calls: the exports of a plugin, each as a function over its instance.
//!
//! Nothing here is for plugins to call by name.

use std::cell::Cell;
use std::marker::PhantomData;

use gatewright_abi::{Code, hook};
use serde::Serialize;

use crate::{
    Direction, Director, Error, Flow, Guest, Middleware, ModifyResponse, Plugin, Request, Response, Result,
    Role, host, read,
};

/// Where the one plugin of an instance lives after `init`.
#[derive(Debug)]
pub struct Slot<T: 'static>(Cell<Option<&'static T>>);

impl<T> Slot<T> {
    /// A slot before `init`.
    #[must_use]
    pub const fn new() -> Self {
        Self(Cell::new(None))
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

/// The manifest as JSON.
pub(crate) fn manifest_json<G: Guest>() -> String {
    #[derive(Serialize)]
    struct Manifest {
        name: &'static str,
        version: &'static str,
        roles: Vec<&'static str>,
        config: schemars::Schema,
    }
    let manifest = Manifest {
        name: G::NAME,
        version: G::VERSION,
        roles: G::ROLES.iter().map(|role| role.name()).collect(),
        config: schemars::SchemaGenerator::default().into_root_schema_for::<G::Config>(),
    };
    // Strings and a tree of JSON cannot fail to be written; an empty manifest is refused by the gateway.
    serde_json::to_string(&manifest).unwrap_or_default()
}

/// Makes the plugin from its configuration.
pub fn init<G: Guest>(slot: &Slot<G>) -> i32 {
    host::report_panics();
    finish(load::<G>().map(|plugin| {
        // Never dropped: an instance ends with its memory.
        slot.0.set(Some(Box::leak(Box::new(plugin))));
        hook::CONTINUE
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
        guest.direct(&mut Request::of_exchange(), &mut Direction::of_exchange())?;
        Ok(hook::CONTINUE)
    })
}

/// The middleware's request phase.
pub fn on_request<G: Guest>(slot: &Slot<G>) -> i32 {
    run(slot, |guest| match guest.on_request(&mut Request::of_exchange())? {
        Flow::Continue => Ok(hook::CONTINUE),
        Flow::Answer(answer) => {
            answer.give()?;
            Ok(hook::ANSWERED)
        }
    })
}

/// The middleware's response phase.
pub fn on_response<G: Guest>(slot: &Slot<G>) -> i32 {
    run(slot, |guest| {
        guest.on_response(&mut Response::of_exchange())?;
        Ok(hook::CONTINUE)
    })
}

/// The modify-response hook.
pub fn modify_response<G: Guest>(slot: &Slot<G>) -> i32 {
    run(slot, |guest| {
        guest.modify_response(&mut Response::of_exchange())?;
        Ok(hook::CONTINUE)
    })
}

fn run<G: Guest>(slot: &Slot<G>, hook: impl FnOnce(&'static G) -> Result<i32>) -> i32 {
    finish(match slot.0.get() {
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

/// Asks the compiler which roles `T` implements: each constant is this type's own where the trait is implemented, and
/// that of [`NotImplemented`] where it is not.
#[derive(Debug)]
pub struct Implements<T>(PhantomData<T>);

impl<T: Director> Implements<T> {
    /// `T` is a director.
    pub const DIRECTOR: bool = true;
}

impl<T: Middleware> Implements<T> {
    /// `T` is a middleware.
    pub const MIDDLEWARE: bool = true;
}

impl<T: ModifyResponse> Implements<T> {
    /// `T` modifies responses.
    pub const MODIFY_RESPONSE: bool = true;
}

/// See [`Implements`].
pub trait NotImplemented {
    /// Not a director.
    const DIRECTOR: bool = false;
    /// Not a middleware.
    const MIDDLEWARE: bool = false;
    /// Does not modify responses.
    const MODIFY_RESPONSE: bool = false;
}

impl<T> NotImplemented for Implements<T> {}

/// Fails to compile where a role is implemented but not named: it would never be called, and nobody would notice.
///
/// # Panics
///
/// Then, so in a constant.
#[allow(clippy::panic, reason = "evaluated by the compiler only, where a panic is a compile error")]
pub const fn check_roles(named: &[Role], [director, middleware, modify_response]: [bool; 3]) {
    if director && !names(named, Role::Director) {
        panic!("`Director` is implemented, but `plugin!` does not name it");
    }
    if middleware && !names(named, Role::Middleware) {
        panic!("`Middleware` is implemented, but `plugin!` does not name it");
    }
    if modify_response && !names(named, Role::ModifyResponse) {
        panic!("`ModifyResponse` is implemented, but `plugin!` does not name it");
    }
}

const fn names(mut roles: &[Role], wanted: Role) -> bool {
    while let Some((role, rest)) = roles.split_first() {
        if *role as u8 == wanted as u8 {
            return true;
        }
        roles = rest;
    }
    false
}
