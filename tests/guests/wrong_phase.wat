;; Every call that belongs to the other phase. In a request phase there is no response, and in a response phase the
;; request has been sent.
(data (i32.const 1024) "x-a")
(data (i32.const 1030) "/a")
(data (i32.const 1040) "other")
(func $misbehave (result i32)
  (if (i32.eq (global.get $case) (i32.const 0))
    (then
      (call $say (call $status))
      (call $say (call $set_status (i32.const 200)))
      (call $say (call $head_get (i32.const 1) (i32.const 1024) (i32.const 3) (i32.const 0) (i32.const 2048) (i32.const 9)))
      (call $say (call $head_all (i32.const 1) (i32.const 2048) (i32.const 9)))
      (call $say (call $head_set (i32.const 1) (i32.const 1024) (i32.const 3) (i32.const 1024) (i32.const 3)))
      (call $say (call $head_add (i32.const 1) (i32.const 1024) (i32.const 3) (i32.const 1024) (i32.const 3)))
      (call $say (call $head_remove (i32.const 1) (i32.const 1024) (i32.const 3))))
    (else
      (call $say (call $answer (i32.const 200) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)))
      (call $say (call $head_set (i32.const 0) (i32.const 1024) (i32.const 3) (i32.const 1024) (i32.const 3)))
      (call $say (call $head_add (i32.const 0) (i32.const 1024) (i32.const 3) (i32.const 1024) (i32.const 3)))
      (call $say (call $head_remove (i32.const 0) (i32.const 1024) (i32.const 3)))
      (call $say (call $set_part (i32.const 1) (i32.const 1030) (i32.const 2)))
      (call $say (call $set_part (i32.const 16) (i32.const 1040) (i32.const 5)))
      (call $say (call $set_part (i32.const 17) (i32.const 1040) (i32.const 5)))))
  (i32.const 0))
