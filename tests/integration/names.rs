//! Endpoints that DNS knows: SRV records, and name servers of the upstream's own.

use crate::support::{
    Authority, Backend, Dns, Front, Gateway, Refusing, Setup, each_row, eventually, message,
};

const SHOP: &str = "_http._tcp.shop.test";

/// A gateway to be, whose upstream asks `dns` where its endpoints are.
fn found_by(dns: &Dns, keys: &str) -> Setup {
    let text = format!(
        r#"
        [upstream.app]
        endpoints = ["srv+http://{SHOP}"]
        name_servers = ["{}"]
        {keys}
        [[route]]
        path = "/*"
        upstream = "app"
        "#,
        dns.address()
    );
    Gateway::with(&text).workers(1)
}

/// A name server that knows where `a.test`, `b.test` and `c.test` are.
fn dns() -> Dns {
    let dns = Dns::start();
    ["a.test", "b.test", "c.test"].iter().for_each(|name| dns.here(name));
    dns
}

fn port(backend: &Backend) -> u16 {
    backend.address().port()
}

fn order(gateway: &Gateway, requests: usize) -> String {
    (0..requests).map(|_| gateway.get("/").text()).collect()
}

/// The URLs of the endpoints in service.
fn endpoints(gateway: &Gateway) -> Vec<String> {
    let status = gateway.status();
    let endpoints = status["upstreams"][0]["endpoints"].as_array().unwrap().iter();
    endpoints.map(|endpoint| endpoint["url"].as_str().unwrap().to_owned()).collect()
}

fn url(name: &str, backend: &Backend) -> String {
    format!("http://{name}.test:{}", port(backend))
}

#[test]
fn endpoints_are_where_the_records_say() {
    let (dns, a, b) = (dns(), Backend::named("a"), Backend::named("b"));
    dns.services(SHOP, &[(1, 1, port(&b), "b.test"), (1, 1, port(&a), "A.test")]);
    let gateway = found_by(&dns, "").start();
    assert_eq!(endpoints(&gateway), [url("a", &a), url("b", &b)]);
    assert_eq!(order(&gateway, 4), "abab");
    assert_eq!(a.received().get("host"), Some("gateway.test"), "the client's, as ever");
}

#[test]
fn weights_are_those_of_the_records() {
    let (dns, a, b) = (dns(), Backend::named("a"), Backend::named("b"));
    dns.services(SHOP, &[(1, 30_000, port(&a), "a.test"), (1, 10_000, port(&b), "b.test")]);
    let gateway = found_by(&dns, "balance = \"weighted_round_robin\"").start();
    assert_eq!(order(&gateway, 40).matches('a').count(), 30);
}

#[test]
fn other_records_are_other_endpoints_and_those_that_stay_go_on() {
    let (dns, a, b) = (dns(), Backend::named("a"), Backend::named("b"));
    let (to_a, to_b) = ((1, 1, port(&a), "a.test"), (1, 1, port(&b), "b.test"));
    dns.services(SHOP, &[to_a]);
    let gateway = found_by(&dns, "").start();
    assert_eq!(order(&gateway, 2), "aa");
    dns.services(SHOP, &[to_a, to_b]);
    eventually("b is there", || endpoints(&gateway).len() == 2);
    let both = order(&gateway, 4);
    assert!(both == "abab" || both == "baba", "{both}");
    assert_eq!((a.connections(), b.connections()), (1, 1), "connections are kept");
    let series = format!("upstream_attempts_total{{upstream=\"app\",endpoint=\"{}\"}}", url("a", &a));
    assert_eq!(gateway.metrics().value(&series), 4.0, "and counts");
    dns.services(SHOP, &[to_b]);
    eventually("a is gone", || endpoints(&gateway) == [url("b", &b)]);
    assert_eq!(order(&gateway, 3), "bbb");
    eventually("its connections are closed", || a.open_connections() == 0);
    assert_eq!(gateway.status()["generation"], 1, "the configuration is the same");
    eventually("nothing holds on to what was", || gateway.snapshots() == 1);
}

