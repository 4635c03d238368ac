//! Endpoints that DNS tells of: the SRV records of a name (RFC 2782).

use std::io;
use std::time::Instant;

use hickory_resolver::lookup::Lookup;
use hickory_resolver::proto::rr::RData;

use super::resolve::{self, Servers};
use super::upstream::{EndpointPlace, EndpointSettings};

/// The most endpoints of an upstream that are taken from DNS, and the greatest weight that one of them has.
const MOST: usize = 1000;

/// Where DNS says what the endpoints are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Srv {
    /// The name that has the records.
    pub name: String,
    /// Whether the endpoints speak TLS.
    pub https: bool,
    /// What stands before every request's path.
    pub base_path: String,
}

/// An endpoint that DNS told of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) endpoint: EndpointSettings,
    /// Those of the lowest are used while there are usable ones.
    pub(super) priority: u16,
}

/// A record, as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Record {
    priority: u16,
    weight: u16,
    port: u16,
    target: String,
}

impl Srv {
    /// Asks for the endpoints, and for how long the answer holds.
    ///
    /// # Errors
    /// Where there is no answer, or none that says anything.
    pub(super) async fn ask(&self, servers: &Servers) -> io::Result<(Vec<Found>, Instant)> {
        let answer = resolve::services(&self.name, servers).await?;
        Ok((self.endpoints(records(&answer)), answer.valid_until()))
    }

    /// In an order that does not depend on that of the answer, no two alike.
    fn endpoints(&self, mut records: Vec<Record>) -> Vec<Found> {
        records.sort_by(|a, b| (a.priority, &a.target, a.port).cmp(&(b.priority, &b.target, b.port)));
        let mut known = std::collections::HashSet::new();
        records.retain(|record| known.insert((record.target.clone(), record.port)));
        records.truncate(MOST);
        let weights = weights(&records);
        let found = records.into_iter().zip(weights).map(|(record, weight)| self.endpoint(record, weight));
        found.collect()
    }

    fn endpoint(&self, Record { priority, port, target, .. }: Record, weight: u32) -> Found {
        let scheme = if self.https { "https" } else { "http" };
        let url = format!("{scheme}://{target}:{port}{}", self.base_path);
        let place = EndpointPlace::Host { https: self.https, host: target, port };
        let endpoint = EndpointSettings { url, place, base_path: self.base_path.clone(), weight };
        Found { endpoint, priority }
    }
}

/// The records that name a host. A target of `.` says that there is none.
fn records(answer: &Lookup) -> Vec<Record> {
    let records = answer.answers().iter().filter_map(|record| match &record.data {
        RData::SRV(srv) => Some(srv),
        _ => None,
    });
    let records = records.map(|srv| Record {
        priority: srv.priority,
        weight: srv.weight,
        port: srv.port,
        target: srv.target.to_ascii().trim_end_matches('.').to_ascii_lowercase(),
    });
    records.filter(|record| record.port > 0 && is_host(&record.target)).collect()
}

/// Whatever else a name may hold, it would not do in a `Host`.
fn is_host(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    !name.is_empty() && name.bytes().all(fits)
}

/// Weights as balancers have them, from 1 up: among others, 0 is a very small chance, and where all are 0 they are equal.
fn weights(records: &[Record]) -> Vec<u32> {
    let all = || records.iter().map(|record| u32::from(record.weight));
    let (least, greatest) = (all().min().unwrap_or(0), all().max().unwrap_or(0));
    let most = u32::try_from(MOST).unwrap_or(u32::MAX);
    match greatest {
        0 => all().map(|_| 1).collect(),
        _ if least > 0 && greatest <= most => all().collect(),
        _ => all().map(|weight| (weight * most / greatest).max(1)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(priority: u16, weight: u16, target: &str) -> Record {
        Record { priority, weight, port: 80, target: target.to_owned() }
    }

    #[test]
    fn weights_are_those_of_the_records_or_as_good_as() {
        for (raw, expected) in [
            (&[][..], &[][..]),
            (&[0, 0], &[1, 1]),
            (&[10, 20], &[10, 20]),
            (&[65_535, 1, 32_768], &[1000, 1, 500]),
            (&[0, 1, 2], &[1, 500, 1000]),
        ] {
            let records: Vec<_> = raw.iter().map(|weight| record(1, *weight, "a")).collect();
            assert_eq!(weights(&records), expected, "{raw:?}");
        }
    }

    #[test]
    fn endpoints_are_in_order_and_distinct() {
        let srv = Srv { name: "_http._tcp.shop".to_owned(), https: true, base_path: "/base".to_owned() };
        let records = [record(2, 1, "a"), record(1, 1, "c"), record(1, 3, "b"), record(3, 1, "b")];
        let found = srv.endpoints(records.to_vec());
        let seen: Vec<_> =
            found.iter().map(|found| (found.priority, &*found.endpoint.url, found.endpoint.weight)).collect();
        let expected =
            [(1, "https://b:80/base", 3), (1, "https://c:80/base", 1), (2, "https://a:80/base", 1)];
        assert_eq!(seen, expected);
    }

    #[test]
    fn a_target_is_a_host() {
        for (name, good) in [("a-b_c.example", true), ("", false), ("a b", false), ("a\\032", false)] {
            assert_eq!(is_host(name), good, "{name:?}");
        }
    }
}
