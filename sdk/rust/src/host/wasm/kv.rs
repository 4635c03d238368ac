use gatewright_abi::kv;

use super::fill;

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
