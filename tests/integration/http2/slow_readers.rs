//! Clients that do not take what is there for them.

use std::thread::sleep;
use std::time::Duration;

use crate::support::frames::{
    self, DATA, END_HEADERS, END_STREAM, Frames, HEADERS, RST_STREAM, WINDOW_UPDATE,
};
use crate::support::{Backend, Gateway, eventually};

const CANCEL: u32 = 8;

/// What a stream may send before its client has said anything.
const WINDOW: usize = 65_535;

/// Answers `/large` with a body that does not end, and everything else with a few bytes.
fn app() -> Backend {
    Backend::scripted(|connection| {
        while let Some(request) = connection.request() {
            if request.target() != "/large" {
                connection.send("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nsmall");
                continue;
            }
            connection.send("HTTP/1.1 200 OK\r\ncontent-length: 1099511627776\r\n\r\n");
            while connection.try_send([7; 64 << 10]).is_ok() {}
            return;
        }
    })
}

fn ask(client: &mut Frames, stream: u32, path: &str) {
    client.send(HEADERS, END_HEADERS | END_STREAM, stream, &frames::get(path));
}

/// Reads that many bytes of a stream's body.
#[track_caller]
fn take(client: &mut Frames, stream: u32, mut length: usize) {
    while length > 0 {
        length -= client.on(stream, DATA).payload.len();
    }
}

#[test]
fn a_stream_whose_client_takes_nothing_is_reset_and_the_others_go_on() {
    let app = app();
    let gateway = Gateway::before(app.url()).listener("send_timeout = \"200ms\"").start();
    let mut client = Frames::connect(gateway.address());
    // The connection's own window is none of this test's.
    client.send(WINDOW_UPDATE, 0, 0, &(1u32 << 30).to_be_bytes());
    ask(&mut client, 1, "/large");
    take(&mut client, 1, WINDOW);
    assert_eq!(client.on(1, RST_STREAM).error(), CANCEL);
    ask(&mut client, 3, "/small");
    assert_eq!(client.on(3, DATA).payload, b"small");
    eventually("the upstream's body is cut off", || app.open_connections() <= 1);
    let line = gateway.log().access("/large");
    assert_eq!((&line["complete"], &line["status"]), (&false.into(), &200.into()));
    gateway.log().says("its client took nothing for too long");
}

#[test]
fn a_client_that_is_slow_but_reads_is_served() {
    let app = app();
    let gateway = Gateway::before(app.url()).listener("send_timeout = \"2s\"").start();
    let mut client = Frames::connect(gateway.address());
    client.send(WINDOW_UPDATE, 0, 0, &(1u32 << 30).to_be_bytes());
    ask(&mut client, 1, "/large");
    take(&mut client, 1, WINDOW);
    // Longer than the timeout in all, and far from it each time.
    for _ in 0..8 {
        sleep(Duration::from_millis(300));
        client.send(WINDOW_UPDATE, 0, 1, &(16u32 << 10).to_be_bytes());
        take(&mut client, 1, 16 << 10);
    }
}

#[test]
fn a_stream_that_waits_for_its_client_ends_with_its_time() {
    let app = app();
    let gateway = Gateway::before(app.url()).listener("request_timeout = \"300ms\"").start();
    let mut client = Frames::connect(gateway.address());
    client.send(WINDOW_UPDATE, 0, 0, &(1u32 << 30).to_be_bytes());
    ask(&mut client, 1, "/large");
    take(&mut client, 1, WINDOW);
    assert_eq!(client.on(1, RST_STREAM).error(), CANCEL);
}

#[test]
fn many_streams_that_nobody_reads_take_little_memory() {
    let app = app();
    let gateway = Gateway::before(app.url()).workers(1).start();
    let before = gateway.memory();
    let mut client = Frames::connect(gateway.address());
    client.send(WINDOW_UPDATE, 0, 0, &(1u32 << 30).to_be_bytes());
    for n in 0..100 {
        ask(&mut client, 2 * n + 1, "/large");
    }
    let mut left = 100 * WINDOW;
    while left > 0 {
        left -= client.next_that(|frame| frame.kind == DATA).unwrap().payload.len();
    }
    let mut other = Frames::connect(gateway.address());
    ask(&mut other, 1, "/small");
    assert_eq!(other.on(1, DATA).payload, b"small");
    let more = gateway.peak_memory() - before;
    assert!(more < 60_000, "{more} KiB for 100 streams");
}
