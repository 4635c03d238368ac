//! What a header of the PROXY protocol begins with, for who reads one and who writes one.

/// What version 2 begins with. No version 1 does.
pub const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";

/// Version 2, and what it is about: the connection itself, a health check, say,
pub const LOCAL: u8 = 0x20;
/// or one that is passed on.
pub const PROXY: u8 = 0x21;

/// TCP over IPv4,
pub const TCP4: u8 = 0x11;
/// over IPv6.
pub const TCP6: u8 = 0x21;
