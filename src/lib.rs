//! Gatewright: a programmable HTTP gateway.
//!
//! A reverse proxy with load balancing, whose policy is WebAssembly: *directors*, *middleware* and *modify-response*
//! plugins, swapped under load together with the configuration. This page is the map.
//!
//! # Layout
//!
//! A module imports from rows above its own, never from below. Modules of one row do not know each other, except that
//! [`reload`] drives [`server`].
//!
//! | | |
//! |---|---|
//! | `gatewright_abi` | the contract with guests: names, codes, packing; the Rust SDK has the same one |
//! | [`config`] | the TOML file as data, and every mistake in it with its place; no runtime types |
//! | [`metrics`] | numbers for whoever watches: cells to count in, and the page that shows them |
//! | [`balance`] | the algorithms: ids and weights in, an index out |
//! | [`route`] | which rule takes a request; ties are refused at load |
//! | [`exchange`] | one request with its response, as plugins see it; plain data |
//! | [`kv`] | what plugins remember from one exchange to the next: the store, and the embedded one |
//! | [`tls`] | certificates, keys and trust; who is on the other end |
//! | [`socket`] | sockets of both kinds, TCP and Unix |
//! | [`upstream`] | endpoints, their health, and the pooled connections to them (→ `balance`, `metrics`, `socket`, `tls`) |
//! | [`files`] | folders that requests are answered from, in the place of endpoints (→ `metrics`) |
//! | [`plugin`] | the Wasm host: modules, instances, budgets, host calls (→ `exchange`, `kv`, `metrics`, `gatewright_abi`) |
//! | [`snapshot`] | the one place where configuration becomes runtime, and the swap of one for the next |
//! | [`proxy`] | one request's way; only here do plugins, upstreams and files meet |
//! | [`server`], [`reload`], [`admin`] | sockets and workers; a new configuration, whole or not at all; the admin listener |
//! | [`handover`] | the listening sockets to a new process |
//! | [`gateway`] | all of these from start to stop |
//! | [`cli`] | the command line; `main.rs` calls it |
//!
//! # The life of a request
//!
//! | | | an error's status |
//! |---|---|---|
//! | `server::worker` | accepts on the worker's own socket | |
//! | `server::connection` | hyper parses; limits and deadlines hold | 400, 431, or closed |
//! | [`proxy::Proxy::handle`] | loads the snapshot once: it is this exchange's to the end | |
//! | `proxy::find_route` | host, path, method, headers → route | 400, 404, 405 |
//! | `proxy::headers` | strips hop-by-hop fields, adds `X-Forwarded-*`, before any guest runs | |
//! | `proxy::chain` | middleware, request phase, outermost first; one may answer | 500 |
//! | `proxy::chain` | director: rewrites the request, may choose where it goes | 500 |
//! | `proxy::forward` | balancer picks among the usable endpoints | 503 |
//! | `proxy::forward` | sends, on a kept connection or a new one, and elsewhere where that is safe | 502, 504 |
//! | `proxy::files` | in the place of these two, where the upstream is a folder of files | 500 |
//! | `proxy::chain` | modify-response | 500, 502 |
//! | `proxy::chain` | middleware, response phase, innermost first, on error responses too | 500 |
//! | `proxy::respond` | the response as the client gets it; its body carries what ends with it | |
//! | `proxy::record` | one line in the access log when the body has ended, or broke off | |
//!
//! `docs/life-of-a-request.md` tells the same with every failure, `docs/rationale.md` why it is so.

pub mod config;

pub mod balance;
pub mod exchange;
pub mod kv;
pub mod metrics;
pub mod route;
pub mod socket;
pub mod tls;

pub mod files;
pub mod plugin;
pub mod upstream;

pub mod snapshot;

pub mod proxy;

pub mod admin;
pub mod reload;
pub mod server;

pub mod handover;

pub mod gateway;

pub mod cli;
