use std::net::SocketAddr;

use super::wire::Wire;

/// An HTTP/2 client that writes its frames itself: what no library would send is sent here.
pub(crate) struct Frames {
    wire: Wire,
}

/// A frame that was received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
    pub(crate) payload: Vec<u8>,
}

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const CONTINUATION: u8 = 9;

pub(crate) const END_STREAM: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;

pub(crate) const ENHANCE_YOUR_CALM: u32 = 11;

impl Frame {
    /// Of a RST_STREAM or a GOAWAY.
    pub(crate) fn error(&self) -> u32 {
        let at = if self.kind == GOAWAY { 4 } else { 0 };
        u32::from_be_bytes(self.payload[at..at + 4].try_into().unwrap())
    }
}

impl Frames {
    /// Says that it speaks HTTP/2, with the settings that are the protocol's defaults.
    #[track_caller]
    pub(crate) fn connect(address: SocketAddr) -> Self {
        let mut frames = Self { wire: Wire::connect(address) };
        frames.wire.send([&b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..], &frame(SETTINGS, 0, 0, &[])].concat());
        frames
    }

    #[track_caller]
    pub(crate) fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        self.wire.send(frame(kind, flags, stream, payload));
    }

    /// Whether the other side still took it.
    pub(crate) fn try_send(&mut self, bytes: &[u8]) -> bool {
        self.wire.try_send(bytes).is_ok()
    }

    /// The next frame; `None` where the connection has ended.
    #[track_caller]
    pub(crate) fn next(&mut self) -> Option<Frame> {
        let head = self.wire.exactly(9).ok()?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        let stream = u32::from_be_bytes(head[5..9].try_into().unwrap()) & 0x7fff_ffff;
        let payload = self.wire.exactly(length).ok()?;
        Some(Frame { kind: head[3], flags: head[4], stream, payload })
    }

    /// The next frame that `wanted` picks.
    #[track_caller]
    pub(crate) fn next_that(&mut self, wanted: impl Fn(&Frame) -> bool) -> Option<Frame> {
        std::iter::from_fn(|| self.next()).find(|frame| wanted(frame))
    }

    /// The next frame of this kind on this stream; the connection must not end before.
    #[track_caller]
    pub(crate) fn on(&mut self, stream: u32, kind: u8) -> Frame {
        let wanted = |frame: &Frame| frame.stream == stream && frame.kind == kind;
        self.next_that(wanted).unwrap_or_else(|| panic!("no frame {kind} on stream {stream}"))
    }

    /// How the connection ends: the error of its last GOAWAY, where there is one.
    #[track_caller]
    pub(crate) fn end(&mut self) -> Option<u32> {
        std::iter::from_fn(|| self.next()).filter(|frame| frame.kind == GOAWAY).last().map(|end| end.error())
    }
}

pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// A field block in its plainest form: no table, no Huffman code.
pub(crate) fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    let field = |(name, value): &(&str, &str)| [&[0][..], &string(name), &string(value)].concat();
    fields.iter().flat_map(field).collect()
}

/// The block of a GET.
pub(crate) fn get(path: &str) -> Vec<u8> {
    block(&[(":method", "GET"), (":scheme", "http"), (":path", path), (":authority", "gateway.test")])
}

fn string(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.len();
    if rest < 127 {
        bytes.push(u8::try_from(rest).unwrap());
    } else {
        bytes.push(127);
        rest -= 127;
        while rest >= 128 {
            bytes.push(u8::try_from(rest % 128).unwrap() | 128);
            rest /= 128;
        }
        bytes.push(u8::try_from(rest).unwrap());
    }
    bytes.extend_from_slice(text.as_bytes());
    bytes
}