#[test]
fn an_endpoint_that_is_out_stays_out_when_others_come() {
    let (dns, a, b, out) = (dns(), Backend::named("a"), Backend::named("b"), Refusing::new());
    let to_out = (1, 1, out.address().port(), "c.test");
    dns.services(SHOP, &[(1, 1, port(&a), "a.test"), to_out]);
    let gateway = found_by(&dns, "max_fails = 1\nfail_timeout = \"1h\"").start();
    assert_eq!(order(&gateway, 4), "aaaa");
    dns.services(SHOP, &[(1, 1, port(&a), "a.test"), (1, 1, port(&b), "b.test"), to_out]);
    eventually("b is there", || endpoints(&gateway).len() == 3);
    let last = gateway.status()["upstreams"][0]["endpoints"][2].clone();
    assert_eq!((&last["usable"], &last["fails"]), (&false.into(), &1.into()), "{last}");
}

#[test]
fn an_endpoint_that_is_gone_is_asked_no_more_how_it_is() {
    let (dns, a, b) = (dns(), Backend::named("a"), Backend::named("b"));
    let to_b = (1, 1, port(&b), "b.test");
    dns.services(SHOP, &[(1, 1, port(&a), "a.test"), to_b]);
    let gateway = found_by(&dns, "health = { path = \"/\", interval = \"20ms\", timeout = \"10s\" }").start();
    eventually("both are asked", || !a.requests().is_empty() && !b.requests().is_empty());
    dns.services(SHOP, &[to_b]);
    eventually("a is gone", || endpoints(&gateway) == [url("b", &b)] && gateway.snapshots() == 1);
    let last = a.requests().len();
    let so_far = b.requests().len();
    eventually("b is asked again and again", || b.requests().len() > so_far + 5);
    assert!(a.requests().len() <= last + 1, "but for a question that was under way");
}

#[test]
fn higher_priorities_wait_until_no_lower_one_is_usable() {
    let (dns, b, c) = (dns(), Backend::named("b"), Backend::named("c"));
    let out = Refusing::new();
    dns.services(
        SHOP,
        &[(10, 1, out.address().port(), "a.test"), (20, 1, port(&b), "b.test"), (30, 9, port(&c), "c.test")],
    );
    let gateway = found_by(&dns, "max_fails = 1\nfail_timeout = \"1s\"").start();
    assert_eq!(order(&gateway, 4), "bbbb");
    let a = out.come_up("a");
    eventually("the first is used again", || gateway.get("/").text() == "a");
    assert_eq!(order(&gateway, 4), "aaaa");
    drop(a);
}

#[test]
fn the_last_known_endpoints_stay_while_there_is_no_answer() {
    let (dns, a, b) = (dns(), Backend::named("a"), Backend::named("b"));
    dns.services(SHOP, &[(1, 1, port(&a), "a.test")]);
    let gateway = found_by(&dns, "").start();
    dns.forget(SHOP);
    gateway.log().says("endpoints not found, the last known stay");
    assert_eq!(order(&gateway, 2), "aa");
    let asked = dns.asked(SHOP);
    eventually("it is asked for again", || dns.asked(SHOP) > asked + 1);
    dns.services(SHOP, &[(1, 1, port(&b), "b.test")]);
    gateway.log().says("endpoints found again");
    eventually("there is an answer", || endpoints(&gateway) == [url("b", &b)]);
    assert_eq!(order(&gateway, 2), "bb");
}

#[test]
fn a_gateway_starts_without_an_answer_and_serves_when_there_is_one() {
    let (dns, a) = (dns(), Backend::named("a"));
    let gateway = found_by(&dns, "endpoint_max_in_flight = 1\npending_timeout = \"1h\"").start();
    assert_eq!(gateway.get("/").status(), 503);
    dns.services(SHOP, &[(1, 1, port(&a), "a.test")]);
    eventually("there is an endpoint", || gateway.get("/").status() == 200);
}

#[test]
fn a_target_of_nothing_says_that_there_is_no_endpoint() {
    let (dns, a) = (dns(), Backend::named("a"));
    dns.services(SHOP, &[(1, 1, port(&a), "a.test")]);
    each_row(["random", "round_robin", "weighted_round_robin", "least_request"], |balance| {
        let gateway = found_by(&dns, &format!("balance = \"{balance}\"")).start();
        assert_eq!(gateway.get("/").text(), "a");
        dns.services(SHOP, &[(0, 0, 0, ".")]);
        eventually("there is none", || endpoints(&gateway).is_empty());
        assert_eq!(gateway.get("/").status(), 503);
        dns.services(SHOP, &[(1, 1, port(&a), "a.test")]);
        eventually("there is one again", || endpoints(&gateway).len() == 1);
        assert_eq!(gateway.get("/").text(), "a");
    });
}

