;; Writes entries of 64 KiB until the key-value store has no room. Says how many there were, and the code.
(import "gatewright_kv" "put" (func $kv_put (param i32 i32 i32 i32 i64) (result i32)))

(func $misbehave (result i32)
  (local $count i32)
  (local $code i32)
  (loop $next
    (i32.store (i32.const 1024) (local.get $count))
    (local.set $code (call $kv_put (i32.const 1024) (i32.const 4) (i32.const 8192) (i32.const 65536) (i64.const 0)))
    (if (i32.eqz (local.get $code))
      (then
        (local.set $count (i32.add (local.get $count) (i32.const 1)))
        (br_if $next (i32.lt_u (local.get $count) (i32.const 10000))))))
  (call $say (local.get $count))
  (call $say (local.get $code))
  (i32.const 0))
