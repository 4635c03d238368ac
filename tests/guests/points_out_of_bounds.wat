;; Hands the host ranges that are not in its memory, which ends at 131072.
(data (i32.const 1024) "x-name")
(func $misbehave (result i32)
  (block $9 (block $8 (block $7 (block $6 (block $5 (block $4 (block $3 (block $2 (block $1 (block $0
    (br_table $0 $1 $2 $3 $4 $5 $6 $7 $8 $9 (global.get $case)))
    ;; 0: a name that begins outside.
    (return (call $head_remove (i32.const 0) (i32.const 131073) (i32.const 1))))
    ;; 1: a name that ends outside.
    (return (call $head_set (i32.const 0) (i32.const 131070) (i32.const 6) (i32.const 1024) (i32.const 1))))
    ;; 2: a value as long as can be.
    (return (call $head_add (i32.const 0) (i32.const 1024) (i32.const 6) (i32.const 1024) (i32.const -1))))
    ;; 3: pointer and length that overflow together.
    (return (call $attribute_set (i32.const 1024) (i32.const 6) (i32.const -1) (i32.const -1))))
    ;; 4: room for an answer that is not there.
    (return (call $head_all (i32.const 0) (i32.const 131071) (i32.const 2))))
    ;; 5: more room than there is memory, though the answer would fit.
    (return (call $part (i32.const 0) (i32.const 1024) (i32.const -1))))
    ;; 6: a log line.
    (return (call $log (i32.const 0) (i32.const -8) (i32.const 16))))
    ;; 7: a reason.
    (return (call $fail (i32.const 131072) (i32.const 1))))
    ;; 8: configuration.
    (return (call $config_read (i32.const -1) (i32.const 1))))
    ;; 9: a part of the request.
    (call $set_part (i32.const 1) (i32.const 131000) (i32.const 1000)))
