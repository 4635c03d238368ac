//! Whether a proxy does what it is measured at.

use std::collections::HashSet;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use super::backend::SMALL;
use super::scenario::Task;
use super::site::{BIG, Site};

/// The field that the header logic reads, as the load generators send it.
pub(crate) const USER: &str = "x-user: alice";

/// How often the first answer is asked for, and how long after each other.
const TRIES: u32 = 50;
const PAUSE: Duration = Duration::from_millis(20);

/// An answer.
struct Reply {
    /// Status line and fields, in lower case.
    head: String,
    body: String,
}

/// Sends a few requests and looks at what becomes of them. What speaks HTTP/2 only is left to the load generator, which
/// counts what did not succeed.
pub(crate) fn check(site: &Site, task: Task) -> Result<()> {
    if task.http2 {
        return Ok(());
    }
    ready(site.port)?;
    for (path, length) in [("/", SMALL), ("/big", BIG)] {
        let reply = get(site.port, path).with_context(|| format!("GET {path}"))?;
        ensure!(reply.body.len() == length, "GET {path} has {} bytes, not {length}", reply.body.len());
    }
    let seen = if task.logic { "user=alice mark=bench." } else { "user= mark=." };
    let mut ports = HashSet::new();
    for _ in 0..4 {
        let reply = get(site.port, "/seen")?;
        let (port, fields) = reply.body.split_once(' ').unwrap_or_default();
        ensure!(fields == seen, "the backend sees {fields:?}, not {seen:?}");
        let marked = reply.head.lines().any(|line| line == "x-gw-resp: 1");
        ensure!(marked == task.logic, "the response's head is wrong: {}", reply.head);
        ports.insert(port.to_owned());
    }
    ensure!(ports.len() == 2, "not both backends are asked, only {ports:?}");
    Ok(())
}

/// Waits for the first answer. Whoever starts may listen for a moment before he does so for good, and a connection that
/// comes in between is reset.
pub(crate) fn ready(port: u16) -> Result<()> {
    for _ in 0..TRIES {
        if get(port, "/").is_ok() {
            return Ok(());
        }
        sleep(PAUSE);
    }
    get(port, "/").map(drop).context("GET /")
}

fn get(port: u16, path: &str) -> Result<Reply> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{USER}\r\nConnection: close\r\n\r\n")?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let (head, body) = text.split_once("\r\n\r\n").context("no response")?;
    let head = head.to_ascii_lowercase();
    ensure!(head.split_whitespace().nth(1) == Some("200"), "no 200: {head}");
    Ok(Reply { head, body: body.to_owned() })
}
