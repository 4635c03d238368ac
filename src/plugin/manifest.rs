use std::fmt;

use gatewright_abi::{export, unpack};
use serde::Deserialize;
use wasmtime::Store;

use super::body::Bodies;
use super::engine::Engine;
use super::error::{ModuleError, describe};
use super::host::Guest;
use super::instance;
use super::linked::Linked;
use super::memory::GuestMemory;

/// What a module says of itself.
#[derive(Clone, Debug, Deserialize)]
pub struct Manifest {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The roles it can play.
    pub roles: Vec<Role>,
    /// A JSON Schema of its configuration.
    #[serde(default)]
    pub config: Option<serde_json::Value>,
    /// How its hooks want bodies.
    #[serde(default)]
    pub(super) bodies: Bodies,
}

/// A role of a plugin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Rewrites the outgoing request and chooses where it goes.
    Director,
    /// Runs around what follows.
    Middleware,
    /// Changes the upstream's response.
    ModifyResponse,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Director => "director",
            Self::Middleware => "middleware",
            Self::ModifyResponse => "modify_response",
        })
    }
}

/// Asks a module for its manifest, on an instance of its own that never runs `init`.
pub(super) async fn read(engine: &Engine, linked: &Linked) -> Result<Manifest, ModuleError> {
    let text = ask(engine, linked).await.map_err(|error| ModuleError::Manifest(describe(&error)))?;
    serde_json::from_slice(&text).map_err(|error| ModuleError::Manifest(error.to_string()))
}

async fn ask(engine: &Engine, linked: &Linked) -> wasmtime::Result<Vec<u8>> {
    let mut store = Store::new(&engine.wasm, Guest::nameless());
    let beat = engine.ticker.beat();
    instance::bound(&mut store);
    let _running = beat.begin();
    let instance = linked.pre().instantiate_async(&mut store).await?;
    instance::initialize(&mut store, &instance, linked).await?;
    let manifest = instance.get_typed_func::<(), i64>(&mut store, export::MANIFEST)?;
    let (pointer, len) = unpack(manifest.call_async(&mut store, ()).await?);
    let Some(memory) = store.data().memory else { return Ok(Vec::new()) };
    Ok(GuestMemory::of(memory.data_mut(&mut store)).read(pointer, len)?.to_vec())
}
