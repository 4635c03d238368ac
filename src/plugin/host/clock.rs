use gatewright_abi::{clock, import};
use wasmtime::{Caller, Linker};

use super::Guest;
use crate::plugin::Clock;

pub(super) fn link(linker: &mut Linker<Guest>, time: &Clock) -> wasmtime::Result<()> {
    let (wall, monotonic) = (time.clone(), time.clone());
    linker.func_wrap(import::CLOCK, clock::WALL, move |_: Caller<'_, Guest>| wall.wall())?;
    linker.func_wrap(import::CLOCK, clock::MONOTONIC, move |_: Caller<'_, Guest>| monotonic.monotonic())?;
    Ok(())
}
