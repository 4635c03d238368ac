;; In bounds, and far too much: 128 KiB of memory full of `a`.
(func $misbehave (result i32)
  (local $message i32)
  (memory.fill (i32.const 1024) (i32.const 97) (i32.const 130000))
  ;; A name of 70,000 bytes.
  (call $say (call $head_set (i32.const 0) (i32.const 1024) (i32.const 70000) (i32.const 1024) (i32.const 1)))
  ;; A path of 70,000 bytes.
  (i32.store8 (i32.const 1024) (i32.const 47))
  (call $say (call $set_part (i32.const 1) (i32.const 1024) (i32.const 70000)))
  ;; Values of 120,000 bytes each, until the exchange has had enough of it.
  (call $say (call $attribute_set (i32.const 1100) (i32.const 1) (i32.const 1100) (i32.const 120000)))
  (call $say (call $attribute_set (i32.const 1100) (i32.const 2) (i32.const 1100) (i32.const 120000)))
  (call $say (call $attribute_set (i32.const 1100) (i32.const 3) (i32.const 1100) (i32.const 120000)))
  (i32.const 0))
