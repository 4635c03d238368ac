;; Sends the requests that the exchange's own asks for, and waits for all of them: the first values of `x-upstream`,
;; `x-method` (GET), `x-target` (/), `x-field` (none) with `x-value`, `x-timeout` (digits; 0) and `x-body` (none) make
;; the first, the second ones the second, and so on. Says what `start` answered where it refused; then the status of each,
;; and keeps its body as the attribute `N`.
;; Case 1 does not wait. Case 2 waits for each before it starts the next. Case 3 reads in odd ways.
(import "gatewright_http" "start" (func $start (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
(import "gatewright_http" "wait" (func $wait (result i32)))
(import "gatewright_http" "status" (func $http_status (param i32) (result i32)))
(import "gatewright_http" "get" (func $http_get (param i32 i32 i32 i32 i32 i32) (result i32)))
(import "gatewright_http" "all" (func $http_all (param i32 i32 i32) (result i32)))
(import "gatewright_http" "size" (func $http_size (param i32) (result i32)))
(import "gatewright_http" "read" (func $http_read (param i32 i32 i32 i32) (result i32)))
(import "gatewright_http" "close" (func $http_close (param i32) (result i32)))

(data (i32.const 1024) "x-upstream" "x-method" "x-target" "x-field" "x-value" "x-timeout" "x-body" "GET" "/")

;; The `n`-th value of a field, or what stands for none; its length.
(func $value (param $name i32) (param $len i32) (param $n i32) (param $out i32) (param $none i32) (param $none_len i32)
             (result i32)
  (local $found i32)
  (local.set $found (call $head_get (i32.const 0) (local.get $name) (local.get $len) (local.get $n)
                                    (local.get $out) (i32.const 4096)))
  (if (i32.ge_s (local.get $found) (i32.const 0)) (then (return (local.get $found))))
  (memory.copy (local.get $out) (local.get $none) (local.get $none_len))
  (local.get $none_len))

(func $number (param $at i32) (param $len i32) (result i32)
  (local $sum i32)
  (local $end i32)
  (local.set $end (i32.add (local.get $at) (local.get $len)))
  (block $done
    (loop $digit
      (br_if $done (i32.eq (local.get $at) (local.get $end)))
      (local.set $sum (i32.add (i32.mul (local.get $sum) (i32.const 10))
                               (i32.sub (i32.load8_u (local.get $at)) (i32.const 48))))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (br $digit)))
  (local.get $sum))

;; The `n`-th field and its value at 16384, packed; the length of it.
(func $field (param $n i32) (result i32)
  (local $name i32)
  (local $value i32)
  (local.set $name (call $value (i32.const 1050) (i32.const 7) (local.get $n) (i32.const 16392) (i32.const 0) (i32.const 0)))
  (if (i32.eqz (local.get $name)) (then (return (i32.const 0))))
  (local.set $value (call $value (i32.const 1057) (i32.const 7) (local.get $n)
                                 (i32.add (i32.const 16392) (local.get $name)) (i32.const 0) (i32.const 0)))
  (i32.store (i32.const 16384) (local.get $name))
  (i32.store (i32.const 16388) (local.get $value))
  (i32.add (i32.const 8) (i32.add (local.get $name) (local.get $value))))

;; Starts the `n`-th request: its handle, or a code; -100 where there is none.
(func $start_one (param $n i32) (result i32)
  (local $upstream i32)
  (local.set $upstream (call $value (i32.const 1024) (i32.const 10) (local.get $n) (i32.const 4096) (i32.const 0) (i32.const 0)))
  (if (i32.eqz (local.get $upstream)) (then (return (i32.const -100))))
  (call $start
    (i32.const 4096) (local.get $upstream)
    (i32.const 8192)
    (call $value (i32.const 1034) (i32.const 8) (local.get $n) (i32.const 8192) (i32.const 1079) (i32.const 3))
    (i32.const 12288)
    (call $value (i32.const 1042) (i32.const 8) (local.get $n) (i32.const 12288) (i32.const 1082) (i32.const 1))
    (i32.const 16384) (call $field (local.get $n))
    (i32.const 24576)
    (call $value (i32.const 1073) (i32.const 6) (local.get $n) (i32.const 24576) (i32.const 0) (i32.const 0))
    (call $number (i32.const 28672)
      (call $value (i32.const 1064) (i32.const 9) (local.get $n) (i32.const 28672) (i32.const 0) (i32.const 0)))))

;; Says the status, and keeps the body.
(func $tell (param $handle i32)
  (local $status i32)
  (local.set $status (call $http_status (local.get $handle)))
  (call $say (local.get $status))
  (if (i32.gt_s (local.get $status) (i32.const 0))
    (then
      (i32.store8 (i32.const 32768) (i32.add (i32.const 48) (local.get $handle)))
      (drop (call $attribute_set (i32.const 32768) (i32.const 1) (i32.const 32769)
              (call $http_read (local.get $handle) (i32.const 0) (i32.const 32769) (i32.const 4096)))))))

(func $misbehave (result i32)
  (local $n i32)
  (local $last i32)
  (local $handle i32)
  (block $none
    (loop $next
      (local.set $handle (call $start_one (local.get $n)))
      (br_if $none (i32.eq (local.get $handle) (i32.const -100)))
      (if (i32.lt_s (local.get $handle) (i32.const 0))
        (then (call $say (local.get $handle)))
        (else (local.set $last (i32.add (local.get $handle) (i32.const 1)))))
      (if (i32.eq (global.get $case) (i32.const 2)) (then (drop (call $wait))))
      (local.set $n (i32.add (local.get $n) (i32.const 1)))
      (br $next)))
  (if (i32.ne (global.get $case) (i32.const 1)) (then (drop (call $wait))))
  (local.set $handle (i32.const 0))
  (block $done
    (loop $next
      (br_if $done (i32.eq (local.get $handle) (local.get $last)))
      (call $tell (local.get $handle))
      (local.set $handle (i32.add (local.get $handle) (i32.const 1)))
      (br $next)))
  (if (i32.eq (global.get $case) (i32.const 3)) (then (call $read_oddly)))
  (i32.const 0))

;; Of a first response whose body is `0123456789` and whose `x-two` has two values.
(func $read_oddly
  (call $say (call $http_size (i32.const 0)))
  ;; From the middle; beyond the end; nothing.
  (call $say (call $http_read (i32.const 0) (i32.const 8) (i32.const 40000) (i32.const 100)))
  (call $say (i32.load8_u (i32.const 40001)))
  (call $say (call $http_read (i32.const 0) (i32.const 10) (i32.const 40000) (i32.const 100)))
  (call $say (call $http_read (i32.const 0) (i32.const -1) (i32.const 40000) (i32.const 100)))
  (call $say (call $http_read (i32.const 0) (i32.const 0) (i32.const 40000) (i32.const 0)))
  ;; Headers: the second value, a third, too little room, all.
  (i64.store (i32.const 40000) (i64.const 0x6f77742d78)) ;; x-two
  (call $say (call $http_get (i32.const 0) (i32.const 40000) (i32.const 5) (i32.const 1) (i32.const 40100) (i32.const 9)))
  (call $say (call $http_get (i32.const 0) (i32.const 40000) (i32.const 5) (i32.const 2) (i32.const 40100) (i32.const 9)))
  (call $say (call $http_get (i32.const 0) (i32.const 40000) (i32.const 5) (i32.const 0) (i32.const 40100) (i32.const 0)))
  (call $say (i32.gt_s (call $http_all (i32.const 0) (i32.const 40100) (i32.const 9999)) (i32.const 50)))
  ;; Waiting again for nothing; a handle that there is not.
  (call $say (call $wait))
  (call $say (call $http_status (i32.const 1)))
  (call $say (call $http_close (i32.const -1)))
  ;; Closed once, and then it is gone.
  (call $say (call $http_close (i32.const 0)))
  (call $say (call $http_close (i32.const 0)))
  (call $say (call $http_size (i32.const 0))))
