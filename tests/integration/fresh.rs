//! `instance = "fresh"`: a new instance for each call, as `init` left one.

use serde_json::Value;

use crate::support::{Backend, Gateway, Request, eventually, guest, hostile, module};

/// A gateway before one backend, with a middleware on every request, of which each call has an instance of its own.
fn gateway(guest: &[u8], keys: &str) -> (Gateway, Backend) {
    let app = Backend::named("app");
    let keys = format!("instance = \"fresh\"\n{keys}");
    let gateway = Gateway::through(guest, &keys, app.url()).workers(2).start();
    (gateway, app)
}

/// What the guest has said so far.
fn said(gateway: &Gateway) -> Vec<i32> {
    let code = |line: &Value| line["message"].as_str()?.strip_prefix("code ")?.parse().ok();
    gateway.log().lines().iter().filter_map(code).collect()
}

/// Counts in a global, in its memory and in the size of it; `init` counts too, and says 500.
fn counts() -> Vec<u8> {
    module(
        r#"(global $n (mut i32) (i32.const 0))
        (func $count
          (global.set $n (i32.add (global.get $n) (i32.const 1)))
          (i32.store (i32.const 2048) (i32.add (i32.load (i32.const 2048)) (i32.const 10)))
          (drop (memory.grow (i32.const 1))))
        (func (export "gatewright_init") (result i32)
          (call $say (i32.const 500))
          (call $count)
          (i32.const 0))
        (func $tell (result i32)
          (call $count)
          (call $say (i32.add (i32.load (i32.const 2048)) (global.get $n)))
          (call $say (i32.mul (memory.size) (i32.const 1000)))
          (i32.const 0))
        (func (export "gatewright_on_request") (result i32) (call $tell))
        (func (export "gatewright_on_response") (result i32) (call $tell))"#,
    )
}

#[test]
fn nothing_lasts_from_call_to_call_and_init_runs_once() {
    let (gateway, _app) = gateway(&counts(), "");
    for _ in 0..10 {
        assert_eq!(gateway.get("/").text(), "app");
    }
    eventually("all calls have spoken", || said(&gateway).len() >= 41);
    let mut said = said(&gateway);
    assert_eq!(said.remove(0), 500, "init, when the plugin is loaded");
    // After `init`: 1 in the global, 10 in memory, 3 pages. Each call adds to that and to nothing else.
    assert!(said.chunks(2).all(|call| call == [22, 4000]), "{said:?}");
    assert_eq!(gateway.instances("guest"), 0, "each ends with its call");
}

#[test]
fn a_segment_that_the_code_names_is_there_in_every_instance() {
    let names = module(
        r#"(data (i32.const 2048) "at the beginning")
        (data $greeting "hello")
        (func (export "gatewright_init") (result i32)
          (i32.store8 (i32.const 2048) (i32.const 65))
          (i32.const 0))
        (func (export "gatewright_on_request") (result i32)
          (memory.init $greeting (i32.const 3000) (i32.const 1) (i32.const 4))
          (call $say (i32.load8_u (i32.const 3000)))
          (call $say (i32.load8_u (i32.const 2048)))
          (call $say (i32.load8_u (i32.const 2049)))
          (memory.fill (i32.const 2048) (i32.const 0) (i32.const 1024))
          (i32.const 0))"#,
    );
    let (gateway, _app) = gateway(&names, "");
    for _ in 0..3 {
        assert_eq!(gateway.get("/").text(), "app");
    }
    eventually("all calls have spoken", || said(&gateway).len() >= 9);
    // The second letter of the segment, what `init` wrote, and what it left.
    let each = [i32::from(b'e'), i32::from(b'A'), i32::from(b't')];
    assert!(said(&gateway).chunks(3).all(|call| call == each), "{:?}", said(&gateway));
}

#[test]
fn strings_that_began_in_many_segments_are_as_init_left_them() {
    let segments: String =
        (0..300).map(|n| format!("(data (i32.const {}) \"{:03}\")\n", 8192 + n * 16, n)).collect();
    let body = r#"(func (export "gatewright_init") (result i32)
          (i32.store8 (i32.const 8208) (i32.const 57))
          (i32.const 0))
        (func (export "gatewright_on_request") (result i32)
          (call $say (i32.load8_u (i32.const 8208)))
          (call $say (i32.load8_u (i32.const 12978)))
          (i32.store8 (i32.const 8208) (i32.const 0))
          (i32.store8 (i32.const 12978) (i32.const 0))
          (i32.const 0))"#;
    let (gateway, _app) = gateway(&module(&format!("{segments}{body}")), "");
    for _ in 0..3 {
        assert_eq!(gateway.get("/").text(), "app");
    }
    eventually("all calls have spoken", || said(&gateway).len() >= 6);
    // The first digit of 001, which `init` made a 9; and the last of 299.
    let each = [i32::from(b'9'), i32::from(b'9')];
    assert!(said(&gateway).chunks(2).all(|call| call == each), "{:?}", said(&gateway));
}

