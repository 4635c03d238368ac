;; Is called every 100 ms: says how often this instance was, and counts in the store. A request gets the store's count as
;; `x-ticks`. The configuration's first letter tells what else a tick does: (t)rap at the second, (l)oop for ever,
;; (r)efuse, answer what nobody can (9).
;; schema: {"type":"object"}
(import "gatewright_timer" "every" (func $every (param i64) (result i32)))
(import "gatewright_kv" "add" (func $kv_add (param i32 i32 i64 i64 i32) (result i32)))
(import "gatewright_kv" "get" (func $kv_get (param i32 i32 i32 i32) (result i32)))

(global $count (mut i32) (i32.const 0))
(data (i32.const 1024) "n" "x-ticks")

(func (export "gatewright_init") (result i32)
  ;; The last that is valid counts.
  (drop (call $every (i64.const 60000)))
  (drop (call $every (i64.const 100)))
  (call $say (call $every (i64.const 99)))
  (call $say (call $every (i64.const -1)))
  (call $say (call $every (i64.const 0x7fffffffffffffff)))
  (i32.const 0))

;; `{"do":"t"}` is the configuration.
(func $what (result i32)
  (drop (call $config_read (i32.const 2048) (i32.const 64)))
  (i32.load8_u (i32.const 2055)))

(func (export "gatewright_on_tick") (result i32)
  (local $what i32)
  (global.set $count (i32.add (global.get $count) (i32.const 1)))
  (drop (call $kv_add (i32.const 1024) (i32.const 1) (i64.const 1) (i64.const 0) (i32.const 1040)))
  (call $say (global.get $count))
  (local.set $what (call $what))
  (if (i32.and (i32.eq (local.get $what) (i32.const 116)) (i32.eq (global.get $count) (i32.const 2)))
    (then unreachable))
  (if (i32.eq (local.get $what) (i32.const 108)) (then (loop $again (br $again))))
  (if (i32.eq (local.get $what) (i32.const 114)) (then (return (i32.const -1))))
  (if (i32.eq (local.get $what) (i32.const 57)) (then (return (i32.const 9))))
  (i32.const 0))

(func (export "gatewright_on_request") (result i32)
  (call $say (call $every (i64.const 100)))
  (drop (call $head_set (i32.const 0) (i32.const 1025) (i32.const 7) (i32.const 1040)
          (call $kv_get (i32.const 1024) (i32.const 1) (i32.const 1040) (i32.const 20))))
  (i32.const 0))
