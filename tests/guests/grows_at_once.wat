;; Asks for 4 GiB in one go.
(func $misbehave (result i32)
  (if (i32.eq (memory.grow (i32.const 65530)) (i32.const -1)) (then unreachable))
  (i32.const 0))
