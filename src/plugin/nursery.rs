//! Where instances begin that serve one call.

use wasmtime::{Enabled, InstanceAllocationStrategy, Linker, PoolingAllocationConfig};

use super::clock::Clock;
use super::engine;
use super::host::{self, Guest};
use super::limits::MAX_TABLE;

/// Places for instances, in all workers and of all plugins. A place is mapped, not used, until an instance is in it.
pub(super) const PLACES: u32 = 1000;

/// Bytes of an instance's memory that are wiped rather than given back: less work for the kernel at each call, and what
/// most guests touch.
const KEPT: usize = 256 * 1024;

/// A second Wasm engine, with places for instances that are made ready once and used again and again: to begin an
/// instance is then to map the image of its memory, not to allocate. Made when the first plugin asks for it.
pub(super) struct Nursery {
    pub(super) wasm: wasmtime::Engine,
    pub(super) linker: Linker<Guest>,
}

impl Nursery {
    pub(super) fn open(clock: &Clock) -> wasmtime::Result<Self> {
        let mut places = PoolingAllocationConfig::default();
        places
            .total_core_instances(PLACES)
            .total_memories(PLACES)
            .total_tables(PLACES)
            .total_stacks(PLACES)
            .table_elements(MAX_TABLE)
            .linear_memory_keep_resident(KEPT)
            .table_keep_resident(KEPT)
            .pagemap_scan(Enabled::Auto);
        let mut settings = engine::settings();
        settings.allocation_strategy(InstanceAllocationStrategy::Pooling(places));
        let wasm = wasmtime::Engine::new(&settings)?;
        let linker = host::linker(&wasm, clock)?;
        Ok(Self { wasm, linker })
    }
}
