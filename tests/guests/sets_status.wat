;; Statuses that a response with a body on its way cannot have.
(func $misbehave (result i32)
  (call $say (call $set_status (i32.const 204)))
  (call $say (call $set_status (i32.const 304)))
  (call $say (call $set_status (i32.const 101)))
  (call $say (call $set_status (i32.const 600)))
  (call $say (call $set_status (i32.const -1)))
  (call $say (call $set_status (i32.const 418)))
  (i32.const 0))
