//! What crosses the border between host and guest: no range leaves the guest's memory, and heads come back as they went.

use gatewright::plugin::{GuestMemory, reply_head, unpack_head};
use gatewright_abi::{fields, pack, unpack};

/// Reads `data` as two numbers, eight bytes each of a pointer and a length, and a memory: what a guest passes, and what
/// it passes it from.
pub fn holds(data: &[u8]) {
    let Some((ranges, memory)) = data.split_first_chunk::<16>() else { return };
    let number = |at: usize| u32::from_le_bytes([ranges[at], ranges[at + 1], ranges[at + 2], ranges[at + 3]]);
    let (passed, room) = ((number(0), number(4)), (number(8), number(12)));
    for (pointer, len) in [passed, room] {
        assert_eq!(unpack(pack(pointer, len)), (pointer, len));
    }
    let value = reads(memory, passed);
    replies(memory, room, &value.unwrap_or_else(|| memory.to_vec()));
    walks(memory);
    heads(memory, room);
}

/// The range in 64 bits, where nothing wraps around.
fn range(memory: &[u8], (pointer, len): (u32, u32)) -> Option<std::ops::Range<usize>> {
    let end = u64::from(pointer) + u64::from(len);
    (end <= memory.len() as u64).then_some(pointer as usize..end as usize)
}

fn reads(memory: &[u8], passed: (u32, u32)) -> Option<Vec<u8>> {
    let mut bytes = memory.to_vec();
    let read = GuestMemory::of(&mut bytes).read(passed.0, passed.1).ok().map(<[u8]>::to_vec);
    assert_eq!(read.as_deref(), range(memory, passed).map(|range| &memory[range]));
    read
}

/// Where the room is in the memory, an answer that fits is written there and nowhere else, and one that does not nowhere.
fn replies(memory: &[u8], room: (u32, u32), value: &[u8]) {
    let mut bytes = memory.to_vec();
    let replied = GuestMemory::of(&mut bytes).reply(room.0, room.1, value);
    let mut expected = memory.to_vec();
    match range(memory, room) {
        None => assert!(replied.is_err()),
        Some(place) => {
            assert_eq!(replied.ok(), i32::try_from(value.len()).ok());
            if value.len() <= place.len() {
                expected[place.start..place.start + value.len()].copy_from_slice(value);
            }
        }
    }
    assert_eq!(bytes, expected);
}

/// Packed fields are walked to their end, or to where they are cut off.
fn walks(packed: &[u8]) {
    let (mut again, mut malformed) = (Vec::new(), false);
    for field in fields::iter(packed) {
        assert!(!malformed, "a walk goes on after its end");
        match field {
            Ok((name, value)) => {
                let lengths =
                    [name.len(), value.len()].map(|len| u32::try_from(len).expect("came from 32 bits"));
                again.extend_from_slice(&fields::prefix(lengths[0], lengths[1]));
                again.extend_from_slice(name);
                again.extend_from_slice(value);
            }
            Err(fields::Malformed) => malformed = true,
        }
    }
    assert!(packed.starts_with(&again) && (malformed || again == packed));
}

/// A head that a guest packed is the same when the host packs it again.
fn heads(packed: &[u8], room: (u32, u32)) {
    let Ok(head) = unpack_head(packed) else { return };
    let size: usize =
        head.iter().map(|(name, value)| fields::PREFIX + name.as_str().len() + value.len()).sum();
    let mut bytes = vec![0xaa; size];
    let capacity = u32::try_from(size).expect("small");
    let written = reply_head(&mut GuestMemory::of(&mut bytes), &head, 0, capacity);
    assert_eq!(written.ok(), i32::try_from(size).ok());
    assert_eq!(unpack_head(&bytes), Ok(head.clone()));
    if let Some(less) = capacity.checked_sub(1) {
        let mut bytes = vec![0xaa; size];
        let asked = reply_head(&mut GuestMemory::of(&mut bytes), &head, 0, less);
        assert_eq!(asked.ok(), i32::try_from(size).ok());
        assert!(bytes.iter().all(|byte| *byte == 0xaa), "a head that does not fit is written in part");
    }
    let mut memory = packed.to_vec();
    let replied = reply_head(&mut GuestMemory::of(&mut memory), &head, room.0, room.1);
    assert_eq!(replied.is_ok(), range(packed, room).is_some());
}
