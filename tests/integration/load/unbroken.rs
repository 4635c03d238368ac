//! Sixty-four clients, whose requests may be repeated, and who must not notice what goes on behind the gateway and in it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::time::sleep;

use super::clients::Clients;
use super::{length, runtime};
use crate::support::{Authority, Dns, Gateway, Secure, Wire, eventually, message};

/// How often a gateway is handed over or reloaded in a run.
const TURNS: u32 = 10;

fn clients(address: SocketAddr) -> Clients {
    Clients { address, count: 64, pause: Duration::ZERO }
}

#[test]
#[ignore = "a load run: cargo nextest run --workspace --run-ignored only -E 'test(/load/)'"]
fn an_endpoint_that_is_killed_every_second_costs_no_client_an_error() {
    let mut endpoints = [(); 3].map(|()| Mortal::start());
    let gateway = before(&endpoints).start();
    let (seen, (kills, lost)) = clients(gateway.address()).meanwhile(|| {
        let (end, mut kills, mut lost) = (Instant::now() + length(), 0, 0);
        while Instant::now() < end {
            let victim = &mut endpoints[kills % 3];
            lost += victim.kill();
            kills += 1;
            thread::sleep(Duration::from_millis(500));
            victim.come_back();
            thread::sleep(Duration::from_millis(500));
        }
        (kills, lost)
    });
    let metrics = gateway.metrics();
    let misses = |kind: &str| -> f64 {
        let of = |endpoint: &Mortal| {
            let url = endpoint.url();
            metrics
                .get(&format!(r#"upstream_failures_total{{upstream="app",endpoint="{url}",kind="{kind}"}}"#))
        };
        endpoints.iter().filter_map(of).sum()
    };
    println!(
        "endpoints killed {kills} times with {lost} requests in them ({} broken, {} unreachable): {seen}",
        misses("broken"),
        misses("unreachable")
    );
    seen.assert_no_error();
    // Most of those were on kept connections, which say nothing about the endpoint; the next connect does.
    assert!(lost > 0 && misses("unreachable") > 0.0, "nothing was killed that anybody was waiting for");
}

#[test]
#[ignore = "a load run: cargo nextest run --workspace --run-ignored only -E 'test(/load/)'"]
fn a_gateway_that_is_handed_over_again_and_again_costs_no_client_an_error() {
    let endpoints = [(); 3].map(|()| Mortal::start());
    let mut gateway = before(&endpoints).start();
    let (seen, pids) = clients(gateway.address()).meanwhile(|| {
        let mut pids = vec![gateway.pid()];
        for _ in 0..TURNS {
            assert!(gateway.hand_over(), "handed over");
            pids.push(gateway.pid());
            thread::sleep(length() / TURNS);
        }
        pids
    });
    println!("{} processes, one after the other: {seen}", pids.len());
    seen.assert_no_error();
    assert!(gateway.exit().success(), "the first process has drained and ended");
    assert!(pids.array_windows().all(|[old, new]| old != new), "{pids:?}");
    let served = gateway.metrics();
    assert!(served.value(r#"requests_total{route="/*",class="2xx"}"#) > 0.0, "the last one has served");
}

#[test]
#[ignore = "a load run: cargo nextest run --workspace --run-ignored only -E 'test(/load/)'"]
fn new_certificates_cost_no_client_an_error_and_are_seen_at_once() {
    let endpoints = [(); 3].map(|()| Mortal::start());
    let authority = Authority::new();
    let first = authority.issue(&["gateway.test"]);
    let gateway = before(&endpoints)
        .listener("tls = { certificate = \"cert.pem\", key = \"key.pem\" }")
        .file("cert.pem", &first.certificate)
        .file("key.pem", &first.key)
        .start();
    let trusting = || Secure::trusting(&authority).offering(&[b"http/1.1"]);
    let (address, _handshakes) = trusting().to(gateway.address(), "gateway.test");
    let shown = || {
        // A client of its own, which has no ticket to resume with.
        let (address, hears) = trusting().to(gateway.address(), "gateway.test");
        drop(Wire::connect(address));
        hears.recv().unwrap().unwrap().certificate
    };
    assert_eq!(shown(), first.der());
    let (seen, ()) = clients(address).meanwhile(|| {
        for _ in 0..TURNS {
            let next = authority.issue(&["gateway.test"]);
            gateway.replace("cert.pem", &next.certificate);
            gateway.replace("key.pem", &next.key);
            assert!(gateway.sighup(), "reloaded");
            assert_eq!(shown(), next.der(), "a new connection sees the new certificate");
            thread::sleep(length() / TURNS);
        }
    });
    println!("{TURNS} certificates, one after the other, over TLS: {seen}");
    seen.assert_no_error();
    assert_eq!(gateway.status()["generation"], TURNS + 1);
}

#[test]
#[ignore = "a load run: cargo nextest run --workspace --run-ignored only -E 'test(/load/)'"]
fn other_endpoints_from_dns_every_second_cost_no_client_an_error() {
    const NAME: &str = "_http._tcp.app.test";
    let (endpoints, dns) = ([(); 3].map(|()| Mortal::start()), Dns::start());
    dns.here("app.test");
    let all_but = |which: usize| {
        let stay = endpoints.iter().enumerate().filter(|(place, _)| *place != which);
        let records: Vec<_> = stay.map(|(_, stays)| (1, 1, stays.address.port(), "app.test")).collect();
        dns.services(NAME, &records);
    };
    all_but(0);
    let text = format!(
        r#"
        [upstream.app]
        endpoints = ["srv+http://{NAME}"]
        name_servers = ["{}"]
        [[route]]
        path = "/*"
        upstream = "app"
        "#,
        dns.address()
    );
    let gateway = Gateway::with(&text).without_access_log().start();
    let (seen, changes) = clients(gateway.address()).meanwhile(|| {
        let (end, mut changes) = (Instant::now() + length(), 0);
        while Instant::now() < end {
            changes += 1;
            all_but(changes % 3);
            let mark = gateway.log().mark();
            gateway.log().wait_after(mark, "the change", |line| message(line) == "endpoints found");
        }
        changes
    });
    println!("other endpoints {changes} times: {seen}");
    seen.assert_no_error();
    assert!(changes > 1);
}

/// A gateway in front of these, without a line for each of a million requests.
fn before(endpoints: &[Mortal; 3]) -> crate::support::Setup {
    let urls = endpoints.each_ref().map(Mortal::url);
    Gateway::with(&format!(
        r#"
        [upstream.app]
        endpoints = {urls:?}
        [[route]]
        path = "/*"
        upstream = "app"
        "#
    ))
    .without_access_log()
}

/// An endpoint that can be killed as a process is: what it has open is reset, and its address refuses until it comes back.
struct Mortal {
    address: SocketAddr,
    life: Option<Life>,
}

struct Life {
    end: oneshot::Sender<()>,
    thread: JoinHandle<()>,
    /// Requests that have come in and are not answered.
    waiting: Arc<AtomicUsize>,
}

/// How long an endpoint thinks, so that a kill finds requests in it.
const THINKS: Duration = Duration::from_millis(2);

impl Mortal {
    fn start() -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        Self { address, life: Some(Life::begin(listener)) }
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How many requests it has taken with it.
    fn kill(&mut self) -> usize {
        let Life { end, thread, waiting } = self.life.take().unwrap();
        drop(end);
        thread.join().unwrap();
        waiting.load(Ordering::SeqCst)
    }

    fn come_back(&mut self) {
        let mut listener = None;
        eventually("the address is free", || {
            listener = std::net::TcpListener::bind(self.address).ok();
            listener.is_some()
        });
        self.life = listener.map(Life::begin);
    }
}

impl Life {
    fn begin(listener: std::net::TcpListener) -> Self {
        let (end, ended) = oneshot::channel();
        let waiting = Arc::new(AtomicUsize::new(0));
        let counts = Arc::clone(&waiting);
        let thread = thread::spawn(move || {
            listener.set_nonblocking(true).unwrap();
            // Whatever runs on it is dropped with it, and the connections are reset.
            runtime().block_on(async {
                let listener = TcpListener::from_std(listener).unwrap();
                tokio::select! {
                    _ = ended => {}
                    () = accept(&listener, &counts) => {}
                }
            });
        });
        Self { end, thread, waiting }
    }
}

async fn accept(listener: &TcpListener, waiting: &Arc<AtomicUsize>) {
    loop {
        let (socket, _) = listener.accept().await.unwrap();
        socket2::SockRef::from(&socket).set_linger(Some(Duration::ZERO)).unwrap();
        let waiting = Arc::clone(waiting);
        tokio::spawn(async move { serve(socket, &waiting).await });
    }
}

/// Answers one request after the other; they come without bodies.
async fn serve(mut socket: TcpStream, waiting: &AtomicUsize) {
    let (mut head, mut piece) = (Vec::new(), [0; 4096]);
    while let Ok(count @ 1..) = socket.read(&mut piece).await {
        head.extend_from_slice(&piece[..count]);
        if head.ends_with(b"\r\n\r\n") {
            head.clear();
            waiting.fetch_add(1, Ordering::SeqCst);
            sleep(THINKS).await;
            let sent = socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ndone").await;
            waiting.fetch_sub(1, Ordering::SeqCst);
            if sent.is_err() {
                return;
            }
        }
    }
}
