use gatewright_abi::{config, import};
use wasmtime::{Caller, Linker};

use super::Guest;
use crate::plugin::memory::split;

pub(super) fn link(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    linker.func_wrap(import::CONFIG, config::READ, read)?;
    Ok(())
}

fn read(mut caller: Caller<'_, Guest>, out: u32, capacity: u32) -> wasmtime::Result<i32> {
    let (mut memory, guest) = split(&mut caller);
    Ok(memory.reply(out, capacity, guest.plugin.config.as_bytes())?)
}
