//! Host calls that may wait: a store can be far away. The guest is suspended meanwhile, and reads them as blocking.

use std::sync::Arc;
use std::time::Duration;

use gatewright_abi::{Code, import, kv};
use wasmtime::{Caller, Linker};

use super::{Guest, result};
use crate::kv::{Store, StoreError};
use crate::plugin::instance::Hook;
use crate::plugin::memory::{GuestMemory, split};

pub(super) fn link(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    linker.func_wrap_async(import::KV, kv::GET, |caller: Caller<'_, Guest>, (key, key_len, out, cap)| {
        Box::new(get(caller, Range(key, key_len), Range(out, cap)))
    })?;
    linker.func_wrap_async(
        import::KV,
        kv::PUT,
        |caller: Caller<'_, Guest>, (key, key_len, value, value_len, ttl_ms)| {
            Box::new(put(caller, Range(key, key_len), Range(value, value_len), ttl_ms))
        },
    )?;
    linker.func_wrap_async(import::KV, kv::DELETE, |caller: Caller<'_, Guest>, (key, key_len)| {
        Box::new(delete(caller, Range(key, key_len)))
    })?;
    linker.func_wrap_async(
        import::KV,
        kv::ADD,
        |caller: Caller<'_, Guest>, (key, key_len, delta, ttl_ms, out)| {
            Box::new(add(caller, Range(key, key_len), delta, ttl_ms, out))
        },
    )?;
    linker.func_wrap_async(
        import::KV,
        kv::SWAP,
        |caller: Caller<'_, Guest>, (key, key_len, old, old_len, new, new_len, ttl_ms)| {
            Box::new(swap(caller, Range(key, key_len), Range(old, old_len), Range(new, new_len), ttl_ms))
        },
    )?;
    Ok(())
}

/// A pointer and a length, as the guest passed them.
#[derive(Clone, Copy)]
struct Range(u32, u32);

impl Range {
    fn read<'a>(self, memory: &'a GuestMemory<'_>) -> wasmtime::Result<&'a [u8]> {
        Ok(memory.read(self.0, self.1)?)
    }
}

async fn get(mut caller: Caller<'_, Guest>, key: Range, out: Range) -> wasmtime::Result<i32> {
    let (mut memory, guest) = split(&mut caller);
    let found = match guest.store_for(key.read(&memory)?) {
        Ok((store, key)) => store.get(key).await.map_err(Code::from),
        Err(code) => Err(code),
    };
    match found {
        Ok(Some(value)) => Ok(memory.reply(out.0, out.1, &value)?),
        Ok(None) => Ok(Code::NotFound as i32),
        Err(code) => Ok(code as i32),
    }
}

async fn put(mut caller: Caller<'_, Guest>, key: Range, value: Range, ttl_ms: i64) -> wasmtime::Result<i32> {
    let (memory, guest) = split(&mut caller);
    let (key, value) = (key.read(&memory)?, value.read(&memory)?);
    let put = async {
        let (store, key) = guest.store_for(key)?;
        store.put(key, checked_value(value)?, ttl(ttl_ms)?).await?;
        Ok(0)
    };
    Ok(result(put.await))
}

async fn delete(mut caller: Caller<'_, Guest>, key: Range) -> wasmtime::Result<i32> {
    let (memory, guest) = split(&mut caller);
    let key = key.read(&memory)?;
    let delete = async {
        let (store, key) = guest.store_for(key)?;
        if store.delete(key).await? { Ok(0) } else { Err(Code::NotFound) }
    };
    Ok(result(delete.await))
}

async fn add(
    mut caller: Caller<'_, Guest>,
    key: Range,
    delta: i64,
    ttl_ms: i64,
    out: u32,
) -> wasmtime::Result<i32> {
    let (mut memory, guest) = split(&mut caller);
    // Before anything is counted: a guest that cannot be told must not have counted.
    memory.room(out, COUNTER)?;
    let key = key.read(&memory)?;
    let sum = async {
        let (store, key) = guest.store_for(key)?;
        Ok(store.add(key, delta, ttl(ttl_ms)?).await?)
    };
    match sum.await {
        Ok(sum) => {
            memory.reply(out, COUNTER, &sum.to_le_bytes())?;
            Ok(0)
        }
        Err(code) => Ok(result(Err(code))),
    }
}

async fn swap(
    mut caller: Caller<'_, Guest>,
    key: Range,
    old: Range,
    new: Range,
    ttl_ms: i64,
) -> wasmtime::Result<i32> {
    let (memory, guest) = split(&mut caller);
    let (key, new) = (key.read(&memory)?, new.read(&memory)?);
    let old = if old.1 == kv::ABSENT { None } else { Some(old.read(&memory)?) };
    let swap = async {
        let (store, key) = guest.store_for(key)?;
        Ok(store.swap(key, old, checked_value(new)?, ttl(ttl_ms)?).await?.into())
    };
    Ok(result(swap.await))
}

/// Bytes of a counter on its way to the guest.
const COUNTER: u32 = size_of::<i64>() as u32;

fn checked_value(value: &[u8]) -> Result<&[u8], Code> {
    if value.len() > kv::MAX_VALUE { Err(Code::Invalid) } else { Ok(value) }
}

fn ttl(millis: i64) -> Result<Option<Duration>, Code> {
    let millis = u64::try_from(millis).map_err(|_| Code::Invalid)?;
    Ok(Some(millis).filter(|millis| *millis > 0).map(Duration::from_millis))
}

impl Guest {
    /// The plugin's store, for an entry of this key.
    ///
    /// Not in `init`: a configuration that is refused must leave nothing behind, and what `init` read would be as old as
    /// the instance.
    fn store_for<'a>(&self, key: &'a [u8]) -> Result<(Arc<dyn Store>, &'a [u8]), Code> {
        let store = self.plugin.store.as_ref().filter(|_| self.hook != Hook::Init).ok_or(Code::Forbidden)?;
        if key.is_empty() || key.len() > kv::MAX_KEY {
            return Err(Code::Invalid);
        }
        Ok((Arc::clone(store), key))
    }
}

impl From<StoreError> for Code {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Full => Self::Limit,
            StoreError::NotACounter => Self::Invalid,
        }
    }
}
