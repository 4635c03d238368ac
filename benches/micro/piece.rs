//! What it costs to hand a piece of 16 KiB to a guest that streams a body and scans it, and to take it back: the same
//! code scans its own memory, or what it was handed, or hands that on as well. The scan is what most of the time goes to.

use std::time::Instant;

use bytes::Bytes;
use criterion::Criterion;
use gatewright::plugin::{Flow, Hook};
use serde_json::json;
use tokio::runtime::Builder;

use crate::hooks::{exchange, pool};

const PIECE: usize = 16 * 1024;

pub(crate) fn measure(criterion: &mut Criterion) {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let mut group = criterion.benchmark_group("piece of 16 KiB");
    for (name, reads, writes) in
        [("scan alone", false, false), ("handed in", true, false), ("handed in and out", true, true)]
    {
        let module = wat::parse_str(guest(reads, writes)).unwrap();
        let pool = runtime.block_on(pool("scan", &module, &json!({}), false));
        let mut open = exchange(Hook::ModifyResponse);
        let flow = runtime.block_on(pool.modify_response(&mut open)).unwrap();
        let Flow::Stream(mut guest) = flow else { panic!("the guest streams") };
        let piece = Bytes::from(vec![b'x'; PIECE]);
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|calls| {
                runtime.block_on(async {
                    let begun = Instant::now();
                    for _ in 0..calls {
                        guest.piece(piece.clone(), false).await.unwrap();
                    }
                    begun.elapsed()
                })
            });
        });
    }
}

/// The switches are globals, so that the code is the same whatever they say.
fn guest(reads: bool, writes: bool) -> String {
    let manifest = r#"{"name":"scan","version":"0.1.0","roles":["modify_response"],"bodies":{"modify_response":{"mode":"stream"}}}"#;
    let (length, manifest) = (manifest.len(), manifest.replace('"', "\\\""));
    format!(
        r#"(module
  (import "gatewright_body" "read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "gatewright_body" "write" (func $write (param i32 i32) (result i32)))
  (memory (export "memory") 2)
  (data (i32.const 0) "{manifest}")
  (global $reads (export "reads") (mut i32) (i32.const {reads}))
  (global $writes (export "writes") (mut i32) (i32.const {writes}))
  (global $found (mut i32) (i32.const 0))
  (func (export "gatewright_abi_1"))
  (func (export "gatewright_manifest") (result i64) (i64.const {length}))
  (func (export "gatewright_init") (result i32) (i32.const 0))
  (func (export "gatewright_modify_response") (result i32) (i32.const 2))
  (func (export "gatewright_on_body") (result i32) (local $at i32) (local $found i32)
    (if (global.get $reads)
      (then (drop (call $read (i32.const 1) (i32.const 0) (i32.const 4096) (i32.const {PIECE})))))
    (loop $next
      (local.set $found
        (i32.add (local.get $found) (i32.eq (i32.load8_u offset=4096 (local.get $at)) (i32.const 64))))
      (br_if $next (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 1))) (i32.const {PIECE}))))
    (global.set $found (local.get $found))
    (if (global.get $writes) (then (drop (call $write (i32.const 4096) (i32.const {PIECE})))))
    (i32.const 0)))"#,
        reads = i32::from(reads),
        writes = i32::from(writes),
    )
}
