//! The only place that touches a guest's pointers.

use wasmtime::Caller;

use super::error::OutOfBounds;
use super::host::Guest;

/// A guest's memory during one host call.
pub struct GuestMemory<'a> {
    bytes: &'a mut [u8],
}

/// The guest's memory and its state, both at hand. A guest without memory has an empty one.
pub(super) fn split<'a>(caller: &'a mut Caller<'_, Guest>) -> (GuestMemory<'a>, &'a mut Guest) {
    match caller.data().memory {
        Some(memory) => {
            let (bytes, guest) = memory.data_and_store_mut(caller);
            (GuestMemory { bytes }, guest)
        }
        None => (GuestMemory { bytes: &mut [] }, caller.data_mut()),
    }
}

impl<'a> GuestMemory<'a> {
    /// The memory that these bytes are.
    #[must_use]
    pub fn of(bytes: &'a mut [u8]) -> Self {
        Self { bytes }
    }

    /// What the guest passed.
    ///
    /// # Errors
    /// Where the range is not in the memory.
    pub fn read(&self, pointer: u32, len: u32) -> Result<&[u8], OutOfBounds> {
        let start = pointer as usize;
        let range = start..start.saturating_add(len as usize);
        self.bytes.get(range).ok_or(OutOfBounds { pointer, len })
    }

    /// Answers with `value`: written where it fits into `capacity`, and its length in any case.
    ///
    /// # Errors
    /// Where the room is not in the memory, whether it would be needed or not.
    pub fn reply(&mut self, out: u32, capacity: u32, value: &[u8]) -> Result<i32, OutOfBounds> {
        let room = self.room(out, capacity)?;
        if let Some(place) = room.get_mut(..value.len()) {
            place.copy_from_slice(value);
        }
        Ok(length(value.len()))
    }

    /// The place for an answer.
    ///
    /// # Errors
    /// Where it is not in the memory.
    pub fn room(&mut self, out: u32, capacity: u32) -> Result<&mut [u8], OutOfBounds> {
        let start = out as usize;
        let range = start..start.saturating_add(capacity as usize);
        self.bytes.get_mut(range).ok_or(OutOfBounds { pointer: out, len: capacity })
    }
}

/// A length as a result. Nothing the host keeps comes near 2 GiB.
pub(super) fn length(len: usize) -> i32 {
    i32::try_from(len).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_checked_to_the_last_byte() {
        let mut bytes = [7; 16];
        let memory = GuestMemory::of(&mut bytes);
        assert_eq!(memory.read(8, 8).unwrap(), [7; 8]);
        assert_eq!(memory.read(16, 0).unwrap(), [0; 0]);
        for (pointer, len) in [(9, 8), (16, 1), (17, 0), (u32::MAX, 1), (0, u32::MAX), (u32::MAX, u32::MAX)] {
            assert!(memory.read(pointer, len).is_err(), "{pointer} {len}");
        }
    }

    #[test]
    fn a_value_larger_than_its_room_is_not_written_at_all() {
        let mut bytes = [0; 8];
        assert_eq!(GuestMemory::of(&mut bytes).reply(0, 3, b"abcd").unwrap(), 4);
        assert_eq!(bytes, [0; 8]);
        assert_eq!(GuestMemory::of(&mut bytes).reply(4, 4, b"abcd").unwrap(), 4);
        assert_eq!(&bytes, b"\0\0\0\0abcd");
        assert!(GuestMemory::of(&mut bytes).reply(5, 4, b"a").is_err());
    }
}
