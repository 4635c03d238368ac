//! A new process takes the listening sockets over from the running one.

use std::fs;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use crate::support::{Backend, Gate, Gateway, Reply, Request, Wire, eventually};

#[test]
fn no_request_fails_while_a_new_process_takes_over() {
    let app = Backend::named("app");
    let mut gateway = Gateway::before(app.url()).gateway(r#"pid_file = "gatewright.pid""#).start();
    let (address, done, served) = (gateway.address(), AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let mut client = Wire::connect(address);
                while !done.load(Ordering::SeqCst) {
                    let answer = client.ask(Request::get("/"));
                    assert_eq!(answer.status(), 200);
                    served.fetch_add(1, Ordering::SeqCst);
                    if answer.get("connection") == Some("close") {
                        client = Wire::connect(address);
                    }
                }
            });
        }
        for turn in 0..2 {
            let (before, old) = (served.load(Ordering::SeqCst), gateway.pid());
            eventually("requests are served", || served.load(Ordering::SeqCst) > before + 50);
            assert!(gateway.hand_over(), "turn {turn}");
            assert_ne!(gateway.pid(), old);
            let after = served.load(Ordering::SeqCst);
            eventually("requests are served", || served.load(Ordering::SeqCst) > after + 50);
        }
        done.store(true, Ordering::SeqCst);
    });
    assert!(gateway.exit().success(), "the first process has drained and ended");
    assert_eq!(gateway.status()["generation"], 1, "the admin listener is the new process's");
    let file = fs::read_to_string(gateway.folder().join("gatewright.pid")).unwrap();
    assert_eq!(file.trim(), gateway.pid().to_string());
}

#[test]
fn the_old_process_finishes_what_is_open() {
    let gate = Gate::shut();
    let app = {
        let gate = gate.clone();
        Backend::scripted(move |connection| {
            while let Some(request) = connection.request() {
                if request.target() == "/slow" {
                    gate.wait();
                }
                connection.send(Reply::ok(request.target()).bytes(&request));
            }
        })
    };
    let mut gateway = Gateway::before(app.url()).gateway(r#"drain = "1h""#).start();
    let mut client = gateway.connect();
    client.send(Request::get("/slow").bytes());
    app.received();
    assert!(gateway.hand_over());
    assert_eq!(gateway.get("/fast").text(), "/fast");
    assert!(gateway.is_running(), "the old process waits for its exchange");
    gate.open();
    assert_eq!(client.response().text(), "/slow");
    assert!(gateway.exit().success());
    assert_eq!(gateway.get("/fast").text(), "/fast");
}

#[test]
fn where_the_new_process_fails_the_old_one_goes_on() {
    let app = Backend::named("app");
    let mut gateway = Gateway::before(app.url()).start();
    gateway.configure("nonsense");
    assert!(!gateway.hand_over());
    gateway.log().says("not handed over, this process goes on: the new process ended (exit status: 1)");
    assert!(gateway.is_running());
    assert_eq!(gateway.get("/").text(), "app");
    gateway.configure_again();
    assert!(gateway.hand_over(), "and it can be tried again");
    assert!(gateway.exit().success());
    assert_eq!(gateway.get("/").text(), "app");
}

#[test]
fn more_and_fewer_workers_serve_all_inherited_sockets() {
    let app = Backend::named("app");
    let mut gateway = Gateway::before(app.url()).workers(3).start();
    for workers in [1, 4] {
        gateway.change_workers(workers);
        gateway.configure_again();
        assert!(gateway.hand_over());
        assert_eq!(gateway.status()["workers"], workers);
        // The kernel spreads connections over all sockets: one that nobody accepts on would leave some without an answer.
        for _ in 0..40 {
            assert_eq!(gateway.get("/").text(), "app");
        }
        assert!(gateway.sighup(), "a reload goes on with all of them, too");
        for _ in 0..40 {
            assert_eq!(gateway.get("/").text(), "app");
        }
    }
}

#[test]
fn a_listener_moves_to_an_address_that_overlaps() {
    let app = Backend::named("app");
    let text = |host: &str, port: u16| {
        format!(
            r#"
            [listener.moving]
            listen = "{host}:{port}"
            [upstream.app]
            endpoints = ["<app>"]
            [[route]]
            path = "/*"
            upstream = "app"
            "#
        )
    };
    let gateway = Gateway::with(&text("127.0.0.1", 0)).put("app", app.url()).start();
    let address = gateway.address_of("moving");
    for host in ["0.0.0.0", "127.0.0.1"] {
        gateway.configure(&text(host, address.port()));
        assert!(gateway.sighup());
        assert_eq!(gateway.address_of("moving").ip().to_string(), host);
        assert_eq!(Wire::connect(address).ask(Request::get("/")).text(), "app");
    }
}
