//! Frames of WebSocket (RFC 6455), as both ends write them.

use super::wire::{Broken, Wire};

pub(crate) const TEXT: u8 = 1;
pub(crate) const CLOSE: u8 = 8;
pub(crate) const PING: u8 = 9;
pub(crate) const PONG: u8 = 10;

/// A whole message in one frame, masked as clients must.
pub(crate) fn masked(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [0x37, 0xfa, 0x21, 0x3d];
    let mut bytes = head(opcode, payload.len(), 0x80);
    bytes.extend(mask);
    bytes.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    bytes
}

/// The same, as servers send it.
pub(crate) fn plain(opcode: u8, payload: &[u8]) -> Vec<u8> {
    [&head(opcode, payload.len(), 0)[..], payload].concat()
}

fn head(opcode: u8, length: usize, masked: u8) -> Vec<u8> {
    let mut bytes = vec![0x80 | opcode];
    match length {
        0..126 => bytes.push(masked | u8::try_from(length).unwrap()),
        126..65536 => {
            bytes.push(masked | 126);
            bytes.extend(u16::try_from(length).unwrap().to_be_bytes());
        }
        _ => {
            bytes.push(masked | 127);
            bytes.extend((length as u64).to_be_bytes());
        }
    }
    bytes
}

/// Reads a frame: its opcode and its payload, unmasked where it was masked.
pub(crate) fn read(wire: &mut Wire) -> Result<(u8, Vec<u8>), Broken> {
    let first = wire.exactly(2)?;
    let length = match first[1] & 0x7f {
        126 => u64::from(u16::from_be_bytes(wire.exactly(2)?.try_into().unwrap())),
        127 => u64::from_be_bytes(wire.exactly(8)?.try_into().unwrap()),
        short => u64::from(short),
    };
    let mask = if first[1] & 0x80 == 0 { vec![0; 4] } else { wire.exactly(4)? };
    let payload = wire.exactly(usize::try_from(length).unwrap())?;
    let payload = payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask).collect();
    Ok((first[0] & 0x0f, payload))
}

/// What a server answers to this key.
pub(crate) fn accept(key: &str) -> String {
    use base64::Engine as _;
    let text = format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    let sha1 = ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes());
    base64::engine::general_purpose::STANDARD.encode(sha1)
}
