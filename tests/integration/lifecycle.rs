//! Start, stop, and the command line.

use std::collections::BTreeSet;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::symlink;
use std::path::Path;

use tempfile::TempDir;

use crate::support::{
    Authority, Backend, Gate, Gateway, Reply, Request, Wire, check, eventually, plugins_folder, run,
};

/// A backend that answers when the gate opens.
fn held_by(gate: &Gate) -> Backend {
    let gate = gate.clone();
    Backend::scripted(move |connection| {
        while let Some(request) = connection.request() {
            gate.wait();
            connection.send(Reply::ok("at last").bytes(&request));
        }
    })
}

/// A connection whose request is at the backend.
fn busy(gateway: &Gateway, app: &Backend) -> Wire {
    let mut client = gateway.connect();
    client.send(Request::get("/").bytes());
    app.received();
    client
}

#[test]
fn a_stop_lets_open_exchanges_finish() {
    for signal in ["TERM", "INT"] {
        let gate = Gate::shut();
        let app = held_by(&gate);
        let mut gateway = Gateway::before(app.url()).start();
        let mut idle = gateway.connect();
        let mut client = busy(&gateway, &app);
        gateway.signal(signal);
        gateway.log().says("stopping");
        let address = gateway.address();
        eventually("nobody listens any more", || TcpStream::connect(address).is_err());
        assert!(idle.ends(), "idle connections are closed");
        assert!(gateway.is_running());
        gate.open();
        assert_eq!(client.response().text(), "at last");
        assert!(client.ends());
        assert!(gateway.exit().success());
    }
}

