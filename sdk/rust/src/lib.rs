#![doc = include_str!("../README.md")]
//!
//! # Map
//!
//! | | |
//! |---|---|
//! | [`Plugin`], [`macro@config`], [`NoConfig`], [`HeaderName`] | what a plugin is made from |
//! | [`Director`], [`Middleware`], [`ModifyResponse`] | the roles; [`plugin!`] exports them |
//! | [`Request`], [`Direction`], [`Response`] | what the hooks are given |
//! | [`Headers`], [`HeadersMut`], [`AllHeaders`], [`Attributes`] | what these hold |
//! | [`Flow`], [`Answer`] | how a middleware goes on, or does not |
//! | [`kv`] | what lasts from one exchange to the next |
//! | [`log`], [`clock`] | the rest of the gateway |
//! | [`Error`], [`Result`], [`Code`] | what can go wrong |
//! | [`testing`] | the gateway's part in native tests |

mod answer;
mod attributes;
pub mod clock;
mod error;
#[doc(hidden)]
pub mod guest;
mod headers;
mod host;
pub mod kv;
pub mod log;
mod name;
mod plugin;
mod read;
mod request;
mod response;
mod role;
#[cfg(not(target_arch = "wasm32"))]
pub mod testing;

pub use answer::Answer;
pub use attributes::Attributes;
pub use error::{Error, Result};
pub use gatewright_abi::Code;
pub use gatewright_sdk_macros::config;
pub use headers::{AllHeaders, Headers, HeadersMut};
pub use name::HeaderName;
pub use plugin::{Guest, NoConfig, Plugin};
pub use request::{Direction, Request};
pub use response::Response;
pub use role::{Director, Flow, Middleware, ModifyResponse, Role};

/// The `serde_json` that this crate speaks, so that a plugin needs none of its own.
pub use serde_json;

/// What a plugin is written with: `use gatewright_sdk::prelude::*;`.
pub mod prelude {
    pub use crate::Flow::Continue;
    pub use crate::{
        Answer, Direction, Director, Error, Flow, HeaderName, Middleware, ModifyResponse, Plugin, Request,
        Response, Result, clock, config, kv, log, plugin,
    };
    pub use serde_json::json;
}

/// For the code that the macros write.
#[doc(hidden)]
pub mod __private {
    pub use {schemars, serde};
}

/// The code of the guide is compiled with that of this crate.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/writing-plugins.md")]
mod guide {}
