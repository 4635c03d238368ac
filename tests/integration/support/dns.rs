use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// What an answer is good for, in seconds: the least that the gateway heeds.
const TIME_TO_LIVE: u32 = 1;

const A: u16 = 1;
const SRV: u16 = 33;
const INTERNET: u16 = 1;

/// Says that there is no such name.
const NXDOMAIN: u8 = 3;

/// A name server. It ends when it is dropped.
pub(crate) struct Dns {
    address: SocketAddr,
    zone: Arc<Zone>,
}

/// The data of the records of each name and type.
type Records = HashMap<(String, u16), Vec<Vec<u8>>>;

#[derive(Default)]
struct Zone {
    records: Mutex<Records>,
    asked: Mutex<Vec<String>>,
    ignored: Mutex<Vec<String>>,
    stopped: AtomicBool,
}

impl Dns {
    /// A name server that knows no names.
    pub(crate) fn start() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        let zone = Arc::new(Zone::default());
        let serving = Arc::clone(&zone);
        thread::spawn(move || {
            let mut query = [0; 1500];
            while let Ok((length, from)) = socket.recv_from(&mut query) {
                if serving.stopped.load(Ordering::SeqCst) {
                    return;
                }
                if let Some(answer) = serving.answer(&query[..length]) {
                    let _ = socket.send_to(&answer, from);
                }
            }
        });
        Self { address, zone }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on the name is this machine.
    pub(crate) fn here(&self, name: &str) {
        self.set(name, A, vec![Ipv4Addr::LOCALHOST.octets().to_vec()]);
    }

    /// From now on the name has these SRV records: priority, weight, port and target.
    pub(crate) fn services(&self, name: &str, records: &[(u16, u16, u16, &str)]) {
        let record = |(priority, weight, port, target): &(u16, u16, u16, &str)| {
            let numbers = [priority, weight, port].map(|number| number.to_be_bytes());
            [numbers.concat(), labels(target)].concat()
        };
        self.set(name, SRV, records.iter().map(record).collect());
    }

    /// From now on there is no such name.
    pub(crate) fn forget(&self, name: &str) {
        self.zone.records.lock().unwrap().retain(|(known, _), _| known != name);
    }

    /// From now on questions for this name get no answer at all.
    pub(crate) fn ignore(&self, name: &str) {
        self.zone.ignored.lock().unwrap().push(name.to_owned());
    }

    /// How often it was asked for this name.
    pub(crate) fn asked(&self, name: &str) -> usize {
        self.zone.asked.lock().unwrap().iter().filter(|asked| *asked == name).count()
    }

    fn set(&self, name: &str, kind: u16, data: Vec<Vec<u8>>) {
        self.zone.records.lock().unwrap().insert((name.to_owned(), kind), data);
    }
}

impl Zone {
    fn answer(&self, query: &[u8]) -> Option<Vec<u8>> {
        let (name, end) = name_at(query, 12);
        let kind = u16::from_be_bytes([query[end], query[end + 1]]);
        let question = &query[12..end + 4];
        self.asked.lock().unwrap().push(name.clone());
        if self.ignored.lock().unwrap().contains(&name) {
            return None;
        }
        let records = self.records.lock().unwrap();
        let found = records.get(&(name.clone(), kind)).map_or(&[][..], Vec::as_slice);
        let is_known = records.keys().any(|(known, _)| *known == name);
        let code = if is_known { 0 } else { NXDOMAIN };
        let count = u16::try_from(found.len()).unwrap().to_be_bytes();
        let mut answer = [&query[..2], &[0x85, 0x80 | code, 0, 1], &count, &[0; 4], question].concat();
        for data in found {
            // The name is that of the question.
            answer.extend([0xc0, 12]);
            answer.extend([kind, INTERNET].map(u16::to_be_bytes).concat());
            answer.extend(TIME_TO_LIVE.to_be_bytes());
            answer.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
            answer.extend(data);
        }
        Some(answer)
    }
}

/// The name that begins here, in lower case, and where it ends.
fn name_at(message: &[u8], mut at: usize) -> (String, usize) {
    let mut labels = Vec::new();
    while message[at] > 0 {
        let end = at + 1 + usize::from(message[at]);
        labels.push(String::from_utf8_lossy(&message[at + 1..end]).to_lowercase());
        at = end;
    }
    (labels.join("."), at + 1)
}

/// A name as it is in a message; `.` is the empty one.
fn labels(name: &str) -> Vec<u8> {
    let labels = name.split('.').filter(|label| !label.is_empty());
    let mut bytes: Vec<_> =
        labels.flat_map(|label| [&[u8::try_from(label.len()).unwrap()], label.as_bytes()].concat()).collect();
    bytes.push(0);
    bytes
}

impl Drop for Dns {
    fn drop(&mut self) {
        self.zone.stopped.store(true, Ordering::SeqCst);
        // Wakes the thread that answers.
        let _ = UdpSocket::bind("127.0.0.1:0").and_then(|socket| socket.send_to(&[0], self.address));
    }
}
