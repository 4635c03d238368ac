//! The imports of a guest. The only `unsafe` of this crate: each call hands over slices as pointer and length, which
//! the gateway reads or fills while the call lasts and keeps no hold of.

#![allow(unsafe_code)]

use gatewright_abi::{Level, Message, Part, kv};

#[link(wasm_import_module = "gatewright_head")]
unsafe extern "C" {
    fn get(message: u32, name: *const u8, name_len: usize, index: u32, out: *mut u8, cap: usize) -> i32;
    fn set(message: u32, name: *const u8, name_len: usize, value: *const u8, value_len: usize) -> i32;
    fn add(message: u32, name: *const u8, name_len: usize, value: *const u8, value_len: usize) -> i32;
    fn remove(message: u32, name: *const u8, name_len: usize) -> i32;
    fn all(message: u32, out: *mut u8, cap: usize) -> i32;
    #[link_name = "part"]
    fn get_part(part: u32, out: *mut u8, cap: usize) -> i32;
    #[link_name = "set_part"]
    fn change_part(part: u32, value: *const u8, value_len: usize) -> i32;
    #[link_name = "status"]
    fn get_status() -> i32;
    #[link_name = "set_status"]
    fn change_status(status: u32) -> i32;
    #[link_name = "answer"]
    fn give_answer(
        status: u32,
        fields: *const u8,
        fields_len: usize,
        body: *const u8,
        body_len: usize,
    ) -> i32;
}

#[link(wasm_import_module = "gatewright_attributes")]
unsafe extern "C" {
    #[link_name = "get"]
    fn get_attribute(name: *const u8, name_len: usize, out: *mut u8, cap: usize) -> i32;
    #[link_name = "set"]
    fn change_attribute(name: *const u8, name_len: usize, value: *const u8, value_len: usize) -> i32;
    #[link_name = "remove"]
    fn drop_attribute(name: *const u8, name_len: usize) -> i32;
}

#[link(wasm_import_module = "gatewright_config")]
unsafe extern "C" {
    fn read(out: *mut u8, cap: usize) -> i32;
}

#[link(wasm_import_module = "gatewright_log")]
unsafe extern "C" {
    #[link_name = "write"]
    fn write_line(level: u32, text: *const u8, text_len: usize) -> i32;
    #[link_name = "enabled"]
    fn level_enabled(level: u32) -> i32;
    #[link_name = "fail"]
    fn give_reason(text: *const u8, text_len: usize) -> i32;
}

#[link(wasm_import_module = "gatewright_clock")]
unsafe extern "C" {
    #[link_name = "wall"]
    fn wall_clock() -> i64;
    #[link_name = "monotonic"]
    fn monotonic_clock() -> i64;
}

#[link(wasm_import_module = "gatewright_kv")]
unsafe extern "C" {
    #[link_name = "get"]
    fn get_entry(key: *const u8, key_len: usize, out: *mut u8, cap: usize) -> i32;
    #[link_name = "put"]
    fn put_entry(key: *const u8, key_len: usize, value: *const u8, value_len: usize, ttl_ms: i64) -> i32;
    #[link_name = "delete"]
    fn delete_entry(key: *const u8, key_len: usize) -> i32;
    #[link_name = "add"]
    fn add_to_entry(key: *const u8, key_len: usize, delta: i64, ttl_ms: i64, out: *mut u8) -> i32;
    #[link_name = "swap"]
    fn swap_entry(
        key: *const u8,
        key_len: usize,
        old: *const u8,
        old_len: usize,
        new: *const u8,
        new_len: usize,
        ttl_ms: i64,
    ) -> i32;
}

pub(crate) fn header(message: Message, name: &[u8], index: u32, out: &mut Vec<u8>) -> i32 {
    // SAFETY: the name is a live slice and only read; `fill` says the rest.
    fill(out, |out, cap| unsafe { get(message as u32, name.as_ptr(), name.len(), index, out, cap) })
}

pub(crate) fn set_header(message: Message, name: &[u8], value: &[u8]) -> i32 {
    // SAFETY: both ranges are those of live slices and only read.
    unsafe { set(message as u32, name.as_ptr(), name.len(), value.as_ptr(), value.len()) }
}

pub(crate) fn add_header(message: Message, name: &[u8], value: &[u8]) -> i32 {
    // SAFETY: both ranges are those of live slices and only read.
    unsafe { add(message as u32, name.as_ptr(), name.len(), value.as_ptr(), value.len()) }
}

pub(crate) fn remove_header(message: Message, name: &[u8]) -> i32 {
    // SAFETY: the range is that of a live slice and only read.
    unsafe { remove(message as u32, name.as_ptr(), name.len()) }
}

pub(crate) fn all_headers(message: Message, out: &mut Vec<u8>) -> i32 {
    // SAFETY: as `fill` says.
    fill(out, |out, cap| unsafe { all(message as u32, out, cap) })
}

