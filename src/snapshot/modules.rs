use std::path::Path;
use std::sync::Arc;

use crate::plugin::{Digest, Engine, Module, ModuleError};

/// Compiled modules that were not used by the newest snapshots are kept up to this number: switching between two builds of
/// a plugin then compiles neither again.
const MAX_UNUSED: usize = 16;

/// Compiled modules by the digest of their bytes, most recently used last.
#[derive(Debug, Default)]
pub(super) struct Modules {
    known: Vec<Arc<Module>>,
}

impl Modules {
    /// The module in `file`, compiled unless these bytes were compiled before.
    pub(super) async fn load(&mut self, engine: &Engine, file: &Path) -> Result<Arc<Module>, String> {
        let bytes =
            std::fs::read(file).map_err(|error| format!("cannot read {}: {error}", file.display()))?;
        self.compile(engine, &bytes).await.map_err(|error| format!("{}: {error}", file.display()))
    }

    async fn compile(&mut self, engine: &Engine, bytes: &[u8]) -> Result<Arc<Module>, ModuleError> {
        let digest = Digest::of(bytes);
        let module = match self.known.iter().position(|module| module.digest() == digest) {
            Some(place) => self.known.remove(place),
            None => Arc::new(Module::compile(engine, bytes).await?),
        };
        self.known.push(Arc::clone(&module));
        Ok(module)
    }

    /// Lets go of modules that nobody uses, the longest unused first.
    pub(super) fn trim(&mut self) {
        let unused = self.known.iter().filter(|module| Arc::strong_count(module) == 1).count();
        let mut surplus = unused.saturating_sub(MAX_UNUSED);
        self.known.retain(|module| {
            let goes = surplus > 0 && Arc::strong_count(module) == 1;
            surplus -= usize::from(goes);
            !goes
        });
    }
}
