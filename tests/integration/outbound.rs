//! Requests that plugins send: to whom, in whose name, and what becomes of them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::support::{
    Backend, Gate, Gateway, Message, Refusing, Reply, Request, Setup, eventually, guest, hostile,
};

/// The letters by which a request asks for calls, and the hooks that make them.
const HOOKS: [(&str, &str); 4] =
    [("r", "on_request"), ("d", "direct"), ("m", "modify_response"), ("s", "on_response")];

const CALLING: &str = r#"
[upstream.app]
endpoints = ["<app>"]
[upstream.side]
endpoints = ["<side>"]
response_timeout = "<late>"
[upstream.secret]
endpoints = ["<app>"]
[plugin.calls]
file = "calls.wasm"
allow = ["http:side"]
limits = { <limits> }
[[route]]
path = "/*"
upstream = "app"
director = "calls"
middleware = ["calls"]
modify_response = ["calls"]
"#;

fn app() -> Backend {
    Backend::answering(|_| Reply::ok("from the app"))
}

fn setup(app: &Backend, side: impl std::fmt::Display) -> Setup {
    setup_of(CALLING, app, side)
}

fn setup_of(configuration: &str, app: &Backend, side: impl std::fmt::Display) -> Setup {
    Gateway::with(configuration)
        .put("app", app.url())
        .put("side", side)
        .put("late", "30s")
        .put("limits", r#"time = "2s""#)
        .file("calls.wasm", hostile("calls"))
        .workers(1)
}

/// An exchange whose plugin makes calls, in the hook of this letter.
fn calling(letter: &str) -> Request {
    static ASKED: AtomicUsize = AtomicUsize::new(0);
    let target = format!("/{}", ASKED.fetch_add(1, Ordering::SeqCst));
    Request::get(&target).with("x-evil", letter)
}

/// What came of an exchange.
struct Ended {
    response: Message,
    /// What the guest said, in order.
    codes: Vec<i32>,
    /// Its line in the access log.
    access: Value,
}

impl Ended {
    fn attributes(&self) -> &str {
        self.access["attributes"].as_str().unwrap_or_default()
    }
}

#[track_caller]
fn ask(gateway: &Gateway, request: Request) -> Ended {
    let response = gateway.ask(request.clone());
    let access = gateway.log().access(request.target());
    let lines = gateway.log().lines();
    let own = lines.iter().filter(|line| line["request_id"] == access["request_id"]);
    let said = own.filter_map(|line| line["message"].as_str()?.strip_prefix("code ")?.parse().ok());
    Ended { response, codes: said.collect(), access }
}

#[track_caller]
fn codes(gateway: &Gateway, request: Request) -> Vec<i32> {
    let ended = ask(gateway, request);
    assert_eq!(ended.response.text(), "from the app");
    ended.codes
}

#[test]
fn a_plugin_calls_an_upstream_in_every_hook() {
    let side = Backend::answering(|request| Reply::ok(request.body.clone()));
    let app = app();
    let gateway = setup(&app, side.url()).start();
    for (letter, hook) in HOOKS {
        let request = calling(letter).with("x-upstream", "side").with("x-method", "POST");
        let ended = ask(&gateway, request.with("x-target", "/a%20b?q=1&q").with("x-body", hook));
        assert_eq!((ended.codes.as_slice(), ended.response.status()), (&[200][..], 200), "{hook}");
        assert_eq!(ended.attributes(), format!("0={hook}"));
        let received = side.received();
        assert_eq!(received.start, "POST /a%20b?q=1&q HTTP/1.1");
        assert_eq!(received.text(), hook);
    }
    assert_eq!(side.connections(), 1, "connections are kept and shared");
}

#[test]
fn requests_of_one_wait_are_sent_at_once() {
    // Nobody is answered before all of them are there.
    let all = Arc::new(Barrier::new(3));
    let side = Backend::answering(move |request| {
        all.wait();
        Reply::ok(request.target())
    });
    let app = app();
    let gateway = setup(&app, side.url()).start();
    let request = ["/one", "/two", "/three"]
        .iter()
        .fold(calling("r"), |request, target| request.with("x-upstream", "side").with("x-target", target));
    let ended = ask(&gateway, request);
    assert_eq!(ended.codes, [200; 3]);
    assert_eq!(ended.attributes(), "0=/one 1=/two 2=/three");
}

#[test]
fn a_suspended_guest_does_not_keep_others_waiting() {
    let (gate, app) = (Gate::shut(), app());
    let opened = gate.clone();
    let side = Backend::answering(move |_| {
        opened.wait();
        Reply::ok("")
    });
    let gateway = setup(&app, side.url()).start();
    let mut waiting: Vec<_> = (0..40).map(|_| gateway.connect()).collect();
    for client in &mut waiting {
        client.send(calling("r").with("x-upstream", "side").bytes());
    }
    side.received();
    eventually("all of them wait", || side.requests().len() == 40);
    assert_eq!(gateway.get("/plain").text(), "from the app");
    assert!(gateway.instances("calls") >= 40);
    gate.open();
    for client in &mut waiting {
        assert_eq!(client.response().text(), "from the app");
    }
    // What a burst needed is not kept for ever.
    assert!(gateway.instances("calls") <= 32);
}

#[test]
fn only_granted_upstreams_can_be_called() {
    let (app, side) = (app(), app());
    let gateway = setup(&app, side.url()).start();
    for upstream in ["secret", "app", "nowhere", "sid", "side2", "\u{e9}"] {
        assert_eq!(codes(&gateway, calling("r").with("x-upstream", upstream)), [-3], "{upstream}");
    }
    assert!(side.requests().is_empty());
}

#[test]
fn without_the_grant_the_plugin_is_refused() {
    let app = app();
    let refused = setup_of(&CALLING.replace(r#"["http:side"]"#, "[]"), &app, app.url()).check();
    assert_eq!(refused.code, Some(1));
    assert!(refused.text.contains(r#"add `allow = ["http:UPSTREAM"]`"#), "{}", refused.text);
}

#[test]
fn the_gateway_says_in_whose_name_a_request_is_sent() {
    let (app, side) = (app(), app());
    let gateway = setup(&app, side.url()).start();
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let request = calling("r").with("x-upstream", "side").with("traceparent", trace);
    let ended = ask(&gateway, request.with("tracestate", "a=1").with("x-request-id", "the client's"));
    let received = side.received();
    assert_eq!(received.all("x-request-id"), [ended.access["request_id"].as_str().unwrap()]);
    assert_eq!(received.all("traceparent"), [trace]);
    assert_eq!(received.all("tracestate"), ["a=1"]);
    assert_eq!(received.all("cdn-loop"), ["gatewright; hop=1"]);
    assert_eq!(received.all("host"), [side.url().trim_start_matches("http://")]);
    assert!(!received.has("x-evil") && !received.has("x-forwarded-for"), "{received:?}");
}

#[test]
fn what_the_guest_says_of_itself_is_left_alone() {
    let (app, side) = (app(), app());
    let gateway = setup(&app, side.url()).start();
    for (name, value) in [("host", "auth.example:8080"), ("x-request-id", "mine"), ("traceparent", "own")] {
        let request = calling("r").with("x-upstream", "side").with("traceparent", "the client's");
        codes(&gateway, request.with("x-field", name).with("x-value", value));
        assert_eq!(side.received().all(name), [value]);
    }
}

#[test]
fn fields_that_only_the_gateway_sets_are_refused() {
    let (app, side) = (app(), app());
    let gateway = setup(&app, side.url()).start();
    let framing = ["connection", "Content-Length", "transfer-encoding", "te", "upgrade", "cdn-loop"];
    for name in framing {
        let request = calling("r").with("x-upstream", "side").with("x-field", name);
        assert_eq!(codes(&gateway, request.with("x-value", "close")), [-3], "{name}");
    }
    for (name, value) in [("x y", "a"), ("host", "a@b"), ("host", "a b"), (":path", "/")] {
        let request = calling("r").with("x-upstream", "side").with("x-field", name);
        assert_eq!(codes(&gateway, request.with("x-value", value)), [-2], "{name}: {value}");
    }
    assert!(side.requests().is_empty());
}

#[test]
fn methods_and_targets_are_checked() {
    let (app, side) = (app(), app());
    let gateway = setup(&app, side.url()).start();
    let call = || calling("r").with("x-upstream", "side");
    assert_eq!(codes(&gateway, call().with("x-method", "CONNECT")), [-3]);
    assert_eq!(codes(&gateway, call().with("x-method", "G(T")), [-2]);
    for target in ["a", "*", "http://other/", "/a#b", "/a b"] {
        assert_eq!(codes(&gateway, call().with("x-target", target)), [-2], "{target}");
    }
    assert!(side.requests().is_empty());
}

#[test]
fn a_response_is_read_in_pieces_and_forgotten_when_it_is_closed() {
    let side = Backend::answering(|_| Reply::ok("0123456789").with("x-two", "first").with("x-two", "second"));
    let app = app();
    let gateway = setup(&app, side.url()).start();
    let read = codes(&gateway, calling("r3").with("x-upstream", "side"));
    assert_eq!(read, [200, 10, 2, 57, 0, 0, 0, 6, -1, 5, 1, 0, -2, -2, 0, -2, -2]);
}

#[test]
fn what_was_not_waited_for_is_never_sent() {
    let (app, side) = (app(), app());
    let gateway = setup(&app, side.url()).start();
    assert_eq!(codes(&gateway, calling("r1").with("x-upstream", "side")), [-3]);
    // The same instance, and nothing is left in it of the hook before.
    assert_eq!(codes(&gateway, calling("r").with("x-upstream", "side")), [200]);
    assert_eq!(side.requests().len(), 1);
}

#[test]
fn hop_by_hop_fields_of_a_response_do_not_reach_the_guest() {
    let side = Backend::answering(|_| {
        Reply::ok("0123456789").with("x-two", "a").with("connection", "x-two").with("x-two", "b")
    });
    let app = app();
    let gateway = setup(&app, side.url()).start();
    let read = codes(&gateway, calling("r3").with("x-upstream", "side"));
    assert_eq!(read[7..10], [-1; 3], "{read:?}");
}

#[test]
fn a_request_ends_at_the_guests_own_timeout() {
    let (gate, app) = (Gate::shut(), app());
    let opened = gate.clone();
    let side = Backend::scripted(move |connection| {
        let Some(request) = connection.request() else { return };
        if request.target() == "/head" {
            connection.send("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nabc");
        }
        opened.wait();
    });
    let gateway = setup(&app, side.url()).start();
    for target in ["/nothing", "/head"] {
        let request = calling("r").with("x-upstream", "side").with("x-target", target);
        assert_eq!(codes(&gateway, request.with("x-timeout", "50")), [-6], "{target}");
    }
    gate.open();
}

#[test]
fn a_guests_impatience_is_not_held_against_the_endpoint() {
    let (gate, app) = (Gate::shut(), app());
    let opened = gate.clone();
    let slow = Backend::scripted(move |connection| {
        let _ = connection.request();
        opened.wait();
    });
    let both = format!("{}\", \"{}", slow.url(), slow.url().replace("127.0.0.1", "localhost"));
    let gateway = setup(&app, both).start();
    for _ in 0..8 {
        let request = calling("r").with("x-upstream", "side").with("x-timeout", "20");
        assert_eq!(codes(&gateway, request), [-6]);
    }
    gate.open();
    assert!(!gateway.log().lines().iter().any(|line| line["message"] == "endpoint taken out"));
}

#[test]
fn bodies_that_wait_together_are_bounded() {
    let (app, side) = (app(), app());
    let limits = r#"time = "2s", memory = "32MiB""#;
    let setup = setup(&app, side.url()).put("limits", limits);
    let gateway = setup.file("calls.wasm", hostile("calls_with_bodies")).start();
    assert_eq!(codes(&gateway, calling("r")), [0, 1, -4, -4, 200, 200, 2, -3]);
}

#[test]
fn without_a_timeout_of_its_own_a_request_has_the_upstreams() {
    let (gate, app) = (Gate::shut(), app());
    let opened = gate.clone();
    let side = Backend::scripted(move |connection| {
        let Some(request) = connection.request() else { return };
        if request.target() == "/head" {
            connection.send("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nabc");
        }
        opened.wait();
    });
    let gateway = setup(&app, side.url()).put("late", "50ms").start();
    for target in ["/nothing", "/head"] {
        let request = calling("r").with("x-upstream", "side").with("x-target", target);
        assert_eq!(codes(&gateway, request), [-6], "{target}");
    }
    gate.open();
}

#[test]
fn an_upstream_that_is_down_or_broken_cannot_be_reached() {
    let app = app();
    let refusing = Refusing::new();
    let gateway = setup(&app, refusing.url()).start();
    assert_eq!(codes(&gateway, calling("r").with("x-upstream", "side")), [-7]);
    for garbage in
        ["", "nonsense\r\n\r\n", "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nabc", "HTTP/1.1 101 No\r\n\r\n"]
    {
        let side = Backend::scripted(move |connection| {
            if connection.request().is_some() {
                let _ = connection.try_send(garbage);
            }
        });
        let gateway = setup(&app, side.url()).start();
        assert_eq!(codes(&gateway, calling("r").with("x-upstream", "side")), [-7], "{garbage:?}");
    }
}

#[test]
fn an_upstream_whose_endpoints_are_all_out_cannot_be_reached() {
    let (one, two) = (Refusing::new(), Refusing::new());
    let app = app();
    let both = format!("{}\", \"{}", one.url(), two.url());
    let gateway = setup(&app, both).start();
    for _ in 0..4 {
        assert_eq!(codes(&gateway, calling("r").with("x-upstream", "side")), [-7]);
    }
    gateway.log().says("endpoint taken out");
    assert_eq!(codes(&gateway, calling("r").with("x-upstream", "side")), [-7]);
}

#[test]
fn a_response_that_is_too_large_is_refused() {
    let side = Backend::scripted(|connection| {
        while let Some(request) = connection.request() {
            let size: usize = request.target()[1..].parse().unwrap();
            let sent = match size % 2 {
                0 => connection.try_send(Reply::ok(vec![b'x'; size]).bytes(&request)),
                // Without a length, it shows only when it is there.
                _ => connection.try_send(format!(
                    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{size:x}\r\n{}\r\n0\r\n\r\n",
                    "x".repeat(size)
                )),
            };
            if sent.is_err() {
                return;
            }
        }
    });
    let app = app();
    let gateway = setup(&app, side.url()).put("limits", r#"http_body = "64KiB", time = "2s""#).start();
    for (size, code) in [(65_536, 200), (65_538, -4), (65_535, 200), (65_537, -4)] {
        let request = calling("r").with("x-upstream", "side").with("x-target", &format!("/{size}"));
        assert_eq!(codes(&gateway, request), [code], "{size}");
    }
}

#[test]
fn a_plugin_may_call_only_so_often_for_one_exchange() {
    let (app, side) = (app(), app());
    let gateway = setup(&app, side.url()).put("limits", r#"http_calls = 2, time = "2s""#).start();
    let three = |letter| (0..3).fold(calling(letter), |request, _| request.with("x-upstream", "side"));
    for letter in ["r", "d", "m", "s"] {
        assert_eq!(codes(&gateway, three(letter)), [-4, 200, 200], "{letter}");
    }
    assert_eq!(side.requests().len(), 8);
}

#[test]
fn a_plugin_that_calls_the_gateway_itself_ends_after_some_hops() {
    let app = app();
    let mut gateway = setup(&app, "http://127.0.0.1:1").start();
    gateway.put("side", format!("http://{}", gateway.address()));
    gateway.configure_again();
    assert!(gateway.sighup());
    // Each exchange makes the same request again: the guest passes on what made it call.
    let request = Request::get("/around").with("x-evil", "r").with("x-upstream", "side");
    let request = request.with("x-target", "/around").with("cdn-loop", "other.example");
    let looping = |hop| request.clone().with("cdn-loop", &format!("gatewright; hop={hop}"));
    for (hop, code) in [(1, 200), (3, 200), (4, -8), (100, -8)] {
        let mark = gateway.log().mark();
        assert_eq!(gateway.ask(looping(hop)).text(), "from the app");
        let line = gateway.log().wait_after(mark, "a code", |line| line["target"] == "plugin");
        assert_eq!(line["message"], format!("code {code}"));
    }
}

#[test]
fn a_loop_through_the_gateway_itself_comes_to_an_end() {
    let app = app();
    let mut gateway = Gateway::with(
        r#"
        [upstream.app]
        endpoints = ["<app>"]
        [upstream.self]
        endpoints = ["<self>"]
        [plugin.loops]
        file = "loops.wasm"
        allow = ["http:self"]
        [[route]]
        path = "/*"
        upstream = "app"
        middleware = ["loops"]
        "#,
    )
    .put("app", app.url())
    .put("self", "http://127.0.0.1:1")
    .file("loops.wasm", guest("calls_itself"))
    .start();
    gateway.put("self", format!("http://{}", gateway.address()));
    gateway.configure_again();
    assert!(gateway.sighup());
    let mark = gateway.log().mark();
    assert_eq!(gateway.ask(Request::get("/around").with("cdn-loop", "other.example")).status(), 200);
    let said: Vec<_> = (gateway.log().lines().into_iter().skip(mark))
        .filter(|line| line["target"] == "plugin")
        .map(|line| line["message"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(said, ["code -8", "code 200", "code 200", "code 200", "code 200"]);
    let hops: Vec<_> = app.requests().iter().map(|r| r.all("cdn-loop").join(", ")).collect();
    assert_eq!(hops[0], "other.example, gatewright; hop=4");
    assert_eq!(hops[4], "other.example");
}

#[test]
fn a_client_that_goes_away_takes_its_plugins_requests_with_it() {
    let app = app();
    let side = Backend::scripted(|connection| {
        // Reads until the other side closes.
        while connection.request().is_some() {}
    });
    let gateway = setup(&app, side.url()).start();
    let mut client = gateway.connect();
    let two = calling("r").with("x-upstream", "side").with("x-upstream", "side");
    client.send(two.bytes());
    eventually("both requests have arrived", || side.requests().len() == 2);
    drop(client);
    eventually("both requests are cancelled", || side.open_connections() == 0);
    eventually("the instance is gone", || gateway.instances("calls") == 0);
    assert_eq!(gateway.get("/plain").text(), "from the app");
}

#[test]
fn waiting_is_not_running() {
    let app = app();
    let side = Backend::answering(|_| {
        // All of them together take longer than the budget, so that waiting would use it up if it counted.
        thread::sleep(Duration::from_millis(5));
        Reply::ok("")
    });
    let busy = r#"
        [plugin.busy]
        file = "busy.wasm"
        limits = { time = "30s" }
        [[route]]
        path = "/busy"
        upstream = "app"
        middleware = ["busy"]
        "#;
    let gateway = setup_of(&format!("{CALLING}{busy}"), &app, side.url())
        .put("limits", r#"time = "8ms", http_calls = 16"#)
        .file("busy.wasm", hostile("loops"))
        .workers(2)
        .start();
    // While another guest runs, the clock of all budgets does not rest.
    let mut busy = gateway.connect();
    busy.send(Request::get("/busy").with("x-evil", "r").bytes());
    gateway.log().says("code 1");
    let one_by_one = (0..16).fold(calling("r2"), |request, _| request.with("x-upstream", "side"));
    assert_eq!(codes(&gateway, one_by_one), [200; 16]);
}

/// What suspended guests cost. Not a test: it prints figures, which depend on the machine.
#[test]
#[ignore = "a measurement: cargo test --test integration suspended_exchanges -- --ignored --nocapture"]
fn a_thousand_suspended_exchanges() {
    const CLIENTS: usize = 1000;
    let (gate, app) = (Gate::shut(), app());
    let opened = gate.clone();
    let side = Backend::answering(move |request| {
        match request.target() {
            "/gate" => opened.wait(),
            _ => thread::sleep(Duration::from_millis(200)),
        }
        Reply::ok("")
    });
    let gateway = setup(&app, side.url()).start();
    let mut clients: Vec<_> = (0..CLIENTS).map(|_| gateway.connect()).collect();
    clients.iter_mut().for_each(|client| drop(client.ask(Request::get("/plain"))));
    println!("idle: {} KiB, latencies {:?}", resident(&gateway), latencies(&gateway, 500));
    let call = |target: &str| calling("r").with("x-upstream", "side").with("x-target", target).bytes();
    clients.iter_mut().for_each(|client| client.send(call("/gate")));
    eventually("all of them wait", || side.requests().len() == CLIENTS);
    let instances = gateway.instances("calls");
    println!("{instances} suspended: {} KiB, latencies {:?}", resident(&gateway), latencies(&gateway, 500));
    gate.open();
    clients.iter_mut().for_each(|client| drop(client.response()));
    println!("afterwards: {} KiB, {} instances", resident(&gateway), gateway.instances("calls"));
    thread::scope(|scope| {
        for client in &mut clients {
            scope.spawn(|| {
                for _ in 0..20 {
                    client.send(call("/"));
                    client.response();
                }
            });
        }
        thread::sleep(Duration::from_millis(500));
        println!("in calls of 200 ms: latencies {:?}, {} KiB", latencies(&gateway, 2000), resident(&gateway));
    });
}

/// Median, 99th percentile and maximum of as many requests without a plugin's call.
fn latencies(gateway: &Gateway, count: usize) -> [Duration; 3] {
    let mut client = gateway.connect();
    let mut took: Vec<_> = (0..count)
        .map(|_| {
            thread::sleep(Duration::from_millis(1));
            let begun = std::time::Instant::now();
            client.ask(Request::get("/plain"));
            begun.elapsed()
        })
        .collect();
    took.sort();
    [took[count / 2], took[count * 99 / 100], took[count - 1]]
}

/// Memory of the process in KiB.
fn resident(gateway: &Gateway) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{}/status", gateway.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
