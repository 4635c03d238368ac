//! The imports of a guest. The only `unsafe` of this crate: each call hands over slices as pointer and length, which
//! the gateway reads or fills while the call lasts and keeps no hold of.

#![allow(unsafe_code)]

mod attributes;
mod body;
mod clock;
mod config;
mod head;
mod http;
mod kv;
mod log;
mod metrics;
mod random;
mod timer;

pub(crate) use attributes::*;
pub(crate) use body::*;
pub(crate) use clock::*;
pub(crate) use config::*;
pub(crate) use head::*;
pub(crate) use http::*;
pub(crate) use kv::*;
pub(crate) use log::*;
pub(crate) use metrics::*;
pub(crate) use random::*;
pub(crate) use timer::*;

/// Has `call` write a value into the capacity of `out`, and answer how long it is.
fn fill(out: &mut Vec<u8>, call: impl FnOnce(*mut u8, usize) -> i32) -> i32 {
    out.clear();
    // The capacity is this vector's own, exclusively borrowed while the call lasts.
    let len = call(out.as_mut_ptr(), out.capacity());
    if let Ok(written) = usize::try_from(len)
        && written <= out.capacity()
    {
        // SAFETY: it fits, and by the contract a length that fits was written whole.
        unsafe { out.set_len(written) };
    }
    len
}
