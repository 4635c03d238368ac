use super::fill;

#[link(wasm_import_module = "gatewright_attributes")]
unsafe extern "C" {
    #[link_name = "get"]
    fn get_attribute(name: *const u8, name_len: usize, out: *mut u8, cap: usize) -> i32;
    #[link_name = "set"]
    fn change_attribute(name: *const u8, name_len: usize, value: *const u8, value_len: usize) -> i32;
    #[link_name = "remove"]
    fn drop_attribute(name: *const u8, name_len: usize) -> i32;
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
