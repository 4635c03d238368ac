//! `rewrite` and `canary`: where requests go.

use std::collections::BTreeSet;

use super::{echo, gateway_with};
use crate::support::{Backend, Gateway, Request};

#[test]
fn rewrite_changes_path_query_and_host() {
    let app = echo();
    let gateway = gateway_with(
        &app,
        "rewrite",
        r#"config = { strip_prefix = "/shop", add_prefix = "/v1", host = "shop.internal", set_query = { source = "gateway", a = "2" } }"#,
        r#"director = "rewrite""#,
    );
    for (target, expected) in
        [("/shop/cart%2Fx?a=1&b=%20", "/v1/cart%2Fx"), ("/shop", "/v1/"), ("/shopping", "/v1/shopping")]
    {
        gateway.get(target);
        let received = app.received();
        let (path, query) = received.target().split_once('?').unwrap();
        assert_eq!(path.trim_end_matches('/'), expected.trim_end_matches('/'), "{target}");
        let parameters: BTreeSet<_> = query.split('&').collect();
        assert!(parameters.contains("source=gateway") && parameters.contains("a=2"), "{query}");
        assert!(!parameters.contains("a=1"), "{query}");
        assert_eq!(parameters.contains("b=%20"), target.contains("b=%20"), "{query}");
        assert_eq!(received.all("host"), ["shop.internal"]);
        assert_eq!(received.get("x-forwarded-host"), Some("gateway.test"));
    }
}

#[test]
fn a_directors_host_counts_more_than_the_upstreams() {
    let app = echo();
    let gateway = Gateway::with(
        r#"
        [upstream.app]
        endpoints = ["<app>"]
        host = "from.upstream"
        [plugin.rewrite]
        file = "<plugins>/rewrite.wasm"
        config = { host = "from.director" }
        [[route]]
        path = "/*"
        upstream = "app"
        director = "rewrite"
        "#,
    )
    .put("app", app.url())
    .start();
    gateway.get("/");
    assert_eq!(app.received().all("host"), ["from.director"]);
}

const CANARY: &str = r#"
[upstream.current]
endpoints = ["<current>"]
[upstream.next]
endpoints = ["<next>"]
[plugin.canary]
file = "<plugins>/canary.wasm"
config = { header = "x-canary", upstream = "next", percent = <percent>, key_header = "x-user" }
[[route]]
path = "/*"
upstream = "current"
director = "canary"
"#;

#[test]
fn canary_sends_who_asks_for_it_to_the_other_upstream() {
    let (current, next) = (Backend::named("current"), Backend::named("next"));
    let gateway =
        Gateway::with(CANARY).put("current", current.url()).put("next", next.url()).put("percent", 0).start();
    assert_eq!(gateway.get("/").text(), "current");
    assert_eq!(gateway.ask(Request::get("/canary").with("X-Canary", "0")).text(), "next");
    assert_eq!(gateway.log().access("/canary")["upstream"], "next");
}

#[test]
fn canary_sends_a_stable_part_of_the_clients_to_the_other_upstream() {
    let (current, next) = (Backend::named("current"), Backend::named("next"));
    let gateway = Gateway::with(CANARY)
        .put("current", current.url())
        .put("next", next.url())
        .put("percent", 25)
        .start();
    let mut client = gateway.connect();
    let mut ask = |user: u32| client.ask(Request::get("/").with("x-user", &format!("user-{user}"))).text();
    let first: Vec<_> = (0..400).map(&mut ask).collect();
    let again: Vec<_> = (0..400).map(&mut ask).collect();
    assert_eq!(first, again, "the same clients each time");
    let share = first.iter().filter(|upstream| *upstream == "next").count();
    assert!((60..=140).contains(&share), "{share} of 400 clients at 25 percent");
    // Without the key header it is by the client's address, which is always the same here.
    let mut client = gateway.connect();
    let by_address: BTreeSet<_> = (0..20).map(|_| client.ask(Request::get("/")).text()).collect();
    assert_eq!(by_address.len(), 1);
}
