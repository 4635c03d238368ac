//! A new configuration into a running gateway: all of it, or nothing and the reasons.

use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use crate::support::{
    Backend, Gate, Gateway, Outcome, Refusing, Reply, Request, Setup, Wire, eventually, guest, module,
};

const GOOD: &str = r#"
[upstream.app]
endpoints = ["<app>"]
[plugin.generation]
file = "generation.wasm"
config = { g = "1" }
[plugin.guest]
file = "guest.wasm"
[[route]]
path = "/*"
upstream = "app"
middleware = ["guest"]
modify_response = ["generation"]
"#;

fn good(app: &Backend) -> Setup {
    let setup = Gateway::with(GOOD).put("app", app.url());
    setup.file("guest.wasm", idle()).file("generation.wasm", guest("generation"))
}

/// A guest that does nothing.
fn idle() -> Vec<u8> {
    module(r#"(func (export "gatewright_on_request") (result i32) i32.const 0)"#)
}

/// A guest from nothing, for what the prelude would put right.
fn bare(body: &str) -> Vec<u8> {
    wat::parse_str(format!("(module {body})")).unwrap()
}

/// All that a middleware must export, but for `without`; and what `body` adds, imports first.
fn bare_without(without: &str, body: &str) -> Vec<u8> {
    let manifest = r#"{\22name\22:\22bare\22,\22version\22:\221\22,\22roles\22:[\22middleware\22]}"#;
    let length = manifest.replace("\\22", "\"").len();
    let all = [
        (r#"(memory (export "memory") 1)"#.to_owned(), "memory"),
        (r#"(func (export "gatewright_abi_1"))"#.to_owned(), "abi"),
        (
            format!(
                r#"(data (i32.const 0) "{manifest}") (func (export "gatewright_manifest") (result i64) i64.const {length})"#
            ),
            "manifest",
        ),
        (r#"(func (export "gatewright_init") (result i32) i32.const 0)"#.to_owned(), "init"),
        (r#"(func (export "gatewright_on_request") (result i32) i32.const 0)"#.to_owned(), "hook"),
    ];
    let kept: String = all.into_iter().filter(|(_, name)| *name != without).map(|(text, _)| text).collect();
    bare(&(body.to_owned() + &kept))
}

/// A mistake: what of the good configuration is replaced by what, or what the guest is instead.
struct Mistake {
    name: &'static str,
    replace: (&'static str, &'static str),
    guest: Option<Vec<u8>>,
    /// Some of the text on the line that the report points to.
    line: &'static str,
    /// What the report must say.
    says: &'static str,
    /// Whether it shows without a running gateway.
    checkable: bool,
}

fn typo(
    name: &'static str,
    from: &'static str,
    to: &'static str,
    line: &'static str,
    says: &'static str,
) -> Mistake {
    Mistake { name, replace: (from, to), guest: None, line, says, checkable: true }
}

fn bad_guest(name: &'static str, guest: Vec<u8>, says: &'static str) -> Mistake {
    let file = r#"file = "guest.wasm""#;
    Mistake { name, replace: (file, file), guest: Some(guest), line: file, says, checkable: true }
}

/// What the guest does in its init.
fn bad_init(name: &'static str, body: &str, says: &'static str) -> Mistake {
    let hook = r#"(func (export "gatewright_on_request") (result i32) i32.const 0)"#;
    let init = format!(r#"(func (export "gatewright_init") (result i32) {body})"#);
    bad_guest(name, module(&(hook.to_owned() + &init)), says)
}

/// A digest that no module has.
const PINNED: &str =
    "file = \"guest.wasm\"\nsha256 = \"0000000000000000000000000000000000000000000000000000000000000000\"";

fn mistakes() -> Vec<Mistake> {
    let kv = r#"(import "gatewright_kv" "delete" (func (param i32 i32) (result i32)))"#;
    let http = r#"(import "gatewright_http" "wait" (func (result i32)))"#;
    let every = r#"(import "gatewright_timer" "every" (func $every (param i64) (result i32)))
        (func (export "gatewright_on_request") (result i32) i32.const 0)
        (func (export "gatewright_init") (result i32) (call $every (i64.const 100)))"#;
    vec![
        // The file.
        typo("bad TOML", r#"path = "/*""#, r#"path = "/*"#, r#"path = "/*"#, "string"),
        typo("unknown key", "[[route]]", "[[route]]\nupstraem = \"app\"", "upstraem", "upstraem"),
        typo("wrong type", r#"upstream = "app""#, "upstream = 7", "upstream = 7", "expected"),
        typo("unknown upstream", r#"upstream = "app""#, r#"upstream = "nope""#, r#""nope""#, "nope"),
        typo("unknown plugin", r#"["guest"]"#, r#"["geust"]"#, r#""geust""#, "geust"),
        typo(
            "tie of routes",
            "[[route]]",
            "[[route]]\npath = \"/*\" # the first\nupstream = \"app\"\n[[route]]",
            r#"path = "/*""#,
            "ties with",
        ),
        typo(
            "wrong role",
            r#"upstream = "app""#,
            "director = \"guest\"",
            "director =",
            "cannot be used as director",
        ),
        // The module.
        typo("missing file", "guest.wasm", "gone.wasm", "gone.wasm", "cannot read"),
        Mistake {
            replace: (r#"file = "guest.wasm""#, PINNED),
            line: "sha256 =",
            ..typo("other digest than the pinned", "", "", "", "not the pinned 0000")
        },
        bad_guest("not Wasm", b"#!/bin/sh".to_vec(), "not a valid WebAssembly module"),
        bad_guest("damaged Wasm", idle()[..200].to_vec(), "not a valid WebAssembly module"),
        bad_guest("empty file", Vec::new(), "not a valid WebAssembly module"),
        bad_guest("no plugin", bare_without("abi", ""), "does not export `gatewright_abi_1`"),
        bad_guest(
            "wrong version of the contract",
            bare_without("abi", r#"(func (export "gatewright_abi_2"))"#),
            "speaks version 2 of the plugin contract",
        ),
        bad_guest("no memory", bare(r#"(func (export "gatewright_abi_1"))"#), "does not export `memory`"),
        bad_guest("no init", bare_without("init", ""), "does not export `gatewright_init`"),
        bad_guest(
            "no hook for its role",
            bare_without("hook", ""),
            "does not export `gatewright_on_request`",
        ),
        bad_guest(
            "hook of another type",
            bare_without("hook", r#"(func (export "gatewright_on_request"))"#),
            "does not have the contract's type",
        ),
        bad_guest("no manifest", bare_without("manifest", ""), "does not export `gatewright_manifest`"),
        bad_guest(
            "manifest that is no JSON",
            bare_without("manifest", r#"(func (export "gatewright_manifest") (result i64) i64.const 5)"#),
            "manifest cannot be read",
        ),
        bad_guest(
            "manifest outside of memory",
            bare_without("manifest", r#"(func (export "gatewright_manifest") (result i64) i64.const -1)"#),
            "manifest cannot be read",
        ),
        bad_guest(
            "manifest that never comes",
            bare_without(
                "manifest",
                r#"(func (export "gatewright_manifest") (result i64) (loop $again (br $again)) i64.const 0)"#,
            ),
            "manifest cannot be read",
        ),
        // Imports.
        bad_guest(
            "foreign import",
            bare_without("", r#"(import "env" "abort" (func))"#),
            "imports `env.abort`",
        ),
        bad_guest(
            "import that does not exist",
            bare_without("", r#"(import "gatewright_head" "teleport" (func))"#),
            "imports `gatewright_head.teleport`",
        ),
        bad_guest(
            "import of another type",
            bare_without("", r#"(import "gatewright_head" "get" (func (param i64)))"#),
            "does not have the contract's type",
        ),
        Mistake {
            line: "[plugin.guest]",
            ..bad_guest("import that is not granted", bare_without("", kv), r#"allow = ["kv"]"#)
        },
        bad_guest(
            "import that needs a grant, of another type",
            bare_without("", r#"(import "gatewright_kv" "get" (func))"#),
            "does not have the contract's type",
        ),
        Mistake {
            line: "[plugin.guest]",
            ..bad_guest(
                "requests that are not granted",
                bare_without("", http),
                r#"allow = ["http:UPSTREAM"]"#,
            )
        },
        bad_guest("ticks that nobody takes", module(every), "does not export `gatewright_on_tick`"),
        // Configuration and start.
        typo(
            "configuration against the schema",
            r#"g = "1""#,
            "g = 7",
            "g = 7",
            "plugin.generation.config.g",
        ),
        typo(
            "unknown key of the plugin",
            r#"g = "1""#,
            r#"g = "1", h = "1""#,
            "h = \"1\"",
            "generation.config",
        ),
        Mistake {
            line: "generation.wasm",
            ..typo("init error", r#"g = "1""#, r#"g = "!""#, "", "g is not a letter")
        },
        bad_init("error without reason in init", "i32.const -1", "gave no reason"),
        bad_init("trap in init", "unreachable", "unreachable"),
        bad_init("endless loop in init", "(loop $again (br $again)) i32.const 0", "time budget of 1000 ms"),
        bad_init(
            "endless memory in init",
            "(loop $again (br_if $again (i32.ne (memory.grow (i32.const 1)) (i32.const -1)))) unreachable",
            "memory limit",
        ),
        bad_init(
            "pointer out of bounds in init",
            "(call $config_read (i32.const -1) (i32.const -1))",
            "outside its memory",
        ),
        bad_guest(
            "trap in the start function",
            bare_without("", "(func $start unreachable) (start $start)"),
            "unreachable",
        ),
        bad_guest(
            "more memory at its start than it may have",
            bare_without("memory", r#"(memory (export "memory") 300)"#),
            "memory",
        ),
        // The machine.
        Mistake {
            checkable: false,
            ..typo(
                "address in use",
                "[upstream.app]",
                "[listener.second]\nlisten = \"<taken>\"\n[upstream.app]",
                r#"listen = "<taken>""#,
                "cannot listen on",
            )
        },
        Mistake {
            checkable: false,
            ..typo(
                "two listeners, one of them new and taken",
                "[upstream.app]",
                "[listener.third]\nlisten = \"127.0.0.1:0\"\n[listener.second]\nlisten = \"<taken>\"\n[upstream.app]",
                r#"listen = "<taken>""#,
                "cannot listen on",
            )
        },
    ]
}

#[test]
fn broken_reloads_keep_the_old_one_serving() {
    let app = Backend::named("app");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let mut gateway = good(&app).start();
    gateway.put("taken", &taken);
    let mut client = gateway.connect();
    let mut wrong = Vec::new();
    for mistake in mistakes() {
        let Mistake { name, replace: (from, to), guest, line, says, checkable } = mistake;
        assert!(GOOD.contains(from), "{name}: nothing to replace");
        let text = GOOD.replace(from, to);
        gateway.configure(&text);
        gateway.replace("guest.wasm", guest.unwrap_or_else(idle));
        let line = gateway.line_of(&line.replace("<taken>", &taken));
        let place = format!("gateway.toml:{line}:");
        let mut judge = |who: &str, outcome: Outcome| {
            if outcome.code != Some(1) || !outcome.text.contains(says) || !outcome.text.contains(&place) {
                let Outcome { code, text } = outcome;
                wrong.push(format!(
                    "{name}: `{who}` ended with {code:?}, not saying {says:?} of {place}\n{text}"
                ));
            }
        };
        if checkable {
            judge("check", gateway.check());
        }
        judge("reload", gateway.reload());
        let response = client.ask(Request::get("/"));
        let served = (response.text(), response.get("x-generation").unwrap_or_default().to_owned());
        if served != ("app".to_owned(), "1".to_owned()) {
            wrong.push(format!("{name}: the old configuration does not serve on: {served:?}"));
        }
        if gateway.get("/").get("x-generation") != Some("1") {
            wrong.push(format!("{name}: new connections are not served by the old configuration"));
        }
    }
    assert!(wrong.is_empty(), "{} of them:\n{}", wrong.len(), wrong.join("\n"));
    let status = gateway.status();
    assert_eq!((&status["generation"], &status["snapshots"]), (&1.into(), &1.into()));
    assert_eq!(status["listeners"].as_array().unwrap().len(), 1, "nothing of them stays: {status}");

    gateway.configure(&GOOD.replace("= \"1\"", "= \"2\""));
    gateway.replace("guest.wasm", idle());
    let outcome = gateway.reload();
    assert!(outcome.is_ok(), "{outcome:?}");
    assert_eq!(client.ask(Request::get("/")).get("x-generation"), Some("2"));
}

#[test]
fn all_mistakes_are_reported_at_once() {
    let app = Backend::named("app");
    let gateway = good(&app).start();
    gateway.configure(&GOOD.replace("guest.wasm", "gone.wasm").replace("g = \"1\"", "g = \"!\""));
    let outcome = gateway.reload();
    assert_eq!(outcome.code, Some(1));
    for words in ["gone.wasm", "g is not a letter"] {
        assert!(outcome.text.contains(words), "{words}: {}", outcome.text);
    }
}

#[test]
fn what_needs_a_restart_is_refused() {
    let app = Backend::named("app");
    let mut gateway = good(&app).start();
    gateway.change_workers(3);
    gateway.configure(GOOD);
    let outcome = gateway.reload();
    assert_eq!(outcome.code, Some(1));
    assert!(outcome.text.contains("gateway.workers: cannot change in a running gateway"), "{}", outcome.text);
    assert_eq!(gateway.get("/").text(), "app");
}

#[test]
fn a_broken_reload_by_signal_says_why_in_the_log() {
    let app = Backend::named("app");
    let gateway = good(&app).start();
    gateway.configure(&GOOD.replace("guest.wasm", "gone.wasm"));
    assert!(!gateway.sighup());
    let line = gateway.log().says("gone.wasm");
    let place = format!("gateway.toml:{}:", gateway.line_of("gone.wasm"));
    assert!(line["message"].as_str().unwrap().contains(&place), "{line}");
    assert_eq!(line["level"], "ERROR");
    assert_eq!(gateway.get("/").get("x-generation"), Some("1"));
}

#[test]
fn a_signal_does_what_the_command_does() {
    let app = Backend::named("app");
    let gateway = good(&app).start();
    let mut client = gateway.connect();
    assert_eq!(client.ask(Request::get("/")).get("x-generation"), Some("1"));
    gateway.configure(&GOOD.replace("= \"1\"", "= \"2\""));
    assert!(gateway.sighup());
    assert_eq!(client.ask(Request::get("/")).get("x-generation"), Some("2"), "on the same connection");
    gateway.configure(&GOOD.replace("= \"1\"", "= \"3\""));
    let outcome = gateway.reload();
    assert!(outcome.is_ok() && outcome.text.contains('3'), "{outcome:?}");
    assert_eq!(client.ask(Request::get("/")).get("x-generation"), Some("3"));
    assert_eq!(gateway.status()["generation"], 3);
}

// What changes and what stays.

const THREE: &str = r#"
[upstream.app]
endpoints = ["<a>", "<b>", "<c>"]
[upstream.other]
endpoints = ["<other>"]
<more>
[[route]]
path = "/other"
upstream = "other"
[[route]]
path = "/*"
upstream = "app"
"#;

#[test]
fn an_unchanged_upstream_keeps_its_connections_and_its_balancers_position() {
    let [a, b, c, other] = ["a", "b", "c", "other"].map(Backend::named);
    let mut gateway = Gateway::with(THREE)
        .put("a", a.url())
        .put("b", b.url())
        .put("c", c.url())
        .put("other", other.url())
        .put("more", "")
        .workers(1)
        .start();
    let mut order = Vec::new();
    for n in 0..6 {
        order.push(gateway.get("/").text());
        gateway.put("more", format!("retries = {n}"));
        gateway.configure(THREE);
        assert!(gateway.reload().is_ok());
    }
    assert_eq!(order, ["a", "b", "c", "a", "b", "c"]);
    for backend in [&a, &b, &c] {
        assert_eq!(backend.connections(), 1);
    }
}

#[test]
fn an_unchanged_upstream_keeps_its_endpoints_health() {
    const KEYS: &str = "max_fails = 1\nfail_timeout = \"1h\"";
    let (dead, [b, c, other]) = (Refusing::new(), ["b", "c", "other"].map(Backend::named));
    let text = THREE.replace("[upstream.other]", &format!("{KEYS}\n[upstream.other]"));
    let mut gateway = Gateway::with(&text)
        .put("a", dead.url())
        .put("b", b.url())
        .put("c", c.url())
        .put("other", other.url())
        .put("more", "")
        .start();
    let is_usable = |gateway: &Gateway| gateway.status()["upstreams"][0]["endpoints"][0]["usable"] == true;
    assert!(is_usable(&gateway));
    for _ in 0..3 {
        gateway.get("/");
    }
    assert!(!is_usable(&gateway));
    gateway.put("more", "retries = 0");
    gateway.configure_again();
    assert!(gateway.reload().is_ok());
    assert!(!is_usable(&gateway), "it is known to be dead");
}

#[test]
fn connections_of_an_upstream_that_went_are_closed() {
    let (old, new) = (Backend::named("old"), Backend::named("new"));
    let mut gateway = Gateway::before(old.url()).start();
    assert_eq!(gateway.get("/").text(), "old");
    gateway.put("app", new.url());
    gateway.configure_again();
    assert!(gateway.reload().is_ok());
    assert_eq!(gateway.get("/").text(), "new");
    eventually("the old upstream's connections end", || old.open_connections() == 0);
}

/// A guest that tells in `x-count` how many responses its instance has seen.
const COUNTING: &str = r#"
(global $count (mut i32) (i32.const 48))
(data (i32.const 1024) "x-count")
(func (export "gatewright_on_response") (result i32)
  (global.set $count (i32.add (global.get $count) (i32.const 1)))
  (i32.store8 (i32.const 1040) (global.get $count))
  (call $head_set (i32.const 1) (i32.const 1024) (i32.const 7) (i32.const 1040) (i32.const 1)))
"#;

const COUNTED: &str = r#"
[upstream.app]
endpoints = ["<app>"]
[plugin.guest]
file = "guest.wasm"
config = { n = <n> }
[plugin.stamp]
file = "<plugins>/stamp.wasm"
config = { set = { x-generation = "<generation>" } }
[[route]]
path = "/*"
upstream = "app"
middleware = ["guest"]
modify_response = ["stamp"]
"#;

#[test]
fn an_unchanged_plugin_keeps_its_instances() {
    let app = Backend::named("app");
    let mut gateway = Gateway::with(COUNTED)
        .put("app", app.url())
        .put("n", 1)
        .put("generation", 1)
        .file("guest.wasm", module(COUNTING))
        .workers(1)
        .start();
    let count = |gateway: &Gateway| gateway.get("/").get("x-count").unwrap().to_owned();
    assert_eq!((count(&gateway), count(&gateway)), ("1".into(), "2".into()));
    gateway.put("generation", 2);
    gateway.configure(COUNTED);
    assert!(gateway.reload().is_ok());
    let response = gateway.get("/");
    assert_eq!((response.get("x-generation"), response.get("x-count")), (Some("2"), Some("3")));
    assert_eq!(gateway.instances("guest"), 1);

    // The same bytes under another time stamp are the same module.
    gateway.replace("guest.wasm", module(COUNTING));
    assert!(gateway.reload().is_ok());
    assert_eq!(count(&gateway), "4");

    gateway.put("n", 2);
    gateway.configure(COUNTED);
    assert!(gateway.reload().is_ok());
    assert_eq!(count(&gateway), "1", "another configuration is another plugin");

    gateway.replace("guest.wasm", module(&(COUNTING.to_owned() + "(func $other)")));
    assert!(gateway.reload().is_ok());
    assert_eq!(count(&gateway), "1", "and so are other bytes");
}

#[test]
fn an_open_exchange_holds_its_snapshot_and_nothing_else_does() {
    let gate = Gate::shut();
    let held = gate.clone();
    let app = Backend::scripted(move |connection| {
        while let Some(request) = connection.request() {
            if request.target() == "/held" {
                held.wait();
            }
            connection.send(Reply::ok("app").bytes(&request));
        }
    });
    let gateway = good(&app).start();
    let mut client = gateway.connect();
    client.send(Request::get("/held").bytes());
    app.received();
    for generation in 2..5 {
        gateway.configure(&GOOD.replace("= \"1\"", &format!("= \"{generation}\"")));
        assert!(gateway.reload().is_ok());
        assert_eq!(gateway.get("/").get("x-generation"), Some(generation.to_string().as_str()));
    }
    eventually("only the held one and the newest are left", || gateway.snapshots() == 2);
    gate.open();
    assert_eq!(client.response().get("x-generation"), Some("1"), "wholly of the generation it began with");
    eventually("only the newest is left", || gateway.snapshots() == 1);
}

const SECOND: &str = r#"
[listener.second]
listen = "127.0.0.1:0"
header_timeout = "1s"
[upstream.app]
endpoints = ["<app>"]
[[route]]
path = "/*"
upstream = "app"
"#;

#[test]
fn listeners_come_and_go_and_their_open_exchanges_finish() {
    let gate = Gate::shut();
    let held = gate.clone();
    let app = Backend::scripted(move |connection| {
        while let Some(request) = connection.request() {
            if request.target() == "/held" {
                held.wait();
            }
            connection.send(Reply::ok("app").bytes(&request));
        }
    });
    let gateway = Gateway::before(app.url()).start();
    let mut lasting = gateway.connect();
    assert_eq!(lasting.ask(Request::get("/")).text(), "app");

    gateway.configure(SECOND);
    assert!(gateway.reload().is_ok());
    let second = gateway.address_of("second");
    assert_eq!(gateway.address_of("web"), gateway.address(), "the other keeps its socket");
    let mut busy = Wire::connect(second);
    assert_eq!(busy.ask(Request::get("/")).text(), "app");
    let mut idle = Wire::connect(second);
    assert_eq!(idle.ask(Request::get("/")).text(), "app");
    let mut half = Wire::connect(second);
    half.send("GET / HTTP/1.1\r\nHo");
    busy.send(Request::get("/held").bytes());
    eventually("the request is at the upstream", || app.requests().iter().any(|r| r.target() == "/held"));

    gateway.configure_again();
    assert!(gateway.reload().is_ok());
    assert!(idle.ends(), "an idle connection of a listener that went is closed");
    eventually("nobody listens any more", || std::net::TcpStream::connect(second).is_err());
    assert!(half.ends(), "a head that does not end has no more time than before");
    gate.open();
    assert_eq!(busy.response().text(), "app", "an open exchange finishes");
    assert!(busy.ends());
    assert_eq!(
        lasting.ask(Request::get("/")).text(),
        "app",
        "the listener that stayed keeps its connections"
    );
}

#[test]
fn settings_of_a_listener_that_stays_hold_for_its_next_connections() {
    let app = Backend::named("app");
    let mut gateway = Gateway::before(app.url()).start();
    let long = Request::get("/").with("x-long", &"x".repeat(20_000));
    assert_eq!(gateway.ask(long.clone()).status(), 200);
    gateway.change_listener(r#"max_head = "8KiB""#);
    gateway.configure_again();
    assert!(gateway.reload().is_ok());
    eventually("the new limit holds", || {
        let mut client = gateway.connect();
        let _ = client.try_send(long.bytes());
        client.head().is_some_and(|head| head.status() == 431)
    });
}

// Under load, and often.

/// Adds `x-build: N` to the request and to the response.
fn build(number: usize) -> Vec<u8> {
    module(&format!(
        r#"
        (data (i32.const 1024) "x-build")
        (data (i32.const 1040) "{number}")
        (func (export "gatewright_on_request") (result i32)
          (call $head_set (i32.const 0) (i32.const 1024) (i32.const 7) (i32.const 1040) (i32.const 1)))
        (func (export "gatewright_on_response") (result i32)
          (call $head_set (i32.const 1) (i32.const 1024) (i32.const 7) (i32.const 1040) (i32.const 1)))
        "#
    ))
}

/// Everything in it says which of the two it is: the module's build, the plugin's configuration, the upstream.
const ALTERNATING: &str = r#"
[upstream.app]
endpoints = ["<app-N>"]
[plugin.guest]
file = "guest-N.wasm"
[plugin.stamp]
file = "<plugins>/stamp.wasm"
config = { set = { x-generation = "N" } }
[[route]]
name = "route-N"
path = "/*"
upstream = "app"
middleware = ["guest"]
modify_response = ["stamp"]
"#;

fn alternating(number: usize) -> String {
    ALTERNATING.replace('N', &number.to_string())
}

/// Says which one it is and which build the request came through.
fn numbered(number: &'static str) -> Backend {
    Backend::answering(move |request| {
        Reply::ok(
            [number.as_bytes(), request.get("x-build").unwrap_or("?").as_bytes(), &request.body].concat(),
        )
    })
}

fn alternating_gateway(one: &Backend, two: &Backend) -> Gateway {
    Gateway::with(&alternating(1))
        .put("app-1", one.url())
        .put("app-2", two.url())
        .file("guest-1.wasm", build(1))
        .file("guest-2.wasm", build(2))
        .start()
}

/// Which generation a response is of; `Err` where it is of both, or no whole response.
fn generation(client: &mut Wire, request: &Request) -> Result<String, String> {
    let response = client.try_ask(request).map_err(|broken| format!("{broken:?}"))?;
    let text = response.text();
    let build = response.get("x-build").unwrap_or("?");
    let stamp = response.get("x-generation").unwrap_or("?");
    match response.status() == 200 && text.starts_with(&format!("{stamp}{stamp}")) && build == stamp {
        true => Ok(stamp.to_owned()),
        false => Err(format!("build {build}, stamp {stamp}, body {text:?}: {response:?}")),
    }
}

#[test]
fn reloads_under_load_fail_no_request_and_mix_no_generations() {
    const CLIENTS: usize = 16;
    const RELOADS: usize = 30;
    let (one, two) = (numbered("1"), numbered("2"));
    let gateway = alternating_gateway(&one, &two);
    let done = AtomicBool::new(false);
    let served = [AtomicUsize::new(0), AtomicUsize::new(0)];
    thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|number| {
                let (gateway, done, served) = (&gateway, &done, &served);
                scope.spawn(move || {
                    let mut client = gateway.connect();
                    let request = match number % 3 {
                        0 => Request::post("/", "x".repeat(10_000)),
                        _ => Request::get("/"),
                    };
                    while !done.load(Ordering::SeqCst) {
                        let which = generation(&mut client, &request)?;
                        served[usize::from(which == "2")].fetch_add(1, Ordering::SeqCst);
                    }
                    Ok::<_, String>(())
                })
            })
            .collect();
        for number in 0..RELOADS {
            gateway.configure(&alternating(2 - number % 2));
            gateway.signal("HUP");
            // The rhythm of the load, not a wait for anything.
            thread::sleep(Duration::from_millis(100));
        }
        eventually("both generations have served", || {
            served.iter().all(|count| count.load(Ordering::SeqCst) > 0)
        });
        done.store(true, Ordering::SeqCst);
        for client in clients {
            assert_eq!(client.join().unwrap(), Ok(()));
        }
    });
    let reloaded = gateway.log().lines().iter().filter(|line| line["message"] == "reloaded").count();
    assert!(reloaded > 1, "signals may fall together, but not all of them: {reloaded}");
    assert!(gateway.log().lines().iter().all(|line| line["level"] != "ERROR"));
    eventually("only the newest snapshot is left", || gateway.snapshots() == 1);
    let workers_and_the_suspended = 2 + CLIENTS as u64;
    assert!(gateway.instances("guest") <= workers_and_the_suspended);
}

#[test]
fn two_hundred_reloads_leave_one_snapshot_and_few_instances() {
    let (one, two) = (numbered("1"), numbered("2"));
    let gateway = alternating_gateway(&one, &two);
    let mut client = gateway.connect();
    let mut open_files = 0;
    for number in 0..200 {
        let expected = 2 - number % 2;
        gateway.configure(&alternating(expected));
        let outcome = gateway.reload();
        assert!(outcome.is_ok(), "reload {number}: {outcome:?}");
        assert_eq!(generation(&mut client, &Request::get("/")), Ok(expected.to_string()), "reload {number}");
        if number == 20 {
            open_files = gateway.open_files();
        }
    }
    eventually("only the newest snapshot is left", || gateway.snapshots() == 1);
    assert_eq!(gateway.status()["generation"], 201);
    assert!(gateway.instances("guest") <= 2 && gateway.instances("stamp") <= 2, "{}", gateway.status());
    eventually("no file or socket leaks", || gateway.open_files() <= open_files + 8);
}
