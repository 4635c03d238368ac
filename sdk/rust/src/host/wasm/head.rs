use gatewright_abi::{Message, Part};

use super::fill;

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
