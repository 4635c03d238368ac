;; Makes the request that it is asked again, by the upstream `self`, and says what came of it.
(import "gatewright_http" "start" (func $start (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
(import "gatewright_http" "wait" (func $wait (result i32)))
(import "gatewright_http" "status" (func $http_status (param i32) (result i32)))

(data (i32.const 1024) "self" "GET")

(func (export "gatewright_on_request") (result i32)
  (local $handle i32)
  (local.set $handle
    (call $start (i32.const 1024) (i32.const 4) (i32.const 1028) (i32.const 3)
                 (i32.const 2048) (call $part (i32.const 1) (i32.const 2048) (i32.const 1024))
                 (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)))
  (drop (call $wait))
  (call $say (call $http_status (local.get $handle)))
  (i32.const 0))
