use std::sync::LazyLock;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use gatewright_abi::{clock, import};
use wasmtime::{Caller, Linker};

use super::Guest;

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

pub(super) fn link(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    LazyLock::force(&START);
    linker.func_wrap(import::CLOCK, clock::WALL, |_: Caller<'_, Guest>| wall())?;
    linker.func_wrap(import::CLOCK, clock::MONOTONIC, |_: Caller<'_, Guest>| monotonic())?;
    Ok(())
}

fn wall() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}

fn monotonic() -> i64 {
    i64::try_from(START.elapsed().as_nanos()).unwrap_or(i64::MAX)
}
