;; Takes the Host away, and gives the request a second one.
(data (i32.const 1024) "Host")
(data (i32.const 1040) "evil.test")
(func $misbehave (result i32)
  (call $say (call $head_remove (i32.const 0) (i32.const 1024) (i32.const 4)))
  (call $say (call $head_add (i32.const 0) (i32.const 1024) (i32.const 4) (i32.const 1040) (i32.const 9)))
  (i32.const 0))
