//! TLS on both sides.

use tokio_rustls::rustls::{ProtocolVersion, version};

use crate::support::{
    Authority, Backend, Front, Gateway, Http2, Issued, Reply, Request, Secure, Setup, Wire, each_row, get2,
};

const TLS: &str = "tls = { certificate = \"cert.pem\", key = \"key.pem\" }";

fn echo() -> Backend {
    Backend::answering(|request| Reply::ok(request.body.clone()).with("x-target", request.target()))
}

trait WithCertificate {
    fn certificate(self, name: &str, issued: &Issued) -> Self;
}

impl WithCertificate for Setup {
    fn certificate(self, name: &str, issued: &Issued) -> Self {
        self.file(&format!("{name}.pem"), &issued.certificate).file(&format!("{name}-key.pem"), &issued.key)
    }
}

/// A gateway in front of `app` with one certificate.
fn secured(app: &Backend, issued: &Issued) -> Setup {
    Gateway::before(app.url())
        .listener(TLS)
        .file("cert.pem", &issued.certificate)
        .file("key.pem", &issued.key)
}

#[test]
fn clients_are_served_over_tls_in_either_protocol_and_version() {
    let (app, authority) = (echo(), Authority::new());
    let issued = authority.issue(&["gateway.test"]);
    let gateway = secured(&app, &issued).start();

    let client = Secure::trusting(&authority).offering(&[b"h2", b"http/1.1"]);
    let (address, hears) = client.to(gateway.address(), "gateway.test");
    assert_eq!(Http2::connect(address).ask(get2("/h2")).get("x-target"), Some("/h2"));
    let agreed = hears.recv().unwrap().unwrap();
    assert_eq!((agreed.protocol.as_deref(), agreed.version), (Some(&b"h2"[..]), ProtocolVersion::TLSv1_3));
    assert_eq!(agreed.certificate, issued.der());
    assert_eq!(app.received().get("x-forwarded-proto"), Some("https"));

    let client = Secure::with(&authority, None, &[&version::TLS12]).offering(&[b"http/1.1"]);
    let (address, hears) = client.to(gateway.address(), "gateway.test");
    let mut wire = Wire::connect(address);
    for n in 0..2 {
        assert_eq!(wire.ask(Request::post("/h1", format!("{n}"))).text(), format!("{n}"));
    }
    let agreed = hears.recv().unwrap().unwrap();
    assert_eq!(
        (agreed.protocol.as_deref(), agreed.version),
        (Some(&b"http/1.1"[..]), ProtocolVersion::TLSv1_2)
    );
    assert_eq!(app.received().get("x-forwarded-proto"), Some("https"));

    // Without ALPN it is HTTP/1.
    let (address, _) = Secure::trusting(&authority).to(gateway.address(), "gateway.test");
    assert_eq!(Wire::connect(address).ask(Request::get("/none")).status(), 200);
    let line = gateway.log().access("/none");
    assert!(
        line["attributes"].as_str().unwrap().contains("tls.version=TLSv1.3 tls.sni=gateway.test"),
        "{line}"
    );
}

#[test]
fn the_certificate_is_chosen_by_the_name_that_is_asked_for() {
    let (app, authority) = (echo(), Authority::new());
    let [first, exact, wildcard] =
        [&["first.test"][..], &["a.shop.test"], &["*.shop.test"]].map(|names| authority.issue(names));
    let keys = r#"
        [listener.web.tls]
        certificate = "first.pem"
        key = "first-key.pem"
        certificates = [
            { certificate = "wildcard.pem", key = "wildcard-key.pem" },
            { certificate = "exact.pem", key = "exact-key.pem" },
        ]
    "#;
    let gateway = Gateway::before(app.url())
        .listener(keys)
        .certificate("first", &first)
        .certificate("exact", &exact)
        .certificate("wildcard", &wildcard)
        .start();
    let shown = |name: &str| {
        let (address, hears) = Secure::trusting(&authority).to(gateway.address(), name);
        drop(Wire::connect(address));
        hears.recv().unwrap().map(|agreed| agreed.certificate)
    };
    assert_eq!(shown("first.test").unwrap(), first.der());
    assert_eq!(shown("a.shop.test").unwrap(), exact.der());
    assert_eq!(shown("b.shop.test").unwrap(), wildcard.der());
    assert_eq!(shown("B.Shop.TEST").unwrap(), wildcard.der());
    for other in ["shop.test", "a.b.shop.test", "other.test"] {
        assert!(shown(other).unwrap_err().contains("not valid for name"), "{other} gets the first");
    }
}

