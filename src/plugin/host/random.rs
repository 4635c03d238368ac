use gatewright_abi::{Code, import, random};
use wasmtime::{Caller, Linker};

use super::Guest;
use crate::plugin::memory::split;

pub(super) fn link(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    linker.func_wrap(import::RANDOM, random::FILL, fill)?;
    Ok(())
}

fn fill(mut caller: Caller<'_, Guest>, out: u32, len: u32) -> wasmtime::Result<i32> {
    let (mut memory, _) = split(&mut caller);
    let room = memory.room(out, len)?;
    if room.len() > random::MAX {
        return Ok(Code::Limit as i32);
    }
    // The system's own generator: what guests make of it may be keys. Without it there is no going on.
    getrandom::fill(room).map_err(|error| wasmtime::Error::msg(format!("no random bytes: {error}")))?;
    Ok(0)
}