#[test]
fn a_reload_finds_endpoints_before_it_is_in_service_and_keeps_those_it_knows() {
    let (dns, a, b) = (dns(), Backend::named("a"), Backend::named("b"));
    dns.services(SHOP, &[(1, 1, port(&a), "a.test")]);
    dns.services("other.test", &[(1, 1, port(&b), "b.test")]);
    let gateway = found_by(&dns, "").put("shop", SHOP).start();
    assert_eq!(order(&gateway, 2), "aa");
    let text = format!(
        r#"
        [upstream.new]
        endpoints = ["srv+http://other.test/base"]
        name_servers = ["{0}"]
        [upstream.app]
        endpoints = ["srv+http://{SHOP}"]
        name_servers = ["{0}"]
        [[route]]
        path = "/new"
        upstream = "new"
        [[route]]
        path = "/*"
        upstream = "app"
        "#,
        dns.address()
    );
    gateway.configure(&text);
    assert!(gateway.sighup());
    assert_eq!(gateway.get("/new").text(), "b");
    assert_eq!(b.received().target(), "/base/new");
    assert_eq!(order(&gateway, 2), "aa");
    assert_eq!(a.connections(), 1, "the connection is kept");
    dns.services(SHOP, &[(1, 1, port(&b), "b.test")]);
    eventually("answers are still heeded", || gateway.get("/").text() == "b");
}

#[test]
fn what_dns_tells_during_a_reload_is_not_lost() {
    let (dns, a, b) = (dns(), Backend::named("a"), Backend::named("b"));
    dns.services(SHOP, &[(1, 1, port(&a), "a.test")]);
    let gateway = found_by(&dns, "").start();
    let text = format!(
        r#"
        [upstream.app]
        endpoints = ["srv+http://{SHOP}"]
        name_servers = ["{0}"]
        [upstream.slow]
        endpoints = ["srv+http://slow.test"]
        name_servers = ["{0}"]
        [[route]]
        path = "/*"
        upstream = "app"
        "#,
        dns.address()
    );
    gateway.configure(&text);
    dns.ignore("slow.test");
    let mark = gateway.log().mark();
    gateway.signal("HUP");
    eventually("the reload waits for an answer", || dns.asked("slow.test") > 0);
    dns.services(SHOP, &[(1, 1, port(&b), "b.test")]);
    eventually("b is there", || endpoints(&gateway) == [url("b", &b)]);
    gateway.log().wait_after(mark, "the reload", |line| message(line) == "reloaded");
    assert_eq!(order(&gateway, 2), "bb");
}

#[test]
fn over_tls_the_certificate_is_for_the_name_that_the_configuration_says() {
    let (dns, authority) = (dns(), Authority::new());
    let app = Backend::named("app");
    let front = Front::of(app.address(), &authority.issue(&["shop.test"]), None, &[b"http/1.1"]);
    dns.services(SHOP, &[(1, 1, front.address.port(), "a.test")]);
    each_row([("shop.test", 200), ("other.test", 502)], |(name, status)| {
        let text = format!(
            r#"
            [upstream.app]
            endpoints = ["srv+https://{SHOP}"]
            name_servers = ["{}"]
            tls = {{ ca = "ca.pem", server_name = "{name}" }}
            [[route]]
            path = "/*"
            upstream = "app"
            "#,
            dns.address()
        );
        let gateway = Gateway::with(&text).file("ca.pem", authority.pem()).start();
        assert_eq!(gateway.get("/").status(), status);
    });
}

#[test]
fn an_upstream_may_have_name_servers_of_its_own() {
    let (dns, a) = (dns(), Backend::named("a"));
    let keys = format!("name_servers = [\"{}\"]", dns.address());
    let text = r#"
        [upstream.app]
        endpoints = ["<url>"]
        <keys>
        [[route]]
        path = "/*"
        upstream = "app"
        "#;
    let gateway = Gateway::with(text).put("url", url("a", &a)).put("keys", keys).start();
    assert_eq!(gateway.get("/").text(), "a");
    assert!(dns.asked("a.test") > 0);
}
