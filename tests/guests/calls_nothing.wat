;; An indirect call through an empty table.
(table 1 funcref)
(func $misbehave (result i32)
  (call_indirect (result i32) (i32.const 0)))
