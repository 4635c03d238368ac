//! Unix sockets: endpoints and listeners.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use crate::support::{
    Backend, Gateway, Http2, Http2Backend, Request, Setup, Wire, each_row, eventually, get2, unix_backend,
    unix_front,
};

/// A gateway to be, before a backend that is reached by `app.sock` in its folder.
fn before(url: &str, keys: &str, app: &Backend) -> Setup {
    let text = format!(
        r#"
        [upstream.app]
        endpoints = ["{url}"]
        {keys}
        [[route]]
        path = "/*"
        upstream = "app"
        "#
    );
    let setup = Gateway::with(&text);
    unix_backend(&setup.folder().join("app.sock"), app.address());
    setup
}

// Endpoints.

#[test]
fn requests_go_to_a_unix_socket_on_connections_that_are_kept() {
    let app = Backend::named("app");
    let gateway = before("unix:app.sock", "", &app).workers(1).start();
    for target in ["/a?b=c", "/d"] {
        assert_eq!(gateway.get(target).text(), "app");
        let received = app.received();
        assert_eq!((received.target(), received.get("host")), (target, Some("gateway.test")));
    }
    assert_eq!(gateway.ask(Request::post("/", "body")).status(), 200);
    eventually("the connection is kept", || app.connections() == 1);
    assert_eq!(gateway.log().access("/d")["endpoint"], "unix:app.sock");
    let series = "upstream_attempts_total{upstream=\"app\",endpoint=\"unix:app.sock\"}";
    assert_eq!(gateway.metrics().value(series), 3.0);
}

#[test]
fn a_unix_socket_may_have_a_base_path_and_is_called_localhost() {
    let app = Backend::named("app");
    let setup = before("unix:<folder>/app.sock:/base/", "", &app);
    let folder = setup.folder().display().to_string();
    let gateway = setup.put("folder", folder).start();
    let mut client = gateway.connect();
    client.send("GET /a HTTP/1.0\r\n\r\n");
    assert_eq!(client.response().text(), "app");
    let received = app.received();
    assert_eq!((received.target(), received.get("host")), ("/base/a", Some("localhost")));
}

#[test]
fn http2_is_spoken_over_a_unix_socket() {
    let app = Http2Backend::echo();
    let gateway = Gateway::with(
        r#"
        [upstream.app]
        endpoints = ["unix:app.sock"]
        protocol = "http2"
        health = { path = "/healthz", interval = "20ms", timeout = "10s" }
        [[route]]
        path = "/*"
        upstream = "app"
        "#,
    );
    unix_backend(&gateway.folder().join("app.sock"), app.address);
    let gateway = gateway.start();
    eventually("it is well", || endpoint(&gateway)["health"] == "up");
    assert_eq!(gateway.ask(Request::post("/", "echo")).text(), "echo");
}

fn endpoint(gateway: &Gateway) -> serde_json::Value {
    gateway.status()["upstreams"][0]["endpoints"][0].clone()
}

#[test]
fn a_unix_socket_is_asked_how_it_is() {
    each_row(["path = \"/healthz\"", "tcp = true"], |probe| {
        let app = Backend::named("app");
        let health = format!("health = {{ {probe}, interval = \"20ms\", timeout = \"10s\", fall = 1 }}");
        let gateway = before("unix:app.sock", &health, &app).start();
        eventually("it is well", || endpoint(&gateway)["health"] == "up");
        if probe.starts_with("path") {
            let received = app.received();
            assert_eq!((received.target(), received.get("host")), ("/healthz", Some("localhost")));
        }
        fs::remove_file(gateway.folder().join("app.sock")).unwrap();
        eventually("it is not", || endpoint(&gateway)["health"] == "down");
        assert_eq!(gateway.get("/").status(), 503);
    });
}

