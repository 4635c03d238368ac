//! How long everybody else waits while somebody is a pest.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use super::clients::{Clients, Seen};
use super::{Background, length, runtime};
use crate::support::frames::{self, END_HEADERS, END_STREAM, Frames, HEADERS, RST_STREAM, frame};
use crate::support::{Backend, Gateway, Reply, Wire, eventually};

const SLOW: usize = 1000;

/// Connections that flood at a time.
const FLOODS: usize = 2;

/// Answers, and remembers nothing.
fn app() -> Backend {
    Backend::scripted(|connection| {
        let answer = Reply::ok("x".repeat(1000));
        while let Some(request) = Wire::request(connection) {
            if connection.try_send(answer.bytes(&request)).is_err() {
                return;
            }
        }
    })
}

/// What one client sees that asks now and then.
fn somebody<T>(gateway: &Gateway, meanwhile: impl FnOnce() -> T) -> (Seen, T) {
    let client = Clients { address: gateway.address(), count: 1, pause: Duration::from_millis(1) };
    client.meanwhile(meanwhile)
}

fn alone(gateway: &Gateway) -> Seen {
    let (seen, ()) = somebody(gateway, || std::thread::sleep(length() / 6));
    seen.assert_no_error();
    seen
}

#[test]
#[ignore = "a load run: cargo nextest run --workspace --run-ignored only -E 'test(/load/)'"]
fn clients_that_never_finish_a_head_keep_nobody_waiting() {
    let app = app();
    let gateway = Gateway::before(app.url()).without_access_log().start();
    let before = alone(&gateway);
    let (address, drips) = (gateway.address(), Arc::new(Drips::default()));
    let counts = Arc::clone(&drips);
    let pest = Background::start(move |stopped| {
        runtime().block_on(async {
            for _ in 0..SLOW {
                tokio::spawn(drip(address, Arc::clone(&counts)));
            }
            until(stopped).await;
        });
    });
    let open = || gateway.metrics().value(r#"listener_connections_open{listener="web"}"#);
    eventually("all of them are there", || open() >= SLOW as f64);
    let (seen, ()) = somebody(&gateway, || std::thread::sleep(length()));
    let (sent, ended) = (drips.sent.load(Ordering::SeqCst), drips.ended.load(Ordering::SeqCst));
    println!("alone: {before}\n{SLOW} slow heads ({sent} drips, {ended} connections ended): {seen}");
    seen.assert_no_error();
    assert!(open() >= SLOW as f64, "they have come back all the time");
    assert!(sent > SLOW, "they have dripped");
    pest.stop();
}

#[derive(Default)]
struct Drips {
    sent: AtomicUsize,
    /// Connections that the gateway has had enough of.
    ended: AtomicUsize,
}

/// Begins a head and never ends it, on one connection after the other.
async fn drip(address: SocketAddr, counts: Arc<Drips>) {
    loop {
        let mut socket = TcpStream::connect(address).await.unwrap();
        let mut drop = &b"GET / HTTP/1.1\r\nhost: gateway.test\r\n"[..];
        while socket.write_all(drop).await.is_ok() {
            counts.sent.fetch_add(1, Ordering::SeqCst);
            // An answer is the end as much as none.
            if timeout(Duration::from_secs(1), socket.read(&mut [0; 512])).await.is_ok() {
                break;
            }
            drop = b"x-a: b\r\n";
        }
        counts.ended.fetch_add(1, Ordering::SeqCst);
    }
}

async fn until(stopped: &AtomicBool) {
    while !stopped.load(Ordering::SeqCst) {
        sleep(Duration::from_millis(20)).await;
    }
}

#[test]
#[ignore = "a load run: cargo nextest run --workspace --run-ignored only -E 'test(/load/)'"]
fn requests_that_are_taken_back_at_once_keep_nobody_waiting() {
    let app = app();
    let gateway = Gateway::before(app.url()).without_access_log().start();
    let before = alone(&gateway);
    let address = gateway.address();
    let pests = [(); FLOODS].map(|()| Background::start(move |stopped| flood(address, stopped)));
    let (seen, ()) = somebody(&gateway, || std::thread::sleep(length()));
    let floods = pests.map(Background::stop);
    let (sent, closed) =
        floods.iter().fold((0, 0), |(sent, closed), flood| (sent + flood.0, closed + flood.1));
    println!("alone: {before}\n{sent} requests taken back, {closed} connections closed for it: {seen}");
    seen.assert_no_error();
    assert!(closed > 0, "nobody was stopped");
}

/// Sends requests and takes them back, on one connection after the other: how many, and how often it was stopped.
fn flood(address: SocketAddr, stopped: &AtomicBool) -> (usize, usize) {
    let (mut sent, mut closed) = (0, 0);
    while !stopped.load(Ordering::SeqCst) {
        let mut client = Frames::connect(address);
        let mut stream = 1;
        while client.try_send(&taken_back(stream)) && !stopped.load(Ordering::SeqCst) {
            stream += 2 * BATCH;
            sent += BATCH as usize;
        }
        closed += usize::from(!stopped.load(Ordering::SeqCst));
    }
    (sent, closed)
}

/// Requests that are sent at once.
const BATCH: u32 = 50;

fn taken_back(from: u32) -> Vec<u8> {
    let head = frames::get("/flood");
    let request = |n: u32| {
        let stream = from + 2 * n;
        let reset = frame(RST_STREAM, 0, stream, &8u32.to_be_bytes());
        [frame(HEADERS, END_HEADERS | END_STREAM, stream, &head), reset].concat()
    };
    (0..BATCH).flat_map(request).collect()
}
