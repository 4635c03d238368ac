//! What connections cost that nobody uses.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use socket2::{Domain, Socket, Type};
use tempfile::TempDir;

use crate::support::{Backend, Gateway, eventually, message};

const IDLE: usize = 10_000;

/// Bytes that a connection may cost which idles: twice what it costs nginx.
const ENOUGH: usize = 2 * 525;

/// Addresses that they come from.
const SOURCES: usize = 8;

#[test]
#[ignore = "a load run: cargo nextest run --workspace --run-ignored only -E 'test(/load/)'"]
fn idle_connections_are_kept_and_cost_little() {
    raise_open_files();
    let app = Backend::named("app");
    let gateway = Gateway::before(app.url()).without_access_log().listener("idle_timeout = \"1h\"").start();
    let rests = |line: &Value| message(line) == "connection rests";
    let all_rest = || gateway.log().lines().iter().filter(|line| rests(line)).count() >= IDLE;
    let ours = Cost::of(
        gateway.address(),
        || resident(&[gateway.pid()]),
        |before| {
            eventually("all rest", all_rest);
            let enough = before + IDLE * ENOUGH / 1024;
            eventually("what they needed is given back", || resident(&[gateway.pid()]) <= enough);
        },
    );
    println!("gatewright: {ours}");
    drop(gateway);
    match Nginx::before(&app) {
        Some(nginx) => {
            println!("nginx: {}", Cost::of(nginx.address, || resident(&nginx.processes()), |_| {}));
        }
        None => println!("nginx: not installed"),
    }
}

/// Resident memory, in KiB.
struct Cost {
    before: usize,
    /// Right after the last request,
    awake: usize,
    /// and when all have idled for a while.
    after: usize,
}

impl std::fmt::Display for Cost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { before, awake, after } = self;
        let [then, now] = [awake, after].map(|with| with.saturating_sub(*before) * 1024 / IDLE);
        write!(f, "{before} KiB, with {IDLE} idle connections {after} KiB: {now} bytes each, {then} at first")
    }
}

impl Cost {
    /// Each connection is made, asks once, idles while the memory is measured, and must answer once more.
    fn of(address: SocketAddr, resident: impl Fn() -> usize, settle: impl FnOnce(usize)) -> Self {
        // Warm: what the first requests set up is no connection's cost.
        for n in 0..200 {
            ask(&mut connect(address, n));
        }
        let before = resident();
        // Each asks at once: one that says nothing is closed after `header_timeout`.
        let asked = |n| {
            let mut client = connect(address, n);
            ask(&mut client);
            client
        };
        let mut idle: Vec<_> = (0..IDLE).map(asked).collect();
        let awake = resident();
        settle(before);
        let after = resident();
        idle.iter_mut().for_each(ask);
        Self { before, awake, after }
    }
}

fn connect(address: SocketAddr, number: usize) -> TcpStream {
    let last = u8::try_from(number % SOURCES).unwrap() + 2;
    let source = SocketAddr::from((IpAddr::V4(Ipv4Addr::new(127, 0, 0, last)), 0));
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&source.into()).unwrap();
    socket.connect(&address.into()).unwrap();
    socket.into()
}

fn ask(client: &mut TcpStream) {
    client.write_all(b"GET / HTTP/1.1\r\nhost: gateway.test\r\n\r\n").unwrap();
    let (mut answer, mut piece) = (Vec::new(), [0; 1024]);
    while !answer.ends_with(b"\r\n\r\napp") {
        let count = client.read(&mut piece).unwrap();
        assert!(count > 0, "closed after {:?}", String::from_utf8_lossy(&answer));
        answer.extend_from_slice(&piece[..count]);
    }
    assert!(answer.starts_with(b"HTTP/1.1 200 "), "{}", String::from_utf8_lossy(&answer));
}

fn resident(processes: &[u32]) -> usize {
    let of = |pid: &u32| -> usize {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    };
    processes.iter().map(of).sum()
}

/// Lets this process, and those that it starts, have as many files open as they may.
fn raise_open_files() {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap();
    let line = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    let most = line.split_whitespace().nth(4).unwrap();
    let pid = std::process::id().to_string();
    let raised = Command::new("prlimit").args(["--pid", &pid, &format!("--nofile={most}:{most}")]).status();
    assert!(raised.unwrap().success());
    let enough = most.parse().is_ok_and(|most: usize| most > IDLE + 1000);
    assert!(enough, "{IDLE} connections need more open files than the {most} that are allowed");
}

/// An nginx with as many workers as the gateway, in front of the same backend.
struct Nginx {
    address: SocketAddr,
    process: Child,
    _folder: TempDir,
}

impl Nginx {
    /// `None` where there is none on this machine.
    fn before(app: &Backend) -> Option<Self> {
        let folder = TempDir::new().unwrap();
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let file = folder.path().join("nginx.conf");
        std::fs::write(&file, configuration(folder.path(), address, app.address())).unwrap();
        let prefix = folder.path();
        let process = Command::new("nginx")
            .args(["-p".as_ref(), prefix.as_os_str(), "-c".as_ref(), file.as_os_str()])
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let nginx = Self { address, process, _folder: folder };
        eventually("nginx listens", || TcpStream::connect(address).is_ok());
        Some(nginx)
    }

    /// The master and its workers.
    fn processes(&self) -> Vec<u32> {
        let master = self.process.id();
        let children = format!("/proc/{master}/task/{master}/children");
        let children = std::fs::read_to_string(children).unwrap();
        children.split_whitespace().map(|pid| pid.parse().unwrap()).chain([master]).collect()
    }
}

fn configuration(folder: &Path, address: SocketAddr, app: SocketAddr) -> String {
    let folder = folder.display();
    format!(
        r"
        daemon off; worker_processes 2; user root;
        pid {folder}/nginx.pid; error_log {folder}/error.log crit;
        events {{ worker_connections {connections}; }}
        http {{
          access_log off; keepalive_timeout 1h; keepalive_requests 1000000;
          client_body_temp_path {folder}/c; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
          uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
          upstream app {{ server {app}; keepalive 128; }}
          server {{
            listen {address} reuseport;
            location / {{ proxy_pass http://app; proxy_http_version 1.1; proxy_set_header Connection ''; }}
          }}
        }}
        ",
        connections = IDLE + 1000,
    )
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // Killed, it would leave its workers behind.
        let _ = Command::new("sh").args(["-c", &format!("kill -TERM {}", self.process.id())]).status();
        let _ = self.process.wait();
    }
}
