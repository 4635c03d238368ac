;; Random bytes: none, a few, a few others, the most, too many; then whether the few and the others differ. Cases 1 and 2
;; are out of bounds.
(import "gatewright_random" "fill" (func $fill (param i32 i32) (result i32)))

(func $misbehave (result i32)
  (if (i32.eq (global.get $case) (i32.const 1))
    (then (return (call $fill (i32.const 131072) (i32.const 1)))))
  (if (i32.eq (global.get $case) (i32.const 2))
    (then (return (call $fill (i32.const 1024) (i32.const -1)))))
  (call $say (call $fill (i32.const 131072) (i32.const 0)))
  (call $say (call $fill (i32.const 1024) (i32.const 8)))
  (call $say (call $fill (i32.const 1032) (i32.const 8)))
  (call $say (call $fill (i32.const 2048) (i32.const 65536)))
  (call $say (call $fill (i32.const 2048) (i32.const 65537)))
  (call $say (i64.ne (i64.load (i32.const 1024)) (i64.load (i32.const 1032))))
  (i32.const 0))
