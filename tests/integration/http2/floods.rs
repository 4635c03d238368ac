//! Clients that ask for more than is good for others. The connection is closed, and everybody else is served.

use std::thread;

use crate::support::frames::{
    self, CONTINUATION, DATA, END_HEADERS, END_STREAM, ENHANCE_YOUR_CALM, Frames, GOAWAY, HEADERS, PING,
    RST_STREAM, SETTINGS, WINDOW_UPDATE, frame,
};
use crate::support::{Backend, Gateway, Reply, each_row, eventually};

fn app() -> Backend {
    Backend::answering(|_| Reply::ok("x".repeat(1000)))
}

/// Sends `piece` until the other side has had enough, at most `most` times, and waits until it closes the connection.
fn send_until_closed(client: &mut Frames, most: usize, mut piece: impl FnMut(usize) -> Vec<u8>) {
    let _ = (0..most).any(|n| !client.try_send(&piece(n)));
    client.end();
}

fn served(gateway: &Gateway) {
    assert_eq!(gateway.get("/others").status(), 200);
}

#[test]
fn requests_that_are_taken_back_as_fast_as_they_come_end_the_connection() {
    let app = app();
    let gateway = Gateway::before(app.url()).workers(1).start();
    let mut client = Frames::connect(gateway.address());
    let head = frames::get("/flood");
    send_until_closed(&mut client, 100_000, |n| {
        let stream = u32::try_from(n).unwrap() * 2 + 1;
        let reset = frame(RST_STREAM, 0, stream, &8u32.to_be_bytes());
        [frame(HEADERS, END_HEADERS | END_STREAM, stream, &head), reset].concat()
    });
    served(&gateway);
}

#[test]
fn requests_that_are_taken_back_once_they_are_under_way_end_the_connection() {
    // The upstream never answers, so that every request is taken back and none is over.
    let app = Backend::scripted(|connection| {
        connection.request();
        connection.rest();
    });
    let gateway = Gateway::with(
        r#"
        [upstream.app]
        endpoints = ["<app>"]
        [upstream.other]
        endpoints = ["<other>"]
        [[route]]
        path = "/flood"
        upstream = "app"
        [[route]]
        path = "/*"
        upstream = "other"
        "#,
    );
    let other = self::app();
    let gateway = gateway.put("app", app.url()).put("other", other.url()).workers(1).start();
    let mut client = Frames::connect(gateway.address());
    let head = frames::get("/flood");
    send_until_closed(&mut client, 5_000, |n| {
        let stream = u32::try_from(n).unwrap() * 2 + 1;
        eventually("the last request has been taken back", || app.open_connections() < 50);
        let ping = frame(PING, 0, 0, &[0; 8]);
        let before = n.checked_sub(1).map(|n| {
            let stream = u32::try_from(n).unwrap() * 2 + 1;
            frame(RST_STREAM, 0, stream, &8u32.to_be_bytes())
        });
        [frame(HEADERS, END_HEADERS | END_STREAM, stream, &head), ping, before.unwrap_or_default()].concat()
    });
    assert!(app.requests().len() < 1000, "{}", app.requests().len());
    served(&gateway);
}

#[test]
fn a_head_that_never_ends_is_cut_off() {
    let app = app();
    let gateway = Gateway::before(app.url()).workers(1).start();
    let mut client = Frames::connect(gateway.address());
    client.send(HEADERS, END_STREAM, 1, &frames::get("/flood"));
    let filler = frames::block(&[("x-filler", &"x".repeat(1000))]);
    let before = gateway.memory();
    send_until_closed(&mut client, 200_000, |_| frame(CONTINUATION, 0, 1, &filler));
    assert!(gateway.memory() < before + 30_000, "{} → {}", before, gateway.memory());
    served(&gateway);
}

#[test]
fn a_head_of_empty_pieces_is_cut_off() {
    let app = app();
    let gateway = Gateway::before(app.url()).workers(1).start();
    let mut client = Frames::connect(gateway.address());
    client.send(HEADERS, END_STREAM, 1, &frames::get("/flood"));
    let mut sent = 0;
    while sent < 1000 && client.try_send(&frame(CONTINUATION, 0, 1, &[])) {
        sent += 1;
    }
    assert_eq!(client.end(), Some(ENHANCE_YOUR_CALM));
    served(&gateway);
}

#[test]
fn a_small_block_that_grows_large_is_refused() {
    let app = app();
    let gateway = Gateway::before(app.url()).listener("max_head = \"16KiB\"").workers(1).start();
    let mut client = Frames::connect(gateway.address());
    // One field of 4000 bytes into the table, and then its number, again and again.
    let value = "x".repeat(3900);
    let mut bomb = frames::get("/bomb");
    let literal = frames::block(&[("x-bomb", &value)]);
    bomb.push(0x40);
    bomb.extend_from_slice(&literal[1..]);
    bomb.extend(std::iter::repeat_n(0xbe, 10_000));
    client.send(HEADERS, END_HEADERS | END_STREAM, 1, &bomb);
    let answer = client.next_that(|frame| matches!(frame.kind, HEADERS | RST_STREAM | GOAWAY)).unwrap();
    assert_eq!(answer.stream, if answer.kind == GOAWAY { 0 } else { 1 });
    assert_eq!(app.requests().len(), 0);
    served(&gateway);
}

#[test]
fn empty_data_frames_end_the_connection() {
    let app = app();
    let gateway = Gateway::before(app.url()).workers(1).start();
    let mut client = Frames::connect(gateway.address());
    client.send(HEADERS, END_HEADERS, 1, &frames::get("/flood"));
    let pieces = frame(DATA, 0, 1, &[]).repeat(100);
    send_until_closed(&mut client, 1_000, |_| pieces.clone());
    served(&gateway);
}

#[test]
fn settings_and_pings_without_end_keep_nobody_waiting_and_take_no_memory() {
    let app = app();
    let gateway = Gateway::before(app.url()).workers(1).start();
    served(&gateway);
    let before = gateway.memory();
    let rows =
        [("SETTINGS", frame(SETTINGS, 0, 0, &[0, 3, 0, 0, 0, 100])), ("PING", frame(PING, 0, 0, &[7; 8]))];
    each_row(rows, |(_, piece)| {
        let pieces = piece.repeat(100);
        let address = gateway.address();
        // Nobody reads the acknowledgements.
        let flood = thread::spawn(move || {
            let mut client = Frames::connect(address);
            send_until_closed(&mut client, 5_000, |_| pieces.clone());
        });
        for _ in 0..20 {
            served(&gateway);
        }
        flood.join().unwrap();
    });
    assert!(gateway.memory() < before + 30_000, "{} → {}", before, gateway.memory());
}

#[test]
fn window_updates_without_end_end_the_connection() {
    let app = app();
    let gateway = Gateway::before(app.url()).workers(1).start();
    let mut client = Frames::connect(gateway.address());
    let pieces = frame(WINDOW_UPDATE, 0, 0, &1u32.to_be_bytes()).repeat(100);
    send_until_closed(&mut client, 20_000, |_| pieces.clone());
    served(&gateway);
}
