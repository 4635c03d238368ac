use super::fill;

#[link(wasm_import_module = "gatewright_http")]
unsafe extern "C" {
    fn start(
        upstream: *const u8,
        upstream_len: usize,
        method: *const u8,
        method_len: usize,
        target: *const u8,
        target_len: usize,
        fields: *const u8,
        fields_len: usize,
        body: *const u8,
        body_len: usize,
        timeout_ms: u32,
    ) -> i32;
    fn wait() -> i32;
    fn status(handle: u32) -> i32;
    fn get(handle: u32, name: *const u8, name_len: usize, index: u32, out: *mut u8, cap: usize) -> i32;
    fn all(handle: u32, out: *mut u8, cap: usize) -> i32;
    fn size(handle: u32) -> i32;
    fn read(handle: u32, offset: usize, out: *mut u8, cap: usize) -> i32;
    fn close(handle: u32) -> i32;
}

pub(crate) fn http_start(
    upstream: &[u8],
    method: &[u8],
    target: &[u8],
    fields: &[u8],
    body: &[u8],
    timeout_ms: u32,
) -> i32 {
    // SAFETY: all ranges are those of live slices and only read.
    unsafe {
        start(
            upstream.as_ptr(),
            upstream.len(),
            method.as_ptr(),
            method.len(),
            target.as_ptr(),
            target.len(),
            fields.as_ptr(),
            fields.len(),
            body.as_ptr(),
            body.len(),
            timeout_ms,
        )
    }
}

pub(crate) fn http_wait() -> i32 {
    // SAFETY: no memory is handed over.
    unsafe { wait() }
}

pub(crate) fn http_status(handle: u32) -> i32 {
    // SAFETY: no memory is handed over.
    unsafe { status(handle) }
}

pub(crate) fn http_header(handle: u32, name: &[u8], index: u32, out: &mut Vec<u8>) -> i32 {
    // SAFETY: the name is a live slice and only read; `fill` says the rest.
    fill(out, |out, cap| unsafe { get(handle, name.as_ptr(), name.len(), index, out, cap) })
}

pub(crate) fn http_headers(handle: u32, out: &mut Vec<u8>) -> i32 {
    // SAFETY: as `fill` says.
    fill(out, |out, cap| unsafe { all(handle, out, cap) })
}

pub(crate) fn http_size(handle: u32) -> i32 {
    // SAFETY: no memory is handed over.
    unsafe { size(handle) }
}

/// As much as there is room for in `out`, from `offset` on.
pub(crate) fn http_read(handle: u32, offset: usize, out: &mut Vec<u8>) -> i32 {
    // SAFETY: as `fill` says; what is answered never goes beyond the capacity.
    fill(out, |out, cap| unsafe { read(handle, offset, out, cap) })
}

pub(crate) fn http_close(handle: u32) -> i32 {
    // SAFETY: no memory is handed over.
    unsafe { close(handle) }
}
