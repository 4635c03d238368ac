;; Says so, and never comes back.
(func $misbehave (result i32)
  (call $say (i32.const 1))
  (loop $again (br $again))
  (i32.const 0))