#[test]
fn a_stop_without_open_exchanges_is_over_at_once() {
    let app = Backend::named("app");
    let mut gateway = Gateway::before(app.url()).gateway(r#"drain = "1h""#).start();
    let mut client = gateway.connect();
    assert_eq!(client.ask(Request::get("/")).text(), "app");
    gateway.signal("TERM");
    assert!(gateway.exit().success());
    assert!(client.ends());
}

#[test]
fn a_stop_waits_for_a_tunnel() {
    let app = Backend::scripted(|connection| {
        connection.request();
        connection.send("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n");
        while let Ok(byte) = connection.exactly(1) {
            connection.send(byte);
        }
    });
    let mut gateway = Gateway::before(app.url()).start();
    let mut client = gateway.connect();
    client.send("GET / HTTP/1.1\r\nHost: a.test\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n");
    assert_eq!(client.head().unwrap().status(), 101);
    gateway.signal("TERM");
    let address = gateway.address();
    eventually("nobody listens any more", || TcpStream::connect(address).is_err());
    client.send("x");
    assert_eq!(client.exactly(1).unwrap(), b"x");
    assert!(gateway.is_running());
    drop(client);
    assert!(gateway.exit().success());
}

#[test]
fn the_admin_listener_answers_while_open_exchanges_finish() {
    let gate = Gate::shut();
    let app = held_by(&gate);
    let mut gateway = Gateway::before(app.url()).start();
    let _client = busy(&gateway, &app);
    gateway.signal("TERM");
    gateway.log().says("stopping");
    for request in [Request::get("/status"), Request::post("/reload", "")] {
        let status = gateway.admin(request.clone()).status();
        assert!(matches!(status, 200 | 503), "{request:?}: {status}");
    }
    assert!(gateway.is_running());
    gate.open();
    assert!(gateway.exit().success());
}

#[test]
fn a_second_stop_does_not_wait() {
    let gate = Gate::shut();
    let app = held_by(&gate);
    let mut gateway = Gateway::before(app.url()).gateway(r#"drain = "1h""#).start();
    let _client = busy(&gateway, &app);
    gateway.signal("TERM");
    gateway.log().says("stopping");
    assert!(gateway.is_running());
    gateway.signal("TERM");
    assert!(gateway.exit().code().is_some(), "it ends by itself");
    gate.open();
}

#[test]
fn a_stop_waits_no_longer_than_drain() {
    let gate = Gate::shut();
    let app = held_by(&gate);
    let mut gateway = Gateway::before(app.url()).gateway(r#"drain = "50ms""#).start();
    let _client = busy(&gateway, &app);
    gateway.signal("TERM");
    assert!(gateway.exit().code().is_some());
    gateway.log().says("longer than `drain`");
    gate.open();
}

#[test]
fn the_pid_file_lives_as_long_as_the_gateway() {
    let app = Backend::named("app");
    let mut gateway = Gateway::before(app.url()).gateway(r#"pid_file = "gatewright.pid""#).start();
    let file = gateway.folder().join("gatewright.pid");
    assert_eq!(std::fs::read_to_string(&file).unwrap().trim(), gateway.pid().to_string());
    gateway.signal("TERM");
    assert!(gateway.exit().success());
    assert!(!file.exists());
}

// The command line.

#[test]
fn every_configuration_that_comes_with_the_gateway_passes_check() {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
    // Their plugins are where a build puts them that knows no CARGO_TARGET_DIR.
    let folder = TempDir::new().unwrap();
    let examples = folder.path().join("config/examples");
    std::fs::create_dir_all(&examples).unwrap();
    std::fs::create_dir(folder.path().join("target")).unwrap();
    symlink(plugins_folder(), folder.path().join("target/plugins")).unwrap();
    make_certificates(&examples.join("certs"));
    std::fs::create_dir(examples.join("public")).unwrap();
    let mut checked = 0;
    for from in [shipped.clone(), shipped.join("examples")] {
        for entry in from.read_dir().unwrap() {
            let file = entry.unwrap().path();
            if file.extension().is_none_or(|extension| extension != "toml") {
                continue;
            }
            let copy = folder.path().join("config").join(file.strip_prefix(&shipped).unwrap());
            std::fs::copy(&file, &copy).unwrap();
            let outcome = check(&copy);
            assert!(outcome.is_ok() && outcome.text.contains("ok"), "{}: {outcome:?}", file.display());
            checked += 1;
        }
    }
    assert!(checked >= 5, "{checked} files");
}

/// Those that the example for TLS tells its reader to make.
fn make_certificates(folder: &Path) {
    std::fs::create_dir(folder).unwrap();
    let authority = Authority::new();
    for name in ["default", "shop.example", "wildcard.example", "gateway"] {
        let issued = authority.issue(&[&name.replace("wildcard", "*")]);
        std::fs::write(folder.join(format!("{name}.pem")), issued.certificate).unwrap();
        std::fs::write(folder.join(format!("{name}-key.pem")), issued.key).unwrap();
    }
    for name in ["clients", "internal"] {
        std::fs::write(folder.join(format!("{name}.pem")), authority.pem()).unwrap();
    }
}

#[test]
fn check_tells_good_from_bad_by_its_exit_code() {
    let app = Backend::named("app");
    let good = Gateway::before(app.url()).check();
    assert_eq!(good.code, Some(0), "{good:?}");
    assert!(app.connections() == 0, "it asks nobody");
    let bad = Gateway::before("nonsense").check();
    assert_eq!(bad.code, Some(1), "{bad:?}");
    let missing = check(Path::new("does/not/exist.toml"));
    assert_eq!(missing.code, Some(1));
    assert!(missing.text.contains("does/not/exist.toml"), "{missing:?}");
}

#[test]
fn run_refuses_what_check_refuses() {
    let setup = Gateway::before("nonsense");
    let checked = setup.check();
    let refused = run(&setup.path());
    assert_eq!(refused.code, Some(1));
    assert_eq!(refused.text, checked.text, "in the same words");
}

#[test]
fn run_refuses_an_address_that_is_taken() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap();
    let setup = Gateway::with(
        r#"
        [listener.second]
        listen = "<taken>"
        [upstream.app]
        endpoints = ["http://127.0.0.1:1"]
        [[route]]
        path = "/*"
        upstream = "app"
        "#,
    )
    .put("taken", taken);
    let words = format!("cannot listen on {taken}");
    let checked = setup.check();
    assert!(!checked.is_ok() && checked.text.contains(&words), "{checked:?}");
    let refused = run(&setup.path());
    assert_eq!(refused.code, Some(1));
    assert!(refused.text.contains(&words), "{refused:?}");
}

#[test]
fn reload_without_a_gateway_fails_and_says_so() {
    let mut gateway = Gateway::before("http://127.0.0.1:1").start();
    gateway.signal("TERM");
    gateway.exit();
    let outcome = gateway.reload();
    assert_eq!(outcome.code, Some(1));
    assert!(outcome.text.contains("is it running?"), "{outcome:?}");
}

// What is to be seen from outside.

#[test]
fn the_admin_listener_tells_health_and_status() {
    let app = Backend::named("app");
    let gateway = Gateway::before(app.url()).workers(2).start();
    assert_eq!(gateway.admin(Request::get("/healthz")).status(), 200);
    let status = gateway.status();
    assert_eq!(
        (&status["generation"], &status["snapshots"], &status["workers"]),
        (&1.into(), &1.into(), &2.into())
    );
    assert_eq!(status["listeners"][0]["address"], gateway.address().to_string());
    assert_eq!(status["upstreams"][0]["endpoints"][0]["url"], app.url());
    assert_eq!(gateway.admin(Request::get("/reload")).status(), 405, "a link cannot reload");
    let foreign = Request::post("/reload", "").with("Origin", "http://evil.test");
    assert_eq!(gateway.admin(foreign).status(), 403, "nor can a page");
    assert_eq!(gateway.status()["generation"], 1);
    assert_eq!(gateway.admin(Request::get("/nothing")).status(), 404);
}

#[test]
fn the_access_log_has_a_line_for_each_exchange() {
    let app = Backend::answering(|_| Reply::ok("twelve bytes"));
    let gateway = Gateway::with(
        r#"
        [upstream.app]
        endpoints = ["<app>"]
        [plugin.api-key]
        file = "<plugins>/api-key.wasm"
        config = { keys = { k1 = "alice" } }
        [[route]]
        name = "everything"
        path = "/*"
        upstream = "app"
        middleware = ["api-key"]
        "#,
    )
    .put("app", app.url())
    .start();
    gateway.ask(Request::get("/a?b=1").with("x-api-key", "k1"));
    let line = gateway.log().access("/a?b=1");
    for (field, value) in [
        ("method", "GET".into()),
        ("uri", "/a?b=1".into()),
        ("route", "everything".into()),
        ("upstream", "app".into()),
        ("endpoint", app.url().into()),
        ("status", serde_json::Value::from(200)),
        ("bytes", 12.into()),
        ("attempts", 1.into()),
        ("complete", true.into()),
        ("level", "INFO".into()),
    ] {
        assert_eq!(line[field], value, "{field} in {line}");
    }
    for field in ["head_ms", "upstream_ms", "total_ms"] {
        assert!(line[field].as_f64().is_some_and(|millis| millis >= 0.0), "{field} in {line}");
    }
    assert!(line["attributes"].to_string().contains("alice"), "{line}");
    assert!(line["client"].as_str().unwrap().starts_with("127.0.0.1:"));
    let id = line["request_id"].as_str().unwrap();
    assert!(id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");

    gateway.get("/refused");
    let line = gateway.log().access("/refused");
    assert_eq!((&line["status"], &line["route"]), (&401.into(), &"everything".into()));
    assert!(line["upstream"].is_null() && line["endpoint"].is_null(), "{line}");
    assert_ne!(line["request_id"], id);
}

#[test]
fn no_field_of_the_access_log_is_there_twice() {
    let app = Backend::named("app");
    let gateway = Gateway::before(app.url()).start();
    gateway.get("/once");
    let line = gateway.log().access("/once");
    let text = line["line"].as_str().unwrap();
    let names: Vec<_> = text.split("\":").filter_map(|before| before.rsplit('"').next()).collect();
    let different: BTreeSet<_> = names.iter().collect();
    assert_eq!(names.len(), different.len(), "{text}");
}

#[test]
fn an_exchange_that_no_route_matches_is_logged_too() {
    let gateway = Gateway::with(
        r#"
        [upstream.app]
        endpoints = ["http://127.0.0.1:1"]
        [[route]]
        path = "/only"
        upstream = "app"
        "#,
    )
    .start();
    gateway.get("/else");
    assert_eq!(gateway.log().access("/else")["status"], 404);
}
