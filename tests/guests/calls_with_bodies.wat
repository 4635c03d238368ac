;; Bodies of 8 MiB and more: two, a third byte that is too many, one that is too large by itself; what came of the two.
;; After that there is room again, which is left unused.
(import "gatewright_http" "start" (func $start (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
(import "gatewright_http" "wait" (func $wait (result i32)))
(import "gatewright_http" "status" (func $http_status (param i32) (result i32)))

(data (i32.const 1024) "side" "PUT" "/")

(func $put (param $len i32) (result i32)
  (call $start (i32.const 1024) (i32.const 4) (i32.const 1028) (i32.const 3) (i32.const 1031) (i32.const 1)
               (i32.const 0) (i32.const 0) (i32.const 65536) (local.get $len) (i32.const 0)))

(func $misbehave (result i32)
  (drop (memory.grow (i32.const 300)))
  (call $say (call $put (i32.const 0x800000)))
  (call $say (call $put (i32.const 0x800000)))
  (call $say (call $put (i32.const 1)))
  (call $say (call $put (i32.const 0x1000001)))
  (drop (call $wait))
  (call $say (call $http_status (i32.const 0)))
  (call $say (call $http_status (i32.const 1)))
  (call $say (call $put (i32.const 0x800000)))
  (call $say (call $http_status (i32.const 2)))
  (i32.const 0))
