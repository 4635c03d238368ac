;; Ranges that touch the end of memory, and empty ones just behind it, are in bounds.
(data (i32.const 131066) "x-edge")
(func $misbehave (result i32)
  (call $say (call $attribute_set (i32.const 131066) (i32.const 6) (i32.const 131072) (i32.const 0)))
  (call $say (call $attribute_get (i32.const 131066) (i32.const 6) (i32.const 131072) (i32.const 0)))
  (call $say (call $attribute_remove (i32.const 131066) (i32.const 6)))
  (i32.const 0))
