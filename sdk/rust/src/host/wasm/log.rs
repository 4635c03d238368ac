use gatewright_abi::Level;

#[link(wasm_import_module = "gatewright_log")]
unsafe extern "C" {
    #[link_name = "write"]
    fn write_line(level: u32, text: *const u8, text_len: usize) -> i32;
    #[link_name = "enabled"]
    fn level_enabled(level: u32) -> i32;
    #[link_name = "fail"]
    fn give_reason(text: *const u8, text_len: usize) -> i32;
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
