;; All four hooks, for a guest that defines `$misbehave`. It is called in the hook that the request's `x-evil` names by
;; its letter: (r)equest phase, (d)irector, (m)odify-response, re(s)ponse phase. A digit behind it is `$case`.

(global $case (mut i32) (i32.const 0))
;; Set while this instance misbehaves, and left where it failed.
(global $stain (mut i32) (i32.const 0))
(data (i32.const 700) "x-evil")

(func $hook (param $letter i32) (result i32)
  (local $code i32)
  (drop (call $head_get (i32.const 0) (i32.const 700) (i32.const 6) (i32.const 0) (i32.const 768) (i32.const 2)))
  (if (i32.ne (i32.load8_u (i32.const 768)) (local.get $letter))
    (then
      (i32.store16 (i32.const 768) (i32.const 0))
      ;; An instance that failed must not be seen again.
      (if (global.get $stain) (then (call $say (i32.const 999))))
      (return (i32.const 0))))
  (global.set $case (i32.sub (i32.load8_u (i32.const 769)) (i32.const 48)))
  (i32.store16 (i32.const 768) (i32.const 0))
  (global.set $stain (i32.const 1))
  (local.set $code (call $misbehave))
  (global.set $stain (i32.lt_s (local.get $code) (i32.const 0)))
  (local.get $code))

(func (export "gatewright_on_request") (result i32) (call $hook (i32.const 114)))
(func (export "gatewright_direct") (result i32) (call $hook (i32.const 100)))
(func (export "gatewright_modify_response") (result i32) (call $hook (i32.const 109)))
(func (export "gatewright_on_response") (result i32) (call $hook (i32.const 115)))
