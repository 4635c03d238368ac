use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value as Json;

use crate::kv::Namespaces;
use crate::plugin::{Engine, Grants, Limits, Module, Plugin};

/// What a key-value store of its own may hold: the default of a configured plugin.
const KV_BYTES: usize = 16 << 20;

/// A module that is being looked at, outside of any gateway.
pub(super) struct Candidate {
    pub(super) engine: Engine,
    pub(super) module: Arc<Module>,
    /// Bytes of the file.
    pub(super) size: usize,
    /// What it took to compile it and to read its manifest.
    pub(super) compile_time: Duration,
}

impl Candidate {
    /// Loads `file` as a gateway does.
    pub(super) async fn load(file: &Path) -> Result<Self, String> {
        let bytes =
            std::fs::read(file).map_err(|error| format!("cannot read {}: {error}", file.display()))?;
        let engine = Engine::new().map_err(|error| error.to_string())?;
        let begun = Instant::now();
        let compiled = Module::compile(&engine, &bytes).await;
        let compile_time = begun.elapsed();
        let module = compiled.map_err(|error| format!("{}: {error}", file.display()))?;
        Ok(Self { engine, module: Arc::new(module), size: bytes.len(), compile_time })
    }

    /// The module as a plugin with this configuration, the default limits, and all that it asks for granted; `fresh` has
    /// each call made on an instance of its own.
    pub(super) async fn configure(&self, config: &Json, fresh: bool) -> Result<Arc<Plugin>, String> {
        let asked = self.module.capabilities();
        let names: Vec<_> =
            asked.into_iter().filter(|asked| asked.needs_grant).map(|asked| asked.name).collect();
        let store =
            names.iter().any(|name| name == "kv").then(|| Namespaces::default().open("plugin", KV_BYTES));
        let grants = Grants { names, store };
        let (name, module) = (&self.module.manifest().name, Arc::clone(&self.module));
        let limits = Limits { fresh, ..Limits::default() };
        let plugin = Plugin::load(&self.engine, name, module, config, limits, grants).await;
        plugin
            .map(Arc::new)
            .map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    }
}
