//! How much of a response's head an upstream may make the gateway keep.

use crate::support::{Backend, Gateway, each_row, eventually};

/// A gateway before an endpoint that answers `/N` with the bytes that `answer` makes of N, and ends.
fn before(keys: &str, answer: impl Fn(usize) -> Vec<u8> + Send + Sync + 'static) -> (Gateway, Backend) {
    let app = Backend::scripted(move |connection| {
        while let Some(request) = connection.request() {
            let _ = connection.try_send(answer(request.target()[1..].parse().unwrap()));
        }
    });
    let text = format!(
        "[upstream.app]\nendpoints = [\"<app>\"]\nretries = 0\n{keys}\n[[route]]\npath = \"/*\"\nupstream = \"app\""
    );
    let gateway = Gateway::with(&text).put("app", app.url()).workers(1).start();
    (gateway, app)
}

/// A head of exactly `length` bytes.
fn of_length(length: usize) -> Vec<u8> {
    let (begin, end) = ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX: ", "\r\n\r\n");
    format!("{begin}{}{end}ok", "y".repeat(length - begin.len() - end.len())).into_bytes()
}

/// A head with `count` fields.
fn of_fields(count: usize) -> Vec<u8> {
    let fields: String = (1..count).map(|n| format!("X-{n}: y\r\n")).collect();
    format!("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n{fields}\r\nok").into_bytes()
}

#[test]
fn a_head_is_passed_on_up_to_the_limit_and_refused_above() {
    let rows = [
        ("the usual one", "", 64 << 10),
        ("a smaller one", "max_response_head = \"8KiB\"", 8 << 10),
        ("a larger one", "max_response_head = \"1MiB\"", 1 << 20),
    ];
    each_row(rows, |(_, keys, limit)| {
        let (gateway, app) = before(keys, of_length);
        assert_eq!(gateway.get(&format!("/{limit}")).text(), "ok", "{limit}");
        let refused = gateway.get(&format!("/{}", limit + 1));
        assert_eq!(refused.status(), 502, "one byte more than {limit}");
        assert!(!refused.text().contains("max_response_head"), "the client learns nothing of it");
        gateway.log().says("`max_response_head`");
        let counted =
            format!("upstream_failures_total{{upstream=\"app\",endpoint=\"{}\",kind=\"large\"}}", app.url());
        eventually("it is counted", || gateway.metrics().get(&counted) == Some(1.0));
        assert_eq!(gateway.get(&format!("/{limit}")).status(), 200, "and life goes on");
    });
}

#[test]
fn a_head_has_as_many_fields_as_it_may() {
    let rows = [
        ("as many as usual", "", 100),
        ("fewer", "max_response_headers = 20", 20),
        ("more", "max_response_headers = 500", 500),
    ];
    each_row(rows, |(_, keys, limit)| {
        let (gateway, _app) = before(keys, of_fields);
        assert_eq!(gateway.get(&format!("/{limit}")).text(), "ok", "{limit}");
        assert_eq!(gateway.get(&format!("/{}", limit + 1)).status(), 502, "one more than {limit}");
        gateway.log().says("`max_response_headers`");
    });
}

#[test]
fn a_head_that_never_ends_is_cut_off() {
    let app = Backend::scripted(|connection| {
        connection.request();
        connection.send("HTTP/1.1 200 OK\r\n");
        while connection.try_send(format!("X: {}\r\n", "y".repeat(1000))).is_ok() {}
    });
    let gateway = Gateway::before(app.url()).workers(1).start();
    let before = gateway.memory();
    assert_eq!(gateway.get("/").status(), 502);
    eventually("the endpoint's connection is closed", || app.open_connections() == 0);
    assert!(gateway.peak_memory() < before + 10_000, "{} → {}", before, gateway.peak_memory());
}

#[test]
fn interim_heads_and_trailers_are_held_to_the_same_limit() {
    let (gateway, _app) = before("", |n| {
        let interim = format!("HTTP/1.1 103 Early Hints\r\nLink: {}\r\n\r\n", "y".repeat(n));
        [interim.into_bytes(), of_length(100)].concat()
    });
    assert_eq!(gateway.get("/70000").status(), 502);
    let (gateway, _app) = before("", |n| {
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n2\r\nok\r\n0\r\n";
        format!("{head}X: {}\r\n\r\n", "y".repeat(n)).into_bytes()
    });
    let mut client = gateway.connect();
    client.send("GET /1000 HTTP/1.1\r\nHost: a\r\nTE: trailers\r\n\r\n");
    assert_eq!(client.response().trailers[0].1.len(), 1000);
    client.send("GET /70000 HTTP/1.1\r\nHost: a\r\nTE: trailers\r\n\r\n");
    assert!(client.response_to(false).is_err(), "the body breaks off");
}

#[test]
fn what_was_refused_is_not_asked_of_another_endpoint() {
    let twice = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx";
    let rows = [("too many fields", of_fields(101)), ("a doubtful length", twice.into())];
    each_row(rows, |(_, answer)| {
        let app = || {
            let answer = answer.clone();
            Backend::scripted(move |connection| {
                connection.request();
                let _ = connection.try_send(&answer);
            })
        };
        let (one, other) = (app(), app());
        let gateway = Gateway::with(
            r#"
            [upstream.app]
            endpoints = ["<one>", "<other>"]
            [[route]]
            path = "/*"
            upstream = "app"
            "#,
        );
        let gateway = gateway.put("one", one.url()).put("other", other.url()).start();
        assert_eq!(gateway.get("/").status(), 502);
        assert_eq!(one.connections() + other.connections(), 1);
    });
}
