;; Fails: `$case` 0 with a reason, 1 without, 2 with a reason that would like to be two lines of the log, 3 not after all.
(data (i32.const 1024) "out of cheese")
(data (i32.const 1040) "one\0a{\22level\22:\22INFO\22}")
(func $misbehave (result i32)
  (if (i32.or (i32.eq (global.get $case) (i32.const 0)) (i32.eq (global.get $case) (i32.const 3)))
    (then (drop (call $fail (i32.const 1024) (i32.const 13)))))
  (if (i32.eq (global.get $case) (i32.const 2)) (then (drop (call $fail (i32.const 1040) (i32.const 20)))))
  (if (i32.eq (global.get $case) (i32.const 3)) (then (return (i32.const 0))))
  (i32.const -1))
