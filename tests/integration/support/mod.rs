//! What the tests are written in: gateways, backends, and messages as they are on the wire.

mod backend;
mod bridge;
mod dns;
pub(crate) mod frames;
mod gateway;
mod guest;
mod http2;
mod http2_backend;
mod log;
mod message;
mod metrics;
mod rows;
mod tls;
mod wait;
pub(crate) mod websocket;
mod wire;

pub(crate) use backend::{Backend, Connection, Refusing};
pub(crate) use bridge::{unix_backend, unix_front};
pub(crate) use dns::Dns;
pub(crate) use gateway::{Gateway, Outcome, Setup, check, plugin_tool, plugin_tool_in, plugins_folder, run};
pub(crate) use guest::{guest, hostile, module};
pub(crate) use http2::{Answer, Body as Outgoing, Http2, get2, pieces, whole};
pub(crate) use http2_backend::Http2Backend;
pub(crate) use log::message;
pub(crate) use message::{Message, Reply, Request};
pub(crate) use metrics::Metrics;
pub(crate) use rows::{Row, each_row};
pub(crate) use tls::{Authority, Front, Issued, Secure};
pub(crate) use wait::{DEADLINE, Gate, eventually};
pub(crate) use wire::Wire;
