;; Puts its configuration's `g`, one letter, into `x-generation` of the response. Does not start with `!`.
;; schema: {"type":"object","properties":{"g":{"type":"string"}},"required":["g"],"additionalProperties":false}
(data (i32.const 1024) "x-generation")
(data (i32.const 1040) "g is not a letter")
;; `{"g":"1"}`: the letter is at 6.
(func (export "gatewright_init") (result i32)
  (drop (call $config_read (i32.const 1100) (i32.const 64)))
  (if (i32.ne (i32.load8_u (i32.const 1106)) (i32.const 33)) (then (return (i32.const 0))))
  (drop (call $fail (i32.const 1040) (i32.const 17)))
  (i32.const -1))
(func (export "gatewright_modify_response") (result i32)
  (call $head_set (i32.const 1) (i32.const 1024) (i32.const 12) (i32.const 1106) (i32.const 1)))
