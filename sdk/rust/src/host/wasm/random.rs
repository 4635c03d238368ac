#[link(wasm_import_module = "gatewright_random")]
unsafe extern "C" {
    #[link_name = "fill"]
    fn fill_random(out: *mut u8, len: usize) -> i32;
}

pub(crate) fn random(out: &mut [u8]) -> i32 {
    // SAFETY: the range is that of a live slice, exclusively borrowed while the call lasts.
    unsafe { fill_random(out.as_mut_ptr(), out.len()) }
}
