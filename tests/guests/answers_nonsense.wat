;; Answers that cannot be: status, packed fields, framing, size. Then goes on.
;; One field, "content-length: 3".
(data (i32.const 1024) "\0e\00\00\00\01\00\00\00content-length3")
;; A field that is cut off, and one longer than the run of bytes.
(data (i32.const 1060) "\06\00\00\00\01\00\00\00x-a")
(data (i32.const 1080) "\ff\ff\ff\ff\ff\ff\ff\ffx")
;; "x y: 1".
(data (i32.const 1100) "\03\00\00\00\01\00\00\00x y1")
(func $misbehave (result i32)
  (call $say (call $answer (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)))
  (call $say (call $answer (i32.const 101) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)))
  (call $say (call $answer (i32.const 600) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)))
  (call $say (call $answer (i32.const -1) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)))
  (call $say (call $answer (i32.const 200) (i32.const 1024) (i32.const 23) (i32.const 0) (i32.const 0)))
  (call $say (call $answer (i32.const 200) (i32.const 1060) (i32.const 11) (i32.const 0) (i32.const 0)))
  (call $say (call $answer (i32.const 200) (i32.const 1080) (i32.const 9) (i32.const 0) (i32.const 0)))
  (call $say (call $answer (i32.const 200) (i32.const 1100) (i32.const 12) (i32.const 0) (i32.const 0)))
  (drop (memory.grow (i32.const 20)))
  (call $say (call $answer (i32.const 200) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 1048577)))
  (i32.const 0))
