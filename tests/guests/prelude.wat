;; What every guest begins with: all host calls, two pages of memory, the marker, and a way to speak.
;; The harness adds the manifest at 16, and an `init` that agrees where the guest has none of its own.
;; Memory below 1024 is the prelude's.

(import "gatewright_head" "get" (func $head_get (param i32 i32 i32 i32 i32 i32) (result i32)))
(import "gatewright_head" "set" (func $head_set (param i32 i32 i32 i32 i32) (result i32)))
(import "gatewright_head" "add" (func $head_add (param i32 i32 i32 i32 i32) (result i32)))
(import "gatewright_head" "remove" (func $head_remove (param i32 i32 i32) (result i32)))
(import "gatewright_head" "all" (func $head_all (param i32 i32 i32) (result i32)))
(import "gatewright_head" "part" (func $part (param i32 i32 i32) (result i32)))
(import "gatewright_head" "set_part" (func $set_part (param i32 i32 i32) (result i32)))
(import "gatewright_head" "status" (func $status (result i32)))
(import "gatewright_head" "set_status" (func $set_status (param i32) (result i32)))
(import "gatewright_head" "answer" (func $answer (param i32 i32 i32 i32 i32) (result i32)))
(import "gatewright_body" "size" (func $body_size (param i32) (result i32)))
(import "gatewright_body" "read" (func $body_read (param i32 i32 i32 i32) (result i32)))
(import "gatewright_body" "whole" (func $body_whole (param i32) (result i32)))
(import "gatewright_body" "replace" (func $body_replace (param i32 i32 i32) (result i32)))
(import "gatewright_body" "write" (func $body_write (param i32 i32) (result i32)))
(import "gatewright_attributes" "get" (func $attribute_get (param i32 i32 i32 i32) (result i32)))
(import "gatewright_attributes" "set" (func $attribute_set (param i32 i32 i32 i32) (result i32)))
(import "gatewright_attributes" "remove" (func $attribute_remove (param i32 i32) (result i32)))
(import "gatewright_config" "read" (func $config_read (param i32 i32) (result i32)))
(import "gatewright_log" "write" (func $log (param i32 i32 i32) (result i32)))
(import "gatewright_log" "fail" (func $fail (param i32 i32) (result i32)))
(import "gatewright_clock" "monotonic" (func $now (result i64)))

(memory (export "memory") 2)
(func (export "gatewright_abi_1"))

;; Logs `code N`.
(func $say (param $code i32)
  (local $left i32)
  (local $at i32)
  (local.set $at (i32.const 640))
  (local.set $left (select (i32.sub (i32.const 0) (local.get $code)) (local.get $code)
                           (i32.lt_s (local.get $code) (i32.const 0))))
  (loop $digit
    (local.set $at (i32.sub (local.get $at) (i32.const 1)))
    (i32.store8 (local.get $at) (i32.add (i32.const 48) (i32.rem_u (local.get $left) (i32.const 10))))
    (local.set $left (i32.div_u (local.get $left) (i32.const 10)))
    (br_if $digit (local.get $left)))
  (if (i32.lt_s (local.get $code) (i32.const 0))
    (then
      (local.set $at (i32.sub (local.get $at) (i32.const 1)))
      (i32.store8 (local.get $at) (i32.const 45))))
  ;; "code " before it.
  (local.set $at (i32.sub (local.get $at) (i32.const 5)))
  (i32.store (local.get $at) (i32.const 0x65646f63))
  (i32.store8 (i32.add (local.get $at) (i32.const 4)) (i32.const 32))
  (drop (call $log (i32.const 2) (local.get $at) (i32.sub (i32.const 640) (local.get $at)))))
