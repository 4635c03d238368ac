use std::fmt;

use gatewright_abi::export;
use sha2::{Digest as _, Sha256};
use wasmtime::{ExternType, FuncType, ValType};

use super::body::BodyUse;
use super::capability::{self, Capability};
use super::engine::Engine;
use super::error::ModuleError;
use super::host::{Grant, grant};
use super::instance::Hook;
use super::linked::Linked;
use super::manifest::{Manifest, Role};

/// The SHA-256 of a module's bytes: its identity.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }
}

impl From<[u8; 32]> for Digest {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Bytes of linear memory that a module declares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemorySize {
    /// What an instance begins with.
    pub initial: u64,
    /// What it will never grow beyond; the plugin's limit holds in any case.
    pub maximum: Option<u64>,
}

/// Compiled bytes that keep to the contract.
pub struct Module {
    digest: Digest,
    linked: Linked,
    manifest: Manifest,
    bytes: Box<[u8]>,
}

impl Module {
    /// Compiles `bytes`, checks what they export and import, and reads their manifest.
    ///
    /// # Errors
    /// The first way in which they are no module for this gateway.
    pub async fn compile(engine: &Engine, bytes: &[u8]) -> Result<Self, ModuleError> {
        let module = wasmtime::Module::new(&engine.wasm, bytes)
            .map_err(|error| ModuleError::NotWasm(format!("{:#}", error.root_cause())))?;
        check_marker(&module)?;
        check_exports(&module)?;
        let linked = link(engine, &module)?;
        let manifest = super::manifest::read(engine, &linked).await?;
        check_roles(&module, &manifest)?;
        check_bodies(&module, &manifest)?;
        Ok(Self { digest: Digest::of(bytes), linked, manifest, bytes: bytes.into() })
    }

    /// The identity of its bytes.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// What it says of itself.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Whether it can play `role`.
    #[must_use]
    pub fn has_role(&self, role: Role) -> bool {
        self.manifest.roles.contains(&role)
    }

    /// Whether it does anything at `hook`.
    #[must_use]
    pub fn has_hook(&self, hook: Hook) -> bool {
        self.linked.has_hook(hook)
    }

    /// How `hook` wants the body of its message.
    #[must_use]
    pub fn body_use(&self, hook: Hook) -> BodyUse {
        self.manifest.bodies.of(hook)
    }

    /// What it asks for: everything it imports, by capability, in the order of its imports.
    #[must_use]
    pub fn capabilities(&self) -> Vec<Capability> {
        let mut asked: Vec<Capability> = Vec::new();
        for (from, name) in self.imports() {
            let capability = capability::of(from);
            match asked.iter_mut().find(|known| known.name == capability) {
                Some(known) => known.calls.push(name.to_owned()),
                None => asked.push(Capability {
                    name: capability.to_owned(),
                    needs_grant: matches!(grant(from), Grant::Needed(_)),
                    calls: vec![name.to_owned()],
                }),
            }
        }
        asked
    }

    /// The linear memory that it declares.
    #[must_use]
    pub fn memory(&self) -> MemorySize {
        match self.linked.module().get_export(export::MEMORY) {
            Some(ExternType::Memory(memory)) => MemorySize {
                initial: memory.minimum().saturating_mul(memory.page_size()),
                maximum: memory.maximum().map(|pages| pages.saturating_mul(memory.page_size())),
            },
            _ => MemorySize { initial: 0, maximum: None },
        }
    }

    pub(super) fn linked(&self) -> &Linked {
        &self.linked
    }

    /// What it was compiled from.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Module and name of everything it imports.
    pub(super) fn imports(&self) -> impl Iterator<Item = (&str, &str)> {
        self.linked.module().imports().map(|import| (import.module(), import.name()))
    }
}

impl fmt::Debug for Module {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Module").field("digest", &self.digest).field("manifest", &self.manifest).finish()
    }
}

