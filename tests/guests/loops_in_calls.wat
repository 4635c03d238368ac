;; Keeps the host busy for ever.
(func $misbehave (result i32)
  (loop $again
    (drop (call $now))
    (drop (call $head_all (i32.const 0) (i32.const 1024) (i32.const 4096)))
    (br $again))
  (i32.const 0))
