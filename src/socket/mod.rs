//! Sockets of both kinds, TCP and Unix: where they are, what passes through them, and the file that a Unix one leaves.

mod address;
mod file;
mod stream;

pub use address::Address;
pub use file::SocketFile;
pub use stream::Stream;