#[test]
fn what_init_made_of_the_configuration_is_there() {
    let reads = module(
        r#"(func (export "gatewright_init") (result i32)
          (i32.store (i32.const 2048) (call $config_read (i32.const 4096) (i32.const 64)))
          (i32.const 0))
        (func (export "gatewright_on_request") (result i32)
          (call $say (i32.load (i32.const 2048)))
          (call $say (i32.load8_u (i32.const 4102)))
          (i32.const 0))"#,
    );
    let (gateway, _app) = gateway(&reads, "config = { n = 7 }");
    gateway.get("/");
    // {"n":7}: 7 bytes, the seventh of which closes it.
    eventually("the guest has spoken", || said(&gateway) == [7, i32::from(b'}')]);
}

#[test]
fn an_init_that_refuses_is_a_mistake_of_the_configuration() {
    let refuses = module(
        r#"(func (export "gatewright_init") (result i32) (i32.const -1))
        (func (export "gatewright_on_request") (result i32) (i32.const 0))"#,
    );
    let setup = Gateway::before("http://127.0.0.1:1").file("guest.wasm", refuses);
    let text = "[plugin.guest]\nfile = \"guest.wasm\"\ninstance = \"fresh\"\n[upstream.app]\nendpoints = [\"http://127.0.0.1:1\"]\n\
                [[route]]\npath = \"/*\"\nupstream = \"app\"\nmiddleware = [\"guest\"]\n";
    let outcome = setup.file("text.toml", text).check();
    assert_eq!(outcome.code, Some(1));
    assert!(outcome.text.contains("does not start"), "{}", outcome.text);
}

#[test]
fn a_module_that_changes_its_tables_is_refused() {
    let changes = module(
        r#"(table $t 1 10 funcref)
        (func (export "gatewright_on_request") (result i32)
          (drop (table.grow $t (ref.null func) (i32.const 1)))
          (i32.const 0))"#,
    );
    let setup = Gateway::before("http://127.0.0.1:1").file("guest.wasm", changes);
    let text = "[plugin.guest]\nfile = \"guest.wasm\"\ninstance = \"fresh\"\n[upstream.app]\nendpoints = [\"http://127.0.0.1:1\"]\n\
                [[route]]\npath = \"/*\"\nupstream = \"app\"\nmiddleware = [\"guest\"]\n";
    let outcome = setup.file("text.toml", text).check();
    assert_eq!(outcome.code, Some(1));
    let words = "cannot have a fresh instance for each call (instance = \"fresh\"): unsupported `table.grow`";
    assert!(outcome.text.contains(words), "{}", outcome.text);
}

#[test]
fn a_loop_is_stopped_and_a_trap_costs_one_exchange() {
    for (name, kind) in [("loops", "deadline"), ("traps", "trap"), ("grows", "memory")] {
        let (gateway, _app) = gateway(&hostile(name), r#"limits = { time = "50ms", memory = "1MiB" }"#);
        assert_eq!(gateway.ask(Request::get("/").with("x-evil", "r0")).status(), 500, "{name}");
        let line = gateway.log().says("plugin `guest`, on_request");
        assert_eq!(line["kind"], kind);
        assert_eq!(gateway.get("/").text(), "app");
    }
}

#[test]
fn metrics_that_init_defined_are_counted_by_every_instance() {
    let (gateway, _app) = gateway(&guest("counts"), "");
    for _ in 0..10 {
        gateway.get("/");
    }
    assert_eq!(gateway.metrics().value(r#"guest_hits_total{plugin="guest",kind="a\"b"}"#), 15.0);
}

#[test]
fn instances_that_are_busy_count_against_the_limit() {
    let (gateway, _app) = gateway(&hostile("loops"), r#"limits = { instances = 1, time = "8760h" }"#);
    let mut looping = gateway.connect();
    looping.send(Request::get("/").with("x-evil", "r0").bytes());
    gateway.log().says("code 1");
    assert_eq!(gateway.get("/").status(), 503);
    drop(looping);
    eventually("the instance is gone", || gateway.get("/").status() == 200);
}

#[test]
fn example_plugins_work_with_fresh_instances() {
    let app = Backend::named("app");
    let gateway = Gateway::with(
        r#"
        [upstream.app]
        endpoints = ["<app>"]
        [plugin.api-key]
        file = "<plugins>/api-key.wasm"
        instance = "fresh"
        config = { keys = { k1 = "alice" } }
        [plugin.security-headers]
        file = "<plugins>/security-headers.wasm"
        instance = "fresh"
        [[route]]
        path = "/*"
        upstream = "app"
        middleware = ["api-key"]
        modify_response = ["security-headers"]
        "#,
    )
    .put("app", app.url())
    .start();
    for _ in 0..5 {
        assert_eq!(gateway.get("/").status(), 401);
        let response = gateway.ask(Request::get("/").with("x-api-key", "k1"));
        assert_eq!(response.text(), "app");
        assert_eq!(response.get("x-content-type-options"), Some("nosniff"));
    }
}
