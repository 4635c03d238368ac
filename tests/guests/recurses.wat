(func $misbehave (result i32)
  (i32.add (call $misbehave) (i32.const 1)))
