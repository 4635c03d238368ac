use bytes::Bytes;
use gatewright_abi::{Code, attributes, import};
use wasmtime::{Caller, Linker};

use super::{Guest, result};
use crate::plugin::memory::split;

pub(super) fn link(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    linker.func_wrap(import::ATTRIBUTES, attributes::GET, get)?;
    linker.func_wrap(import::ATTRIBUTES, attributes::SET, set)?;
    linker.func_wrap(import::ATTRIBUTES, attributes::REMOVE, remove)?;
    Ok(())
}

fn get(
    mut caller: Caller<'_, Guest>,
    name: u32,
    name_len: u32,
    out: u32,
    capacity: u32,
) -> wasmtime::Result<i32> {
    let (mut memory, guest) = split(&mut caller);
    let name = memory.read(name, name_len)?;
    match guest.attribute(name) {
        Ok(value) => Ok(memory.reply(out, capacity, value)?),
        Err(code) => Ok(code as i32),
    }
}

fn set(
    mut caller: Caller<'_, Guest>,
    name: u32,
    name_len: u32,
    value: u32,
    value_len: u32,
) -> wasmtime::Result<i32> {
    let (memory, guest) = split(&mut caller);
    let (name, value) = (memory.read(name, name_len)?, memory.read(value, value_len)?);
    Ok(result(guest.set_attribute(name, value)))
}

fn remove(mut caller: Caller<'_, Guest>, name: u32, name_len: u32) -> wasmtime::Result<i32> {
    let (memory, guest) = split(&mut caller);
    let name = memory.read(name, name_len)?;
    Ok(result(guest.remove_attribute(name)))
}

impl Guest {
    fn attribute(&self, name: &[u8]) -> Result<&Bytes, Code> {
        self.in_exchange()?;
        let name = str::from_utf8(name).map_err(|_| Code::Invalid)?;
        self.exchange.attributes.get(name).ok_or(Code::NotFound)
    }

    fn remove_attribute(&mut self, name: &[u8]) -> Result<i32, Code> {
        self.in_exchange()?;
        let name = str::from_utf8(name).map_err(|_| Code::Invalid)?;
        if self.exchange.attributes.remove(name) { Ok(0) } else { Err(Code::NotFound) }
    }

    fn set_attribute(&mut self, name: &[u8], value: &[u8]) -> Result<i32, Code> {
        self.in_exchange()?;
        let name = str::from_utf8(name).map_err(|_| Code::Invalid)?;
        if name.is_empty() {
            return Err(Code::Invalid);
        }
        self.spend(name.len() + value.len())?;
        self.exchange.attributes.set(name, Bytes::copy_from_slice(value))?;
        Ok(0)
    }
}
