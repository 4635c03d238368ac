//! Random bytes from the gateway, which nobody can foretell. (In native tests they are always the same.)

use crate::error::done;
use crate::{Result, host};

/// The most that the gateway gives at once.
const AT_ONCE: usize = 64 * 1024;

/// Fills `bytes` with random ones.
pub fn bytes(bytes: &mut [u8]) -> Result<()> {
    let what = bytes.len();
    bytes.chunks_mut(AT_ONCE).try_for_each(|chunk| done(host::random(chunk), "random bytes", what))
}

/// A random number.
pub fn u64() -> Result<u64> {
    let mut number = [0; 8];
    bytes(&mut number)?;
    Ok(u64::from_le_bytes(number))
}
