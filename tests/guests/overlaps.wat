;; Input and output in the same place, name and value in the same place.
(data (i32.const 1024) "x-longer-name-than-value")
(data (i32.const 1100) "x-copy")
(data (i32.const 1200) "x-same")
(func $misbehave (result i32)
  (local $length i32)
  (memory.copy (i32.const 1300) (i32.const 1024) (i32.const 24))
  ;; The answer is written over the name that asks for it.
  (local.set $length
    (call $head_get (i32.const 0) (i32.const 1300) (i32.const 24) (i32.const 0) (i32.const 1300) (i32.const 64)))
  (call $say (local.get $length))
  (call $say (call $head_set (i32.const 0) (i32.const 1100) (i32.const 6) (i32.const 1300) (local.get $length)))
  (call $say (call $head_set (i32.const 0) (i32.const 1200) (i32.const 6) (i32.const 1200) (i32.const 6)))
  ;; Value begins within the name.
  (call $say (call $head_add (i32.const 0) (i32.const 1200) (i32.const 6) (i32.const 1202) (i32.const 4)))
  (i32.const 0))
