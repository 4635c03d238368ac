//! The calls to the gateway, as safe functions over slices: the real ones in a guest, a recording stub elsewhere.
//!
//! Both have the same functions with the same meaning, that of `gatewright-abi`. What is read goes into `out`, if it
//! fits; the length of the whole comes back.

#[cfg(not(target_arch = "wasm32"))]
pub(crate) mod stub;
#[cfg(target_arch = "wasm32")]
mod wasm;

#[cfg(not(target_arch = "wasm32"))]
pub(crate) use stub::calls::*;
#[cfg(target_arch = "wasm32")]
pub(crate) use wasm::*;

/// A range of this program's memory, packed for the gateway.
pub(crate) fn packed(bytes: &'static [u8]) -> i64 {
    // Only a guest has the 32-bit addresses that this is for; elsewhere there is nobody to read it.
    let pointer = u32::try_from(bytes.as_ptr().addr()).unwrap_or_default();
    gatewright_abi::pack(pointer, u32::try_from(bytes.len()).unwrap_or_default())
}

/// Tells the gateway of a panic before it becomes a trap, which says nothing but `unreachable`.
pub(crate) fn report_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let message = panic.payload_as_str().unwrap_or("(no message)");
        let reason = match panic.location() {
            Some(place) => format!("panicked at {place}: {message}"),
            None => format!("panicked: {message}"),
        };
        fail(reason.as_bytes());
    }));
}
