use gatewright_abi::{Code, Level, import, log};
use tracing::{debug, enabled, error, info, trace, warn};
use wasmtime::{Caller, Linker};

use super::Guest;
use crate::plugin::memory::{GuestMemory, split};

/// Bytes of one log line; what is longer is cut.
const MAX_LINE: u32 = 8 * 1024;

/// Lines one call may log: enough to follow a hook, too few to fill a disk from a loop.
pub(in crate::plugin) const LINES_PER_CALL: u32 = 64;

pub(super) fn link(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    linker.func_wrap(import::LOG, log::WRITE, write)?;
    linker.func_wrap(import::LOG, log::ENABLED, is_enabled)?;
    linker.func_wrap(import::LOG, log::FAIL, fail)?;
    Ok(())
}

fn write(mut caller: Caller<'_, Guest>, level: u32, text: u32, len: u32) -> wasmtime::Result<i32> {
    let (memory, guest) = split(&mut caller);
    let Some(level) = Level::from_u32(level) else { return Ok(Code::Invalid as i32) };
    let text = line(&memory, text, len)?;
    let Some(left) = guest.log_lines.checked_sub(1) else { return Ok(Code::Limit as i32) };
    guest.log_lines = left;
    guest.log(level, &text);
    Ok(0)
}

fn is_enabled(_: Caller<'_, Guest>, level: u32) -> i32 {
    match Level::from_u32(level) {
        Some(level) => i32::from(is_written(level)),
        None => Code::Invalid as i32,
    }
}

fn is_written(level: Level) -> bool {
    match level {
        Level::Error => enabled!(target: "plugin", tracing::Level::ERROR),
        Level::Warn => enabled!(target: "plugin", tracing::Level::WARN),
        Level::Info => enabled!(target: "plugin", tracing::Level::INFO),
        Level::Debug => enabled!(target: "plugin", tracing::Level::DEBUG),
        Level::Trace => enabled!(target: "plugin", tracing::Level::TRACE),
    }
}

fn fail(mut caller: Caller<'_, Guest>, text: u32, len: u32) -> wasmtime::Result<i32> {
    let (memory, guest) = split(&mut caller);
    guest.reason = Some(line(&memory, text, len)?);
    Ok(0)
}

/// The guest's text, cut to size, on one line: a guest must not be able to forge lines of the log.
fn line(memory: &GuestMemory<'_>, text: u32, len: u32) -> wasmtime::Result<String> {
    let bytes = memory.read(text, len)?;
    let cut = bytes.get(..MAX_LINE as usize).unwrap_or(bytes);
    Ok(String::from_utf8_lossy(cut).replace(|c: char| c.is_control() && c != '\t', " "))
}

impl Guest {
    /// Writes the line, unless the plugin has written too many: the guest is not to know what others of its kind do.
    fn log(&self, level: Level, text: &str) {
        if !is_written(level) {
            return;
        }
        let Some(left_out) = self.plugin.lines.admit() else { return };
        self.plugin.say_left_out("of its own", left_out);
        let (plugin, id) = (&*self.plugin.name, self.exchange.id);
        match level {
            Level::Error => error!(target: "plugin", plugin, request_id = %id, "{text}"),
            Level::Warn => warn!(target: "plugin", plugin, request_id = %id, "{text}"),
            Level::Info => info!(target: "plugin", plugin, request_id = %id, "{text}"),
            Level::Debug => debug!(target: "plugin", plugin, request_id = %id, "{text}"),
            Level::Trace => trace!(target: "plugin", plugin, request_id = %id, "{text}"),
        }
    }
}
