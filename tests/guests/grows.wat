;; Takes memory until there is none, and cannot live without more. With `$case` 1 it can. With 2 it
;; traps for no such reason.
(func $misbehave (result i32)
  (if (i32.eq (global.get $case) (i32.const 2)) (then unreachable))
  (loop $more
    (br_if $more (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
  (if (i32.eq (global.get $case) (i32.const 1)) (then (return (i32.const 0))))
  unreachable)
