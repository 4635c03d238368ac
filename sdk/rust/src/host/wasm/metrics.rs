use gatewright_abi::Metric;

#[link(wasm_import_module = "gatewright_metrics")]
unsafe extern "C" {
    fn define(kind: u32, name: *const u8, name_len: usize, labels: *const u8, labels_len: usize) -> i32;
    fn add(id: u32, value: f64) -> i32;
    fn set(id: u32, value: f64) -> i32;
    fn observe(id: u32, value: f64) -> i32;
}

pub(crate) fn metric_define(kind: Metric, name: &[u8], labels: &[u8]) -> i32 {
    // SAFETY: both ranges are those of live slices and only read.
    unsafe { define(kind as u32, name.as_ptr(), name.len(), labels.as_ptr(), labels.len()) }
}

pub(crate) fn metric_add(id: u32, value: f64) -> i32 {
    // SAFETY: no memory is handed over.
    unsafe { add(id, value) }
}

pub(crate) fn metric_set(id: u32, value: f64) -> i32 {
    // SAFETY: no memory is handed over.
    unsafe { set(id, value) }
}

pub(crate) fn metric_observe(id: u32, value: f64) -> i32 {
    // SAFETY: no memory is handed over.
    unsafe { observe(id, value) }
}