#[test]
fn clients_show_who_they_are_and_plugins_and_the_log_hear_of_it() {
    let (app, authority) = (echo(), Authority::new());
    let issued = authority.issue(&["gateway.test"]);
    let alice = authority.issue(&["alice.clients.test"]);
    let keys = r#"tls = { certificate = "cert.pem", key = "key.pem", client_ca = "ca.pem" }"#;
    let gateway = secured(&app, &issued).listener(keys).file("ca.pem", authority.pem()).start();

    let (address, hears) = Secure::known_as(&authority, &alice).to(gateway.address(), "gateway.test");
    assert_eq!(Wire::connect(address).ask(Request::get("/alice")).status(), 200);
    hears.recv().unwrap().unwrap();
    let attributes = gateway.log().access("/alice")["attributes"].as_str().unwrap().to_owned();
    assert!(attributes.contains("tls.client.subject=CN=alice.clients.test"), "{attributes}");
    assert!(attributes.contains("tls.client.san=DNS:alice.clients.test"), "{attributes}");
    assert!(attributes.contains("tls.client.fingerprint="), "{attributes}");

    // Nobody, and somebody whom nobody vouches for, are turned away.
    let stranger = Authority::new().issue(&["alice.clients.test"]);
    for client in [Secure::trusting(&authority), Secure::known_as(&authority, &stranger)] {
        let (address, _hears) = client.to(gateway.address(), "gateway.test");
        let mut wire = Wire::connect(address);
        let _ = wire.try_send(Request::get("/stranger").bytes());
        assert!(wire.ends());
    }
    assert_eq!(app.requests().len(), 1);
}

#[test]
fn a_client_may_be_asked_and_have_no_certificate() {
    let (app, authority) = (echo(), Authority::new());
    let issued = authority.issue(&["gateway.test"]);
    let keys = r#"tls = { certificate = "cert.pem", key = "key.pem", client_ca = "ca.pem", client_auth = "optional" }"#;
    let gateway = secured(&app, &issued).listener(keys).file("ca.pem", authority.pem()).start();
    let (address, _) = Secure::trusting(&authority).to(gateway.address(), "gateway.test");
    assert_eq!(Wire::connect(address).ask(Request::get("/nobody")).status(), 200);
    let stranger = Authority::new().issue(&["x.test"]);
    let (address, _hears) = Secure::known_as(&authority, &stranger).to(gateway.address(), "gateway.test");
    let mut wire = Wire::connect(address);
    let _ = wire.try_send(Request::get("/stranger").bytes());
    assert!(wire.ends());
}

#[test]
fn a_reload_shows_new_certificates_and_keeps_connections() {
    let (app, authority) = (echo(), Authority::new());
    let [old, new] = [(); 2].map(|()| authority.issue(&["gateway.test"]));
    let gateway = secured(&app, &old).start();
    let client = Secure::trusting(&authority).offering(&[b"http/1.1"]);
    let (address, hears) = client.to(gateway.address(), "gateway.test");
    let mut before = Wire::connect(address);
    before.ask(Request::get("/1"));
    assert_eq!(hears.recv().unwrap().unwrap().certificate, old.der());

    // What is the same keeps its tickets.
    assert!(gateway.sighup());
    let mut again = Wire::connect(address);
    again.ask(Request::get("/2"));
    assert!(hears.recv().unwrap().unwrap().resumed);

    gateway.replace("cert.pem", &new.certificate);
    gateway.replace("key.pem", &new.key);
    assert!(gateway.sighup());
    let mut after = Wire::connect(address);
    after.ask(Request::get("/3"));
    assert_eq!(hears.recv().unwrap().unwrap().certificate, new.der());
    assert_eq!(before.ask(Request::get("/4")).status(), 200);
}

#[test]
fn certificates_that_do_not_do_are_refused_with_the_file_and_the_reason() {
    let (app, authority) = (echo(), Authority::new());
    let [issued, other] = [(); 2].map(|()| authority.issue(&["gateway.test"]));
    let gateway = secured(&app, &issued).start();
    let rows = [
        ("another key", "key.pem", &other.key, "key.pem: the key does not belong to the certificate"),
        ("a certificate as the key", "key.pem", &other.certificate, "key.pem: no private key in it"),
        ("an empty file", "cert.pem", &String::new(), "cert.pem: no certificate in it"),
    ];
    each_row(rows, |(_, file, content, reason)| {
        let good = std::fs::read(gateway.folder().join(file)).unwrap();
        gateway.replace(file, content);
        let outcome = gateway.reload();
        assert!(!outcome.is_ok());
        assert!(
            outcome.text.contains("error: listener.web.tls: ") && outcome.text.contains(reason),
            "{}",
            outcome.text
        );
        let outcome = gateway.check();
        assert!(outcome.text.contains(reason), "{}", outcome.text);
        gateway.replace(file, good);
    });
    std::fs::remove_file(gateway.folder().join("key.pem")).unwrap();
    assert!(gateway.reload().text.contains("key.pem: cannot read it: "));
    let (address, _) = Secure::trusting(&authority).to(gateway.address(), "gateway.test");
    assert_eq!(Wire::connect(address).ask(Request::get("/")).status(), 200, "the old one stays in service");
}