fn check_marker(module: &wasmtime::Module) -> Result<(), ModuleError> {
    if module.get_export(export::MARKER).is_some() {
        return Ok(());
    }
    let other = module.exports().find_map(|export| export.name().strip_prefix(export::MARKER_PREFIX));
    match other {
        Some(found) => Err(ModuleError::Version { found: found.to_owned() }),
        None => Err(ModuleError::NoMarker),
    }
}

fn check_exports(module: &wasmtime::Module) -> Result<(), ModuleError> {
    match module.get_export(export::MEMORY) {
        Some(ExternType::Memory(_)) => {}
        Some(_) => return Err(signature("export", export::MEMORY, "a memory")),
        None => return Err(missing(export::MEMORY, "which every plugin must")),
    }
    required(module, export::MANIFEST, &ValType::I64, "which every plugin must")?;
    required(module, export::INIT, &ValType::I32, "which every plugin must")?;
    [
        export::DIRECT,
        export::ON_REQUEST,
        export::ON_RESPONSE,
        export::MODIFY_RESPONSE,
        export::ON_BODY,
        export::ON_TICK,
    ]
    .into_iter()
    .filter(|hook| module.get_export(hook).is_some())
    .try_for_each(|hook| required(module, hook, &ValType::I32, ""))
}

/// That `name` is exported as `() -> result`.
fn required(
    module: &wasmtime::Module,
    name: &'static str,
    result: &ValType,
    why: &str,
) -> Result<(), ModuleError> {
    let expected = format!("a function () -> {result}");
    match module.get_export(name) {
        Some(ExternType::Func(found)) if is_getter(&found, result) => Ok(()),
        Some(_) => Err(signature("export", name, &expected)),
        None => Err(missing(name, why)),
    }
}

fn is_getter(function: &FuncType, result: &ValType) -> bool {
    function.params().len() == 0
        && function.results().len() == 1
        && function.results().all(|found| ValType::eq(&found, result))
}

fn check_roles(module: &wasmtime::Module, manifest: &Manifest) -> Result<(), ModuleError> {
    if manifest.roles.is_empty() {
        return Err(ModuleError::Manifest("it names no role".into()));
    }
    manifest.roles.iter().try_for_each(|role| {
        let hooks: &[&'static str] = match role {
            Role::Director => &[export::DIRECT],
            Role::Middleware => &[export::ON_REQUEST, export::ON_RESPONSE],
            Role::ModifyResponse => &[export::MODIFY_RESPONSE],
        };
        match hooks {
            [first, ..] if !hooks.iter().any(|hook| module.get_export(hook).is_some()) => {
                Err(missing(first, &format!("though its manifest names the role {role}")))
            }
            _ => Ok(()),
        }
    })
}

fn check_bodies(module: &wasmtime::Module, manifest: &Manifest) -> Result<(), ModuleError> {
    manifest.bodies.check().map_err(ModuleError::Manifest)?;
    if manifest.bodies.stream() && module.get_export(export::ON_BODY).is_none() {
        return Err(missing(export::ON_BODY, "though its manifest asks to stream bodies"));
    }
    Ok(())
}

/// Resolves the imports. Whether a capability was granted is a matter of each use of the module, not of the module.
fn link(engine: &Engine, module: &wasmtime::Module) -> Result<Linked, ModuleError> {
    for import in module.imports() {
        let (from, name) = (import.module(), import.name());
        let Some(offered) = engine.offered(from, name) else {
            return Err(ModuleError::UnknownImport { module: from.into(), name: name.into() });
        };
        if !import.ty().func().is_some_and(|asked| FuncType::matches(asked, &offered)) {
            return Err(signature("import", &format!("{from}.{name}"), &offered.to_string()));
        }
    }
    Linked::new(&engine.linker, module).map_err(|error| ModuleError::NotWasm(format!("{error:#}")))
}

fn signature(what: &'static str, name: &str, expected: &str) -> ModuleError {
    ModuleError::Signature { what, name: name.to_owned(), expected: expected.to_owned() }
}

fn missing(name: &'static str, why: &str) -> ModuleError {
    ModuleError::MissingExport { name, why: why.to_owned() }
}
