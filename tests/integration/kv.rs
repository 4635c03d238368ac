//! The key-value store through the gateway: who shares what with whom, and for how long.

use std::thread;

use crate::support::{Backend, Gateway, Reply, Request, Setup, eventually, module};

fn app() -> Backend {
    Backend::answering(|_| Reply::ok("from the app"))
}

const LIMITED: &str = r#"
[upstream.app]
endpoints = ["<app>"]
[plugin.limit]
file = "<plugins>/rate-limit.wasm"
config = { rate = 1, per = "1h", burst = <burst> }
<keys>
[[route]]
path = "/*"
upstream = "app"
middleware = ["limit"]
"#;

fn limited(app: &Backend, keys: &str) -> Setup {
    Gateway::with(LIMITED).put("app", app.url()).put("burst", 20).put("keys", keys)
}

/// The statuses of that many requests, each on a connection of its own, all at once.
fn at_once(gateway: &Gateway, count: usize) -> Vec<u16> {
    thread::scope(|scope| {
        let asking: Vec<_> = (0..count).map(|_| scope.spawn(|| gateway.get("/").status())).collect();
        asking.into_iter().map(|asked| asked.join().unwrap()).collect()
    })
}

fn passed(statuses: &[u16]) -> usize {
    assert!(statuses.iter().all(|status| [200, 429].contains(status)), "{statuses:?}");
    statuses.iter().filter(|status| **status == 200).count()
}

