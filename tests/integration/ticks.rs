//! Plugins that are called periodically: from when to when, on which instance, and what they may do.

use serde_json::Value;

use crate::support::{Backend, Gate, Gateway, Reply, Setup, eventually, guest, plugin_tool};

const TICKING: &str = r#"
[upstream.app]
endpoints = ["<app>"]
[plugin.ticks]
file = "ticks.wasm"
config = { do = "<do>" }
allow = ["kv"]
[[route]]
path = "/*"
upstream = "app"
middleware = ["ticks"]
"#;

const CALLING: &str = r#"
[upstream.app]
endpoints = ["<app>"]
[upstream.side]
endpoints = ["<side>"]
[plugin.ticks]
file = "calls.wasm"
allow = ["http:side"]
[[route]]
path = "/*"
upstream = "app"
"#;

fn app() -> Backend {
    Backend::answering(|request| Reply::ok(request.get("x-ticks").unwrap_or("none")))
}

fn ticking(app: &Backend, what: &str) -> Setup {
    Gateway::with(TICKING).put("app", app.url()).put("do", what).file("ticks.wasm", guest("ticks"))
}

fn calling(app: &Backend, side: &Backend) -> Setup {
    Gateway::with(CALLING)
        .put("app", app.url())
        .put("side", side.url())
        .file("calls.wasm", guest("ticks_and_calls"))
}

/// What the plugin has said since `mark`, but for what it says in `init`.
fn said(gateway: &Gateway, plugin: &str, mark: usize) -> Vec<i32> {
    let lines = gateway.log().lines();
    let own = lines.iter().skip(mark).filter(|line| line["plugin"] == plugin && !is_init(line));
    own.filter_map(|line| line["message"].as_str()?.strip_prefix("code ")?.parse().ok()).collect()
}

fn is_init(line: &Value) -> bool {
    line["request_id"].as_str().is_some_and(|id| id.bytes().all(|digit| digit == b'0'))
}

#[track_caller]
fn ticked(gateway: &Gateway, mark: usize, count: usize) -> Vec<i32> {
    eventually("it has been called often enough", || said(gateway, "ticks", mark).len() >= count);
    said(gateway, "ticks", mark)[..count].to_vec()
}

#[test]
fn one_instance_is_called_however_many_workers_there_are() {
    let app = app();
    let gateway = ticking(&app, "nothing").workers(4).start();
    assert_eq!(ticked(&gateway, 0, 5), [1, 2, 3, 4, 5]);
    assert_eq!(gateway.instances("ticks"), 1);
}

#[test]
fn exchanges_see_what_a_tick_has_stored() {
    let app = app();
    let gateway = ticking(&app, "nothing").start();
    eventually("it has been called three times", || {
        gateway.get("/").text().parse::<u32>().is_ok_and(|ticks| ticks >= 3)
    });
}

#[test]
fn a_period_is_asked_for_in_init_and_not_too_short() {
    let app = app();
    let gateway = ticking(&app, "nothing").start();
    // Another instance may be in the middle of its `init`.
    eventually("all three are refused each time", || {
        let lines = gateway.log().lines();
        let refused = lines.iter().filter(|line| is_init(line) && line["message"] == "code -2").count();
        refused > 0 && refused % 3 == 0
    });
    gateway.get("/");
    gateway.log().says("code -3");
}

#[test]
fn a_reload_that_leaves_the_plugin_as_it_is_does_not_disturb_it() {
    let app = app();
    let gateway = ticking(&app, "nothing").start();
    ticked(&gateway, 0, 1);
    for _ in 0..5 {
        assert!(gateway.sighup());
    }
    assert_eq!(ticked(&gateway, 0, 5), [1, 2, 3, 4, 5]);
    eventually("the old snapshots are gone", || gateway.snapshots() == 1);
}

#[test]
fn a_plugin_that_has_changed_begins_anew() {
    let app = app();
    let mut gateway = ticking(&app, "nothing").start();
    ticked(&gateway, 0, 3);
    gateway.put("do", "another");
    gateway.configure_again();
    let mark = gateway.log().mark();
    assert!(gateway.sighup());
    eventually("the new one is called", || said(&gateway, "ticks", mark).contains(&1));
    eventually("the old instance is gone", || gateway.instances("ticks") == 1);
}

#[test]
fn a_plugin_that_is_gone_is_not_called_any_more() {
    let app = app();
    let gateway = ticking(&app, "nothing").start();
    ticked(&gateway, 0, 1);
    gateway.configure(&TICKING.replace("plugin.ticks", "plugin.other").replace("[\"ticks\"]", "[\"other\"]"));
    assert!(gateway.sighup());
    eventually("the old snapshot is gone", || gateway.snapshots() == 1);
    let mark = gateway.log().mark();
    eventually("the other one has been called", || said(&gateway, "other", mark).len() >= 5);
    assert!(said(&gateway, "ticks", mark).is_empty());
}

