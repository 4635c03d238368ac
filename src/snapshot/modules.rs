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

/// Why a file gives no module, by the key that is to blame.
pub(super) enum Refusal {
    /// It cannot be read, or is no module.
    File(String),
    /// It is not the one that was pinned.
    Pin(String),
}

impl Modules {
    /// The module in `file`, compiled unless these bytes were compiled before. One that is not what `pin` asks for is
    /// refused before anything of it runs.
    pub(super) async fn load(
        &mut self,
        engine: &Engine,
        file: &Path,
        pin: Option<Digest>,
    ) -> Result<Arc<Module>, Refusal> {
        let bytes = std::fs::read(file)
            .map_err(|error| Refusal::File(format!("cannot read {}: {error}", file.display())))?;
        let digest = Digest::of(&bytes);
        if pin.is_some_and(|pin| pin != digest) {
            return Err(Refusal::Pin(format!("{} has the digest {digest}", file.display())));
        }
        let compiled = self.compile(engine, digest, &bytes).await;
        compiled.map_err(|error| Refusal::File(format!("{}: {error}", file.display())))
    }

    async fn compile(
        &mut self,
        engine: &Engine,
        digest: Digest,
        bytes: &[u8],
    ) -> Result<Arc<Module>, ModuleError> {
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