#[test]
fn a_unix_socket_that_nobody_listens_on_is_unreachable() {
    let app = Backend::named("app");
    let gateway = Gateway::with(
        r#"
        [upstream.one]
        endpoints = ["unix:gone.sock"]
        [upstream.two]
        endpoints = ["unix:gone.sock", "<app>"]
        [[route]]
        path = "/one"
        upstream = "one"
        [[route]]
        path = "/two"
        upstream = "two"
        "#,
    )
    .put("app", app.url());
    drop(UnixListener::bind(gateway.folder().join("gone.sock")).unwrap());
    let gateway = gateway.start();
    assert_eq!(gateway.get("/one").status(), 502);
    for _ in 0..2 {
        assert_eq!(gateway.get("/two").text(), "app");
    }
}

// Listeners.

/// A gateway to be that listens on `gateway.sock` in its folder, too.
fn listening(keys: &str, app: &Backend) -> Setup {
    let text = format!(
        r#"
        [listener.local]
        listen = "unix:gateway.sock"
        {keys}
        [upstream.app]
        endpoints = ["<app>"]
        [[route]]
        path = "/*"
        upstream = "app"
        "#
    );
    Gateway::with(&text).put("app", app.url())
}

fn socket(gateway: &Gateway) -> std::path::PathBuf {
    gateway.folder().join("gateway.sock")
}

/// A connection to the gateway's Unix socket.
fn connect(gateway: &Gateway) -> Wire {
    Wire::connect(unix_front(&socket(gateway)))
}

fn mode(file: &Path) -> u32 {
    fs::metadata(file).unwrap().permissions().mode() & 0o777
}

#[test]
fn clients_come_in_by_a_unix_socket() {
    let app = Backend::named("app");
    let mut gateway = listening("mode = \"0600\"", &app).start();
    let mut client = connect(&gateway);
    for target in ["/a", "/b"] {
        assert_eq!(client.ask(Request::get(target)).text(), "app");
        // Some process of this machine.
        assert_eq!(app.received().get("x-forwarded-for"), Some("127.0.0.1"));
    }
    assert_eq!(gateway.log().access("/b")["client"], "127.0.0.1:0");
    let mut client = Http2::connect(unix_front(&socket(&gateway)));
    assert_eq!(client.ask(get2("/c")).text(), "app");
    assert_eq!(mode(&socket(&gateway)), 0o600);
    let local = gateway.status()["listeners"][1].clone();
    let address = local["address"].as_str().unwrap();
    assert!(address.starts_with("unix:") && address.ends_with("/gateway.sock"), "{local}");
    drop(client);
    gateway.signal("TERM");
    assert!(gateway.exit().success());
    assert!(!socket(&gateway).exists(), "the file is gone with the gateway");
}

#[test]
fn all_workers_accept_on_one_unix_socket() {
    let app = Backend::named("app");
    let gateway = listening("", &app).workers(4).start();
    let clients: Vec<_> = (0..64)
        .map(|_| {
            let mut client = connect(&gateway);
            assert_eq!(client.ask(Request::get("/")).text(), "app");
            client
        })
        .collect();
    let open = "listener_connections_open{listener=\"local\"}";
    assert_eq!(gateway.metrics().value(open), 64.0);
    drop(clients);
    eventually("all are closed", || gateway.metrics().value(open) == 0.0);
}

#[test]
fn who_comes_in_by_a_unix_socket_may_say_on_whose_behalf() {
    let app = Backend::named("app");
    let gateway = listening("trusted_proxies = [\"127.0.0.1\"]", &app).start();
    connect(&gateway).ask(Request::get("/a").with("x-forwarded-for", "192.0.2.1"));
    assert_eq!(gateway.log().access("/a")["client"], "192.0.2.1:0");

    let gateway = listening("proxy_protocol = true", &app).start();
    let mut client = connect(&gateway);
    client.send("PROXY TCP4 192.0.2.1 192.0.2.2 4711 80\r\n");
    assert_eq!(client.ask(Request::get("/b")).text(), "app");
    assert_eq!(app.received().get("x-forwarded-for"), Some("192.0.2.1"));
    assert_eq!(gateway.log().access("/b")["client"], "192.0.2.1:4711");
}

