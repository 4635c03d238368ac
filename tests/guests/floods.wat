;; Adds 100,000 header fields, all different, to the request (`$case` 0) or the response (1). Says how many there were room
;; for, and why the last one was not.
(data (i32.const 1024) "x-00000")
(func $misbehave (result i32)
  (local $n i32)
  (local $digits i32)
  (local $at i32)
  (local $code i32)
  (local $good i32)
  (loop $next
    (local.set $digits (local.get $n))
    (local.set $at (i32.const 1030))
    (loop $digit
      (i32.store8 (local.get $at) (i32.add (i32.const 48) (i32.rem_u (local.get $digits) (i32.const 10))))
      (local.set $digits (i32.div_u (local.get $digits) (i32.const 10)))
      (local.set $at (i32.sub (local.get $at) (i32.const 1)))
      (br_if $digit (i32.ge_u (local.get $at) (i32.const 1026))))
    (local.set $code
      (call $head_add (global.get $case) (i32.const 1024) (i32.const 7) (i32.const 1024) (i32.const 1)))
    (local.set $good (i32.add (local.get $good) (i32.eqz (local.get $code))))
    (local.set $n (i32.add (local.get $n) (i32.const 1)))
    (br_if $next (i32.lt_u (local.get $n) (i32.const 100000))))
  (call $say (local.get $good))
  (call $say (local.get $code))
  (i32.const 0))
