//! The handshake of WebSocket (RFC 6455), where the gateway speaks for a side whose HTTP does it otherwise.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{HeaderValue, SEC_WEBSOCKET_ACCEPT, UPGRADE};
use http::{HeaderMap, Response};
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};

/// The name of the protocol, in `Upgrade` and in `:protocol`.
pub(super) const NAME: HeaderValue = HeaderValue::from_static("websocket");

/// Its only version in use.
pub(super) const VERSION: HeaderValue = HeaderValue::from_static("13");

/// What every server puts behind the key, so that no other kind of server can give the answer by chance.
const MAGIC: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// Whether it is this protocol.
pub(super) fn is_name(name: &[u8]) -> bool {
    name.eq_ignore_ascii_case(NAME.as_bytes())
}

/// A key for a client that has none. It need not be secret, only another one each time.
pub(super) fn key() -> Option<HeaderValue> {
    HeaderValue::try_from(STANDARD.encode(fastrand::u128(..).to_be_bytes())).ok()
}

/// What a server answers to this key.
pub(super) fn accept(key: &HeaderValue) -> Option<HeaderValue> {
    let text = [key.as_bytes(), MAGIC].concat();
    HeaderValue::try_from(STANDARD.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, &text))).ok()
}

/// Why this is not the answer of somebody who has read the key.
pub(super) fn flaw<B>(response: &Response<B>, key: &HeaderValue) -> Option<&'static str> {
    let headers = response.headers();
    if !headers.get(UPGRADE).is_some_and(|protocol| is_name(protocol.as_bytes())) {
        return Some("it switched to another protocol than WebSocket");
    }
    match single(headers) {
        accepted if accepted.is_some() && accepted == accept(key).as_ref() => None,
        _ => Some("its Sec-WebSocket-Accept is not the answer to the key"),
    }
}

fn single(headers: &HeaderMap) -> Option<&HeaderValue> {
    let mut all = headers.get_all(SEC_WEBSOCKET_ACCEPT).iter();
    all.next().filter(|_| all.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_is_that_of_the_rfc() {
        let key = HeaderValue::from_static("dGhlIHNhbXBsZSBub25jZQ==");
        assert_eq!(accept(&key).unwrap(), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn a_key_is_of_16_bytes_and_never_the_same() {
        let keys = [key().unwrap(), key().unwrap()];
        assert!(keys.iter().all(|key| STANDARD.decode(key).unwrap().len() == 16));
        assert_ne!(keys[0], keys[1]);
    }

    #[test]
    fn only_the_right_answer_has_no_flaw() {
        let key = HeaderValue::from_static("dGhlIHNhbXBsZSBub25jZQ==");
        let answer = |protocol: &str, accepts: &[&str]| {
            let mut response = Response::builder().header("upgrade", protocol);
            for accept in accepts {
                response = response.header("sec-websocket-accept", *accept);
            }
            flaw(&response.body(()).unwrap(), &key)
        };
        let right = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
        assert_eq!(answer("WebSocket", &[right]), None);
        assert!(answer("echo", &[right]).is_some());
        assert!(answer("websocket", &[]).is_some());
        assert!(answer("websocket", &["s3pPLMBiTxaQ9kYGzzhZRbK+xOO="]).is_some());
        assert!(answer("websocket", &[right, right]).is_some());
    }
}
