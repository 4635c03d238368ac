use std::marker::PhantomData;

use crate::{Director, Middleware, ModifyResponse, Role, Tick};

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

impl<T: Tick> Implements<T> {
    /// `T` ticks.
    pub const TICK: bool = true;
}

/// See [`Implements`].
pub trait NotImplemented {
    /// Not a director.
    const DIRECTOR: bool = false;
    /// Not a middleware.
    const MIDDLEWARE: bool = false;
    /// Does not modify responses.
    const MODIFY_RESPONSE: bool = false;
    /// Does not tick.
    const TICK: bool = false;
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

/// Fails to compile where a tick is implemented but not named.
///
/// # Panics
///
/// Then, so in a constant.
#[allow(clippy::panic, reason = "evaluated by the compiler only, where a panic is a compile error")]
pub const fn check_tick(named: bool, implemented: bool) {
    if implemented && !named {
        panic!("`Tick` is implemented, but `plugin!` does not name it");
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
