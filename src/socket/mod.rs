//! Sockets of both kinds, TCP and Unix: where they are, what passes through them, as it is or through TLS, and the file that
//! a Unix one leaves.

mod address;
mod file;
mod maybe_tls;
pub mod proxy_protocol;
mod stream;

pub use address::Address;
pub use file::SocketFile;
pub use maybe_tls::MaybeTls;
pub use stream::{Idle, Stream};
