#[link(wasm_import_module = "gatewright_timer")]
unsafe extern "C" {
    #[link_name = "every"]
    fn tick_every(period_ms: i64) -> i32;
}

pub(crate) fn every(period_ms: i64) -> i32 {
    // SAFETY: no memory is handed over.
    unsafe { tick_every(period_ms) }
}
