//! Balancers, as backends see them.

use std::collections::{BTreeMap, BTreeSet};

use crate::support::{Backend, Gateway, Refusing, Request, each_row, eventually};

/// A gateway in front of three backends.
fn three(keys: &str, urls: [String; 3]) -> Gateway {
    let [a, b, c] = urls;
    Gateway::with(
        r#"
        [upstream.app]
        <keys>
        [[route]]
        path = "/*"
        upstream = "app"
        "#,
    )
    .put("keys", keys.replace("<a>", &a).replace("<b>", &b).replace("<c>", &c))
    .start()
}

const EVEN: &str = r#"endpoints = ["<a>", "<b>", "<c>"]"#;

fn named() -> [Backend; 3] {
    ["a", "b", "c"].map(Backend::named)
}

fn order(gateway: &Gateway, requests: usize) -> String {
    (0..requests).map(|_| gateway.get("/").text()).collect()
}

#[test]
fn round_robin_goes_in_turn() {
    let backends = named();
    let gateway = three(EVEN, backends.each_ref().map(Backend::url));
    assert_eq!(order(&gateway, 7), "abcabca");
}

#[test]
fn weights_5_1_1_give_nginxs_sequence() {
    let backends = named();
    let gateway = three(
        r#"
        balance = "weighted_round_robin"
        endpoints = [{ url = "<a>", weight = 5 }, "<b>", "<c>"]
        "#,
        backends.each_ref().map(Backend::url),
    );
    assert_eq!(order(&gateway, 14), "aabacaaaabacaa");
}

#[test]
fn consistent_hash_sticks_to_an_endpoint_by_header() {
    let backends = named();
    let gateway = three(
        &format!("{EVEN}\nbalance = \"consistent_hash\"\nhash_key = \"header:x-user\""),
        backends.each_ref().map(Backend::url),
    );
    let mut client = gateway.connect();
    let mut ask = |user: usize| client.ask(Request::get("/").with("X-User", &format!("user-{user}"))).text();
    let first: Vec<_> = (0..60).map(&mut ask).collect();
    let again: Vec<_> = (0..60).map(&mut ask).collect();
    assert_eq!(first, again);
    assert_eq!(first.iter().collect::<BTreeSet<_>>().len(), 3, "all endpoints have users: {first:?}");
}

#[test]
fn keys_of_a_dead_endpoint_move_and_no_others() {
    let ([a, b, _], dead) = (named(), Refusing::new());
    let keys =
        format!("{EVEN}\nbalance = \"consistent_hash\"\nhash_key = \"query:u\"\nfail_timeout = \"1h\"");
    let users = |gateway: &Gateway| -> BTreeMap<usize, String> {
        let mut client = gateway.connect();
        (0..60).map(|user| (user, client.ask(Request::get(&format!("/?u={user}"))).text())).collect()
    };
    let gateway = three(&keys, [a.url(), b.url(), dead.url()]);
    let without = users(&gateway);
    drop(gateway);
    let c = dead.come_up("c");
    let gateway = three(&keys, [a.url(), b.url(), c.url()]);
    let with = users(&gateway);
    assert!(without.values().all(|endpoint| endpoint != "c"));
    let moved: Vec<_> = with.iter().filter(|(user, endpoint)| without[user] != **endpoint).collect();
    assert!(!moved.is_empty() && moved.iter().all(|(_, endpoint)| *endpoint == "c"), "{moved:?}");
}

#[test]
fn random_and_least_request_use_all_endpoints() {
    each_row(["random", "least_request"], |balance| {
        let backends = named();
        let gateway =
            three(&format!("{EVEN}\nbalance = \"{balance}\""), backends.each_ref().map(Backend::url));
        let used: BTreeSet<_> = order(&gateway, 100).chars().collect();
        assert_eq!(used.len(), 3, "{used:?}");
    });
}

#[test]
fn an_endpoint_without_weight_gets_nothing() {
    let backends = named();
    let gateway = three(
        r#"
        balance = "weighted_round_robin"
        endpoints = [{ url = "<a>", weight = 0 }, "<b>", "<c>"]
        "#,
        backends.each_ref().map(Backend::url),
    );
    assert!(!order(&gateway, 20).contains('a'));
    assert_eq!(backends[0].connections(), 0);
}

#[test]
fn a_dead_endpoint_is_out_after_max_fails() {
    let ([_, b, c], dead) = (named(), Refusing::new());
    let gateway =
        three(&format!("{EVEN}\nmax_fails = 2\nfail_timeout = \"1h\""), [dead.url(), b.url(), c.url()]);
    for _ in 0..12 {
        assert_eq!(gateway.get("/").status(), 200, "the dead one costs no request anything");
    }
    let taken_out = gateway.log().says("endpoint taken out");
    assert_eq!((&taken_out["upstream"], &taken_out["endpoint"]), (&"app".into(), &dead.url().into()));
    let endpoint = &gateway.status()["upstreams"][0]["endpoints"][0];
    assert_eq!((&endpoint["usable"], &endpoint["fails"]), (&false.into(), &2.into()));
    for n in 0..6 {
        let target = format!("/after/{n}");
        gateway.get(&target);
        assert_eq!(gateway.log().access(&target)["attempts"], 1, "nobody asks it any more");
    }
}

#[test]
fn an_endpoint_comes_back_after_fail_timeout() {
    let ([_, b, c], dead) = (named(), Refusing::new());
    let gateway =
        three(&format!("{EVEN}\nmax_fails = 1\nfail_timeout = \"100ms\""), [dead.url(), b.url(), c.url()]);
    assert!(!order(&gateway, 3).contains('a'));
    gateway.log().says("endpoint taken out");
    let _a = dead.come_up("a");
    eventually("it is asked again", || gateway.get("/").text() == "a");
    let endpoint = &gateway.status()["upstreams"][0]["endpoints"][0];
    assert_eq!((&endpoint["usable"], &endpoint["fails"]), (&true.into(), &0.into()));
    eventually("it has its turn as ever", || order(&gateway, 3).contains('a'));
}