pub(crate) fn part(part: Part, out: &mut Vec<u8>) -> i32 {
    // SAFETY: as `fill` says.
    fill(out, |out, cap| unsafe { get_part(part as u32, out, cap) })
}

pub(crate) fn set_part(part: Part, value: &[u8]) -> i32 {
    // SAFETY: the range is that of a live slice and only read.
    unsafe { change_part(part as u32, value.as_ptr(), value.len()) }
}

pub(crate) fn status() -> i32 {
    // SAFETY: no memory is handed over.
    unsafe { get_status() }
}

pub(crate) fn set_status(status: u32) -> i32 {
    // SAFETY: no memory is handed over.
    unsafe { change_status(status) }
}

pub(crate) fn answer(status: u32, fields: &[u8], body: &[u8]) -> i32 {
    // SAFETY: both ranges are those of live slices and only read.
    unsafe { give_answer(status, fields.as_ptr(), fields.len(), body.as_ptr(), body.len()) }
}

pub(crate) fn attribute(name: &[u8], out: &mut Vec<u8>) -> i32 {
    // SAFETY: the name is a live slice and only read; `fill` says the rest.
    fill(out, |out, cap| unsafe { get_attribute(name.as_ptr(), name.len(), out, cap) })
}

pub(crate) fn set_attribute(name: &[u8], value: &[u8]) -> i32 {
    // SAFETY: both ranges are those of live slices and only read.
    unsafe { change_attribute(name.as_ptr(), name.len(), value.as_ptr(), value.len()) }
}

pub(crate) fn remove_attribute(name: &[u8]) -> i32 {
    // SAFETY: the range is that of a live slice and only read.
    unsafe { drop_attribute(name.as_ptr(), name.len()) }
}

pub(crate) fn config(out: &mut Vec<u8>) -> i32 {
    // SAFETY: as `fill` says.
    fill(out, |out, cap| unsafe { read(out, cap) })
}

pub(crate) fn log(level: Level, line: &[u8]) {
    // SAFETY: the range is that of a live slice and only read.
    unsafe { write_line(level as u32, line.as_ptr(), line.len()) };
}

pub(crate) fn log_enabled(level: Level) -> bool {
    // SAFETY: no memory is handed over.
    unsafe { level_enabled(level as u32) == 1 }
}

pub(crate) fn fail(reason: &[u8]) {
    // SAFETY: the range is that of a live slice and only read.
    unsafe { give_reason(reason.as_ptr(), reason.len()) };
}

pub(crate) fn wall() -> i64 {
    // SAFETY: no memory is handed over.
    unsafe { wall_clock() }
}

pub(crate) fn monotonic() -> i64 {
    // SAFETY: no memory is handed over.
    unsafe { monotonic_clock() }
}

pub(crate) fn kv_get(key: &[u8], out: &mut Vec<u8>) -> i32 {
    // SAFETY: the key is a live slice and only read; `fill` says the rest.
    fill(out, |out, cap| unsafe { get_entry(key.as_ptr(), key.len(), out, cap) })
}

pub(crate) fn kv_put(key: &[u8], value: &[u8], ttl_ms: i64) -> i32 {
    // SAFETY: both ranges are those of live slices and only read.
    unsafe { put_entry(key.as_ptr(), key.len(), value.as_ptr(), value.len(), ttl_ms) }
}

pub(crate) fn kv_delete(key: &[u8]) -> i32 {
    // SAFETY: the range is that of a live slice and only read.
    unsafe { delete_entry(key.as_ptr(), key.len()) }
}

pub(crate) fn kv_add(key: &[u8], delta: i64, ttl_ms: i64, sum: &mut i64) -> i32 {
    let mut out = [0; size_of::<i64>()];
    // SAFETY: the key is a live slice and only read; `out` has the eight bytes that are written.
    let answer = unsafe { add_to_entry(key.as_ptr(), key.len(), delta, ttl_ms, out.as_mut_ptr()) };
    *sum = i64::from_le_bytes(out);
    answer
}

pub(crate) fn kv_swap(key: &[u8], old: Option<&[u8]>, new: &[u8], ttl_ms: i64) -> i32 {
    let (old, old_len) = match old {
        Some(old) => (old.as_ptr(), old.len()),
        None => (std::ptr::null(), kv::ABSENT as usize),
    };
    // SAFETY: all ranges are those of live slices and only read; `old` is not read where it is said to be absent.
    unsafe { swap_entry(key.as_ptr(), key.len(), old, old_len, new.as_ptr(), new.len(), ttl_ms) }
}

/// Has `call` write a value into the capacity of `out`.
fn fill(out: &mut Vec<u8>, call: impl FnOnce(*mut u8, usize) -> i32) -> i32 {
    out.clear();
    // The capacity is this vector's own, exclusively borrowed while the call lasts.
    let len = call(out.as_mut_ptr(), out.capacity());
    if let Ok(written) = usize::try_from(len)
        && written <= out.capacity()
    {
        // SAFETY: it fits, and by the contract a length that fits was written whole.
        unsafe { out.set_len(written) };
    }
    len
}
