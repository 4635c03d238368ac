use std::time::Duration;

use gatewright_abi::{Code, import, timer};
use wasmtime::{Caller, Linker};

use super::{Guest, result};
use crate::plugin::instance::Hook;

pub(super) fn link(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    linker.func_wrap(import::TIMER, timer::EVERY, |mut caller: Caller<'_, Guest>, period_ms: i64| {
        result(caller.data_mut().every(period_ms))
    })?;
    Ok(())
}

impl Guest {
    fn every(&mut self, period_ms: i64) -> Result<i32, Code> {
        if self.hook != Hook::Init {
            return Err(Code::Forbidden);
        }
        if !(timer::MIN_PERIOD_MS..=timer::MAX_PERIOD_MS).contains(&period_ms) {
            return Err(Code::Invalid);
        }
        self.period = Some(Duration::from_millis(period_ms.unsigned_abs()));
        Ok(0)
    }
}
