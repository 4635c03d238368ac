;; Calls `side` every 100 ms, and says what came of it. The first tick begins with what only an exchange has.
(import "gatewright_timer" "every" (func $every (param i64) (result i32)))
(import "gatewright_http" "start" (func $start (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
(import "gatewright_http" "wait" (func $wait (result i32)))
(import "gatewright_http" "status" (func $http_status (param i32) (result i32)))

(global $first (mut i32) (i32.const 1))
(data (i32.const 1024) "side" "GET" "/")

(func $call (result i32)
  (call $start (i32.const 1024) (i32.const 4) (i32.const 1028) (i32.const 3) (i32.const 1031) (i32.const 1)
               (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)))

(func (export "gatewright_init") (result i32)
  (drop (call $every (i64.const 100)))
  (call $say (call $call))
  (i32.const 0))

(func $exchange
  (global.set $first (i32.const 0))
  (call $say (call $head_get (i32.const 0) (i32.const 1024) (i32.const 4) (i32.const 0) (i32.const 2048) (i32.const 9)))
  (call $say (call $head_set (i32.const 0) (i32.const 1024) (i32.const 4) (i32.const 1024) (i32.const 4)))
  (call $say (call $head_all (i32.const 1) (i32.const 2048) (i32.const 9)))
  (call $say (call $part (i32.const 35) (i32.const 2048) (i32.const 99)))
  (call $say (call $set_part (i32.const 1) (i32.const 1031) (i32.const 1)))
  (call $say (call $status))
  (call $say (call $answer (i32.const 200) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)))
  (call $say (call $attribute_get (i32.const 1024) (i32.const 4) (i32.const 2048) (i32.const 9)))
  (call $say (call $attribute_set (i32.const 1024) (i32.const 4) (i32.const 1024) (i32.const 4)))
  (call $say (call $attribute_remove (i32.const 1024) (i32.const 4)))
  (call $say (call $every (i64.const 100))))

(func (export "gatewright_on_tick") (result i32)
  (local $handle i32)
  (if (global.get $first) (then (call $exchange)))
  (local.set $handle (call $call))
  (drop (call $wait))
  (call $say (call $http_status (local.get $handle)))
  (i32.const 0))

(func (export "gatewright_on_request") (result i32) (i32.const 0))
