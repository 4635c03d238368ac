;; Answers 201, then 202. With `$case` 1 it traps after that, with 2 it goes on as if nothing had been.
(data (i32.const 1024) "first")
(data (i32.const 1040) "second")
(func $misbehave (result i32)
  (call $say (call $answer (i32.const 201) (i32.const 0) (i32.const 0) (i32.const 1024) (i32.const 5)))
  (call $say (call $answer (i32.const 202) (i32.const 0) (i32.const 0) (i32.const 1040) (i32.const 6)))
  (if (i32.eq (global.get $case) (i32.const 1)) (then unreachable))
  (if (i32.eq (global.get $case) (i32.const 2)) (then (return (i32.const 0))))
  (i32.const 1))
