//! A compiled module with what it imports, and with the places of what it exports.

use gatewright_abi::export;
use wasmtime::{Instance, InstancePre, Linker, Memory, Module, ModuleExport, Store, TypedFunc};

use super::host::Guest;
use super::instance::Hook;

/// A module of which instances can be made. Its exports are looked up by name here, once, and not in each instance.
pub(super) struct Linked {
    pre: InstancePre<Guest>,
    memory: Option<ModuleExport>,
    hooks: [Option<ModuleExport>; Hook::ALL.len()],
}

impl Linked {
    /// The module with its imports, which have been checked.
    pub(super) fn new(linker: &Linker<Guest>, module: &Module) -> wasmtime::Result<Self> {
        Ok(Self {
            pre: linker.instantiate_pre(module)?,
            memory: module.get_export_index(export::MEMORY),
            hooks: Hook::ALL.map(|hook| module.get_export_index(hook.export())),
        })
    }

    pub(super) fn pre(&self) -> &InstancePre<Guest> {
        &self.pre
    }

    pub(super) fn module(&self) -> &Module {
        self.pre.module()
    }

    /// Whether it does anything at `hook`.
    pub(super) fn has_hook(&self, hook: Hook) -> bool {
        self.place(hook).is_some()
    }

    /// The memory of an instance of it.
    pub(super) fn memory(&self, store: &mut Store<Guest>, instance: &Instance) -> Option<Memory> {
        instance.get_module_export(store, self.memory.as_ref()?)?.into_memory()
    }

    /// The function that an instance of it has for `hook`.
    pub(super) fn hook(
        &self,
        store: &mut Store<Guest>,
        instance: &Instance,
        hook: Hook,
    ) -> Option<TypedFunc<(), i32>> {
        let function = instance.get_module_export(&mut *store, self.place(hook)?)?.into_func()?;
        function.typed(&*store).ok()
    }

    fn place(&self, hook: Hook) -> Option<&ModuleExport> {
        self.hooks.get(hook as usize)?.as_ref()
    }
}
