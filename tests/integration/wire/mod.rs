//! What stands on the wire, byte by byte, on both sides: tables whose rows read as sentences.

mod chunks;
mod heads;
mod limits;
mod response_limits;
mod responses;
mod resting;
mod turns;

use crate::support::{Backend, Gateway, Wire, each_row};

/// What follows a refused request and must never be read as one.
const SMUGGLED: &str = "GET /smuggled HTTP/1.1\r\nHost: evil.test\r\n\r\n";

/// A gateway before a backend that answers everything.
fn before_app() -> (Gateway, Backend) {
    let app = Backend::named("app");
    let gateway = Gateway::before(app.url()).workers(1).start();
    (gateway, app)
}

/// All responses that come until the gateway ends the connection, as heads' statuses, and whether the last one says that
/// it is the last.
fn statuses(client: &mut Wire) -> (Vec<u16>, bool) {
    let (mut statuses, mut last) = (Vec::new(), false);
    while let Some(response) = client.next_response() {
        last = response.get("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
        statuses.push(response.status());
    }
    (statuses, last)
}

/// The start lines of the requests that the backend has seen.
fn starts(app: &Backend) -> Vec<String> {
    app.requests().iter().map(|request| request.head.start.clone()).collect()
}

/// Each row is refused with its status, in one response, after which the connection ends; nothing of it, and nothing
/// behind it, reaches the backend.
#[track_caller]
fn refused(rows: &[(&str, &[u8], u16)]) {
    let (gateway, app) = before_app();
    each_row(rows.iter().copied(), |(_, bytes, status)| {
        app.forget();
        let mut client = gateway.connect();
        let _ = client.try_send([bytes, SMUGGLED.as_bytes()].concat());
        client.finish();
        let (statuses, last) = statuses(&mut client);
        let seen = starts(&app);
        let refused = statuses == [status] && last && seen.is_empty();
        assert!(refused, "{statuses:?} for {status}, close {last}, backend saw {seen:?}");
    });
    assert_eq!(gateway.get("/").status(), 200, "others are served");
}

/// Each row is served, and the backend gets it with this start line.
#[track_caller]
fn passed(rows: &[(&str, &[u8], &str)]) {
    let (gateway, app) = before_app();
    each_row(rows.iter().copied(), |(_, bytes, start)| {
        app.forget();
        let mut client = gateway.connect();
        client.send(bytes);
        client.finish();
        let (statuses, _) = statuses(&mut client);
        let seen = starts(&app);
        assert!(statuses == [200] && seen == [start], "{statuses:?}, backend saw {seen:?}");
    });
}
