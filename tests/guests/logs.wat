;; Writes 1,000 lines, each of which would like to be two, and returns what the last call returned.
(data (i32.const 1024) "one\0a{\22level\22:\22ERROR\22,\22message\22:\22forged\22}")
(func $misbehave (result i32)
  (local $n i32)
  (local $code i32)
  (loop $next
    (local.set $code (call $log (i32.const 2) (i32.const 1024) (i32.const 42)))
    (local.set $n (i32.add (local.get $n) (i32.const 1)))
    (br_if $next (i32.lt_u (local.get $n) (i32.const 1000))))
  (local.get $code))