#[test]
fn a_rate_limit_holds_across_workers_and_reloads() {
    let app = app();
    let mut gateway = limited(&app, r#"allow = ["kv"]"#).workers(2).start();
    assert_eq!(passed(&at_once(&gateway, 40)), 20);
    assert_eq!(app.requests().len(), 20, "what is refused does not reach the upstream");
    assert!(gateway.sighup());
    assert_eq!(passed(&at_once(&gateway, 4)), 0);
    // Another plugin as far as the gateway is concerned, with instances of its own.
    gateway.put("burst", 23);
    gateway.configure_again();
    assert!(gateway.sighup());
    assert_eq!(passed(&at_once(&gateway, 10)), 3);
}

#[test]
fn a_refused_reload_leaves_the_entries_as_they_were() {
    let app = app();
    let mut gateway = limited(&app, r#"allow = ["kv"]"#).start();
    assert_eq!(passed(&at_once(&gateway, 30)), 20);
    gateway.put("burst", 0);
    gateway.configure_again();
    assert!(!gateway.sighup());
    assert_eq!(passed(&at_once(&gateway, 5)), 0);
}

#[test]
fn a_client_learns_how_it_stands() {
    let app = app();
    let gateway = limited(&app, r#"allow = ["kv"]"#).put("burst", 2).start();
    let first = gateway.get("/first");
    assert_eq!(first.text(), "from the app");
    assert_eq!(first.get("ratelimit-limit"), Some("2"));
    assert_eq!(first.get("ratelimit-remaining"), Some("1"));
    assert_eq!(first.get("ratelimit-reset"), Some("3600"));
    gateway.get("/second");
    let refused = gateway.get("/third");
    assert_eq!(refused.status(), 429);
    assert_eq!(refused.get("ratelimit-remaining"), Some("0"));
    let wait: u64 = refused.get("retry-after").unwrap().parse().unwrap();
    assert!((3590..=3600).contains(&wait), "{wait}");
    assert_eq!(gateway.log().access("/third")["status"], 429);
}

#[test]
fn an_entry_ends_by_itself() {
    let app = app();
    let setup = Gateway::with(&LIMITED.replace("1h", "50ms"));
    let setup = setup.put("app", app.url()).put("burst", 1).put("keys", r#"allow = ["kv"]"#);
    let gateway = setup.start();
    assert_eq!(gateway.get("/").status(), 200);
    eventually("the client may again", || gateway.get("/").status() == 200);
}

#[test]
fn without_the_grant_the_plugin_is_refused() {
    let app = app();
    let refused = limited(&app, "").check();
    assert_eq!(refused.code, Some(1), "{}", refused.text);
    assert!(refused.text.contains("asks for the capability `kv`"), "{}", refused.text);
    assert!(refused.text.contains(r#"allow = ["kv"]"#), "{}", refused.text);
    assert!(limited(&app, r#"allow = ["kv"]"#).check().is_ok());
}

const TWO: &str = r#"
[upstream.app]
endpoints = ["<app>"]
[plugin.a]
file = "<plugins>/rate-limit.wasm"
config = { rate = 1, per = "1h" }
allow = ["kv"]
<a>
[plugin.b]
file = "<plugins>/rate-limit.wasm"
config = { rate = 1, per = "1h" }
allow = ["kv"]
<b>
[[route]]
path = "/a"
upstream = "app"
middleware = ["a"]
[[route]]
path = "/b"
upstream = "app"
middleware = ["b"]
"#;

#[track_caller]
fn two(app: &Backend, a: &str, b: &str) -> Gateway {
    Gateway::with(TWO).put("app", app.url()).put("a", a).put("b", b).start()
}

#[test]
fn each_plugin_has_entries_of_its_own() {
    let app = app();
    let gateway = two(&app, "", "");
    assert_eq!((gateway.get("/a").status(), gateway.get("/b").status()), (200, 200));
    assert_eq!((gateway.get("/a").status(), gateway.get("/b").status()), (429, 429));
}

#[test]
fn plugins_of_one_namespace_share_their_entries() {
    let app = app();
    for (a, b) in [
        (r#"kv = { namespace = "both", max_bytes = "1MiB" }"#, r#"kv = { namespace = "both" }"#),
        ("", r#"kv = { namespace = "a" }"#),
    ] {
        let gateway = two(&app, a, b);
        assert_eq!((gateway.get("/a").status(), gateway.get("/b").status()), (200, 429));
    }
}

#[test]
fn a_namespace_that_no_plugin_names_is_gone_with_its_last_snapshot() {
    let app = app();
    let mut gateway = two(&app, "", "");
    assert_eq!((gateway.get("/a").status(), gateway.get("/b").status()), (200, 200));
    gateway.put("a", r#"kv = { namespace = "other" }"#);
    gateway.configure_again();
    assert!(gateway.sighup());
    eventually("the old snapshot is gone", || gateway.snapshots() == 1);
    assert_eq!((gateway.get("/a").status(), gateway.get("/b").status()), (200, 429));
    gateway.put("a", "");
    gateway.configure_again();
    assert!(gateway.sighup());
    assert_eq!((gateway.get("/a").status(), gateway.get("/b").status()), (200, 429), "it began anew");
}

/// What it writes in the request phase it reads in the response phase, and says so.
const REMEMBERS: &str = r#"
(import "gatewright_kv" "get" (func $kv_get (param i32 i32 i32 i32) (result i32)))
(import "gatewright_kv" "add" (func $kv_add (param i32 i32 i64 i64 i32) (result i32)))
(data (i32.const 1024) "visits")
(data (i32.const 1040) "x-visits")
(func (export "gatewright_on_request") (result i32)
  (call $kv_add (i32.const 1024) (i32.const 6) (i64.const 1) (i64.const 0) (i32.const 1056)))
(func (export "gatewright_on_response") (result i32)
  (call $head_set (i32.const 1) (i32.const 1040) (i32.const 8) (i32.const 1088)
    (call $kv_get (i32.const 1024) (i32.const 6) (i32.const 1088) (i32.const 20))))
"#;

#[test]
fn a_counter_counts_every_exchange_of_every_worker() {
    let app = app();
    let gateway = Gateway::with(
        r#"
        [upstream.app]
        endpoints = ["<app>"]
        [plugin.visits]
        file = "visits.wasm"
        allow = ["kv"]
        [[route]]
        path = "/*"
        upstream = "app"
        middleware = ["visits"]
        "#,
    )
    .put("app", app.url())
    .file("visits.wasm", module(REMEMBERS))
    .workers(2)
    .start();
    assert_eq!(at_once(&gateway, 50), [200; 50]);
    assert_eq!(gateway.ask(Request::get("/")).get("x-visits"), Some("51"));
}

#[test]
fn init_may_not_use_the_store() {
    let app = app();
    let guest = module(
        r#"
(import "gatewright_kv" "delete" (func $kv_delete (param i32 i32) (result i32)))
(func (export "gatewright_on_request") (result i32) (i32.const 0))
(func (export "gatewright_init") (result i32)
  (i32.sub (i32.eq (call $kv_delete (i32.const 16) (i32.const 3)) (i32.const -3)) (i32.const 1)))
"#,
    );
    let setup = Gateway::with(&LIMITED.replace("<plugins>/rate-limit.wasm", "init.wasm"));
    let setup = setup.put("app", app.url()).put("burst", 1).put("keys", r#"allow = ["kv"]"#);
    let outcome = setup.file("init.wasm", guest).check();
    assert!(outcome.is_ok(), "{}", outcome.text);
}
