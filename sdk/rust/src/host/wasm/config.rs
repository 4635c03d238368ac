use super::fill;

#[link(wasm_import_module = "gatewright_config")]
unsafe extern "C" {
    fn read(out: *mut u8, cap: usize) -> i32;
}

pub(crate) fn config(out: &mut Vec<u8>) -> i32 {
    // SAFETY: as `fill` says.
    fill(out, |out, cap| unsafe { read(out, cap) })
}
