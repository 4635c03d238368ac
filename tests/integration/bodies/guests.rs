//! Guests that want bodies.

use crate::support::module;

/// Puts the first eight bytes of the request's body into `x-seen`, and logs whether that is all.
pub(super) const PEEKS: &str = r#"
;; bodies: {"on_request": {"mode": "peek", "bytes": 8}}
(data (i32.const 700) "x-seen")
(func (export "gatewright_on_request") (result i32)
  (call $say (call $body_whole (i32.const 0)))
  (drop (call $head_set (i32.const 0) (i32.const 700) (i32.const 6)
    (i32.const 2048) (call $body_read (i32.const 0) (i32.const 0) (i32.const 2048) (i32.const 100))))
  (i32.const 0))
"#;

/// Puts an exclamation mark behind the request's body, and behind the response's, unless the body begins with `-`.
pub(super) fn exclaims(content: &str) -> Vec<u8> {
    module(
        &r#"
;; bodies: {"on_request": {"mode": "buffer", "content": "CONTENT"}, "on_response": {"mode": "buffer", "content": "CONTENT"}}
(func $exclaim (param $message i32) (result i32)
  (local $size i32)
  (local.set $size (call $body_read (local.get $message) (i32.const 0) (i32.const 2048) (i32.const 100000)))
  (if (i32.ne (i32.load8_u (i32.const 2048)) (i32.const 45))
    (then
      (i32.store8 (i32.add (i32.const 2048) (local.get $size)) (i32.const 33))
      (call $say (call $body_replace (local.get $message) (i32.const 2048)
        (i32.add (local.get $size) (i32.const 1))))))
  (i32.store8 (i32.const 2048) (i32.const 0))
  (i32.const 0))
(func (export "gatewright_on_request") (result i32) (call $exclaim (i32.const 0)))
(func (export "gatewright_on_response") (result i32) (call $exclaim (i32.const 1)))
"#
        .replace("CONTENT", content),
    )
}

/// Makes lower case letters upper case, of the messages for which `x-loud` names the letter `q` (request) or `s`
/// (response); counts the pieces in an attribute; writes a full stop at the end. `ON_PIECE` is done with each piece.
pub(super) fn shouts(content: &str, on_piece: &str) -> Vec<u8> {
    module(
        &r#"
;; bodies: {"on_request": {"mode": "stream", "content": "CONTENT"}, "on_response": {"mode": "stream", "content": "CONTENT"}}
(global $message (mut i32) (i32.const 0))
(data (i32.const 700) "x-loud")
(data (i32.const 710) "pieces")
(func $wants (param $letter i32) (result i32)
  (drop (call $head_get (i32.const 0) (i32.const 700) (i32.const 6) (i32.const 0) (i32.const 720) (i32.const 2)))
  (i32.or (i32.eq (i32.load8_u (i32.const 720)) (local.get $letter))
          (i32.eq (i32.load8_u (i32.const 721)) (local.get $letter))))
(func $start (param $message i32) (param $letter i32) (result i32)
  (global.set $message (local.get $message))
  (i32.store16 (i32.const 720) (i32.const 0))
  (i32.shl (call $wants (local.get $letter)) (i32.const 1)))
(func (export "gatewright_on_request") (result i32) (call $start (i32.const 0) (i32.const 113)))
(func (export "gatewright_on_response") (result i32) (call $start (i32.const 1) (i32.const 115)))
(func $shout (param $size i32)
  (local $at i32)
  (local.set $at (i32.const 4096))
  (local.set $size (i32.add (local.get $size) (i32.const 4096)))
  (loop $letter
    (if (i32.lt_u (local.get $at) (local.get $size))
      (then
        (if (i32.and (i32.ge_u (i32.load8_u (local.get $at)) (i32.const 97))
                     (i32.le_u (i32.load8_u (local.get $at)) (i32.const 122)))
          (then (i32.store8 (local.get $at) (i32.sub (i32.load8_u (local.get $at)) (i32.const 32)))))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br $letter)))))
(func (export "gatewright_on_body") (result i32)
  (local $size i32)
  ON_PIECE
  (local.set $size (call $body_read (global.get $message) (i32.const 0) (i32.const 4096) (i32.const 100000)))
  (call $shout (local.get $size))
  (drop (call $body_write (i32.const 4096) (local.get $size)))
  (if (call $body_whole (global.get $message))
    (then
      (drop (call $attribute_set (i32.const 710) (i32.const 6) (i32.const 732) (i32.const 1)))
      (drop (call $body_write (i32.const 730) (i32.const 1)))))
  (i32.const 0))
(data (i32.const 730) ".")
(data (i32.const 732) "x")
"#
        .replace("CONTENT", content)
        .replace("ON_PIECE", on_piece),
    )
}

/// Puts something in the place of the request's body and answers itself; sends the answer's body through its stream,
/// which it does not look into. Says whether it can see the request's body by then.
pub(super) const REPLACES_AND_ANSWERS: &str = r#"
;; bodies: {"on_request": {"mode": "buffer"}, "on_response": {"mode": "stream"}}
(data (i32.const 700) "not this")
(data (i32.const 710) "mine")
(func (export "gatewright_on_request") (result i32)
  (drop (call $body_replace (i32.const 0) (i32.const 700) (i32.const 8)))
  (drop (call $answer (i32.const 200) (i32.const 0) (i32.const 0) (i32.const 710) (i32.const 4)))
  (i32.const 1))
(func (export "gatewright_on_response") (result i32)
  (call $say (call $body_size (i32.const 0)))
  (i32.const 0))
(func (export "gatewright_on_body") (result i32) (i32.const 3))
"#;

/// Has the request's body at hand, and fails.
pub(super) const FAILS: &str = r#"
;; bodies: {"on_request": {"mode": "buffer"}}
(func (export "gatewright_on_request") (result i32) unreachable)
"#;

/// Wants no bodies, and says whether it can see the request's in the response phase.
pub(super) const LOOKS_ASIDE: &str = r#"
(func (export "gatewright_on_response") (result i32)
  (call $say (call $body_size (i32.const 0)))
  (i32.const 0))
"#;
