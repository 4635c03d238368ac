//! HTTP/2: the same semantics as HTTP/1, and what only HTTP/2 can do to a gateway.

mod clients;
mod floods;
mod slow_readers;
mod upstreams;
mod websockets;