#[test]
fn a_socket_that_was_left_behind_is_replaced_and_nothing_else_is() {
    let app = Backend::named("app");
    let setup = listening("", &app);
    drop(UnixListener::bind(setup.folder().join("gateway.sock")).unwrap());
    let gateway = setup.start();
    assert_eq!(connect(&gateway).ask(Request::get("/")).text(), "app");

    let busy = listening("", &app);
    let other = UnixListener::bind(busy.folder().join("gateway.sock")).unwrap();
    let outcome = busy.check();
    assert!(!outcome.is_ok() && outcome.text.contains("another program listens on it"), "{outcome:?}");
    assert!(UnixStream::connect(busy.folder().join("gateway.sock")).is_ok(), "the other one still listens");
    drop(other);

    let file = listening("", &app).file("gateway.sock", "data");
    assert!(!file.check().is_ok());
    assert_eq!(fs::read_to_string(file.folder().join("gateway.sock")).unwrap(), "data");

    let nowhere = Gateway::with(
        "[listener.local]\nlisten = \"unix:no/such/folder.sock\"\n[[route]]\npath = \"/\"\nrespond = { status = 204 }",
    );
    let outcome = nowhere.check();
    assert!(outcome.text.contains("listener.local.listen: cannot listen on unix:"), "{outcome:?}");
    assert!(outcome.text.contains("there is no such folder"), "{outcome:?}");
}

#[test]
fn a_running_gateways_own_socket_is_no_mistake() {
    let app = Backend::named("app");
    let gateway = listening("", &app).start();
    assert!(gateway.reload().is_ok());
    assert_eq!(connect(&gateway).ask(Request::get("/")).text(), "app");
}

#[test]
fn a_reload_changes_the_mode_and_removes_the_file_with_its_listener() {
    let app = Backend::named("app");
    let gateway = listening("mode = \"0600\"", &app).start();
    let text = fs::read_to_string(gateway.folder().join("text.toml")).unwrap();
    gateway.configure(&text.replace("0600", "0666"));
    assert!(gateway.reload().is_ok());
    assert_eq!(mode(&socket(&gateway)), 0o666);
    assert_eq!(connect(&gateway).ask(Request::get("/")).text(), "app");
    gateway.configure(&text[text.find("[upstream.app]").unwrap()..]);
    assert!(gateway.reload().is_ok());
    eventually("the file is gone", || !socket(&gateway).exists());
    gateway.configure(&text);
    assert!(gateway.reload().is_ok());
    assert_eq!(connect(&gateway).ask(Request::get("/")).text(), "app");
}

#[test]
fn a_new_process_takes_the_unix_socket_over() {
    let app = Backend::named("app");
    let mut gateway = listening("", &app).start();
    let front = unix_front(&socket(&gateway));
    let (done, served) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut client = Wire::connect(front);
                while !done.load(Ordering::SeqCst) {
                    let answer = client.ask(Request::get("/"));
                    assert_eq!(answer.status(), 200);
                    served.fetch_add(1, Ordering::SeqCst);
                    if answer.get("connection") == Some("close") {
                        client = Wire::connect(front);
                    }
                }
            });
        }
        for turn in 0..2 {
            let before = served.load(Ordering::SeqCst);
            eventually("requests are served", || served.load(Ordering::SeqCst) > before + 50);
            assert!(gateway.hand_over(), "turn {turn}");
            let after = served.load(Ordering::SeqCst);
            eventually("requests are served", || served.load(Ordering::SeqCst) > after + 50);
        }
        done.store(true, Ordering::SeqCst);
    });
    assert!(gateway.exit().success(), "the first process has drained and ended");
    assert_eq!(connect(&gateway).ask(Request::get("/")).text(), "app");
    gateway.signal("TERM");
    eventually("the last process takes the file with it", || !socket(&gateway).exists());
}
