//! What the admin listener tells at `/metrics`.

use crate::support::{
    Backend, Gateway, Metrics, Refusing, Reply, Request, eventually, guest, hostile, module,
};

/// Waits until `series` is `value`.
#[track_caller]
fn becomes(gateway: &Gateway, series: &str, value: f64) {
    eventually(series, || gateway.metrics().get(series) == Some(value));
}

#[test]
fn requests_are_counted_by_route_and_class_whichever_worker_serves_them() {
    let app = Backend::answering(|request| match request.target() {
        "/shop/missing" => Reply::status(404),
        _ => Reply::ok("hello"),
    });
    let gateway = Gateway::with(
        r#"
        [upstream.app]
        endpoints = ["<app>"]
        [[route]]
        name = "shop"
        path = "/shop/*"
        upstream = "app"
        [[route]]
        path = "/other"
        upstream = "app"
        "#,
    )
    .put("app", app.url())
    .workers(2)
    .start();
    for _ in 0..20 {
        gateway.get("/shop/a");
    }
    gateway.get("/shop/missing");
    gateway.get("/nowhere");
    gateway.ask(Request::post("/other", "four"));
    becomes(&gateway, r#"requests_total{route="/other",class="2xx"}"#, 1.0);
    becomes(&gateway, r#"requests_total{route="shop",class="2xx"}"#, 20.0);
    becomes(&gateway, r#"requests_total{route="shop",class="4xx"}"#, 1.0);
    becomes(&gateway, r#"requests_total{route="-",class="4xx"}"#, 1.0);
    let metrics = gateway.metrics();
    assert_eq!(metrics.value(r#"requests_total{route="shop",class="5xx"}"#), 0.0);
    assert_eq!(metrics.value(r#"requests_in_flight{route="shop"}"#), 0.0);
    assert_eq!(metrics.value(r#"request_duration_seconds_count{route="shop"}"#), 21.0);
    assert_eq!(metrics.value(r#"request_duration_seconds_bucket{route="shop",le="+Inf"}"#), 21.0);
    assert!(metrics.value(r#"request_duration_seconds_sum{route="shop"}"#) > 0.0);
    assert_eq!(metrics.value(r#"request_body_bytes_total{route="/other"}"#), 4.0);
    assert_eq!(metrics.value(r#"response_body_bytes_total{route="/other"}"#), 5.0);
}

#[test]
fn a_request_is_in_flight_until_it_has_ended() {
    let app = Backend::scripted(|connection| while connection.request().is_some() {});
    let gateway = Gateway::before(app.url()).start();
    let mut client = gateway.connect();
    client.send(Request::get("/").bytes());
    becomes(&gateway, r#"requests_in_flight{route="/*"}"#, 1.0);
    becomes(&gateway, r#"listener_connections_open{listener="web"}"#, 1.0);
    drop(client);
    becomes(&gateway, r#"requests_in_flight{route="/*"}"#, 0.0);
    becomes(&gateway, r#"requests_total{route="/*",class="4xx"}"#, 1.0);
    becomes(&gateway, r#"listener_connections_open{listener="web"}"#, 0.0);
    assert_eq!(gateway.metrics().value(r#"listener_connections_accepted_total{listener="web"}"#), 1.0);
}

#[test]
fn attempts_are_counted_by_endpoint_with_what_went_wrong() {
    let (app, dead) = (Backend::named("app"), Refusing::new());
    let gateway = Gateway::with(
        r#"
        [upstream.app]
        endpoints = ["<dead>", "<app>"]
        max_fails = 0
        [[route]]
        path = "/*"
        upstream = "app"
        "#,
    )
    .put("app", app.url())
    .put("dead", dead.url())
    .workers(1)
    .start();
    let mut client = gateway.connect();
    for _ in 0..4 {
        assert_eq!(client.ask(Request::get("/")).text(), "app");
    }
    let metrics = gateway.metrics();
    let of = |name: &str, url: &str, more: &str| {
        metrics.value(&format!("upstream_{name}{{upstream=\"app\",endpoint=\"{url}\"{more}}}"))
    };
    let (app, dead) = (app.url(), dead.url());
    assert_eq!((of("attempts_total", &dead, ""), of("attempts_total", &app, "")), (4.0, 4.0));
    assert_eq!((of("retries_total", &dead, ""), of("retries_total", &app, "")), (0.0, 4.0));
    assert_eq!(of("failures_total", &dead, ",kind=\"unreachable\""), 4.0);
    assert_eq!(of("failures_total", &app, ",kind=\"broken\""), 0.0);
    assert_eq!(of("attempt_duration_seconds_count", &app, ""), 4.0);
    assert_eq!(
        (of("connections_opened_total", &app, ""), of("connections_reused_total", &app, "")),
        (1.0, 3.0)
    );
    assert_eq!(of("connections_idle", &app, ""), 1.0);
    assert_eq!(of("endpoint_usable", &app, ""), 1.0);
}

#[test]
fn plugin_calls_are_counted_by_hook_with_why_they_failed() {
    let app = Backend::named("app");
    let gateway = Gateway::with(
        r#"
        [upstream.app]
        endpoints = ["<app>"]
        [plugin.evil]
        file = "evil.wasm"
        limits = { failures = 2 }
        [[route]]
        path = "/*"
        upstream = "app"
        middleware = ["evil"]
        "#,
    )
    .put("app", app.url())
    .file("evil.wasm", hostile("traps"))
    .workers(1)
    .start();
    gateway.get("/");
    let metrics = gateway.metrics();
    assert_eq!(metrics.value(r#"plugin_calls_total{plugin="evil",hook="on_request"}"#), 1.0);
    assert!(metrics.value(r#"plugin_call_seconds_total{plugin="evil",hook="on_response"}"#) > 0.0);
    assert_eq!(metrics.value(r#"plugin_instances{plugin="evil"}"#), 1.0);
    assert_eq!(metrics.value(r#"plugin_memory_bytes{plugin="evil"}"#), 131_072.0);
    assert_eq!(metrics.value(r#"plugin_tripped{plugin="evil"}"#), 0.0);
    for _ in 0..3 {
        gateway.ask(Request::get("/").with("x-evil", "r0"));
    }
    let metrics = gateway.metrics();
    let failures = |kind: &str| {
        metrics.value(&format!(r#"plugin_failures_total{{plugin="evil",hook="on_request",kind="{kind}"}}"#))
    };
    assert_eq!((failures("trap"), failures("tripped"), failures("deadline")), (2.0, 1.0, 0.0));
    assert_eq!(metrics.value(r#"plugin_tripped{plugin="evil"}"#), 1.0);
    assert_eq!(metrics.value(r#"plugin_instances{plugin="evil"}"#), 0.0);
    assert_eq!(metrics.value(r#"plugin_memory_bytes{plugin="evil"}"#), 0.0, "they took it with them");
}

#[test]
fn counts_outlive_a_reload_and_what_is_not_configured_any_more_goes() {
    let app = Backend::named("app");
    let with = |routes: &str| {
        format!("[upstream.app]\nendpoints = [\"<app>\"]\nretries = {}\n{routes}", routes.len() % 3)
    };
    let route = |path: &str| format!("[[route]]\npath = \"{path}\"\nupstream = \"app\"\n");
    let gateway =
        Gateway::with(&with(&(route("/a") + &route("/b")))).put("app", app.url()).workers(1).start();
    gateway.get("/a");
    gateway.get("/b");
    gateway.configure(&with(&route("/a")));
    assert!(gateway.sighup());
    gateway.get("/a");
    becomes(&gateway, r#"requests_total{route="/a",class="2xx"}"#, 2.0);
    assert_eq!(gateway.metrics().get(r#"requests_total{route="/b",class="2xx"}"#), None);
    let attempts = format!(r#"upstream_attempts_total{{upstream="app",endpoint="{}"}}"#, app.url());
    assert_eq!(gateway.metrics().value(&attempts), 3.0, "its retries have changed, its name has not");
    gateway.configure("nonsense");
    assert!(!gateway.sighup());
    let metrics = gateway.metrics();
    assert_eq!(metrics.value(r#"reloads_total{outcome="done"}"#), 1.0);
    assert_eq!(metrics.value(r#"reloads_total{outcome="refused"}"#), 1.0);
    assert_eq!((metrics.value("generation"), metrics.value("snapshots")), (2.0, 1.0));
}

const COUNTING: &str = r#"
    [upstream.app]
    endpoints = ["<app>"]
    [plugin.counts]
    file = "counts.wasm"
    config = { n = <n> }
    [[route]]
    path = "/*"
    upstream = "app"
    middleware = ["counts"]
    "#;

#[test]
fn a_guests_metrics_are_shared_by_its_instances_and_outlive_a_reload() {
    let app = Backend::named("app");
    let setup = Gateway::with(COUNTING).put("app", app.url()).put("n", 1);
    let mut gateway = setup.file("counts.wasm", guest("counts")).workers(2).start();
    for _ in 0..10 {
        gateway.get("/");
    }
    gateway.put("n", 2);
    gateway.configure_again();
    assert!(gateway.sighup());
    for _ in 0..10 {
        gateway.get("/");
    }
    let metrics = gateway.metrics();
    assert_eq!(metrics.value(r#"guest_hits_total{plugin="counts",kind="a\"b"}"#), 30.0);
    assert_eq!(metrics.value(r#"guest_level{plugin="counts"}"#), 5.0);
    assert_eq!(metrics.value(r#"guest_size_bytes_bucket{plugin="counts",le="2.5"}"#), 0.0);
    assert_eq!(metrics.value(r#"guest_size_bytes_bucket{plugin="counts",le="5"}"#), 20.0);
    gateway
        .configure("[upstream.app]\nendpoints = [\"<app>\"]\n[[route]]\npath = \"/*\"\nupstream = \"app\"");
    assert!(gateway.sighup());
    eventually("the series go with their plugin", || {
        gateway.metrics().get(r#"guest_level{plugin="counts"}"#).is_none()
    });
}

#[test]
fn what_no_series_can_be_is_refused() {
    let app = Backend::named("app");
    let setup = Gateway::with(COUNTING).put("app", app.url()).put("n", 1);
    let gateway = setup.file("counts.wasm", guest("counts")).workers(1).start();
    gateway.ask(Request::get("/").with("x-evil", "1"));
    let codes = || -> Vec<i32> {
        let lines = gateway.log().lines();
        let messages = lines.iter().filter_map(|line| line["message"].as_str());
        messages.filter_map(|message| message.strip_prefix("code ")?.parse().ok()).collect()
    };
    eventually("the guest has said all", || codes().len() == 12);
    assert_eq!(codes(), [-2, -2, -2, -2, -2, -1, -2, -2, -2, -2, -2, -2]);
    assert_eq!(gateway.metrics().value(r#"guest_hits_total{plugin="counts",kind="a\"b"}"#), 1.5);
}

#[test]
fn a_store_tells_how_full_it_is() {
    let writes = module(
        "(import \"gatewright_kv\" \"put\" (func $put (param i32 i32 i32 i32 i64) (result i32)))
        (func (export \"gatewright_on_request\") (result i32)
          (drop (call $put (i32.const 1024) (i32.const 10) (i32.const 1024) (i32.const 20) (i64.const 0)))
          (i32.const 0))",
    );
    let app = Backend::named("app");
    let gateway = Gateway::with(
        r#"
        [upstream.app]
        endpoints = ["<app>"]
        [plugin.writes]
        file = "writes.wasm"
        allow = ["kv"]
        kv = { namespace = "shared" }
        [[route]]
        path = "/*"
        upstream = "app"
        middleware = ["writes"]
        "#,
    )
    .put("app", app.url())
    .file("writes.wasm", writes)
    .start();
    assert_eq!(gateway.metrics().value(r#"kv_entries{namespace="shared"}"#), 0.0);
    gateway.get("/");
    let metrics = gateway.metrics();
    assert_eq!(metrics.value(r#"kv_entries{namespace="shared"}"#), 1.0);
    assert_eq!(metrics.value(r#"kv_bytes{namespace="shared"}"#), 222.0);
}

#[test]
fn the_page_is_prometheus_text_and_documented() {
    let app = Backend::named("app");
    let setup = Gateway::with(COUNTING).put("app", app.url()).put("n", 1);
    let gateway = setup.file("counts.wasm", guest("counts")).start();
    gateway.get("/");
    let response = gateway.admin(Request::get("/metrics"));
    assert_eq!(response.get("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    let metrics = Metrics::parse(&response.text());
    assert_eq!(metrics.value(&format!("build_info{{version=\"{}\"}}", env!("CARGO_PKG_VERSION"))), 1.0);
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/metrics.md")).unwrap();
    for family in metrics.families() {
        let is_guests = family.starts_with("gatewright_guest_");
        assert!(is_guests || page.contains(&format!("`{family}`")), "{family} is not in docs/metrics.md");
    }
}
