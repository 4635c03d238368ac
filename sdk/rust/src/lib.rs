#![doc = include_str!("../README.md")]
//!
//! # Map
//!
//! | | |
//! |---|---|
//! | [`Plugin`], [`macro@config`], [`NoConfig`], [`HeaderName`], [`Period`] | what a plugin is made from |
//! | [`Director`], [`Middleware`], [`ModifyResponse`] | the roles; [`plugin!`] exports them |
//! | [`Tick`] | what is done from time to time |
//! | [`Request`], [`Direction`], [`Response`] | what the hooks are given |
//! | [`Headers`], [`HeadersMut`], [`AllHeaders`], [`Attributes`] | what these hold |
//! | [`Flow`], [`Answer`] | how a middleware goes on, or does not |
//! | [`BodyMode`], [`Body`], [`BodyMut`], [`BodyStream`], [`Sink`] | bodies: whole, their beginning, or as they pass |
//! | [`kv`] | what lasts from one exchange to the next |
//! | [`http`] | requests to upstreams |
//! | [`log`], [`metrics`], [`clock`], [`random`] | the rest of the gateway |
//! | [`Error`], [`Result`], [`Code`] | what can go wrong |
//! | [`testing`] | the gateway's part in native tests |

mod answer;
mod attributes;
mod body;
pub mod clock;
mod error;
#[doc(hidden)]
pub mod guest;
mod headers;
mod host;
pub mod http;
pub mod kv;
pub mod log;
pub mod metrics;
mod name;
mod period;
mod plugin;
pub mod random;
mod read;
mod request;
mod response;
mod role;
#[cfg(not(target_arch = "wasm32"))]
pub mod testing;
mod tick;

pub use answer::Answer;
pub use attributes::Attributes;
pub use body::{Body, BodyMode, BodyMut, BodyStream, Sink};
pub use error::{Error, Result};
pub use gatewright_abi::Code;
pub use gatewright_sdk_macros::config;
pub use headers::{AllHeaders, Headers, HeadersMut};
pub use name::HeaderName;
pub use period::Period;
pub use plugin::{Guest, NoConfig, Plugin};
pub use request::{Direction, Request};
pub use response::Response;
pub use role::{Director, Flow, Middleware, ModifyResponse, Role};
pub use tick::Tick;

/// The `serde_json` that this crate speaks, so that a plugin needs none of its own.
pub use serde_json;

/// What a plugin is written with: `use gatewright_sdk::prelude::*;`.
pub mod prelude {
    pub use crate::Flow::Continue;
    pub use crate::{
        Answer, BodyMode, BodyStream, Direction, Director, Error, Flow, HeaderName, Middleware,
        ModifyResponse, Period, Plugin, Request, Response, Result, Sink, Tick, clock, config, http, kv, log,
        metrics, plugin, random,
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

/// So is that of the page for those who come from elsewhere.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/coming-from.md")]
mod coming_from {}
