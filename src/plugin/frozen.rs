//! A plugin as it is when its `init` has run.

use std::time::Duration;

use gatewright_abi::export;
use wasmtime::{Module, Store, Val};
use wasmtime_wizer::{InstanceState, SnapshotVal, ValType, Wizer};

use super::engine::Engine;
use super::error::LoadError;
use super::host::Guest;
use super::instance;
use super::linked::Linked;
use super::nursery::Nursery;
use super::plugin::Plugin;
use super::segments;
use super::ticker::Beat;

/// The plugin's module with the memory and the globals that `init` left. An instance of it needs no `init`.
pub(super) struct Frozen {
    linked: Linked,
    period: Option<Duration>,
}

impl Frozen {
    /// Runs `init` once, on an instance of its own, and keeps what it left.
    pub(super) async fn freeze(engine: &Engine, plugin: &Plugin, beat: &Beat) -> Result<Self, LoadError> {
        let nursery = engine.nursery().map_err(refusal)?;
        let mut wizer = Wizer::new();
        // The contract asks for its export.
        wizer.init_func(export::INIT).keep_init_func(true);
        let (context, open) = wizer.instrument(plugin.module().bytes()).map_err(refusal)?;
        let open = Module::new(&engine.wasm, &open).map_err(refusal)?;
        let linked = Linked::new(&engine.linker, &open).map_err(refusal)?;
        let (mut store, instance) = instance::boot(plugin, &linked, beat).await.map_err(LoadError::Start)?;
        let mut left = Left { store: &mut store, instance };
        let frozen = wizer.snapshot(&context, &mut left).await.map_err(refusal)?;
        Self::compile(&nursery, &frozen, store.data().period).map_err(refusal)
    }

    fn compile(nursery: &Nursery, bytes: &[u8], period: Option<Duration>) -> wasmtime::Result<Self> {
        let slim = segments::without_passive(&nursery.wasm, bytes);
        let module = Module::new(&nursery.wasm, slim.as_deref().unwrap_or(bytes))?;
        Ok(Self { linked: Linked::new(&nursery.linker, &module)?, period })
    }

    /// How often `init` asked for a call.
    pub(super) fn period(&self) -> Option<Duration> {
        self.period
    }

    pub(super) fn linked(&self) -> &Linked {
        &self.linked
    }
}

impl std::fmt::Debug for Frozen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Frozen").finish_non_exhaustive()
    }
}

#[expect(clippy::needless_pass_by_value, reason = "made for map_err")]
fn refusal(error: wasmtime::Error) -> LoadError {
    LoadError::Fresh(format!("{:#}", error.root_cause()))
}

/// What `init` left.
struct Left<'a> {
    store: &'a mut Store<Guest>,
    instance: wasmtime::Instance,
}

impl InstanceState for Left<'_> {
    async fn global_get(&mut self, name: &str, _: ValType) -> SnapshotVal {
        let global = self.instance.get_global(&mut *self.store, name);
        match global.map(|global| global.get(&mut *self.store)) {
            Some(Val::I64(value)) => SnapshotVal::I64(value),
            Some(Val::F32(bits)) => SnapshotVal::F32(bits),
            Some(Val::F64(bits)) => SnapshotVal::F64(bits),
            Some(Val::V128(value)) => SnapshotVal::V128(value.as_u128()),
            Some(Val::I32(value)) => SnapshotVal::I32(value),
            // Globals that hold references were refused before.
            _ => SnapshotVal::I32(0),
        }
    }

    async fn memory_contents(&mut self, name: &str, contents: impl FnOnce(&[u8]) + Send) {
        if let Some(memory) = self.instance.get_memory(&mut *self.store, name) {
            contents(memory.data(&*self.store));
        }
    }
}