#[test]
fn an_expired_certificate_is_a_warning() {
    let (app, authority) = (echo(), Authority::new());
    let issued = authority.issue_until(&["gateway.test"], 2001);
    let gateway = secured(&app, &issued).start();
    gateway.log().says("cert.pem: the certificate expired at 20010101000000 UTC");
}

#[test]
fn a_handshake_that_hangs_is_given_up_and_keeps_nobody_waiting() {
    let (app, authority) = (echo(), Authority::new());
    let issued = authority.issue(&["gateway.test"]);
    let keys = format!("{TLS}\nheader_timeout = \"500ms\"");
    let gateway = secured(&app, &issued).listener(&keys).workers(1).start();
    let mut silent = gateway.connect();
    silent.send([22, 3, 1]);
    let (address, _) = Secure::trusting(&authority).to(gateway.address(), "gateway.test");
    assert_eq!(Wire::connect(address).ask(Request::get("/")).status(), 200);
    assert!(silent.ends());
    // What is no TLS at all is turned away at once.
    let mut plain = gateway.connect();
    plain.send(Request::get("/").bytes());
    let _ = plain.rest();
}

fn to_tls(tls: &str) -> Setup {
    Gateway::with(&format!(
        r#"
        [upstream.app]
        endpoints = ["<app>"]
        {tls}
        [[route]]
        path = "/*"
        upstream = "app"
        "#
    ))
}

fn address(app: &Backend) -> std::net::SocketAddr {
    app.url().strip_prefix("http://").unwrap().parse().unwrap()
}

#[test]
fn endpoints_are_spoken_to_over_tls() {
    let (app, authority) = (echo(), Authority::new());
    let front = Front::of(address(&app), &authority.issue(&["127.0.0.1"]), None, &[b"http/1.1"]);
    let gateway = to_tls("tls = { ca = \"ca.pem\" }")
        .put("app", front.url())
        .file("ca.pem", authority.pem())
        .workers(1)
        .start();
    for n in 0..3 {
        assert_eq!(gateway.ask(Request::post("/", format!("{n}"))).text(), format!("{n}"));
    }
    assert_eq!(app.connections(), 1, "the connection is kept");
    assert_eq!(*front.seen.lock().unwrap(), [(None, Some(b"http/1.1".to_vec()))]);
}

#[test]
fn an_endpoint_that_is_not_who_it_must_be_is_a_502_that_the_log_explains() {
    let (app, authority) = (echo(), Authority::new());
    let front = Front::of(address(&app), &authority.issue(&["app.test"]), None, &[]);
    let gateway =
        to_tls("tls = { ca = \"ca.pem\" }").put("app", front.url()).file("ca.pem", authority.pem()).start();
    assert_eq!(gateway.get("/").status(), 502);
    gateway.log().says("no TLS: invalid peer certificate");
    assert_eq!(app.requests().len(), 0);

    let stranger = Authority::new();
    let gateway = to_tls("tls = { ca = \"ca.pem\", server_name = \"app.test\" }")
        .put("app", front.url())
        .file("ca.pem", stranger.pem())
        .start();
    assert_eq!(gateway.get("/").status(), 502);
    gateway.log().says("no TLS: invalid peer certificate");
}

#[test]
fn server_name_says_who_an_endpoint_must_be() {
    let (app, authority) = (echo(), Authority::new());
    let front = Front::of(address(&app), &authority.issue(&["app.test"]), None, &[]);
    let gateway = to_tls("tls = { ca = \"ca.pem\", server_name = \"app.test\" }")
        .put("app", front.url())
        .file("ca.pem", authority.pem())
        .start();
    assert_eq!(gateway.get("/").status(), 200);
    assert_eq!(front.seen.lock().unwrap()[0].0.as_deref(), Some("app.test"));
}

#[test]
fn who_does_not_want_to_know_need_not() {
    let (app, authority) = (echo(), Authority::new());
    let front = Front::of(address(&app), &authority.issue(&["app.test"]), None, &[]);
    let gateway = to_tls("tls = { verify = false }").put("app", front.url()).start();
    assert_eq!(gateway.get("/").status(), 200);
}

#[test]
fn the_gateway_shows_endpoints_who_it_is() {
    let (app, authority) = (echo(), Authority::new());
    let front = Front::of(address(&app), &authority.issue(&["127.0.0.1"]), Some(&authority), &[]);
    let us = authority.issue(&["gateway.test"]);
    let gateway = to_tls("tls = { ca = \"ca.pem\", certificate = \"us.pem\", key = \"us-key.pem\" }")
        .put("app", front.url())
        .file("ca.pem", authority.pem())
        .certificate("us", &us)
        .start();
    assert_eq!(gateway.get("/").status(), 200);
    let gateway =
        to_tls("tls = { ca = \"ca.pem\" }").put("app", front.url()).file("ca.pem", authority.pem()).start();
    assert_eq!(gateway.get("/").status(), 502);
}
