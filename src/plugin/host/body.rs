//! Message bodies, as far as the manifest asks for them.

use gatewright_abi::{Code, Message, body, import};
use wasmtime::{Caller, Linker};

use super::{Guest, result};
use crate::exchange::{Side, Window};
use crate::plugin::memory::{length, split};

pub(super) fn link(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    linker.func_wrap(import::BODY, body::SIZE, size)?;
    linker.func_wrap(import::BODY, body::READ, read)?;
    linker.func_wrap(import::BODY, body::WHOLE, whole)?;
    linker.func_wrap(import::BODY, body::REPLACE, replace)?;
    linker.func_wrap(import::BODY, body::WRITE, write)?;
    Ok(())
}

fn size(mut caller: Caller<'_, Guest>, message: u32) -> i32 {
    result(caller.data_mut().window(message).map(|window| length(window.bytes.len())))
}

fn whole(mut caller: Caller<'_, Guest>, message: u32) -> i32 {
    result(caller.data_mut().window(message).map(|window| i32::from(window.whole)))
}

fn read(
    mut caller: Caller<'_, Guest>,
    message: u32,
    offset: u32,
    out: u32,
    capacity: u32,
) -> wasmtime::Result<i32> {
    let (mut memory, guest) = split(&mut caller);
    let room = memory.room(out, capacity)?;
    let window = match guest.window(message) {
        Ok(window) => window,
        Err(code) => return Ok(code as i32),
    };
    Ok(copy(window.bytes.get(offset as usize..).unwrap_or_default(), room))
}

/// Copies as much of `bytes` as there is room for.
pub(super) fn copy(bytes: &[u8], room: &mut [u8]) -> i32 {
    let count = bytes.len().min(room.len());
    if let (Some(from), Some(to)) = (bytes.get(..count), room.get_mut(..count)) {
        to.copy_from_slice(from);
    }
    length(count)
}

fn replace(mut caller: Caller<'_, Guest>, message: u32, bytes: u32, len: u32) -> wasmtime::Result<i32> {
    let (memory, guest) = split(&mut caller);
    let bytes = memory.read(bytes, len)?;
    let replaced = guest.window(message).and_then(|window| Ok(window.replace(bytes)?));
    Ok(result(replaced.map(|()| 0)))
}

fn write(mut caller: Caller<'_, Guest>, bytes: u32, len: u32) -> wasmtime::Result<i32> {
    let (memory, guest) = split(&mut caller);
    let bytes = memory.read(bytes, len)?;
    let window = guest.exchange.window.as_mut().ok_or(Code::Forbidden);
    let written = window.and_then(|window| Ok(window.write(bytes)?));
    Ok(result(written.map(|()| 0)))
}

impl Guest {
    /// The window on the body of this message.
    fn window(&mut self, message: u32) -> Result<&mut Window, Code> {
        let side = match Message::from_u32(message).ok_or(Code::Invalid)? {
            Message::Request => Side::Request,
            Message::Response => Side::Response,
        };
        self.exchange.window.as_mut().filter(|window| window.side == side).ok_or(Code::Forbidden)
    }
}
