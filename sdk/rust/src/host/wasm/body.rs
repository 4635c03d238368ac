use gatewright_abi::Message;

use super::fill;

#[link(wasm_import_module = "gatewright_body")]
unsafe extern "C" {
    fn size(message: u32) -> i32;
    #[link_name = "read"]
    fn copy(message: u32, offset: usize, out: *mut u8, cap: usize) -> i32;
    fn whole(message: u32) -> i32;
    fn replace(message: u32, bytes: *const u8, len: usize) -> i32;
    fn write(bytes: *const u8, len: usize) -> i32;
}

pub(crate) fn body_size(message: Message) -> i32 {
    // SAFETY: no memory is handed over.
    unsafe { size(message as u32) }
}

/// As much as there is room for in `out`, from `offset` on.
pub(crate) fn body_read(message: Message, offset: usize, out: &mut Vec<u8>) -> i32 {
    // SAFETY: as `fill` says; what is answered never goes beyond the capacity.
    fill(out, |out, cap| unsafe { copy(message as u32, offset, out, cap) })
}

pub(crate) fn body_whole(message: Message) -> i32 {
    // SAFETY: no memory is handed over.
    unsafe { whole(message as u32) }
}

pub(crate) fn body_replace(message: Message, bytes: &[u8]) -> i32 {
    // SAFETY: the range is that of a live slice and only read.
    unsafe { replace(message as u32, bytes.as_ptr(), bytes.len()) }
}

pub(crate) fn body_write(bytes: &[u8]) -> i32 {
    // SAFETY: the range is that of a live slice and only read.
    unsafe { write(bytes.as_ptr(), bytes.len()) }
}