#[test]
fn a_tick_that_traps_costs_its_instance_only() {
    let app = app();
    let gateway = ticking(&app, "t").start();
    assert_eq!(ticked(&gateway, 0, 5), [1, 2, 1, 2, 1]);
    assert_eq!(gateway.get("/").status(), 200);
    let failed = gateway.log().says("plugin `ticks`, on_tick: trap: wasm trap");
    assert_eq!((&failed["level"], &failed["kind"]), (&"ERROR".into(), &"trap".into()));
}

#[test]
fn a_tick_that_never_ends_is_stopped() {
    let app = app();
    let gateway = ticking(&app, "l").workers(1).start();
    ticked(&gateway, 0, 1);
    assert_eq!(gateway.get("/").status(), 200);
    let counts = || said(&gateway, "ticks", 0).into_iter().filter(|code| *code > 0).collect::<Vec<_>>();
    eventually("it has been called again", || counts().len() >= 3);
    assert!(counts().iter().all(|count| *count == 1), "an instance that was stopped is called again");
    gateway.log().says("on_tick: ran past its time budget of 10 ms");
}

#[test]
fn a_tick_that_fails_or_answers_nonsense_is_called_again() {
    let app = app();
    for (what, words) in [("r", "returned -1 and gave no reason"), ("9", "returned 9, which on_tick cannot")]
    {
        let gateway = ticking(&app, what).start();
        assert_eq!(ticked(&gateway, 0, 3), [1, 1, 1]);
        gateway.log().says(words);
    }
}

#[test]
fn a_tick_calls_upstreams_and_has_no_exchange() {
    let (app, side) = (app(), app());
    let gateway = calling(&app, &side).start();
    let said = ticked(&gateway, 0, 13);
    assert_eq!((&said[..11], &said[11..]), (&[-3; 11][..], &[200; 2][..]));
    assert_eq!(side.received().all("cdn-loop"), ["gatewright; hop=1"]);
    assert_eq!(side.received().get("x-request-id").map(str::len), Some(32));
    let in_init = gateway.log().says("code");
    assert!(is_init(&in_init) && in_init["message"] == "code -3");
}

#[test]
fn a_tick_calls_what_the_newest_configuration_names() {
    let (app, old, new) = (app(), app(), app());
    let mut gateway = calling(&app, &old).start();
    old.received();
    gateway.put("side", new.url());
    gateway.configure_again();
    assert!(gateway.sighup());
    new.received();
    let before = old.requests().len();
    eventually("some more ticks", || new.requests().len() > 3);
    assert_eq!(old.requests().len(), before);
    eventually("the old snapshot is gone", || gateway.snapshots() == 1);
}

#[test]
fn ticks_never_overlap() {
    let (gate, app) = (Gate::shut(), app());
    let opened = gate.clone();
    let slow = Backend::answering(move |_| {
        opened.wait();
        Reply::ok("")
    });
    let other = "[plugin.other]\nfile = \"ticks.wasm\"\nconfig = { do = \"nothing\" }\nallow = [\"kv\"]\n";
    let gateway = Gateway::with(&format!("{CALLING}{other}"))
        .put("app", app.url())
        .put("side", slow.url())
        .file("calls.wasm", guest("ticks_and_calls"))
        .file("ticks.wasm", guest("ticks"))
        .start();
    slow.received();
    let mark = gateway.log().mark();
    eventually("periods have passed", || said(&gateway, "other", mark).len() >= 5);
    assert_eq!(slow.requests().len(), 1);
    gate.open();
    eventually("it goes on", || slow.requests().len() > 1);
}

#[test]
fn inspect_shows_that_a_module_takes_ticks() {
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("ticks.wasm");
    std::fs::write(&file, guest("ticks")).unwrap();
    let inspected = plugin_tool(&["inspect", file.to_str().unwrap()]);
    assert!(inspected.text.contains("on_request, on_tick"), "{}", inspected.text);
}

#[test]
fn ticks_are_counted_with_the_other_calls() {
    let app = app();
    let gateway = ticking(&app, "nothing").start();
    let calls = r#"plugin_calls_total{plugin="ticks",hook="on_tick"}"#;
    eventually(calls, || gateway.metrics().get(calls).is_some_and(|count| count >= 2.0));
    let seconds = r#"plugin_call_seconds_total{plugin="ticks",hook="on_tick"}"#;
    assert!(gateway.metrics().value(seconds) > 0.0);
}
