//! Connections that have idled for a while, and have given up what they only need for requests.

use super::statuses;
use crate::support::{Authority, Backend, Gateway, Reply, Request, Secure, Setup, Wire, eventually, message};

const HALF: &str = "GET / HTTP/1.1\r\nHost: a.te";

/// Makes one request on a new connection and waits until it rests.
#[track_caller]
fn rested(gateway: &Gateway) -> Wire {
    let mut client = gateway.connect();
    assert_eq!(client.ask(Request::get("/first")).status(), 200);
    rests(gateway, 0);
    client
}

/// Waits until a connection rests, once more since there were `mark` lines.
#[track_caller]
fn rests(gateway: &Gateway, mark: usize) {
    gateway.log().wait_after(mark, "a connection rests", |line| message(line) == "connection rests");
}

fn before(app: &Backend, keys: &str) -> Setup {
    Gateway::before(app.url()).listener(keys)
}

#[test]
fn a_connection_that_rests_goes_on_where_it_was() {
    let app = Backend::answering(|request| Reply::ok(request.body.clone()));
    let gateway = before(&app, "max_requests = 5").start();
    let mut client = rested(&gateway);
    for body in ["a body", "another"] {
        let mark = gateway.log().mark();
        assert_eq!(client.ask(Request::post("/", body)).text(), body);
        rests(&gateway, mark);
    }
    // Two at once, the first byte by itself; the second is the last one.
    let two = Request::get("/").bytes().repeat(3);
    client.send(&two[..1]);
    client.send(&two[1..]);
    assert_eq!(statuses(&mut client), (vec![200, 200], true));
}

#[test]
fn a_connection_over_tls_rests_too() {
    let (app, authority) = (Backend::named("app"), Authority::new());
    let issued = authority.issue(&["gateway.test"]);
    let gateway = before(&app, r#"tls = { certificate = "cert.pem", key = "key.pem" }"#)
        .file("cert.pem", &issued.certificate)
        .file("key.pem", &issued.key)
        .start();
    let (address, _) = Secure::trusting(&authority).to(gateway.address(), "gateway.test");
    let mut client = Wire::connect(address);
    for _ in 0..2 {
        let mark = gateway.log().mark();
        assert_eq!(client.ask(Request::get("/")).text(), "app");
        rests(&gateway, mark);
    }
    assert_eq!(client.ask(Request::get("/").with("connection", "close")).text(), "app");
    assert!(client.ends());
}

#[test]
fn what_begins_on_a_connection_that_rests_is_judged_like_any_other() {
    let app = Backend::named("app");
    let gateway = before(&app, "header_timeout = \"500ms\"").start();
    let mut bad = rested(&gateway);
    bad.send("GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n");
    assert_eq!(statuses(&mut bad), (vec![400], true));
    let mut late = rested(&gateway);
    late.send(HALF);
    assert_eq!(statuses(&mut late), (vec![408], true));
    assert_eq!(app.requests().len(), 2);
}

#[test]
fn a_connection_that_rests_ends_when_it_has_idled_for_too_long() {
    let app = Backend::named("app");
    let gateway = before(&app, "idle_timeout = \"3s\"").start();
    assert!(rested(&gateway).ends());
}

#[test]
fn a_connection_that_rests_ends_with_its_client() {
    let app = Backend::named("app");
    let gateway = before(&app, "").start();
    let open = || gateway.metrics().value("listener_connections_open{listener=\"web\"}");
    let client = rested(&gateway);
    assert_eq!(open(), 1.0);
    drop(client);
    eventually("it is gone", || open() == 0.0);
}

#[test]
fn all_that_rest_may_ask_at_once() {
    let app = Backend::named("app");
    let gateway = before(&app, "").start();
    let asked = |_| {
        let mut client = gateway.connect();
        assert_eq!(client.ask(Request::get("/first")).status(), 200);
        client
    };
    let mut clients: Vec<_> = (0..300).map(asked).collect();
    let rested = |gateway: &Gateway| {
        gateway.log().lines().iter().filter(|line| message(line) == "connection rests").count()
    };
    eventually("all rest", || rested(&gateway) == clients.len());
    clients.iter_mut().for_each(|client| client.send(Request::get("/").bytes()));
    for client in &mut clients {
        assert_eq!(client.response().text(), "app");
    }
}

#[test]
fn a_connection_that_rests_ends_with_its_listener() {
    let app = Backend::named("app");
    let mut gateway = before(&app, "").gateway("drain = \"1h\"").start();
    let mut client = rested(&gateway);
    gateway.signal("TERM");
    assert!(client.ends());
    assert!(gateway.exit().success());
}

#[test]
fn who_waits_for_the_place_of_a_connection_that_rests_gets_it_in_a_stop_too() {
    let app = Backend::named("app");
    let setup = before(&app, "max_connections = 1").gateway("drain = \"1h\"").workers(1);
    let mut gateway = setup.start();
    let resting = rested(&gateway);
    let mut waiting = gateway.connect();
    waiting.send(Request::get("/").bytes());
    gateway.signal("TERM");
    gateway.log().says("stopping");
    drop(resting);
    assert_eq!(waiting.response().text(), "app");
    assert!(gateway.exit().success());
}

#[test]
fn an_upgrade_that_was_refused_does_not_keep_a_connection_from_resting() {
    let app = Backend::answering(|_| Reply::status(200));
    let gateway = before(&app, "").start();
    let mut client = gateway.connect();
    let upgrade = Request::get("/").with("Connection", "upgrade").with("Upgrade", "echo");
    assert_eq!(client.ask(upgrade).status(), 200);
    rests(&gateway, 0);
    assert_eq!(client.ask(Request::get("/")).status(), 200);
}
