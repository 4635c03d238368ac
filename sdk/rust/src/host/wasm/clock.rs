#[link(wasm_import_module = "gatewright_clock")]
unsafe extern "C" {
    #[link_name = "wall"]
    fn wall_clock() -> i64;
    #[link_name = "monotonic"]
    fn monotonic_clock() -> i64;
}

pub(crate) fn wall() -> i64 {
    // SAFETY: no memory is handed over.
    unsafe { wall_clock() }
}

pub(crate) fn monotonic() -> i64 {
    // SAFETY: no memory is handed over.
    unsafe { monotonic_clock() }
}
