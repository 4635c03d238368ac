;; Keys, values and numbers at the limits of the key-value store, and beyond. It leaves nothing behind.
(import "gatewright_kv" "get" (func $kv_get (param i32 i32 i32 i32) (result i32)))
(import "gatewright_kv" "put" (func $kv_put (param i32 i32 i32 i32 i64) (result i32)))
(import "gatewright_kv" "delete" (func $kv_delete (param i32 i32) (result i32)))
(import "gatewright_kv" "add" (func $kv_add (param i32 i32 i64 i64 i32) (result i32)))
(import "gatewright_kv" "swap" (func $kv_swap (param i32 i32 i32 i32 i32 i32 i64) (result i32)))

(func $put (param $key_len i32) (param $value_len i32) (param $ttl i64)
  (call $say (call $kv_put (i32.const 1024) (local.get $key_len) (i32.const 8192) (local.get $value_len)
                           (local.get $ttl))))

(func $swap (param $old_len i32) (param $new_len i32)
  (call $say (call $kv_swap (i32.const 1024) (i32.const 2) (i32.const 8192) (local.get $old_len)
                            (i32.const 8192) (local.get $new_len) (i64.const 0))))

(func $add (param $delta i64)
  (call $say (call $kv_add (i32.const 1024) (i32.const 1) (local.get $delta) (i64.const 0) (i32.const 1024)))
  ;; The sum went over the key, which is as it was to the host.
  (call $say (i32.wrap_i64 (i64.load (i32.const 1024))))
  (i64.store (i32.const 1024) (i64.const 0)))

(func $misbehave (result i32)
  ;; At the limits: 0, and 65536 with nothing written.
  (call $put (i32.const 512) (i32.const 65536) (i64.const 0x7fffffffffffffff))
  (call $say (call $kv_get (i32.const 1024) (i32.const 512) (i32.const 1024) (i32.const 65535)))
  (call $say (call $kv_delete (i32.const 1024) (i32.const 512)))
  ;; Beyond them: -2.
  (call $put (i32.const 0) (i32.const 1) (i64.const 0))
  (call $put (i32.const 513) (i32.const 1) (i64.const 0))
  (call $put (i32.const 100000) (i32.const 1) (i64.const 0))
  (call $put (i32.const 1) (i32.const 65537) (i64.const 0))
  (call $put (i32.const 1) (i32.const 1) (i64.const -1))
  (call $say (call $kv_get (i32.const 1024) (i32.const 513) (i32.const 1024) (i32.const 0)))
  (call $say (call $kv_delete (i32.const 1024) (i32.const 0)))
  (call $swap (i32.const -1) (i32.const 65537))
  ;; Nothing of it is there: -1.
  (call $say (call $kv_get (i32.const 1024) (i32.const 1) (i32.const 1024) (i32.const 0)))
  (call $say (call $kv_delete (i32.const 1024) (i32.const 1)))
  ;; A counter: 0 and its sum; one that cannot be: -2 and what stood there.
  (call $add (i64.const 40))
  (call $add (i64.const 2))
  (call $add (i64.const 0x7fffffffffffffff))
  (call $put (i32.const 1) (i32.const 3) (i64.const 0))
  (call $add (i64.const 1))
  (call $say (call $kv_delete (i32.const 1024) (i32.const 1)))
  ;; Swaps: over nothing 0, of nothing 1, of nothing again 0, of what there is 1.
  (call $swap (i32.const 0) (i32.const 3))
  (call $swap (i32.const -1) (i32.const 3))
  (call $swap (i32.const -1) (i32.const 4))
  (call $swap (i32.const 3) (i32.const 4))
  (call $say (call $kv_delete (i32.const 1024) (i32.const 2)))
  (i32.const 0))
